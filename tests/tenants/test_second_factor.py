"""The second step: sealed at rest, demanded of operators, one way in (security F5, security F9)."""

import importlib
import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from tenants.hints import redis_client
from tenants.models import Organization
from tenants.sealing import open_secret
from tests.visiting import visit
from tests.world import PASSWORD, make_member, make_org

pytestmark = pytest.mark.django_db
EMAIL = "operator@callsign.example"


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    redis_client().flushdb()
    cache.clear()


@pytest.fixture
def operator() -> Any:
    return get_user_model().objects.create_superuser(EMAIL, PASSWORD)


@pytest.fixture
def secret(operator: Any) -> str:
    secret = generate_totp_secret()
    TOTP.activate(operator, secret)
    return secret


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(timezone.now().timestamp()) // 30))


def log_in(client: Client) -> Any:
    return client.post("/accounts/login/?next=/admin/", {"login": EMAIL, "password": PASSWORD})


def test_the_operators_console_has_no_login_of_its_own(operator: Any, secret: str) -> None:
    """security F5: the password alone opened /admin/, past limits and the second step."""
    client = Client()
    for path in ("/admin/", "/admin/login/", "/admin/tenants/user/"):
        for answer in (client.get(path), client.post(path, {"username": EMAIL, "password": PASSWORD})):
            assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_an_operator_enters_with_password_and_code(operator: Any, secret: str) -> None:
    """security F5: the positive control."""
    client = Client()
    assert log_in(client)["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.get("/admin/")["Location"].startswith("/accounts/login/"), "after the first step alone"
    answer = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert answer.status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_code_works_once(operator: Any, secret: str, time_machine: Any) -> None:
    """security S8: also in another browser, while it would still be good."""
    time_machine.move_to(timezone.now(), tick=False)
    code, says = code_of(secret), []
    for client in (Client(), Client()):
        log_in(client)
        says.append(client.post("/accounts/2fa/authenticate/", {"code": code}).status_code)
        assert (client.get("/admin/").status_code == 200) is (len(says) == 1)
    assert says == [302, 200]


def test_an_operator_without_a_second_factor_is_sent_to_set_one_up(operator: Any) -> None:
    """security F5: demanded, not offered."""
    client = Client()
    log_in(client)
    for path in ("/admin/", "/admin/tenants/user/", f"/admin/tenants/user/{operator.pk}/change/"):
        assert client.get(path)["Location"].startswith("/accounts/2fa/totp/activate/")
        assert client.post(path, {"name": "x"})["Location"].startswith("/accounts/2fa/totp/activate/")


def test_a_session_without_the_second_step_asks_for_the_code(operator: Any, secret: str) -> None:
    """security F5: say one that began before the second factor was set up."""
    client = Client()
    client.force_login(operator)
    assert client.get("/admin/")["Location"].startswith("/accounts/2fa/reauthenticate/")
    client.post("/accounts/2fa/reauthenticate/?next=/admin/", {"code": code_of(secret)})
    assert client.get("/admin/").status_code == 200


def test_a_member_may_not_open_the_operators_console() -> None:
    """security F5: owner, teammate and outsider alike."""
    for role, org in (("owner", "A"), ("rep", "A2"), ("viewer", "B")):
        assert visit(make_member(make_org(org), "Ana", role)).get("/admin/").status_code == 403


def test_no_page_of_the_console_shows_second_factors_or_addresses(operator: Any, secret: str) -> None:
    """security F5: /admin/mfa/authenticator/<id>/change/ showed anybody's secret."""
    client = Client()
    log_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    row = Authenticator.objects.get()
    for path in (
        "mfa/",
        "mfa/authenticator/",
        f"mfa/authenticator/{row.pk}/change/",
        "account/emailaddress/",
    ):
        assert client.get(f"/admin/{path}").status_code == 404, path
    listed = client.get("/admin/").content.decode()
    assert "authenticator" not in listed.lower()


def test_an_operator_changes_organizations_and_logins_and_deletes_none(operator: Any, secret: str) -> None:
    """security S3: as the role that the console's pages log in to the database as (`tests.as_web`)."""
    org, member = make_org("Northwind"), make_member(make_org("Elsewhere"), "Bea")
    client = Client()
    log_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    org_page = f"/admin/tenants/organization/{org.pk}"
    page = client.get(f"{org_page}/change/")
    form = page.context["adminform"].form
    values = {
        f: "" if (v := form.get_initial_for_field(form.fields[f], f)) is None else v for f in form.fields
    }
    values |= {"name": "Renamed", "business_hours": "{}", "allowed_countries": "US"}
    assert client.post(f"{org_page}/change/", values).status_code == 302
    assert Organization.objects.get(pk=org.pk).name == "Renamed"
    login_page = f"/admin/tenants/user/{member.user.pk}"
    values = {"email": member.user.email, "name": "Bea", "is_active": ""}
    assert client.post(f"{login_page}/change/", values).status_code == 302
    member.user.refresh_from_db()
    assert not member.user.is_active
    for path in (org_page, login_page):
        assert client.post(f"{path}/delete/", {"post": "yes"}).status_code == 403


def stored() -> str:
    """Everything a copy of these tables would hold."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data::text FROM mfa_authenticator UNION ALL SELECT session_data FROM tenants_session"
        )
        return "\n".join(row[0] for row in cursor.fetchall())


def test_secrets_are_sealed_in_the_database(operator: Any, secret: str) -> None:
    """security F9, security S9: neither the secret nor the seed of the recovery codes."""
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    codes = RecoveryCodes.activate(operator)
    assert secret not in stored()
    seed = open_secret(codes.instance.data["seed"])
    assert seed not in stored()
    assert len(codes.generate_codes()) == 10


def test_a_secret_that_is_being_set_up_is_sealed_too(operator: Any) -> None:
    """security F9, where else the kind lies: the session keeps it until the first code."""
    client = Client()
    log_in(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200
    pending = client.session["mfa.totp.secret"]
    assert pending
    assert pending not in stored()


def test_the_migration_seals_what_was_plain_and_can_be_undone(operator: Any) -> None:
    """security F9: existing factors go on working; running twice seals once."""
    seal_second_factors = importlib.import_module("tenants.migrations.0004_seal_second_factors")
    secret = generate_totp_secret()
    plain = {"secret": secret, "migrated_codes": ["12345678", "23456789"], "used_mask": 3}
    row = Authenticator.objects.create(user=operator, type="totp", data=dict(plain))
    seal_second_factors.seal_all(apps, None)
    seal_second_factors.seal_all(apps, None)
    row.refresh_from_db()
    assert secret not in json.dumps(row.data)
    assert "12345678" not in json.dumps(row.data)
    assert row.data["used_mask"] == 3
    assert open_secret(row.data["secret"]) == secret
    assert row.wrap().validate_code(code_of(secret))
    seal_second_factors.open_all(apps, None)
    row.refresh_from_db()
    assert row.data == plain
