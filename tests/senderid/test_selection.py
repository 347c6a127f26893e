"""Which sender speaks, and why: product rules, section 5, step by step and criterion by criterion."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from messaging.models import Campaign, Program
from senderid.board import Board, Candidate
from senderid.country_rules import override_verdict
from senderid.delegated import choose_senders, readable_sender_ids
from senderid.eligibility import Ask
from senderid.models import CountryRule, Kind, Registration, SenderId
from senderid.provisioning import add_sender
from senderid.registration import register
from senderid.selection import Choice, choose, choose_sender
from tenants.access import standing_of, standing_of_org
from tenants.delegation import delegate
from tenants.errors import DomainError
from tenants.models import Membership, Organization, Profile, Team
from tests.world import give, make_account, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db


class Scene:
    """An org whose rep Rob is in two teams and a profile."""

    def __init__(self) -> None:
        self.org: Organization = make_org()
        make_account(self.org)
        self.team, self.other_team = Team(org=self.org, name="North"), Team(org=self.org, name="South")
        self.profile = Profile(org=self.org, name="EMEA")
        for group in (self.team, self.other_team, self.profile):
            group.save()
        self.rob: Membership = make_member(
            self.org, "Rob", profile=self.profile, teams=[self.team, self.other_team]
        )
        self.ann: Membership = make_member(self.org, "Ann")
        self._next = 200

    def sender(
        self,
        to: Any = None,
        kind: str = "long_code",
        value: str = "",
        rules: dict[str, Any] | None = None,
        **fields: Any,
    ) -> SenderId:
        """A new sender, given to `to` if any."""
        self._next += 1
        made = make_sender(self.org, value or f"+14155550{self._next}", kind, **fields)
        if to is not None:
            give(made, to, **(rules or {}))
        return made

    def campaign(self, **fields: Any) -> Campaign:
        made = Campaign(org=self.org, name=f"Spring {self._next}", body="Hi", **fields)
        made.save()
        return made

    def program(self) -> Program:
        made = Program(org=self.org, name=f"Pizza {self._next}")
        made.save()
        return made

    def ask(self, member: Membership | None = None, **fields: Any) -> Ask:
        standing = standing_of(member or self.rob)
        return Ask(**({"org_id": self.org.pk, "country": "US", "standing": standing} | fields))

    def choose(self, member: Membership | None = None, **fields: Any) -> Choice:
        return choose_sender(ask=self.ask(member, **fields))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def codes(choice: Choice) -> dict[str, str]:
    return {refusal.sender.value: refusal.code for refusal in choice.rejected}


# --- Stage B, step by step -----------------------------------------------------------------------------


def test_own_goes_before_team_before_profile_before_org(scene: Scene) -> None:
    holders = [scene.org, scene.profile, scene.team, scene.rob]
    for holder, rule in zip(holders, ["organization", "profile", "team", "member"], strict=True):
        sender = scene.sender(holder, rules={"priority": 1 if holder is scene.org else 100})
        choice = scene.choose()
        assert (choice.sender, choice.rule) == (sender, rule)
    assert set(codes(choice).values()) == {"outranked"}
    assert len(choice.rejected) == 3


def test_the_conversations_team_goes_first_among_teams(scene: Scene) -> None:
    scene.sender(scene.team, rules={"is_default": True, "priority": 1})
    theirs = scene.sender(scene.other_team)
    assert scene.choose(team_id=scene.other_team.pk).sender == theirs
    assert scene.choose().sender != theirs


def test_a_team_one_is_not_in_does_not_count_even_for_its_conversation(scene: Scene) -> None:
    scene.sender(scene.other_team)
    assert scene.choose(scene.ann, team_id=scene.other_team.pk).sender is None


def test_one_level_down_is_taken_when_all_above_are_refused(scene: Scene) -> None:
    scene.sender(scene.rob, status="suspended")
    fallback = scene.sender(scene.org)
    choice = scene.choose()
    assert (choice.sender, choice.rule) == (fallback, "organization")
    assert list(codes(choice).values()) == ["sender_not_active"]


def test_a_named_sender_is_taken_over_a_better_one(scene: Scene) -> None:
    scene.sender(scene.rob, rules={"is_default": True})
    named = scene.sender(scene.org)
    choice = scene.choose(named=named)
    assert (choice.sender, choice.rule) == (named, "named")


def test_a_named_sender_that_is_refused_is_never_swapped(scene: Scene) -> None:
    good, better = scene.sender(scene.rob), scene.sender(scene.team)
    named = scene.sender(scene.rob, status="suspended")
    choice = scene.choose(named=named)
    assert (choice.sender, choice.rule) == (None, "named")
    with pytest.raises(DomainError) as refused:
        choice.demand()
    assert (refused.value.code, refused.value.status, refused.value.field) == ("sender_refused", 422, "from")
    assert refused.value.extra["rejected"][0]["code"] == "sender_not_active"
    assert refused.value.extra["rejected"][0]["sender_id"] == str(named.pk)
    assert [offer["sender_id"] for offer in refused.value.extra["offers"]] == [str(good.pk), str(better.pk)]


@pytest.mark.parametrize("step", ["program", "campaign", "conversation"])
def test_a_named_sender_goes_before_every_other_step(scene: Scene, step: str) -> None:
    named, other = scene.sender(scene.rob), scene.sender()
    fields: dict[str, Any] = {"conversation_sender": other, "may_answer": True}
    if step == "program":
        program = scene.program()
        give(other, program)
        fields = {"program_id": program.pk}
    if step == "campaign":
        campaign = scene.campaign()
        give(other, campaign)
        fields = {"campaign_id": campaign.pk}
    assert scene.choose(named=named, **fields).sender == named
    assert scene.choose(**fields).sender == other


def test_an_unassigned_named_sender_is_refused_even_to_an_admin(scene: Scene) -> None:
    ada = make_member(scene.org, "Ada", "admin")
    choice = scene.choose(ada, named=scene.sender(scene.rob))
    assert choice.sender is None
    assert list(codes(choice).values()) == ["not_assigned"]


def test_an_outsiders_standing_finds_nothing(scene: Scene) -> None:
    scene.sender(scene.org)
    eve = make_member(make_org("Outsiders"), "Eve")
    ask = Ask(org_id=eve.org_id, country="US", standing=standing_of(eve))
    choice = choose_sender(ask=ask)
    assert (choice.sender, choice.rejected) == (None, ())


def test_a_program_speaks_with_its_own_sender_only(scene: Scene) -> None:
    program = scene.program()
    scene.sender(scene.org)
    assert scene.choose(program_id=program.pk).sender is None
    own = scene.sender(program)
    choice = scene.choose(program_id=program.pk)
    assert (choice.sender, choice.rule) == (own, "program")


def test_a_dedicated_campaign_speaks_with_its_own_sender_only(scene: Scene) -> None:
    campaign = scene.campaign()
    scene.sender(scene.rob)
    choice = scene.choose(campaign_id=campaign.pk)
    assert (choice.sender, choice.rule) == (None, "none")
    own = scene.sender(campaign)
    choice = scene.choose(campaign_id=campaign.pk)
    assert (choice.sender, choice.rule) == (own, "campaign")


def test_a_campaign_by_contact_owner_walks_the_owners_levels(scene: Scene) -> None:
    campaign = scene.campaign(sender_mode="contact_owner")
    scene.sender(campaign)
    orgs = scene.sender(scene.org)
    assert scene.choose(campaign_id=campaign.pk, by_contact_owner=True).sender == orgs
    own = scene.sender(scene.rob)
    choice = scene.choose(campaign_id=campaign.pk, by_contact_owner=True)
    assert (choice.sender, choice.rule) == (own, "contact_owner")
    assert "Rob" in choice.text


@pytest.mark.parametrize("by_owner", [True, False])
def test_a_campaigns_fallback_comes_last_and_needs_no_assignment(scene: Scene, by_owner: bool) -> None:
    campaign, fallback = scene.campaign(), scene.sender()
    fields = {"campaign_id": campaign.pk, "by_contact_owner": by_owner, "fallback": fallback}
    choice = scene.choose(**fields)
    assert (choice.sender, choice.rule) == (fallback, "campaign_fallback")
    first = scene.sender(scene.rob if by_owner else campaign)
    assert scene.choose(**fields).sender == first


def test_a_refused_fallback_is_no_sender(scene: Scene) -> None:
    choice = scene.choose(campaign_id=scene.campaign().pk, fallback=scene.sender(status="draft"))
    assert choice.sender is None
    assert "sender_not_active" in codes(choice).values()


def test_a_reply_keeps_the_conversations_sender(scene: Scene) -> None:
    scene.sender(scene.rob, rules={"is_default": True})
    own = scene.sender(scene.org)
    choice = scene.choose(conversation_sender=own)
    assert (choice.sender, choice.rule) == (own, "conversation")


def test_the_audience_of_a_campaign_answers_from_its_sender(scene: Scene) -> None:
    """`may_answer` says that the member reads it as its owner, the contact's owner or the assignee."""
    campaigns = scene.sender(scene.campaign())
    assert scene.choose(conversation_sender=campaigns, may_answer=True).sender == campaigns
    assert scene.choose(conversation_sender=campaigns, may_answer=False).sender is None


