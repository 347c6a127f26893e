"""Campaigns: who is meant, who is skipped and why, at most once whatever happens, pause, resume, cancel."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from messaging import audience, campaigns, consent, fanout
from messaging.audience import audience_of
from messaging.campaign_figures import progress
from messaging.campaign_report import report as report_on
from messaging.content import sandbox
from messaging.models import (
    Campaign,
    CampaignPortion,
    CampaignSkip,
    Contact,
    ContactList,
    ContactListEntry,
    Message,
    Usage,
)
from messaging.signals import campaign_finished
from senderid.models import Assignment
from tenants.errors import DomainError
from tests.texting import Texting, claim_all
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 3, 4, 9, tzinfo=UTC)  # one in the morning in Los Angeles
MORNING = datetime(2026, 3, 4, 17, tzinfo=UTC)


class Drive:
    """An org with five customers, Carla among them, tagged `customer`, and a campaign's sender."""

    def __init__(self) -> None:
        self.texting = Texting()
        self.org = self.texting.org
        self.people = [self.texting.contact]
        self.people += [self.texting.person(f"+1415555020{n}", f"P{n}") for n in range(4)]
        Contact.objects.for_org(self.org).update(tags=["customer"])
        self.sender = make_sender(self.org, "+14155550150")

    def draft(
        self, body: str = "Hi {{ contact.first_name }}", assigned: bool = True, **fields: Any
    ) -> Campaign:
        fields.setdefault("audience", {"tags": ["customer"]})
        name = f"Spring {Campaign.unscoped.count()}"
        made = campaigns.save_campaign(org=self.org, name=name, body=body, owner=self.texting.rob, **fields)
        if assigned:
            give(self.sender, made)
        return made

    def started(self, body: str = "Hi {{ contact.first_name }}", **fields: Any) -> Campaign:
        campaign = campaigns.start(campaign=self.draft(body, **fields))
        campaigns.sweep()
        campaign.refresh_from_db()
        return campaign

    def texts(self, campaign: Campaign) -> list[Message]:
        return list(Message.objects.for_org(self.org).filter(campaign=campaign).order_by("to"))

    def skipped(self, campaign: Campaign) -> dict[str, str]:
        rows = CampaignSkip.objects.for_org(self.org).filter(campaign=campaign)
        return dict(rows.values_list("contact__number", "code"))


@pytest.fixture
def drive() -> Drive:
    return Drive()


def refused(code: str):  # type: ignore[no-untyped-def]
    return pytest.raises(DomainError, check=lambda error: error.code == code)


