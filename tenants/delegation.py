"""Absences: who is away, who stands in, from when to when. Which senders it covers: `senderid.delegated`."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from tenants import audit
from tenants.errors import DomainError, register, unreadable
from tenants.models import Delegation, Membership


def delegate(
    *,
    absent: Membership,
    stand_in: Membership | None,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    copy_absent: bool = False,
    all_senders: bool = True,
) -> Delegation:
    """Records an absence; without a stand-in the member is just away. 422 `viewer_cannot_cover`."""
    _check(absent, stand_in, starts_at, ends_at)
    _demand_sender(stand_in)
    delegation = Delegation.objects.for_org(absent.org_id).create(
        absent=absent,
        stand_in=stand_in,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
        copy_absent=copy_absent,
        all_senders=all_senders,
    )
    who = stand_in.name if stand_in else "nobody"
    audit.note(
        org_id=absent.org_id,
        action="delegation.made",
        target=delegation,
        text=f"{who} stands in for {absent.name} until {ends_at:%Y-%m-%d %H:%M} UTC",
    )
    return delegation


def change_delegation(*, delegation: Delegation, **changes: Any) -> Delegation:
    """Changes any of delegate's arguments but who is absent."""
    for field, value in changes.items():
        setattr(delegation, field, value)
    if "stand_in" in changes:
        _demand_sender(delegation.stand_in)
    _check(delegation.absent, delegation.stand_in, delegation.starts_at, delegation.ends_at)
    delegation.save()
    audit.note(
        org_id=delegation.org_id,
        action="delegation.changed",
        target=delegation,
        text=f"The absence of {delegation.absent.name} was changed: {', '.join(changes)}",
    )
    return delegation


def _check(absent: Membership, stand_in: Membership | None, starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise unreadable("end", "The absence ends before it starts; give a later end.")
    if stand_in is not None and stand_in.pk == absent.pk:
        raise unreadable("to", "Nobody stands in for themselves; choose someone else, or nobody.")


def _demand_sender(stand_in: Membership | None) -> None:
    """A delegate reads and sends; a viewer would only read, and nobody would reply."""
    if stand_in is not None and not stand_in.may_write:
        text = f"{stand_in.name} is a viewer and can’t send. Choose someone who can, or nobody."
        raise DomainError("viewer_cannot_cover", text, field="to")


def end_delegation(*, delegation: Delegation) -> None:
    """Ends it now; one that has not begun is removed."""
    now = timezone.now()
    audit.note(
        org_id=delegation.org_id,
        action="delegation.ended",
        target=delegation,
        text=f"The absence of {delegation.absent.name} was ended",
    )
    if delegation.starts_at >= now:
        delegation.delete()
    elif delegation.ends_at > now:
        delegation.ends_at = now
        delegation.save(update_fields=["ends_at"])


register({"viewer_cannot_cover": "A viewer can’t send, so they can’t cover for someone."})
