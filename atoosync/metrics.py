"""What Prometheus reads, computed from the database and the broker at each scrape.

Nothing is counted inside the processes, so any number of web and worker processes tells one and the same story. A
source that does not answer leaves its families out and sets ``atoosync_source_up`` to 0.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Max, Min, Sum
from django.utils import timezone
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from atoosync import heartbeats
from billing.models import Account
from profiles.models import Profile, Tenant
from sync.models import Run, RunState, SliceState
from sync.models.run import OUTCOME_COUNTERS

logger = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_LATEST
WINDOW = timedelta(days=1)
# kombu keeps messages handed to a worker and not yet acknowledged in this hash.
UNACKED = "unacked"


def render() -> bytes:
    """The page of metrics in the text format of Prometheus. Never raises because a source is down."""
    return generate_latest(_registry)


class PlatformState(Collector):
    """Queues, heartbeats, runs, items, units."""

    def collect(self) -> Iterable[Metric]:
        """One family after the other; called by the registry at each scrape."""
        up = GaugeMetricFamily("atoosync_source_up", "1 when the source answered this scrape.", labels=["source"])
        for source, read in SOURCES.items():
            families, answered = _read(source, read)
            up.add_metric([source], float(answered))
            yield from families
        yield up

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the database."""
        return ()


def _read(source: str, read: Callable[[], Iterator[Metric]]) -> tuple[list[Metric], bool]:
    try:
        return list(read()), True
    except (DatabaseError, redis.RedisError, OSError) as error:
        logger.warning("metrics: %s: %s", source, error)
        return [], False


def _broker() -> Iterator[Metric]:
    client = heartbeats.client()
    queues = GaugeMetricFamily("atoosync_queue_messages", "Messages waiting in a queue.", labels=["queue"])
    for queue in settings.CELERY_TASK_QUEUES:
        queues.add_metric([queue.name], float(client.llen(queue.name)))
    yield queues
    taken = float(client.hlen(UNACKED))
    yield GaugeMetricFamily("atoosync_unacked_messages", "Messages taken by workers, not yet done.", value=taken)
    ages = GaugeMetricFamily("atoosync_heartbeat_age_seconds", "Age of a process's last heartbeat.", labels=["process"])
    for name, age in sorted(heartbeats.ages().items()):
        ages.add_metric([name], age)
    yield ages


def _runs() -> Iterator[Metric]:
    live = Run.objects.exclude(state=RunState.FINISHED).values_list("flow", "state").annotate(Count("pk"))
    yield _gauge("atoosync_runs", "Runs queued or running now.", ("flow", "state"), live)
    recent = Run.objects.filter(state=RunState.FINISHED, ended_at__gte=timezone.now() - WINDOW)
    ended = recent.values_list("flow", "result").annotate(Count("pk"))
    yield _gauge("atoosync_runs_ended_last_day", "Runs ended in 24 hours.", ("flow", "result"), ended)
    sums = recent.values_list("flow").annotate(*(Sum(name) for name in OUTCOME_COUNTERS))
    items = [(flow, name, n) for flow, *counts in sums for name, n in zip(OUTCOME_COUNTERS, counts, strict=True)]
    yield _gauge("atoosync_items_last_day", "Items of those runs.", ("flow", "outcome"), items)
    yield from _waiting()


def _waiting() -> Iterator[Metric]:
    now = timezone.now()
    waiting = Run.objects.filter(slice_state=SliceState.PENDING).exclude(state=RunState.FINISHED)
    since = waiting.filter(due_at__lte=now).aggregate(since=Min("due_at"))["since"]
    value = (now - since).total_seconds() if since else 0.0
    yield GaugeMetricFamily("atoosync_oldest_slice_wait_seconds", "Longest wait of a slice that is due.", value=value)
    seen = Run.objects.filter(slice_state=SliceState.WORKING).aggregate(seen=Min("heartbeat_at"))["seen"]
    silent = (now - seen).total_seconds() if seen else 0.0
    yield GaugeMetricFamily("atoosync_run_silence_seconds", "Longest silence of a run at work.", value=silent)
    last = Run.objects.aggregate(last=Max("ended_at"))["last"]
    if last:
        yield GaugeMetricFamily("atoosync_last_run_end_seconds", "When a run last ended.", value=last.timestamp())


def _business() -> Iterator[Metric]:
    yield GaugeMetricFamily("atoosync_tenants", "Tenants.", value=Tenant.objects.count())
    states = Profile.objects.values_list("state").annotate(Count("pk"))
    yield _gauge("atoosync_profiles", "Profiles by state.", ("state",), states)
    used = CounterMetricFamily("atoosync_units_used", "Units spent since the beginning.", labels=["kind"])
    left = GaugeMetricFamily("atoosync_units_available", "Units that may still be reserved.", labels=["kind"])
    accounts = Account.objects.values_list("kind").annotate(Sum("bought"), Sum("used"), Sum("reserved"))
    for kind, bought, spent, reserved in accounts:
        used.add_metric([kind], spent)
        left.add_metric([kind], bought - spent - reserved)
    yield used
    yield left


def _gauge(name: str, text: str, labels: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Metric:
    """A gauge of rows made of the labels' values and a number."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for *values, number in rows:
        family.add_metric([str(value) for value in values], float(number or 0))
    return family


SOURCES: dict[str, Callable[[], Iterator[Metric]]] = {"broker": _broker, "runs": _runs, "business": _business}

_registry = CollectorRegistry(auto_describe=False)
_registry.register(PlatformState())
ProcessCollector(registry=_registry)
PlatformCollector(registry=_registry)
