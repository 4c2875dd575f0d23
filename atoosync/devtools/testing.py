"""``python -m atoosync.devtools.testing``: what ``bin/test`` runs once the virtual environment stands."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from atoosync.devtools import packages
from atoosync.devtools.services import postgres_url, redis_server

ROOT = Path(__file__).resolve().parent.parent.parent
# The embedded mode runs on SQLite: what touches the database is run there too.
SQLITE_FOLDERS = ("tests/billing", "tests/engine", "tests/options", "tests/scheduler", "tests/web")
SQLITE_MARKS = "not (postgres or slow or browser or odbc)"


def say(text: str) -> None:
    """Progress, beside pytest's own output."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """Exit code of the tests. With arguments: one run of pytest; without: the whole suite, then the SQLite part."""
    packages.install(packages.ALWAYS, say)
    with tempfile.TemporaryDirectory(prefix="atoosync-services-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # the user of PostgreSQL must reach its cluster inside
        # Importing the project names its default settings in the environment, which pytest would obey.
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "atoosync.settings_test"}
        if not environment.get("ATOOSYNC_TEST_DATABASE_URL"):
            environment["ATOOSYNC_TEST_DATABASE_URL"] = stack.enter_context(postgres_url(folder, say)) or ""
        if not environment.get("ATOOSYNC_TEST_BROKER_URL"):
            environment["ATOOSYNC_TEST_BROKER_URL"] = stack.enter_context(redis_server(folder, say)) or ""
        code = _pytest([*arguments], environment)
        if code or arguments:
            return code
        say("The part that touches the database, once more on SQLite")
        folders = [folder for folder in SQLITE_FOLDERS if any((ROOT / folder).rglob("test_*.py"))]
        return _pytest(["-q", "-m", SQLITE_MARKS, *folders], {**environment, "ATOOSYNC_TEST_DATABASE_URL": ""})


def _pytest(arguments: Sequence[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
