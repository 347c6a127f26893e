"""The inbox, its composer, contacts and quarantine, as people of three kinds see them: a rep, a viewer, an outsider."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from messaging import consent, conversations
from messaging.models import Contact, Conversation, InboundEvent, Message, OptOut
from senderid.registration import register
from tenants.delegation import delegate
from tests.composing import composer_at, reply, reply_at
from tests.texting import CONTACT, Texting
from tests.visiting import visit, with_version
from tests.world import give, make_account, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def texting() -> Texting:
    return Texting()


@pytest.fixture
def rob(texting: Texting) -> Client:
    return visit(texting.rob)


@pytest.fixture
def talk(texting: Texting) -> Conversation:
    """Carla wrote twice, nobody answered."""
    texting.receive("Is the plan still on?")
    texting.receive("Hello?")
    return texting.conversation()


def outsider() -> Client:
    org = make_org("Elsewhere")
    make_account(org, "AC" + "9" * 32)
    return visit(make_member(org, "Otto", "admin"))


def page(visitor: Client, address: str, **headers: str) -> str:
    answer = visitor.get(address, headers=headers)
    assert answer.status_code == 200, answer.content.decode()[-2000:]
    return answer.content.decode()


def test_a_stranger_is_asked_to_log_in() -> None:
    answer = Client().get("/inbox/?folder=all")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/inbox/%3Ffolder%3Dall")


def test_the_start_page_leads_to_the_inbox(rob: Client) -> None:
    assert rob.get("/")["Location"] == "/inbox/"


def test_a_conversation_shows_name_snippet_waiting_and_unread(rob: Client, talk: Conversation) -> None:
    html = page(rob, "/inbox/?folder=all")
    assert 'class="row unread"' in html
    for words in ("Carla", "Hello?", "waiting 1 min", "2 unread texts"):
        assert words in html


def test_reading_is_per_member(texting: Texting, rob: Client, talk: Conversation) -> None:
    assert rob.post(f"/inbox/{talk.pk}/read").status_code == 204
    assert "unread texts" not in page(rob, "/inbox/?folder=all")
    assert "2 unread texts" in page(visit(texting.tim), "/inbox/?folder=all")


def test_the_rail_counts_unread_conversations(rob: Client, talk: Conversation) -> None:
    html = page(rob, "/inbox/rail?folder=all")
    assert html.count('aria-label="1 unread"') == 4, "unassigned, the shared inbox, unread, waiting"
    rob.post(f"/inbox/{talk.pk}/read")
    assert 'aria-label="1' not in page(rob, "/inbox/rail?folder=all")


def test_what_a_role_may_not_open_is_not_on_its_rail(texting: Texting, rob: Client) -> None:
    assert "Set up" not in page(rob, "/inbox/")
    assert "Set up" in page(visit(texting.admin), "/inbox/")


def test_words_numbers_and_status_narrow_the_list(rob: Client, talk: Conversation) -> None:
    for query in ("q=carl", "q=0199", "q=hello", "status=open"):
        assert f"row-{talk.pk}" in page(rob, f"/inbox/?folder=all&{query}")
    for query in ("q=zebra", "status=closed"):
        assert "No results" in page(rob, f"/inbox/?folder=all&{query}")


@pytest.mark.parametrize("query", ["folder=nowhere", "sender=x", "status=ajar", "after=%25%25", "group=1"])
def test_an_address_that_cannot_be_read_is_answered_in_words(rob: Client, query: str) -> None:
    answer = rob.get(f"/inbox/?{query}")
    assert answer.status_code == 400
    assert b"address" in answer.content


def test_a_shared_inbox_that_is_not_mine_is_not_found(texting: Texting, rob: Client) -> None:
    assert rob.get(f"/inbox/?folder=shared&group={texting.admin.pk}").status_code == 404
    assert rob.get(f"/inbox/?folder=shared&group={texting.org.pk}").status_code == 200


def many(texting: Texting, count: int) -> None:
    for n in range(count):
        contact = texting.person(f"+1415555{2000 + n}", f"Person {n}", owner=texting.tim)
        Conversation.objects.for_org(texting.org).create(
            sender=texting.sender, contact=contact, last_at=timezone.now() - timedelta(minutes=n), last_body=f"Text {n}",
            inbound_count=1, assignee=texting.tim if n % 2 else None,
        )  # fmt: skip


def test_show_more_goes_on_where_the_list_ended(texting: Texting, rob: Client) -> None:
    many(texting, 55)
    first = page(rob, "/inbox/?folder=all")
    assert first.count('class="row ') == 50
    address = first.split('hx-get="/inbox/list?')[1].split('"')[0].replace("&amp;", "&")
    rest = page(rob, f"/inbox/list?{address}")
    assert rest.count('class="row ') == 5
    assert "Text 54" in rest and "Show more" not in rest


def count_queries(visitor: Client, address: str) -> int:
    page(visitor, address)
    with CaptureQueriesContext(connection) as queries:
        page(visitor, address)
    return len(queries)


def test_the_list_asks_as_often_for_ten_rows_as_for_a_hundred(texting: Texting, rob: Client) -> None:
    many(texting, 10)
    few = count_queries(rob, "/inbox/?folder=all&most=200")
    for row in Contact.objects.for_org(texting.org):
        row.delete()
    many(texting, 100)
    assert page(rob, "/inbox/?folder=all&most=200").count('class="row ') == 100
    assert count_queries(rob, "/inbox/?folder=all&most=200") == few


def test_a_thread_asks_as_often_for_ten_texts_as_for_a_hundred(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    def texts(count: int) -> None:
        for n in range(count):
            texting.row(status="delivered", conversation=talk, sent_by=texting.tim if n % 2 else texting.rob)
            conversations.note(conversation=talk, kind="note", text=f"Note {n}", by=texting.tim)

    texts(10)
    few = count_queries(rob, f"/inbox/{talk.pk}/?folder=all")
    texts(80)
    assert count_queries(rob, f"/inbox/{talk.pk}/?folder=all") == few


def test_a_thread_shows_texts_notes_and_events_in_order(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    conversations.note(conversation=talk, kind="note", text="She moved in May", by=texting.tim)
    conversations.assign_conversation(conversation=talk, to=texting.rob, by=texting.tim)
    html = page(rob, f"/inbox/{talk.pk}/")
    at = [
        html.index(words)
        for words in (">Is the plan still on?", "She moved in May", "Tim assigned this to Rob")
    ]
    assert at == sorted(at)
    assert f"/why/{Message.objects.for_org(texting.org).first().pk}/" in html


def test_earlier_texts_come_on_asking(texting: Texting, rob: Client, talk: Conversation) -> None:
    for n in range(110):
        texting.row(status="delivered", conversation=talk, body=f"Body {n}.")
    html = page(rob, f"/inbox/{talk.pk}/")
    assert "Body 109." in html and "Is the plan still on?" not in html.split('id="timeline"')[1]
    address = html.split("?before=")[1].split('"')[0]
    earlier = page(rob, f"/inbox/{talk.pk}/thread?before={address}")
    assert "Is the plan still on?" in earlier and "Body 9." in earlier and "Body 109." not in earlier


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("scheduled", "Scheduled for "),
        ("queued", "Queued"),
        ("unknown", "Delivery unknown; we will not resend"),
        ("delivered", "delivered <time"),
        ("failed", "not delivered: The handset is off"),
        ("expired", "not sent: it was queued too long"),
        ("cancelled", "Cancelled"),
    ],
)
def test_the_state_of_a_text_is_said_in_words(
    texting: Texting, rob: Client, talk: Conversation, status: str, words: str
) -> None:
    texting.row(
        status=status, conversation=talk, error_text="The handset is off" if status == "failed" else ""
    )
    assert words in page(rob, f"/inbox/{talk.pk}/")


def test_inbound_text_is_escaped_and_never_linked(texting: Texting, rob: Client) -> None:
    texting.receive('<script>alert(1)</script> https://evil.example "onload=x')
    html = page(rob, f"/inbox/{texting.conversation().pk}/?folder=all")
    assert "<script>alert" not in html and 'href="https://evil' not in html
    assert "&lt;script&gt;alert(1)" in html


def test_no_page_has_inline_styles_or_scripts(texting: Texting, rob: Client, talk: Conversation) -> None:
    for address in (f"/inbox/{talk.pk}/", "/inbox/new", "/contacts/", f"/contacts/{texting.contact.pk}/"):
        html = page(rob, address)
        assert " style=" not in html and "<style" not in html and " onclick=" not in html
        assert "<script>" not in html and "javascript:" not in html


def test_to_htmx_a_conversation_comes_without_the_page_around_it(rob: Client, talk: Conversation) -> None:
    html = page(rob, f"/inbox/{talk.pk}/?folder=all", **HTMX)
    assert "<html" not in html and 'id="timeline"' in html


# --- Who may ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["", "thread", "send", "assign", "status", "note", "read", "tags", "composer"]
)
def test_an_outsider_finds_nothing(talk: Conversation, path: str) -> None:
    visitor = outsider()
    ask = visitor.get if path in ("", "thread", "composer") else visitor.post
    assert ask(f"/inbox/{talk.pk}/{path}").status_code == 404


def test_a_teammate_without_access_finds_nothing(texting: Texting, rob: Client) -> None:
    private = make_sender(texting.org, "+14155550135")
    give(private, texting.tim)
    talk = conversations.open_conversation(org=texting.org, sender=private, contact=texting.contact)
    assert rob.get(f"/inbox/{talk.pk}/").status_code == 404
    assert rob.post(f"/inbox/{talk.pk}/send", {"body": "Hi"}).status_code == 404
    assert visit(texting.tim).get(f"/inbox/{talk.pk}/").status_code == 200


def test_a_viewer_reads_along_and_writes_nothing(texting: Texting, talk: Conversation) -> None:
    viewer = visit(make_member(texting.org, "Vera", "viewer"))
    html = page(viewer, f"/inbox/{talk.pk}/")
    assert "You have view-only access" in html and "<textarea" not in html
    for path in ("send", "assign", "status", "tags"):
        assert viewer.post(f"/inbox/{talk.pk}/{path}", {"body": "Hi", "status": "closed"}).status_code == 403
    assert viewer.post(f"/inbox/{talk.pk}/read").status_code == 204
    talk.refresh_from_db()
    assert (talk.status, Message.objects.for_org(texting.org).filter(direction="outbound").count()) == (
        "open",
        0,
    )


def test_a_stand_in_is_told_for_whom_and_until_when(texting: Texting, rob: Client) -> None:
    private = make_sender(texting.org, "+14155550135")
    give(private, texting.tim)
    talk = conversations.open_conversation(org=texting.org, sender=private, contact=texting.contact)
    now = timezone.now()
    delegate(
        absent=texting.tim,
        stand_in=texting.rob,
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=2),
    )
    assert "You see this for Tim until" in page(rob, f"/inbox/{talk.pk}/")


# --- Writing ------------------------------------------------------------------------------------------


def preview(visitor: Client, **fields: Any) -> str:
    answer = visitor.post("/inbox/compose/preview", fields, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_composer_says_who_speaks_and_why_before_a_word_is_written(
    rob: Client, talk: Conversation
) -> None:
    html = page(rob, f"/inbox/{talk.pk}/")
    assert "(415) 555-0134" in html and "this conversation’s number" in html
    assert "0 / 160 · 1 segment" in html


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("a" * 34, "34 / 160 · 1 segment"),
        ("a" * 161, "161 / 306 · 2 segments"),
        ("ж", "1 / 70 · 1 segment · Unicode"),
    ],
)
def test_the_preview_counts_segments(rob: Client, talk: Conversation, body: str, words: str) -> None:
    assert words in preview(rob, conversation=talk.pk, body=body)


def test_the_preview_of_a_sender_that_is_not_ones_own_says_so(texting: Texting, rob: Client) -> None:
    """inbox 5: another sender was shown in its place, without a word."""
    elsewhere = make_org("Elsewhere")
    make_account(elsewhere, sid="AC" + "2" * 32)
    foreign = make_sender(elsewhere, "+12125550177")
    html = preview(rob, to=CONTACT, body="Hello", sender=foreign.pk)
    assert "You can’t send from this sender" in html and "Sending from" not in html


def test_the_preview_of_a_new_text_explains_each_sender(texting: Texting, rob: Client) -> None:
    give(make_sender(texting.org, "Northwind", "alphanumeric", direction="outgoing"), texting.rob, priority=1)
    html = preview(rob, to=CONTACT, body="Hi", wants_reply="on")
    rest = html.split('class="reason chosen"')[1]
    assert "Sends from" in rest and "(415) 555-0134" in rest
    assert "Northwind" in rest and "United States" in rest, "refused by its country, with the reason"


def test_the_preview_says_what_is_wrong_with_a_number(rob: Client) -> None:
    assert "“12” isn’t a valid phone number" in preview(rob, to="12", body="Hi")


def test_a_refusal_stands_beside_what_was_typed(texting: Texting, rob: Client, talk: Conversation) -> None:
    texting.org.daily_cap = 0
    texting.org.save()
    fields = reply_at(rob, talk, body="My words", client_ref="a")
    answer = rob.post(f"/inbox/{talk.pk}/send", fields)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "My words</textarea>" in html and 'role="alert"' in html and 'value="a"' in html
    assert not Message.objects.for_org(texting.org).filter(direction="outbound").exists()


def test_an_empty_text_is_refused_in_words(rob: Client, talk: Conversation) -> None:
    answer = reply(rob, talk, "  ")
    assert answer.status_code in (400, 422) and "it is empty" in answer.json()["text"]


def test_a_contact_who_said_stop_can_only_be_written_about(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    consent.opt_out(org=texting.org, number=CONTACT, scope=OptOut.Scope.ORG, source=OptOut.Source.TEXT)
    html = page(rob, f"/inbox/{talk.pk}/")
    assert "has opted out (STOP)" in html
    assert reply(rob, talk, "Hi").status_code == 422


def test_a_short_code_cannot_be_texted_back(texting: Texting, rob: Client) -> None:
    texting.receive("Your code is 1234", sender="56767")
    talk = Conversation.objects.for_org(texting.org).get()
    assert "it can’t be texted back" in page(rob, f"/inbox/{talk.pk}/")


def test_the_reply_instruction_of_a_name_is_one_click_away(texting: Texting) -> None:
    org = make_org("Elbe", "GB", quiet_hours="off")
    make_account(org, "AC" + "7" * 32)
    member = make_member(org, "Gwen")
    number = make_sender(org, "+447400123457", country="GB")
    words = "To reply, text JOIN to 56767"
    name = make_sender(
        org, "Northwind", "alphanumeric", country="GB", direction="outgoing", reply_number=number, reply_instruction=words
    )  # fmt: skip
    register(sender=name, country="GB", status="approved")
    give(name, member)
    visitor = visit(member)
    html = preview(visitor, to="+447400123456", body="Hi", wants_reply="on")
    assert f'data-text="{words}"' in html
    assert "data-text" not in preview(visitor, to="+447400123456", body=f"Hi. {words}", wants_reply="on")


def test_a_new_text_opens_its_conversation(texting: Texting, rob: Client) -> None:
    answer = rob.post(
        "/inbox/new", composer_at(rob, "/inbox/new") | {"to": "(415) 555-0188", "body": "Hello"}
    )
    row = Message.objects.for_org(texting.org).get()
    assert (answer.status_code, answer["Location"]) == (302, f"/inbox/{row.conversation_id}/?folder=all")
    assert (row.to, row.sender) == ("+14155550188", texting.sender)


def test_a_new_text_may_name_only_a_sender_of_ones_own(texting: Texting, rob: Client) -> None:
    private = make_sender(texting.org, "+14155550135")
    give(private, texting.tim)
    assert "(415) 555-0135" not in page(rob, "/inbox/new")
    answer = rob.post(
        "/inbox/new",
        composer_at(rob, "/inbox/new") | {"to": CONTACT, "body": "Kept", "sender": str(private.pk)},
    )
    assert answer.status_code in (400, 422) and b"Kept</textarea>" in answer.content
    assert not Message.objects.for_org(texting.org).exists()


# --- Acting -------------------------------------------------------------------------------------------


def test_claiming_closing_reopening_and_tagging(texting: Texting, rob: Client, talk: Conversation) -> None:
    answer = rob.post(f"/inbox/{talk.pk}/assign", {"to": str(texting.rob.pk)}, headers=HTMX)
    assert (answer.status_code, answer["HX-Trigger"]) == (204, "conversation-changed")
    rob.post(f"/inbox/{talk.pk}/status", {"status": "closed"})
    rob.post(f"/inbox/{talk.pk}/tags", {"tags": "vip, complaint, vip"})
    talk.refresh_from_db()
    assert (talk.assignee, talk.status, talk.tags) == (texting.rob, "closed", ["vip", "complaint"])
    rob.post(f"/inbox/{talk.pk}/status", {"status": "open"})
    rob.post(f"/inbox/{talk.pk}/assign", {"to": ""})
    talk.refresh_from_db()
    assert (talk.assignee, talk.status) == (None, "open")


def test_a_conversation_goes_only_to_colleagues_who_may_write(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    viewer = make_member(texting.org, "Vera", "viewer")
    stranger = make_member(make_org("Elsewhere"), "Otto")
    for one in (viewer, stranger):
        assert rob.post(f"/inbox/{talk.pk}/assign", {"to": str(one.pk)}).status_code == 400


@pytest.mark.parametrize("until", ["", "yesterday", "2020-01-01T09:00"])
def test_snoozing_needs_a_time_to_come(rob: Client, talk: Conversation, until: str) -> None:
    answer = rob.post(f"/inbox/{talk.pk}/status", {"status": "snoozed", "snoozed_until": until})
    assert answer.status_code == 400
    talk.refresh_from_db()
    assert talk.status == "open"


def test_a_token_to_listen_names_where(rob: Client) -> None:
    assert "/events?token=" in rob.post("/inbox/live-token").json()["url"]
    assert Client().post("/inbox/live-token").status_code == 302


def test_the_palette_finds_pages_and_conversations(rob: Client, talk: Conversation) -> None:
    assert "Contacts" in page(rob, "/inbox/palette")
    assert f"/inbox/{talk.pk}/" in page(rob, "/inbox/palette?q=carl")
    assert "Nothing found" in page(rob, "/inbox/palette?q=zebra")


# --- Contacts, quarantine -----------------------------------------------------------------------------


def test_contacts_are_found_added_and_changed(texting: Texting, rob: Client) -> None:
    fields = {"number": "(415) 555-0188", "name": "Nina", "tags": "vip, new", "owner": str(texting.rob.pk)}
    address = rob.post("/contacts/add/", fields)["Location"]
    row = Contact.objects.for_org(texting.org).get(name="Nina")
    assert (row.number, row.tags, row.owner) == ("+14155550188", ["vip", "new"], texting.rob)
    edit = f"{address}edit/"
    rob.post(edit, with_version(rob, edit, {"name": "Nina Roth", "tags": "", "owner": ""}))
    row.refresh_from_db()
    assert (row.name, row.tags, row.owner) == ("Nina Roth", [], None)
    assert "Nina Roth" in page(rob, "/contacts/?q=0188") and "Nina" not in page(rob, "/contacts/?q=carla")


@pytest.mark.parametrize(
    ("number", "words"), [("12", "isn’t a valid phone number"), (CONTACT, "is a contact already")]
)
def test_a_contact_that_cannot_be_added_says_why(rob: Client, number: str, words: str) -> None:
    answer = rob.post("/contacts/add/", {"number": number, "name": "Kept"})
    assert answer.status_code == 422
    assert words in answer.content.decode() and "Kept" in answer.content.decode()


def test_a_contact_of_another_org_is_not_found_and_a_viewer_changes_none(texting: Texting) -> None:
    visitor, viewer = outsider(), visit(make_member(texting.org, "Vera", "viewer"))
    for path in ("", "edit/"):
        assert visitor.get(f"/contacts/{texting.contact.pk}/{path}").status_code == 404
    assert viewer.get(f"/contacts/{texting.contact.pk}/").status_code == 200
    assert viewer.post(f"/contacts/{texting.contact.pk}/edit/", {"name": "X"}).status_code == 403


def test_only_admins_see_the_quarantine_and_let_a_text_in_again(texting: Texting, rob: Client) -> None:
    texting.receive("Lost?", to="+14155550777")
    event = InboundEvent.objects.for_org(texting.org).get()
    assert rob.get("/quarantine/").status_code == 403
    admin = visit(texting.admin)
    html = page(admin, "/quarantine/")
    assert "Lost?" in html and "+14155550777" in html
    assert admin.post(f"/quarantine/{event.pk}/replay/").status_code == 302
    event.refresh_from_db()
    assert event.state == "waiting"
    assert outsider().post(f"/quarantine/{event.pk}/replay/").status_code == 404
