"""Two people with the same edit form open: nobody undoes the other's change unknowingly, and nothing typed is lost."""

from typing import Any

import pytest
from django.test import Client

from messaging.campaigns import save_campaign
from messaging.models import Contact, Conversation
from messaging.programs import save_program
from notifications.email_templates import save_template
from notifications.recipients import rule_of
from senderid.models import Assignment
from tenants.memberships import named_group
from tenants.models import Team
from tests.calling import Api
from tests.texting import Texting
from tests.visiting import Forms, form_on, has_version, visit
from tests.world import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


@pytest.fixture
def ada(texting: Texting) -> Client:
    return visit(texting.admin)


@pytest.fixture
def bob(texting: Texting) -> Client:
    return visit(make_member(texting.org, "Bob", "admin"))


def assignment_of(texting: Texting) -> Assignment:
    return Assignment.objects.for_org(texting.org).get(sender=texting.sender)


def posted_again(answer: Any, what: str = "") -> dict[str, Any]:
    """The form on a page that refused, as the browser would post it again."""
    for form in Forms(answer.content.decode()).forms:
        if has_version(form["fields"]) and (not what or what in form["buttons"]):
            fields = form["fields"] | ({"what": [what]} if what else {})
            return {name: values if len(values) > 1 else values[0] for name, values in fields.items()}
    raise AssertionError("no form")


class Edited(Texting):
    """One row behind each edit form: where it is, one of its fields, what Ada and what Bob type there."""

    def __init__(self) -> None:
        super().__init__()
        team = named_group(model=Team, org=self.org, name="Field")
        campaign = save_campaign(org=self.org, name="Spring", body="Hi", audience={}, owner=self.admin)
        news = save_program(org=self.org, name="News", owner=self.admin)
        wording = save_template(
            org=self.org, kind="new_message", name="Ours", subject="s", html="h", text="t"
        )
        held = self.sender.assignments.get()
        country = f"/senders/{self.sender.pk}/countries/FR/"
        self.forms = {
            "sender": (f"/senders/{self.sender.pk}/edit/", "label", "Renewals", "Front desk"),
            "assignment": (f"/assignments/{held.pk}/", "priority", "7", "8"),
            "notification": (f"/assignments/{held.pk}/", "tell-throttle_minutes", "17", "18"),
            "contact": (f"/contacts/{self.contact.pk}/edit/", "name", "Carla R", "Carla B"),
            "member": (f"/people/{self.rob.pk}/edit/", "title", "Sales", "Support"),
            "group": (f"/people/teams/{team.pk}/rename/", "name", "Field EU", "Field US"),
            "settings": ("/settings/", "daily_cap", "1000", "2000"),
            "campaign": (f"/campaigns/{campaign.pk}/edit/", "body", "Hi from Ada", "Hi from Bob"),
            "program": (f"/programs/{news.pk}/edit/", "text_welcome", "Hi from Ada", "Hi from Bob"),
            "template": (f"/notifications/templates/{wording.pk}/", "subject", "by Ada", "by Bob"),
            "registration": (country, "reference", "FR-1", "FR-2"),
            "override": (country, "reason", "our carrier said so", "our lawyer said so"),
            "order": (f"/assignees/{self.org.pk}/order/", f"priority-{held.pk}", "3", "4"),
        }


KINDS = ("sender", "assignment", "notification", "contact", "member", "group", "settings", "campaign", "program",
         "template", "registration", "override", "order")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_shows_the_later_what_the_earlier_saved(kind: str) -> None:
    """console 6: the value, its author, the typed words, and no change by the refused save."""
    scene = Edited()
    path, field, by_ada, by_bob = scene.forms[kind]
    what = kind if kind in ("registration", "override") else ""
    ada, bob = visit(scene.admin), visit(make_member(scene.org, "Bob", "owner"))
    first, second = form_on(ada, path, what=what), form_on(bob, path, what=what)
    assert ada.post(path, first | {field: by_ada}).status_code == 302

    answer = bob.post(path, second | {field: by_bob})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert f"Now: {by_ada}, saved by Ada" in html
    assert f'value="{by_bob}"' in html or f"{by_bob}</textarea>" in html
    assert form_on(bob, path, what=what)[field] == by_ada
    again = posted_again(answer, what)
    assert again[field] == by_bob
    assert bob.post(path, again).status_code == 302
    assert form_on(bob, path, what=what)[field] == by_bob


