"""`manage.py check --deploy`: does the environment say how people reach this deployment, and safely so?"""

import os
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from tenants.auth.addresses import LOOPBACK_HOSTS
from tenants.database import OWNER

YEAR = 31536000
TERMINATIONS = ("proxy", "server", "none")


@register("security", deploy=True)
def check_deployment(app_configs: Any, **_: Any) -> list[CheckMessage]:
    return [*_public_address(), *_tls(), *_proxies(), *_hosts(), *_secrets(), *_database()]


def _public_address() -> list[CheckMessage]:
    parts = urlsplit(settings.PUBLIC_BASE_URL)
    found: list[CheckMessage] = []
    if parts.scheme not in ("http", "https") or not parts.hostname:
        found.append(
            Error("PUBLIC_BASE_URL is no address like https://callsign.example.com.", id="callsign.E001")
        )
    elif parts.path or parts.query or parts.username:
        found.append(
            Error(
                "PUBLIC_BASE_URL holds more than scheme, host and port.",
                hint="Remove the rest.",
                id="callsign.E002",
            )
        )
    return found


def _tls() -> list[CheckMessage]:
    https, ends = settings.PUBLIC_BASE_URL.startswith("https:"), settings.TLS_TERMINATION
    if ends not in TERMINATIONS:
        return [Error(f"TLS_TERMINATION is {ends!r}; it is one of proxy, server, none.", id="callsign.E003")]
    if https != (ends != "none"):
        hint = (
            "Set PUBLIC_BASE_URL to https://… with TLS_TERMINATION=proxy or server, or to http://… with none."
        )
        return [
            Error("PUBLIC_BASE_URL and TLS_TERMINATION contradict each other.", hint=hint, id="callsign.E004")
        ]
    if ends == "server" and not os.environ.get("GRANIAN_SSL_CERTIFICATE"):
        hint = "Set GRANIAN_SSL_CERTIFICATE and GRANIAN_SSL_KEYFILE, or let a proxy end TLS."
        return [
            Error("TLS_TERMINATION=server, but granian has no certificate.", hint=hint, id="callsign.E005")
        ]
    if not https and not _is_loopback():
        return [
            Warning("Passwords and sessions travel in clear: PUBLIC_BASE_URL is http.", id="callsign.W001")
        ]
    if https and settings.SECURE_HSTS_SECONDS < YEAR:
        hint = "Leave HSTS_SECONDS unset for a year; set less only while you try HTTPS out."
        return [Warning("HSTS_SECONDS is under a year.", hint=hint, id="callsign.W002")]
    return []


def _proxies() -> list[CheckMessage]:
    count, ends = settings.TRUSTED_PROXY_COUNT, settings.TLS_TERMINATION
    if count < 0:
        return [Error("TRUSTED_PROXY_COUNT is below 0.", id="callsign.E006")]
    if ends == "proxy" and count == 0:
        hint = "Set it to the number of proxies that append to X-Forwarded-For (mostly 1)."
        text = "A proxy ends TLS, but TRUSTED_PROXY_COUNT is 0: all people would share the proxy's address."
        return [Error(text, hint=hint, id="callsign.E007")]
    return []


def _hosts() -> list[CheckMessage]:
    loose = {"*", *LOOPBACK_HOSTS, "[::1]"} & set(settings.ALLOWED_HOSTS)
    if loose and not _is_loopback():
        text = f"ALLOWED_HOSTS has {', '.join(sorted(loose))} beside the host of PUBLIC_BASE_URL."
        return [Error(text, id="callsign.E008")]
    return []


def _secrets() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    try:
        [Fernet(key) for key in settings.FIELD_KEYS]
    except ValueError:
        found.append(Error("FIELD_KEYS holds a key that is no Fernet key.", id="callsign.E009"))
    if not settings.FIELD_KEYS:
        found.append(Error("FIELD_KEYS is empty.", id="callsign.E010"))
    if 0 < len(settings.METRICS_TOKEN) < 32:
        found.append(Warning("METRICS_TOKEN has under 32 characters.", id="callsign.W003"))
    return found


def _database() -> list[CheckMessage]:
    if os.environ.get("DATABASE_ROLE") != OWNER:
        return []
    hint = "Leave DATABASE_ROLE unset: then each process logs in as the role that migrations make for it."
    text = "With DATABASE_ROLE=owner SQL that is injected into a request reads all organizations."
    return [Warning(text, hint=hint, id="callsign.W004")]


def _is_loopback() -> bool:
    return urlsplit(settings.PUBLIC_BASE_URL).hostname in LOOPBACK_HOSTS
