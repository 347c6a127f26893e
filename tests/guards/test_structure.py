"""The repository checks itself: jobs, sweeps, settings, layers, sizes, tenant models."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils.module_loading import import_string

from config.celery import app as celery_app
from tenants.rls import tenant_models
from tenants.scoping import OrgManager, TenantForeignKey, TenantOneToOne, TenantOwned

ROOT = Path(settings.BASE_DIR)
OURS = ("config", "tenants", "senderid", "messaging", "notifications", "simulator")
APPS = OURS[1:5]


def python_files(*tops: str) -> list[Path]:
    return [
        path for top in tops for path in sorted((ROOT / top).rglob("*.py")) if "migrations" not in path.parts
    ]


# --- Jobs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", settings.SWEEPS)
def test_every_sweep_can_be_called(name: str) -> None:
    assert callable(import_string(name))


def test_every_module_with_a_sweep_is_swept() -> None:
    defined = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts) + ".sweep"
        for path in python_files(*APPS)
        if re.search(r"^def sweep\(", path.read_text(), re.M)
    }
    assert defined == set(settings.SWEEPS)


@cache
def our_tasks() -> frozenset[str]:
    """Every function under @shared_task, read from the source: an unimported module can't hide one."""
    found = set()
    for path in python_files(*APPS):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any(
                "shared_task" in ast.dump(d) for d in node.decorator_list
            ):
                found.add(".".join((*path.relative_to(ROOT).with_suffix("").parts, node.name)))
    return frozenset(found)


def test_every_job_has_a_queue_that_a_worker_hears() -> None:
    queues = {queue.name for queue in celery_app.conf.task_queues}
    assert len(our_tasks()) >= 4
    for task in our_tasks():
        route = celery_app.amqp.router.route({}, task)
        assert route["queue"].name in queues, task
        explicit = any(
            re.fullmatch(pattern.replace(".", r"\.").replace("*", ".*"), task)
            for pattern in celery_app.conf.task_routes
        )
        scheduled = task in {entry["task"] for entry in celery_app.conf.beat_schedule.values()}
        assert explicit or scheduled, f"{task} has no route and falls into the default queue unseen"


def test_every_job_of_the_beat_exists() -> None:
    assert {entry["task"] for entry in celery_app.conf.beat_schedule.values()} <= our_tasks()


def test_every_job_is_registered_where_a_worker_looks() -> None:
    """In a process of its own, for here other tests have imported everything."""
    looks = "from config.celery import app; app.loader.import_default_modules(); print(*app.tasks)"
    words = "import django; django.setup(); " + looks
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, check=True, capture_output=True, text=True)
    assert our_tasks() <= set(done.stdout.split())


def test_every_hinted_job_exists() -> None:
    for path in python_files(*APPS):
        for name in re.findall(r'"((?:messaging|notifications)\.[a-z_]+\.[a-z_]+)"', path.read_text()):
            if name.rpartition(".")[2] in ("dispatch", "process", "prepare"):
                assert name in our_tasks(), f"{path.name} hints {name}"


# --- Settings ------------------------------------------------------------------------------------------


def test_every_variable_of_the_settings_is_documented() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text()))
    documented = set(re.findall(r"^#?\s*([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert len(read) > 10
    assert read <= documented, f"missing in .env.example: {sorted(read - documented)}"


# --- Layers and sizes ----------------------------------------------------------------------------------


def test_every_top_level_package_stands_in_a_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages == set(contracts["root_packages"])
    named = str(contracts["contracts"])
    assert all(f"'{package}" in named for package in packages)


@pytest.mark.parametrize("path", python_files(*OURS), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_over_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_test_folders_are_no_packages() -> None:
    """A root-level package of the same name would be shadowed."""
    assert not [path for path in (ROOT / "tests").rglob("__init__.py")]


# --- Tenant models -------------------------------------------------------------------------------------

WORLDWIDE = {"tenants.Session", "tenants.User", "tenants.Organization", "senderid.CountryRule"}


def our_models() -> list[type[models.Model]]:
    return [model for app in APPS for model in apps.get_app_config(app).get_models()]


def test_every_model_belongs_to_an_org_or_is_known_not_to() -> None:
    rest = {model._meta.label for model in our_models() if not issubclass(model, TenantOwned)}
    automatic = {model._meta.label for model in our_models() if model._meta.auto_created}
    assert rest - automatic == WORLDWIDE


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.label)
def test_a_tenant_model_is_scoped_and_points_only_into_its_org(model: type[models.Model]) -> None:
    assert isinstance(model.objects, OrgManager)
    assert model._meta.default_manager_name == "unscoped"
    for field in model._meta.local_fields:
        if field.remote_field and issubclass(field.remote_field.model, TenantOwned):
            assert isinstance(field, TenantForeignKey | TenantOneToOne), field.name
    for field in model._meta.local_many_to_many:
        assert issubclass(field.remote_field.through, TenantOwned), (
            f"{field.name} needs a tenant table between"
        )


def test_primary_keys_are_uuids() -> None:
    for model in tenant_models():
        assert isinstance(model._meta.pk, models.UUIDField), model._meta.label


# --- Asking without an org -----------------------------------------------------------------------------

# Who may, and why. Everything else goes through for_org; a view or an API door never stands here for a real query.
UNSCOPED = {
    "tenants/scoping.py": "defines it",
    "messaging/queue_state.py": "adds up the queues of all orgs for probes and Prometheus",
    "tenants/models/assignees.py": "keeps an assignee in step with its thing, by id",
    "tenants/models/organizations.py": "the same for the org itself",
    "tenants/api_keys.py": "finds the org by the key",
    "tenants/idempotency.py": "forgets what expired",
    "tenants/auth/sessions.py": "forgets what expired",
    "tenants/logins.py": "finds the orgs of a login, and the invitation of a link",
    "senderid/provisioning.py": "tells the simulator of every active sender",
    "messaging/api/conversations.py": "an empty answer, for the API's description",
    "messaging/campaigns.py": "sweep",
    "messaging/carriers.py": "opens the account of a claimed text",
    "messaging/chasing.py": "job: texts of all orgs without an end",
    "messaging/conversations.py": "sweep",
    "messaging/dispatching.py": "runs as the owner",
    "messaging/folders.py": "subqueries of rows that are scoped",
    "messaging/media/fetching.py": "job, sweep",
    "messaging/invariants.py": "looks at everything, by command",
    "messaging/receiving.py": "sweep, reconciliation",
    "messaging/recording.py": "runs as the owner",
    "messaging/resolving.py": "sweep",
    "messaging/scheduled.py": "runs as the owner",
    "messaging/webhooks.py": "finds the account by the key in the URL",
    "notifications/escalation.py": "sweep",
    "notifications/notify.py": "sweep, by id",
    "notifications/receivers.py": "receives ids from signals; sweep",
}


def test_only_those_who_must_ask_without_an_org() -> None:
    asking = {
        str(path.relative_to(ROOT))
        for path in python_files("config", *APPS)
        if re.search(r"unscoped|across_orgs=", path.read_text())
    }
    assert asking == set(UNSCOPED)


def test_no_view_asks_without_an_org() -> None:
    doors = [name for name in UNSCOPED if "/views/" in name or "/api/" in name]
    assert doors == ["messaging/api/conversations.py"]
    assert (ROOT / doors[0]).read_text().count("unscoped") == (ROOT / doors[0]).read_text().count(
        "unscoped.none()"
    )