# --- Drafts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"name": " "}, "name", "required"),
        ({"body": " "}, "body", "required"),
        ({"body": "{{ contact.nam }}"}, "body", "unknown_merge_field"),
        ({"audience": {"everyone": []}}, "audience", "invalid"),
    ],
)
def test_what_is_wrong_names_its_field(drive: Drive, fields: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(DomainError) as error:
        campaigns.save_campaign(org=drive.org, **({"name": "A", "body": "Hi", "audience": {}} | fields))
    assert (error.value.field, error.value.code) == (field, code)


def test_it_is_locked_once_scheduled(drive: Drive) -> None:
    campaign = campaigns.start(campaign=drive.draft(send_at=timezone.now() + timedelta(days=1)))
    assert campaign.status == "scheduled"
    with refused("locked"):
        campaigns.save_campaign(org=drive.org, name="B", body="Hi", audience={}, campaign=campaign)
    with refused("locked"):
        campaigns.delete_draft(campaign=campaign)


# --- Audience ------------------------------------------------------------------------------------------


def a_list(drive: Drive, name: str, people: list[Contact]) -> str:
    made = ContactList.objects.for_org(drive.org).create(name=name)
    for contact in people:
        ContactListEntry.objects.for_org(drive.org).create(contact_list=made, contact=contact)
    return str(made.pk)


def test_lists_tags_and_contacts_add_up_and_each_is_meant_once(drive: Drive) -> None:
    p = drive.people
    Contact.objects.for_org(drive.org).filter(pk__in=[c.pk for c in p[2:]]).update(tags=[])
    audience = {
        "tags": ["customer"],
        "lists": [a_list(drive, "A", [p[0], p[2]]), a_list(drive, "B", [p[2]])],
        "contacts": [str(p[0].pk), str(p[3].pk)],
    }
    campaign = drive.draft(audience=audience)
    assert set(audience_of(campaign)) == set(p[:4])
    assert len(audience_of(campaign)) == 4


def test_exclusions_are_contacts_lists_or_tags(drive: Drive) -> None:
    p = drive.people
    p[3].tags = ["customer", "vip"]
    p[3].save()
    exclude = [str(p[0].pk), a_list(drive, "No", [p[1]]), "vip"]
    campaign = drive.draft(audience={"tags": ["customer"], "exclude": exclude})
    assert set(audience_of(campaign)) == {p[2], p[4]}


def test_nobody_of_another_org_is_meant(drive: Drive) -> None:
    """Saving refuses such ids; were they there, they would mean nobody."""
    outsiders = Drive()
    theirs = a_list(outsiders, "Theirs", outsiders.people)
    campaign = drive.draft()
    campaign.audience |= {"lists": [theirs], "contacts": [str(outsiders.people[0].pk)]}
    assert set(audience_of(campaign)) == set(drive.people)


UNKNOWN = "0190a0a0-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("part", "value"),
    [("lists", UNKNOWN), ("lists", "nonsense"), ("contacts", UNKNOWN), ("contacts", "7"),
     ("exclude", "vipp"), ("exclude", UNKNOWN), ("exclude", "theirs"), ("lists", "theirs")],
)  # fmt: skip
def test_what_an_audience_names_must_exist(drive: Drive, part: str, value: str) -> None:
    """security F15: a typo in `exclude` excluded nobody; when it is changed, too."""
    outsiders = Drive()
    value = a_list(outsiders, "Theirs", outsiders.people) if value == "theirs" else value
    for campaign in (None, drive.draft()):
        audience = {"tags": ["customer"], "exclude": [str(drive.people[0].pk)]}
        with pytest.raises(DomainError) as caught:
            audience[part] = [*audience.get(part, []), value]
            campaigns.save_campaign(org=drive.org, name="B", body="Hi", audience=audience, campaign=campaign)
        error = caught.value
        assert (error.code, error.status, error.field) == ("not_found", 400, f"audience.{part}")
        assert f"“{value}”" in error.text


def test_a_campaign_does_not_start_with_a_tag_that_nobody_has(drive: Drive) -> None:
    """security F15: a draft may have it, for contacts that are still to come."""
    campaign = drive.draft(audience={"tags": ["customer", "custmer"]})
    with pytest.raises(DomainError) as caught:
        campaigns.start(campaign=campaign)
    assert (caught.value.field, caught.value.text) == ("audience.tags", "There is no such tag: “custmer”.")


def test_many_unknown_names_are_told_shortly(drive: Drive) -> None:
    """api 10, security F15"""
    with pytest.raises(DomainError) as caught:
        drive.draft(audience={"contacts": [str(uuid4()) for _ in range(500)]})
    assert "and 495 more" in caught.value.text and len(caught.value.text) < 400


def test_a_campaign_does_not_start_once_an_excluded_list_is_gone(drive: Drive) -> None:
    """security F15: it would text everybody who was in it."""
    excluded = a_list(drive, "No", [drive.people[0]])
    campaign = drive.draft(audience={"tags": ["customer"], "exclude": [excluded]})
    ContactList.objects.for_org(drive.org).filter(pk=excluded).delete()
    with refused("not_found"):
        campaigns.start(campaign=campaign)
    campaign.refresh_from_db()
    assert campaign.status == "draft" and not drive.texts(campaign)


@pytest.mark.parametrize("audience", [{}, {"tags": []}])
def test_an_empty_audience_does_not_start(drive: Drive, audience: dict[str, Any]) -> None:
    campaign = drive.draft(audience=audience)
    with refused("empty_audience"):
        campaigns.start(campaign=campaign)
    campaign.refresh_from_db()
    assert campaign.status == "draft"


# --- Writing the texts ---------------------------------------------------------------------------------


def test_each_gets_a_text_of_its_own(drive: Drive) -> None:
    campaign = drive.started()
    texts = drive.texts(campaign)
    assert [t.body for t in texts] == ["Hi Carla", "Hi P0", "Hi P1", "Hi P2", "Hi P3"]
    first = texts[0]
    assert (first.status, first.origin, first.lane, first.rule) == ("queued", "campaign", 1, "campaign")
    assert (first.sender, first.from_value, first.segments) == (drive.sender, drive.sender.value, 1)
    assert (first.conversation, first.expires_at) == (None, first.due_at + settings.MESSAGE_VALIDITY)
    assert campaign.total == 5


