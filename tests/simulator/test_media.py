"""Pictures: from the handset page to the webhook, served to who has the credentials; those we send reach the handset."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.simulator.running import ACCOUNT, SENDER, TOKEN, Receiver, RunningSimulator, wait_until

PHONE = "+14155550101"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)


def send_picture(simulator: RunningSimulator, receiver: Receiver, count: int = 1) -> dict[str, str]:
    """What the webhook got."""
    simulator.client().incoming_phone_numbers.create(phone_number=SENDER, sms_url=receiver.url)
    files = [("media", (f"{n}.png", PNG, "image/png")) for n in range(count)]
    form = {"from": PHONE, "to": SENDER, "body": ""}
    answer = requests.post(simulator.url + "/reply", data=form, files=files, timeout=10)
    assert answer.ok and 'class="note"' not in answer.text
    return receiver.received[-1].params


def test_a_picture_from_the_handset_page_is_named_in_the_webhook(
    simulator: RunningSimulator, receiver: Receiver
) -> None:
    params = send_picture(simulator, receiver, count=2)
    assert (params["NumMedia"], params["MediaContentType1"], params["Body"]) == ("2", "image/png", "")
    assert params["MediaUrl0"].startswith(f"{simulator.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/")
    assert len({params["MediaUrl0"], params["MediaUrl1"]}) == 2


def test_it_is_served_to_who_has_the_accounts_credentials(
    simulator: RunningSimulator, receiver: Receiver
) -> None:
    url = send_picture(simulator, receiver)["MediaUrl0"]
    assert requests.get(url, timeout=10).status_code == 401
    answer = requests.get(url, auth=(ACCOUNT, TOKEN), timeout=10)
    assert (answer.content, answer.headers["Content-Type"]) == (PNG, "image/png")
    assert requests.get(url + "0", auth=(ACCOUNT, TOKEN), timeout=10).status_code == 404


def test_the_library_lists_it(simulator: RunningSimulator, receiver: Receiver) -> None:
    params = send_picture(simulator, receiver)
    message = simulator.client().messages(params["MessageSid"]).fetch()
    assert message.num_media == "1"
    [media] = simulator.client().messages(params["MessageSid"]).media.list()
    assert media.content_type == "image/png" and params["MediaUrl0"].endswith(media.sid)


def test_the_handset_shows_its_own_picture(simulator: RunningSimulator, receiver: Receiver) -> None:
    sid = send_picture(simulator, receiver)["MediaUrl0"].rpartition("/")[2]
    assert f'<img src="/media/{sid}"' in simulator.page("/handsets/%2B14155550101/thread")
    answer = requests.get(f"{simulator.url}/media/{sid}", timeout=10)
    assert answer.content == PNG and "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_picture_can_be_brought_over_json(simulator: RunningSimulator, receiver: Receiver) -> None:
    simulator.client().incoming_phone_numbers.create(phone_number=SENDER, sms_url=receiver.url)
    media = [{"content_type": "image/png", "content": base64.b64encode(PNG).decode()}]
    simulator.post("/_sim/inbound", {"to": SENDER, "from": PHONE, "body": "Look", "media": media})
    assert receiver.received[0].params["NumMedia"] == "1"
    wrong = {"to": SENDER, "from": PHONE, "body": "Look", "media": [{"content": "x"}]}
    assert requests.post(simulator.url + "/_sim/inbound", json=wrong, timeout=10).status_code == 400


class _Picture(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(PNG)))
        self.end_headers()
        self.wfile.write(PNG)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def album() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Picture)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/a.png"
    server.shutdown()
    server.server_close()


def test_what_we_send_is_fetched_and_shown_on_the_handset(simulator: RunningSimulator, album: str) -> None:
    simulator.client().messages.create(to=PHONE, from_=SENDER, media_url=[album])
    wait_until(lambda: '<img src="/media/' in simulator.page("/handsets/%2B14155550101/thread"))


def test_media_survive_a_restart(own_simulator: RunningSimulator, receiver: Receiver) -> None:
    own_simulator.post("/_sim/accounts", {"account_sid": ACCOUNT, "auth_token": TOKEN})
    url = send_picture(own_simulator, receiver)["MediaUrl0"]
    own_simulator.stop()
    own_simulator.start()
    assert requests.get(url, auth=(ACCOUNT, TOKEN), timeout=10).content == PNG
