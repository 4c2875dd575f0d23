"""Ends a run: result, sentence, last journal line, alerts."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from billing import alerts
from connectors.canonical.keys import Direction
from connectors.core.problems import Problem
from sync.engine import journal
from sync.engine.lease import Claim
from sync.engine.recorder import FenceLost
from sync.flows import registry
from sync.models import JournalEntry, Level, Run, RunResult, RunState, SliceState


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a run ended. Without ``result`` the counters decide."""

    result: RunResult | None
    problem: Problem | None = None


def finish(held: Claim, ended: Ended) -> None:
    """Writes the end of a run, once; raises :class:`FenceLost` when the run was taken over."""
    with transaction.atomic():
        run = Run.objects.select_for_update(of=("self",)).get(pk=held.run_id)
        if run.fence != held.fence or run.state == RunState.FINISHED:
            raise FenceLost
        result, problem = _result(run, ended)
        run.result = result
        run.state = RunState.FINISHED
        run.slice_state = SliceState.IDLE
        run.ended_at = run.activity_at = timezone.now()
        run.owner = ""
        run.message_code = problem.code if problem else ""
        run.message = problem.text() if problem else summary(run)
        run.advice = problem.advice_text() if problem else ""
        run.save()
        JournalEntry.objects.bulk_create([_last_line(run, problem)])
    direction = registry.by_key(run.flow).direction
    if not run.dry:
        alerts.check(run.tenant_id, direction.value)


def _result(run: Run, ended: Ended) -> tuple[RunResult, Problem | None]:
    if ended.result is not None:
        return ended.result, ended.problem
    if run.read != run.accounted:
        return RunResult.FAILED, Problem(
            "closing_equation",
            "Le compte des articles ne tombe pas juste : %(read)s lus, %(accounted)s traités.",
            "Aucune donnée n’est perdue : relancez le traitement, et transmettez le journal au support.",
            values={"read": str(run.read), "accounted": str(run.accounted)},
        )
    bad = run.refused + run.failed + run.deferred
    if not bad:
        return RunResult.SUCCESS, None
    good = run.created + run.updated + run.unchanged
    return (RunResult.PARTIAL if good or not _has_news(run) else RunResult.FAILED), None


def _has_news(run: Run) -> bool:
    """Whether the run met a problem that no earlier run told of; what is merely still refused fails no run."""
    return JournalEntry.objects.filter(run=run, outcome__in=["refused", "failed", "deferred"]).exists()


_NOTHING_NEW = {
    Direction.EXPORT: "Rien à faire : rien n’a changé dans l’ERP depuis le dernier passage.",
    Direction.IMPORT: "Rien à faire : rien n’a changé dans la boutique depuis le dernier passage.",
}
_WORDS = {
    "created": ("créé", "créés"),
    "updated": ("mis à jour", "mis à jour"),
    "unchanged": ("déjà à jour", "déjà à jour"),
    "excluded": ("ignoré", "ignorés"),
    "refused": ("refusé", "refusés"),
    "deferred": ("en attente", "en attente"),
    "failed": ("en échec", "en échec"),
}


def _counted(run: Run, name: str) -> str:
    number: int = getattr(run, name)
    one, many = _WORDS[name]
    return f"{number} {one if number < 2 else many}"


def summary(run: Run) -> str:
    """One French sentence that says what a run did."""
    if not run.read and registry.by_key(run.flow).incremental and not run.full:
        return _NOTHING_NEW[registry.by_key(run.flow).direction]
    if run.read and run.read == run.unchanged + run.excluded:
        return f"Rien à faire : {_counted(run, 'unchanged')}, {_counted(run, 'excluded')}."
    pieces = [_counted(run, name) for name in _WORDS if getattr(run, name)]
    return ", ".join(pieces) + "." if pieces else "Rien à traiter."


_LEVELS = {RunResult.SUCCESS: Level.SUCCESS, RunResult.FAILED: Level.ERROR}


def _last_line(run: Run, problem: Problem | None) -> JournalEntry:
    level = _LEVELS.get(RunResult(run.result), Level.WARNING)
    entry = journal.line(run, run.message, level=level, code=run.message_code, advice=run.advice)
    if problem is not None and problem.detail:
        entry.detail = {"technical": journal.body(problem.detail)}
    return entry
