"""All settings, read from the environment (`.env.example` lists every variable).

Production means that DATABASE_URL is set. Without it `config.embedded` has started PostgreSQL and Valkey
and filled the environment before this file is read; so a missing variable fails loudly here, always.
"""

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ

from config.celery import app as celery_app  # noqa: F401 - makes it the app that every process's hints go through
from tenants.database import LOGINS, OWNER, logged_in_as

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- Where it runs -----------------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY")
FIELD_KEYS = env.list("FIELD_KEYS")
DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / ".data")))
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL").rstrip("/")
_public = urlsplit(PUBLIC_BASE_URL)
LIVE_PORT = env.int("LIVE_PORT", default=8001)
LIVE_BASE_URL = env.str("LIVE_BASE_URL", default="") or f"{_public.scheme}://{_public.hostname}:{LIVE_PORT}"
SIMULATOR_PORT = env.int("SIMULATOR_PORT", default=8010)
SIMULATOR_BASE_URL = env.str("SIMULATOR_BASE_URL", default="") or f"http://127.0.0.1:{SIMULATOR_PORT}"
REDIS_URL = env.str("REDIS_URL")
BROKER_URL = env.str("BROKER_URL", default="") or REDIS_URL
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
# Probes need no Host of ours: config.health answers them before it is looked at.
ALLOWED_HOSTS = LOOPBACK if _public.hostname in (*LOOPBACK, "::1") else [_public.hostname or "localhost"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
HTTPS = _public.scheme == "https"
# "proxy": a proxy in front ends TLS; "server": granian does (GRANIAN_SSL_CERTIFICATE); "none": plain HTTP.
TLS_TERMINATION = env.str("TLS_TERMINATION", default="") or ("proxy" if HTTPS else "none")
# How many proxies in front append to X-Forwarded-For; 0 believes none of it.
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Apps --------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_cotton",
    "django_htmx",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "tenants",
    "senderid",
    "messaging",
    "notifications",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "tenants.auth.headers.ResponseHeaders",
    "config.health.Probes",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.middleware.ContainOutages",
    "tenants.middleware.RefuseUnreadable",
    "tenants.middleware.refuse_nul",
    "tenants.middleware.drop_unsafe_next",
    "tenants.auth.addresses.PublicAddress",
    "tenants.auth.operator_login.OperatorLogin",
    "tenants.middleware.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "tenants.middleware.Authentication",
    "tenants.middleware.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenants.auth.second_factor.OperatorsOnly",
    "tenants.middleware.scope_to_member",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.context.who_is_asking",
                "messaging.context.rail",
            ],
            "builtins": ["tenants.templatetags.words", "senderid.templatetags.numbers"],
        },
    }
]
COTTON_DIR = "components"

