"""Out of office, as far as one sender is concerned: who is away, and who hears of its texts instead.

A stand-in who is away as well, was deactivated, or covers only other senders stands in for nobody here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from tenants.models import Delegation, Membership


@dataclass(frozen=True)
class Absence:
    """Somebody is away now; `stand_in` is None when nobody hears it instead."""

    absent: Membership
    stand_in: Membership | None = None
    copy_absent: bool = False


def absences(*, org_id: UUID, member_ids: Iterable[UUID], sender_id: UUID | None) -> dict[UUID, Absence]:
    """{absent member id: Absence}; of several that cover the sender the newest start wins."""
    running = list(_running(org_id, member_ids))
    stand_ins = [delegation.stand_in_id for delegation in running if delegation.stand_in_id]
    also_away = set(_running(org_id, stand_ins).values_list("absent", flat=True)) if stand_ins else set()
    found: dict[UUID, Absence] = {}
    for delegation in running:
        if not _covers(delegation, sender_id):
            found.setdefault(delegation.absent_id, Absence(delegation.absent))
            continue
        stand_in = delegation.stand_in
        if stand_in is not None and (not stand_in.is_active or stand_in.pk in also_away):
            stand_in = None
        found[delegation.absent_id] = Absence(delegation.absent, stand_in, delegation.copy_absent)
    return found


def reachable(*, member: Membership, sender_id: UUID | None) -> Membership | None:
    """The member, whoever stands in for them, or None: deactivated, or away and nobody stands in."""
    if not member.is_active:
        return None
    away = absences(org_id=member.org_id, member_ids=[member.pk], sender_id=sender_id).get(member.pk)
    return away.stand_in if away else member


def _running(org_id: UUID, member_ids: Iterable[UUID]) -> QuerySet[Delegation]:
    now = timezone.now()
    rows = Delegation.objects.for_org(org_id).filter(
        absent__in=list(member_ids), starts_at__lte=now, ends_at__gt=now
    )
    related = rows.select_related("stand_in__user", "absent__user").prefetch_related("chosen_senders")
    return related.order_by("starts_at")


def _covers(delegation: Delegation, sender_id: UUID | None) -> bool:
    if delegation.all_senders:
        return True
    chosen = [row.sender_id for row in delegation.chosen_senders.all()]  # type: ignore[attr-defined]
    return sender_id in chosen
