from django.db import models

from tenants.scoping import TenantOneToOne, TenantOwned, new_id


class Assignee(TenantOwned):
    """One row for anything that may hold a Sender ID. It carries the id of the thing it stands for."""

    class Kind(models.TextChoices):
        ORGANIZATION = "organization"
        PROFILE = "profile"
        TEAM = "team"
        MEMBER = "member"
        CAMPAIGN = "campaign"
        PROGRAM = "program"

    PEOPLE = (Kind.ORGANIZATION, Kind.PROFILE, Kind.TEAM, Kind.MEMBER)

    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = models.CharField(max_length=200)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["org", "kind"])]

    def __str__(self) -> str:
        return self.name


class Assignable(models.Model):
    """Something a Sender ID can be assigned to; keeps its Assignee row (same id) in step."""

    assignee_kind: str
    assignee = TenantOneToOne(Assignee, models.CASCADE, related_name="%(class)s", editable=False)

    class Meta:
        abstract = True

    def save(self, *args: object, **kwargs: object) -> None:
        org_id = getattr(self, "org_id", None) or self.pk
        Assignee.unscoped.update_or_create(
            id=self.pk or new_id(),
            defaults={"org_id": org_id, "kind": self.assignee_kind, "name": self.assignee_name[:200]},
        )
        self.assignee_id = self.pk
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def assignee_name(self) -> str:
        return str(self)
