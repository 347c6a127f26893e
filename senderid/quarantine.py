"""A sender that its provider refuses again and again is not chosen for an hour, or until an admin activates it again.

One refusal says little, for some depend on the number that is texted; the third of the same kind within ten minutes
puts it aside. What waits on it already is still tried.
"""

from datetime import timedelta
from uuid import UUID

from django.db.models import Case, F, Value, When
from django.utils import timezone

from senderid.models import SenderId
from tenants import audit

REFUSALS = 3
WITHIN = timedelta(minutes=10)
LASTS = timedelta(hours=1)


def note_refusal(*, org_id: UUID, sender_id: UUID, code: str, text: str) -> bool:
    """Counts a refusal of the sender itself; whether it is in quarantine from now on."""
    now = timezone.now()
    rows = SenderId.objects.for_org(org_id).filter(pk=sender_id)
    in_a_row = When(refused_code=code, refused_at__gt=now - WITHIN, then=F("refusals") + 1)
    rows.update(refusals=Case(in_a_row, default=Value(1)), refused_code=code, refused_at=now)
    begins = rows.filter(refusals__gte=REFUSALS).exclude(quarantined_until__gt=now)
    reason = f"The provider refused it (code {code}): {text}"[:200]
    if not begins.update(quarantined_until=now + LASTS, quarantine_reason=reason, refusals=0):
        return False
    sender = rows.get()
    audit.note(
        org_id=org_id,
        action="sender.quarantined",
        target=sender,
        text=f"{sender.display} set aside. {reason}",
    )
    return True


def release(sender: SenderId) -> None:
    """An admin activated it again; the caller saves."""
    sender.quarantined_until, sender.quarantine_reason, sender.refusals = None, "", 0
