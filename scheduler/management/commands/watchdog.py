"""``manage.py watchdog``: looks for late flows and sends the alerts, without broker, beat or worker."""

from __future__ import annotations

import logging
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.db.utils import DatabaseError

from scheduler import notifications, watchdog

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """See the module. Runs until it is stopped; with ``--once`` it looks once, for a system timer."""

    help = "Looks for flows that are late and sends the alerts, in a process that needs neither broker nor beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command."""
        parser.add_argument("--once", action="store_true", help="look once and end")
        parser.add_argument("--every", type=float, default=60.0, help="seconds between two looks (60)")

    def handle(self, *args: Any, once: bool, every: float, **options: Any) -> None:
        """Looks until the process is told to end."""
        pause = threading.Event()
        while True:
            self._look()
            if once or pause.wait(max(1.0, every)):
                return
            # The database may have been restarted meanwhile.
            close_old_connections()

    def _look(self) -> None:
        try:
            notifications.decide()
            late = watchdog.look()
            sent = notifications.deliver()
        except DatabaseError:
            # Restarting, perhaps: the next look will tell.
            logger.exception("the watchdog cannot read the database")
            return
        if late or sent:
            self.stdout.write(f"{late} late, {sent} mails sent")
