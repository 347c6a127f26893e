"""The figures of campaigns: whatever happens to texts, the sums of what triggers noted are what a count would give."""

import random
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from messaging import campaigns, consent
from messaging.campaign_figures import fold_counts, progress, progress_of
from messaging.models import Campaign, CampaignCount, CampaignSkip, Contact, Message, OptOut
from messaging.statuses import Status
from tenants.scoping import as_org
from tests.texting import Texting
from tests.world import give

pytestmark = pytest.mark.django_db
STATES = [status for status in Status.values if status != Status.RECEIVED]
FAILED = {"failed", "undelivered", "blocked", "expired"}


@pytest.fixture
def texting() -> Texting:
    texting = Texting()
    rows = [Contact(org=texting.org, number=f"+1415555{n:04d}", country="US") for n in range(200, 230)]
    Contact.objects.for_org(texting.org).bulk_create(rows)
    Contact.objects.for_org(texting.org).update(tags=["customer"])
    return texting


def started(texting: Texting) -> Campaign:
    campaign = campaigns.save_campaign(
        org=texting.org, name="A", body="Hi", audience={"tags": ["customer"]}, category="transactional"
    )
    give(texting.sender, campaign)
    return campaigns.start(campaign=campaign)


def texts(campaign: Campaign) -> Any:
    rows = Message.objects.for_org(campaign.org_id).filter(campaign=campaign)
    return rows.filter(origin="campaign", direction="outbound")


def counted(campaign: Campaign) -> dict[str, Any]:
    """The figures by counting."""
    now = Counter(texts(campaign).values_list("status", flat=True))
    skips = Counter(
        CampaignSkip.objects.for_org(campaign.org_id).filter(campaign=campaign).values_list("code", flat=True)
    )
    skips["cancelled"] += now["cancelled"]
    inbound = Message.objects.for_org(campaign.org_id).filter(campaign=campaign, direction="inbound")
    numbers = OptOut.objects.for_org(campaign.org_id).values_list("number", flat=True)
    return {
        "counts": {
            "total": campaign.total,
            "queued": sum(p.size for p in campaign.portions.all())
            + sum(now[s] for s in ("queued", "scheduled", "sending", "unknown")),
            "sent": sum(now[s] for s in ("accepted", "sent", "delivered", "undelivered")),
            "delivered": now["delivered"],
            "failed": sum(now[s] for s in FAILED),
            "skipped": skips.total(),
            "replies": inbound.values("contact").distinct().count(),
            "opt_outs": texts(campaign).filter(to__in=list(numbers)).count(),
        },
        "skipped_by": {code: n for code, n in skips.items() if n},
    }


@pytest.mark.parametrize("seed", range(3))
def test_they_are_right_after_every_step_of_a_random_walk(texting: Texting, seed: int) -> None:
    chance = random.Random(seed)
    campaign = started(texting)
    assert progress(campaign) == counted(campaign)
    campaigns.prepare()
    ids = list(texts(campaign).values_list("pk", flat=True))
    contacts = {text.pk: text for text in texts(campaign)}

    def by_sql() -> None:
        some = chance.sample(ids, 10)
        sql = "UPDATE messaging_message SET status = (%s::text[])[1 + (ascii(right(id::text, 1)) %% 3)] WHERE id = ANY(%s)"
        with connection.cursor() as cursor:
            cursor.execute(sql, [chance.sample(STATES, 3), some])

    def by_model() -> None:
        text = Message.objects.for_org(texting.org).get(pk=chance.choice(ids))
        text.status = chance.choice(STATES)
        text.save()

    def as_the_request_does() -> None:
        with as_org(texting.org):
            rows = Message.objects.for_org(texting.org).filter(pk__in=chance.sample(ids, 3))
            rows.update(status=chance.choice(STATES))

    def reply() -> None:
        text = contacts[chance.choice(ids)]
        texting.row(
            direction="inbound", origin="contact", status="received", contact=text.contact, campaign=campaign
        )

    def opt_out() -> None:
        number = contacts[chance.choice(ids)].to
        consent.opt_out(org=texting.org, number=number, scope="org", source="manual")

    def opt_in() -> None:
        number = contacts[chance.choice(ids)].to
        consent.opt_in(org=texting.org, number=number, scope="org", source="manual")

    def fold() -> None:
        fold_counts(least=0)

    def of_no_campaign() -> None:
        texting.row(status="delivered")

    acts = [by_sql, by_sql, by_model, as_the_request_does, reply, opt_out, opt_in, fold, of_no_campaign]
    for _ in range(60):
        act = chance.choice(acts)
        act()
        assert progress(campaign) == counted(campaign), act.__name__


def test_what_changes_no_figure_writes_nothing(texting: Texting) -> None:
    campaign = started(texting)
    campaigns.prepare()
    before = CampaignCount.objects.for_org(texting.org).count()
    texts(campaign).update(status="sending")
    texts(campaign).update(body="Hello")
    texting.row(status="queued")
    assert CampaignCount.objects.for_org(texting.org).count() == before


def test_one_statement_writes_one_change(texting: Texting) -> None:
    campaign = started(texting)
    campaigns.prepare()
    before = CampaignCount.objects.for_org(texting.org).count()
    texts(campaign).update(status="accepted")
    assert CampaignCount.objects.for_org(texting.org).count() == before + 1


def test_folding_leaves_one_row_for_each_reason_and_the_same_figures(texting: Texting) -> None:
    campaign = started(texting)
    campaigns.prepare()
    for status in ("accepted", "sent", "delivered"):
        for text in texts(campaign):
            Message.objects.for_org(texting.org).filter(pk=text.pk).update(status=status)
    before = progress(campaign)
    assert fold_counts(least=10) == 1
    assert CampaignCount.objects.for_org(texting.org).filter(campaign=campaign).count() == 1
    assert progress(campaign) == before
    assert fold_counts(least=10) == 0


def test_many_campaigns_are_read_by_one_query(texting: Texting, django_assert_num_queries: Any) -> None:
    made = [started(texting) for _ in range(3)]
    campaigns.prepare()
    with django_assert_num_queries(1):
        found = progress_of(made)
    assert [found[campaign.pk]["counts"]["queued"] for campaign in made] == [31, 31, 31]


def test_an_outsider_of_another_org_sees_nothing_of_them(texting: Texting) -> None:
    started(texting)
    campaigns.prepare()
    outsider = Texting("Southwind")
    with as_org(outsider.org):
        assert not CampaignCount.unscoped.exists()
