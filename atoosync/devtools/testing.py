"""``python -m atoosync.devtools.testing``: what ``bin/test`` runs once the virtual environment stands."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from atoosync.devtools import packages
from atoosync.devtools.services import postgres_url, redis_server

ROOT = Path(__file__).resolve().parent.parent.parent
# The embedded mode runs on SQLite: what touches the database is run there too.
SQLITE_FOLDERS = ("tests/billing", "tests/engine", "tests/options", "tests/scheduler", "tests/web")
SQLITE_MARKS = "not (postgres or slow or browser or odbc)"
# What mostly waits for processes of its own runs at the same time as all else.
WAITING_FOLDERS = ("tests/concurrency", "tests/platform", "tests/scheduler", "tests/story")


def say(text: str) -> None:
    """Progress, beside pytest's own output."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """Exit code of the tests. With arguments: one run of pytest; without: the whole suite, the database part twice."""
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
        if arguments:
            return _pytest(arguments, environment).wait()
        return _whole_suite(environment, folder / "waiting.log")


def _whole_suite(environment: dict[str, str], log: Path) -> int:
    """Two runs of pytest at once, then the SQLite part; what the second one said is shown at the end."""
    say(f"Meanwhile {', '.join(WAITING_FOLDERS)} run in a process of their own, shown at the end")
    with log.open("wb") as output:
        waiting = _pytest(WAITING_FOLDERS, _apart(environment), output)
    code = _pytest([f"--ignore={folder}" for folder in WAITING_FOLDERS], environment).wait()
    if not code:
        say("The part that touches the database, once more on SQLite")
        code = _pytest(
            ["-q", "-m", SQLITE_MARKS, *SQLITE_FOLDERS], {**environment, "ATOOSYNC_TEST_DATABASE_URL": ""}
        ).wait()
    say(f"Waiting for {', '.join(WAITING_FOLDERS)}")
    code = waiting.wait() or code
    sys.stdout.write(log.read_text(encoding="utf-8", errors="replace"))
    return code


def _apart(environment: dict[str, str]) -> dict[str, str]:
    """The same services, with databases of their own in them."""
    database, broker = environment["ATOOSYNC_TEST_DATABASE_URL"], environment["ATOOSYNC_TEST_BROKER_URL"]
    server, _, number = broker.rpartition("/")
    return {
        **environment,
        "ATOOSYNC_TEST_DATABASE_URL": database and f"{database}_apart",
        "ATOOSYNC_TEST_BROKER_URL": broker and f"{server}/{int(number) + 1}",
    }


def _pytest(
    arguments: Sequence[str], environment: dict[str, str], output: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT if output else None
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
