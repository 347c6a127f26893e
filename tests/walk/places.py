"""Every address of the project, read from the URL configuration, with arguments for each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.urls import URLResolver, get_resolver
from django.utils.regex_helper import normalize

PROBES = ("healthz", "readyz", "metrics")  # config.health answers them before the URL configuration is asked

# Beginning of a route → the kind of row its `pk` or `object_id` names (tests/walk/scene.py). The longest one counts.
ROWS = {
    "api/v1/messages/": "message", "api/v1/conversations/": "conversation", "api/v1/contacts/": "contact",
    "api/v1/contact-lists/": "list", "api/v1/opt-outs/": "opt_out", "api/v1/campaigns/": "campaign",
    "api/v1/programs/": "program", "api/v1/api-keys/": "key", "api/v1/members/": "member",
    "api/v1/profiles/": "profile", "api/v1/teams/": "team", "api/v1/sender-ids/": "sender",
    "api/v1/delegations/": "delegation", "api/v1/country-rules/": "country", "api/v1/assignments/": "assignment",
    "api/v1/notifications/": "notification", "api/v1/email-templates/": "template",
    "admin/tenants/organization/": "org", "admin/tenants/user/": "user", "admin/senderid/countryrule/": "rule",
    "admin/r/": "user", "inbox/": "conversation", "contacts/": "contact", "quarantine/": "event",
    "campaigns/": "campaign", "programs/": "program", "opt-outs/": "opt_out", "people/": "member",
    "people/%(kind)s/": "group", "senders/": "sender", "absences/": "delegation", "assignees/": "profile",
    "settings/accounts/": "account", "assignments/": "assignment", "why/": "inbound",
    "notifications/templates/": "template", "developers/": "key", "media/": "media", "api/v1/media/": "media",
}  # fmt: skip
# Every other argument: its values, or the kind of row it names.
VALUES = {
    "code": ["DE", "de", "XX"],
    "country": ["US"],
    "what": ["start", "pause", "resume"],
    "to": ["suspended", "retired", "active"],
    "kind": ["profiles", "teams"],
    "key": ["none"],
    "secret": ["none"],
    "uidb36": ["1"],
    "rest": ["nothing"],
    "url": ["nothing/"],
    "app_label": ["tenants", "nothing"],
}
NAMED = {
    "message_pk": "message",
    "account_key": "account_key",
    "attempt_id": "attempt",
    "content_type_id": "type",
}


@dataclass(frozen=True)
class Place:
    """One pattern; `route` has its arguments as `%(name)s`."""

    route: str
    params: tuple[str, ...]
    name: str

    def __str__(self) -> str:
        return "/" + self.route

    @property
    def is_api(self) -> bool:
        return self.route.startswith("api/v1/")

    @property
    def is_webhook(self) -> bool:
        return self.route.startswith("webhooks/")

    @property
    def is_console(self) -> bool:
        return not self.route.startswith(("api/", "webhooks/", "accounts/", "admin/", *PROBES))

    def path(self, arguments: dict[str, str]) -> str:
        """The address, arguments quoted."""
        return "/" + self.route % {name: quote(value, safe="") for name, value in arguments.items()}

    def arguments(self, rows: dict[str, str]) -> list[dict[str, str]]:
        """Each set of arguments that a test visits. Raises LookupError where a new argument has no sample."""
        found: list[dict[str, str]] = [{}]
        for param in self.params:
            found = [one | {param: value} for one in found for value in self._values(param, one, rows)]
        return found

    def _values(self, param: str, known: dict[str, str], rows: dict[str, str]) -> list[str]:
        if param in ("pk", "object_id"):
            return [rows[self._kind(known)]]
        if param in NAMED:
            return [rows[NAMED[param]]]
        if param in VALUES:
            return VALUES[param]
        raise LookupError(f"{self}: {param} has no sample argument in tests/walk/places.py")

    def _kind(self, known: dict[str, str]) -> str:
        starts = [start for start in ROWS if self.route.startswith(start)]
        if not starts:
            raise LookupError(f"{self}: its id has no kind of row in tests/walk/places.py")
        kind = ROWS[max(starts, key=len)]
        return known["kind"].removesuffix("s") if kind == "group" else kind


def places() -> list[Place]:
    return [*_places(get_resolver().url_patterns), *(Place(name, (), name) for name in PROBES)]


def _places(patterns: Any, start: str = "", params: tuple[str, ...] = ()) -> Iterator[Place]:
    for pattern in patterns:
        part, names = _format(pattern)
        if isinstance(pattern, URLResolver):
            yield from _places(pattern.url_patterns, start + part, (*params, *names))
        else:
            yield Place(start + part, (*params, *names), pattern.name or "")


def _format(pattern: Any) -> tuple[str, tuple[str, ...]]:
    source = pattern.pattern.regex.pattern.removeprefix("^").removesuffix("$").removesuffix(r"\Z")
    text, names = normalize(source)[0]
    return text, tuple(names)
