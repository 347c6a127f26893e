"""Live streams end with the access they rest on, within five seconds, whichever entry point ended it (security F8)."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.utils import timezone
from listening import Stream, listen, publish, running_live, token

from senderid.delegated import choose_senders
from tenants.delegation import delegate
from tenants.memberships import named_group, set_teams
from tenants.models import Delegation, Membership, Profile, Team, User
from tenants.revocations import REVOKED, SINCE
from tests.calling import Api
from tests.visiting import visit, with_version
from tests.world import PASSWORD, give, make_account, make_member, make_org, make_sender

WITHIN = 5


@pytest.fixture(scope="module")
def ports() -> Iterator[list[int]]:
    with running_live() as first, running_live() as second:
        yield [first, second]


@pytest.fixture
def commits(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    return lambda: django_capture_on_commit_callbacks(execute=True)


class Scene:
    """Rob has a sender of his own and one each by his team, his profile and as a stand-in for Ann; Tim has one too."""

    def __init__(self) -> None:
        self.org = make_org()
        make_account(self.org)
        self.owner = make_member(self.org, "Olga", "owner")
        self.rob, self.tim = make_member(self.org, "Rob"), make_member(self.org, "Tim")
        self.ada, self.ann = make_member(self.org, "Ada", "admin"), make_member(self.org, "Ann")
        self.team = Team.objects.for_org(self.org).create(name="Sales")
        self.profile = named_group(model=Profile, org=self.org, name="Renewals")
        set_teams(member=self.rob, teams=[self.team])
        Membership.objects.for_org(self.org).filter(pk=self.rob.pk).update(profile=self.profile)
        self.rob.refresh_from_db()
        holders = [self.rob, self.team, self.profile, self.ann, self.tim]
        self.senders = [make_sender(self.org, f"+1415555013{n}") for n in range(len(holders))]
        self.given = [give(sender, to) for sender, to in zip(self.senders, holders, strict=True)]
        now = timezone.now()
        self.absence = delegate(
            absent=self.ann,
            stand_in=self.rob,
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(days=1),
        )
        self.admin, self.api = visit(self.owner), Api(self.org)


def token_of(visitor: Client) -> str:
    url = visitor.post("/inbox/live-token").json()["url"]
    return parse_qs(urlsplit(url).query)["token"][0]


def open_stream(port: int, text: str) -> Stream:
    stream = Stream(port, text, timeout=WITHIN)
    assert stream.answer.status == 200
    assert stream.next_event() == ("hello", {})
    return stream


def hears(scene: Scene, stream: Stream, sender: Any, word: str) -> bool:
    publish(org=str(scene.org.pk), sender=str(sender.pk), conversation=word)
    return stream.next_event()[1].get("conversation") == word


def deactivated(scene: Scene) -> Any:
    return scene.admin.post(f"/people/{scene.rob.pk}/deactivate/")


def deactivated_over_rest(scene: Scene) -> Any:
    return scene.api.patch(f"/members/{scene.rob.pk}", {"is_active": False})


def made_viewer_over_rest(scene: Scene) -> Any:
    return scene.api.patch(f"/members/{scene.rob.pk}", {"role": "viewer"})


def demoted(scene: Scene) -> Any:
    given = {"email": scene.rob.email, "name": "Rob", "role": "viewer", "profile": scene.profile.pk}
    page = f"/people/{scene.rob.pk}/edit/"
    return scene.admin.post(page, with_version(scene.admin, page, given | {"teams": [scene.team.pk]}))


def out_of_team(scene: Scene) -> Any:
    return scene.admin.post(f"/people/teams/{scene.team.pk}/place/", {"member": scene.rob.pk, "what": "out"})


def out_of_team_over_rest(scene: Scene) -> Any:
    return scene.api.patch(f"/members/{scene.rob.pk}", {"teams": []})


def team_deleted(scene: Scene) -> Any:
    return scene.api.delete(f"/teams/{scene.team.pk}")


def out_of_profile_over_rest(scene: Scene) -> Any:
    return scene.api.patch(f"/members/{scene.rob.pk}", {"profile": None})


def assignment_ended(scene: Scene) -> Any:
    return scene.admin.post(f"/assignments/{scene.given[0].pk}/end/")


def team_assignment_ended_over_rest(scene: Scene) -> Any:
    return scene.api.delete(f"/assignments/{scene.given[1].pk}")


def profile_assignment_unreadable_over_rest(scene: Scene) -> Any:
    return scene.api.patch(f"/assignments/{scene.given[2].pk}", {"can_read": False})


def absent_assignment_ended_over_rest(scene: Scene) -> Any:
    return scene.api.delete(f"/assignments/{scene.given[3].pk}")


def absence_ended(scene: Scene) -> Any:
    return scene.admin.post(f"/absences/{scene.absence.pk}/end/")


def absence_ended_over_rest(scene: Scene) -> Any:
    return scene.api.delete(f"/delegations/{scene.absence.pk}")


def absence_narrowed(scene: Scene) -> Any:
    return choose_senders(delegation=scene.absence, senders=[scene.senders[4]])


def login_closed(scene: Scene) -> Any:
    """As the operator's admin site saves it."""
    user = User.objects.get(pk=scene.rob.user_id)
    user.is_active = False
    user.save()


