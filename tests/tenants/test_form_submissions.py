"""A form submitted twice acts once, whatever form it is: a double click, two at once, a retry (console "double submits")."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from messaging.models import Campaign, Contact, OptOut, Program
from notifications.models import EmailTemplate
from senderid.models import Assignment, SenderId
from tenants.models import ApiKey, Delegation, IdempotencyKey, Membership, Profile, Team
from tests.texting import Texting
from tests.visiting import visit
from tests.walk.drawn import Form, read
from tests.world import make_member

ADD_FORMS: list[tuple[str, Any, dict[str, str]]] = [
    ("/campaigns/add/", Campaign, {"name": "Spring", "body": "Hi"}),
    ("/programs/add/", Program, {"name": "News"}),
    ("/developers/", ApiKey, {"name": "CRM"}),
    ("/contacts/add/", Contact, {"number": "+16285550144"}),
    ("/people/add/", Membership, {"name": "Nora", "email": "nora@northwind.example"}),
    ("/people/teams/", Team, {"name": "Support"}),
    ("/people/profiles/", Profile, {"name": "EMEA"}),
    ("/senders/add/", SenderId, {"value": "+14155550155", "kind": "long_code", "country": "US"}),
    ("/opt-outs/", OptOut, {"number": "+16285550144"}),
    ("/notifications/templates/add/", EmailTemplate, {"name": "Ours", "subject": "S", "html": "H", "text": "T"}),
    ("/people/{rob}/away/", Delegation, {"starts_at": "2030-01-01T10:00", "ends_at": "2030-01-02T10:00"}),
    ("/senders/{sender}/assign/", Assignment, {"assignee": "{rob}", "valid_from": "", "valid_until": ""}),
]  # fmt: skip
SAMPLES = (
    "Spring",
    "5",
    "2030-01-01",
    "2030-01-01T10:00",
)  # of tests.walk.drawn: here what is not typed stays empty


def form_at(visitor: Client, path: str, typed: dict[str, str]) -> dict[str, str]:
    """The form that a page draws for its own address, filled in."""
    response = visitor.get(path)
    assert response.status_code == 200
    forms: list[Form] = read(response.content.decode(), path).forms
    form = next(form for form in forms if form.method == "post" and form.action == path and form.token)
    return {
        name: value for name, value in form.fields if value != "Spring"
    } | typed  # what nobody typed stays empty


def filled(texting: Texting, path: str, typed: dict[str, str]) -> tuple[str, dict[str, str]]:
    ids = {"rob": texting.rob.pk, "sender": texting.sender.pk}
    return path.format(**ids), {name: value.format(**ids) for name, value in typed.items()}


@pytest.mark.django_db
@pytest.mark.parametrize("path, model, typed", ADD_FORMS, ids=[path for path, _, _ in ADD_FORMS])
def test_an_add_form_submitted_twice_makes_one_row(path: str, model: Any, typed: dict[str, str]) -> None:
    """Issue 8 item 8, collisions: campaigns and API keys made two rows; others answered 422 after they had succeeded."""
    texting = Texting()
    ada = visit(texting.admin)
    path, typed = filled(texting, path, typed)
    form = form_at(ada, path, typed)
    before = model.objects.for_org(texting.org).count()
    first, second = ada.post(path, form), ada.post(path, form)
    assert model.objects.for_org(texting.org).count() == before + 1, first.content.decode()
    assert (second.status_code, second.get("Location")) == (first.status_code, first.get("Location"))
    assert first.status_code in (200, 302)
    assert second.content == first.content


@pytest.mark.django_db
def test_the_same_token_with_other_values_or_from_another_member_is_another_submission() -> None:
    """Back, another name, submit: both are wanted. Nobody else's token stops a form."""
    texting = Texting()
    ada, rob = visit(texting.admin), visit(make_member(texting.org, "Amy", "admin"))
    form = form_at(ada, "/campaigns/add/", {"name": "Spring", "body": "Hi"})
    ada.post("/campaigns/add/", form)
    ada.post("/campaigns/add/", form | {"name": "Summer"})
    rob.post("/campaigns/add/", form)
    names = Campaign.objects.for_org(texting.org).order_by("pk").values_list("name", flat=True)
    assert list(names) == ["Spring", "Summer", "Spring"]


@pytest.mark.django_db
def test_a_refused_form_can_be_submitted_again() -> None:
    texting = Texting()
    ada = visit(texting.admin)
    form = form_at(ada, "/people/teams/", {"name": ""})
    assert [ada.post("/people/teams/", form).status_code for _ in range(2)] == [422, 422]
    assert not IdempotencyKey.objects.for_org(texting.org).exists()
    assert ada.post("/people/teams/", form | {"name": "Support"}).status_code == 302


@pytest.mark.django_db
def test_a_secret_is_sealed_where_it_is_kept_for_a_repeat() -> None:
    texting = Texting()
    ada = visit(texting.admin)
    page = ada.post("/developers/", form_at(ada, "/developers/", {"name": "CRM"})).content.decode()
    secret = re.search(r"cs_live_\w+", page)[0]  # type: ignore[index]
    [row] = IdempotencyKey.objects.for_org(texting.org)
    assert secret not in str(row.answer) and row.answer["page"]


@pytest.mark.django_db
def test_previews_of_a_form_are_not_submissions() -> None:
    texting = Texting()
    ada = visit(texting.admin)
    form = form_at(ada, "/campaigns/add/", {"name": "Spring", "body": "Hi"})
    for _ in range(2):
        assert ada.post("/campaigns/sample/", form, headers={"HX-Request": "true"}).status_code == 200
    assert not IdempotencyKey.objects.for_org(texting.org).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path, model, typed", ADD_FORMS[:3], ids=[path for path, _, _ in ADD_FORMS[:3]])
def test_a_form_submitted_by_a_double_click(path: str, model: Any, typed: dict[str, str]) -> None:
    """Issue 8 item 8, collisions: both requests are under way at once, and land at one place."""
    texting = Texting()
    ada = visit(texting.admin)
    form = form_at(ada, path, typed)
    cookie = ada.cookies["sessionid"].value

    def submit(_: int) -> tuple[int, str]:
        clicking = Client(raise_request_exception=False)
        clicking.cookies["sessionid"] = cookie
        try:
            response = clicking.post(path, form)
            return response.status_code, response.headers.get("Location", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(submit, range(4)))
    assert len(answers) == 1 and answers.pop()[0] in (200, 302)
    assert model.objects.for_org(texting.org).count() == 1
