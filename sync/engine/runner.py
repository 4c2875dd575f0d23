"""Executes one slice of a run, and ends the run when nothing is left to do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone

from billing import ledger
from connectors.canonical.keys import Direction, Side
from connectors.core.logcontext import bind
from connectors.core.problems import ConnectorError, Consequence, Problem, Transient
from connectors.core.results import Cursor
from connectors.core.texts import Text, joined
from profiles import options_store
from profiles.connections import open_side
from profiles.models import MatchState, Profile
from profiles.options_store import OptionsRefused
from profiles.services import problem_clear, problem_set
from sync.engine import journal, lease, matching
from sync.engine.context import Budget, RunContext, sends_at_once
from sync.engine.ending import Ended, finish
from sync.engine.lease import Claim
from sync.engine.linkbook import LinkBook
from sync.engine.pipeline import Ending, EquationBroken, Pipeline
from sync.engine.recorder import FenceLost, Recorder
from sync.flows import registry
from sync.models import Cursor as CursorRow
from sync.models import JournalEntry, Level, Run, RunResult, RunState, SliceState

logger = logging.getLogger(__name__)

BREAKS_LIMIT = 5
"""Slices in a row that a connection may break before the run is given up."""

BREAK_DELAYS = (5, 15, 60, 180, 300)
"""Seconds before the next slice after a broken connection."""


class SliceResult(StrEnum):
    """How a slice ended."""

    DONE = "done"
    MORE = "more"
    WAIT = "wait"
    LOST = "lost"


class StopFlag:
    """Whether the slice must end: a person asked, the worker is shutting down, or the run was taken over.

    Asked for between any two steps; the row is read at most every half second.
    """

    def __init__(self, held: Claim) -> None:
        self._held = held
        self._event = threading.Event()
        self._owner = threading.get_ident()
        self._read_at = 0.0

    def set(self) -> None:
        """Asks the slice to end. Safe from any thread."""
        self._event.set()

    def __call__(self) -> bool:
        if not self._event.is_set() and threading.get_ident() == self._owner and time.monotonic() - self._read_at > 0.5:
            self._read_at = time.monotonic()
            if Run.objects.filter(pk=self._held.run_id, stop_requested_at__isnull=False).exists():
                self._event.set()
        return self._event.is_set()


def execute_slice(held: Claim, *, budget: Budget, stop: StopFlag | None = None) -> SliceResult:
    """Executes one claimed slice. Everything it did is recorded when it returns, and its lease is given back.

    Never raises for what a system, a setting or a person can cause: that becomes the run's result, in words. Raises
    ``OperationalError`` or ``InterfaceError`` when the platform's own database goes away: nothing can be recorded then,
    and the slice is taken from its silent worker (``lease.reap``) and executed again.
    """
    run = Run.objects.select_related("profile", "tenant").get(pk=held.run_id)
    flag = stop or StopFlag(held)
    with bind(tenant=run.tenant_id, profile=run.profile_id, run=run.pk, flow=run.flow):
        try:
            return _guarded(run, held, budget, flag)
        except FenceLost:
            logger.warning("the run was taken over by another worker")
            return SliceResult.LOST
        except (OperationalError, InterfaceError):
            logger.warning("the database of the platform went away; the slice will be executed again")
            raise
        finally:
            ledger.release_owner(owner=f"run:{held.run_id}:{held.fence}")


def _guarded(run: Run, held: Claim, budget: Budget, stop: StopFlag) -> SliceResult:
    try:
        ended = _work(run, held, budget, stop)
    except OptionsRefused as error:
        ended = Ended(RunResult.FAILED, _options_problem(error))
    except Transient as error:
        if not stop():
            return _break(run, held, error)
        ended = Ended(RunResult.STOPPED) if _person_stopped(run) else None
    except ConnectorError as error:
        if error.consequence is Consequence.BUG:
            logger.exception("a connector met a defect")
        problem_set(run.profile, error.problem)
        ended = Ended(RunResult.FAILED, error.problem)
    except EquationBroken as error:
        logger.exception("the closing equation does not hold")
        ended = Ended(RunResult.FAILED, _with_detail(EQUATION, str(error)))
    except (FenceLost, OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("a slice ended in a defect")
        ended = Ended(RunResult.FAILED, _with_detail(INTERNAL, f"{type(error).__name__}: {error}"))
    if ended is None:
        lease.release(held)
        return SliceResult.MORE
    finish(held, ended)
    return SliceResult.DONE


def _work(run: Run, held: Claim, budget: Budget, stop: StopFlag) -> Ended | None:
    """One slice of work: ``None`` when the run goes on in another slice."""
    if stop():
        return Ended(RunResult.STOPPED)
    linkbook = LinkBook(run.profile_id, registry.by_key(run.flow).direction)
    recorder = Recorder(run, held.fence, linkbook)
    with _context(run, linkbook, budget, stop) as ctx:
        waiting = matching.before_first_write(ctx)
        if waiting is not None:
            return waiting
        pipeline = Pipeline(ctx, recorder)
        try:
            ending = _read_all(ctx, pipeline)
        finally:
            pipeline.close()
        if ending is Ending.COMPLETE and not run.dry:
            ctx.flow.completed(ctx)
    return _after(ctx, ending)


@contextmanager
def _context(run: Run, linkbook: LinkBook, budget: Budget, stop: Callable[[], bool]) -> Iterator[RunContext]:
    profile: Profile = run.profile
    options = options_store.load(profile)
    flow = registry.by_key(run.flow)
    capability = profile.shop_spec.capability(flow.entity, flow.aspect)
    # What is made ready ahead has threads beyond the sends at once: there the connection keeps the limit.
    at_once = sends_at_once(options, capability) if capability is not None and capability.ahead else 0
    with (
        open_side(profile, Side.ERP, stop) as erp,
        open_side(profile, Side.SHOP, stop, at_once=at_once) as shop,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="facts") as aside,
        ExitStack() as closers,
    ):
        yield RunContext(
            closers=closers,
            run=run,
            flow=flow,
            profile=profile,
            options=options.without(flow.ignores),
            erp=erp,
            shop=shop,
            linkbook=linkbook,
            budget=budget,
            stop=stop,
            facts_read=aside.submit(copy_context().run, shop.facts) if flow.uses_facts else None,
        )


def _read_all(ctx: RunContext, pipeline: Pipeline) -> Ending:
    keys = ctx.run.scope.get("keys")
    if keys is not None:
        return pipeline.drain_keys(keys)
    if not ctx.run.dry:
        revisit = pipeline.keys_to_revisit()
        if revisit:
            ending = pipeline.revisit(revisit)
            if ending is not Ending.COMPLETE:
                return ending
    since = _resume(ctx)
    return pipeline.drain(ctx.flow.pages(ctx, since=since))


def _resume(ctx: RunContext) -> Cursor:
    """Where this slice reads on: inside this run, else from the flow's mark, else from the beginning."""
    if ctx.run.cursor:
        return Cursor.loads(ctx.run.cursor)
    if not ctx.flow.incremental or ctx.run.full or ctx.run.dry:
        return Cursor()
    row = CursorRow.objects.filter(profile_id=ctx.profile.pk, flow=ctx.flow.key).first()
    if row is None or _settings_changed(ctx, row) or _full_pass_due(ctx, row):
        Run.objects.filter(pk=ctx.run.pk).update(full=True)
        ctx.run.full = True
        return Cursor()
    return Cursor(since=row.mark)