# --- Data --------------------------------------------------------------------------------------------
# Which role this process logs in as: `web` or `engine` (they set that themselves, config.logins) or the `owner` that
# DATABASE_URL names.
# `live` never asks the database.
DATABASE_ROLE = env.str("DATABASE_ROLE", default="") or OWNER
DATABASE_ROLE_PREFIX = env.str(
    "DATABASE_ROLE_PREFIX", default=""
)  # of the roles' names; default: the database's
DATABASE_PASSWORDS = {role: env.str(f"{role.upper()}_DATABASE_PASSWORD", default="") for role in LOGINS}
DATABASES = {
    "default": logged_in_as(
        env.db("DATABASE_URL"),
        DATABASE_ROLE,
        prefix=DATABASE_ROLE_PREFIX,
        password=DATABASE_PASSWORDS.get(DATABASE_ROLE, ""),
        secret_key=SECRET_KEY,
    )
}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 600,
    "CONN_HEALTH_CHECKS": True,
    "DISABLE_SERVER_SIDE_CURSORS": True,  # PgBouncer in transaction mode keeps no session state
    "OPTIONS": {"connect_timeout": 5},
}
# Modules whose statements become functions of the database after each migrate (tenants.kept).
KEPT_STATEMENTS = [
    "tenants.api_keys",
    "tenants.auth.sessions",
    "tenants.idempotency",
    "tenants.logins",
    "senderid.board",
    "messaging.contacts",
    "messaging.conversations",
    "messaging.planning",
    "messaging.queue_state",
    "messaging.receiving",
    "messaging.sending",
    "messaging.webhooks",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Files of messages, private: a folder, or S3 and its like. Static files have their usual storage.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "media": {
        "BACKEND": env.str("MEDIA_STORAGE", default="") or "django.core.files.storage.FileSystemStorage",
        "OPTIONS": json.loads(env.str("MEDIA_STORAGE_OPTIONS", default="") or "null")
        or {
            "location": str(DATA_DIR / "media"),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
SESSION_ENGINE = "tenants.auth.sessions"

# --- People ------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "tenants.login.InvitedOnly"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True  # after the second step; the device then is a known one
ACCOUNT_FORMS = {
    "reset_password": "tenants.auth.password_reset.QuietResetForm",
    "reset_password_from_key": "tenants.auth.password_reset.SingleUseResetForm",
}
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}  # LOGIN_LIMITS below
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ADAPTER = "tenants.auth.second_factor.SealedFactors"
MFA_TOTP_ISSUER = "Callsign"
MFA_FORMS = {
    "authenticate": "tenants.auth.second_factor.LimitedAuthenticate",
    "reauthenticate": "tenants.auth.second_factor.LimitedReauthenticate",
}
# Failed attempts and seconds, then as long a pause; of passwords and of codes each (tenants.auth.login_limits).
LOGIN_LIMITS = {
    "account_and_address": (10, 900),
    "address": (100, 900),
    "account": (50, 3600),
    "device": (10, 900),
}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
CSRF_FAILURE_VIEW = "tenants.views.accounts.csrf_failure"

# --- Mail --------------------------------------------------------------------------------------------
EMAIL_CONFIG = env.email("EMAIL_URL", default="smtp://127.0.0.1:8025")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Callsign <notify@callsign.example>")

# --- REST API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.api_keys.BearerKey"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api_policy.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.rest.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "tenants.api_policy.CursorPages",
    "DEFAULT_THROTTLE_CLASSES": ["tenants.api_policy.PerKey"],
    "DEFAULT_SCHEMA_CLASS": "tenants.api_schema.Schema",
    "EXCEPTION_HANDLER": "tenants.problems.answer",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "PAGE_SIZE": 50,
}
API_RATE_LIMIT = (600, 10)  # requests, seconds, per key
SPECTACULAR_SETTINGS = {
    "TITLE": "Callsign",
    "DESCRIPTION": "Which number or name speaks for whom. Authorization: Bearer cs_live_…",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ScopeEnum": "tenants.models.organizations.StopScope",
        "SenderStatusEnum": "senderid.models.SenderId.Status",
        "SenderDirectionEnum": "senderid.models.SenderId.Direction",
        "RegistrationStatusEnum": "senderid.models.Registration.Status",
        "ConversationStatusEnum": "messaging.models.Conversation.Status",
        "MessageDirectionEnum": "messaging.models.Message.Direction",
        "RuleEnum": "notifications.models.Rule.choices",
    },
}

# --- Work --------------------------------------------------------------------------------------------
# Each is asked every second by config.dispatcher for what is due in PostgreSQL.
SWEEPS = [
    "senderid.provisioning.sweep",
    "messaging.dispatching.sweep",
    "messaging.resolving.sweep",
    "messaging.receiving.sweep",
    "messaging.media.fetching.sweep",
    "messaging.campaigns.sweep",
    "messaging.conversations.sweep",
    "messaging.usage.sweep",
    "notifications.receivers.sweep",
    "notifications.notify.sweep",
    "notifications.escalation.sweep",
]
SETTLE_SECONDS = env.int("SETTLE_SECONDS", default=180)  # how late a carrier may still show a text it took
RESOLVE_PAUSE_SECONDS = env.int("RESOLVE_PAUSE_SECONDS", default=60)
LEASE_SECONDS = env.int("LEASE_SECONDS", default=60)  # longer than a call may take
SEND_TOTAL_SECONDS = env.int("SEND_TOTAL_SECONDS", default=min(20, LEASE_SECONDS - 5))
SEND_CONNECT_SECONDS = 5
SEND_IN_FLIGHT = env.int("SEND_IN_FLIGHT", default=512)  # of one account and process, at most
MESSAGE_VALIDITY = timedelta(hours=10)
LIVE_TOKEN_SECONDS = 300  # pages renew theirs before it ends

# --- Pages -------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0 if DEBUG else 300
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

PAGE_POLICY = {
    "default-src": ["'self'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "connect-src": ["'self'", LIVE_BASE_URL],
    "object-src": ["'none'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
}
CONTENT_SECURITY_POLICY = {"DIRECTIVES": PAGE_POLICY}
POLICIES_BY_PATH = {
    # unfold runs Alpine, which evaluates attributes and sets styles.
    "/admin/": PAGE_POLICY
    | {
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
    },
    # Swagger UI sets styles on its elements.
    "/api/docs/": PAGE_POLICY | {"style-src": ["'self'", "'unsafe-inline'"]},
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = False  # the proxy in front does it
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31536000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Sent by tenants.auth.headers with every response.
HSTS = f"max-age={SECURE_HSTS_SECONDS}; includeSubDomains" if SECURE_HSTS_SECONDS else ""
SILENCED_SYSTEM_CHECKS = ["security.W008"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
UNFOLD = {
    "SITE_TITLE": "Callsign operator",
    "SITE_HEADER": "Callsign operator",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/img/callsign.svg"}],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": "config.logs.Structured",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
            "json_ensure_ascii": False,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "aiohttp": {"level": "WARNING"},
        "twilio": {"level": "WARNING"},
    },
}
