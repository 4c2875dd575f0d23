"""What the current work is about: tenant, profile, run, flow, request; read by every log line.

Plain context variables, so that the engine, a thread of the engine and the connectors may bind and read them without
knowing who writes the log. New threads start empty: pass :func:`snapshot` and enter :func:`bind` in the thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Value = str | int | None

_stack: ContextVar[tuple[Mapping[str, Value], ...]] = ContextVar("atoosync_log_context", default=())


def current() -> Mapping[str, Value]:
    """What is bound now; a name bound to None hides the outer value."""
    stack = _stack.get()
    return stack[-1] if stack else {}


def snapshot() -> dict[str, Value]:
    """A copy of :func:`current`, to be bound in another thread: ``with bind(**snapshot())``."""
    return dict(current())


def push(**values: Value) -> None:
    """Binds values until :func:`pop`; for callbacks that cannot use a ``with`` block."""
    merged = {name: value for name, value in {**current(), **values}.items() if value is not None}
    _stack.set((*_stack.get(), merged))


def pop() -> None:
    """Ends the latest :func:`push`; does nothing when none is open."""
    _stack.set(_stack.get()[:-1])


@contextmanager
def bind(**values: Value) -> Iterator[None]:
    """Binds values (``tenant=…, profile=…, run=…, flow=…``) for the length of a block; may be nested."""
    token = _stack.set(_stack.get())
    push(**values)
    try:
        yield
    finally:
        _stack.reset(token)
