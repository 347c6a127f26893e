from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        from tenants import api_schema, kept, rls  # noqa: F401 - the schema extension registers itself
        from tenants.auth import checks  # noqa: F401 - registers itself

        post_migrate.connect(rls.protect_after_migrate, dispatch_uid="rls")
        post_migrate.connect(kept.make_after_migrate, dispatch_uid="kept")
