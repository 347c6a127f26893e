"""How a member wants to be told. It only reduces, unless a rule is mandatory (`recipients` heeds it)."""

from collections.abc import Iterable

from django.db import transaction

from notifications.models import Preference
from senderid.models import SenderId
from tenants import audit
from tenants.models import Membership


@transaction.atomic
def set_preferences(*, member: Membership, how: str, quiet: Iterable[SenderId]) -> None:
    """Replaces all wishes of the member: the usual one, and the senders of which they want no mail."""
    rows = Preference.objects.for_org(member.org_id)
    rows.filter(member=member).delete()
    audit.note(
        org_id=member.org_id,
        action="preferences.set",
        target=member,
        text=f"{member.name} set their notification preferences",
        changed=["how", "quiet"],
    )
    rows.create(member=member, sender=None, how=how)
    for sender in quiet:
        rows.create(member=member, sender=sender, how=Preference.How.OFF)
