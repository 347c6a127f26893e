"""Fan-out: whole portions or none of one, at most one text each, room and caps, and what happens in its midst."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging import audience, campaigns, fanout, rendering, settling
from messaging.campaign_figures import progress
from messaging.campaign_report import report
from messaging.models import Campaign, CampaignPortion, CampaignSkip, Contact, Message
from messaging.premium_numbers import is_premium
from senderid.models import SenderId
from senderid.phone_numbers import parse
from tests.texting import Texting, claim_all
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db


class Crash(Exception):
    pass


@pytest.fixture
def texting(monkeypatch: Any) -> Texting:
    """Two contacts a portion; Carla and four others are customers."""
    monkeypatch.setattr(audience, "PORTION", 2)
    texting = Texting()
    Contact.objects.for_org(texting.org).update(tags=["customer"])
    people(texting, 4)
    return texting


def people(texting: Texting, many: int, first: int = 200) -> None:
    rows = [
        Contact(
            org=texting.org,
            number=f"+1415555{first + n:04d}",
            name=f"P{n}",
            country="US",
            timezone="America/Los_Angeles",
            tags=["customer"],
        )
        for n in range(many)
    ]
    Contact.objects.for_org(texting.org).bulk_create(rows)


def started(texting: Texting, **fields: Any) -> Campaign:
    fields = {"body": "Hi", "audience": {"tags": ["customer"]}, "category": "transactional"} | fields
    campaign = campaigns.save_campaign(org=texting.org, name="Spring", owner=texting.rob, **fields)
    give(texting.sender, campaign)
    return campaigns.start(campaign=campaign)


def texts(campaign: Campaign) -> Any:
    return Message.objects.for_org(campaign.org_id).filter(campaign=campaign)


def crash_at(monkeypatch: Any, point: str) -> None:
    def failpoint(name: str) -> None:
        if name == point:
            raise Crash

    monkeypatch.setattr(fanout, "failpoint", failpoint)


@pytest.mark.parametrize(("point", "written"), [("portion_writing", 0), ("portion_written", 2)])
def test_a_crash_leaves_a_portion_whole_or_not_begun_and_it_goes_on(
    texting: Texting, monkeypatch: Any, point: str, written: int
) -> None:
    campaign = started(texting)
    with monkeypatch.context() as crashing:
        crash_at(crashing, point)
        with pytest.raises(Crash):
            fanout.write_portion(campaign)
    counts = progress(campaign)["counts"]
    assert (texts(campaign).count(), counts["queued"]) == (written, 5)
    campaigns.prepare()
    assert (texts(campaign).count(), progress(campaign)["counts"]["queued"]) == (5, 5)


def test_one_who_was_texted_singly_before_is_left_out(texting: Texting) -> None:
    campaign = started(texting)
    texting.queue(campaign=campaign)
    campaigns.prepare()
    assert sorted(texts(campaign).values_list("to", flat=True)) == sorted(
        Contact.objects.for_org(texting.org).values_list("number", flat=True)
    )
    assert progress(campaign)["counts"]["queued"] == 5


def test_one_who_is_texted_singly_meanwhile_spoils_nothing(texting: Texting, monkeypatch: Any) -> None:
    campaign = started(texting)
    known = fanout._written_already
    seen: list[int] = []

    def look_too_early(campaign: Campaign, ids: str) -> set[str]:
        found = known(campaign, ids)
        if not seen:
            texting.row(campaign=campaign, origin="campaign", created_at=timezone.now())
        seen.append(1)
        return found

    monkeypatch.setattr(fanout, "_written_already", look_too_early)
    campaigns.prepare()
    assert texts(campaign).count() == 5
    assert len(set(texts(campaign).values_list("contact", flat=True))) == 5


def test_one_who_is_deleted_meanwhile_is_counted_with_the_reason(texting: Texting) -> None:
    campaign = started(texting)
    texting.contact.delete()
    campaigns.prepare()
    found = progress(campaign)
    assert found["skipped_by"] == {"contact_deleted": 1}
    assert (found["counts"]["queued"], found["counts"]["skipped"]) == (4, 1)


def test_it_writes_until_all_is_written(texting: Texting) -> None:
    campaign = started(texting)
    assert campaigns.prepare() == 5
    assert texts(campaign).count() == 5
    assert not CampaignPortion.objects.for_org(texting.org).exists()


def test_it_ends_when_its_time_is_over_and_hints_itself(texting: Texting, monkeypatch: Any) -> None:
    hinted: list[str] = []
    monkeypatch.setattr(campaigns, "LONGEST_RUN", -1.0)
    monkeypatch.setattr(campaigns.hints, "send_now", hinted.append)
    campaign = started(texting)
    campaigns.prepare()
    assert (texts(campaign).count(), hinted) == (0, [campaigns.PREPARE])


def between_portions(monkeypatch: Any, act: Callable[[], Any]) -> None:
    """Does something after the first portion is committed."""
    hits: list[str] = []

    def failpoint(name: str) -> None:
        if name == "portion_written" and not hits:
            hits.append(name)
            act()

    monkeypatch.setattr(fanout, "failpoint", failpoint)


def test_a_pause_in_its_midst_ends_it_and_resuming_goes_on(texting: Texting, monkeypatch: Any) -> None:
    campaign = started(texting)
    between_portions(monkeypatch, lambda: campaigns.pause(campaign=campaign))
    campaigns.prepare()
    assert texts(campaign).count() == 2
    assert claim_all() == []
    campaign.refresh_from_db()
    assert campaign.status == "paused"
    campaigns.resume(campaign=campaign)
    campaigns.prepare()
    assert len(claim_all()) == 5


def test_a_cancel_in_its_midst_leaves_nobody_without_a_reason(texting: Texting, monkeypatch: Any) -> None:
    campaign = started(texting)
    between_portions(monkeypatch, lambda: campaigns.cancel(campaign=campaign))
    campaigns.prepare()
    found = progress(campaign)
    assert found["skipped_by"] == {"cancelled": 5}
    assert (found["counts"]["queued"], found["counts"]["skipped"]) == (0, 5)
    assert CampaignSkip.objects.for_org(texting.org).filter(code="cancelled").count() == 3
    campaign.refresh_from_db()
    assert campaign.is_unsettled is False


def test_caps_that_are_reached_in_its_midst_hold(texting: Texting) -> None:
    texting.org.daily_cap = 3
    texting.org.save()
    campaign = started(texting)
    campaigns.prepare()
    assert texts(campaign).count() == 3
    assert progress(campaign)["skipped_by"] == {"cap_reached": 2}


def test_a_full_sender_holds_up_only_its_own_contacts(texting: Texting) -> None:
    robs, tims = make_sender(texting.org, "+14155550161"), make_sender(texting.org, "+14155550162")
    give(robs, texting.rob)
    give(tims, texting.tim)
    for n, contact in enumerate(Contact.objects.for_org(texting.org).order_by("pk")):
        Contact.objects.for_org(texting.org).filter(pk=contact.pk).update(
            owner=texting.rob if n < 3 else texting.tim
        )
    for _ in range(2):
        texting.row(sender=robs, segments=18_000)
    campaign = started(texting, sender_mode="contact_owner")
    campaigns.prepare()
    assert set(texts(campaign).values_list("sender", flat=True)) == {tims.pk}
    assert texts(campaign).count() == 2
    counts = progress(campaign)["counts"]
    assert (counts["queued"], counts["skipped"]) == (5, 0)
    Message.objects.for_org(texting.org).filter(sender=robs).update(status="delivered")
    campaign.portions.update(look_at=timezone.now())
    campaigns.prepare()
    assert texts(campaign).filter(sender=robs).count() == 3


def test_odd_characters_arrive_as_they_are(texting: Texting) -> None:
    odd = "A\\N \t‘quoted’\r\n\\. {{x}} 𝔘"
    Contact.objects.for_org(texting.org).filter(pk=texting.contact.pk).update(attributes={"x": odd})
    campaign = started(texting, body="Hi {{ contact.attributes.x }}\n\\t")
    campaigns.prepare()
    assert texts(campaign).get(contact=texting.contact).body == f"Hi {odd.replace(chr(13), '')}\n\\t"


@pytest.mark.parametrize(
    "source",
    [
        "plain",
        "{{ contact.name }}",
        "{{contact.first_name}} {{ contact.attributes.n }}",
        "{{ contact.attributes.size }}|{{ contact.attributes.none }}",
        "{{ contact.attributes.yes }} {{ contact.attributes.list }}",
        "{% if contact.attributes.yes %}a{% endif %}{{ contact.name | upcase }}",
    ],
)
def test_a_template_fills_in_as_liquid_does(texting: Texting, source: str) -> None:
    texting.contact.attributes = {"n": 7, "yes": True, "list": ["a", "b"], "size": "XL"}
    fields = rendering.contact_fields(texting.contact, texting.org, texting.sender)
    assert rendering.Template(source).fill(fields) == rendering.render(source, fields)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+19005550199", "US"), ("+14155550199", "US"), ("+18005550199", "US"), ("+448712345678", "GB"),
        ("+449012345678", "GB"), ("+447400123456", "GB"), ("+491801234567", "DE"), ("+4915112345678", "DE"),
        ("+393123456789", "IT"), ("+33891123456", "FR"), ("+19005550199", "GB"),
    ],
)  # fmt: skip
def test_premium_numbers_are_known_without_parsing(number: str, country: str) -> None:
    found = parse(number)
    assert is_premium(number=number, country=country) == (found is not None and found.premium)


def test_a_premium_number_is_never_texted(texting: Texting) -> None:
    Contact.objects.for_org(texting.org).filter(pk=texting.contact.pk).update(number="+19002345678")
    campaign = started(texting)
    campaigns.prepare()
    assert progress(campaign)["skipped_by"] == {"invalid": 1}
    assert not texts(campaign).filter(to__startswith="+1900").exists()


# --- Pause, resume and cancel with a long queue ----------------------------------------------------------


@pytest.fixture
def long_queue(texting: Texting, monkeypatch: Any) -> Campaign:
    """3,005 texts of which an act settles 100 in its request."""
    monkeypatch.setattr(audience, "PORTION", 1000)
    monkeypatch.setattr(settling, "SETTLED_AT_ONCE", 100)
    SenderId.objects.for_org(texting.org).update(mps=1000)
    people(texting, 3000, first=1000)
    campaign = started(texting)
    campaigns.prepare()
    return campaign


def parked(campaign: Campaign) -> int:
    return int(texts(campaign).filter(due_at=settling.NEVER).count())


def test_a_pause_is_in_force_though_most_texts_are_parked_later(long_queue: Campaign) -> None:
    campaigns.pause(campaign=long_queue)
    assert 0 < parked(long_queue) < 3005
    assert claim_all() == []
    assert claim_all() == []
    campaigns.prepare()
    assert parked(long_queue) == 3005
    long_queue.refresh_from_db()
    assert (long_queue.status, long_queue.is_unsettled) == ("paused", False)


def test_a_resumed_campaign_sends_at_once_and_leaves_nothing_parked(long_queue: Campaign) -> None:
    campaigns.pause(campaign=long_queue)
    campaigns.prepare()
    campaigns.resume(campaign=long_queue)
    assert len(claim_all(50)) == 50
    campaigns.prepare()
    assert parked(long_queue) == 0
    assert progress(long_queue)["counts"]["queued"] == 3005


def test_what_a_late_claim_parks_after_a_resume_is_let_go(long_queue: Campaign, time_machine: Any) -> None:
    campaigns.pause(campaign=long_queue)
    campaigns.resume(campaign=long_queue)
    campaigns.prepare()
    texts(long_queue).filter(pk=texts(long_queue).first().pk).update(due_at=settling.NEVER)
    campaigns.sweep()
    assert parked(long_queue) == 0
    long_queue.refresh_from_db()
    assert long_queue.is_unsettled
    time_machine.move_to(timezone.now() + timedelta(seconds=61))
    campaigns.sweep()
    long_queue.refresh_from_db()
    assert not long_queue.is_unsettled


def test_a_cancel_ends_a_long_queue_by_and_by(long_queue: Campaign) -> None:
    campaigns.cancel(campaign=long_queue)
    assert 0 < progress(long_queue)["counts"]["queued"] < 3005
    assert claim_all() == []
    campaigns.prepare()
    assert progress(long_queue)["counts"] | {"total": 0} == {
        "total": 0, "queued": 0, "sent": 0, "delivered": 0, "failed": 0, "skipped": 3005, "replies": 0, "opt_outs": 0,
    }  # fmt: skip
    long_queue.refresh_from_db()
    assert (long_queue.status, long_queue.is_unsettled) == ("cancelled", False)


def test_a_paused_campaign_is_not_seen_as_done(long_queue: Campaign) -> None:
    campaigns.pause(campaign=long_queue)
    texts(long_queue).update(status="delivered")
    campaigns.sweep()
    long_queue.refresh_from_db()
    assert long_queue.status == "paused"


# --- The report ------------------------------------------------------------------------------------------


def test_the_report_counts_what_waits_before_it(texting: Texting) -> None:
    texting.row(segments=600)
    campaign = campaigns.save_campaign(
        org=texting.org, name="A", body="Hi", audience={"tags": ["customer"]}, category="transactional"
    )
    give(texting.sender, campaign)
    finishes = report(campaign)["finishes_at"]
    assert 604 <= (finishes - timezone.now()).total_seconds() <= 605


def test_the_report_keeps_few_of_many(texting: Texting) -> None:
    Contact.objects.for_org(texting.org).update(country="GB")
    people(texting, 60, first=1000)
    Contact.objects.for_org(texting.org).update(country="GB")
    campaign = campaigns.save_campaign(org=texting.org, name="A", body="Hi", audience={"tags": ["customer"]})
    [(code, many, kept)] = report(campaign)["skipped"]
    assert (code, many, len(kept)) == ("blocked_country", 65, 50)


def test_nothing_of_a_contact_is_asked_one_by_one(
    texting: Texting, django_assert_max_num_queries: Any
) -> None:
    campaign = started(texting)
    campaign = Campaign.unscoped.select_related("org", "fallback_sender", "owner").get(pk=campaign.pk)
    with django_assert_max_num_queries(20):
        fanout.write_portion(campaign)
