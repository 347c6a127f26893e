"""Who and what tests are about: an org with an owner, a rep and a teammate; an outsider of another org; senders."""

from collections.abc import Iterable
from typing import Any

from senderid.assignment import assign
from senderid.models import Assignment, ProviderAccount, Registration, SenderId
from senderid.provisioning import add_sender
from senderid.registration import register
from tenants.memberships import enroll
from tenants.models import Assignee, Membership, Organization, Profile, Team

PASSWORD = "correct-horse-battery"


def make_org(name: str = "Northwind", country: str = "US", **fields: Any) -> Organization:
    fields.setdefault("allowed_countries", [country])
    return Organization.objects.create(name=name, country=country, timezone="America/New_York", **fields)


def make_member(org: Organization, name: str, role: str = "rep", **fields: Any) -> Membership:
    email = f"{name.lower()}@{org.name.lower().replace(' ', '')}.example"
    return enroll(org=org, email=email, name=name, role=role, password=PASSWORD, **fields)


def make_account(org: Organization, sid: str = "AC" + "1" * 32, **fields: Any) -> ProviderAccount:
    account = ProviderAccount(org=org, label="Carrier", account_sid=sid, **fields)
    account.set_token("token-" + sid[-4:])
    account.save()
    return account


def make_sender(
    org: Organization, value: str = "+14155550134", kind: str = "long_code", **fields: Any
) -> SenderId:
    """A sender that may text its own country: a number is registered there, as one in use would be."""
    fields.setdefault("country", "US")
    made = add_sender(org=org, kind=kind, value=value, **fields)
    if made.is_numeric:
        for country in {made.country, "US", "CA"} if kind == "toll_free" else {made.country}:
            register(sender=made, country=country, status="approved")
    return made


def give(sender: SenderId, to: Organization | Profile | Team | Membership | Any, **rules: Any) -> Assignment:
    """Assigns a sender to an org, profile, team, member, campaign or program."""
    return assign(sender=sender, assignee=Assignee.unscoped.get(pk=to.pk), **rules)


def register_rows(org: Organization, senders: Iterable[SenderId]) -> None:
    """Approves senders that were written in bulk in their own countries."""
    rows = [Registration(org=org, sender=s, country=s.country, status="approved") for s in senders]
    Registration.objects.for_org(org).bulk_create(rows, batch_size=2000)
