"""Every console address asks who is there, keeps orgs apart, and keeps set-up from those who may not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from django.utils import timezone

from messaging.campaigns import save_campaign
from messaging.consent import opt_out
from messaging.models import Message
from messaging.programs import save_program
from notifications.email_templates import save_template
from senderid.models import ProviderAccount
from tenants import roles
from tenants.api_keys import mint
from tenants.delegation import delegate
from tenants.editing.forms import EditForm
from tenants.forms import RuleForm
from tenants.memberships import named_group
from tenants.models import Profile
from tests.texting import Texting
from tests.visiting import Forms, has_version, visit

pytestmark = pytest.mark.django_db
OPEN = ("api/", "^api", "webhooks/", "^webhooks", "healthz", "readyz", "metrics", "accounts/", "admin/")
TAKES_CODE = {"country", "preview_frame"}
# Addresses that anyone of the org may open; all others need a role that sets up.
FOR_EVERYONE = {
    "home", "me", "member", "campaigns", "campaign", "campaign_report", "campaign_progress", "programs", "program",
    "explain", "why", "why_log", "preferences",
}  # fmt: skip
FOR_SENDERS = {"add_absence", "end_absence"}
MINE = ("tenants.", "senderid.", "notifications.", "messaging.views.campaigns", "messaging.views.programs",
        "messaging.views.explain", "messaging.views.ending", "messaging.views.opt_outs")  # fmt: skip


@dataclass(frozen=True)
class Address:
    name: str
    route: str
    view: Any

    @property
    def is_ours(self) -> bool:
        return self.view.__module__.startswith(MINE)

    def __str__(self) -> str:
        return self.name or self.route


def addresses(patterns: Any = None, prefix: str = "") -> Iterator[Address]:
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = prefix + str(pattern.pattern)
        if route.startswith(OPEN):
            continue
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield Address(pattern.name or "", route, pattern.callback)


CONSOLE = list(addresses())
WITH_ID = [a for a in CONSOLE if a.is_ours and "pk" in a.route]


def path_of(address: Address, pk: Any) -> str:
    given = {"pk": pk, "code": "DE", "key": "none", "kind": "profiles", "what": "pause", "to": "suspended",
             "message_pk": uuid4()}  # fmt: skip
    taken = {
        name: value
        for name, value in given.items()
        if f"<{name}>" in address.route or f":{name}>" in address.route
    }
    return reverse(address.name, kwargs=taken)


class Rows:
    """One row of each kind, by the name of the address that shows it."""

    def __init__(self, texting: Texting) -> None:
        org, admin, now = texting.org, texting.admin, timezone.now()
        campaign = save_campaign(org=org, name="Spring", body="Hi", audience={}, owner=admin)
        program = save_program(org=org, name="News", owner=admin)
        group = named_group(model=Profile, org=org, name="Renewals")
        key, _ = mint(org=org, name="CRM")
        blocked, _ = opt_out(org=org, number="+14155550171", scope="org", source="manual")
        template = save_template(org=org, kind="new_message", name="Ours", subject="s", html="h", text="t")
        absence = delegate(
            absent=admin, stand_in=texting.rob, starts_at=now, ends_at=now + timezone.timedelta(days=1)
        )
        message = texting.receive("Hello?") or Message.objects.for_org(org).latest("pk")
        assignment = texting.sender.assignments.get()
        self.by_part = {
            "senders/": texting.sender.pk, "assignments/": assignment.pk, "campaigns/": campaign.pk,
            "programs/": program.pk, "people/(": group.pk, "people/": texting.rob.pk, "developers/": key.pk,
            "opt-outs/": blocked.pk, "notifications/": template.pk, "absences/": absence.pk,
            "why/": getattr(message, "pk", message), "assignees/": group.pk,
            "settings/": ProviderAccount.objects.for_org(org).get().pk,
        }  # fmt: skip
        if not Message.objects.for_org(org).filter(pk=self.by_part["why/"]).exists():
            self.by_part["why/"] = Message.objects.for_org(org).latest("pk").pk

    def id_for(self, address: Address) -> Any:
        route = address.route.lstrip("^")
        return next(pk for part, pk in self.by_part.items() if route.startswith(part))


@pytest.fixture
def home() -> Texting:
    return Texting()


@pytest.fixture
def rows(home: Texting) -> Rows:
    return Rows(home)


def test_every_address_has_a_name_of_its_own() -> None:
    names = [a.name for a in CONSOLE]
    assert sorted(names) == sorted(set(names) - {""})


@pytest.mark.parametrize("address", CONSOLE, ids=str)
def test_a_stranger_is_sent_to_log_in(address: Address) -> None:
    answer = Client().get(path_of(address, uuid4()))
    if answer.status_code == 405:
        answer = Client().post(path_of(address, uuid4()))
    assert answer.status_code in (302, 401, 403), address
    if answer.status_code == 302:
        assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("address", WITH_ID, ids=str)
def test_what_another_org_has_is_not_there(address: Address, rows: Rows) -> None:
    outsider = visit(Texting("Elsewhere").admin)
    path = path_of(address, rows.id_for(address))
    assert outsider.get(path).status_code == 404
    assert outsider.post(path).status_code == 404


@pytest.mark.parametrize("address", WITH_ID, ids=str)
def test_an_admin_opens_what_is_theirs(address: Address, home: Texting, rows: Rows) -> None:
    answer = visit(home.admin).get(path_of(address, rows.id_for(address)))
    assert answer.status_code in (200, 302), address


@pytest.mark.parametrize("address", [a for a in CONSOLE if a.is_ours], ids=str)
def test_only_set_up_roles_open_set_up(address: Address, home: Texting, rows: Rows) -> None:
    needs = getattr(address.view, "needs", None)
    expected = (
        roles.READ
        if address.name in FOR_EVERYONE
        else roles.SEND
        if address.name in FOR_SENDERS
        else roles.SET_UP
    )
    assert needs == expected, address
    if needs == roles.SET_UP:
        pk = rows.id_for(address) if "pk" in address.route else None
        assert visit(home.rob).get(path_of(address, pk)).status_code == 403
        assert visit(home.rob).post(path_of(address, pk)).status_code == 403


# Forms that change no existing row: they add one, or do one act. All others carry the version they were drawn from.
NO_EDIT = {
    "add_sender", "assign_sender", "add_contact", "add_member", "groups", "add_campaign", "add_program",
    "add_template", "add_absence", "developers", "opt_outs", "campaign", "program", "place_in_group",
    "switch_organization",
}  # fmt: skip


@pytest.mark.parametrize("address", [a for a in CONSOLE if a.is_ours], ids=str)
def test_every_edit_form_carries_its_version(address: Address, home: Texting, rows: Rows) -> None:
    """console 6: a form with anything to fill in says what it was drawn from, or is listed as no edit form."""
    path = path_of(address, rows.id_for(address) if "pk" in address.route else None)
    answer = visit(home.admin).get(path)
    if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
        return
    for form in Forms(answer.content.decode()).forms:
        target = resolve(form["action"].split("?")[0] or path).url_name
        if form["method"] == "post" and form["visible"] and target not in NO_EDIT:
            assert has_version(form["fields"]), (
                f"{target} on {path}: inherit from tenants.editing.forms.EditForm"
            )


def test_forms_with_rules_edit_or_are_listed() -> None:
    """console 6."""
    adding = {"AbsenceForm", "ApiKeyForm", "AssignHereForm", "OptOutForm"}
    assert {form.__name__ for form in RuleForm.__subclasses__() if not issubclass(form, EditForm)} == adding
