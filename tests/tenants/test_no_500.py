"""What was once a 500: a member without senders, NUL in an address or a form, a long report, a receipt out of shape."""

from urllib.parse import urlencode

import pytest
from django.test import Client
from twilio.request_validator import RequestValidator

from messaging import campaigns
from messaging.consent import opt_out
from messaging.models import Contact, ReceiptEvent
from tests.calling import Api
from tests.composing import composer_at
from tests.office import Office
from tests.texting import Texting
from tests.visiting import visit
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db
SEARCHES = ("contacts/", "people/", "inbox/palette", "inbox/", "campaigns/", "programs/", "opt-outs/",
            "senders/", "countries/", "why/")  # fmt: skip


def test_a_member_without_senders_opens_the_new_text_page() -> None:
    """security F11: the owner of a fresh org may use no sender."""
    owner = visit(make_member(make_org(), "Olga", "owner"))
    assert owner.get("/inbox/new").status_code == 200
    typed = composer_at(owner, "/inbox/new") | {"to": "+14155550199", "body": "Hi"}
    assert owner.post("/inbox/new", typed).status_code == 422
    assert owner.post("/inbox/compose/preview", {"to": "+14155550199", "body": "Hi"}).status_code == 200


@pytest.mark.parametrize("path", SEARCHES)
def test_a_search_reads_nul_as_if_it_were_not_there(path: str) -> None:
    """security F11"""
    texting = Texting()
    ada = visit(texting.admin)
    assert ada.get(f"/{path}?q=%00Ada%00&tag=%00&status=%00&outcome=%00").status_code == 200
    assert "Rob" in ada.get("/people/?q=Ro%00b").content.decode()


def test_nul_in_a_path_or_a_posted_field_is_no_500() -> None:
    texting = Texting()
    ada = visit(texting.admin)
    assert ada.get("/countries/%00/").status_code == 404
    assert ada.get("/notifications/templates/preview/%00/").status_code == 404
    answer = ada.post("/contacts/add/", {"number": "+14155550177", "name": "Mara\x00 Lind"})
    assert answer.status_code == 302
    assert Contact.objects.for_org(texting.org).get(number="+14155550177").name == "Mara Lind"


def test_the_api_refuses_nul_in_an_address_by_name() -> None:
    api = Api(Texting().org, scopes=["read"])
    assert api.ask("GET", "/contacts?q=%00").status_code == 400
    assert api.ask("GET", "/countries/%00").status_code == 404


def test_the_report_of_a_campaign_that_skips_more_than_it_shows() -> None:
    """console 1"""
    texting = Texting()
    people = [
        Contact(org=texting.org, number=f"+1415555{n:04}", country="US", tags=["all"]) for n in range(60)
    ]
    Contact.objects.for_org(texting.org).bulk_create(people)
    for person in people[:55]:
        opt_out(org=texting.org, number=person.number, scope="org", source="manual")
    campaign = campaigns.save_campaign(
        org=texting.org, name="Spring", body="Hi", audience={"tags": ["all"]}, owner=texting.admin
    )
    page = visit(texting.admin).get(f"/campaigns/{campaign.pk}/report/")
    assert page.status_code == 200
    assert "and 5 more" in page.content.decode() or "and 10 more" in page.content.decode()


@pytest.mark.parametrize(
    "odd",
    [{"MessageStatus": "deliv\x00ered"}, {"ErrorCode": "3\x00" * 400}, {"MessageStatus": "x" * 10_000},
     {"MessageSid": "SM" + "\x00" + "1" * 900}, {"MessageSid": ""}],
    ids=str,
)  # fmt: skip
def test_a_receipt_out_of_shape_is_kept_without_what_does_not_fit(odd: dict[str, str]) -> None:
    """field "Webhooks and media": cleaned and cut as an inbound text is."""
    office = Office()
    message = office.sent(by="Ann", status="accepted")
    attempt = message.attempts.create(org_id=office.org.pk, no=1, sender_value="+1")
    path = f"/webhooks/twilio/{office.account.account_key}/status/{attempt.pk}"
    form = {"AccountSid": office.account.account_sid, "MessageSid": "SM1", "MessageStatus": "delivered"} | odd
    url = "http://testserver" + path
    signature = RequestValidator(office.account.auth_token).compute_signature(url, form)
    answer = Client().generic(
        "POST", path, urlencode(form), content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signature},
    )  # fmt: skip
    assert answer.status_code == 200
    assert ReceiptEvent.objects.for_org(office.org).count() == 1
