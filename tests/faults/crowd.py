"""An org with many senders, each of one member who owns an equal share of the contacts; made beside a running stack."""

from messaging.models import Contact
from senderid.assignment import assign
from senderid.provisioning import add_sender
from tenants.memberships import add_member
from tenants.models import Assignee, Organization

TAG = "crowd"


def build(org_id: str, *, senders: int, contacts: int, mps: int) -> None:
    """`manage.py shell -c "from tests.faults.crowd import build; build(…)"`: seconds, where 5,000 API calls take minutes."""
    org = Organization.objects.get(pk=org_id)
    org.quiet_hours, org.quiet_hours_reason = "off", "a test at any hour"
    org.save()
    members = []
    for n in range(senders):
        member = add_member(org=org, email=f"m{n}@{org.pk.hex}.example", name=f"Member {n}")
        sender = add_sender(org=org, kind="long_code", value=f"+1415556{n:04d}", country="US", mps=mps)
        assign(sender=sender, assignee=Assignee.unscoped.get(pk=member.pk))
        members.append(member)
    Contact.objects.for_org(org).bulk_create(
        Contact(
            org=org,
            number=number(n),
            name=f"Contact {n}",
            country="US",
            timezone="America/Los_Angeles",
            owner=members[n % senders],
            tags=[TAG],
        )
        for n in range(contacts)
    )


def number(n: int) -> str:
    return f"+1628{557 + n // 10_000}{n % 10_000:04d}"