def test_the_audience_is_frozen_at_the_start(drive: Drive) -> None:
    campaign = campaigns.start(campaign=drive.draft())
    drive.texting.person("+14155550250", "Late", tags=["customer"])
    campaigns.sweep()
    assert len(drive.texts(campaign)) == 5


def test_at_most_once_though_a_portion_comes_twice(drive: Drive) -> None:
    campaign = drive.started()
    ids = [person.pk for person in drive.people]
    CampaignPortion.objects.for_org(drive.org).create(
        campaign=campaign, place=0, contacts=ids, size=5, look_at=timezone.now()
    )
    assert fanout.write_portion(campaign) == 5
    assert len(drive.texts(campaign)) == 5
    assert not CampaignPortion.objects.for_org(drive.org).exists()


@pytest.fixture
def pairs(monkeypatch: Any) -> None:
    """Two contacts a portion."""
    monkeypatch.setattr(audience, "PORTION", 2)


def test_it_goes_on_where_it_stood(drive: Drive, pairs: None) -> None:
    campaign = campaigns.start(campaign=drive.draft())
    assert [fanout.write_portion(campaign) for _ in range(4)] == [2, 2, 1, 0]
    assert len(drive.texts(campaign)) == 5


SKIPS = {
    "opted_out": lambda d, p: consent.opt_out(org=d.org, number=p.number, scope="org", source="text"),
    "opted_out of the sender": lambda d, p: consent.opt_out(
        org=d.org, number=p.number, scope="sender", source="text", sender=d.sender
    ),
    "blocked_country": lambda d, p: Contact.objects.for_org(d.org).filter(pk=p.pk).update(country="GB"),
    "invalid": lambda d, p: Contact.objects.for_org(d.org).filter(pk=p.pk).update(number="40404", country=""),
}


@pytest.mark.parametrize("why", SKIPS)
def test_one_who_may_not_be_texted_is_skipped_with_the_reason(drive: Drive, why: str) -> None:
    SKIPS[why](drive, drive.people[1])
    campaign = drive.started()
    assert list(drive.skipped(campaign).values()) == [why.split()[0]]
    assert len(drive.texts(campaign)) == 4
    assert progress(campaign)["skipped_by"] == {why.split()[0]: 1}


def test_without_consent_where_the_org_asks_for_it(drive: Drive) -> None:
    drive.org.require_consent = True
    drive.org.save()
    consent.give_consent(org=drive.org, number=drive.people[0].number, source="form")
    campaign = drive.started()
    assert [t.to for t in drive.texts(campaign)] == [drive.people[0].number]
    assert set(drive.skipped(campaign).values()) == {"no_consent"}


def test_whose_sender_is_taken_after_the_start_skips_all(drive: Drive) -> None:
    campaign = campaigns.start(campaign=drive.draft())
    Assignment.objects.for_org(drive.org).filter(assignee=campaign.pk).delete()
    campaigns.sweep()
    assert set(drive.skipped(campaign).values()) == {"no_eligible_sender"}
    assert drive.texts(campaign) == []


def test_a_text_that_comes_out_empty_or_breaks_skips_only_that_contact(drive: Drive) -> None:
    for contact, born in zip(drive.people[1:3], ("9" * 40, "1990-01-01"), strict=True):
        Contact.objects.for_org(drive.org).filter(pk=contact.pk).update(attributes={"born": born})
    campaign = drive.started("{{ contact.attributes.born | date: '%Y' }}")
    assert [t.body for t in drive.texts(campaign)] == ["1990"]
    assert set(drive.skipped(campaign).values()) == {"template_error", "invalid"}


def test_caps_hold_for_campaigns_too(drive: Drive) -> None:
    drive.org.daily_cap = 4
    drive.org.save()
    drive.texting.org.daily_cap = 4
    drive.texting.queue()
    campaign = drive.started()
    assert len(drive.texts(campaign)) == 3
    assert set(drive.skipped(campaign).values()) == {"cap_reached"}
    assert Usage.objects.for_org(drive.org).get(period__startswith="day").segments == 4


def test_one_campaign_that_breaks_holds_up_no_other(drive: Drive, monkeypatch: Any) -> None:
    broken, fine = (campaigns.start(campaign=drive.draft()) for _ in range(2))
    write = fanout.write_portion

    def breaks(campaign: Campaign, rooms: fanout.Rooms) -> int:
        if campaign.pk == broken.pk:
            raise RuntimeError("a bug")
        return write(campaign, rooms)

    monkeypatch.setattr(fanout, "write_portion", breaks)
    campaigns.sweep()
    assert (len(drive.texts(broken)), len(drive.texts(fine))) == (0, 5)


