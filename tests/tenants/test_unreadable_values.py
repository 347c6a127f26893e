"""What a page can't read is refused in one place, whatever view looks for it (security F11)."""

from uuid import uuid4

import pytest

from tests.texting import Texting
from tests.visiting import visit

pytestmark = pytest.mark.django_db
PAGES = ("/senders/sentence/?sender={}", "/senders/{sender}/assign/?assignee={}")


@pytest.mark.parametrize("page", PAGES)
def test_an_id_of_no_shape_is_400(page: str) -> None:
    """security F11: `?sender=x` was a 500."""
    texting = Texting()
    ada = visit(texting.admin)
    assert ada.get(page.format("no-id", sender=texting.sender.pk)).status_code == 400
    assert ada.get(page.format(uuid4(), sender=texting.sender.pk)).status_code == 200


@pytest.mark.parametrize("next_page", ["http://[", "//evil.example/", "https://evil.example/"])
@pytest.mark.parametrize("path", ["password/reset/done/", "2fa/reauthenticate/", "login/"])
def test_a_next_page_elsewhere_is_dropped(path: str, next_page: str) -> None:
    """security F11: `?next=http://[` was a 500 below /accounts/."""
    ada = visit(Texting().admin)
    response = ada.get(f"/accounts/{path}", {"next": next_page})
    assert response.status_code in (200, 302)
    assert "evil" not in response.headers.get("Location", "") + response.content.decode()


@pytest.mark.parametrize("back", ["NaN", "//evil.example", "https://evil.example", "javascript:alert(1)"])
def test_the_order_of_senders_returns_to_pages_of_ours_only(back: str) -> None:
    """security F11: `back=NaN` was a 500; a priority of 5,000 digits as well."""
    texting = Texting()
    path = f"/assignees/{texting.rob.pk}/order/"
    response = visit(texting.admin).post(path, {"back": back})
    assert (response.status_code, response.headers["Location"]) == (302, path)
    here = f"/people/{texting.rob.pk}/"
    assert visit(texting.admin).post(path, {"back": here}).headers["Location"] == here
    whole, row = f"/assignees/{texting.org.pk}/order/", texting.sender.assignments.get()
    assert visit(texting.admin).post(whole, {f"priority-{row.pk}": "9" * 5000}).status_code == 422
