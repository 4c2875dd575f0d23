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
# Each of these lots runs in a process of its own, at the same time as all else: most of their time is spent waiting.
LOTS = (("tests/concurrency", "tests/platform", "tests/scheduler", "tests/story"), ("tests/flows",))


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
            return _pytest(arguments, environment)
        return _whole_suite(environment, folder)


def _whole_suite(environment: dict[str, str], folder: Path) -> int:
    """Several runs of pytest at once, then the SQLite part; what the lots said is shown at the end."""
    with ExitStack() as stack:
        lots = []
        for number, folders in enumerate(LOTS, start=1):
            say(f"Meanwhile {', '.join(folders)} run in a process of their own, shown at the end")
            log = folder / f"lot-{number}.log"
            output = stack.enter_context(log.open("wb"))
            lots.append((_start(folders, _apart(environment, number), output), log))
        code = _pytest([f"--ignore={name}" for folders in LOTS for name in folders], environment)
        if not code:
            say("The part that touches the database, once more on SQLite")
            sqlite = {**environment, "ATOOSYNC_TEST_DATABASE_URL": ""}
            code = _pytest(["-q", "-m", SQLITE_MARKS, *SQLITE_FOLDERS], sqlite)
        for folders, (lot, log) in zip(LOTS, lots, strict=True):
            say(f"Waiting for {', '.join(folders)}")
            code = lot.wait() or code
            sys.stdout.write(log.read_text(encoding="utf-8", errors="replace"))
    return code


def _apart(environment: dict[str, str], number: int) -> dict[str, str]:
    """The same services, with databases of their own in them."""
    database, broker = environment["ATOOSYNC_TEST_DATABASE_URL"], environment["ATOOSYNC_TEST_BROKER_URL"]
    server, _, first = broker.rpartition("/")
    return {
        **environment,
        "ATOOSYNC_TEST_DATABASE_URL": database and f"{database}_{number}",
        "ATOOSYNC_TEST_BROKER_URL": broker and f"{server}/{int(first) + number}",
    }


def _pytest(arguments: Sequence[str], environment: dict[str, str]) -> int:
    return _start(arguments, environment).wait()


def _start(
    arguments: Sequence[str], environment: dict[str, str], output: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT if output else None
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
