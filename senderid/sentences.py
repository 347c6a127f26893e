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


def speak_of_assignment(
    assignment: Assignment, countries: list[str], size: int | None = None, viewers: int = 0
) -> SafeString:
    """Who may do what with the sender, where and when. `size` is how many people the assignee is, `viewers` how many
    of them are viewers, who never send."""
    if not (assignment.can_send or assignment.can_read):
        return format_html(
            "<strong>{}</strong> may neither send nor read: it does nothing.", assignment.assignee
        )
    may = "send with {sender} to {where} and read what comes in on it"
    if not assignment.can_read:
        may = "send with {sender} to {where}, but not read what comes in on it"
    only_viewers = viewers > 0 and viewers == (1 if size is None else size)
    if not assignment.can_send or only_viewers:
        may = "read what comes in on {sender}, but not send with it"
    if only_viewers and not assignment.can_read:
        may = "neither send with {sender} nor read what comes in on it"
    said = format_html(
        "{} <strong>{}</strong>{} may " + may + "{}.",
        "The whole of" if assignment.assignee.kind == Assignee.Kind.ORGANIZATION else "",
        assignment.assignee,
        _of(assignment.assignee, size),
        _span(assignment.valid_from, assignment.valid_until),
        sender=format_html("<strong>{}</strong>", assignment.sender.display),
        where=_places(countries),
    )
    if assignment.is_default and assignment.can_send and not only_viewers:
        said += format_html(" It goes before their other senders {}.", "there" if countries else "everywhere")
    if assignment.can_send and viewers:
        said += format_html(" {}", _viewers_said(viewers, only_viewers))
    return said


def _viewers_said(viewers: int, only_viewers: bool) -> str:
    if only_viewers:
        return "Viewers can’t send." if viewers > 1 else "A viewer can’t send."
    return f"{viewers} of them {'is a viewer' if viewers == 1 else 'are viewers'} and can’t send."


def permissions_of(assignment: Assignment, size: int | None = None, viewers: int = 0) -> str:
    """What it grants in a word or two: "send, read"; a viewer never sends."""
    only_viewers = viewers > 0 and viewers == (1 if size is None else size)
    granted = []
    if assignment.can_send and assignment.sender.sends and not only_viewers:
        granted.append("send")
    if assignment.can_read and assignment.sender.receives:
        granted.append("read")
    return ", ".join(granted) or "nothing"


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
    if not stand_in.may_write:
        return format_html(
            "{}, <strong>{}</strong> reads what comes in on {} for <strong>{}</strong> and gets their mails. "
            "A viewer can’t send, so nobody replies for them.",
            _span(start, end).strip().capitalize(),
            stand_in.name,
            which,
            absent.name,
        )
    return format_html(
        "{}, <strong>{}</strong> reads and sends on {} for <strong>{}</strong> and gets their mails. "
        "Nothing changes owner, and what is sent says so.",
        _span(start, end).strip().capitalize(),
        stand_in.name,
        which,
        absent.name,
    )
