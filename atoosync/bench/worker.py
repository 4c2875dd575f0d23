"""The measured process: one task, then one line of JSON. Run as ``python -m atoosync.bench.worker TASK JSON``.

Flows run here by the same calls as everywhere else (``services.run_request``, then slices under the lease protocol), in
a process of their own so that its peak memory is that of a worker.
"""

from __future__ import annotations

import cProfile
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import django

if TYPE_CHECKING:
    from connectors.canonical.sales import SalesDocument
    from profiles.models import Profile
    from sync.engine.context import RunContext
    from sync.mapping.customers import CustomerPlan

Figures = dict[str, Any]
Job = tuple["CustomerPlan", "SalesDocument"]
"""Who an order is for, and its document."""
UNITS = 10_000_000


def peak_megabytes() -> float:
    """Most memory this process ever held, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            # Unlike ru_maxrss it does not inherit the size of the process that was forked.
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(used / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


class Stopwatch:
    """Time since its making: by the clock, and of the processor (which other programs on the machine distort less)."""

    def __init__(self) -> None:
        self._clock, self._processor = time.monotonic(), time.process_time()

    def figures(self) -> Figures:
        """``seconds`` and ``cpu_seconds``."""
        return {
            "seconds": round(time.monotonic() - self._clock, 2),
            "cpu_seconds": round(time.process_time() - self._processor, 2),
        }


def create(*, erp: dict[str, Any], shop: dict[str, Any], options: dict[str, Any] | None = None) -> Figures:
    """A tenant with units, and its profile between the two stand-ins; with ``options`` its match is approved."""
    from billing import ledger
    from connectors.canonical.keys import Direction, Side
    from profiles import catalogs
    from profiles.models import MatchState, Profile, Tenant
    from profiles.services import profile_create

    tenant = Tenant.objects.create(name="Banc d’essai")
    for kind in Direction:
        key = f"bench:{tenant.pk}:{kind.value}"
        ledger.credit(tenant_id=tenant.pk, kind=kind.value, units=UNITS, key=key, note="", actor="bench")
    document = {
        "erp": erp,
        "shop": shop,
        "products": {"tax_default": "standard"},
        "prices": {"price_category": "1", "accounting_category": "1"},
        **(options or {}),
    }
    profile = profile_create(tenant=tenant, name="Banc", erp="sage100", shop="woocommerce", document=document)
    for side in Side:
        catalogs.refresh(profile, side)
    if options:
        Profile.objects.filter(pk=profile.pk).update(match_state=MatchState.APPROVED)
    return {"profile": profile.pk}


def run(*, profile: int, flow: str, stats: str = "", erp_ms: float = 0) -> Figures:
    """One run of a flow to its end.

    ``stats``: file for the profiler's figures; the times mean nothing then. ``erp_ms``: see :func:`slow_erp`.
    """
    from profiles.models import Profile
    from sync import services
    from sync.engine.runner import drive
    from sync.models import OUTCOME_COUNTERS, Trigger

    chosen = Profile.objects.get(pk=profile)
    _warm_up(chosen)
    before = peak_megabytes()
    profiler = cProfile.Profile() if stats else None
    watch = Stopwatch()
    if profiler:
        profiler.enable()
    request = services.run_request(profile=chosen, flow=flow, trigger=Trigger.COMMAND)
    with slow_erp(erp_ms):
        ended = drive(request.run.pk, owner=f"bench:{os.getpid()}")
    if profiler:
        profiler.disable()
        profiler.dump_stats(stats)
    return {
        **watch.figures(),
        "result": ended.result,
        "message": ended.message,
        "read": ended.read,
        **{name: getattr(ended, name) for name in OUTCOME_COUNTERS},
        "units": ended.units,
        "slices": ended.slice_number,
        "start_mb": before,
        "peak_mb": peak_megabytes(),
    }


@contextmanager
def slow_erp(milliseconds: float) -> Iterator[None]:
    """In this block the ERP answers the commit of every document so much later; other commits are as fast as ever."""
    from connectors.core.odbc_write import connect_write
    from connectors.erp.sage100 import writing

    def opened(source: Any) -> Any:
        session = connect_write(source)
        session._connection = _SlowConnection(session._connection, milliseconds / 1000)  # type: ignore[attr-defined]
        return session

    with patch.object(writing, "connect_write", opened) if milliseconds else nullcontext():
        yield


class _SlowConnection:
    """A driver's connection whose commits of documents take their time."""

    def __init__(self, real: Any, seconds: float) -> None:
        self._real, self._seconds = real, seconds
        self._document = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def cursor(self) -> _SlowCursor:
        return _SlowCursor(self._real.cursor(), self)

    def commit(self) -> None:
        self._real.commit()
        written, self._document = self._document, False
        if written:
            time.sleep(self._seconds)

    def note(self, statement: str) -> None:
        """Remembers that the open transaction writes a document."""
        self._document = self._document or statement.startswith("INSERT INTO F_DOCENTETE ")