def test_two_tabs_of_one_assignment_keep_both_changes(texting: Texting, ada: Client, bob: Client) -> None:
    """console 6: the finding itself, priority in the first tab and throttle in the second."""
    page = f"/assignments/{assignment_of(texting).pk}/"
    first, second = form_on(ada, page), form_on(bob, page)
    assert ada.post(page, first | {"priority": "7"}).status_code == 302
    answer = bob.post(page, second | {"tell-throttle_minutes": "33"}, follow=True)
    row = assignment_of(texting)
    assert (row.priority, rule_of(row).throttle_minutes) == (7, 33)
    assert "Ada changed “Priority” while you were editing. That change was kept." in answer.content.decode()


def test_the_later_of_two_changes_to_one_field_is_shown_value_and_author(
    texting: Texting, ada: Client, bob: Client
) -> None:
    """console 6."""
    page = f"/senders/{texting.sender.pk}/edit/"
    first, second = form_on(ada, page), form_on(bob, page)
    ada.post(page, first | {"label": "Renewals", "mps": "5"})
    answer = bob.post(page, second | {"label": "Front desk", "mps": "5"})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Now: Renewals, saved by Ada" in html
    assert 'value="Front desk"' in html
    assert "saved by Ada" in html and html.count("saved by") == 1, "the same value is no conflict"
    texting.sender.refresh_from_db()
    assert texting.sender.label == "Renewals"


def test_what_both_changed_is_saved_by_saving_again(texting: Texting, ada: Client, bob: Client) -> None:
    """console 6: after the notice, a second save overwrites knowingly; a third change in between is shown again."""
    page = f"/senders/{texting.sender.pk}/edit/"
    first, second, third = form_on(ada, page), form_on(bob, page), form_on(ada, page)
    ada.post(page, first | {"label": "Renewals"})
    refused = bob.post(page, second | {"label": "Front desk"})
    ada.post(page, third | {"label": "Renewals", "mps": "7"})
    again = posted_again(refused)
    assert again["label"] == "Front desk"
    assert bob.post(page, again).status_code == 302
    texting.sender.refresh_from_db()
    assert (texting.sender.label, texting.sender.mps) == ("Front desk", 7)


def test_the_same_form_sent_twice_is_no_conflict(texting: Texting, ada: Client) -> None:
    """console 6."""
    page = f"/senders/{texting.sender.pk}/edit/"
    data = form_on(ada, page) | {"label": "Renewals"}
    del data["form_token"]  # else the first response would be repeated without looking
    assert [ada.post(page, data).status_code for _ in range(2)] == [302, 302]


@pytest.mark.parametrize("version", [None, "", "made-up", "of another row"])
def test_a_form_without_a_readable_version_asks_to_check_and_save_again(
    texting: Texting, ada: Client, version: str | None
) -> None:
    """console 6: an old tab during an upgrade, or an altered version."""
    page = f"/senders/{texting.sender.pk}/edit/"
    data = form_on(ada, page)
    own = data.pop("version")
    if version is not None:
        other = f"/contacts/{texting.contact.pk}/edit/"
        data["version"] = form_on(ada, other)["version"] if version == "of another row" else version
    assert own != data.get("version")
    answer = ada.post(page, data | {"label": "Typed for long"})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Check your changes before saving" in html
    assert 'value="Typed for long"' in html
    texting.sender.refresh_from_db()
    assert texting.sender.label != "Typed for long"
    assert ada.post(page, posted_again(answer)).status_code == 302
    texting.sender.refresh_from_db()
    assert texting.sender.label == "Typed for long"


def test_a_change_by_the_api_is_seen_with_the_name_of_its_key(texting: Texting, ada: Client) -> None:
    """console 6: PATCH and the form cross."""
    page = f"/contacts/{texting.contact.pk}/edit/"
    data = form_on(ada, page)
    Api(texting.org).patch(f"/contacts/{texting.contact.pk}", {"name": "Carla Rossi"})
    html = ada.post(page, data | {"name": "Carla Bianchi"}).content.decode()
    assert "Now: Carla Rossi, saved by the API key “tests”" in html
    assert 'value="Carla Bianchi"' in html


