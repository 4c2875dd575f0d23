"""``manage.py demo_seed systems.json``: the demo merchant of a fresh data directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from atoosync.demo import seed_demo


class Command(BaseCommand):
    """Creates what is missing and prints, as one line of JSON, the account to sign in with."""

    help = "Creates the demo merchant on the given stand-ins (called by the demo)."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file that ``manage.py demo`` writes: what each stand-in printed, by name."""
        parser.add_argument("systems", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """May be run again: nothing is created twice."""
        systems: dict[str, dict[str, Any]] = json.loads(options["systems"].read_text(encoding="utf-8"))
        self.stdout.write(json.dumps(seed_demo(systems)))