class _SlowCursor:
    """A cursor that tells its connection what it executes."""

    def __init__(self, real: Any, owner: _SlowConnection) -> None:
        self._real, self._owner = real, owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, statement: str, *values: Any) -> Any:
        self._owner.note(statement)
        return self._real.execute(statement, *values)


def plain_writes(*, profile: int, erp: dict[str, Any], orders: int, sessions: int, erp_ms: float) -> Figures:
    """Writes the profile's waiting orders into another company by threads that only write, each over its session."""
    from profiles.connections import runtime
    from profiles.models import Profile

    chosen = Profile.objects.get(pk=profile)
    with _context(chosen, "orders") as ctx:
        mapped = [ctx.flow.map(ctx, record) for page in ctx.flow.pages(ctx, since=None) for record in page.records]
    wanted: list[Job] = [(one.record.plan, one.record.document) for one in mapped[:orders]]  # type: ignore[union-attr]
    spec = chosen.erp_spec
    settings = spec.options.model_validate(erp)

    def write(mine: list[Job]) -> None:
        with spec.open(settings, runtime(lambda: False)) as connection:
            target = connection.sales()  # type: ignore[attr-defined]
            for plan, document in mine:
                customer = target.find_customer(email=plan.email) or target.create_customer(plan.record)
                address = target.find_address(customer, plan.delivery)
                address = address or target.create_address(customer, plan.delivery)
                target.create_document(document, customer=customer, address=address)

    with slow_erp(erp_ms), ThreadPoolExecutor(sessions) as threads:
        watch = Stopwatch()
        list(threads.map(write, [wanted[start::sessions] for start in range(sessions)]))
        figures = watch.figures()
    return {**figures, "orders": len(wanted), "per_second": round(len(wanted) / figures["seconds"], 2)}


def hooks(*, profile: int) -> Figures:
    """Registers the webhooks in the shop."""
    from profiles.models import Profile
    from sync import notifications

    made = notifications.hooks_ensure(Profile.objects.get(pk=profile))
    return {"healthy": bool(made and made.healthy), "message": made.message if made else ""}


def request(*, profile: int, flow: str) -> Figures:
    """Asks for a run, which the workers of the platform execute."""
    from profiles.models import Profile
    from sync import services

    asked = services.run_request(profile=Profile.objects.get(pk=profile), flow=flow)
    return {"run": asked.run.pk}


def stop(*, profile: int, flow: str) -> Figures:
    """Stops the live run of a flow and waits for its end."""
    from sync import services
    from sync.models import Run, RunState

    for run in Run.objects.filter(profile_id=profile, flow=flow).exclude(state=RunState.FINISHED):
        services.run_stop(run)
        while Run.objects.exclude(state=RunState.FINISHED).filter(pk=run.pk).exists():
            time.sleep(0.2)
    return latest(profile=profile, flow=flow)


def latest(*, profile: int, flow: str) -> Figures:
    """How far the last run of a flow is."""
    from sync.models import Run

    run = Run.objects.filter(profile_id=profile, flow=flow).latest("pk")
    return {"state": run.state, "result": run.result, "updated": run.updated, "failed": run.failed}


def schedule(*, profile: int) -> Figures:
    """Switches webhooks off and plans the import of orders; :func:`poll` decides how often it triggers."""
    from datetime import time as day_time

    from django.utils import timezone

    from profiles import options_store
    from profiles.models import Profile
    from scheduler.models import Schedule
    from sync import notifications

    chosen = Profile.objects.get(pk=profile)
    options_store.save(chosen, {"orders": {"realtime": False}}, author=None)
    notifications.hooks_ensure(chosen)
    Schedule.objects.create(
        profile=chosen, flow="orders", starts_on=timezone.now().date(), starts_time=day_time(0, 0), repeat_minutes=5,
        repeat_for=1440,
    )  # fmt: skip
    return {"realtime": notifications.wants_events(chosen)}