def test_tags_added_by_two_are_all_kept(texting: Texting, ada: Client, bob: Client) -> None:
    """console 6: sets are added up; what one removed stays removed."""
    Contact.objects.for_org(texting.org).filter(pk=texting.contact.pk).update(tags=["old", "kept"])
    page = f"/contacts/{texting.contact.pk}/edit/"
    first, second = form_on(ada, page), form_on(bob, page)
    ada.post(page, first | {"tags": "kept, vip"})
    answer = bob.post(page, second | {"tags": "old, kept, berlin"})
    assert answer.status_code == 302
    texting.contact.refresh_from_db()
    assert sorted(texting.contact.tags) == ["berlin", "kept", "vip"]


def test_a_contact_deleted_meanwhile_gives_back_what_was_typed(
    texting: Texting, ada: Client, bob: Client
) -> None:
    """console 6."""
    contact = texting.person("+14155550177", "Nina")
    page = f"/contacts/{contact.pk}/edit/"
    data = form_on(ada, page)
    Api(texting.org).delete(f"/contacts/{contact.pk}")
    answer = ada.post(page, data | {"name": "Nina Roth, moved to Bern"})
    html = answer.content.decode()
    assert answer.status_code == 410
    assert "This contact was deleted" in html
    assert "The API key “tests” deleted it" in html
    assert "Nina Roth, moved to Bern" in html
    assert data["form_token"] not in html
    del data["page_org"]
    assert visit(Texting("Elsewhere").admin).post(page, data).status_code == 404


def test_tags_of_a_conversation_added_by_two_are_all_kept(texting: Texting) -> None:
    """console 6: the line in the inbox; without a version nothing is taken away."""
    texting.receive("Hello?")
    talk = texting.conversation()
    page, path = f"/inbox/{talk.pk}/", f"/inbox/{talk.pk}/tags"
    rob, tim = visit(texting.rob), visit(texting.tim)
    first, second = form_on(rob, path, page=page), form_on(tim, path, page=page)
    rob.post(path, first | {"tags": "vip"})
    tim.post(path, second | {"tags": "complaint"})
    rob.post(path, {"tags": "old tab"})
    tags = Conversation.objects.for_org(texting.org).get(pk=talk.pk).tags
    assert sorted(tags) == ["complaint", "old tab", "vip"]


def test_a_token_replaced_meanwhile_is_not_replaced_again_unknowingly(
    ada: Client, bob: Client, texting: Texting
) -> None:
    """console 6: a secret is compared by a digest and never drawn."""
    path, page = f"/settings/accounts/{texting.account.pk}/token/", "/settings/accounts/"
    first, second = form_on(ada, path, page=page), form_on(bob, path, page=page)
    ada.post(path, first | {"token": "token-by-ada"})
    html = bob.post(path, second | {"token": "token-by-bob"}, follow=True).content.decode()
    texting.account.refresh_from_db()
    assert texting.account.auth_token == "token-by-ada"
    assert "Ada changed this token while you were editing" in html
    assert "token-by" not in html
    ada.post(path, first | {"token": "token-by-ada"})
    texting.account.refresh_from_db()
    assert texting.account.tokens[0] == "token-by-ada"


def test_an_override_changed_meanwhile_is_not_removed_unread(
    ada: Client, bob: Client, texting: Texting
) -> None:
    """console 6: removing is a change, too."""
    path = f"/senders/{texting.sender.pk}/countries/FR/"
    typed = form_on(ada, path, what="override") | {"reason": "our carrier said so"}
    ada.post(path, typed)
    opened = form_on(bob, path, what="withdraw")
    ada.post(path, form_on(ada, path, what="override") | {"reason": "our lawyer said so, too"})
    html = bob.post(path, opened).content.decode()
    assert "The override was changed by Ada" in html
    assert "our lawyer said so, too" in bob.get(path).content.decode()


def test_fields_that_belong_together_conflict_together(ada: Client, bob: Client, texting: Texting) -> None:
    """console 6: a member chosen for a rule that somebody has switched away meanwhile is not dropped silently."""
    path = f"/assignments/{assignment_of(texting).pk}/"
    first, second = form_on(ada, path), form_on(bob, path)
    ada.post(path, first | {"tell-rule": "all"})
    answer = bob.post(path, second | {"tell-rule": "last_sender", "tell-emails": "desk@x.example"})
    assert answer.status_code == 422
    assert "desk@x.example" in answer.content.decode()
