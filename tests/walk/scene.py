"""Who walks and what there is: an org with a row of each kind, an empty one, another one, and visitors of each role."""

from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from senderid.models import CountryRule
from tenants import api_keys
from tenants.models import Membership, Organization, User
from tests.api_rows import rows_of
from tests.office import Office
from tests.world import PASSWORD, make_member, make_org

ROLES = (
    "owner",
    "admin",
    "rep",
    "rep without a team",
    "viewer",
    "outsider",
    "member of nothing",
    "operator",
    "anonymous",
)
KEYS = ("live key", "test key", "key of another organization", "no key")
OUTSIDE = "+14155550177"


@dataclass
class Visitor:
    """A browser or a program, with what it sends along each time."""

    role: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))


class Scene:
    """`rows` and `theirs` hold ids of one row of each kind, of our org and of another."""

    def __init__(self) -> None:
        self.ours, self.other = Office("Ours"), Office("Theirs")
        self.other.sender.value = OUTSIDE
        self.other.sender.save(update_fields=["value"])
        self.empty = make_org("Empty")
        self.operator = User.objects.create_superuser("operator@callsign.example", PASSWORD)
        self.rows, self.theirs = _rows(self.ours), _rows(self.other)

    def visitors(self) -> dict[str, Visitor]:
        """One of each role at the org with rows."""
        people = self.ours.people
        viewer = make_member(self.ours.org, "Vic", "viewer")
        nobody = User.objects.create_user("nobody@callsign.example", PASSWORD)
        found = {
            "owner": people["Olga"], "admin": people["Ada"], "rep": people["Ann"], "rep without a team": people["Rob"],
            "viewer": viewer, "outsider": self.other["Ada"], "member of nothing": nobody,
            "operator": self.operator, "anonymous": None,
        }  # fmt: skip
        return {role: _visitor(role, who) for role, who in found.items()}

    def in_empty_org(self) -> dict[str, Visitor]:
        return {
            role: _visitor(role, make_member(self.empty, role.capitalize(), role))
            for role in ("owner", "admin", "rep", "viewer")
        }

    def keys(self) -> dict[str, Visitor]:
        every = list(api_keys.SCOPES)
        return {
            "live key": _program("live key", self.ours.org, scopes=every),
            "test key": _program("test key", self.ours.org, scopes=every, sandbox=True),
            "key of another organization": _program("outsider", self.other.org, scopes=every),
            "no key": Visitor("no key"),
        }


def _rows(office: Office) -> dict[str, str]:
    rows = rows_of(office)
    owner = office["Olga"]
    attempt = office.sent(by="Ann", status="accepted").attempts.create(
        org_id=office.org.pk, no=1, sender_value="+1"
    )
    quarantined = office.event(number="+16285550133")
    return rows | {
        "event": str(quarantined.pk),
        "attempt": str(attempt.pk),
        "account_key": office.account.account_key,
        "country": "US",
        "user": str(owner.user_id),
        "rule": str(CountryRule.objects.values_list("pk", flat=True).first()),
        "type": str(ContentType.objects.get_for_model(User).pk),
    }


def _visitor(role: str, who: Membership | User | None) -> Visitor:
    visitor = Visitor(role)
    user: Any = who.user if isinstance(who, Membership) else who
    if user is not None:
        visitor.client.force_login(user)
    if role == "operator":
        _give_second_factor(visitor.client, user)
    return visitor


def _give_second_factor(client: Client, user: User) -> None:
    TOTP.activate(user, generate_totp_secret())
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": 9_999_999_999, "type": "totp"}]
    session.save()


def _program(role: str, org: Organization, **key: Any) -> Visitor:
    _, text = api_keys.mint(org=org, name=role, **key)
    return Visitor(role, Client(headers={"authorization": f"Bearer {text}"}, raise_request_exception=False))
