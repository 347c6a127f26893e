"""One row of everything the REST API shows, and every operation of its router: for tests that must miss none."""

from dataclasses import dataclass
from typing import Any

from config.api import router
from messaging.campaigns import save_campaign
from messaging.consent import opt_out
from messaging.contacts import save_list
from messaging.media.files import save_file
from messaging.models import Message, MessageMedia
from messaging.programs import save_program
from notifications.email_templates import save_template
from notifications.models import Notification
from senderid.models import Assignment
from senderid.registration import register
from tenants import api_keys
from tenants.models import Profile
from tests.office import CARLA, Office

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)


@dataclass(frozen=True)
class Operation:
    """A method of an address: `GET /members/{pk}`, named as its URL is."""

    method: str
    path: str
    name: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations() -> list[Operation]:
    """All of them, read from the router."""
    found = [
        Operation("GET", "/organization", "organization"),
        Operation("PATCH", "/organization", "organization"),
        Operation("GET", "/media/{pk}", "media-content"),
    ]
    for prefix, viewset, basename in router.registry:
        lookup = router.get_lookup_regex(viewset)
        for route in router.get_routes(viewset):
            methods = router.get_method_map(viewset, route.mapping)
            allowed = {name for name in viewset.http_method_names}
            path = route.url.format(prefix=prefix, lookup=lookup, trailing_slash="").strip("^$")
            path = "/" + path.replace(lookup, "{pk}").replace("(?P<country>[A-Za-z]{2})", "{country}")
            found += [
                Operation(method.upper(), path, route.name.format(basename=basename))
                for method in methods
                if method in allowed
            ]
    return found


def picture_of(message: Message) -> MessageMedia:
    """A loaded picture of a message."""
    row = MessageMedia(org_id=message.org_id, message=message, position=0, state="loaded", size=len(PNG))
    row.content_type, row.file = "image/png", save_file(row, PNG)
    row.save(force_insert=True)
    return row


def rows_of(office: Office) -> dict[str, str]:
    """The id of one row of each kind, made in this org."""
    org, ann = office.org, office["Ann"]
    profile = Profile.objects.for_org(org).create(name="EMEA")
    campaign = save_campaign(org=org, name="Spring", body="Hi", audience={}, owner=office["Rob"])
    program = save_program(org=org, name="Pizza", keywords=[{"word": "PIZZA", "language": "en"}])
    kept = save_list(org=org, name="Friends", contact_ids=[office.carla.pk])
    template = save_template(org=org, kind="new_message", name="Ours", subject="S", html="H", text="T")
    opted, _ = opt_out(org=org, number="+16285550111", scope="org", source="manual")
    key, _ = api_keys.mint(org=org, name="Row")
    register(sender=office.sender, country="US", status="approved")
    if not Assignment.objects.for_org(org).filter(sender=office.sender).exists():
        office.rule("all", to=org)
    text = office.text("Hello from Carla")
    queued: Any = office.sent(by="Ann", status="queued")
    return {
        "org": str(org.pk),
        "key": str(key.pk),
        "member": str(ann.pk),
        "profile": str(profile.pk),
        "team": str(office.team.pk),
        "delegation": str(office.away("Cid", to="Ben").pk),
        "sender": str(office.sender.pk),
        "account": str(office.account.pk),
        "assignment": str(Assignment.objects.for_org(org).filter(sender=office.sender).first().pk),  # type: ignore[union-attr]
        "contact": str(office.carla.pk),
        "list": str(kept.pk),
        "opt_out": str(opted.pk),
        "message": str(queued.pk),
        "inbound": str(text.pk),
        "conversation": str(text.conversation_id),
        "campaign": str(campaign.pk),
        "program": str(program.pk),
        "notification": str(Notification.objects.for_org(org).filter(message=text).first().pk),  # type: ignore[union-attr]
        "template": str(template.pk),
        "media": str(picture_of(text).pk),
        "number": CARLA,
        "texts": str(Message.objects.for_org(org).count()),
    }
