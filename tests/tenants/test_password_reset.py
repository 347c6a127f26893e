"""A reset tells nobody who has a login here (security F18)."""

import re
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenants.auth import password_reset
from tenants.auth.password_reset import SingleUseResetForm
from tenants.models import User
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    cache.clear()


def ask(email: str) -> Any:
    return Client().post("/accounts/password/reset/", {"email": email})


def test_a_stranger_gets_no_mail_and_the_same_answer() -> None:
    """security F18: strangers were mailed a link to a closed sign-up."""
    ana = make_member(make_org(), "Ana")
    answers = [ask(ana.email), ask("nobody@northwind.example")]
    assert [m.to for m in mail.outbox] == [[ana.email]]
    assert len({(a.status_code, a["Location"], a.content) for a in answers}) == 1


def test_somebody_who_was_deactivated_gets_no_mail() -> None:
    ana = make_member(make_org(), "Ana")
    ana.user.is_active = False
    ana.user.save()
    ask(ana.email)
    assert mail.outbox == []


def test_nothing_is_looked_up_before_the_response_has_left(monkeypatch: Any) -> None:
    """security F18: known and unknown take the same time because they do the same."""
    ana = make_member(make_org(), "Ana")
    monkeypatch.setattr(password_reset, "after_response", lambda request, work: None)
    seen = []
    for email in (ana.email, "nobody@northwind.example"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            ask(email)
        seen.append([query["sql"].split("WHERE")[0] for query in queries])
    assert seen[0] == seen[1]
    assert not any("tenants_user" in sql or "emailaddress" in sql for sql in seen[0])


def test_a_mail_server_that_is_away_is_no_error_for_the_visitor(monkeypatch: Any) -> None:
    """security F18: a 500 would tell, too."""
    ana = make_member(make_org(), "Ana")

    def away(*_: Any, **__: Any) -> None:
        raise OSError("away")

    monkeypatch.setattr("django.core.mail.message.EmailMessage.send", away)
    assert ask(ana.email).status_code == 302


def test_a_link_is_used_once_however_many_submit_it_at_one_moment() -> None:
    """security F8: eight submissions of one link were all told that they had set the password; the last one had."""
    member = make_member(make_org(), "Ben")
    asked = [
        User.objects.get(pk=member.user_id) for _ in range(3)
    ]  # each had its page while the link was good
    words = [f"correct horse {n} battery" for n in range(3)]
    forms = [
        SingleUseResetForm({"password1": word, "password2": word}, user=user)
        for word, user in zip(words, asked, strict=True)
    ]
    assert [form.is_valid() for form in forms] == [True, False, False]
    assert "used already" in str(forms[1].errors)
    login = User.objects.get(pk=member.user_id)
    assert [login.check_password(word) for word in words] == [True, False, False]


def test_a_link_sets_the_password_and_is_gone() -> None:
    """security F8: through the pages."""
    member = make_member(make_org(), "Ben")
    ask(member.email)
    link = re.search(r"https?://[^/]+(/accounts/password/reset/key/\S+)", mail.outbox[-1].body)
    assert link
    visitor, late = Client(), Client()
    page, late_page = visitor.get(link[1])["Location"], late.get(link[1])["Location"]
    word = {"password1": "correct horse battery", "password2": "correct horse battery"}
    assert visitor.post(page, word).status_code == 302
    assert User.objects.get(pk=member.user_id).check_password("correct horse battery")
    other = {"password1": "staple horse battery", "password2": "staple horse battery"}
    assert late.post(late_page, other).status_code == 200  # the page that says the link is no good
    assert User.objects.get(pk=member.user_id).check_password("correct horse battery")
