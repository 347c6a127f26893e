"""api 19: nobody overwrites what they have not seen. ETag on single resources, 304, 412, also when two race."""

import json
from typing import Any

import pytest

from messaging.models import Contact
from senderid.models import SenderId
from tests.api_rows import operations, rows_of
from tests.calling import Api
from tests.office import Office
from tests.racing import both_wait_for
from tests.world import give

pytestmark = pytest.mark.django_db
KINDS = {
    "api-keys": "key", "members": "member", "profiles": "profile", "teams": "team", "delegations": "delegation",
    "sender-ids": "sender", "assignments": "assignment", "contacts": "contact", "contact-lists": "list",
    "opt-outs": "opt_out", "messages": "message", "conversations": "conversation", "campaigns": "campaign",
    "programs": "program", "notifications": "notification", "email-templates": "template",
}  # fmt: skip
LISTS = ("/conversations/{pk}/messages", "/sender-ids/{pk}/registrations")
NO_ROW = ("/country-rules/{pk}", "/media/{pk}")  # the same for everybody; a file, that never changes
# A change of each that a key may make; what has none can only be deleted.
CHANGES: dict[str, Any] = {
    "/organization": {"name": "Renamed"},
    "/members/{pk}": {"title": "Boss"},
    "/profiles/{pk}": {"name": "Renamed"},
    "/teams/{pk}": {"name": "Renamed"},
    "/delegations/{pk}": {"reason": "Holiday"},
    "/sender-ids/{pk}": {"label": "Renamed"},
    "/sender-ids/{pk}/registrations/{country}": {"status": "submitted"},
    "/assignments/{pk}": {"priority": 7},
    "/contacts/{pk}": {"name": "Renamed"},
    "/contact-lists/{pk}": {"name": "Renamed"},
    "/messages/{pk}": {"status": "cancelled"},
    "/conversations/{pk}": {"tags": ["vip"]},
    "/campaigns/{pk}": {"name": "Renamed"},
    "/programs/{pk}": {"name": "Renamed"},
    "/email-templates/{pk}": {"name": "Renamed"},
}


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def api(office: Office) -> Api:
    return Api(office.org)


@pytest.fixture
def carla(office: Office) -> str:
    return f"/contacts/{office.carla.pk}"


def addresses(office: Office) -> dict[str, str]:
    """Every address of a single resource, by the general one."""
    ids = rows_of(office)
    found = {}
    for operation in operations():
        general = operation.path
        if operation.method != "GET" or general in (*LISTS, *NO_ROW):
            continue
        if "{pk}" in general or general == "/organization":
            pk = ids[KINDS[general.split("/")[1]]] if "{pk}" in general else ""
            found[general] = general.format(pk=pk, country="US")
    return found


def tag(api: Api, path: str) -> str:
    return api.ask("GET", path)["ETag"]


def test_every_single_resource_has_a_tag_and_304(api: Api, office: Office) -> None:
    """api 19: the same twice, quoted, strong; 304 without a body while nothing changed."""
    wrong = []
    for general, path in addresses(office).items():
        first, again = api.ask("GET", path), api.ask("GET", path)
        etag = first.get("ETag", "")
        same = api.ask("GET", path, If_None_Match=etag)
        if not (etag.startswith('"') and etag == again["ETag"] == same.get("ETag")):
            wrong.append((general, etag, again.get("ETag")))
        if (same.status_code, same.content) != (304, b""):
            wrong.append((general, same.status_code, same.content))
    assert wrong == []


