"""Seeds the demo organization once, and prints its logins."""

from typing import Any

from django.core.management.base import BaseCommand

from notifications.demo import LOGINS, PASSWORD, seed


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        seed()
        for email, what in LOGINS:
            self.stdout.write(f"  {email:<28} {PASSWORD:<14} {what}")
