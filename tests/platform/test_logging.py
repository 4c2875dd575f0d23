"""Log lines: one JSON object each, with the context of the work, never with a secret."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from atoosync.logging import ContextFilter, HookHandler, JsonFormatter, TextFormatter
from connectors.core.logcontext import bind, current, pop, push, snapshot
from connectors.core.redaction import register_secret

CANARY = "c4nArY-s3cret"


class Sink:
    """A logger that writes through the platform's filter and formatter."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.addFilter(ContextFilter())
        handler.setFormatter(formatter)
        self.logger = logging.Logger("tests.sink", logging.DEBUG)  # noqa: LOG001  # kept out of the shared tree
        self.logger.addHandler(handler)

    def line(self) -> dict[str, Any]:
        lines = self.stream.getvalue().splitlines()
        assert len(lines) == 1, "one record, one line"
        found: dict[str, Any] = json.loads(lines[0])
        return found


@pytest.fixture
def sink() -> Iterator[Sink]:
    return Sink(JsonFormatter())


@pytest.mark.covers("OPS-02")
def test_a_line_says_what_the_work_is_about(sink: Sink) -> None:
    with bind(tenant=3, profile=7), bind(run=11, flow="export_products"):
        sink.logger.info("page %s read", 4, extra={"records": 100})
    line = sink.line()
    assert line["message"] == "page 4 read"
    assert (line["tenant"], line["profile"], line["run"], line["flow"]) == (3, 7, 11, "export_products")
    assert line["level"] == "INFO"
    assert line["extra"] == {"records": 100}
    assert line["time"].endswith("+00:00")


def test_context_ends_with_its_block_and_does_not_leak_between_threads() -> None:
    seen: list[dict[str, Any]] = []
    with bind(tenant=1, run=2):
        with bind(run=None):
            assert dict(current()) == {"tenant": 1}
        carried = snapshot()
        bare = threading.Thread(target=lambda: seen.append(dict(current())))

        def with_context() -> None:
            with bind(**carried):
                seen.append(dict(current()))

        carrying = threading.Thread(target=with_context)
        for thread in (bare, carrying):
            thread.start()
            thread.join()
    assert dict(current()) == {}
    assert seen == [{}, {"tenant": 1, "run": 2}]


def test_pushes_are_undone_one_by_one() -> None:
    push(trace="a")
    push(task="b")
    assert dict(current()) == {"trace": "a", "task": "b"}
    pop()
    assert dict(current()) == {"trace": "a"}
    pop()
    pop()
    assert dict(current()) == {}


def _raise_with_secret() -> None:
    password = CANARY
    try:
        raise ConnectionError(f"login failed for PWD={password};")
    except ConnectionError as cause:
        raise RuntimeError(f"https://u:{password}@shop.example refused") from cause


@pytest.mark.covers("OPS-02", "PRF-08")
@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_p34_no_part_of_a_record_carries_a_secret(formatter: logging.Formatter) -> None:
    sink = Sink(formatter)
    register_secret("registered-c4nArY")
    with bind(run=1, flow="registered-c4nArY"):
        sink.logger.info("GET /orders?consumer_secret=%s", CANARY)
        sink.logger.warning("headers %s", {"Authorization": f"Bearer {CANARY}"}, extra={"password": CANARY})
        sink.logger.warning("extra", extra={"answer": {"access_token": CANARY, "rows": [{"pwd": CANARY}]}})
        sink.logger.info("a bare registered-c4nArY in the text", stack_info=False)
        sink.logger.info("object %s", RuntimeError(f"token={CANARY}"), extra={"thing": RuntimeError(f"pwd={CANARY}")})
        try:
            _raise_with_secret()
        except RuntimeError:
            sink.logger.exception("failed")
    written = sink.stream.getvalue()
    assert "c4nArY" not in written
    assert "RuntimeError" in written
    assert "ConnectionError" in written, "causes are kept"
    assert "_raise_with_secret" in written, "the traceback is kept"


def test_arguments_that_do_not_fit_are_still_written_scrubbed(sink: Sink) -> None:
    sink.logger.info("%d of %s", f"pwd={CANARY}")
    assert "arguments do not fit" in sink.line()["message"]
    assert CANARY not in sink.stream.getvalue()


def test_line_breaks_cannot_forge_a_line(sink: Sink) -> None:
    sink.logger.info("name\n%s", '{"level": "ERROR", "message": "forged"}')
    assert sink.line()["level"] == "INFO"


def test_endless_messages_are_cut(sink: Sink) -> None:
    sink.logger.info("x" * 100_000)
    assert len(sink.line()["message"]) < 21_000


@pytest.mark.covers("OPS-02")
def test_p34_the_whole_process_logs_through_the_scrubber(settings: Any) -> None:
    handlers = settings.LOGGING["handlers"]
    assert set(settings.LOGGING["root"]["handlers"]) == set(handlers) == {"stderr"}
    assert handlers["stderr"]["filters"] == ["context"]
    for name, logger in settings.LOGGING["loggers"].items():
        assert not logger.get("handlers"), f"{name} would write beside the scrubber"
    assert all(f["()"].startswith("atoosync.logging.") for f in settings.LOGGING["formatters"].values())


def test_text_for_a_terminal_is_readable() -> None:
    sink = Sink(TextFormatter())
    with bind(run=5):
        sink.logger.warning("slow page")
    assert sink.stream.getvalue().strip().endswith("WARNING tests.sink: slow page [run=5]")
    assert sys.exc_info() == (None, None, None)


_hooked: list[dict[str, Any]] = []


def hook(line: dict[str, Any]) -> None:
    _hooked.append(line)


def broken_hook(line: dict[str, Any]) -> None:
    raise ConnectionError(f"token={CANARY} refused")


@pytest.mark.covers("OPS-02")
def test_errors_reach_the_hook_of_the_host_scrubbed(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.Logger("tests.hook", logging.DEBUG)  # noqa: LOG001  # kept out of the shared tree
    for name in ("hook", "broken_hook"):
        handler = HookHandler(f"{__name__}.{name}")
        handler.addFilter(ContextFilter())
        logger.addHandler(handler)
    _hooked.clear()
    with bind(tenant=4):
        logger.warning("not an error")
        logger.error("failed with pwd=%s", CANARY)
    assert [(line["tenant"], line["message"]) for line in _hooked] == [(4, "failed with pwd=***")]
    told = capsys.readouterr().err
    assert told.count("failed: ConnectionError") == 1
    assert CANARY not in told
