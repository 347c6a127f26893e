"""console 9: a viewer reads by access and writes nothing; no page and no answer shows them as able to send."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from messaging.models import Campaign, Contact
from senderid.models import SenderId
from tenants.models import Membership, Team
from tests.calling import Api
from tests.visiting import visit
from tests.world import give, make_account, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db
TO = "+16285550199"
SAID = "Eve is a viewer. Viewers can read, but not send."


class Scene:
    """Eve, a viewer, has a number of her own and one of her team, in which Rob is a rep."""

    def __init__(self) -> None:
        self.org = make_org(quiet_hours="off", quiet_hours_reason="tests run at any hour")
        make_account(self.org)
        self.admin: Membership = make_member(self.org, "Ana", "admin")
        self.ana: Client = visit(self.admin)
        self.team = Team.objects.for_org(self.org).create(name="North")
        self.eve = make_member(self.org, "Eve", "viewer", teams=[self.team])
        self.rob = make_member(self.org, "Rob", teams=[self.team])
        self.own: SenderId = make_sender(self.org, "+12125550134")
        self.shared: SenderId = make_sender(self.org, "+12125550135")
        self.other: SenderId = make_sender(self.org, "+12125550136")
        give(self.own, self.eve)
        give(self.shared, self.team)
        self.api = Api(self.org)

    def page(self, path: str) -> str:
        return " ".join(self.ana.get(path).content.decode().split())


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("named", [False, True])
def test_the_preview_answers_as_the_sending_does(scene: Scene, named: bool) -> None:
    """console 9: the preview answered a sender, POST /messages 403."""
    text: dict[str, Any] = {"to": TO, "body": "Hello", "as_member": str(scene.eve.pk)}
    if named:
        text["from"] = str(scene.own.pk)
    preview = scene.api.post("/messages/preview", text, expect=200)
    assert preview["sender"] is None and SAID in preview["sender_reason"]["text"]
    assert {row["code"] for row in preview["rejected"]} == {"viewer_cannot_send"}
    assert {row["value"] for row in preview["rejected"]} <= {scene.own.value, scene.shared.value}
    scene.api.post("/messages", text, expect=403)
    text["as_member"] = str(scene.rob.pk)
    if not named:
        assert scene.api.post("/messages/preview", text, expect=200)["sender"]["id"] == str(scene.shared.pk)


def test_explain_refuses_and_offers_the_cure_that_cures(scene: Scene) -> None:
    """console 9: “+49 1573… speaks, chosen”, and “Assign it”, which cures nothing."""
    page = scene.page(f"/explain/?who=member:{scene.eve.pk}&to=%2B16285550199")
    assert SAID in page and "chosen</span>" not in page
    assert f"/people/{scene.eve.pk}/edit/" in page and "Assign it" not in page
    assert "Eve (viewer: reads only)" in page, "the list of people to ask about says so too"
    hers = visit(scene.eve).get("/explain/?to=%2B16285550199").content.decode()
    assert SAID in hers and "chosen</span>" not in hers and scene.other.value not in hers


def test_the_sentence_and_the_list_of_an_assignment_say_so(scene: Scene) -> None:
    """console 9: “Vic Viewer may send with …”"""
    given = {"sender": str(scene.other.pk), "can_send": "on", "can_read": "on", "rule": "all"}
    alone = scene.ana.post("/assignments/sentence/", given | {"assignee": str(scene.eve.pk)}).content.decode()
    assert "but not send with it" in alone and "A viewer can’t send." in alone
    group = scene.ana.post(
        "/assignments/sentence/", given | {"assignee": str(scene.team.pk)}
    ).content.decode()
    assert "may send with" in group and "1 of them is a viewer and can’t send." in group
    assert "<td>read</td>" in scene.page(f"/senders/{scene.own.pk}/")
    assert "<td>send, read</td>" in scene.page(f"/senders/{scene.shared.pk}/")
    Membership.objects.for_org(scene.org).filter(pk=scene.rob.pk).update(role="viewer")
    assert "<td>read</td>" in scene.page(f"/senders/{scene.shared.pk}/"), "a team of viewers"


def test_a_viewer_covers_for_nobody(scene: Scene) -> None:
    """console 9: a delegate reads and sends; the picker offers nobody who can't."""
    page = scene.page(f"/people/{scene.rob.pk}/away/")
    assert f'value="{scene.admin.pk}"' in page and f'value="{scene.eve.pk}"' not in page
    now = timezone.now()
    times = {"start": now.isoformat(), "end": (now + timedelta(days=1)).isoformat()}
    body = {"from": str(scene.rob.pk), "to": str(scene.eve.pk)} | times
    problem = scene.api.post("/delegations", body, expect=422)
    assert (problem["code"], problem["errors"][0]["field"]) == ("viewer_cannot_cover", "to")
    scene.api.post("/delegations", body | {"to": str(scene.admin.pk)})


def test_a_campaign_does_not_send_from_the_number_of_a_viewer(scene: Scene) -> None:
    """console 9: in contact-owner mode too."""
    Contact.objects.for_org(scene.org).create(number=TO, country="US", owner=scene.eve, tags=["vip"])
    body = {"name": "Spring", "body": "Hi", "audience": {"tags": ["vip"]}, "sender_mode": "contact_owner"}
    row = scene.api.post("/campaigns", body)
    report = scene.api.post(f"/campaigns/{row['id']}/report", expect=200)
    assert (report["will_be_sent"], report["no_eligible_sender"]) == (0, 1)
    Contact.objects.for_org(scene.org).update(owner=scene.rob)
    assert scene.api.post(f"/campaigns/{row['id']}/report", expect=200)["will_be_sent"] == 1
    assert Campaign.objects.for_org(scene.org).count() == 1


def test_the_member_page_grants_no_sending(scene: Scene) -> None:
    """console 9"""
    assert "send" not in scene.page(f"/people/{scene.eve.pk}/").split("Granted by")[-1].split("</table>")[0]
