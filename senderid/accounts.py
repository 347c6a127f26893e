"""Accounts with carriers: rotating the token."""

from senderid.models import ProviderAccount
from tenants import audit
from tenants.errors import unreadable


def change_token(*, account: ProviderAccount, token: str) -> None:
    """Seals a new token; signatures made with the old one count on until the next change."""
    if len(token.strip()) < 8:
        raise unreadable("token", "This is too short for a token; copy it whole from the carrier’s console.")
    account.set_token(token.strip())
    account.save(update_fields=["sealed_token", "sealed_previous_token"])
    audit.note(
        org_id=account.org_id,
        action="account.token_changed",
        target=account,
        text=f"{account.label}: new token",
        changed=["token"],
    )
