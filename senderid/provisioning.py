"""Setting up Sender IDs: every validation, warnings, suspending and retiring; provider accounts."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.dispatch import Signal
from django.utils import timezone

from senderid import quarantine
from senderid.country_rules import NEEDS_REGISTRATION, REFUSED, Verdict, home_verdicts
from senderid.instructions import named_elsewhere
from senderid.models import Kind, ProviderAccount, SenderId
from senderid.phone_numbers import is_safe_name, read_name, read_number, read_short_code
from senderid.providers.twilio import announce_number
from senderid.registration import register_simulated
from tenants import audit
from tenants.errors import DomainError, register, unreadable
from tenants.limits import readable_country
from tenants.models import Organization

NORTH_AMERICA = {"US", "CA"}
MPS = {Kind.LONG_CODE: 1, Kind.TOLL_FREE: 3, Kind.ALPHANUMERIC: 10, Kind.SHORT_CODE: 100}
Direction, Status = SenderId.Direction, SenderId.Status
ENDED = (Status.SUSPENDED, Status.RETIRED)
# Sent with the sender (`changed`) before it is saved: a higher layer may refuse by raising a DomainError.
changing = Signal()


def add_sender(
    *,
    org: Organization,
    kind: str,
    value: str,
    country: str,
    label: str = "",
    status: str = Status.ACTIVE,
    direction: str | None = None,
    provider_account: ProviderAccount | None = None,
    mps: int | None = None,
    reply_number: SenderId | None = None,
    reply_instruction: str = "",
) -> SenderId:
    """A new Sender ID; `mps` in segments a second (default by kind). 400 for what can't be read, 422 otherwise."""
    if kind not in Kind.values:
        raise unreadable("kind", f"“{kind}” is no kind; there are: {', '.join(Kind.values)}.")
    country = readable_country(country)
    sender = SenderId(
        org=org,
        kind=kind,
        value=read_value(kind=kind, value=value, country=country),
        country=country,
        label=label.strip() or value,
        status=status,
        direction=direction or (Direction.OUTGOING if kind == Kind.ALPHANUMERIC else Direction.BOTH),
        provider_account=provider_account or only_account(org),
        mps=MPS[Kind(kind)] if mps is None else mps,
        reply_number=reply_number,
        reply_instruction=reply_instruction.strip(),
    )
    _check(sender)
    try:
        with transaction.atomic():
            sender.save()
            register_simulated(sender)
    except IntegrityError:
        raise DomainError("duplicate", f"{sender.display} exists in this account already.", field="value")
    audit.note(
        org_id=org.pk, action="sender.added", target=sender, text=f"{sender.display} ({sender.kind}) added"
    )
    _tell_simulator(sender)
    return sender


def change_sender(*, sender: SenderId, **changes: Any) -> SenderId:
    """Changes label, status, direction, mps, reply number and instruction; kind, value and country stay."""
    if sender.status == Status.RETIRED and changes.get("status", Status.RETIRED) != Status.RETIRED:
        raise DomainError("sender_retired", "A retired sender stays so; add the number anew.", field="status")
    changed = audit.differing(sender, changes)
    for field, value in changes.items():
        setattr(sender, field, value)
    _check(sender)
    changing.send(SenderId, changed=sender)
    if changes.get("status") == Status.ACTIVE:
        quarantine.release(sender)
    if sender.status == Status.RETIRED and sender.retired_at is None:
        sender.retired_at = timezone.now()
    sender.save()
    audit.note(
        org_id=sender.org_id,
        action="sender.changed",
        target=sender,
        text=f"{sender.display} changed: {', '.join(changes)}",
        status=sender.status,
        changed=changed,
    )
    _tell_simulator(sender)
    return sender


def delete_sender(*, sender: SenderId) -> None:
    """Deletes one that never spoke; one with history is only retired (422 `in_use`)."""
    audit.note(org_id=sender.org_id, action="sender.deleted", target=sender, text=f"{sender.display} deleted")
    try:
        with transaction.atomic():
            sender.delete()
    except (ProtectedError, IntegrityError):
        # Texts and conversations, which only higher layers know of, protect the row.
        raise DomainError("in_use", f"{sender.display} has history; set its status to retired instead.")


def read_value(*, kind: str, value: str, country: str) -> str:
    """The stored form of a value of this kind; 400 that names the mend."""
    if kind == Kind.ALPHANUMERIC:
        return read_name(value)
    if kind == Kind.SHORT_CODE:
        return read_short_code(value)
    number = read_number(value, country=country, field="value", line=True)
    if kind == Kind.TOLL_FREE and not number.toll_free:
        raise unreadable("value", f"{value} is no toll-free number; choose the kind long_code.", "wrong_kind")
    if kind == Kind.LONG_CODE and number.toll_free:
        raise unreadable("value", f"{value} is a toll-free number; choose the kind toll_free.", "wrong_kind")
    if number.country != country and not (
        kind == Kind.TOLL_FREE and {number.country, country} <= NORTH_AMERICA
    ):
        where = number.country or "no single country"
        raise unreadable("country", f"{value} belongs to {where}, not to {country}.", "wrong_country")
    return number.e164