def _settings_changed(ctx: RunContext, row: CursorRow) -> bool:
    return options_store.changed_since(ctx.profile, row.revision, ignoring=ctx.flow.ignores)


def _full_pass_due(ctx: RunContext, row: CursorRow) -> bool:
    days = ctx.options["advanced"].full_pass_days
    return row.full_at is None or ctx.clock() - row.full_at > timedelta(days=days)


def _after(ctx: RunContext, ending: Ending) -> Ended | None:
    match ending:
        case Ending.STOPPED:
            return Ended(RunResult.STOPPED) if _person_stopped(ctx.run) else None
        case Ending.QUOTA:
            return Ended(RunResult.QUOTA, QUOTA[ctx.flow.direction])
        case Ending.BUDGET:
            Run.objects.filter(pk=ctx.run.pk).update(breaks=0)
            return None
    _move_cursor(ctx)
    problem_clear(ctx.profile)
    return Ended(None)


def _person_stopped(run: Run) -> bool:
    return Run.objects.filter(pk=run.pk, stop_requested_at__isnull=False).exists()


def _move_cursor(ctx: RunContext) -> None:
    """Moves the flow's mark to where this complete reading began on the ERP's clock."""
    if ctx.run.dry or "keys" in ctx.run.scope or not ctx.flow.incremental:
        return
    stored = Run.objects.values_list("cursor", flat=True).get(pk=ctx.run.pk)
    mark = Cursor.loads(stored).until
    if not mark:
        return
    defaults: dict[str, object] = {"mark": mark, "revision": ctx.options.revision}
    if ctx.run.full or not CursorRow.objects.filter(profile_id=ctx.profile.pk, flow=ctx.flow.key).exists():
        defaults["full_at"] = ctx.clock()
    CursorRow.objects.update_or_create(profile_id=ctx.profile.pk, flow=ctx.flow.key, defaults=defaults)


