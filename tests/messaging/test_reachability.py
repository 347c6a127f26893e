"""api 11: a campaign that would reach nobody does not start; nothing of it is left, so it can be started later."""

from typing import Any

import pytest
from django.test import Client

from messaging import campaigns, deciding
from messaging.models import Campaign, CampaignPortion, Contact
from tests.calling import Api
from tests.office import Office
from tests.world import give

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    return Office()


def draft(office: Office, **fields: Any) -> Campaign:
    audience = {
        "contacts": [str(pk) for pk in Contact.objects.for_org(office.org).values_list("pk", flat=True)]
    }
    options = {"name": "Spring", "body": "Hi", "audience": audience, "owner": office["Rob"]} | fields
    return campaigns.save_campaign(org=office.org, **options)


def test_start_without_a_sender_is_refused_and_works_once_there_is_one(office: Office) -> None:
    """api 11, as the finding has it: the assignment was one call forgotten."""
    api, campaign = Api(office.org), draft(office)
    assert api.post(f"/campaigns/{campaign.pk}/report", expect=200)["will_be_sent"] == 0
    problem = api.post(f"/campaigns/{campaign.pk}/start", expect=422)
    assert (problem["code"], problem["skipped_by"]) == ("no_eligible_sender", {"no_eligible_sender": 1})
    assert "rejected" in problem and "no eligible sender (1)" in problem["detail"]
    assert api.get(f"/campaigns/{campaign.pk}")["status"] == "draft"
    assert not CampaignPortion.objects.for_org(office.org).exists()
    give(office.sender, campaign)
    assert api.post(f"/campaigns/{campaign.pk}/start", expect=200)["status"] == "sending"


def test_the_refused_senders_say_why(office: Office) -> None:
    """api 11: `rejected`, as everywhere."""
    campaign = draft(office)
    give(office.sender, campaign, can_send=False)
    problem = Api(office.org).post(f"/campaigns/{campaign.pk}/start", expect=422)
    assert [row["sender_id"] for row in problem["rejected"]] == [str(office.sender.pk)]


def test_nobody_left_after_opt_outs_and_countries_is_no_recipients(office: Office) -> None:
    """api 11: the reasons are counted."""
    api, campaign = Api(office.org), draft(office)
    give(office.sender, campaign)
    api.post("/opt-outs", {"number": office.carla.number})
    problem = api.post(f"/campaigns/{campaign.pk}/start", expect=422)
    assert (problem["code"], problem["skipped_by"]) == ("no_recipients", {"opted_out": 1})


def test_a_scheduled_start_is_refused_alike(office: Office) -> None:
    """api 11."""
    api, campaign = Api(office.org), draft(office)
    api.patch(f"/campaigns/{campaign.pk}", {"send_at": "2099-01-01T00:00:00Z"})
    assert api.post(f"/campaigns/{campaign.pk}/start", expect=422)["code"] == "no_eligible_sender"


def test_one_who_can_be_reached_is_enough_wherever_they_stand(office: Office) -> None:
    """api 11: the first twenty are only looked at first."""
    numbers = [f"+1628555{n:04d}" for n in range(2000, 2030)]
    rows = [Contact(org=office.org, number=number, country="CA") for number in numbers[:-1]]
    rows.append(Contact(org=office.org, number=numbers[-1], country="US"))
    Contact.objects.for_org(office.org).filter(pk=office.carla.pk).delete()
    Contact.objects.for_org(office.org).bulk_create(rows)
    campaign = draft(office)
    give(office.sender, campaign)
    assert Api(office.org).post(f"/campaigns/{campaign.pk}/start", expect=200)["status"] == "sending"


def test_a_start_decides_about_few_when_the_first_can_be_reached(office: Office, monkeypatch: Any) -> None:
    """What api 11 costs: one decision, not one for each contact."""
    campaign = draft(office)
    give(office.sender, campaign)
    asked: list[int] = []
    plain = deciding.people_of
    monkeypatch.setattr(
        "messaging.reachability.people_of",
        lambda *args: asked.append(1) or plain(*args),  # type: ignore[func-returns-value]
    )
    campaigns.start(campaign=campaign)
    assert asked == [1]


def test_the_console_refuses_it_with_the_same_words(office: Office, client: Client) -> None:
    """api 11: console alike."""
    campaign = draft(office)
    client.force_login(office["Ada"].user)
    answer = client.post(f"/campaigns/{campaign.pk}/start/", follow=True)
    campaign.refresh_from_db()
    assert campaign.status == "draft"
    assert "Nobody in the audience can be sent this: no eligible sender (1)." in answer.content.decode()