def test_every_change_is_refused_with_an_old_tag_and_done_with_the_new_one(api: Api, office: Office) -> None:
    """api 19: PATCH and PUT of everything; what was refused changed nothing."""
    wrong = []
    paths = addresses(office)
    assert set(CHANGES) == {o.path for o in operations() if o.method in ("PATCH", "PUT")}
    for general, body in CHANGES.items():
        path, method = paths[general], "PUT" if "registrations" in general else "PATCH"
        before = api.ask("GET", path)
        stale = api.ask(method, path, body, If_Match='"0123"')
        said = json.loads(stale.content)
        if (stale.status_code, said["code"], said["etag"]) != (412, "precondition_failed", before["ETag"]):
            wrong.append((general, stale.status_code, stale.content[:200]))
        if tag(api, path) != before["ETag"]:
            wrong.append((general, "changed though refused"))
        done = api.ask(method, path, body, If_Match=before["ETag"])
        if done.status_code != 200 or done["ETag"] in ("", before["ETag"]) or done["ETag"] != tag(api, path):
            wrong.append((general, done.status_code, done.content[:200], done.get("ETag"), tag(api, path)))
    assert wrong == []


def test_delete_with_an_old_tag_is_refused(api: Api, office: Office) -> None:
    """api 19."""
    paths = addresses(office)
    for general in ("/teams/{pk}", "/email-templates/{pk}", "/opt-outs/{pk}", "/api-keys/{pk}"):
        path = paths[general]
        api.call("DELETE", path, expect=412, If_Match='"0123"')
        api.call("DELETE", path, expect=204, If_Match=tag(api, path))


def test_the_finding(api: Api, carla: str, office: Office) -> None:
    """api 19: the call that was answered with 200 and written."""
    answer = api.ask("PATCH", carla, {"name": "x"}, If_Match='"nope"')
    assert (answer.status_code, answer["ETag"]) == (412, tag(api, carla))
    assert Contact.objects.for_org(office.org).get().name == "Carla"


def test_without_a_condition_patch_works_as_before(api: Api, carla: str) -> None:
    assert api.patch(carla, {"name": "Carla B"})["name"] == "Carla B"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("*", 200),
        ("{etag}", 200),
        ('"other", {etag}', 200),
        ("W/{etag}", 412),
        ('"other"', 412),
        ('W/"other", "another"', 412),
    ],
)
def test_if_match_compares_strongly(api: Api, carla: str, header: str, status: int) -> None:
    """api 19: RFC 9110, 13.1.1."""
    condition = header.format(etag=tag(api, carla))
    api.call("PATCH", carla, {"name": "New"}, expect=status, If_Match=condition)


@pytest.mark.parametrize(
    ("header", "status"),
    [("*", 304), ("{etag}", 304), ("W/{etag}", 304), ('"other", W/{etag}', 304), ('"other"', 200)],
)
def test_if_none_match_compares_weakly(api: Api, carla: str, header: str, status: int) -> None:
    """api 19: RFC 9110, 13.1.2; HEAD alike; a change is refused when it matches."""
    condition = header.format(etag=tag(api, carla))
    for method in ("GET", "HEAD"):
        assert api.ask(method, carla, If_None_Match=condition).status_code == status
    expect = 412 if status == 304 else 200
    api.call("PATCH", carla, {"name": "New"}, expect=expect, If_None_Match=condition)


@pytest.mark.parametrize("value", ["nope", '"open', "", '"a" "b"', "*, *"])
@pytest.mark.parametrize("header", ["If_Match", "If_None_Match"])
def test_a_condition_that_cannot_be_read_is_400_by_name(
    api: Api, carla: str, header: str, value: str
) -> None:
    """api 19: a precondition that is ignored is worse than one that is unknown."""
    for method in ("GET", "PATCH", "DELETE"):
        problem = api.call(method, carla, {} if method == "PATCH" else None, expect=400, **{header: value})
        assert problem["errors"][0]["field"] == header.replace("_", "-")


def test_a_missing_row_and_a_missing_scope_come_before_conditions(
    api: Api, office: Office, carla: str
) -> None:
    """api 19: RFC 9110, 13.2.1."""
    outsider = Api(Office("Outsiders").org)
    outsider.call("PATCH", carla, {"name": "x"}, expect=404, If_Match="*")
    Api(office.org, scopes=["read"]).call("PATCH", carla, {"name": "x"}, expect=403, If_Match='"old"')


