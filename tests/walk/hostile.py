"""Values that a careless view fails on: in paths, queries, forms, JSON and headers. Chosen by a seed that tests print."""

import json
import os
import random
from typing import Any
from urllib.parse import quote_from_bytes
from uuid import uuid4

FULL = os.environ.get("WALK") == "full"  # every value for every field; else so many of each, by the seed
SEED = int(os.environ.get("WALK_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
LONG = 10_000

# As bytes, since some are no text in any encoding.
TEXTS: list[bytes] = [
    b"\x00",
    b"Ada\x00Brandt",
    b"\xed\xa0\x80",  # half a pair in UTF-8
    b"\xff\xfe\xfa",
    b"x" * LONG,
    "\U0001f600".encode() * (LONG // 4),
    "\u202eabc\u202d\u2066".encode(),
    b"",
    b" ",
    b"0",
    b"-1",
    b"9" * 25,
    b"9" * 5000,  # more digits than Python converts
    b"1e400",
    b"NaN",
    b"-Infinity",
    "²".encode(),  # isdigit(), but no int()
    "٣".encode(),
    b"true",
    b"null",
    b"[]",
    b'{"a": [1]}',
    b"[" * LONG,
    b"2026-13-45T99:99",
    b"0001-01-01T00:00",
    b"9999-12-31T23:59:59",
    b"2026-03-08T02:30",  # does not exist in New York
    b"+",
    b"+1" + b"4" * 60,
    b"%",
    b"%s%(x)s{0}{x}",
    b"\\",
    b"'\";--<script>alert(1)</script>",
    b"../../etc/passwd",
    b"a\r\nX-Injected: 1",
    b"{{ x | y }}{% for %}",
    b"http://[",
    b"//evil.example",
    b"a@b@c",
    b"xn--a" * 30 + b"@x.example",
]

# JSON texts, since some are no value that Python's own encoder writes.
VALUES: list[str] = [
    '"\\u0000"', '"\\ud800"', '"\\ud83d x"', json.dumps("x" * LONG), '"\u202eabc"', '""', '" "', "0", "-1", "1.5",
    "9" * 25, "9" * 4999, "1e400", "-1e400", "NaN", "Infinity", "2147483648", "9223372036854775808", "true", "null",
    "[]", "{}", "[null]", "[[]]", "[{}]", '{"a": {"b": [1, "\\u0000"]}}', '{"": ""}', '{"\\ud800": 1}',
    "[" * 900 + "]" * 900,
    '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59-14:00"', '"2026-13-45"', '"{{ x | y }}{% for %}"', '"²"', '"+"',
    json.dumps(["x"] * 500), '["\\ud800"]', json.dumps("{% for a in (1..9) %}" * 400),
]  # fmt: skip

BODIES: list[bytes] = [
    b"", b"null", b"[]", b'"x"', b"1", b"{", b"\xff", b'{"a": \xed\xa0\x80}', b"[" * 100_000, b'{"a":' * 50_000,
    b"{" + b'"a": 1,' * 3 + b'"a": 2}', b"NaN", "\ufeff{}".encode(), b"9" * 10_000,
]  # fmt: skip

CONTENT_TYPES = [
    "", "text/plain", "application/xml", "multipart/form-data", "multipart/form-data; boundary=", "application/json",
    "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=nothing",
    "application/json; charset=utf-16", "application/json; charset=nothing", "x" * 500, "/", "\u00ff",
]  # fmt: skip

HEADERS: dict[str, list[str]] = {
    "HX-Request": ["true", "\xff"], "HX-Current-URL": ["http://[", "x" * LONG, "\xff"], "HX-Target": ["\xff"],
    "HX-Boosted": ["true"], "X-Page-Org": ["", "\xff", "x" * LONG, str(uuid4())], "X-Composer": ["1", "\xff"],
    "X-CSRFToken": ["\xff", "x" * LONG], "Authorization": ["Bearer", "Bearer \xff", "Bearer cs_live_" + "x" * LONG,
    "Basic \xff", "Bearer a b"], "Cookie": ["sessionid=\xff; csrftoken=\xff", "sessionid=" + "x" * 4000, "=;=;,"],
    "Accept": ["\xff", "application/xml", "text/html;q=x", "*/*;q=9"], "Accept-Language": ["\xff", "x-" * 900],
    "X-Forwarded-For": ["\xff", "1.2.3.4, " * 900, "::1%\xff"], "Idempotency-Key": ["", "\xff", "x" * LONG],
    "If-Match": ["\xff", "x" * LONG, "*", '""', 'W/"x"'], "If-None-Match": ["\xff", "*"], "Range": ["bytes=9-1"],
    "If-Modified-Since": ["\xff", "Mon, 99 Foo 0000"], "Referer": ["http://[", "\xff"], "Origin": ["http://[", "null"],
    "X-Twilio-Signature": ["", "\xff", "x" * LONG], "User-Agent": ["", "\xff", "x" * LONG],
    "X-HTTP-Method-Override": ["DELETE"], "Host": ["\xff", "x" * 300, "["],
}  # fmt: skip


def encoded(pairs: list[tuple[bytes | str, bytes | str]]) -> bytes:
    """A query or a form of these names and values."""
    return b"&".join(quoted(name) + b"=" + quoted(value) for name, value in pairs)


def quoted(text: bytes | str) -> bytes:
    return quote_from_bytes(text if isinstance(text, bytes) else text.encode(), safe="").encode()


def some(of: list[Any], count: int, salt: str) -> list[Any]:
    """`count` of them, others for each place (`salt`) and seed; all in the full walk."""
    if FULL or count >= len(of):
        return list(of)
    return random.Random(f"{SEED} {salt}").sample(of, count)