def _break(run: Run, held: Claim, error: Transient) -> SliceResult:
    """A connection broke: the run goes on later from its cursor, and gives up after several breaks in a row."""
    breaks = run.breaks + 1
    if breaks > BREAKS_LIMIT:
        problem_set(run.profile, error.problem)
        finish(held, Ended(RunResult.FAILED, error.problem))
        return SliceResult.DONE
    seconds = max(BREAK_DELAYS[breaks - 1], min(error.delay or 0, 600))
    JournalEntry.objects.bulk_create(
        [
            journal.line(
                run,
                joined(error.problem.said, _next_try(seconds, breaks)),
                level=Level.WARNING,
                code=error.problem.code,
                advice=error.problem.advised,
            )
        ]
    )
    Run.objects.filter(pk=run.pk, fence=held.fence).update(breaks=F("breaks") + 1)
    lease.release(held, due_at=timezone.now() + timedelta(seconds=seconds))
    return SliceResult.WAIT


def _next_try(seconds: float, breaks: int) -> Text:
    values = {"seconds": round(seconds), "breaks": breaks, "limit": BREAKS_LIMIT}
    return Text("Nouvel essai dans %(seconds)s s (%(breaks)s/%(limit)s).", values)


def drive(run_id: int, *, owner: str, deadline: datetime | None = None) -> Run:
    """Executes slices of a run in this process until it is finished, sharing the lease protocol with the workers."""
    while True:
        run = Run.objects.get(pk=run_id)
        if run.state == RunState.FINISHED or (deadline and timezone.now() > deadline):
            return run
        # A slice that was handed to the broker is anyone's to claim: no worker may be there to take it.
        may_start = run.slice_state == SliceState.SENT or run.due_at <= timezone.now()
        held = lease.claim(run_id, owner=owner) if may_start else None
        if held is None:
            lease.reap()
            time.sleep(0.2)
            continue
        flag = StopFlag(held)
        with lease.Heartbeat(held, on_stop=flag.set):
            execute_slice(held, budget=Budget(), stop=flag)


def _options_problem(error: OptionsRefused) -> Problem:
    section, errors = next(iter(error.errors.items()))
    return Problem(
        "options_refused",
        "Un réglage n’est pas valide : %(section)s / %(option)s. %(reason)s",
        "Corrigez ce réglage dans le profil, puis relancez.",
        values={"section": section, "option": errors[0].name, "reason": errors[0].said},
    )


def _with_detail(problem: Problem, detail: str) -> Problem:
    return replace(problem, detail=detail)


EQUATION = Problem(
    "closing_equation",
    "Le compte des articles lus et traités ne tombe pas juste.",
    "Aucune donnée n’est perdue : relancez le traitement, et transmettez le journal au support.",
)
INTERNAL = Problem(
    "internal_error",
    "Une erreur interne a interrompu le traitement.",
    "Relancez-le. Si l’erreur se répète, transmettez le journal au support.",
)
QUOTA = {
    Direction.EXPORT: Problem(
        "quota_empty",
        "Il ne reste plus d’unités d’export : ce qui n’est pas parti sera traité à la prochaine exécution.",
        "Ajoutez des unités d’export (menu Unités), puis relancez.",
    ),
    Direction.IMPORT: Problem(
        "quota_empty",
        "Il ne reste plus d’unités d’import : ce qui n’est pas importé sera traité à la prochaine exécution.",
        "Ajoutez des unités d’import (menu Unités), puis relancez.",
    ),
}

__all__ = ["Budget", "MatchState", "SliceResult", "StopFlag", "drive", "execute_slice"]
