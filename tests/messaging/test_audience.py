"""Whom a campaign means."""

import pytest

from messaging import campaigns
from messaging.campaign_report import report
from messaging.models import ContactList, ContactListEntry
from tests.texting import Texting
from tests.world import give


@pytest.mark.django_db
def test_the_report_counts_who_is_named_again() -> None:
    """field, mail and people: somebody in two lists, with a tag and named singly gets one text; the report says so."""
    texting = Texting()
    ann = texting.person("+14155550181", "Ann", tags=["vip"])
    ben = texting.person("+14155550182", "Ben")
    lists = [ContactList.objects.for_org(texting.org).create(name=name) for name in ("One", "Two")]
    for one in lists:
        ContactListEntry.objects.for_org(texting.org).create(contact_list=one, contact=ann)
    ContactListEntry.objects.for_org(texting.org).create(contact_list=lists[0], contact=ben)
    audience = {"lists": [str(one.pk) for one in lists], "tags": ["vip"], "contacts": [str(ann.pk)]}
    campaign = campaigns.save_campaign(
        org=texting.org, name="A", body="Hi", owner=texting.rob, audience=audience
    )
    give(texting.sender, campaign)
    found = report(campaign)
    assert (found["total"], found["duplicate"]) == (2, 3)
