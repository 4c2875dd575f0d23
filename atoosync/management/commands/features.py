"""``manage.py features``: rows of the catalogue, their state, and the tests that prove them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from atoosync.devtools.features import CatalogueError, Coverage, coverage


class Command(BaseCommand):
    """Prints a table, or one JSON object with ``features``, ``unknown``, ``untested`` and ``unclaimed``."""

    help = "Prints the rows of docs/features.md with the tests that name them."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Form of the output."""
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises ``CommandError`` when the catalogue cannot be read."""
        try:
            found = coverage(settings.BASE_DIR)
        except CatalogueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_json(found) if options["as_json"] else _table(found))


def _json(found: Coverage) -> str:
    document = {
        "features": [asdict(row) for row in found.features],
        "unknown": dict(found.unknown),
        "untested": found.untested,
        "unclaimed": found.unclaimed,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _table(found: Coverage) -> str:
    lines = [f"{row.id}  {row.state:<8} {len(row.tests):>4}  {row.text}" for row in found.features]
    lines.append("")
    lines += [f"Unknown id {row}, named by {', '.join(names)}" for row, names in found.unknown.items()]
    tested = sum(1 for row in found.features if row.tests)
    lines.append(f"{len(found.features)} rows, {tested} with tests; done without tests: {found.untested or 'none'}")
    return "\n".join(lines)
