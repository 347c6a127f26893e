"""api 20: JSON types are strict in PATCH and PUT and in nested lists and objects as well."""

from typing import Any

import pytest

from tests.api_rows import rows_of
from tests.calling import Api
from tests.office import Office

pytestmark = pytest.mark.django_db
WRONG: list[tuple[str, str, dict[str, Any], str]] = [
    ("PATCH", "/organization", {"daily_cap": "5"}, "daily_cap"),
    ("PATCH", "/organization", {"require_consent": "yes"}, "require_consent"),
    ("PATCH", "/members/{member}", {"name": 5}, "name"),
    ("PATCH", "/members/{member}", {"is_active": 1}, "is_active"),
    ("PATCH", "/members/{member}", {"teams": [5]}, "teams.0"),
    ("PATCH", "/teams/{team}", {"name": 5}, "name"),
    ("PATCH", "/delegations/{delegation}", {"end": "2030-01-01"}, "end"),
    ("PATCH", "/delegations/{delegation}", {"end": "2030-01-01T10:00:00"}, "end"),
    ("PATCH", "/sender-ids/{sender}", {"mps": "5"}, "mps"),
    ("PUT", "/sender-ids/{sender}/registrations/US", {"status": 5}, "status"),
    ("PATCH", "/assignments/{assignment}", {"priority": "1"}, "priority"),
    ("PATCH", "/assignments/{assignment}", {"countries": [5]}, "countries.0"),
    ("PATCH", "/assignments/{assignment}", {"notification": {"hide_body": "yes"}}, "notification.hide_body"),
    ("PATCH", "/assignments/{assignment}", {"notification": {"emails": [5]}}, "notification.emails.0"),
    ("PATCH", "/assignments/{assignment}", {"notification": "all"}, "notification"),
    ("PATCH", "/contacts/{contact}", {"tags": [5]}, "tags.0"),
    ("PATCH", "/contacts/{contact}", {"tags": "vip"}, "tags"),
    ("PATCH", "/contacts/{contact}", {"consent": {"source": 5}}, "consent.source"),
    ("PATCH", "/contact-lists/{list}", {"contacts": [5]}, "contacts.0"),
    ("PATCH", "/conversations/{conversation}", {"tags": [True]}, "tags.0"),
    ("PATCH", "/conversations/{conversation}", {"snoozed_until": 5}, "snoozed_until"),
    ("PATCH", "/campaigns/{campaign}", {"wants_reply": "yes"}, "wants_reply"),
    ("PATCH", "/campaigns/{campaign}", {"audience": {"tags": [5]}}, "audience.tags.0"),
    ("PATCH", "/campaigns/{campaign}", {"audience": {"lists": "all"}}, "audience.lists"),
    ("PATCH", "/campaigns/{campaign}", {"audience": []}, "audience"),
    ("PATCH", "/programs/{program}", {"keywords": "PIZZA"}, "keywords"),
    ("PATCH", "/programs/{program}", {"keywords": ["PIZZA"]}, "keywords.0"),
    ("PATCH", "/programs/{program}", {"keywords": [{"word": 5}]}, "keywords.0.word"),
    ("PATCH", "/programs/{program}", {"texts": {"welcome": 5}}, "texts.welcome"),
    ("PATCH", "/email-templates/{template}", {"is_org_default": "true"}, "is_org_default"),
]


def test_a_value_of_another_type_is_400_by_its_path() -> None:
    """api 20."""
    office = Office()
    api, ids, wrong = Api(office.org), rows_of(office), {}
    for method, path, body, field in WRONG:
        answer = api.ask(method, path.format(**ids), body)
        fields = [error["field"] for error in answer.json().get("errors", [])]
        if (answer.status_code, fields) != (400, [field]):
            wrong[f"{path} {body}"] = (answer.status_code, fields, answer.content[:150])
    assert wrong == {}
