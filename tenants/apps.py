from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        from tenants import api_schema, kept, revocations, rls  # noqa: F401 - the schema extension registers itself
        from tenants.auth import checks  # noqa: F401 - registers itself
        from tenants.models import Delegation, Membership, Organization, TeamMember, User

        post_migrate.connect(rls.protect_after_migrate, dispatch_uid="rls")
        post_migrate.connect(kept.make_after_migrate, dispatch_uid="kept")
        revocations.connect(user=User, organization=Organization)
        revocations.revoke_on_change(Membership, "pk")
        revocations.revoke_on_change(TeamMember, "member_id")
        revocations.revoke_on_change(Delegation, "pk", "stand_in_id")
