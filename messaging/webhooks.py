"""The carrier's door: inbound texts and receipts. Account by the key in the URL, signature, then stored; no more.

The signature is checked over the configured public URL, never over Host or X-Forwarded-*.
"""

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
from tenants.scoping import as_org

EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def _refused(text: str, status: int = 403) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


def _thanks() -> HttpResponse:
    return HttpResponse(EMPTY_TWIML, content_type="text/xml")


def _account(request: HttpRequest, account_key: str) -> ProviderAccount | HttpResponse:
    """The account whose key stands in the URL, when the request is signed by it and speaks of it."""
    found = ProviderAccount.unscoped.filter(account_key=account_key, org__is_active=True)
    account = None if "\x00" in account_key else found.first()
    if account is None:
        return _refused("There is no such webhook.", 404)
    url = settings.PUBLIC_BASE_URL + request.get_full_path()
    signature = request.headers.get("X-Twilio-Signature")
    if not is_signed(tokens=account.tokens, url=url, params=request.POST, signature=signature):
        return _refused("The signature is missing or wrong.")
    if request.POST.get("AccountSid") != account.account_sid:
        return _refused("This is another account’s webhook.")
    return account


@csrf_exempt
@require_POST
def inbound(request: HttpRequest, account_key: str) -> HttpResponse:
    """A text came in: kept raw, answered at once."""
    account = _account(request, account_key)
    if isinstance(account, HttpResponse):
        return account
    text = read_inbound(request.POST)
    if not all(clean(part).strip() for part in (text.sid, text.to, text.sender)):
        return _refused("MessageSid, To and From are needed.", 400)
    with as_org(account.org_id):
        store_event(account=account, inbound=text, payload=_plain(request.POST))
    return _thanks()


@csrf_exempt
@require_POST
def status(request: HttpRequest, account_key: str, attempt_id: UUID) -> HttpResponse:
    """A receipt of a text of ours."""
    account = _account(request, account_key)
    if isinstance(account, HttpResponse):
        return account
    with as_org(account.org_id):
        known = take_receipt(account=account, attempt_id=attempt_id, receipt=read_receipt(request.POST))
    return _thanks() if known else _refused("There is no such text.", 404)


def _plain(form: Any) -> dict[str, str]:
    return {key: str(form[key])[:5000] for key in form}
