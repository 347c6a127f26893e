"""Two people with the same edit form open: nobody undoes the other's change unknowingly, and nothing typed is lost."""

from typing import Any

import pytest
from django.test import Client

from messaging.models import Contact
from notifications.recipients import rule_of
from senderid.models import Assignment
from tests.calling import Api
from tests.texting import Texting
from tests.visiting import Forms, form_on, visit
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


def the_form(answer: Any) -> dict[str, Any]:
    """The form on a page that refused, as the browser would post it again."""
    [fields] = [f["fields"] for f in Forms(answer.content.decode()).forms if "version" in f["fields"]]
    return {name: values if len(values) > 1 else values[0] for name, values in fields.items()}


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
    again = the_form(refused)
    assert again["label"] == "Front desk"
    assert bob.post(page, again).status_code == 302
    texting.sender.refresh_from_db()
    assert (texting.sender.label, texting.sender.mps) == ("Front desk", 7)


def test_the_same_form_sent_twice_is_no_conflict(texting: Texting, ada: Client) -> None:
    """console 6."""
    page = f"/senders/{texting.sender.pk}/edit/"
    data = form_on(ada, page) | {"label": "Renewals"}
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
    assert ada.post(page, the_form(answer)).status_code == 302
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
    assert "the API key “tests” deleted it" in html
    assert "Nina Roth, moved to Bern" in html
    del data["page_org"]
    assert visit(Texting("Elsewhere").admin).post(page, data).status_code == 404