def password_changed(scene: Scene) -> Any:
    given = {"oldpassword": PASSWORD, "password1": "another-horse-2", "password2": "another-horse-2"}
    return visit(scene.rob).post("/accounts/password/change/", given)


ENDS = [
    deactivated, deactivated_over_rest, made_viewer_over_rest, demoted, out_of_team, out_of_team_over_rest,
    team_deleted, out_of_profile_over_rest, assignment_ended, team_assignment_ended_over_rest,
    profile_assignment_unreadable_over_rest, absent_assignment_ended_over_rest, absence_ended,
    absence_ended_over_rest, absence_narrowed, login_closed, password_changed,
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("act", ENDS, ids=lambda act: act.__name__)
def test_streams_and_tokens_end_with_the_access(act: Any, ports: list[int], commits: Any) -> None:
    """security F8: in every `live` process; a colleague goes on hearing."""
    scene = Scene()
    old, other = token_of(visit(scene.rob)), token_of(visit(scene.tim))
    streams, bystander = [open_stream(port, old) for port in ports], open_stream(ports[0], other)

    with commits():
        answer = act(scene)
    assert getattr(answer, "status_code", 302) == 302, answer.content.decode()[:3000]

    assert [stream.next_event() for stream in streams] == [("ended", {})] * len(ports)
    assert all(stream.answer.readline() == b"\n" and not stream.answer.readline() for stream in streams)
    assert [Stream(port, old).answer.status for port in ports] == [401] * len(ports)
    assert hears(scene, bystander, scene.senders[4], "go on")


@pytest.mark.django_db
def test_an_organization_that_is_closed_ends_all_its_streams(ports: list[int], commits: Any) -> None:
    """security F8."""
    scene = Scene()
    streams = [open_stream(ports[0], token_of(visit(member))) for member in (scene.rob, scene.ada)]

    with commits():
        scene.org.is_active = False
        scene.org.save()

    assert [stream.next_event() for stream in streams] == [("ended", {})] * 2


@pytest.mark.django_db
def test_an_admin_who_becomes_a_rep_hears_no_more_than_a_rep(ports: list[int], commits: Any) -> None:
    """security F8: a role that just changed."""
    scene = Scene()
    ada = visit(scene.ada)
    stream = open_stream(ports[0], token_of(ada))
    assert hears(scene, stream, scene.senders[0], "as admin")

    with commits():
        scene.api.patch(f"/members/{scene.ada.pk}", {"role": "rep"})
    assert stream.next_event() == ("ended", {})

    with commits():
        scene.api.post("/assignments", {"sender_id": str(scene.senders[4].pk),
                       "assignee": {"kind": "member", "id": str(scene.ada.pk)}})  # fmt: skip
    anew = renewed(ports[0], ada)
    publish(org=str(scene.org.pk), sender=str(scene.senders[0].pk), conversation="not hers")
    assert hears(scene, anew, scene.senders[4], "hers")


def renewed(port: int, visitor: Client) -> Stream:
    """As the page does: asks for a new token until one is taken."""
    for _ in range(10):
        stream = Stream(port, token_of(visitor), timeout=WITHIN)
        if stream.answer.status == 200:
            assert stream.next_event() == ("hello", {})
            return stream
        time.sleep(0.1)  # the margin for clocks that differ
    raise AssertionError("no token was taken")


@pytest.mark.django_db
def test_who_lost_one_of_two_assignments_listens_again_to_the_other(ports: list[int], commits: Any) -> None:
    """security F8: the page asks for a new token and hears what is still allowed, not what is not."""
    scene = Scene()
    rob = visit(scene.rob)
    stream = open_stream(ports[0], token_of(rob))

    with commits():
        assignment_ended(scene)
    assert stream.next_event() == ("ended", {})

    anew = renewed(ports[0], rob)
    publish(org=str(scene.org.pk), sender=str(scene.senders[0].pk), conversation="lost")
    assert hears(scene, anew, scene.senders[1], "kept")


@pytest.mark.django_db
def test_logging_out_ends_only_this_session(ports: list[int], commits: Any) -> None:
    """security F8: two sessions of one person."""
    scene = Scene()
    here, there = visit(scene.rob), visit(scene.rob)
    old = token_of(here)
    ends, goes_on = open_stream(ports[0], old), open_stream(ports[0], token_of(there))

    with commits():
        here.post("/accounts/logout/")

    assert ends.next_event() == ("ended", {})
    assert Stream(ports[1], old).answer.status == 401
    assert hears(scene, goes_on, scene.senders[0], "still there")


@pytest.mark.django_db
def test_one_login_in_two_organizations_loses_only_one(ports: list[int], commits: Any) -> None:
    """security F8: two orgs of one login, and the outsider's stream is untouched."""
    scene = Scene()
    elsewhere = make_org("Elsewhere")
    make_account(elsewhere, "AC" + "2" * 32)
    sender = make_sender(elsewhere, "+14155550139")
    outsider = make_member(elsewhere, "Otto", "owner")
    other = open_stream(ports[0], token_of(visit(outsider)))
    mine = open_stream(ports[0], token_of(visit(scene.rob)))

    with commits():
        deactivated(scene)

    assert mine.next_event() == ("ended", {})
    publish(org=str(elsewhere.pk), sender=str(sender.pk), conversation="other org")
    assert other.next_event()[1]["conversation"] == "other org"


@pytest.mark.django_db
def test_a_token_ends_with_the_assignment_that_ends_by_itself(ports: list[int]) -> None:
    """security F8: valid_until passes without any event."""
    scene = Scene()
    until = timezone.now() + timedelta(seconds=2)
    type(scene.given[1]).objects.for_org(scene.org).filter(pk=scene.given[1].pk).update(valid_until=until)
    Delegation.objects.for_org(scene.org).update(ends_at=timezone.now() + timedelta(hours=1))

    stream = open_stream(ports[0], token_of(visit(scene.rob)))

    assert stream.next_event() == ("ended", {})
    assert timezone.now() >= until


@pytest.mark.django_db
def test_an_absence_that_covers_some_senders_opens_no_conversations(ports: list[int]) -> None:
    """security F8, the same kind: the stream hears no more than the pages show."""
    scene = Scene()
    choose_senders(delegation=scene.absence, senders=[scene.senders[3]])
    stream = open_stream(ports[0], token_of(visit(scene.rob)))

    publish(
        org=str(scene.org.pk), sender=str(scene.senders[4].pk), assignee=str(scene.ann.pk), conversation="no"
    )
    assert hears(scene, stream, scene.senders[3], "yes")


def bus() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL)


