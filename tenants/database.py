"""The roles of PostgreSQL that processes log in as.

The owner migrates and runs commands. `web`, `operator` (its pages below /admin/) and `engine` (worker, dispatcher, beat) own
nothing, can't become the owner, and may only what `tenants.rls` and `tenants.privileges` say. Roles belong to a whole
cluster, so their names begin with that of the database.
"""

import hashlib
import hmac
from typing import Any

OWNER, WEB, OPERATOR, ENGINE = "owner", "web", "operator", "engine"
LOGINS = (WEB, OPERATOR, ENGINE)
LONGEST = 63  # of a name in PostgreSQL


def name_of(role: str, prefix: str) -> str:
    """The name in the cluster: `callsign_web`."""
    return f"{prefix[: LONGEST - len(role) - 1]}_{role}"


def derived_password(name: str, secret_key: str) -> str:
    """What the role logs in with where no password is set; the owner gives it the same one."""
    return hmac.new(secret_key.encode(), f"database role {name}".encode(), hashlib.sha256).hexdigest()


def logged_in_as(
    database: dict[str, Any], role: str, *, prefix: str, password: str, secret_key: str
) -> dict[str, Any]:
    """The settings of a database (of DATABASE_URL) with this role's login in place of the owner's.

    An address that names the role and its password already is taken as it is.
    """
    name = name_of(role, prefix or database["NAME"])
    if role == OWNER or (database["USER"] == name and database["PASSWORD"]):
        return database
    return database | {"USER": name, "PASSWORD": password or derived_password(name, secret_key)}
