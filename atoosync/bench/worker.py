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
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from profiles.models import Profile
    from sync.engine.context import RunContext

Figures = dict[str, Any]
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


def create(*, erp: dict[str, Any], shop: dict[str, Any]) -> Figures:
    """A tenant with units, and its profile between the two stand-ins."""
    from billing import ledger
    from connectors.canonical.keys import Direction, Side
    from profiles import catalogs
    from profiles.models import Tenant
    from profiles.services import profile_create

    tenant = Tenant.objects.create(name="Banc d’essai")
    ledger.credit(
        tenant_id=tenant.pk, kind=Direction.EXPORT.value, units=UNITS, key=f"bench:{tenant.pk}", note="", actor="bench"
    )
    document = {
        "erp": erp,
        "shop": shop,
        "products": {"tax_default": "standard"},
        "prices": {"price_category": "1", "accounting_category": "1"},
    }
    profile = profile_create(tenant=tenant, name="Banc", erp="sage100", shop="woocommerce", document=document)
    for side in Side:
        catalogs.refresh(profile, side)
    return {"profile": profile.pk}


def run(*, profile: int, flow: str, stats: str = "") -> Figures:
    """One run of a flow to its end. ``stats``: file for the profiler's figures; the times mean nothing then."""
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
    with _stock_context(chosen) as ctx:
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
    with _stock_context(chosen) as ctx:
        for page in ctx.flow.pages(ctx, since=None):
            for record in page.records:
                content_hash(record)
                count += 1
    return {**watch.figures(), "read": count, "peak_mb": peak_megabytes()}


@contextmanager
def _stock_context(profile: Profile) -> Iterator[RunContext]:
    """The stock flow over an open ERP, without a run; the shop is never asked."""
    from connectors.canonical.keys import Side
    from profiles import options_store
    from profiles.connections import open_side
    from sync.engine.context import Budget, RunContext
    from sync.engine.linkbook import LinkBook
    from sync.flows import registry
    from sync.models import Run

    flow = registry.by_key("stock")
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
}


def main(task: str, values: str) -> None:
    """Runs one task and prints its figures."""
    django.setup()
    figures = TASKS[task](**json.loads(values))
    sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
