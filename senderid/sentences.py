"""What a form will do, in one spoken sentence; shown below it and rewritten as one types."""

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from senderid.country_rules import country_name
from senderid.models import Assignment, Kind, SenderId
from tenants.models import Assignee, Membership


def speak_of_sender(sender: SenderId) -> SafeString:
    """What people will see and whether they can answer."""
    if sender.kind != Kind.ALPHANUMERIC:
        does = {"both": "sends and receives", "outgoing": "only sends", "incoming": "only receives"}
        return format_html(
            "<strong>{}</strong> {} texts, {} a second, at home in {}.",
            sender.display,
            does[sender.direction],
            "one segment" if sender.mps == 1 else f"{sender.mps} segments",
            country_name(sender.country),
        )
    if sender.can_be_answered:
        return format_html(
            "Handsets show <strong>{}</strong> where a number would stand. Nobody can answer a name, "
            "so the text says “{}” and answers arrive on {}.",
            sender.value,
            sender.reply_instruction,
            sender.reply_number,
        )
    return format_html(
        "Handsets show <strong>{}</strong> where a number would stand. <strong>Nobody can answer it</strong>: "
        "give it a reply number and an instruction before you send a text that wants a reply.",
        sender.value,
    )


def speak_of_assignment(assignment: Assignment, countries: list[str], size: int | None = None) -> SafeString:
    """Who may do what with the sender, where and when. `size` is how many people the assignee is."""
    if not (assignment.can_send or assignment.can_read):
        return format_html(
            "<strong>{}</strong> may neither send nor read: it does nothing.", assignment.assignee
        )
    may = "send with {sender} to {where} and read what comes in on it"
    if not assignment.can_read:
        may = "send with {sender} to {where}, but not read what comes in on it"
    if not assignment.can_send:
        may = "read what comes in on {sender}, but not send with it"
    said = format_html(
        "{} <strong>{}</strong>{} may " + may + "{}.",
        "The whole of" if assignment.assignee.kind == Assignee.Kind.ORGANIZATION else "",
        assignment.assignee,
        _of(assignment.assignee, size),
        _span(assignment.valid_from, assignment.valid_until),
        sender=format_html("<strong>{}</strong>", assignment.sender.display),
        where=_places(countries),
    )
    if assignment.is_default and assignment.can_send:
        said += format_html(" It goes before their other senders {}.", "there" if countries else "everywhere")
    return said


def _of(assignee: Assignee, size: int | None) -> str:
    if assignee.kind in (Assignee.Kind.MEMBER, Assignee.Kind.ORGANIZATION):
        return ""
    people = "" if size is None else f", {size} {'member' if size == 1 else 'members'}"
    return f" ({assignee.kind}{people})"


def _places(countries: list[str]) -> SafeString:
    if not countries:
        return format_html("<strong>all countries</strong>")
    names = [country_name(code) for code in countries]
    if len(names) > 5:
        return format_html("<strong>{}</strong> and {} more countries", ", ".join(names[:4]), len(names) - 4)
    return format_html_join(", ", "<strong>{}</strong>", ((name,) for name in names))


def _span(start: datetime | None, end: datetime | None) -> str:
    said = f" from {_spoken(start)} on" if start and not end else f" from {_spoken(start)}" if start else ""
    return said + (f" until {_spoken(end)}" if end else "")


def _spoken(at: datetime | None) -> str:
    local = timezone.localtime(at)
    return f"{local.day} {local:%B %Y, %H:%M}"


def speak_of_absence(
    absent: Membership, stand_in: Membership | None, start: datetime, end: datetime, chosen: list[SenderId]
) -> SafeString:
    """Who takes over what, for how long."""
    if stand_in is None:
        return format_html(
            "<strong>{}</strong> is away{}. Nobody stands in: mails that were meant for them go where "
            "each rule falls back to.",
            absent.name,
            _span(start, end),
        )
    which = "all their senders" if not chosen else ", ".join(sender.display for sender in chosen)
    return format_html(
        "{}, <strong>{}</strong> reads and sends on {} for <strong>{}</strong> and gets their mails. "
        "Nothing changes owner, and what is sent says so.",
        _span(start, end).strip().capitalize(),
        stand_in.name,
        which,
        absent.name,
    )
