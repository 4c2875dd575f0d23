"""``manage.py check_repository``: translations and lock files (part of ``bin/check``)."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from atoosync.devtools.repository import faults


class Command(BaseCommand):
    """Ends badly with one line per fault."""

    help = "Checks that translations are compiled and that lock files name no package index."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises ``CommandError`` when there is a fault."""
        found = faults(settings.BASE_DIR)
        if found:
            raise CommandError("\n".join(found))
        self.stdout.write("Translations and lock files are in order.")
