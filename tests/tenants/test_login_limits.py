"""Wrong passwords are slowed; nobody is locked out by somebody else (security F6, security S8)."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from tenants.auth import counters
from tenants.auth.devices import account_key
from tenants.hints import redis_client
from tenants.models import Membership
from tests.world import PASSWORD, make_member, make_org

pytestmark = pytest.mark.django_db
HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"
REFUSED = "Too many failed attempts"


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch: Any) -> None:
    redis_client().flushdb()
    cache.clear()
    monkeypatch.setattr(counters, "_local", {})
    monkeypatch.setattr(counters, "_away", {"until": 0.0})


@pytest.fixture
def ana() -> Membership:
    return make_member(make_org(), "Ana", "admin")


def log_in(client: Client, email: str, password: str = PASSWORD, address: str = HOME, **headers: str) -> str:
    """ "in", "refused" (limited) or "wrong"."""
    answer = client.post(
        "/accounts/login/", {"login": email, "password": password}, REMOTE_ADDR=address, headers=headers
    )
    if answer.status_code == 302:
        return "in"
    return "refused" if REFUSED in answer.content.decode() else "wrong"


def guess(
    email: str, times: int, address: str = ELSEWHERE, client: Client | None = None, **headers: str
) -> list[str]:
    return [log_in(client or Client(), email, f"guess-{n}", address, **headers) for n in range(times)]


def test_ten_failures_lock_the_account_at_that_address_only(ana: Membership) -> None:
    """security F6 (a), security S8: the victim enters from elsewhere."""
    assert guess(ana.email, 12) == ["wrong"] * 10 + ["refused"] * 2
    assert log_in(Client(), ana.email, address=ELSEWHERE) == "refused", "the right password, too"
    assert log_in(Client(), ana.email, address=HOME) == "in"


def test_the_lock_lasts_a_quarter_of_an_hour(ana: Membership) -> None:
    """security S8: however the failures were spread, it begins with the last of them."""
    guess(ana.email, 9)
    client = redis_client()
    for key in client.keys("attempts:*"):
        client.expire(key, 30)
    guess(ana.email, 1)
    longest = max(client.ttl(key) for key in client.keys("attempts:*"))
    assert 890 <= longest <= 900


def test_a_locked_address_cannot_use_up_the_account_for_others(ana: Membership) -> None:
    """security F6: refused attempts count nowhere else."""
    guess(ana.email, 80)
    assert log_in(Client(), ana.email, address=HOME) == "in"


def test_a_refused_attempt_counts_nowhere_else(ana: Membership) -> None:
    """security F6: else whoever exhausts one account locks its holder and the colleagues of one office out for longer."""
    ben = make_member(ana.org, "Ben")
    for n in range(50):
        log_in(Client(), ana.email, f"guess-{n}", f"203.0.113.{n}")
    assert guess(ana.email, 110, HOME) == ["refused"] * 110
    assert log_in(Client(), ben.email, address=HOME) == "in", "the office's address has lost nothing"
    counters.forget(f"account:password:{account_key(ana.email)}")  # as after its hour
    assert log_in(Client(), ana.email, address=HOME) == "in", "nor has Ana at this address"


def test_guesses_from_many_addresses_are_slowed_and_a_known_device_is_not(ana: Membership) -> None:
    """security F6: the account's own budget, and the free path of a device that logged in before."""
    known = Client()
    assert log_in(known, ana.email) == "in"
    known.post("/accounts/logout/")
    said = [log_in(Client(), ana.email, f"guess-{n}", f"203.0.{n // 200}.{n % 200}") for n in range(60)]
    assert said == ["wrong"] * 50 + ["refused"] * 10
    limits = redis_client()
    assert 3590 <= max(limits.ttl(key) for key in limits.keys("attempts:*")) <= 3600
    assert log_in(Client(), ana.email, address=HOME) == "refused", "an unknown device waits"
    assert log_in(known, ana.email, address=HOME) == "in"
    known.post("/accounts/logout/")
    assert log_in(known, ana.email, address="192.0.2.1") == "in", "wherever the device is"


def test_a_known_device_guesses_no_more_than_others(ana: Membership) -> None:
    """security F6: a stolen cookie is worth ten attempts, and none for another account."""
    known, ben = Client(), make_member(ana.org, "Ben")
    log_in(known, ana.email)
    known.post("/accounts/logout/")
    assert guess(ana.email, 12, client=known) == ["wrong"] * 10 + ["refused"] * 2
    assert log_in(Client(), ana.email) == "in", "what the device lost, others keep"
    for n in range(50):
        log_in(Client(), ben.email, f"guess-{n}", f"203.0.113.{n}")
    assert log_in(known, ben.email) == "refused", "the device knows Ana only"


