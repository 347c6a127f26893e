from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from senderid.phone_numbers import national
from tenants.models import Membership, NameField
from tenants.names import Folded
from tenants.scoping import TenantForeignKey, TenantOwned


class Contact(TenantOwned):
    """Somebody we text with. `number` is E.164, or a short code or name that texted us (then `country` is '')."""

    class TimezoneSource(models.TextChoices):
        """How the time zone is known."""

        COUNTRY = "country", "The country's only zone"
        AREA_CODE = "area_code", "Area code"
        MANUAL = "manual", "Set by hand"
        IMPORT = "import", "Import"

    number = models.CharField(max_length=64)
    name = NameField(max_length=120, blank=True)
    search_name = models.GeneratedField(
        expression=Folded(models.F("name")), output_field=models.TextField(), db_persist=True
    )
    country = models.CharField(max_length=2, blank=True)
    timezone = models.CharField(
        max_length=64, blank=True, default="", help_text="'' while several are possible"
    )
    timezone_source = models.CharField(
        max_length=9, choices=TimezoneSource.choices, blank=True, default="", db_default=""
    )
    owner = TenantForeignKey(Membership, models.SET_NULL, null=True, blank=True, related_name="contacts")
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "number"], name="one_contact_per_number")]
        indexes = [GinIndex(fields=["tags"]), models.Index(fields=["org", "owner"])]

    def __str__(self) -> str:
        return self.name or self.display_number

    @property
    def display_number(self) -> str:
        return national(self.number)

    @property
    def is_number(self) -> bool:
        """A phone number: can be texted."""
        return self.number.startswith("+")


class ContactList(TenantOwned):
    name = NameField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "name"], name="one_list_of_a_name")]

    def __str__(self) -> str:
        return self.name


class ContactListEntry(TenantOwned):
    contact_list = TenantForeignKey(ContactList, models.CASCADE, related_name="entries")
    contact = TenantForeignKey(Contact, models.CASCADE, related_name="entries")

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["contact_list", "contact"], name="once_in_a_list")]
