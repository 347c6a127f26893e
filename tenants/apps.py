from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        from tenants import rls

        post_migrate.connect(rls.protect_after_migrate, dispatch_uid="rls")
