"""Log lines: one JSON object each (or one readable line), with what the work is about and without secrets.

The scrubber runs on the finished line, after arguments, extras and tracebacks have been put in: nothing can be added
behind its back.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from django.utils.module_loading import import_string

from connectors.core import logcontext
from connectors.core.redaction import redact

CONTEXT_NAMES = ("tenant", "profile", "run", "flow", "trace", "task")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message", "context"}
TEXT_MAX = 20_000


class ContextFilter(logging.Filter):
    """Adds ``record.context``: tenant, profile, run, flow, trace and task of the work in progress."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record pass."""
        record.context = {name: value for name, value in logcontext.current().items() if name in CONTEXT_NAMES}
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, message, context, extras and error; scrubbed."""

    def format(self, record: logging.LogRecord) -> str:
        """Never raises: a message that cannot be formatted is written as it was given, and said to be so."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(_message(record)),
            **redact(getattr(record, "context", {})),
        }
        extras = {name: _plain(value) for name, value in vars(record).items() if name not in _STANDARD}
        if extras:
            line["extra"] = redact(extras)
        error = _error(record)
        if error:
            line["error"] = redact(error)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """One readable line for a terminal, scrubbed as well."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, then ``name=value`` pairs of the context; the traceback follows."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        context = " ".join(f"{name}={value}" for name, value in getattr(record, "context", {}).items())
        head = f"{moment} {record.levelname:<7} {record.name}: {_message(record)}"
        return redact("\n".join(part for part in (f"{head} [{context}]" if context else head, _error(record)) if part))


class HookHandler(logging.Handler):
    """Hands errors to a function of the host (``ERROR_HOOK=package.module.function``), such as an error tracker's.

    The function gets the scrubbed line of :class:`JsonFormatter` as a dictionary. Whatever it raises is told once per
    record on the standard error and goes no further.
    """

    def __init__(self, hook: str) -> None:
        super().__init__(logging.ERROR)
        self._hook = hook
        self._lines = JsonFormatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises."""
        try:
            import_string(self._hook)(json.loads(self._lines.format(record)))
        except Exception as error:  # noqa: BLE001  # foreign code, inside the logging of an error
            sys.stderr.write(redact(f"ERROR_HOOK {self._hook} failed: {type(error).__name__}: {error}\n"))


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except (TypeError, ValueError, KeyError):
        text = f"{record.msg!r} % {record.args!r} (arguments do not fit)"
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}… ({len(text)} characters)"


def _error(record: logging.LogRecord) -> str:
    parts = [str(record.stack_info)] if record.stack_info else []
    if record.exc_info and record.exc_info[1] is not None:
        parts.insert(0, "".join(traceback.format_exception(record.exc_info[1])).rstrip())
    elif record.exc_text:
        parts.insert(0, record.exc_text)
    return "\n".join(parts)


def _plain(value: Any) -> Any:
    """Numbers and containers stay; anything else becomes text, so that the scrubber sees what will be written."""
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)
