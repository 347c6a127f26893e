"""Makes an org with its first owner, a provider account and an API key; again with the same name: one more key."""

import json
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from senderid.models import ProviderAccount
from senderid.providers.twilio import announce_account
from tenants import api_keys, roles
from tenants.errors import DomainError
from tenants.limits import readable_country
from tenants.memberships import enroll
from tenants.models import Membership, Organization

ZONES = {"US": "America/New_York", "GB": "Europe/London", "DE": "Europe/Berlin", "FR": "Europe/Paris"}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--org", required=True)
        parser.add_argument("--email", required=True)
        parser.add_argument("--password")
        parser.add_argument("--country", default="US")
        parser.add_argument("--simulator", action="store_true")
        parser.add_argument("--twilio-sid")
        parser.add_argument("--twilio-token")
        parser.add_argument("--provider-base-url", default="")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            with transaction.atomic():
                answer, account = self._make(given)
        except DomainError as error:
            raise CommandError(error.text) from error
        if account is not None and account.is_simulator:
            announce_account(account)
        text = json.dumps(answer, default=str) if given["json"] else _for_people(answer)
        self.stdout.write(text)

    def _make(self, given: dict[str, Any]) -> tuple[dict[str, Any], ProviderAccount | None]:
        org = Organization.objects.filter(name=given["org"]).order_by("created_at").first()
        if org is None:
            org = make_org(given["org"], readable_country(given["country"]))
        owner = _owner(org, given["email"], given["password"])
        account = _account(org, given)
        maker = owner if roles.may(owner, roles.MANAGE_OWNERS) else None
        _, key = api_keys.mint(org=org, name="bootstrap", created_by=maker)
        shown = account and {
            "id": account.pk,
            "account_key": account.account_key,
            "account_sid": account.account_sid,
            "auth_token": account.auth_token if account.is_simulator else None,
        }
        return {"org": org.pk, "user": owner.user_id, "api_key": key, "provider_account": shown}, account


def make_org(name: str, country: str) -> Organization:
    """A new org that may text its own country."""
    zone = ZONES.get(country, "UTC")
    return Organization.objects.create(name=name, country=country, allowed_countries=[country], timezone=zone)


def _owner(org: Organization, email: str, password: str | None) -> Membership:
    known = Membership.objects.for_org(org).filter(email__iexact=email, user__isnull=False).first()
    if known is not None:
        return known
    if Membership.objects.for_org(org).exists():
        owners = Membership.objects.for_org(org).filter(role="owner", is_active=True, user__isnull=False)
        return owners.order_by("created_at")[0]
    if not password:
        raise CommandError("--password is needed for a new organization's first owner.")
    return enroll(org=org, email=email, name=email.split("@")[0], role="owner", password=password)


def _account(org: Organization, given: dict[str, Any]) -> ProviderAccount | None:
    known = ProviderAccount.objects.for_org(org).order_by("created_at").first()
    if known is not None:
        return known
    if given["simulator"]:
        return make_simulator_account(org)
    if not given["twilio_sid"]:
        return None
    if not given["twilio_token"]:
        raise CommandError("--twilio-token is needed with --twilio-sid.")
    account = ProviderAccount(
        org=org, label="Twilio", account_sid=given["twilio_sid"], base_url=given["provider_base_url"]
    )
    account.set_token(given["twilio_token"])
    account.save()
    return account


def make_simulator_account(org: Organization) -> ProviderAccount:
    """An account of the carrier simulator; its address is read from SIMULATOR_PORT, not stored."""
    account = ProviderAccount(
        org=org, label="Simulator", account_sid="AC" + secrets.token_hex(16), is_simulator=True
    )
    account.set_token(secrets.token_hex(16))
    account.save()
    return account


def _for_people(answer: dict[str, Any]) -> str:
    lines = [
        f"organization  {answer['org']}",
        f"owner         {answer['user']}",
        f"API key       {answer['api_key']}",
    ]
    if answer["provider_account"]:
        lines.append(f"account       {answer['provider_account']['account_sid']}")
    return "\n".join(lines)