def test_by_contact_owner_each_hears_from_their_rep(drive: Drive) -> None:
    rob, tim = drive.texting.rob, drive.texting.tim
    robs, tims = make_sender(drive.org, "+14155550161"), make_sender(drive.org, "+14155550162")
    give(robs, rob)
    give(tims, tim)
    for contact, owner in zip(drive.people[:3], (rob, tim, None), strict=True):
        Contact.objects.for_org(drive.org).filter(pk=contact.pk).update(owner=owner)
    gone = drive.people[3]
    Contact.objects.for_org(drive.org).filter(pk=gone.pk).update(owner=drive.texting.admin)
    type(drive.texting.admin).objects.for_org(drive.org).filter(pk=drive.texting.admin.pk).update(
        is_active=False
    )
    campaign = drive.started(sender_mode="contact_owner", fallback_sender=drive.sender, assigned=False)
    chosen = {t.to: (t.sender, t.rule) for t in drive.texts(campaign)}
    assert chosen[drive.people[0].number] == (robs, "contact_owner")
    assert chosen[drive.people[1].number] == (tims, "contact_owner")
    for contact in drive.people[2:]:
        assert chosen[contact.number] == (drive.sender, "campaign_fallback")


def test_by_contact_owner_without_a_fallback_skips_who_has_none(drive: Drive) -> None:
    Contact.objects.for_org(drive.org).filter(pk=drive.people[0].pk).update(owner=drive.texting.rob)
    give(drive.sender, drive.texting.rob)
    campaign = drive.started(sender_mode="contact_owner", assigned=False)
    assert len(drive.texts(campaign)) == 1
    assert list(drive.skipped(campaign).values()) == ["no_eligible_sender"] * 4


@pytest.mark.parametrize("people", [1, 60])
def test_a_portion_takes_the_same_queries_however_many(
    drive: Drive, people: int, django_assert_max_num_queries: Any
) -> None:
    for n in range(people):
        drive.texting.person(f"+1415555{3000 + n}", f"X{n}", tags=["customer"])
    campaign = campaigns.start(campaign=drive.draft())
    campaign = Campaign.unscoped.select_related("org", "fallback_sender", "owner").get(pk=campaign.pk)
    with django_assert_max_num_queries(21):
        assert fanout.write_portion(campaign) == 5 + people


# --- Quiet hours ---------------------------------------------------------------------------------------


@pytest.fixture
def night(drive: Drive, time_machine: Any) -> Drive:
    drive.org.quiet_hours = "by_country"
    drive.org.save()
    time_machine.move_to(NIGHT, tick=False)
    return drive


@pytest.mark.parametrize(
    ("category", "status", "due"), [("promotional", "scheduled", MORNING), ("transactional", "queued", NIGHT)]
)
def test_promotional_texts_wait_for_the_morning(
    night: Drive, category: str, status: str, due: datetime
) -> None:
    texts = night.texts(night.started(category=category))
    assert {(t.status, t.due_at) for t in texts} == {(status, due)}


def test_resuming_at_night_waits_for_the_morning_again(night: Drive, time_machine: Any) -> None:
    time_machine.move_to(MORNING, tick=False)
    campaign = night.started()
    campaigns.pause(campaign=campaign)
    tonight = NIGHT + timedelta(days=1)
    time_machine.move_to(tonight, tick=False)
    campaigns.resume(campaign=campaign)
    texts = night.texts(campaign)
    assert {t.due_at for t in texts} == {MORNING + timedelta(days=1)}
    assert {t.expires_at - t.due_at for t in texts} == {settings.MESSAGE_VALIDITY}


def test_a_paused_campaign_sends_nothing_though_its_texts_were_put_off(
    night: Drive, time_machine: Any
) -> None:
    from messaging.scheduled import promote_scheduled

    campaign = night.started()
    campaigns.pause(campaign=campaign)
    time_machine.move_to(MORNING + timedelta(hours=1), tick=False)
    assert promote_scheduled() == 0
    assert claim_all() == []
    campaigns.resume(campaign=campaign)
    assert {t.due_at for t in night.texts(campaign)} == {MORNING + timedelta(hours=1)}