def test_a_conversations_sender_counts_as_named(scene: Scene) -> None:
    spare = scene.sender(scene.rob)
    gone = scene.sender(scene.rob, status="suspended")
    choice = scene.choose(conversation_sender=gone, may_answer=True)
    assert (choice.sender, choice.rule, choice.offers) == (None, "conversation", (spare,))
    with pytest.raises(DomainError) as refused:
        choice.demand()
    assert refused.value.code == "sender_refused"


def test_nobody_is_an_answer_with_every_candidate_and_its_reason(scene: Scene) -> None:
    scene.sender(scene.rob, status="suspended", value="+14155550190")
    scene.sender(scene.org, direction="incoming", value="+14155550191")
    scene.sender(scene.ann, value="+14155550192")
    choice = scene.choose()
    assert codes(choice) == {
        "+14155550190": "sender_not_active",
        "+14155550191": "receive_only",
        "+14155550192": "not_assigned",
    }
    with pytest.raises(DomainError) as refused:
        choice.demand()
    assert (refused.value.code, refused.value.status) == ("no_eligible_sender", 422)
    assert {r["code"] for r in refused.value.extra["rejected"]} == {
        "sender_not_active",
        "receive_only",
        "not_assigned",
    }
    assert set(refused.value.extra["rejected"][0]) == {"sender_id", "value", "code", "text"}