@pytest.mark.parametrize("cookie", ["", "x", "W10:1x:y", "eyJ9"])
def test_a_forged_device_cookie_is_no_known_device(ana: Membership, cookie: str) -> None:
    """security F6."""
    forger = Client()
    forger.cookies["device"] = cookie
    assert guess(ana.email, 11, client=forger)[-1] == "refused"


def test_one_address_that_tries_many_accounts_is_slowed(ana: Membership) -> None:
    """security F6, security S8: also for addresses that have no login, alike."""
    known = Client()
    log_in(known, ana.email, address=ELSEWHERE)
    known.post("/accounts/logout/")
    said = [log_in(Client(), f"nobody{n}@northwind.example", "guess", ELSEWHERE) for n in range(101)]
    assert said == ["wrong"] * 100 + ["refused"]
    assert log_in(Client(), ana.email, address=ELSEWHERE) == "refused"
    assert log_in(known, ana.email, address=ELSEWHERE) == "in", (
        "a colleague's known device behind the same address"
    )


def test_spelling_the_address_otherwise_is_the_same_account(ana: Membership) -> None:
    """security F6: PostgreSQL finds a login by upper case, so ſ is an s."""
    spellings = [ana.email, ana.email.upper(), f" {ana.email}", ana.email.replace("northwind", "Northwind")]
    for n in range(50):
        log_in(Client(), spellings[n % 4], f"guess-{n}", f"203.0.113.{n}")
    assert log_in(Client(), ana.email) == "refused"


def test_the_host_of_the_request_opens_no_new_count(ana: Membership, settings: Any) -> None:
    """security F6: allauth counted per Host, and a Host may carry any port."""
    said = [
        log_in(Client(), ana.email, "guess", ELSEWHERE, host=f"testserver:{port}")
        for port in range(8000, 8011)
    ]
    assert said[-1] == "refused"


def test_an_ipv6_customer_is_one_address(ana: Membership) -> None:
    said = [log_in(Client(), ana.email, "guess", f"2001:db8:1:2::{n:x}") for n in range(11)]
    assert said[-1] == "refused"
    assert log_in(Client(), ana.email, address="2001:db8:1:3::1") == "in"


def test_a_reset_of_the_password_ends_the_pause(ana: Membership, settings: Any) -> None:
    """security F6: the way out for a person on a new device while somebody guesses."""
    from django.core import mail

    for n in range(51):
        log_in(Client(), ana.email, f"guess-{n}", f"203.0.113.{n}")
    visitor = Client(REMOTE_ADDR=HOME)
    assert log_in(visitor, ana.email) == "refused"
    visitor.post("/accounts/password/reset/", {"email": ana.email})
    link = next(w for w in mail.outbox[0].body.split() if "/password/reset/key/" in w)
    form = visitor.get(link.removeprefix("http://testserver"), follow=True)
    assert form.status_code == 200
    new = "a-new-long-password-7"
    visitor.post(form.request["PATH_INFO"], {"password1": new, "password2": new})
    assert log_in(Client(), ana.email, new) == "in"
    visitor.post("/accounts/logout/")
    for n in range(51):
        log_in(Client(), ana.email, f"guess-{n}", f"203.0.113.{n}")
    assert log_in(Client(), ana.email, new) == "refused", "the guessing went on"
    assert log_in(visitor, ana.email, new) == "in", "the device of the reset is a known one"


def test_codes_of_the_second_step_are_limited_like_passwords(ana: Membership) -> None:
    """security F6, security S8: a thief with the password neither guesses the code nor locks the owner out."""
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    TOTP.activate(get_user_model().objects.get(pk=ana.user.pk), generate_totp_secret())
    thief = Client(REMOTE_ADDR=ELSEWHERE)
    assert log_in(thief, ana.email, address=ELSEWHERE) == "in", "as far as the second step"
    pages = [
        thief.post("/accounts/2fa/authenticate/", {"code": f"{n:06}"}).content.decode() for n in range(12)
    ]
    assert [REFUSED in page for page in pages] == [False] * 10 + [True] * 2
    owner = Client(REMOTE_ADDR=HOME)
    log_in(owner, ana.email)
    assert REFUSED not in owner.post("/accounts/2fa/authenticate/", {"code": "000000"}).content.decode()


def test_without_redis_each_process_counts(ana: Membership, monkeypatch: Any) -> None:
    """security S8: Redis may be away at any time, the limits are not."""

    def away() -> None:
        raise OSError("away")

    monkeypatch.setattr(counters, "redis_client", away)
    assert guess(ana.email, 11) == ["wrong"] * 10 + ["refused"]
    assert log_in(Client(), ana.email) == "in"


def test_many_at_once_get_no_more_attempts() -> None:
    """security S8: an attempt is counted before its password is compared."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: counters.increment("x", seconds=60, limit=10), range(40)))
    assert sorted(counts) == list(range(1, 41))
