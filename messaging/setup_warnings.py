"""What a campaign or program saves with, but an admin should know: (code, sentence) for console and REST.

What can't work at all is refused where it is saved (`programs`, `senderid.assignment`); these are likely mistakes.
"""

from collections.abc import Iterable
from uuid import UUID

from messaging.models import Campaign, Program
from senderid.instructions import named_elsewhere
from senderid.models import Assignment, SenderId

Warnings = list[tuple[str, str]]


def warnings_of_campaign(campaign: Campaign) -> Warnings:
    """A reply instruction that names a number which does not send it. In contact-owner mode the senders vary: none."""
    if campaign.sender_mode == Campaign.SenderMode.CONTACT_OWNER:
        return []
    senders = _senders_of(campaign.pk, campaign.org_id)
    if campaign.fallback_sender is not None:
        senders.append(campaign.fallback_sender)
    return _misdirected([campaign.body], senders, campaign.org.country)


def warnings_of_program(program: Program) -> Warnings:
    """The same for its texts; and what keeps people from joining."""
    senders = _senders_of(program.pk, program.org_id)
    found = _misdirected(program.texts.values(), senders, program.org.country)
    word = program.keywords.first()
    if word is None and program.opt_in != Program.OptIn.NONE:
        found.append(("no_keyword", "Nobody can join it: it has no keyword. Add one, or make it send-only."))
    deaf = next((sender for sender in senders if not sender.receives), None)
    if word is not None and deaf is not None:
        text = f"{deaf.display} can’t receive, so nobody can text it “{word.word}” to join."
        found.append(("keyword_sender_one_way", text))
    return found


def _senders_of(assignee_id: UUID, org_id: UUID) -> list[SenderId]:
    rows = Assignment.objects.for_org(org_id).filter(Assignment.live(), assignee=assignee_id)
    return [row.sender for row in rows.select_related("sender__reply_number")]


def _misdirected(texts: Iterable[str], senders: list[SenderId], country: str) -> Warnings:
    if not senders:
        return []
    for text in texts:
        if other := named_elsewhere(text, senders=senders, country=country):
            own = " or ".join(sender.display for sender in senders)
            said = f"The message tells people to reply to {other}, but it is sent from {own}."
            return [("instruction_names_other_number", said)]
    return []