def poll(*, profile: int, interval: float) -> Figures:
    """Makes the profile's scheduled task due every ``interval`` seconds, until it is killed."""
    from django.utils import timezone

    from scheduler.models import Schedule

    while True:
        Schedule.objects.filter(profile_id=profile, flow="orders").update(next_at=timezone.now())
        time.sleep(interval)


def _warm_up(profile: Profile) -> None:
    """Runs the stock flow for an article that does not exist: a worker that serves runs all day has loaded its code."""
    from sync import services
    from sync.engine.runner import drive

    request = services.run_request(profile=profile, flow="stock", keys=["-"])
    drive(request.run.pk, owner=f"bench:{os.getpid()}")


def match(*, profile: int) -> Figures:
    """Links both catalogues by reference, as a person who approves the report does."""
    from profiles.models import Profile
    from profiles.services import match_approve
    from sync import services
    from sync.engine.runner import drive

    chosen = Profile.objects.get(pk=profile)
    ended = drive(services.match_request(chosen, by=None).run.pk, owner=f"bench:{os.getpid()}")
    chosen.refresh_from_db()
    match_approve(chosen)
    return {"result": ended.result, "counts": chosen.match_report["counts"]}


def bind(*, profile: int, first_id: int = 1) -> Figures:
    """Links every article and notes its quantity as sent, without asking the shop; ids count up from ``first_id``."""
    from django.db import transaction

    from connectors.canonical.keys import Aspect
    from profiles.models import Profile
    from sync.engine.linkbook import LinkBook, LinkWrite, StateWrite
    from sync.flows.base import Mapped

    chosen = Profile.objects.get(pk=profile)
    book = LinkBook(chosen.pk)
    bound = 0
    with _context(chosen, "stock") as ctx:
        for page in ctx.flow.pages(ctx, since=None):
            links: list[LinkWrite] = []
            states: list[StateWrite] = []
            for record in page.records:
                mapped = ctx.flow.map(ctx, record)
                if not isinstance(mapped, Mapped):
                    continue
                ref, shop_key = mapped.ref, str(first_id + bound)
                links.append(LinkWrite(entity=ref.entity, key=ref.key, remote_key=shop_key, remote_parent=shop_key))
                states.append(StateWrite(entity=ref.entity, key=ref.key, aspect=Aspect.STOCK, sent_hash=mapped.hash()))
                bound += 1
            with transaction.atomic():
                book.bind(links, states)
    return {"bound": bound}


def bare(*, profile: int) -> Figures:
    """Reads the rows that the stock flow reads, and hashes each: nothing else could be left out."""
    from connectors.canonical.base import content_hash
    from profiles.models import Profile

    chosen = Profile.objects.get(pk=profile)
    _warm_up(chosen)
    watch = Stopwatch()
    count = 0
    with _context(chosen, "stock") as ctx:
        for page in ctx.flow.pages(ctx, since=None):
            for record in page.records:
                content_hash(record)
                count += 1
    return {**watch.figures(), "read": count, "peak_mb": peak_megabytes()}


@contextmanager
def _context(profile: Profile, flow_key: str) -> Iterator[RunContext]:
    """A flow over both open systems, without a run."""
    from connectors.canonical.keys import Side
    from profiles import options_store
    from profiles.connections import open_side
    from sync.engine.context import Budget, RunContext
    from sync.engine.linkbook import LinkBook
    from sync.flows import registry
    from sync.models import Run

    flow = registry.by_key(flow_key)
    with open_side(profile, Side.ERP) as erp, open_side(profile, Side.SHOP) as shop:
        yield RunContext(
            run=Run(profile=profile, tenant_id=profile.tenant_id, flow=flow.key),
            flow=flow,
            profile=profile,
            options=options_store.load(profile),
            erp=erp,
            shop=shop,
            linkbook=LinkBook(profile.pk),
            budget=Budget(),
            stop=lambda: False,
        )


TASKS: dict[str, Callable[..., Figures]] = {
    "create": create,
    "run": run,
    "match": match,
    "bind": bind,
    "bare": bare,
    "plain_writes": plain_writes,
    "hooks": hooks,
    "request": request,
    "stop": stop,
    "latest": latest,
    "schedule": schedule,
    "poll": poll,
}


def main(task: str, values: str) -> None:
    """Runs one task and prints its figures."""
    django.setup()
    figures = TASKS[task](**json.loads(values))
    sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