def test_nobody_in_particular_gets_only_the_orgs_senders(scene: Scene) -> None:
    scene.sender(scene.rob)
    scene.sender(scene.team)
    ask = replace(scene.ask(), standing=standing_of_org(scene.org))
    assert choose_sender(ask=ask).sender is None
    orgs = scene.sender(scene.org)
    assert choose_sender(ask=ask).sender == orgs


# --- Stage A, reason by reason -------------------------------------------------------------------------

REASONS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # code, fields of the sender, rules of its assignment, fields of the ask
    ("sender_not_active", {"status": "draft"}, {}, {}),
    ("sender_not_active", {"status": "suspended"}, {}, {}),
    ("receive_only", {"direction": "incoming"}, {}, {}),
    ("name_not_supported", {"kind": "alphanumeric", "value": "Northwind"}, {}, {}),
    ("registration_missing", {"kind": "alphanumeric", "value": "Northwind"}, {}, {"country": "IN"}),
    ("short_code_abroad", {"kind": "short_code", "value": "12345"}, {}, {"country": "CA"}),
    ("toll_free_not_supported", {"kind": "toll_free", "value": "+18885550134"}, {}, {"country": "GB"}),
    ("foreign_number_restricted", {}, {}, {"country": "GB"}),
    ("outside_countries", {}, {"countries": ["CA", "GB"]}, {}),
    ("may_not_send", {}, {"can_send": False}, {}),
    ("assignment_not_live", {}, {"valid_until": timezone.now() - timedelta(days=1)}, {}),
    ("assignment_not_live", {}, {"valid_from": timezone.now() + timedelta(days=1)}, {}),
    ("opted_out", {}, {}, {"opted_out": "all"}),
    ("one_way", {"direction": "outgoing"}, {}, {"wants_reply": True}),
    ("one_way", {"kind": "alphanumeric", "value": "Northwind"}, {}, {"wants_reply": True, "country": "DE"}),
    ("not_sandbox", {}, {}, {"sandbox": True}),
]


@pytest.mark.parametrize(("code", "fields", "rules", "ask"), REASONS)
def test_stage_a_gives_its_reason(
    scene: Scene, code: str, fields: dict[str, Any], rules: dict[str, Any], ask: dict[str, Any]
) -> None:
    sender = scene.sender(scene.rob, rules=rules, **fields)
    choice = scene.choose(**ask)
    assert choice.sender is None
    assert codes(choice) == {sender.value: code}
    assert choice.rejected[0].text
    named = scene.choose(named=sender, **ask)
    assert (named.sender, codes(named)) == (None, {sender.value: code})


def test_a_sender_opted_out_of_is_refused_and_another_taken(scene: Scene) -> None:
    stopped, other = scene.sender(scene.rob), scene.sender(scene.org)
    choice = scene.choose(opted_out=frozenset({stopped.pk}))
    assert choice.sender == other
    assert codes(choice) == {stopped.value: "opted_out"}


