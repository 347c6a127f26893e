"""What suspending or retiring a sender, or deactivating a member, would touch. Shown before it is done."""

from dataclasses import dataclass

from messaging.models import Campaign, Contact, Conversation, Message, Program
from messaging.statuses import Status
from senderid.models import Assignment, SenderId
from tenants.api_keys import live_keys_of
from tenants.models import Assignee, Membership

AT_WORK = (Campaign.Status.SCHEDULED, Campaign.Status.SENDING, Campaign.Status.PAUSED, Campaign.Status.DRAFT)


@dataclass(frozen=True)
class Touched:
    """One kind of thing: how many, some of their names, where to look."""

    what: str
    count: int
    names: list[str]
    href: str = ""


def touched_by_sender(sender: SenderId) -> list[Touched]:
    """Assignments, open conversations, campaigns, programs, scheduled texts, names it answers for."""
    org_id = sender.org_id
    assignments = Assignment.objects.for_org(org_id).filter(sender=sender).select_related("assignee")
    by_kind = {kind: [a for a in assignments if a.assignee.kind == kind] for kind in Assignee.Kind.values}
    ids = [a.assignee_id for a in by_kind[Assignee.Kind.CAMPAIGN]]
    campaigns = Campaign.objects.for_org(org_id).filter(status__in=AT_WORK)
    campaigns = (campaigns.filter(pk__in=ids) | campaigns.filter(fallback_sender=sender)).distinct()
    programs = Program.objects.for_org(org_id).filter(
        pk__in=[a.assignee_id for a in by_kind[Assignee.Kind.PROGRAM]], is_active=True
    )
    talks = (
        Conversation.objects.for_org(org_id).filter(sender=sender).exclude(status=Conversation.Status.CLOSED)
    )
    texts = Message.objects.for_org(org_id).filter(
        sender=sender, status__in=[Status.SCHEDULED, Status.QUEUED], direction=Message.Direction.OUTBOUND
    )
    names = SenderId.objects.for_org(org_id).filter(reply_number=sender)
    return [
        Touched(
            "assignments", len(assignments), [a.assignee.name for a in assignments], f"/senders/{sender.pk}/"
        ),
        Touched("open conversations", talks.count(), [], f"/inbox/?folder=all&sender={sender.pk}"),
        Touched("campaigns at work", campaigns.count(), [c.name for c in campaigns[:10]], "/campaigns/"),
        Touched("programs", programs.count(), [p.name for p in programs], "/programs/"),
        Touched("texts that have not left", texts.count(), []),
        Touched(
            "names answered on it",
            names.count(),
            [n.value for n in names[:10]],
            "/senders/?kind=alphanumeric",
        ),
    ]


def touched_by_member(member: Membership) -> list[Touched]:
    """Senders, conversations, contacts, campaigns and programs that are theirs."""
    org_id = member.org_id
    held = Assignment.objects.for_org(org_id).filter(assignee=member.pk).select_related("sender")
    talks = Conversation.objects.for_org(org_id).filter(assignee=member)
    talks = talks.exclude(status=Conversation.Status.CLOSED)
    contacts = Contact.objects.for_org(org_id).filter(owner=member)
    campaigns = Campaign.objects.for_org(org_id).filter(owner=member, status__in=AT_WORK)
    programs = Program.objects.for_org(org_id).filter(owner=member, is_active=True)
    keys = live_keys_of(member)
    return [
        Touched("senders of their own", len(held), [a.sender.display for a in held], f"/people/{member.pk}/"),
        Touched("conversations they have", talks.count(), [], f"/inbox/?folder=all&assignee={member.pk}"),
        Touched("contacts they own", contacts.count(), [], f"/contacts/?owner={member.pk}"),
        Touched("campaigns", campaigns.count(), [c.name for c in campaigns[:10]], "/campaigns/"),
        Touched("programs", programs.count(), [p.name for p in programs[:10]], "/programs/"),
        Touched("API keys, revoked with it", len(keys), [key.name for key in keys], "/developers/"),
    ]