def warnings_of(sender: SenderId, home: Verdict | None = None) -> list[tuple[str, str]]:
    """What saves, but an admin should know: (code, sentence). `home` is its verdict at home, read when missing."""
    found = _warnings_at_home(sender, home or home_verdicts([sender])[sender.pk])
    if sender.is_quarantined:
        until = f"{sender.quarantined_until:%H:%M} UTC"
        found.append(
            (
                "sender_quarantined",
                f"{sender.quarantine_reason} It is not chosen before {until}; activate it to use it at once.",
            )
        )
    if sender.kind == Kind.ALPHANUMERIC:
        if not is_safe_name(sender.value):
            text = "Some countries take only 3 to 11 letters and digits, starting with a letter."
            found.append(("unsafe_name", text))
        if not sender.can_be_answered:
            found.append(
                ("no_reply_path", "Nobody can answer a name; give it a reply number and an instruction.")
            )
        country = (sender.reply_number or sender).country
        if other := named_elsewhere(sender.reply_instruction, senders=[sender], country=country):
            text = f"The reply instruction names {other}, but replies arrive on {sender.reply_number or 'no number'}."
            found.append(("instruction_names_other_number", text))
    return found


def _warnings_at_home(sender: SenderId, home: Verdict) -> list[tuple[str, str]]:
    if not sender.sends:
        return []
    if home.verdict == NEEDS_REGISTRATION and not _is_simulated(sender):
        return [("registration_needed", home.text)]
    if home.verdict == REFUSED:
        text = f"{home.text} Use it for other countries."
        return [("home_refuses", text if sender.kind == Kind.ALPHANUMERIC else home.text)]
    return [warning for warning in home.warnings if warning[0] == "registration_expires_soon"]


def _is_simulated(sender: SenderId) -> bool:
    """A new number of the simulator, which is registered when it is saved."""
    account = sender.provider_account if sender.provider_account_id else None
    return sender._state.adding and sender.is_numeric and account is not None and account.is_simulator


def only_account(org: Organization) -> ProviderAccount:
    """The org's only provider account; 400 when there is none or several."""
    accounts = list(ProviderAccount.objects.for_org(org)[:2])
    if len(accounts) != 1:
        text = "Say which provider account." if accounts else "Connect a provider account first."
        raise unreadable("provider_account", text, "required")
    return accounts[0]


def _check(sender: SenderId) -> None:
    if sender.status not in Status.values:
        raise unreadable("status", f"“{sender.status}” is no status; there are: {', '.join(Status.values)}.")
    if sender.direction not in Direction.values:
        raise unreadable("direction", f"“{sender.direction}” is none of: {', '.join(Direction.values)}.")
    if sender.kind == Kind.ALPHANUMERIC and sender.direction != Direction.OUTGOING:
        raise unreadable(
            "direction", "A name can’t receive; its direction is outgoing.", "name_cannot_receive"
        )
    if not 1 <= sender.mps <= 1000:
        raise unreadable("mps", "Segments a second: 1 to 1000.")
    if sender.reply_number_id:
        _check_reply_number(sender)


def _check_reply_number(sender: SenderId) -> None:
    if sender.kind != Kind.ALPHANUMERIC:
        raise DomainError(
            "reply_number_not_needed", "A number receives its replies itself.", field="reply_number"
        )
    number = sender.reply_number
    if number is None or not number.receives or number.status == Status.RETIRED:
        raise DomainError("reply_number_one_way", "Choose a number that can receive.", field="reply_number")


def _tell_simulator(sender: SenderId) -> None:
    """The stand-in learns a sender when it becomes active, as a carrier would when a number is bought."""
    if sender.status == Status.ACTIVE and sender.provider_account.is_simulator:
        account = sender.provider_account
        transaction.on_commit(lambda: announce_number(account, sender.value), robust=True)


_told = {"all": False}


def sweep() -> int:
    """Once per process: tells the simulator of every active sender; it may have been away when they were made."""
    if _told["all"]:
        return 0
    rows = SenderId.unscoped.filter(status=Status.ACTIVE, provider_account__is_simulator=True)
    senders = list(rows.select_related("provider_account"))
    _told["all"] = all(announce_number(sender.provider_account, sender.value) for sender in senders)
    return 0


register(
    {
        "sender_retired": "A retired sender can’t be assigned.",
        "second_default": "An assignee has at most one default per country.",
        "invalid_number": "No phone number can be read from it.",
        "invalid_short_code": "A short code is 3 to 8 digits.",
        "invalid_name": "A name has characters that are not allowed.",
        "name_too_long": "A name has at most 11 characters.",
        "name_of_digits": "A name needs at least one letter.",
        "name_cannot_receive": "Names are always outgoing.",
        "wrong_kind": "The number is of another kind.",
        "wrong_country": "The number belongs to another country.",
        "unknown_country": "Not an ISO 3166-1 alpha-2 code.",
        "reason_needed": "A written reason is needed.",
        "reply_number_not_needed": "Only names have a reply number.",
        "reply_number_one_way": "The reply number can’t receive.",
        "required": "The field is needed.",
    }
)
