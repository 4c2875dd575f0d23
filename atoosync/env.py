"""Typed readers of the process environment.

Every setting of the project comes through :class:`Environment`, so that a wrong value stops the start with one sentence
that names the variable, and so that every secret may also be given as a file (``NAME_FILE``, as Docker secrets do).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})

SQLITE_OPTIONS: Mapping[str, Any] = {
    "timeout": 20,
    # Without IMMEDIATE two processes that read then write answer "database is locked" at once; WAL alone does not help.
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
}


class Environment:
    """Typed view of environment variables.

    Every reader raises ``ImproperlyConfigured`` with a sentence naming the variable when the value cannot be read.
    An empty variable counts as absent.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values: Mapping[str, str] = os.environ if values is None else values

    def optional(self, name: str) -> str | None:
        """The stripped text of ``name``, or None when absent or empty."""
        return self._values.get(name, "").strip() or None

    def text(self, name: str, default: str = "") -> str:
        """The stripped text of ``name``, or ``default``."""
        return self.optional(name) or default

    def boolean(self, name: str, *, default: bool) -> bool:
        """One of 1/true/yes/on or 0/false/no/off, whatever the case."""
        value = self.optional(name)
        if value is None:
            return default
        word = value.lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise ImproperlyConfigured(f"{name} must be one of true, false, 1, 0, yes, no, on, off; got {value!r}.")

    def integer(self, name: str, *, default: int, minimum: int = 0, maximum: int = 2**31) -> int:
        """A whole number between ``minimum`` and ``maximum``, both included."""
        value = self.optional(name)
        if value is None:
            return default
        try:
            number = int(value)
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be a whole number; got {value!r}.") from None
        if not minimum <= number <= maximum:
            raise ImproperlyConfigured(f"{name} must be between {minimum} and {maximum}; got {number}.")
        return number

    def words(self, name: str, *, default: tuple[str, ...] = ()) -> list[str]:
        """A list separated by commas or new lines; empty entries are dropped."""
        value = self.optional(name)
        if value is None:
            return list(default)
        return [word.strip() for word in value.replace("\n", ",").split(",") if word.strip()]

    def choice(self, name: str, *, default: str, among: tuple[str, ...]) -> str:
        """One of the words of ``among``."""
        value = self.text(name, default)
        if value not in among:
            raise ImproperlyConfigured(f"{name} must be one of {', '.join(among)}; got {value!r}.")
        return value

    def secret(self, name: str) -> str | None:
        """The text of ``name``, or the content of the file named by ``name_FILE``; None when neither is given.

        Both at once is refused: nobody could tell which one is in force.
        """
        direct, path = self.optional(name), self.optional(f"{name}_FILE")
        if direct and path:
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; keep one of them.")
        if path is None:
            return direct
        try:
            return Path(path).read_text(encoding="utf-8").strip() or None
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from None

    def database(self, name: str, *, data: Path, pool: bool = True) -> dict[str, Any]:
        """Django's description of the database in ``name`` (or ``name_FILE``); SQLite inside ``data`` when absent."""
        url = self.secret(name)
        if url is None:
            return sqlite_database(data / "atoosync.sqlite3")
        return database_from_url(
            url, name=name, pool=pool, pool_size=self.integer("DATABASE_POOL", default=8, minimum=1)
        )


def sqlite_database(path: Path) -> dict[str, Any]:
    """SQLite with the measured options: write-ahead log and IMMEDIATE transactions."""
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": dict(SQLITE_OPTIONS)}


def database_from_url(url: str, *, name: str = "DATABASE_URL", pool: bool = True, pool_size: int = 8) -> dict[str, Any]:
    """Reads ``postgres://user:password@host:port/base?sslmode=require`` or ``sqlite:///path``.

    The message of a refusal never repeats the URL, which may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite_database(Path(unquote(parts.path)))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"{name} must begin with postgres:// or sqlite://; got {parts.scheme or 'nothing'!r}."
        )
    base = unquote(parts.path.lstrip("/"))
    if not base:
        raise ImproperlyConfigured(f"{name} names no database: write postgres://user:password@host:port/database.")
    try:
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} holds a port that is not a number.") from None
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    if pool:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": base,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # A unix socket directory is written in the query: postgres:///base?host=/run/postgresql
        "HOST": options.pop("host", None) or (parts.hostname or ""),
        "PORT": str(port or ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
    }


def generated_once(path: Path, generate: Callable[[], str]) -> str:
    """The text kept in ``path``, made by ``generate`` the first time and readable by its owner only.

    Safe when several processes start together: the first complete file wins and the others read it.
    """
    if path.exists():
        return path.read_text(encoding="utf-8").strip()
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(generate() + "\n")
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text(encoding="utf-8").strip()


def private_directory(path: Path) -> Path:
    """Creates ``path`` with its parents, for its owner only; existing directories are left as they are."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