# --- Pause, resume, cancel -----------------------------------------------------------------------------


def test_pausing_holds_what_waits_and_resuming_lets_it_go(drive: Drive, pairs: None) -> None:
    campaign = campaigns.start(campaign=drive.draft())
    fanout.write_portion(campaign)
    paused = campaigns.pause(campaign=campaign)
    assert paused.status == "paused"
    campaigns.sweep()
    assert len(drive.texts(campaign)) == 2
    assert claim_all() == []
    assert {t.status for t in drive.texts(campaign)} == {"queued"}, "the rank never falls"
    campaigns.resume(campaign=campaign)
    campaigns.prepare()
    assert len(claim_all()) == 5


def test_a_pause_longer_than_their_validity_expires_nothing(drive: Drive, time_machine: Any) -> None:
    campaign = drive.started()
    campaigns.pause(campaign=campaign)
    later = timezone.now() + timedelta(days=2)
    time_machine.move_to(later, tick=False)
    campaigns.resume(campaign=campaign)
    assert all(t.expires_at >= later + settings.MESSAGE_VALIDITY for t in drive.texts(campaign))


def test_one_scheduled_may_be_paused_and_stays_scheduled(drive: Drive) -> None:
    campaign = campaigns.start(campaign=drive.draft(send_at=timezone.now() + timedelta(days=1)))
    campaigns.pause(campaign=campaign)
    assert campaigns.resume(campaign=campaign).status == "scheduled"
    campaigns.sweep()
    assert drive.texts(campaign) == []


def test_one_scheduled_starts_when_its_time_has_come(drive: Drive, time_machine: Any) -> None:
    campaign = campaigns.start(campaign=drive.draft(send_at=timezone.now() + timedelta(days=1)))
    time_machine.move_to(timezone.now() + timedelta(days=1, seconds=1))
    campaigns.sweep()
    campaign.refresh_from_db()
    assert (campaign.status, len(drive.texts(campaign))) == ("sending", 5)
    assert campaign.started_at is not None


def test_cancelling_cancels_what_has_not_left(drive: Drive, pairs: None) -> None:
    campaign = campaigns.start(campaign=drive.draft())
    fanout.write_portion(campaign)
    fanout.write_portion(campaign)
    gone = drive.texts(campaign)[0]
    Message.objects.for_org(drive.org).filter(pk=gone.pk).update(status="sent")
    campaigns.cancel(campaign=campaign)
    assert sorted(t.status for t in drive.texts(campaign)) == ["cancelled"] * 3 + ["sent"]
    assert set(drive.skipped(campaign).values()) == {"cancelled"}
    counts = progress(campaign)
    assert counts["skipped_by"] == {"cancelled": 4}
    assert (counts["counts"]["sent"], counts["counts"]["skipped"], counts["counts"]["queued"]) == (1, 4, 0)


@pytest.mark.parametrize(
    ("status", "act", "allowed"),
    [
        ("draft", "start", True),
        ("scheduled", "start", False),
        ("sending", "start", False),
        ("done", "start", False),
        ("draft", "pause", False),
        ("scheduled", "pause", True),
        ("sending", "pause", True),
        ("paused", "pause", False),
        ("done", "pause", False),
        ("paused", "resume", True),
        ("sending", "resume", False),
        ("done", "resume", False),
        ("draft", "cancel", True),
        ("scheduled", "cancel", True),
        ("sending", "cancel", True),
        ("paused", "cancel", True),
        ("done", "cancel", False),
        ("cancelled", "cancel", False),
    ],
)
def test_a_state_allows_its_acts(drive: Drive, status: str, act: str, allowed: bool) -> None:
    campaign = drive.draft()
    Campaign.objects.for_org(drive.org).filter(pk=campaign.pk).update(status=status)
    if allowed:
        assert getattr(campaigns, act)(campaign=campaign).status != status
    else:
        with refused("wrong_state"):
            getattr(campaigns, act)(campaign=campaign)


# --- Progress and report -------------------------------------------------------------------------------


def test_progress_counts_each_text_where_it_stands(drive: Drive) -> None:
    campaign = drive.started()
    states = ["queued", "accepted", "delivered", "undelivered", "blocked"]
    for text, status in zip(drive.texts(campaign), states, strict=True):
        Message.objects.for_org(drive.org).filter(pk=text.pk).update(status=status)
    counts = progress(campaign)["counts"]
    assert counts == {
        "total": 5,
        "queued": 1,
        "sent": 3,
        "delivered": 1,
        "failed": 2,
        "skipped": 0,
        "replies": 0,
        "opt_outs": 0,
    }


