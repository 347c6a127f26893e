"""Twilio's webhook signature: base64(HMAC-SHA1(auth token, URL + sorted form parameters))."""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign(auth_token: str, url: str, params: Mapping[str, str]) -> str:
    """The X-Twilio-Signature of a form POST. The URL's fragment is not part of it."""
    signed = url.partition("#")[0] + "".join(name + params[name] for name in sorted(params))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
