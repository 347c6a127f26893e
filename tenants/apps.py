from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        from tenants import api_schema, kept, login_roles, revocations, rls  # noqa: F401 - the schema extension registers itself
        from tenants.auth import checks  # noqa: F401 - registers itself
        from tenants.models import Delegation, Membership, Organization, TeamMember, User

        pre_migrate.connect(login_roles.make_before_migrate, sender=self, dispatch_uid="login roles")
        post_migrate.connect(kept.make_after_migrate, dispatch_uid="kept")
        post_migrate.connect(
            rls.protect_after_migrate, dispatch_uid="rls"
        )  # after the functions: it grants them
        revocations.connect(user=User, organization=Organization)
        revocations.revoke_on_change(Membership, "pk")
        revocations.revoke_on_change(TeamMember, "member_id")
        revocations.revoke_on_change(Delegation, "pk", "stand_in_id")