def test_a_revocation_whose_event_was_lost_is_read_all_the_same(ports: list[int]) -> None:
    """security F8: only the sorted set says it."""
    text = token(subjects=["lost-one"])
    stream = open_stream(ports[0], text)

    bus().zadd(REVOKED, {"lost-one": time.time()})

    assert stream.next_event() == ("ended", {})
    assert Stream(ports[0], text).answer.status == 401


def test_without_redis_nobody_is_trusted(ports: list[int]) -> None:
    """security F8: `live` can't know what was revoked, so streams end and none begins until it can."""
    text = token()
    stream = open_stream(ports[0], text)

    bus().execute_command("CLIENT", "PAUSE", "6000", "ALL")
    began = time.monotonic()

    assert stream.next_event() == ("ended", {})
    assert time.monotonic() - began < WITHIN
    assert Stream(ports[0], text).answer.status == 503
    bus().ping()  # answers when the pause is over
    assert listen(ports[0]).answer.status == 200


def test_a_redis_that_lost_its_memory_ends_every_stream(ports: list[int]) -> None:
    """security F8: what was revoked is forgotten there, so nothing issued before counts."""
    text = token()
    stream = open_stream(ports[0], text)

    bus().delete(SINCE, REVOKED)

    assert stream.next_event() == ("ended", {})
    assert Stream(ports[0], text).answer.status == 401
    assert listen(ports[0]).answer.status == 200


def test_a_new_process_knows_what_was_revoked_before_it_began(ports: list[int]) -> None:
    """security F8: remembered in Redis for longer than a token lives."""
    text = token(subjects=["earlier"])
    bus().zadd(REVOKED, {"earlier": time.time() + 0.01})

    with running_live() as late:
        assert Stream(late, text).answer.status == 401
        assert listen(late).answer.status == 200


@pytest.mark.django_db
def test_a_change_that_is_rolled_back_ends_nothing(ports: list[int], commits: Any) -> None:
    """security F8: the last owner stays."""
    scene = Scene()
    stream = open_stream(ports[0], token_of(visit(scene.owner)))

    with commits():
        answer = visit(scene.ada).post(f"/people/{scene.owner.pk}/deactivate/")
    assert answer.status_code >= 400

    assert hears(scene, stream, scene.senders[0], "still")
