"""Live journal: events, resumption by Last-Event-ID, end, polling fallback."""

from __future__ import annotations

import asyncio
import json
import re
from zoneinfo import ZoneInfo

import pytest
from django.http import StreamingHttpResponse
from django.test import AsyncClient
from django.urls import reverse

from sync import live
from sync.models import JournalEntry, Run
from tests.factories import make_entry, make_profile, make_run
from tests.web.conftest import Cast

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def _live_run(cast: Cast) -> Run:
    return make_run(
        profile=make_profile(tenant=cast.tenant), state="running", result="", slice_state="working", read=10, total=40
    )


def _line(run: Run, text: str) -> JournalEntry:
    return make_entry(run=run, item_key="", entity="", outcome="", text=text)


def _listener(run: Run, after: int = 0) -> live._Listener:
    return live._Listener(
        run_id=run.pk, last_line=after, language="fr", zone=ZoneInfo("Europe/Paris"), rights={"can_run": True}
    )


def _events(messages: list[str]) -> list[tuple[str, str, str]]:
    """(id, event, html) of each message."""
    found = []
    for message in messages:
        head = re.match(r"id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n$", message)
        assert head, message
        found.append((head[1], head[2], json.loads(head[3]).get("html", "")))
    return found


@pytest.mark.covers("LOG-03", "LOG-01")
@pytest.mark.django_db
def test_lines_and_progress_arrive_once(cast: Cast) -> None:
    run = _live_run(cast)
    first = _line(run, "première ligne")
    listener = _listener(run)
    messages, ended, behind = live._read(listener)
    events = _events(messages)
    assert [name for _, name, _ in events] == ["lines", "progress"]
    assert events[0][0] == str(first.pk)
    assert "première ligne" in events[0][2]
    assert "25" in events[1][2]
    assert (ended, behind) == (False, False)
    assert live._read(listener) == ([], False, False)
    second = _line(run, "seconde ligne")
    Run.objects.filter(pk=run.pk).update(read=20)
    events = _events(live._read(listener)[0])
    assert [name for _, name, _ in events] == ["lines", "progress"]
    assert "première" not in events[0][2]
    assert events[0][0] == str(second.pk)


@pytest.mark.covers("LOG-03")
@pytest.mark.django_db
def test_lost_connection_resumes_without_gap_or_repetition(cast: Cast) -> None:
    run = _live_run(cast)
    seen = _line(run, "déjà vue")
    _line(run, "manquée")
    html = "".join(html for _, name, html in _events(live._read(_listener(run, seen.pk))[0]) if name == "lines")
    assert "manquée" in html
    assert "déjà vue" not in html


@pytest.mark.django_db
def test_long_backlog_comes_in_pieces(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LINES_PER_MESSAGE", 2)
    run = _live_run(cast)
    for number in range(5):
        _line(run, f"ligne {number}")
    Run.objects.filter(pk=run.pk).update(state="finished", result="success")
    listener = _listener(run)
    states = [live._read(listener)[1:] for _ in range(3)]
    assert states == [(False, True), (False, True), (True, False)]


@pytest.mark.django_db
def test_end_of_the_run_ends_the_stream_after_its_last_line(cast: Cast) -> None:
    run = _live_run(cast)
    _line(run, "dernière ligne")
    Run.objects.filter(pk=run.pk).update(state="finished", result="success")
    messages, ended, _ = live._read(_listener(run))
    assert ended
    assert [name for _, name, _ in _events(messages)] == ["lines", "progress", "end"]


@pytest.mark.django_db
def test_run_deleted_meanwhile_ends_the_stream(cast: Cast) -> None:
    run = _live_run(cast)
    listener = _listener(run)
    run.delete()
    messages, ended, _ = live._read(listener)
    assert ended
    assert _events(messages)[0][1] == "end"


@pytest.mark.django_db
def test_html_of_a_line_cannot_break_the_protocol(cast: Cast) -> None:
    run = _live_run(cast)
    _line(run, "une\n\nevent: end\ndata: {}\n\n<script>")
    messages, ended, _ = live._read(_listener(run))
    assert not ended
    assert [name for _, name, _ in _events(messages)] == ["lines", "progress"]
    assert "<script>" not in "".join(messages)


@pytest.mark.covers("LOG-03")
@pytest.mark.django_db(transaction=True)
def test_stream_over_asgi_goes_on_from_last_event_id(cast: Cast) -> None:
    run = _live_run(cast)
    seen = _line(run, "déjà vue")
    _line(run, "nouvelle")
    Run.objects.filter(pk=run.pk).update(state="finished", result="success")
    body = asyncio.run(_read_stream(cast, run, str(seen.pk)))
    assert body.startswith("retry: ")
    assert "nouvelle" in body
    assert "déjà vue" not in body
    assert "event: end" in body


async def _read_stream(cast: Cast, run: Run, last: str) -> str:
    client = AsyncClient()
    await client.aforce_login(cast.bob.user, backend=BACKEND)
    response = await client.get(reverse("sync:run_events", args=[run.pk]), headers={"Last-Event-ID": last})
    assert isinstance(response, StreamingHttpResponse)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    return "".join([part.decode() if isinstance(part, bytes) else part async for part in response])


@pytest.mark.django_db(transaction=True)
def test_stream_of_a_run_without_end_closes_so_that_the_browser_reconnects(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STREAM_SECONDS", 0.2)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.05)
    body = asyncio.run(_read_stream(cast, _live_run(cast), "0"))
    assert "event: progress" in body
    assert "event: end" not in body


@pytest.mark.covers("LOG-03")
@pytest.mark.django_db
def test_polling_fallback_gives_the_same_lines(cast: Cast) -> None:
    run = _live_run(cast)
    seen = _line(run, "déjà vue")
    new = _line(run, "nouvelle")
    url = reverse("sync:run_progress", args=[run.pk])
    response = cast.bob.client.get(url, {"apres": str(seen.pk)})
    body = response.content.decode()
    assert "nouvelle" in body
    assert "déjà vue" not in body
    assert f'data-last="{new.pk}"' in body
    assert "HX-Trigger" not in response.headers
    Run.objects.filter(pk=run.pk).update(state="finished", result="success")
    assert cast.bob.client.get(url).headers["HX-Trigger"] == "run-ended"


@pytest.mark.covers("LOG-01")
@pytest.mark.django_db
def test_page_of_a_live_run_is_announced_to_screen_readers(cast: Cast) -> None:
    body = cast.bob.client.get(reverse("sync:run", args=[_live_run(cast).pk])).content.decode()
    assert 'role="log"' in body
    assert 'aria-live="polite"' in body
    assert 'id="live-announce" class="visually-hidden" role="status"' in body
    assert "Exporter les articles : 20 %" in body
