"""What a page can't read is refused in one place, whatever view looks for it (security F11)."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django import forms
from django.test import Client
from django.urls import get_resolver

from tenants.forms import LocalTime
from tests.calling import Api
from tests.texting import Texting
from tests.visiting import visit

pytestmark = pytest.mark.django_db
PAGES = ("/senders/sentence/?sender={}", "/senders/{sender}/assign/?assignee={}")


@pytest.mark.parametrize("page", PAGES)
def test_an_id_of_no_shape_is_400(page: str) -> None:
    """security F11: `?sender=x` was a 500."""
    texting = Texting()
    ada = visit(texting.admin)
    assert ada.get(page.format("no-id", sender=texting.sender.pk)).status_code == 400
    assert ada.get(page.format(uuid4(), sender=texting.sender.pk)).status_code == 200


@pytest.mark.parametrize("next_page", ["http://[", "//evil.example/", "https://evil.example/"])
@pytest.mark.parametrize("path", ["password/reset/done/", "2fa/reauthenticate/", "login/"])
def test_a_next_page_elsewhere_is_dropped(path: str, next_page: str) -> None:
    """security F11: `?next=http://[` was a 500 below /accounts/."""
    ada = visit(Texting().admin)
    response = ada.get(f"/accounts/{path}", {"next": next_page})
    assert response.status_code in (200, 302)
    assert "evil" not in response.headers.get("Location", "") + response.content.decode()


@pytest.mark.parametrize("back", ["NaN", "//evil.example", "https://evil.example", "javascript:alert(1)"])
def test_the_order_of_senders_returns_to_pages_of_ours_only(back: str) -> None:
    """security F11: `back=NaN` was a 500; a priority of 5,000 digits as well."""
    texting = Texting()
    path = f"/assignees/{texting.rob.pk}/order/"
    response = visit(texting.admin).post(path, {"back": back})
    assert (response.status_code, response.headers["Location"]) == (302, path)
    here = f"/people/{texting.rob.pk}/"
    assert visit(texting.admin).post(path, {"back": here}).headers["Location"] == here
    whole, row = f"/assignees/{texting.org.pk}/order/", texting.sender.assignments.get()
    assert visit(texting.admin).post(whole, {f"priority-{row.pk}": "9" * 5000}).status_code == 422


LATEST = "9999-12-31T23:59:59"


@pytest.mark.parametrize("typed", [LATEST, "0001-01-01T00:00"])
def test_a_time_that_cannot_be_read_back_is_never_stored(typed: str) -> None:
    """security F11: a key that ends in the year 10000 of UTC was stored, and each page that lists it was a 500."""
    texting = Texting()
    ada, texts = visit(texting.admin), texting.receive("Hi")
    assert texts is not None
    api = Api(texting.org)
    asked = {
        "/developers/": {"name": "CRM", "scopes": ["read"], "expires_at": typed},
        f"/people/{texting.rob.pk}/away/": {"starts_at": "2020-01-01T00:00", "ends_at": typed},
        f"/inbox/{texts.conversation_id}/status": {"status": "snoozed", "snoozed_until": typed},
    }
    for path, form in asked.items():
        assert 400 <= ada.post(path, form).status_code < 500, path
    text = {"to": "+14155550199", "body": "Hi"}
    for offset in ("-05:00", "Z", "+14:00"):
        at = f"{typed[:16]}:00{offset}"
        asked_api = (
            api.ask("PATCH", f"/conversations/{texts.conversation_id}", {"snoozed_until": at}),
            api.ask("POST", "/messages", text | {"send_at": at}),
            api.ask("POST", "/api-keys", {"name": "CRM", "scopes": ["read"], "expires_at": at}),
        )
        assert [answer.status_code for answer in asked_api] == [400, 400, 400], at
    assert ada.get("/developers/").status_code == 200


def test_a_cap_that_the_column_cannot_hold_is_refused() -> None:
    """security F11: a cap of 25 digits was a 500."""
    texting = Texting()
    ada = visit(texting.admin)
    for name in ("daily_cap", "monthly_cap"):
        answer = ada.post("/settings/", {name: "9" * 25})
        assert answer.status_code == 422
        assert "2000000000" in answer.content.decode(), name


def every_form(kind: type[forms.Form] = forms.Form) -> Iterator[type[forms.Form]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith(("tenants", "senderid", "messaging", "notifications")):
            yield one
        yield from every_form(one)


def test_fields_of_forms_take_only_what_columns_hold() -> None:
    """security F11: whole numbers have bounds, times are LocalTime."""
    get_resolver().url_patterns  # noqa: B018 - imports every form
    fields = [(form, name, one) for form in every_form() for name, one in form.base_fields.items()]
    assert len(fields) > 80
    for form, name, one in fields:
        if isinstance(one, forms.IntegerField):
            assert one.min_value is not None and one.max_value is not None, (form, name)
        assert not isinstance(one, forms.DateTimeField) or isinstance(one, LocalTime), (form, name)


@pytest.mark.parametrize("query", ["version=a%0D%0AX: 1", "version=2", "lang=xx"])
def test_the_document_takes_no_parameters(query: str) -> None:
    """security F11: a line end in `version` was a 500; api 10: what is unknown is refused by name."""
    answer = Client().get(f"/api/v1/openapi.json?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.split("=")[0]
