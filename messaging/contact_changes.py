"""Changing a contact. Owning one opens its replies, so not everybody may change the owner.

The console and the REST API both come here; a request for nobody in particular (an API key) counts as an admin.
"""

from typing import Any

from django.db import transaction

from messaging.contacts import write_changes
from messaging.conversations import readable_by
from messaging.models import Contact, Conversation
from tenants import audit
from tenants.errors import DomainError, register
from tenants.models import Membership
from tenants.roles import SEND, may


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
    """The owner hands over, an admin decides; anybody gives an unowned contact to who reads its conversations already.

    An owner is to reply, so outside the API nobody makes a viewer one.
    """
    if by is None or contact.owner_id == (to.pk if to else None):
        return
    if not may_change_owner(contact=contact, by=by):
        text = "Only its owner or an admin can change the owner of this contact."
        raise DomainError("owner_locked", text, field="owner")
    if to is not None and not may(to, SEND):
        raise DomainError(
            "owner_locked", f"{to.name} has view-only access and can’t own a contact.", field="owner"
        )
    if by.is_admin or contact.owner_id == by.pk or to is None:
        return
    conversations = Conversation.objects.for_org(contact.org_id).filter(contact=contact)
    if conversations.exclude(pk__in=readable_by(to).values("pk")).exists():
        text = f"This contact has conversations that {to.name} can’t read; ask an admin to change the owner."
        raise DomainError("owner_locked", text, field="owner")


register({"owner_locked": "Only the contact’s owner or an admin may change its owner."})
