"""A template that fails when an email is made: the default wording is sent, it is marked, the admins hear of it once.

console 4: one bad template silenced all mail. The template gets past saving as those saved before the limits did.
"""

from typing import Any

import pytest
from django.core import mail

from messaging.content import sandbox
from notifications import email_templates, notify
from notifications.models import EmailTemplate, Notification
from tenants.errors import DomainError
from tests.calling import Api
from tests.office import Office
from tests.visiting import visit

pytestmark = pytest.mark.django_db
ENDLESS = "{% for i in (1..100000000) %}x{% endfor %}"
FIRST = "New text from Carla"
ADMINS = ["ada@northwind.example", "olga@northwind.example"]


@pytest.fixture
def office() -> Office:
    office = Office()
    office.rule("specific", members=["Ann", "Ben"], throttle_minutes=0)
    return office


def saved_before(office: Office, **parts: str) -> EmailTemplate:
    plain = {"kind": "new_message", "name": "Ours", "subject": "S", "html": "<p>H</p>", "text": "T"}
    made = email_templates.save_template(org=office.org, is_org_default=True, **plain)
    EmailTemplate.objects.for_org(office.org).filter(pk=made.pk).update(**parts)
    return made


def delivered() -> list[tuple[str, str]]:
    mail.outbox.clear()
    while notify.deliver_due():
        pass
    return sorted((sent.to[0], sent.subject) for sent in mail.outbox)


@pytest.mark.parametrize(
    ("part", "source", "said"),
    [
        ("html", ENDLESS, "HTML: Line 1, column 13: the range is too long"),
        ("text", "{% if (1..9) contains 1 %}{% endif %}", "Plain text: Line 1, column 7"),
        ("subject", "{{ contact.nam }}", "Subject:"),
        ("text", "{% if message.body > 3 %}{% endif %}", "Plain text: Line 1"),
        ("html", "{{" * 4000, "HTML: Line 1, column 1"),
    ],
)
def test_the_mail_is_sent_in_the_default_wording(office: Office, part: str, source: str, said: str) -> None:
    """console 4."""
    template = saved_before(office, **{part: source})
    office.text()
    told = delivered()
    assert [one for one in told if one[1] == FIRST] == [
        ("ann@northwind.example", FIRST),
        ("ben@northwind.example", FIRST),
    ]
    assert [to for to, subject in told if "can’t be used" in subject] == ADMINS
    assert not Notification.objects.for_org(office.org).filter(outcome="failed").exists()
    template.refresh_from_db()
    assert template.broken_at and template.broken_text.startswith(said)


def test_the_admins_are_told_once_in_words_with_a_link(office: Office) -> None:
    """console 4: however many texts come in, and whoever gets them."""
    template = saved_before(office, html=ENDLESS)
    for body in ("one", "two", "three"):
        office.text(body)
        delivered()
    rows = Notification.objects.for_org(office.org).filter(kind="template_broken")
    assert sorted(row.email for row in rows) == ADMINS
    text = rows[0].extra["note"]
    assert (
        "“Ours”" in text
        and "range is too long" in text
        and f"/notifications/templates/{template.pk}/" in text
    )


def test_it_is_marked_where_it_is_seen_until_it_is_saved_again(office: Office) -> None:
    """console 4: the list, its page and the API; another organization sees nothing of it."""
    template = saved_before(office, html=ENDLESS)
    office.text()
    delivered()
    ada, outsider = visit(office["Ada"]), visit(Office("Southwind")["Ada"])
    page = f"/notifications/templates/{template.pk}/"
    assert "Can’t be used" in ada.get("/notifications/templates/").content.decode()
    assert "the range is too long" in ada.get(page).content.decode()
    assert "Can’t be used" not in outsider.get("/notifications/templates/").content.decode()
    assert outsider.get(page).status_code == 404
    api = Api(office.org)
    assert "the range is too long" in api.get(f"/email-templates/{template.pk}")["broken_text"]
    fixed = api.patch(f"/email-templates/{template.pk}", {"html": "<p>Fixed</p>"})
    assert (fixed["broken_at"], fixed["broken_text"]) == (None, "")
    office.text("again")
    assert {subject for _, subject in delivered()} == {"S"}


def test_what_breaks_again_is_said_again(office: Office) -> None:
    template = saved_before(office, html=ENDLESS)
    office.text()
    delivered()
    Api(office.org).patch(f"/email-templates/{template.pk}", {"html": "<p>Fixed</p>"})
    EmailTemplate.objects.for_org(office.org).filter(pk=template.pk).update(html=ENDLESS)
    office.text("again")
    assert [to for to, subject in delivered() if "can’t be used" in subject] == ADMINS


def test_a_repair_meanwhile_is_not_marked(office: Office) -> None:
    """Two at once: the mail was made from what stood there before an admin saved it anew."""
    template = saved_before(office, html=ENDLESS)
    stale = EmailTemplate.objects.for_org(office.org).get(pk=template.pk)
    Api(office.org).patch(f"/email-templates/{template.pk}", {"html": "<p>Fixed</p>"})
    assert not email_templates.mark_broken(stale, DomainError("template_error", "x", field="html"))
    template.refresh_from_db()
    assert template.broken_at is None


def test_a_renderer_that_is_away_delays_a_mail_and_marks_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine says nothing about the template: the email waits and is sent as it was meant."""
    template = saved_before(office, subject="{% for n in (1..2) %}{{ n }}{% endfor %} {{ contact.name }}")
    office.text()
    with monkeypatch.context() as away:
        away.setattr(sandbox, "_pool", sandbox._Pool())
        away.setattr(sandbox, "COMMAND", ["/nonexistent"])
        assert delivered() == []
    template.refresh_from_db()
    assert template.broken_at is None
    Notification.objects.for_org(office.org).filter(outcome="pending").update(due_at=template.changed_at)
    assert {subject for _, subject in delivered()} == {"12 Carla"}


SOURCES: dict[str, dict[str, Any]] = {
    "endless": {"html": ENDLESS},
    "a type that does not fit": {"text": "{% if message.body > 3 %}x{% endif %}"},
    "fine": {"text": "{{ contact.name | upcase }}"},
}


@pytest.mark.parametrize("source", SOURCES)
def test_saving_refuses_what_the_preview_and_the_test_mail_refuse(office: Office, source: str) -> None:
    """console 4: "Send me a test" refused what Save took."""
    ada = visit(office["Ada"])
    form = {"kind": "new_message", "name": "Ours", "subject": "S", "html": "<p>H</p>", "text": "T"} | SOURCES[
        source
    ]
    mail.outbox.clear()
    ada.post("/notifications/templates/add/", form | {"what": "test"})
    is_taken = len(mail.outbox) == 1
    previewed = ada.post("/notifications/templates/preview/", form).content.decode()
    assert ("iframe" in previewed) == is_taken == (source == "fine")
    answer = ada.post("/notifications/templates/add/", form)
    assert EmailTemplate.objects.for_org(office.org).exists() == is_taken
    assert answer.status_code == (302 if is_taken else 422)