def test_progress_counts_who_replied_and_who_opted_out(drive: Drive) -> None:
    campaign = drive.started()
    Message.objects.for_org(drive.org).update(status="delivered")
    for body in ("Tell me more", "Really?", "STOP"):
        drive.texting.receive(body, to=drive.sender.value)
    drive.texting.receive("Me too", to=drive.sender.value, sender=drive.people[1].number)
    counts = progress(campaign)["counts"]
    assert (counts["replies"], counts["opt_outs"]) == (2, 1)
    assert campaigns.replies_of(campaign).count() == 2


def test_it_is_done_when_nothing_is_on_its_way_and_says_so_once(drive: Drive) -> None:
    heard: list[Any] = []

    def hear(sender: Any, campaign_id: Any, **_: Any) -> None:
        heard.append(campaign_id)

    campaign = drive.started()
    campaign_finished.connect(hear)
    try:
        campaigns.sweep()
        campaign.refresh_from_db()
        assert campaign.status == "sending", "texts are still queued"
        Message.objects.for_org(drive.org).update(status="accepted")
        campaigns.sweep()
        campaigns.sweep()
    finally:
        campaign_finished.disconnect(hear)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.finished_at is not None, heard) == ("done", True, [campaign.pk])


def test_the_report_says_what_starting_would_do_and_writes_nothing(drive: Drive) -> None:
    SKIPS["opted_out"](drive, drive.people[1])
    SKIPS["blocked_country"](drive, drive.people[2])
    report = report_on(drive.draft("x" * 200))
    plain = {
        key: report[key] for key in report if key not in ("skipped", "samples", "per_sender", "finishes_at")
    }
    assert plain == {
        "total": 5,
        "will_be_sent": 3,
        "opted_out": 1,
        "no_consent": 0,
        "blocked_country": 1,
        "invalid": 0,
        "duplicate": 0,
        "no_eligible_sender": 0,
        "deferred": 0,
        "segments": 6,
        "cost": None,
    }
    assert timedelta(seconds=5) <= report["finishes_at"] - timezone.now() <= timedelta(seconds=6)
    assert not Message.objects.for_org(drive.org).exists()


def test_the_report_tells_who_waits_for_the_morning(night: Drive) -> None:
    report = report_on(night.draft())
    assert (report["deferred"], report["finishes_at"]) == (5, MORNING + timedelta(seconds=5))


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("{% for i in (1..30000000) reversed %}a{% endfor %}", 0),
        ("{{" * 4000, 0),
        ("{% if contact.attributes.age > 17 %}Adult{% else %}Minor{% endif %}", 1),
        ("{% for tag in contact.attributes.tags %}{{ tag }}{% endfor %}!", 5),
    ],
)
def test_a_text_that_cannot_be_filled_in_skips_with_a_reason_and_the_campaign_ends(
    drive: Drive, body: str, left: int
) -> None:
    """security F4, S6: one saved before the limits neither stops its campaign nor the worker."""
    Contact.objects.for_org(drive.org).filter(pk=drive.people[0].pk).update(
        attributes={"age": 30, "tags": ["a", "b"]}
    )
    campaign = campaigns.start(campaign=drive.draft("Hi"))
    Campaign.objects.for_org(drive.org).filter(pk=campaign.pk).update(body=body)
    campaign.refresh_from_db()
    assert report_on(campaign)["will_be_sent"] == left
    campaigns.sweep()
    assert len(drive.texts(campaign)) == left
    assert list(drive.skipped(campaign).values()) == ["template_error"] * (5 - left)
    assert not campaign.portions.exists()


def test_a_renderer_that_is_away_skips_nobody(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fan-out comes back to the portion; being busy is no fault of the text."""
    campaign = campaigns.start(campaign=drive.draft("{% for n in (1..2) %}{{ n }}{% endfor %}"))
    with monkeypatch.context() as away:
        away.setattr(sandbox, "_pool", sandbox._Pool())
        away.setattr(sandbox, "COMMAND", ["/nonexistent"])
        campaigns.sweep()
    assert (drive.texts(campaign), drive.skipped(campaign)) == ([], {})
    campaigns.sweep()
    assert [text.body for text in drive.texts(campaign)] == ["12"] * 5