def test_a_method_or_address_that_is_not_there_stays_what_it_is(api: Api, office: Office) -> None:
    for method, path in (
        ("DELETE", "/contacts"),
        ("PATCH", "/contacts"),
        ("PUT", f"/contacts/{office.carla.pk}"),
    ):
        assert api.ask(method, path, {}, If_Match="*").status_code == 405


def test_a_registration_can_be_put_only_where_there_is_none(api: Api, office: Office) -> None:
    """api 19: If-None-Match: * on PUT; If-Match: * needs one."""
    path = f"/sender-ids/{office.sender.pk}/registrations/US"
    SenderId.objects.for_org(office.org).get().registrations.all().delete()
    api.call("PUT", path, {"status": "approved"}, expect=412, If_Match="*")
    api.call("PUT", path, {"status": "approved"}, expect=200, If_None_Match="*")
    api.call("PUT", path, {"status": "approved"}, expect=412, If_None_Match="*")
    api.call("PUT", path, {"status": "submitted"}, expect=200, If_Match="*")


def test_what_belongs_to_a_resource_changes_its_tag(api: Api, office: Office) -> None:
    """api 19: the teams of a member, the rule of an assignment are rows of their own."""
    member, given = f"/members/{office['Ann'].pk}", give(office.sender, office["Ann"])
    assignment = f"/assignments/{given.pk}"
    before = tag(api, member), tag(api, assignment)
    api.patch(member, {"teams": []})
    api.patch(assignment, {"notification": {"rule": "all"}})
    assert before[0] != tag(api, member) and before[1] != tag(api, assignment)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("resource", ["contact", "organization"])
def test_of_two_who_race_with_the_same_tag_exactly_one_wins(resource: str) -> None:
    """api 19: both wait for the row, so both have passed whatever is compared without it."""
    office = Office()
    path, table, pk = {
        "contact": (f"/contacts/{office.carla.pk}", "messaging_contact", office.carla.pk),
        "organization": ("/organization", "tenants_organization", office.org.pk),
    }[resource]
    apis = [Api(office.org), Api(office.org)]
    etag = tag(apis[0], path)

    def change(n: int) -> int:
        return apis[n].ask("PATCH", path, {"name": f"Writer {n}"}, If_Match=etag).status_code

    statuses = both_wait_for(table, pk, [lambda n=n: change(n) for n in range(2)])
    assert sorted(statuses) == [200, 412]
    assert apis[0].get(path)["name"] == f"Writer {statuses.index(200)}"


def test_other_contacts_of_a_list_are_another_tag(api: Api, office: Office) -> None:
    """eyes 1: a list answers its size alone; the same number of other contacts kept the tag, and both changes won."""
    two = [api.post("/contacts", {"number": number})["id"] for number in ("+12125550171", "+12125550172")]
    path = "/contact-lists/" + api.post("/contact-lists", {"name": "Swapped", "contacts": two[:1]})["id"]
    etag = tag(api, path)
    assert api.ask("PATCH", path, {"contacts": two[1:]}, If_Match=etag).status_code == 200
    assert tag(api, path) != etag
    assert api.ask("PATCH", path, {"contacts": two[:1]}, If_Match=etag).status_code == 412


def test_what_can_be_changed_is_in_the_tag(api: Api, office: Office) -> None:
    """eyes 1: a field that GET leaves out is in `unshown`, or only ever added to."""
    paths, hidden = addresses(office), set()
    document = api.get("/openapi.json")
    for general in CHANGES:
        found = document["paths"]["/api/v1" + general.replace("{pk}", "{id}")]
        change = found.get("patch") or found["put"]
        name = change["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
        fields = document["components"]["schemas"][name]["properties"]
        settable = {field for field, of in fields.items() if not of.get("readOnly")}
        hidden |= {(general, field) for field in settable - set(api.get(paths[general]))}
    # What is decided is GET's possible_opt_out.
    decided = ("/conversations/{pk}", "possible_opt_out_decision")
    assert hidden == {("/contact-lists/{pk}", "contacts"), ("/contacts/{pk}", "consent"), decided}
