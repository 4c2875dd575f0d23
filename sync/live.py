"""Live progress of a run as server-sent events.

The row and the journal are the truth: the stream reads them once a second, so that it needs no broker, sees what any
worker wrote, and can be cut and taken up anywhere. Each message carries the id of the last journal line it holds; a
browser that reconnects sends it back as ``Last-Event-ID`` and gets every later line, none twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.views.decorators.http import require_GET

from profiles.access import require_member
from sync.models import Run
from sync.presentation import journal
from sync.presentation.paging import key_of
from sync.views.common import rights, run_of

STREAM_SECONDS = 60.0
"""After this long a stream ends and the browser reconnects, so that no proxy and no deployment meets one for hours."""

POLL_SECONDS = 1.0
RETRY_MILLISECONDS = 1000
LINES_PER_MESSAGE = 200


@dataclass(slots=True)
class _Listener:
    """One open stream: where it stands, and how its person reads."""

    run_id: int
    last_line: int
    language: str
    zone: Any
    rights: dict[str, bool]
    shown: str = ""


@require_member
@require_GET
def run_events(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """Events ``progress`` (HTML of the progress block), ``lines`` (HTML of new journal lines) and ``end``."""
    run = run_of(request, run_id)
    after = key_of(request.headers.get("Last-Event-ID")) or key_of(request.GET.get("apres")) or 0
    listener = _Listener(
        run_id=run.pk,
        last_line=after,
        language=translation.get_language() or "fr",
        zone=timezone.get_current_timezone(),
        rights=rights(request),
    )
    response = StreamingHttpResponse(_stream(listener), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold the lines back
    return response


async def _stream(listener: _Listener) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    clock = asyncio.get_running_loop().time
    until = clock() + STREAM_SECONDS
    while clock() < until:
        messages, ended, behind = await sync_to_async(_poll)(listener)
        for message in messages:
            yield message
        if ended:
            return
        if not messages:
            yield ": \n\n"  # a comment keeps proxies from closing a silent stream, and shows a closed browser early
        if not behind:
            await asyncio.sleep(POLL_SECONDS)


def _poll(listener: _Listener) -> tuple[list[str], bool, bool]:
    """One reading in a worker thread; its connection goes back at once, so that open streams hold none."""
    try:
        return _read(listener)
    finally:
        close_old_connections()


def _read(listener: _Listener) -> tuple[list[str], bool, bool]:
    """Messages since the last reading, whether the run has ended, and whether more lines wait already."""
    with translation.override(listener.language), timezone.override(listener.zone):
        return _messages(listener)


def _messages(listener: _Listener) -> tuple[list[str], bool, bool]:
    rows = Run.objects.select_related("profile").defer("profile__match_report", "cursor")
    run = rows.filter(pk=listener.run_id).first()
    if run is None:
        return [_event("end", {}, listener.last_line)], True, False
    lines = journal.lines_after(run.pk, listener.last_line, LINES_PER_MESSAGE)
    behind = len(lines) == LINES_PER_MESSAGE
    messages = []
    if lines:
        listener.last_line = lines[-1].pk
        html = render_to_string("sync/_lines.html", {"lines": lines, "run": run})
        messages.append(_event("lines", {"html": html}, listener.last_line))
    progress = render_to_string("sync/_progress.html", {"run": run, **listener.rights})
    if progress != listener.shown:
        listener.shown = progress
        messages.append(_event("progress", {"html": progress}, listener.last_line))
    if not run.is_live and not behind:
        messages.append(_event("end", {}, listener.last_line))
        return messages, True, False
    return messages, False, behind


def _event(name: str, data: dict[str, str], last_line: int) -> str:
    """One message; JSON keeps line breaks of the HTML out of the protocol."""
    return f"id: {last_line}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
