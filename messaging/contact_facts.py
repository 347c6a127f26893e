"""What is known of a contact besides its row: opt-outs, consent, the conversations its reader may see."""

from dataclasses import dataclass

from messaging.conversations import readable_by
from messaging.models import ConsentEntry, Contact, Conversation, OptOut
from tenants.models import Membership

MOST = 20


@dataclass(frozen=True)
class ContactFacts:
    """`consent` is the newest line of the log, None when it is empty."""

    opt_outs: list[OptOut]
    consent: ConsentEntry | None
    conversations: list[Conversation]


def facts_of(*, contact: Contact, member: Membership) -> ContactFacts:
    """Four queries or so."""
    log = ConsentEntry.objects.for_org(member.org_id).filter(number=contact.number)
    opt_outs = (
        OptOut.objects.for_org(member.org_id)
        .filter(number=contact.number)
        .select_related("sender", "program")
    )
    talks = readable_by(member).filter(contact=contact, last_at__isnull=False)
    return ContactFacts(
        opt_outs=list(opt_outs),
        consent=log.order_by("-at").first(),
        conversations=list(talks.select_related("sender", "campaign", "program").order_by("-last_at")[:MOST]),
    )
