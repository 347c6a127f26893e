"""Checks the rules that must always hold; exit 1 and a list when one is broken."""

from typing import Any

from django.core.management.base import BaseCommand

from messaging.invariants import QUERIES, broken


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        found = broken()
        for line in found:
            self.stdout.write(f"BROKEN  {line}")
        if found:
            raise SystemExit(1)
        self.stdout.write(f"All {len(QUERIES) + 2} invariants hold.")