def test_an_approved_registration_makes_a_name_eligible(scene: Scene) -> None:
    name = scene.sender(scene.rob, "alphanumeric", "Northwind")
    register(sender=name, country="IN", status="submitted")
    assert scene.choose(country="IN").sender is None
    register(sender=name, country="IN", status="approved")
    assert scene.choose(country="IN").sender == name
    register(sender=name, country="IN", status="approved", expires_at=timezone.now() + timedelta(days=60))
    assert scene.choose(country="IN").sender == name
    # console 13: it runs out, and nothing else changes.
    Registration.objects.for_org(scene.org).update(expires_at=timezone.now() - timedelta(days=1))
    choice = scene.choose(country="IN")
    assert codes(choice) == {"Northwind": "registration_missing"}
    assert "expired on" in choice.rejected[0].text


@pytest.mark.parametrize(
    ("kind", "value", "country"),
    [
        ("long_code", "+14155550177", "US"),
        ("toll_free", "+18885550177", "US"),
        ("toll_free", "+18885550177", "CA"),
        ("short_code", "56777", "US"),
    ],
)
def test_a_number_is_chosen_only_while_it_is_registered(
    scene: Scene, kind: str, value: str, country: str
) -> None:
    """console 7: going live by the table must not end in carrier blocks."""
    number = add_sender(org=scene.org, kind=kind, value=value, country="US")
    give(number, scene.rob)
    assert codes(scene.choose(country=country)) == {value: "registration_missing"}
    assert codes(scene.choose(country=country, named=number)) == {value: "registration_missing"}
    for status, chosen in [
        ("submitted", None),
        ("not_needed", None),
        ("approved", number),
        ("rejected", None),
    ]:
        register(sender=number, country=country, status=status)
        assert scene.choose(country=country).sender == chosen
    register(sender=number, country="GB", status="approved")
    assert scene.choose(country=country).sender is None, "that of another country does not count"


def test_a_registration_that_expires_soon_warns_while_it_counts(scene: Scene) -> None:
    """console 13"""
    number = scene.sender(scene.rob)
    for days, warned in [(29, ["registration_expires_soon"]), (31, [])]:
        register(
            sender=number, country="US", status="approved", expires_at=timezone.now() + timedelta(days=days)
        )
        choice = scene.choose()
        assert (choice.sender, [code for code, _ in choice.warnings]) == (number, warned)


def test_a_number_of_the_simulator_is_registered_by_itself(scene: Scene) -> None:
    """console 7: the flows that run against the simulator create a sender and send at once."""
    simulated = make_account(scene.org, "AC" + "5" * 32, is_simulator=True)
    for kind, value, countries in [
        ("long_code", "+14155550178", ["US"]),
        ("toll_free", "+18885550178", ["CA", "US"]),
        ("short_code", "56778", ["US"]),
        ("alphanumeric", "Northwind", []),
    ]:
        made = add_sender(org=scene.org, kind=kind, value=value, country="US", provider_account=simulated)
        rows = Registration.objects.for_org(scene.org).filter(sender=made).order_by("country")
        assert [(r.country, r.status, r.reference) for r in rows] == [
            (country, "approved", "simulator") for country in countries
        ]
        give(made, scene.rob)
        assert all(scene.choose(country=country, named=made).sender == made for country in countries)


def test_a_name_with_reply_number_and_instruction_counts_as_two_way(scene: Scene) -> None:
    number = scene.sender()
    name = scene.sender(
        scene.rob, "alphanumeric", "Northwind", reply_number=number, reply_instruction="To reply, text 41555"
    )
    assert scene.choose(country="DE", wants_reply=True).sender == name


def test_an_override_opens_and_closes_a_country(scene: Scene) -> None:
    number = scene.sender(scene.rob)
    override_verdict(
        org=scene.org, kind="long_code", country="GB", verdict="allowed", reason="Our carrier does", by=None
    )
    assert scene.choose(country="GB").sender == number
    override_verdict(
        org=scene.org, kind="long_code", country="US", verdict="refused", reason="Not any more", by=None
    )
    assert codes(scene.choose()) == {number.value: "overridden"}


def test_a_disputed_country_is_sent_to_with_a_warning(scene: Scene) -> None:
    name = scene.sender(scene.rob, "alphanumeric", "Northwind")
    CountryRule.objects.filter(pk="DE").update(alphanumeric_agreement="disputed", dissent="bird says no")
    choice = scene.choose(country="DE")
    assert choice.sender == name
    assert [code for code, _ in choice.warnings] == ["disputed"]


