"""What a list may be asked: unknown parameters, bad choices, bad ids and bad page sizes are refused by name (api 5)."""

from typing import Any

import pytest

from config.api import router
from tenants.rest.filters import ChoiceFilter, FlagFilter, IdFilter
from tests.api.test_isolation import FILTERS
from tests.api_rows import operations, rows_of
from tests.calling import Api
from tests.office import CARLA, Office
from tests.world import give

pytestmark = pytest.mark.django_db
VIEWS = {f"/{prefix}": viewset for prefix, viewset, _ in router.registry}
READS = sorted({o.path for o in operations() if o.method == "GET"})
LISTS = sorted(VIEWS)


@pytest.fixture(scope="module")
def ids() -> dict[str, str]:
    return {}


@pytest.fixture
def office() -> Office:
    office = Office()
    give(office.sender, office.org)
    return office


@pytest.fixture
def api(office: Office) -> Api:
    return Api(office.org)


def error_of(api: Api, path: str) -> tuple[str, str, str]:
    found = api.get(path, expect=400)
    assert found["code"] == "invalid", found
    [error] = found["errors"]
    return error["field"], error["code"], error["message"]


def test_a_parameter_that_does_not_exist_is_refused_on_every_address(api: Api, office: Office) -> None:
    """api 5: it was ignored, and the whole list was the answer. Ordering likewise: there is none."""
    ids = rows_of(office)
    kinds = {"/contact-lists": "list", "/opt-outs": "opt_out", "/sender-ids": "sender", "/email-templates": "template",
             "/api-keys": "key", "/media": "media"}  # fmt: skip
    for path in READS:
        prefix = "/" + path.split("/")[1]
        kind = kinds.get(prefix, prefix[1:-1])
        path = path.replace("{pk}", "US" if prefix == "/country-rules" else ids.get(kind, "")).replace(
            "{country}", "US"
        )
        api.get(path)
        for name in ("nonsense", "ordering", "format", "expand"):
            field, code, message = error_of(api, f"{path}?{name}=1")
            assert (field, code) == (name, "unknown_parameter"), path
            assert message.startswith("No such parameter.")


def test_it_names_those_there_are(api: Api) -> None:
    """api 5"""
    _, _, message = error_of(api, "/campaigns?state=draft")
    assert message.endswith("Available: category, cursor, owner, page_size, sender_mode, status.")
    assert error_of(api, "/error-codes?q=1")[1] == "unknown_parameter"


def test_a_write_takes_none_either(api: Api) -> None:
    """api 5"""
    found = api.post("/contacts?dry_run=true", {"number": "+16285550140"}, expect=400)
    assert found["errors"][0]["field"] == "dry_run"
    assert not [row for row in api.results("/contacts") if row["number"] == "+16285550140"]


@pytest.mark.parametrize("size", ["0", "-1", "abc", "1.5", "1001", "100000", "9" * 300, "", "٣", "+5", "1e2"])
def test_a_page_size_out_of_range_is_refused_on_every_list(api: Api, office: Office, size: str) -> None:
    """api 5: all of them gave the usual page."""
    ids = rows_of(office)
    more = [f"/sender-ids/{ids['sender']}/registrations", f"/conversations/{ids['conversation']}/messages"]
    for path in [*LISTS, *more]:
        field, _, message = error_of(api, f"{path}?page_size={size.replace('+', '%2B')}")
        assert field == "page_size" and "1 to 1,000" in message, path
        assert error_of(api, f"{path}?cursor=nonsense")[0] == "cursor"


def test_a_page_size_in_range_is_taken(api: Api) -> None:
    for path in LISTS:
        for size in ("1", "1000"):
            assert len(api.results(f"{path}?page_size={size}")) <= int(size)


def test_every_declared_filter_refuses_what_it_does_not_know(api: Api) -> None:
    """api 5: `status=zzz` gave nothing and `unread=yes` everything."""
    tried = 0
    for path, view in VIEWS.items():
        for name, one in view.filters.items():
            bad = {IdFilter: ("nobody", "7"), ChoiceFilter: ("zzz", "Open"), FlagFilter: ("yes", "2")}
            for value in (*bad.get(type(one), ()), "", "x" * 201):  # type: ignore[call-overload]
                field, code, message = error_of(api, f"{path}?{name}={value}")
                assert field == name, (path, value)
                if value and isinstance(one, ChoiceFilter) and len(value) < 200:
                    assert code == "invalid_choice"
                    assert all(choice in message for choice in one.choices)
                tried += 1
            assert error_of(api, f"{path}?{name}=1&{name}=2")[0] == name
    assert tried > 100


def test_every_choice_of_every_filter_works(api: Api) -> None:
    for path, view in VIEWS.items():
        for name, one in view.filters.items():
            for value in one.choices if isinstance(one, ChoiceFilter) else ("true", "false"):
                if isinstance(one, ChoiceFilter | FlagFilter):
                    api.get(f"{path}?{name}={value}")


def test_every_id_filter_stands_in_the_isolation_table() -> None:
    declared: dict[str, set[str]] = {
        path: {name for name, one in view.filters.items() if isinstance(one, IdFilter)}
        for path, view in VIEWS.items()
    }
    listed = {path: set(filters) - {"as_member", "value"} for path, filters in FILTERS.items()}
    assert declared == listed


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/members?role=owner", 1), ("/members?email=nobody@x.example", 0), ("/members?is_active=false", 0),
        ("/campaigns?status=draft", 1), ("/campaigns?status=done", 0), ("/opt-outs?scope=sender", 0),
        ("/opt-outs?scope=org", 1),
        ("/assignments?kind=organization", 1), ("/assignments?kind=team", 0), ("/notifications?rule=specific", 0),
        ("/country-rules?page_size=5", 5), ("/conversations?unread=true", 1), ("/conversations?unread=false", 0),
    ],
)  # fmt: skip
def test_filters_that_were_ignored_work(api: Api, office: Office, path: str, count: int) -> None:
    """api 5"""
    rows_of(office)
    assert len(api.results(path)) == count


def test_country_rules_are_whole_and_filtered(api: Api) -> None:
    """api 5: 243 rows whatever was asked."""
    everything = api.get("/country-rules")
    assert everything["next"] is None and len(everything["results"]) > 200
    allowed = api.results("/country-rules?alphanumeric=allowed")
    assert 0 < len(allowed) < len(everything["results"])
    assert {row["alphanumeric"] for row in allowed} == {"allowed"}


def test_a_detail_is_not_filtered_by_its_lists_filters(api: Api, office: Office) -> None:
    found: Any = api.get(f"/contacts/{office.carla.pk}")
    assert found["number"] == CARLA
    assert error_of(api, f"/contacts/{office.carla.pk}?number=x")[1] == "unknown_parameter"
