"""Pictures and files of inbound messages: kept, fetched within limits, stored privately, shown to those who may read."""

import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from messaging import content_types, receiving
from messaging.media import fetching, files
from messaging.models import Message, MessageMedia
from notifications.models import Notification
from notifications.notify import fields_of
from senderid.models import ProviderAccount
from tests.api_rows import PNG
from tests.calling import Api
from tests.simulator.running import RunningSimulator
from tests.texting import CONTACT, Texting
from tests.visiting import visit

pytestmark = pytest.mark.django_db
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


class Provider(ThreadingHTTPServer):
    """The provider's media: `answers` are (status, headers, body), one after the other; the last one stays."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.answers: list[tuple[int, dict[str, str], bytes]] = [(200, {}, PNG)]
        self.asked: list[tuple[str, str]] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Door(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        status, headers, body = self.server.answers[0]
        if len(self.server.answers) > 1:
            self.server.answers.pop(0)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            return

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def folder(settings: Any, tmp_path: Any) -> Any:
    options = {"location": str(tmp_path / "media"), "file_permissions_mode": 0o600}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"media": storage}
    return tmp_path / "media"


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    running = Provider()
    settings.SIMULATOR_BASE_URL = running.url
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def texting(folder: Any) -> Texting:
    made = Texting()
    ProviderAccount.objects.for_org(made.org).update(is_simulator=True)
    made.account.refresh_from_db()
    return made


def address(texting: Texting, base: str, n: int = 0) -> str:
    return f"{base}/2010-04-01/Accounts/{texting.account.account_sid}/Messages/MM1/Media/ME{n}"


def picture(texting: Texting, base: str, body: str = "", count: int = 1, kind: str = "image/png") -> Message:
    """A message with pictures comes in."""
    payload = {f"MediaUrl{n}": address(texting, base, n) for n in range(count)}
    payload |= {f"MediaContentType{n}": kind for n in range(count)}
    message = texting.receive(body, NumMedia=str(count), **payload)
    assert message is not None
    return message


def rows(texting: Texting) -> list[MessageMedia]:
    return list(MessageMedia.objects.for_org(texting.org).order_by("position"))


def make_due(texting: Texting) -> None:
    MessageMedia.objects.for_org(texting.org).update(due_at=timezone.now())


# --- Kept and fetched ------------------------------------------------------------------------------------


def test_a_picture_is_kept_with_the_message_and_fetched_with_the_accounts_credentials(
    texting: Texting, provider: Provider, folder: Any
) -> None:
    """field, media: a picture arrived as nothing."""
    message = picture(texting, provider.url)
    [row] = rows(texting)
    assert (row.message_id, row.state, row.declared_type) == (message.pk, "waiting", "image/png")
    assert fetching.fetch_due() == 1
    [row] = rows(texting)
    assert (row.state, row.content_type, row.size, row.error) == ("loaded", "image/png", len(PNG), "")
    [(path, authorization)] = provider.asked
    assert path.endswith("/Media/ME0") and authorization.startswith("Basic ")
    assert (folder / row.file).read_bytes() == PNG
    assert (folder / row.file).stat().st_mode & 0o077 == 0
    assert fetching.fetch_due() == 0


def test_the_same_webhook_twice_is_one_picture(texting: Texting, provider: Provider) -> None:
    for _ in range(2):
        texting.receive("", sid="SM1", NumMedia="1", MediaUrl0=address(texting, provider.url))
    assert len(rows(texting)) == 1


def test_at_most_ten_files_of_a_message(texting: Texting, provider: Provider) -> None:
    picture(texting, provider.url, count=12)
    assert len(rows(texting)) == files.MAX_MEDIA


@pytest.mark.parametrize("count", ["", "x", "-1", "²", "99999999", "1"])
def test_a_count_that_lies_loses_no_message(texting: Texting, count: str) -> None:
    assert texting.receive("Hi", NumMedia=count) is not None
    assert rows(texting) == []


def test_a_failure_is_tried_again_later_and_given_up_after_the_last_try(
    texting: Texting, provider: Provider
) -> None:
    picture(texting, provider.url)
    provider.answers = [(503, {}, b"")]
    for pause in fetching.BACKOFF:
        before = timezone.now()
        assert fetching.fetch_due() == 1
        [row] = rows(texting)
        assert row.state == "waiting" and row.due_at >= before + pause
        assert fetching.fetch_due() == 0
        make_due(texting)
    fetching.fetch_due()
    [row] = rows(texting)
    assert (row.state, row.error) == ("failed", "The provider answered 503.")


def test_it_is_loaded_by_a_later_try(texting: Texting, provider: Provider) -> None:
    picture(texting, provider.url)
    provider.answers = [(500, {}, b""), (200, {}, PNG)]
    fetching.fetch_due()
    make_due(texting)
    fetching.fetch_due()
    assert rows(texting)[0].state == "loaded"


def test_a_killed_worker_leaves_it_due_after_its_lease(
    texting: Texting, provider: Provider, folder: Any
) -> None:
    """Killed before the download, or after the file was stored: the next one takes its place."""
    picture(texting, provider.url)
    [claimed] = fetching._claim(5)
    assert fetching._claim(5) == []
    files.save_file(claimed, b"half a file")
    make_due(texting)
    assert fetching.fetch_due() == 1
    [row] = rows(texting)
    assert (folder / row.file).read_bytes() == PNG
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1


def test_one_that_was_recorded_meanwhile_stays(texting: Texting, provider: Provider) -> None:
    picture(texting, provider.url)
    [claimed] = fetching._claim(5)
    make_due(texting)
    fetching.fetch_due()
    fetching._record_failure(claimed, "late", permanent=True)
    assert rows(texting)[0].state == "loaded"


# --- Limits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_announced", [True, False])
def test_what_is_too_large_is_refused(texting: Texting, provider: Provider, is_announced: bool) -> None:
    picture(texting, provider.url)
    headers = {} if is_announced else {"Content-Length": str(10**12), "Connection": "close"}
    provider.answers = [(200, headers, b"x" * (fetching.MAX_BYTES + 1))]
    fetching.fetch_due()
    [row] = rows(texting)
    assert (row.state, row.error) == ("failed", "It is larger than 5 MB.")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://api.twilio.com/2010-04-01/Accounts/{sid}/Messages/MM1/Media/ME1",
        "{base}/_sim/ledger",
        "{base}/2010-04-01/Accounts/AC0/Messages/MM1/Media/ME1",
        "{base}/2010-04-01/Accounts/{sid}/../../../_sim/ledger",
        "{base}/2010-04-01/Accounts/{sid}/%2e%2e/%2e%2e/_sim/ledger",
        "http://user@127.0.0.1/2010-04-01/Accounts/{sid}/x",
        "file:///etc/passwd",
        "",
    ],
)
def test_only_the_accounts_own_address_is_asked(texting: Texting, provider: Provider, url: str) -> None:
    picture(texting, provider.url)
    wrong = url.format(base=provider.url, sid=texting.account.account_sid)
    MessageMedia.objects.for_org(texting.org).update(source_url=wrong)
    fetching.fetch_due()
    assert rows(texting)[0].state == "failed" and provider.asked == []


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:1/x",
        "/_sim/ledger",
        "https://evil.example/x",
        "https://s3-external-1.amazonaws.com/other/x",
    ],
)
def test_a_redirect_leads_to_the_providers_media_hosts_only(
    texting: Texting, provider: Provider, to: str
) -> None:
    picture(texting, provider.url)
    provider.answers = [(307, {"Location": to}, b"")]
    fetching.fetch_due()
    assert rows(texting)[0].state == "failed" and len(provider.asked) == 1


def test_an_account_that_is_no_simulator_is_never_asked_at_a_private_address(
    texting: Texting, provider: Provider
) -> None:
    from senderid.providers.media import is_public

    ProviderAccount.objects.for_org(texting.org).update(
        is_simulator=False, base_url=provider.url.replace("127.0.0.1", "localhost")
    )
    picture(texting, provider.url.replace("127.0.0.1", "localhost"))
    fetching.fetch_due()
    assert provider.asked == [] and rows(texting)[0].state == "waiting"
    private = [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "fe80::1%eth0",
        "::ffff:127.0.0.1",
        "100.64.0.1",
    ]
    assert not any(map(is_public, private)) and is_public("54.239.28.85")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (PNG, "image/png"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"....ftypisom", "video/mp4"),
        (b"....ftyp3gp4", "video/3gpp"),
        (b"%PDF-1.7", "application/pdf"),
        (SVG, "application/octet-stream"),
        (b"<html><script>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_type_is_that_of_the_content(content: bytes, kind: str) -> None:
    assert content_types.type_of(content) == kind


# --- Shown -----------------------------------------------------------------------------------------------


def loaded(texting: Texting, provider: Provider, content: bytes = PNG, **more: Any) -> MessageMedia:
    provider.answers = [(200, {}, content)]
    picture(texting, provider.url, **more)
    fetching.fetch_due()
    return rows(texting)[0]


def test_the_thread_shows_the_picture_and_the_list_says_photo(texting: Texting, provider: Provider) -> None:
    row = loaded(texting, provider)
    visitor = visit(texting.rob)
    html = visitor.get(f"/inbox/{texting.conversation().pk}/?folder=all").content.decode()
    assert f'<img src="/media/{row.pk}/"' in html
    assert texting.conversation().last_body == "Photo"
    assert Api(texting.org).results("/conversations")[0]["last_message"]["body"] == "Photo"


def test_it_is_served_so_that_no_browser_runs_it(texting: Texting, provider: Provider) -> None:
    row = loaded(texting, provider)
    answer = visit(texting.rob).get(f"/media/{row.pk}/")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, PNG, "image/png")
    assert answer["Content-Disposition"].startswith("inline")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"] and "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("content", [SVG, b"<html><script>alert(1)</script>"])
def test_what_could_hold_a_script_is_a_download_whatever_the_provider_calls_it(
    texting: Texting, provider: Provider, content: bytes
) -> None:
    row = loaded(texting, provider, content, kind="image/svg+xml")
    visitor = visit(texting.rob)
    answer = visitor.get(f"/media/{row.pk}/")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Type"] == "application/octet-stream"
    assert "<img" not in visitor.get(f"/inbox/{texting.conversation().pk}/thread?folder=all").content.decode()


def test_only_who_may_read_the_conversation_gets_it(texting: Texting, provider: Provider) -> None:
    row = loaded(texting, provider)
    assert visit(Texting("Elsewhere").admin).get(f"/media/{row.pk}/").status_code == 404
    texting.sender.assignments.all().delete()
    assert visit(texting.rob).get(f"/media/{row.pk}/").status_code == 404
    assert visit(texting.admin).get(f"/media/{row.pk}/").status_code == 200


def test_the_api_names_the_media_and_gives_the_file(texting: Texting, provider: Provider) -> None:
    row = loaded(texting, provider)
    api = Api(texting.org)
    [message] = api.results(f"/conversations/{texting.conversation().pk}/messages")
    wanted = {
        "id": str(row.pk),
        "content_type": "image/png",
        "size": len(PNG),
        "state": "loaded",
        "error": None,
    }
    assert message["media"] == [wanted | {"url": f"/api/v1/media/{row.pk}"}]
    assert api.get(f"/messages/{message['id']}")["media"] == message["media"]
    answer = api.ask("GET", f"/media/{row.pk}")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, PNG, "image/png")
    assert "sandbox" in answer["Content-Security-Policy"]
    Api(Texting("Elsewhere").org).get(f"/media/{row.pk}", expect=404)


def test_one_that_failed_says_so_in_the_thread_and_the_api(texting: Texting, provider: Provider) -> None:
    provider.answers = [(404, {}, b"")]
    message = picture(texting, provider.url)
    fetching.fetch_due()
    html = visit(texting.rob).get(f"/inbox/{texting.conversation().pk}/?folder=all").content.decode()
    assert "Photo couldn’t be loaded" in html
    [shown] = Api(texting.org).get(f"/messages/{message.pk}")["media"]
    assert (shown["state"], shown["url"], shown["error"]) == ("failed", None, "The provider answered 404.")


@pytest.mark.parametrize(
    ("body", "kind", "count", "words"),
    [
        ("", "image/jpeg", 1, "Photo"),
        ("", "image/jpeg", 2, "2 photos"),
        ("", "video/mp4", 1, "Video"),
        ("", "application/pdf", 1, "File"),
        ("Look", "image/jpeg", 1, "Look (Photo)"),
    ],
)
def test_a_mail_says_what_came(texting: Texting, body: str, kind: str, count: int, words: str) -> None:
    message = picture(texting, "https://api.twilio.com", body, count, kind)
    notification = Notification(org=texting.org, message=message, conversation=message.conversation)
    notification.member = texting.rob
    assert fields_of(notification)["message"]["body"] == words


def test_by_default_files_lie_in_a_private_folder() -> None:
    storage = files.storage()
    assert isinstance(storage, FileSystemStorage)
    assert (storage.file_permissions_mode, storage.directory_permissions_mode) == (0o600, 0o700)


# --- Without a webhook -----------------------------------------------------------------------------------


def test_a_picture_that_no_webhook_brought_is_found_with_its_message(
    texting: Texting, settings: Any, tmp_path: Any
) -> None:
    """A message that reconciliation finds has its media, too."""
    simulator = RunningSimulator(tmp_path)
    simulator.start()
    try:
        settings.SIMULATOR_BASE_URL = simulator.url
        sid, token = texting.account.account_sid, texting.account.auth_token
        simulator.post("/_sim/accounts", {"account_sid": sid, "auth_token": token})
        media = [{"content_type": "image/png", "content": b64encode(PNG).decode()}]
        form = {"account_sid": sid, "to": texting.sender.value, "from": CONTACT, "body": ""}
        simulator.post("/_sim/inbound", form | {"media": media})
        assert receiving.reconcile_account(texting.account) == 1
        receiving.process_waiting()
        fetching.fetch_due()
    finally:
        simulator.stop()
    [row] = rows(texting)
    assert (row.state, row.size) == ("loaded", len(PNG))