# --- Order inside one level ----------------------------------------------------------------------------

Maker = Callable[[Scene], tuple[SenderId, SenderId, dict[str, Any]]]


def _exact_country(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    worse = s.sender(s.rob, rules={"is_default": True, "priority": 1})
    return s.sender(s.rob, rules={"countries": ["US"], "priority": 200}), worse, {"last_used": worse.pk}


def _default(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    worse = s.sender(s.rob, rules={"priority": 1})
    return s.sender(s.rob, rules={"is_default": True, "priority": 200}), worse, {"last_used": worse.pk}


def _default_of_the_country(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    worse = s.sender(s.rob, rules={"countries": ["US"], "priority": 1})
    return s.sender(s.rob, rules={"countries": ["US"], "is_default": True}), worse, {}


def _priority(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    worse = s.sender(s.rob, rules={"priority": 20})
    return s.sender(s.rob, rules={"priority": 10}), worse, {"last_used": worse.pk}


def _sticky(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    worse = s.sender(s.rob, "short_code", "12345")
    better = s.sender(s.rob)
    return better, worse, {"last_used": better.pk, "wants_reply": True}


def _short_before_long(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    worse = s.sender(s.rob)
    return s.sender(s.rob, "short_code", "12345"), worse, {"wants_reply": True}


def _long_before_toll_free(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    worse = s.sender(s.rob, "toll_free", "+18885550134")
    return s.sender(s.rob), worse, {"wants_reply": True}


def _toll_free_before_name(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    override_verdict(
        org=s.org, kind="alphanumeric", country="US", verdict="allowed", reason="For the test", by=None
    )
    reply = {"reply_number": s.sender(), "reply_instruction": "Text 12345"}
    worse = s.sender(s.rob, "alphanumeric", "Northwind", **reply)
    return s.sender(s.rob, "toll_free", "+18885550134"), worse, {"wants_reply": True}


def _lowest_id(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    first, second = s.sender(s.rob), s.sender(s.rob)
    return first, second, {}


def _lowest_id_when_no_reply_is_wanted(s: Scene) -> tuple[SenderId, SenderId, dict[str, Any]]:
    first = s.sender(s.rob, "toll_free", "+18885550134")
    return first, s.sender(s.rob, "short_code", "12345"), {}


ORDER = [
    _exact_country,
    _default,
    _default_of_the_country,
    _priority,
    _sticky,
    _short_before_long,
    _long_before_toll_free,
    _toll_free_before_name,
    _lowest_id,
    _lowest_id_when_no_reply_is_wanted,
]


@pytest.mark.parametrize("make", ORDER, ids=lambda make: make.__name__)
def test_inside_one_level_each_criterion_decides_alone(scene: Scene, make: Maker) -> None:
    better, worse, fields = make(scene)
    choice = scene.choose(**fields)
    assert choice.sender == better
    assert codes(choice)[worse.value] == "outranked"


def test_the_text_says_why_it_was_chosen(scene: Scene) -> None:
    scene.sender(scene.rob, rules={"countries": ["US"], "is_default": True})
    assert scene.choose().text == "own sender (set for US, the default)"


# --- Absence -------------------------------------------------------------------------------------------


@pytest.fixture
def away(scene: Scene) -> dict[str, Any]:
    now = timezone.now()
    made = delegate(
        absent=scene.rob,
        stand_in=scene.ann,
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=1),
    )
    return {"delegation": made, "own": scene.sender(scene.rob), "teams": scene.sender(scene.team)}


def test_a_stand_in_speaks_with_the_absent_members_senders(scene: Scene, away: dict[str, Any]) -> None:
    choice = scene.choose(scene.ann, named=away["own"])
    assert choice.sender == away["own"]
    assert scene.choose(scene.ann, named=away["teams"]).sender == away["teams"]
    assert scene.choose(scene.ann).rule == "delegation"
    assert readable_sender_ids(standing_of(scene.ann)) == {away["own"].pk, away["teams"].pk}


def test_own_senders_go_before_those_of_the_absent(scene: Scene, away: dict[str, Any]) -> None:
    own = scene.sender(scene.ann, rules={"priority": 900})
    assert scene.choose(scene.ann).sender == own


def test_a_delegation_of_chosen_senders_covers_only_those(scene: Scene, away: dict[str, Any]) -> None:
    choose_senders(delegation=away["delegation"], senders=[away["own"]])
    assert scene.choose(scene.ann, named=away["own"]).sender == away["own"]
    assert scene.choose(scene.ann, named=away["teams"]).sender is None
    assert readable_sender_ids(standing_of(scene.ann)) == {away["own"].pk}


def test_two_delegations_add_up(scene: Scene, away: dict[str, Any]) -> None:
    """Rob lends only his own sender, his team mate Tim everything: the team's sender comes through Tim."""
    choose_senders(delegation=away["delegation"], senders=[away["own"]])
    tim, now = make_member(scene.org, "Tim", teams=[scene.team]), timezone.now()
    delegate(absent=tim, stand_in=scene.ann, starts_at=now, ends_at=now + timedelta(days=1))
    assert scene.choose(scene.ann, named=away["teams"]).sender == away["teams"]
    assert readable_sender_ids(standing_of(scene.ann)) == {away["own"].pk, away["teams"].pk}


def test_when_it_is_over_nothing_is_left(scene: Scene, away: dict[str, Any]) -> None:
    later = standing_of(scene.ann, timezone.now() + timedelta(days=2))
    ask = replace(scene.ask(scene.ann, named=away["own"]), standing=later)
    assert choose_sender(ask=ask).sender is None
    assert readable_sender_ids(later) == set()


# --- Cost ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("senders", [2, 40])
def test_the_number_of_queries_does_not_grow_with_senders(
    scene: Scene, senders: int, django_assert_max_num_queries: Any
) -> None:
    for n in range(senders):
        scene.sender([scene.rob, scene.team, scene.org][n % 3], rules={"countries": ["US", "CA"]})
    with django_assert_max_num_queries(6):
        assert scene.choose().sender is not None


# --- Whatever the senders ------------------------------------------------------------------------------

A_CANDIDATE = st.builds(
    lambda n, kind, status, direction, countries, default, priority, can_send, live: Candidate(
        sender=SenderId(
            id=_id(n), value=f"v{n}", kind=kind, country="US", status=status, direction=direction, mps=1
        ),
        countries=frozenset(countries),
        is_default=default,
        priority=priority,
        can_send=can_send,
        is_live=live,
    ),
    st.integers(0, 30),
    st.sampled_from([Kind.LONG_CODE, Kind.TOLL_FREE, Kind.SHORT_CODE]),
    st.sampled_from(["active", "active", "suspended"]),
    st.sampled_from(["both", "both", "outgoing", "incoming"]),
    st.sets(st.sampled_from(["US", "CA"])),
    st.booleans(),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
)


def _id(n: int):  # type: ignore[no-untyped-def]
    from uuid import UUID

    return UUID(int=n)


@given(candidates=st.lists(A_CANDIDATE, max_size=12), wants_reply=st.booleans(), last_used=st.integers(0, 30))
def test_the_winner_is_eligible_and_nobody_eligible_ranks_before_it(
    candidates: list[Candidate], wants_reply: bool, last_used: int
) -> None:
    org = Organization(id=_id(99), country="US")
    board = Board(
        by_assignee={org.pk: candidates},
        rules={
            "US": CountryRule(
                country="US",
                name="US",
                alphanumeric="allowed",
                long_code="yes",
                short_code="yes",
                toll_free="yes",
            )
        },
    )
    ask = Ask(org.pk, "US", standing_of_org(org), wants_reply=wants_reply, last_used=_id(last_used))
    choice = choose(ask=ask, board=board)

    def able(c: Candidate) -> bool:
        return (
            c.is_live
            and c.can_send
            and c.sender.status == "active"
            and c.sender.direction != "incoming"
            and (not c.countries or "US" in c.countries)
            and not (wants_reply and c.sender.direction != "both")
        )

    order = {"short_code": 0, "long_code": 1, "toll_free": 2}
    eligible = [c for c in candidates if able(c)]
    if not eligible:
        assert choice.sender is None
    else:
        first = min(
            eligible,
            key=lambda c: (
                "US" not in c.countries,
                not c.is_default,
                c.priority,
                c.sender.pk != _id(last_used),
                order[c.sender.kind] if wants_reply else 0,
                c.sender.pk,
            ),
        )
        assert choice.sender == first.sender
    everyone = {c.sender.pk for c in candidates}
    shown = {r.sender.pk for r in choice.rejected} | ({choice.sender.pk} if choice.sender else set())
    assert shown == everyone, "each candidate is the winner or stands among the rejected"
    assert len(choice.rejected) == len({r.sender.pk for r in choice.rejected})
