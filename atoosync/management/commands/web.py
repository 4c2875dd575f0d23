"""``manage.py web``: the web server, with the platform's own logging instead of uvicorn's."""

from __future__ import annotations

from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Serves pages and event streams until SIGTERM; open streams get three seconds to end."""

    help = "Runs the web server (uvicorn)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Address, port and number of processes."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=1, help="processes; 1 serves a small platform")

    def handle(self, *args: Any, **options: Any) -> None:
        """Returns when the server has ended."""
        uvicorn.run(
            "atoosync.asgi:application",
            host=options["host"],
            port=options["port"],
            workers=options["workers"],
            lifespan="off",
            log_config=None,
            access_log=False,
            # Without it SIGTERM waits for every open event stream.
            timeout_graceful_shutdown=3,
            # Django and allauth count trusted proxies themselves (TRUSTED_PROXIES).
            proxy_headers=False,
            server_header=False,
        )
