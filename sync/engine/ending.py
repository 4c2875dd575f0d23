"""Ends a run: result, sentence, last journal line, alerts."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from billing import alerts
from connectors.canonical.keys import Direction
from connectors.core.problems import Problem
from connectors.core.texts import Text, joined
from profiles.texts import text_kept
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
        message, advice = (problem.said, problem.advised) if problem else (summary(run), Text())
        for column, value in journal.kept(message=message, advice=advice).items():
            setattr(run, column, value)
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
_ONE = {
    "created": Text("%(count)s créé"),
    "updated": Text("%(count)s mis à jour"),
    "unchanged": Text("%(count)s déjà à jour"),
    "excluded": Text("%(count)s ignoré"),
    "refused": Text("%(count)s refusé"),
    "deferred": Text("%(count)s en attente"),
    "failed": Text("%(count)s en échec"),
}
_MANY = {
    **_ONE,
    "created": Text("%(count)s créés"),
    "excluded": Text("%(count)s ignorés"),
    "refused": Text("%(count)s refusés"),
}


def _counted(run: Run, name: str) -> Text:
    number: int = getattr(run, name)
    return (_ONE if number < 2 else _MANY)[name].filled(count=number)


def summary(run: Run) -> Text:
    """One sentence that says what a run did."""
    if not run.read and registry.by_key(run.flow).incremental and not run.full:
        return Text(_NOTHING_NEW[registry.by_key(run.flow).direction])
    if run.read and run.read == run.unchanged + run.excluded:
        counts = {"unchanged": _counted(run, "unchanged"), "excluded": _counted(run, "excluded")}
        return Text("Rien à faire : %(unchanged)s, %(excluded)s.", counts)
    pieces = [_counted(run, name) for name in _ONE if getattr(run, name)]
    return joined(joined(*pieces, separator=", "), ".", separator="") if pieces else Text("Rien à traiter.")


_LEVELS = {RunResult.SUCCESS: Level.SUCCESS, RunResult.FAILED: Level.ERROR}


def _last_line(run: Run, problem: Problem | None) -> JournalEntry:
    level = _LEVELS.get(RunResult(run.result), Level.WARNING)
    message, advice = text_kept(run, "message"), text_kept(run, "advice")
    entry = journal.line(run, message, level=level, code=run.message_code, advice=advice)
    if problem is not None and problem.detail:
        entry.detail = {"technical": journal.body(problem.detail)}
    return entry
