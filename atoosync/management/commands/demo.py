"""``manage.py demo``: the whole platform on this machine, with stand-ins and a demo merchant."""

from __future__ import annotations

import json
import signal
import sys
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from atoosync.broker import BrokerNotFound
from atoosync.demo_check import run_check
from atoosync.demo_stack import DemoBusy, DemoPlan, RunningDemo, free_port, running_demo, temporary_plan
from atoosync.supervisor import NotReady, ProgramFailed

REFUSALS = (DemoBusy, BrokerNotFound, ProgramFailed, NotReady)


class Stopped(Exception):
    """SIGTERM or Ctrl-C."""


class Command(BaseCommand):
    """Runs until Ctrl-C; ``--check`` plays the story on free ports without a terminal and ends by itself."""

    help = "Starts AtooSync with an embedded broker, stand-ins and a demo merchant."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Ports of a demo for people, or the check."""
        parser.add_argument("--port", type=int, default=8000, help="port of the pages (the next free one if taken)")
        parser.add_argument("--shop-port", type=int, default=8081, help="port of the WooCommerce stand-in")
        parser.add_argument("--check", action="store_true", help="play the story, print its counts as JSON, end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends normally after Ctrl-C. Raises ``CommandError`` with a sentence when something cannot start."""
        if not settings.EMBEDDED:
            raise CommandError("The demo runs in embedded mode only: unset ATOOSYNC_MODE.")
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        try:
            self._check() if options["check"] else self._serve(options["port"], options["shop_port"])
        except Stopped:
            self._say("Stopped.")
        except REFUSALS as error:
            raise CommandError(str(error)) from None

    def _serve(self, port: int, shop_port: int) -> None:
        plan = DemoPlan(data=settings.DATA_DIR, web_port=free_port(port), shop_port=free_port(shop_port))
        with running_demo(plan, say=self._say) as demo:
            self._introduce(demo)
            while True:
                demo.supervisor.poll()
                time.sleep(0.5)

    def _check(self) -> None:
        with temporary_plan() as plan, running_demo(plan, say=self._say) as demo:
            result = run_check(demo)
        self.stdout.write(json.dumps(result, ensure_ascii=False, default=str))
        if not result["ok"]:
            raise CommandError("The check failed; see the JSON object above.")

    def _introduce(self, demo: RunningDemo) -> None:
        lines = [
            "",
            f"  AtooSync     {demo.url}",
            f"  E-mail       {demo.account.get('email', '')}",
            f"  Password     {demo.account.get('password', '')}",
            f"  Demo shop    {demo.systems['woocommerce'].get('url', '')}",
            f"  Logs, data   {demo.plan.data}",
            "",
            "  Ctrl-C stops everything.",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()

    def _say(self, text: str) -> None:
        """Progress goes to the standard error: the standard output of the check is one JSON object."""
        print(text, file=sys.stderr, flush=True)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
