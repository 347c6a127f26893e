"""Changing a contact. Owning one opens its answers to campaigns and programs, so not everybody may change the owner.

The console and the REST API both come here; a request for nobody in particular (an API key) counts as an admin.
"""

from typing import Any

from django.db import transaction
from django.db.models import Q

from messaging.contacts import write_changes
from messaging.conversations import readable_by
from messaging.models import Contact, Conversation
from tenants import audit
from tenants.errors import DomainError, register
from tenants.models import Membership


@transaction.atomic
def change_contact(*, contact: Contact, by: Membership | None = None, **changes: Any) -> Contact:
    """Changes name, owner, tags, attributes (merged; null takes one away), timezone. 422 `owner_locked`."""
    if "owner" in changes:
        current = Contact.objects.for_org(contact.org_id).select_for_update(of=("self",)).get(pk=contact.pk)
        _require_owner_change(current, changes["owner"], by)
    before = {name: getattr(contact, name) for name in changes}
    write_changes(contact=contact, **changes)
    if changed := audit.differing(contact, before):
        audit.note(
            org_id=contact.org_id,
            action="contact.changed",
            target=contact,
            text=f"{contact} changed: {', '.join(changed)}",
            changed=changed,
        )
    return contact


def may_change_owner(*, contact: Contact, by: Membership) -> bool:
    """Whether this member may choose another owner at all; of an unowned contact, not every one."""
    return by.is_admin or contact.owner_id in (None, by.pk)


def _require_owner_change(contact: Contact, to: Membership | None, by: Membership | None) -> None:
    """The owner gives away, an admin decides; anybody assigns an unowned contact whose owner reads nothing new."""
    if by is None or contact.owner_id == (to.pk if to else None):
        return
    if not may_change_owner(contact=contact, by=by):
        text = "Only its owner or an admin can change the owner of this contact."
        raise DomainError("owner_locked", text, field="owner")
    if by.is_admin or contact.owner_id == by.pk or to is None:
        return
    if _opened_by_owning(contact).exclude(pk__in=readable_by(to).values("pk")).exists():
        text = "This contact has campaign or program replies that its owner would see; ask an admin to assign it."
        raise DomainError("owner_locked", text, field="owner")


def _opened_by_owning(contact: Contact) -> Any:
    attributed = Q(campaign__isnull=False) | Q(program__isnull=False)
    return Conversation.objects.for_org(contact.org_id).filter(attributed, contact=contact)


register({"owner_locked": "Only the contact’s owner or an admin may change its owner."})
