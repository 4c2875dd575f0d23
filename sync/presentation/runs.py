"""The table of runs, its filters, and the runs that live now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from profiles.health import LastRun
from profiles.models import Profile, Tenant
from sync.flows import registry
from sync.models import Run, RunResult, RunState, Trigger
from sync.presentation.paging import Slice, key_of, only, page_of

RUNS_PER_PAGE = 30
PREVIEW = "preview"

_HEAVY = ("cursor", "advice", "excluded_reasons", "profile__match_report", "profile__problem_advice")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What the filter row of the table asks for; anything unreadable in an address filters nothing."""

    profile: int | None = None
    flow: str = ""
    origin: str = ""
    result: str = ""
    since: date | None = None
    until: date | None = None
    items: int | None = None
    text: str = ""

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> RunFilter:
        """The filter in the query of a request."""
        return cls(
            profile=key_of(params.get("profil")),
            flow=params.get("traitement", "")[:40],
            origin=params.get("origine", "")[:16],
            result=params.get("resultat", "")[:16],
            since=_day(params.get("debut", "")),
            until=_day(params.get("fin", "")),
            items=key_of(params.get("articles")),
            text=params.get("message", "").strip()[:100],
        )

    @property
    def is_set(self) -> bool:
        """Whether anything is filtered."""
        return self != RunFilter()

    def condition(self) -> Q:
        """The filter as a condition on runs."""
        found = Q()
        if self.profile is not None:
            found &= Q(profile_id=self.profile)
        if self.flow:
            found &= Q(flow=self.flow)
        if self.since:
            found &= Q(queued_at__gte=_midnight(self.since))
        if self.until:
            found &= Q(ended_at__lt=_midnight(self.until + timedelta(days=1)))
        if self.items:
            found &= Q(read__gte=self.items)
        if self.text:
            found &= Q(message__icontains=self.text)
        return found & self._origin() & self._result()

    def _origin(self) -> Q:
        if self.origin == PREVIEW:
            return Q(dry=True)
        return Q(trigger=self.origin, dry=False) if self.origin in Trigger.values else Q()

    def _result(self) -> Q:
        if self.result in (RunState.QUEUED, RunState.RUNNING):
            return Q(state=self.result)
        return Q(result=self.result) if self.result in RunResult.values else Q()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()), timezone.get_current_timezone())


def runs_of(tenant: Tenant) -> QuerySet[Run]:
    """Runs of a tenant with their profile and person, without the columns that no list shows."""
    rows: QuerySet[Run] = only(Run.objects.select_related("profile", "started_by"), tenant_id=tenant.pk)
    return rows.defer(*_HEAVY)


def run_page(tenant: Tenant, wanted: RunFilter, params: Mapping[str, Any]) -> Slice[Run]:
    """One page of the table of runs, newest first, with one query."""
    rows = runs_of(tenant).filter(wanted.condition())
    return page_of(rows, params, size=RUNS_PER_PAGE, newest_first=True, within=["tenant_id"])


def live_runs(tenant: Tenant, profile_id: int | None = None) -> list[Run]:
    """Runs that are queued or running now, the running ones first. The partial index of live runs serves it."""
    rows = runs_of(tenant).exclude(state=RunState.FINISHED)
    if profile_id is not None:
        rows = rows.filter(profile_id=profile_id)
    return sorted(rows, key=lambda run: (run.state != RunState.RUNNING, run.pk))


def last_runs(profile: Profile) -> dict[str, Run]:
    """The last run of each flow of a profile that was not a preview, with two queries."""
    newest = Run.objects.filter(profile=profile, dry=False).order_by().values("flow").annotate(newest=Max("pk"))
    ids = [row["newest"] for row in newest]
    return {run.flow: run for run in Run.objects.filter(pk__in=ids).defer("cursor")}


def read_since(profile: Profile) -> dict[str, datetime]:
    """Since when each flow of a profile counts changes: the start of its last complete run. One query."""
    complete = Run.objects.filter(
        profile=profile, dry=False, scope_key="", result__in=[RunResult.SUCCESS, RunResult.PARTIAL]
    )
    rows = complete.filter(started_at__isnull=False).order_by().values("flow").annotate(at=Max("started_at"))
    return {row["flow"]: row["at"] for row in rows}


def last_of_profiles(profiles: Sequence[Profile]) -> dict[int, LastRun]:
    """The last run of each profile that was not a preview, with two queries (see ``profiles.health``)."""
    rows = Run.objects.filter(profile__in=profiles, dry=False).order_by().values("profile").annotate(newest=Max("pk"))
    found = Run.objects.filter(pk__in=[row["newest"] for row in rows]).defer("cursor")
    labels = {key: _(flow.label) for key, flow in registry.all_flows().items()}
    return {
        run.profile_id: LastRun(
            labels.get(run.flow, run.flow),
            run.state if run.is_live else run.result or run.state,
            run.started_at or run.queued_at,
            reverse("sync:run", args=[run.pk]),
        )
        for run in found
    }


def estimated_end(run: Run, now: datetime | None = None) -> timedelta | None:
    """Time left at the pace so far, or ``None`` while nothing can be said."""
    if not run.is_live or not run.total or not run.read or run.started_at is None:
        return None
    elapsed = (now or timezone.now()) - run.started_at
    if elapsed < timedelta(seconds=3):
        return None
    left = max(0, run.total - run.read)
    return elapsed * left / run.read


def duration(run: Run) -> timedelta | None:
    """How long a run lasted, or lasts until now; ``None`` before it starts."""
    if run.started_at is None:
        return None
    return (run.ended_at or timezone.now()) - run.started_at
