"""Checks the rules that must always hold; exit 1 and a list when one is broken."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from messaging.invariants import broken, how_many, read_ledger


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--settled",
            action="store_true",
            help="the system is at rest: nothing may be under way, and the simulator’s ledger must be readable",
        )

    def handle(self, *args: Any, settled: bool = False, **options: Any) -> None:
        found = broken(settled=settled)
        for line in found:
            self.stdout.write(f"BROKEN  {line}")
        if unread := read_ledger().unread:
            self.stdout.write(f"NOT JUDGED  {unread}; the database alone was judged.")
        if found:
            raise SystemExit(1)
        if not unread:
            self.stdout.write(f"All {how_many(settled=settled)} invariants hold.")
