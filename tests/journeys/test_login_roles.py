"""security section 4: what runs logs in to PostgreSQL as roles that own nothing."""

import json

from tests.stack import Api, Stack, eventually, new_number

LOGINS = """
import json
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT usename, count(*) FROM pg_stat_activity WHERE datname = current_database() "
                   "AND pid <> pg_backend_pid() AND backend_type = 'client backend' GROUP BY 1")
    print(json.dumps(dict(cursor.fetchall())))
"""


def test_no_process_of_a_running_stack_is_logged_in_as_the_owner(stack: Stack, api: Api) -> None:
    """security section 4: web, worker and dispatcher while a text is asked for and sent."""
    sender = api.long_code()
    api.assign(sender, "organization", api.org)
    to = new_number()
    api.post("/messages", {"to": to, "body": "Hi"}, expect=202)
    eventually(lambda: stack.handset(to), what="the text at the handset")
    logins = json.loads(stack.manage("shell", "-v", "0", "-c", LOGINS).stdout)
    assert set(logins) == {"callsign_web", "callsign_engine"}, logins
