"""The carrier's door: inbound texts and receipts. Account by the key in the URL, signature, then stored; no more.

The signature is checked over the configured public URL, never over Host or X-Forwarded-*.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from messaging.receipts import take_receipt
from messaging.receiving import clean, store_event
from senderid.models import ProviderAccount
from senderid.providers.twilio import is_signed, read_inbound, read_receipt
from tenants import rows
from tenants.database import WEB
from tenants.kept import Kept, typed
from tenants.scoping import take_org, transaction_of_an_org

EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class _Refused(Exception):
    """What the carrier is told instead of thanks; nothing is kept."""

    def __init__(self, text: str, status: int = 403) -> None:
        super().__init__(text)
        self.text, self.status = text, status


def _answers(take: Callable[..., None]) -> Callable[..., HttpResponse]:
    """A view: empty TwiML once `take` has kept what came, else the refusal."""

    @wraps(take)
    def view(request: HttpRequest, **given: Any) -> HttpResponse:
        try:
            take(request, **given)
        except _Refused as refused:
            return HttpResponse(refused.text, status=refused.status, content_type="text/plain; charset=utf-8")
        return HttpResponse(EMPTY_TWIML, content_type="text/xml")

    return view


FIND = Kept(
    "find_account",
    f"""
    SELECT {rows.columns(ProviderAccount, "a")}
    FROM senderid_provideraccount a JOIN tenants_organization o ON o.id = a.org_id
    WHERE a.account_key = %(account_key)s AND o.is_active
    """,  # noqa: S608 - only our own names are put in
    takes={"account_key": "text"},
    gives=typed(ProviderAccount),
    across_orgs=[WEB],
)


@contextmanager
def _signed(request: HttpRequest, account_key: str) -> Iterator[ProviderAccount]:
    """One transaction in the org of the account whose key stands in the URL, when the request is signed by it and
    speaks of it. Finding the account and taking its org is one statement."""
    if "\x00" in account_key:
        raise _Refused("There is no such webhook.", 404)
    with transaction_of_an_org() as cursor:
        taking = f"SELECT f.*, {take_org('f.org_id')} FROM {FIND.call} f"  # noqa: S608 - our own names
        cursor.execute(taking, {"account_key": account_key})
        found = cursor.fetchone()
        if found is None:
            raise _Refused("There is no such webhook.", 404)
        account = rows.build(ProviderAccount, found[:-1])
        _demand_signature(request, account)
        yield account


def _demand_signature(request: HttpRequest, account: ProviderAccount) -> None:
    url = settings.PUBLIC_BASE_URL + request.get_full_path()
    signature = request.headers.get("X-Twilio-Signature")
    if not is_signed(tokens=account.tokens, url=url, params=request.POST, signature=signature):
        raise _Refused("The signature is missing or wrong.")
    if request.POST.get("AccountSid") != account.account_sid:
        raise _Refused("This is another account’s webhook.")


@csrf_exempt
@require_POST
@_answers
def inbound(request: HttpRequest, account_key: str) -> None:
    """A text came in: kept raw, answered at once."""
    with _signed(request, account_key) as account:
        text = read_inbound(request.POST)
        if not all(clean(part).strip() for part in (text.sid, text.to, text.sender)):
            raise _Refused("MessageSid, To and From are needed.", 400)
        store_event(account=account, inbound=text, payload=_plain(request.POST))


@csrf_exempt
@require_POST
@_answers
def status(request: HttpRequest, account_key: str, attempt_id: UUID) -> None:
    """A receipt of a text of ours."""
    with _signed(request, account_key) as account:
        if not take_receipt(account=account, attempt_id=attempt_id, receipt=read_receipt(request.POST)):
            raise _Refused("There is no such text.", 404)


def _plain(form: Any) -> dict[str, str]:
    return {key: str(form[key])[:5000] for key in form}
