"""Through the server as it runs: nobody gets a new address by writing one into a header (security F6, security S8)."""

from collections.abc import Callable

import pytest
from serving import Caller, running_web

from tenants.hints import redis_client

pytestmark = pytest.mark.django_db
CLIENT, OTHER = "198.51.100.7", "203.0.113.9"
Lines = list[tuple[str, str]]


def forged(number: int) -> str:
    return f"192.0.2.{number}"


def in_one_line(number: int) -> Lines:
    """As nginx passes it on: what the client wrote, then the client's address."""
    return [("X-Forwarded-For", f"{forged(number)}, {CLIENT}")]


def in_two_lines(number: int) -> Lines:
    """As HAProxy passes it on: the client's own line, then one of the proxy."""
    return [("X-Forwarded-For", forged(number)), ("X-Forwarded-For", CLIENT)]


def in_other_headers(number: int) -> Lines:
    others = (
        "X-Real-IP",
        "Forwarded",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
        "Remote-Addr",
        "REMOTE_ADDR",
    )
    return [*((name, forged(number)) for name in others), ("X-Forwarded-For", CLIENT)]


def without_a_proxy(number: int) -> Lines:
    return [
        ("X-Forwarded-For", forged(number)),
        ("X_Forwarded_For", forged(number)),
        ("X-Real-IP", forged(number)),
    ]


@pytest.mark.parametrize(
    ("proxies", "ways"),
    [(0, [without_a_proxy]), (1, [in_one_line, in_two_lines, in_other_headers])],
    ids=["without a proxy", "behind one"],
)
def test_a_forged_address_opens_no_new_count(proxies: int, ways: list[Callable[[int], Lines]]) -> None:
    """security F6 (b): granian hands on the headers as they came; the app alone decides which entry counts."""
    redis_client().flushdb()
    email = "ana@northwind.example"
    with running_web(TRUSTED_PROXY_COUNT=str(proxies)) as port:
        caller = Caller(port)
        guesses = [caller.log_in(email, ways[number % len(ways)](number)) for number in range(11)]
        assert guesses == ["wrong"] * 10 + ["refused"], "each way counts for the same address"
        if proxies:
            others = [("X-Forwarded-For", f"{CLIENT}, {OTHER}")]
            assert caller.log_in(email, others) == "wrong", "another client of the proxy goes on"
