"""Assigning: one Sender ID to one assignee, with its rules; at most one default per assignee and country."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.dispatch import Signal

from senderid.country_rules import NEEDS_REGISTRATION, REFUSED, verdicts_of
from senderid.models import Assignment, AssignmentCountry, SenderId
from tenants import audit
from tenants.errors import DomainError, register, unreadable
from tenants.limits import readable_country
from tenants.models import Assignee

# Sent inside the transaction, before it commits: a higher layer may refuse by raising a DomainError.
assigning = Signal()
ALL = [""]


def assign(
    *,
    sender: SenderId,
    assignee: Assignee,
    countries: list[str] | None = None,
    is_default: bool = False,
    priority: int = 100,
    can_send: bool = True,
    can_read: bool = True,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> Assignment:
    """Gives `sender` to `assignee`; empty `countries` means all. 422 `duplicate`, `second_default`."""
    if sender.status == SenderId.Status.RETIRED:
        raise DomainError(
            "sender_retired", f"{sender.display} is retired; choose another.", field="sender_id"
        )
    assignment = Assignment(
        org_id=sender.org_id,
        sender=sender,
        assignee=assignee,
        priority=priority,
        can_send=can_send,
        can_read=can_read,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    _save(assignment, countries or [], is_default, new=True)
    audit.note(
        org_id=sender.org_id,
        action="assignment.made",
        target=assignment,
        text=f"{sender.display} assigned to {assignee.name}",
        sender=str(assignment.sender_id),
    )
    return assignment


def change_assignment(*, assignment: Assignment, **changes: Any) -> Assignment:
    """Changes any of assign's arguments but the sender and the assignee."""
    countries = changes.pop("countries", None)
    is_default = changes.pop("is_default", assignment.is_default)
    changed = audit.differing(assignment, changes | {"is_default": is_default})
    was = assignment.country_codes
    for field, value in changes.items():
        setattr(assignment, field, value)
    _save(assignment, was if countries is None else countries, is_default, new=False)
    if countries is not None and sorted(countries) != sorted(was):
        changed.append("countries")
    audit.note(
        org_id=assignment.org_id,
        action="assignment.changed",
        target=assignment,
        text=f"{assignment.sender.display} for {assignment.assignee.name} changed",
        sender=str(assignment.sender_id),
        changed=changed,
    )
    return assignment


def end_assignment(*, assignment: Assignment) -> None:
    """Takes the sender away again. Conversations stay; who may read them is asked anew each time."""
    audit.note(
        org_id=assignment.org_id,
        action="assignment.ended",
        target=assignment,
        text=f"{assignment.sender.display} taken from {assignment.assignee.name}",
        sender=str(assignment.sender_id),
    )
    assignment.delete()


def _save(assignment: Assignment, countries: list[str], is_default: bool, *, new: bool) -> None:
    codes = sorted({readable_country(code, "countries") for code in countries}) or ALL
    if assignment.valid_from and assignment.valid_until and assignment.valid_until <= assignment.valid_from:
        raise unreadable("valid_until", "It ends before it begins; give a later end.")
    _check_grants(assignment)
    assignment.is_default = is_default
    try:
        with transaction.atomic():
            SenderId.objects.for_org(assignment.org_id).select_for_update().get(pk=assignment.sender_id)
            assigning.send(Assignment, assignment=assignment)
            assignment.save()
            _write_countries(assignment, codes, is_default)
    except IntegrityError as error:
        raise _explain(error, assignment) from error


def _check_grants(assignment: Assignment) -> None:
    """422 `grants_nothing` for an assignment that lets nobody send or read."""
    sender = assignment.sender
    if (assignment.can_send and sender.sends) or (assignment.can_read and sender.receives):
        return
    text = "It would grant neither sending nor reading. Allow at least one of the two."
    if assignment.can_send or assignment.can_read:
        only, other = ("sends", "sending") if sender.sends else ("receives", "reading")
        text = f"{sender.display} only {only}, so this grants nothing. Allow {other}."
    raise DomainError("grants_nothing", text, field="can_send")


def warnings_of(assignment: Assignment, countries: list[str] | None = None) -> list[tuple[str, str]]:
    """What saves, but an admin should know: (code, sentence). `countries` as typed; default: those it has."""
    sender = assignment.sender
    codes = assignment.country_codes if countries is None else countries
    if not codes or not (assignment.can_send and sender.sends):
        return []
    verdicts = verdicts_of(sender=sender, countries=codes)
    if any(verdict.verdict not in (REFUSED, NEEDS_REGISTRATION) for _, verdict, _ in verdicts):
        return []
    return [
        (verdict.code, f"{sender.display} can’t send there: {verdict.text}") for _, verdict, _ in verdicts[:3]
    ]


def _write_countries(assignment: Assignment, codes: list[str], is_default: bool) -> None:
    rows = AssignmentCountry.objects.for_org(assignment.org_id)
    rows.filter(assignment=assignment).delete()
    for code in codes:
        rows.create(
            assignment=assignment, assignee_id=assignment.assignee_id, country=code, is_default=is_default
        )


def _explain(error: IntegrityError, assignment: Assignment) -> DomainError:
    if "one_default" in str(error):
        return DomainError(
            "second_default",
            f"{assignment.assignee.name} has a default for one of these countries already; unset it there first.",
            field="is_default",
        )
    return DomainError(
        "duplicate",
        f"{assignment.sender.display} is assigned to {assignment.assignee.name} already; change that assignment.",
        field="assignee",
    )


def assignee_named(*, org_id: UUID, kind: str, given: Any) -> Assignee:
    """The assignee of this kind and id; 400 that names the field otherwise."""
    if kind not in Assignee.Kind.values:
        raise unreadable("assignee.kind", f"“{kind}” is none of: {', '.join(Assignee.Kind.values)}.")
    try:
        found = Assignee.objects.for_org(org_id).filter(kind=kind, pk=UUID(str(given))).first()
    except ValueError:
        found = None
    if found is None:
        raise unreadable("assignee.id", f"There is no {kind} with this id.", "not_found")
    return found


register({"grants_nothing": "The assignment grants neither sending nor reading."})
