"""Wording of mails: which template speaks, unknown fields refused at save, hostile values harmless."""

import pytest
from django.core import mail

from messaging.models import Contact
from notifications import email_templates, notify
from notifications.models import EmailTemplate
from tenants.errors import DomainError
from tests.office import CARLA, Office

pytestmark = pytest.mark.django_db
HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture
def office() -> Office:
    return Office()


def saved(office: Office, **fields: object) -> EmailTemplate:
    plain = {"kind": "new_message", "name": "Ours", "subject": "S", "html": "<p>H</p>", "text": "T"}
    return email_templates.save_template(org=office.org, **(plain | fields))  # type: ignore[arg-type]


def the_mail(office: Office, body: str = "Hello there", **rule: object) -> tuple[str, str, str]:
    """(subject, HTML, text) of the one mail a text brings."""
    office.rule("specific", members=["Ann"], **rule)
    office.text(body)
    notify.deliver_due()
    [sent] = mail.outbox
    assert sent.to == ["ann@northwind.example"]
    return sent.subject, sent.alternatives[0][0], sent.body


def test_the_built_in_speaks_first(office: Office) -> None:
    subject, html, text = the_mail(office)
    assert subject == "New text from Carla"
    for part in (html, text):
        for wanted in (
            "Carla",
            "Hello there",
            "(415) 555-0134",
            "chosen by name",
            "http://testserver/inbox/",
        ):
            assert wanted in part


def test_the_orgs_default_goes_before_the_built_in_and_the_assignments_before_both(office: Office) -> None:
    saved(office, name="Default", subject="Org: {{ contact.name }}", is_org_default=True)
    own = saved(office, name="Own", subject="Line: {{ contact.name }}")
    saved(office, name="Unused", subject="Unused")
    assert the_mail(office, template=own)[0] == "Line: Carla"
    mail.outbox.clear()
    office.text(number="+16285550123")
    EmailTemplate.objects.for_org(office.org).get(name="Own").delete()
    notify.deliver_due()
    assert [sent.subject for sent in mail.outbox] == ["Org: (628) 555-0123"]


def test_a_template_of_another_kind_never_speaks(office: Office) -> None:
    other = saved(office, kind="escalation", subject="Escalation")
    assert the_mail(office, template=other)[0] == "New text from Carla"


@pytest.mark.parametrize("part", ["subject", "html", "text"])
@pytest.mark.parametrize("field", ["contact.nam", "contact", "nobody.name", "contact.attributes.x"])
def test_an_unknown_field_is_an_error_at_save_with_its_name_and_line(
    office: Office, part: str, field: str
) -> None:
    with pytest.raises(DomainError) as error:
        saved(office, **{part: f"One {{{{ contact.name }}}}\ntwo\nthree {{{{ {field} }}}}"})
    assert (error.value.code, error.value.field, error.value.status) == ("unknown_merge_field", part, 400)
    assert f"“{field}” (line 3)" in error.value.text
    assert error.value.extra["line"] == 3
    assert not EmailTemplate.objects.for_org(office.org).exists()


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.name",
        "{% if %}",
        "{% assign x = 1 %}",
        "{{ contact.name | append: 'x' }}",
        "{% include 'a' %}",
    ],
)
def test_liquid_that_is_broken_or_not_allowed_is_refused_by_part(office: Office, source: str) -> None:
    with pytest.raises(DomainError) as error:
        saved(office, html=source)
    assert (error.value.code, error.value.field, error.value.status) == ("template_error", "html", 400)


@pytest.mark.parametrize("part", ["name", "subject", "html", "text"])
def test_an_empty_part_is_refused(office: Office, part: str) -> None:
    with pytest.raises(DomainError) as error:
        saved(office, **{part: "  "})
    assert (error.value.field, error.value.status) == (part, 400)


def test_the_org_has_one_default_of_a_kind(office: Office) -> None:
    first = saved(office, name="One", is_org_default=True)
    saved(office, name="Two", is_org_default=True)
    first.refresh_from_db()
    assert not first.is_org_default


def test_every_field_can_be_named_in_every_part(office: Office) -> None:
    every = " ".join(f"{field}=[{{{{ {field} }}}}]" for field in sorted(email_templates.FIELDS))
    saved(office, subject="S {{ org.name }}", html=f"<p>{every}</p>", text=every, is_org_default=True)
    for parts in (email_templates.preview(subject="S", html=every, text=every), the_mail(office)):
        assert "{{" not in "".join(parts)
        for part in parts[1:]:
            assert all(f"{field}=[" in part for field in email_templates.FIELDS)
    assert "recipient.name=[Ann]" in mail.outbox[0].body


@pytest.mark.parametrize(
    "through", ["", " | upcase", " | strip", " | truncate: 500", " | default: 'x'", " | escape"]
)
def test_hostile_names_and_bodies_are_only_text_in_html(office: Office, through: str) -> None:
    Contact.objects.for_org(office.org).filter(number=CARLA).update(name=HOSTILE[:110])
    saved(
        office,
        html=f"<p>{{{{ contact.name{through} }}}}</p><blockquote>{{{{ message.body{through} }}}}</blockquote>",
        is_org_default=True,
    )
    _, html, _ = the_mail(office, body=HOSTILE)
    assert "<script" not in html.lower() and "<img" not in html.lower()
    assert html.lower().count("script") >= 2  # shown as text, not swallowed


def test_a_value_is_never_liquid(office: Office) -> None:
    _, html, text = the_mail(office, body="{{ org.name }} {% if true %}")
    assert "{{ org.name }} {% if true %}" in text
    assert "Northwind" not in html


def test_no_name_breaks_out_of_the_subject_line(office: Office) -> None:
    Contact.objects.for_org(office.org).filter(number=CARLA).update(
        name="Carla\r\nBcc: evil@x.example\nX: y\u2028Z"
    )
    subject, _, _ = the_mail(office)
    assert subject == "New text from Carla Bcc: evil@x.example X: y Z"
    assert mail.outbox[0].message()["Bcc"] is None


def test_a_script_in_the_template_itself_is_cleaned_away(office: Office) -> None:
    saved(
        office,
        html='<p onclick="x()">Hi</p><script>x()</script><a href="javascript:x()">y</a>',
        is_org_default=True,
    )
    _, html, _ = the_mail(office)
    for bad in ("script", "onclick", "x()"):
        assert bad not in html


def test_a_hidden_body_is_in_no_part_of_the_mail(office: Office) -> None:
    for part in the_mail(office, body="My password is 1234", hide_body=True):
        assert "1234" not in part


def test_the_reason_and_the_way_to_change_it_are_in_every_built_in(office: Office) -> None:
    for wording in email_templates.BUILT_IN.values():
        subject, html, text = email_templates.compose(wording, email_templates.SAMPLE)
        assert subject
        for part in (html, text):
            assert "they texted last" in part and "https://callsign.example/" in part
    assert set(email_templates.BUILT_IN) == set(EmailTemplate.Kind.values)
