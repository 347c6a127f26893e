"""A member at the console, as a test sees it: logged in, one request after the other."""

from django.test import Client

from tenants.models import Membership


def visit(member: Membership) -> Client:
    """Logged in as this member."""
    visitor = Client()
    visitor.force_login(member.user)
    return visitor
