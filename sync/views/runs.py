"""Table of runs and page of one run, which is also the page of a preview."""

from __future__ import annotations

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from profiles.access import current_tenant, get_for_tenant, require_member
from profiles.context import profile_remember
from profiles.models import Profile
from sync.flows import registry
from sync.models import JournalEntry, Run, RunResult, RunState, Trigger
from sync.presentation import journal, journal_file, places
from sync.presentation.paging import key_of
from sync.presentation.problems import causes_of
from sync.presentation.runs import RunFilter, run_page
from sync.views.common import is_fragment, profile_of, rights, run_of

IN_MEMORY = 1024 * 1024
"""Bytes of a downloaded journal that are held in memory; the rest waits on the disk."""


@require_member
@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """Runs of the tenant, newest first, filtered by column."""
    return _table(request, None)


@require_member
@require_GET
def run_list_profile(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Runs of one profile."""
    return _table(request, profile_of(request, profile_id))


def _table(request: HttpRequest, profile: Profile | None) -> HttpResponse:
    params: dict[str, Any] = request.GET.dict()
    if profile is not None:
        params["profil"] = str(profile.pk)
    wanted = RunFilter.of(params)
    tenant = current_tenant(request)
    page = run_page(tenant, wanted, params)
    context = {
        "page": page,
        "wanted": wanted,
        "is_filtered": wanted.is_set if profile is None else wanted != RunFilter(profile=profile.pk),
        "profile": profile,
        "any_live": any(run.is_live for run in page.rows),
    }
    if is_fragment(request):
        return render(request, "sync/_run_rows.html", context)
    context |= {
        "profiles": Profile.objects.for_tenant(tenant).order_by("name", "pk").values("pk", "name"),
        "flows": list(registry.all_flows().values()),
        "results": [*RunState.choices[:2], *RunResult.choices],
        "origins": Trigger.choices,
    }
    return render(request, "sync/run_list.html", context)


@require_member
@require_GET
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Summary, causes, items and journal of one run; the table of items reloads alone by htmx."""
    found = run_of(request, run_id)
    if is_fragment(request) and request.GET.get("partie") == "resume":
        template = "sync/_preview_body.html" if found.dry else "sync/_run_body.html"
        return render(request, template, {**rights(request), "run": found, "profile": found.profile, **_summary(found)})
    profile_remember(request, found.profile_id)
    context = _items(request, found, journal.ItemFilter.of(request.GET))
    if is_fragment(request):
        # The table asks by itself when a watched run has ended: outcomes to filter by exist only then.
        context["chips_again"] = request.headers.get("HX-Trigger") == "item-table"
        return render(request, "sync/_item_rows.html", context)
    lines = journal.last_lines(found)
    context |= _summary(found)
    context |= {
        "lines": lines,
        "last_line": lines[-1].pk if lines else 0,
        "first_line": lines[0].pk if len(lines) == journal.LINES_SHOWN else 0,
    }
    return render(request, "sync/preview.html" if found.dry else "sync/run.html", context)


def _items(request: HttpRequest, found: Run, wanted: journal.ItemFilter) -> dict[str, Any]:
    page = journal.item_page(found, wanted, request.GET.dict(), with_detail=found.dry)
    return {**rights(request), "run": found, "profile": found.profile, "page": page, "wanted": wanted}


def _summary(found: Run) -> dict[str, Any]:
    has_bad = found.refused or found.failed or found.deferred
    causes = causes_of(found) if has_bad else []
    reasons = sorted(found.excluded_reasons.items(), key=lambda pair: -pair[1])
    return {
        "causes": causes,
        "reasons": reasons,
        "balanced": found.read == found.accounted,
        "message_links": places.links_for(found.message_code, found.profile_id) if found.message_code else [],
        "scope_keys": found.scope.get("keys"),
    }


@require_member
@require_GET
def run_progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """Progress and new lines since ``apres``: what a browser without event streams asks for every few seconds."""
    found = run_of(request, run_id)
    after = key_of(request.GET.get("apres")) or 0
    lines = journal.lines_after(found.pk, after, journal.LINES_SHOWN)
    context = {**rights(request), "run": found, "lines": lines, "last_line": lines[-1].pk if lines else after}
    response = render(request, "sync/_run_poll.html", context)
    if not found.is_live:
        response.headers["HX-Trigger"] = "run-ended"
    return response


@require_member
@require_GET
def run_lines(request: HttpRequest, run_id: int) -> HttpResponse:
    """Older lines of the journal, before ``avant``."""
    found = run_of(request, run_id)
    before = key_of(request.GET.get("avant")) or 0
    lines = journal.lines_before(found, before)
    context = {
        "run": found,
        "profile": found.profile,
        "lines": lines,
        "first_line": lines[0].pk if len(lines) == journal.LINES_SHOWN else 0,
    }
    template = "sync/_older_lines.html" if is_fragment(request) else "sync/run_lines.html"
    return render(request, template, context)


@require_member
@require_GET
def run_entry(request: HttpRequest, run_id: int, entry_id: int) -> HttpResponse:
    """One line with what was sent, what came back and what changed; in a drawer, or as a page of its own."""
    found = run_of(request, run_id)
    entry = get_for_tenant(request, JournalEntry.objects.select_related("run"), pk=entry_id, run_id=found.pk)
    previous = journal.previous_of(entry) if entry.item_key and not found.dry else None
    context = {
        **rights(request),
        "run": found,
        "profile": found.profile,
        "entry": entry,
        "changes": journal.changes(entry, previous),
        "previous": previous,
    }
    return render(request, "sync/_entry.html" if is_fragment(request) else "sync/entry.html", context)


@require_member
@require_GET
def run_journal(request: HttpRequest, run_id: int, kind: str) -> HttpResponseBase:
    """The whole journal as a file; ``kind`` is ``txt``, ``csv`` or ``xlsx``.

    It is written before the first byte leaves, so that a failure is an error page and never a file cut short.
    """
    found = run_of(request, run_id)
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    journal_file.write_journal(found, kind, file)
    length = file.tell()
    file.seek(0)
    response = StreamingHttpResponse(_blocks(file), content_type=journal_file.KINDS[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="{journal_file.file_name(found, kind)}"'
    response.headers["Content-Length"] = str(length)
    response.headers["Cache-Control"] = "private, no-store"
    return response


async def _blocks(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while block := await sync_to_async(file.read)(IN_MEMORY):
            yield block
