"""``manage.py sandbox <name> …``: one stand-in alone, with its credentials printed as JSON."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

import connectors.sandbox
from atoosync.env import private_directory

PACKAGE = connectors.sandbox.__name__


def names() -> list[str]:
    """Stand-ins of this installation: modules of ``connectors.sandbox`` that are packages."""
    return sorted(found.name for found in pkgutil.iter_modules(connectors.sandbox.__path__) if found.ispkg)


class Command(BaseCommand):
    """Hands every argument after the name to the stand-in's own ``main``."""

    help = "Runs a stand-in of an ERP or a shop."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """The name; what follows belongs to the stand-in (``--help`` after the name lists it)."""
        parser.add_argument("name", choices=names(), help="which stand-in")
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help="--port N, --seed N, --items N…")

    def run_from_argv(self, argv: list[str]) -> None:
        """Keeps Django's parser away from the stand-in's options."""
        if len(argv) > 2 and argv[2] in names():
            sys.exit(run(argv[2], argv[3:]))
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with the stand-in. Raises ``CommandError`` when it ends badly."""
        code = run(options["name"], options["arguments"])
        if code:
            raise CommandError(f"{options['name']} ended with code {code}", returncode=code)


def run(name: str, arguments: list[str]) -> int:
    """Runs the stand-in until it ends or is interrupted; answers its exit code.

    A company without a target is written into the data directory.
    """
    if name == "sage100" and not {"--path", "--postgres", "-h", "--help"} & {word.split("=")[0] for word in arguments}:
        folder = private_directory(settings.DATA_DIR / "sandbox")
        arguments = ["--path", str(folder / "sage100.sqlite3"), *arguments]
    module = importlib.import_module(f"{PACKAGE}.{name}")
    try:
        return int(module.main(arguments) or 0)
    except KeyboardInterrupt:
        return 0
