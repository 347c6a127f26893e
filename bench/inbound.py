"""The signed inbound webhook over real HTTP, against a bare Django view with one INSERT on a server with the same flags."""

import itertools
import statistics
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from twilio.request_validator import RequestValidator

from bench import bare, load
from bench.serving import BARE, PRODUCT, ratio_of, serving
from messaging.models import InboundEvent
from senderid.models import ProviderAccount, SenderId
from tests.world import make_org

FORM = "application/x-www-form-urlencoded; charset=utf-8"


def measure(*, rounds: int, seconds: float) -> dict[str, dict[str, Any]]:
    org = make_org("Bench inbound")
    account = ProviderAccount(org=org, label="Simulator", account_sid="AC" + "d" * 32, is_simulator=True)
    account.set_token("d" * 32)
    account.save()
    SenderId.objects.for_org(org).create(
        kind="long_code", value="+14155570000", country="US", label="Line", provider_account=account, mps=1
    )
    with connection.cursor() as cursor:
        cursor.execute(bare.TABLE)
        cursor.execute("ANALYZE")
    ours, theirs, waits, kept = [], [], [], 0
    asking = _texts(account)
    with serving(PRODUCT) as port, serving(BARE) as bare_port:
        for n in range(rounds + 1):
            enough = int(4000 * seconds) + 16
            texts = list(itertools.islice(asking, enough))
            plain = load.fire(port=bare_port, requests=_plain(texts), seconds=seconds)
            found = load.fire(port=port, requests=texts, seconds=seconds)
            assert {*found["statuses"], *plain["statuses"]} == {"200"}, (found, plain)
            kept += found["statuses"]["200"]
            if n:  # the first round opens connections and fills caches
                ours.append(found["rate"])
                theirs.append(plain["rate"])
                waits.append(found["p95_ms"])
    assert InboundEvent.objects.for_org(org).count() == kept
    return {
        "inbound_vs_bare": {
            "value": ratio_of(ours, theirs),
            "unit": "ratio",
            "must": ">= 0.50",
            "note": f"{statistics.median(ours):.0f} texts/s (p95 {statistics.median(waits):.0f} ms) against "
            f"{statistics.median(theirs):.0f}/s of a bare view; 16 connections",
        }
    }


def _texts(account: ProviderAccount) -> Iterator[bytes]:
    """Signed as Twilio signs, each with a MessageSid of its own."""
    validator = RequestValidator(account.auth_token)
    path = account.inbound_url.removeprefix(settings.PUBLIC_BASE_URL)
    for n in itertools.count():
        form = {
            "ToCountry": "US",
            "SmsMessageSid": (sid := f"SM{uuid.uuid4().hex}"),
            "NumMedia": "0",
            "SmsSid": sid,
            "FromCountry": "US",
            "SmsStatus": "received",
            "Body": "On my way, thank you!",
            "To": "+14155570000",
            "NumSegments": "1",
            "MessageSid": sid,
            "AccountSid": account.account_sid,
            "From": f"+1628{200_0000 + n % 2000}",
            "ApiVersion": "2010-04-01",
        }
        signature = validator.compute_signature(account.inbound_url, form)
        body = urlencode(form).encode()
        yield load.request(path, body, Content_Type=FORM, X_Twilio_Signature=signature)


def _plain(texts: list[bytes]) -> list[bytes]:
    """The same forms, to the yardstick."""
    return [
        load.request("/inbound", text.partition(b"\r\n\r\n")[2], Content_Type=FORM, X_Twilio_Signature="-")
        for text in texts
    ]
