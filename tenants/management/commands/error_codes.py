"""Prints the table of error codes as it stands in docs/api.md."""

from typing import Any

from django.core.management.base import BaseCommand

from tenants.errors import CODES


class Command(BaseCommand):
    help = "Prints every code an API error may carry, as the table of docs/api.md"

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("| code | meaning |\n| --- | --- |")
        for code, text in sorted(CODES.items()):
            self.stdout.write(f"| `{code}` | {text} |")
