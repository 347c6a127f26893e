"""The settings of a test run: the real ones, on a stack of its own unless DATABASE_URL is set.

pytest-django reads settings before anything else, so the stack starts here. Under xdist the controlling
process starts it and the workers inherit its environment; each has databases of its own.
"""

import os
import re

os.environ["PUBLIC_BASE_URL"] = "http://testserver"
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)
os.environ.setdefault("FIELD_KEYS", "dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtMDA=")

from config import embedded

embedded.attach(disposable=True)

if worker := re.search(r"\d+", os.environ.get("PYTEST_XDIST_WORKER", "")):
    os.environ["REDIS_URL"] = re.sub(r"/\d*$", f"/{int(worker[0]) + 1}", os.environ["REDIS_URL"])

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # argon2 is slow on purpose
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]  # some tests ask a server that runs
MIDDLEWARE = ["tests.as_web.AsWeb", *MIDDLEWARE]  # noqa: F405
