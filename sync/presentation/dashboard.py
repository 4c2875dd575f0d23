"""Figures of the dashboard: exports and imports by month, flow and profile, and the health of each profile."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Subquery, Sum, Window
from django.db.models.functions import RowNumber, TruncMonth
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from connectors.canonical.keys import Direction
from profiles.models import OptionsRevision, Profile, ProfileState, Tenant
from sync.flows import registry
from sync.models import Run, RunResult, RunState

MONTHS = 12
HEALTH_RUNS = 20
HEALTH_DAYS = 30
GOOD = (RunResult.SUCCESS, RunResult.PARTIAL)

Chart = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """What the runs of one flow of one profile did in one month."""

    month: date
    profile_id: int
    flow: str
    created: int
    updated: int
    units: int

    @property
    def sent(self) -> int:
        """Items created or changed on the other side."""
        return self.created + self.updated

    @property
    def direction(self) -> Direction:
        """Export or import; a flow that is no longer installed counts as export."""
        flow = registry.all_flows().get(self.flow)
        return flow.direction if flow else Direction.EXPORT


@dataclass(slots=True)
class Activity:
    """Twelve months of a tenant, read with one query."""

    cells: list[Cell]
    months: list[date]

    def per_month(self) -> Chart:
        """Items sent per month, exports and imports."""
        datasets = []
        for direction, label in ((Direction.EXPORT, _("Exports")), (Direction.IMPORT, _("Imports"))):
            sums: Counter[date] = Counter()
            for cell in self.cells:
                if cell.direction is direction:
                    sums[cell.month] += cell.sent
            if direction is Direction.EXPORT or sums:
                datasets.append({"label": label, "data": [sums[month] for month in self.months]})
        return {"labels": [formats.date_format(month, "M Y") for month in self.months], "datasets": datasets}

    def by_flow(self, month: date, direction: Direction) -> Chart:
        """Items created and changed in a month, by flow."""
        flows = registry.all_flows()
        return self._bars(month, direction, lambda cell: _(flows[cell.flow].label) if cell.flow in flows else cell.flow)

    def by_profile(self, month: date, direction: Direction, profiles: Sequence[Profile]) -> Chart:
        """Items created and changed in a month, by profile."""
        names = {profile.pk: profile.name for profile in profiles}
        return self._bars(month, direction, lambda cell: names.get(cell.profile_id, "—"))

    def units(self, month: date, direction: Direction) -> int:
        """Units spent in a month."""
        return sum(cell.units for cell in self.cells if cell.month == month and cell.direction is direction)

    def has(self, direction: Direction) -> bool:
        """Whether anything was sent that way in the twelve months."""
        return any(cell.sent for cell in self.cells if cell.direction is direction)

    def _bars(self, month: date, direction: Direction, name: Callable[[Cell], str]) -> Chart:
        created: Counter[str] = Counter()
        updated: Counter[str] = Counter()
        for cell in self.cells:
            if cell.month == month and cell.direction is direction and cell.sent:
                created[name(cell)] += cell.created
                updated[name(cell)] += cell.updated
        labels = sorted(created, key=lambda label: -(created[label] + updated[label]))
        return {
            "labels": labels,
            "datasets": [
                {"label": _("Créés"), "data": [created[label] for label in labels]},
                {"label": _("Mis à jour"), "data": [updated[label] for label in labels]},
            ],
        }


def activity(tenant: Tenant, today: date) -> Activity:
    """What runs did in the last twelve months, in the tenant's time zone; previews count for nothing."""
    months = [_months_back(today, count) for count in reversed(range(MONTHS))]
    first = timezone.make_aware(datetime.combine(months[0], time()), tenant.zone)
    rows = (
        Run.objects.for_tenant(tenant)
        .filter(ended_at__gte=first, dry=False)
        .order_by()
        .annotate(month=TruncMonth("ended_at", tzinfo=tenant.zone))
        .values("month", "profile_id", "flow")
        .annotate(made=Sum("created"), changed=Sum("updated"), spent=Sum("units"))
    )
    cells = [
        Cell(row["month"].date(), row["profile_id"], row["flow"], row["made"], row["changed"], row["spent"])
        for row in rows
    ]
    return Activity(cells, months)


def _months_back(today: date, count: int) -> date:
    index = today.year * 12 + today.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


@dataclass(slots=True)
class Health:
    """How one profile fares. ``waiting``: items that need a hand now, whichever run met them."""

    profile: Profile
    last_success: datetime | None
    recent: list[Run] = field(default_factory=list)
    read: int = 0
    bad: int = 0
    is_running: bool = False
    waiting: int = 0

    @property
    def failed_runs(self) -> int:
        """Recent runs that failed."""
        return sum(1 for run in self.recent if run.result == RunResult.FAILED)

    @property
    def error_percent(self) -> float | None:
        """Share of items of the recent runs that were refused, failed or wait; ``None`` before the first item."""
        return 100 * self.bad / self.read if self.read else None

    @property
    def state(self) -> str:
        """``paused``, ``problem``, ``new``, ``failing``, ``errors`` or ``good``.

        Each flow is judged by its last run that was not stopped: what a later run mended is no error any more, and a
        good run of one flow hides nothing of another.
        """
        if self.profile.state == ProfileState.PAUSED:
            return "paused"
        if self.profile.problem_code:
            return "problem"
        if not self.recent and self.last_success is None:
            return "new"
        latest = {run.flow: run for run in reversed(self.recent) if run.result != RunResult.STOPPED}.values()
        if any(run.result == RunResult.FAILED for run in latest):
            return "failing"
        return "errors" if self.waiting or any(run.refused + run.failed + run.deferred for run in latest) else "good"


def profiles_of(tenant: Tenant) -> list[Profile]:
    """Profiles of a tenant by name, with the end of their last good run (``last_success``) and ``is_running``."""
    good = Run.objects.filter(profile=OuterRef("pk"), dry=False, result__in=GOOD).order_by("-pk")
    live = Run.objects.filter(profile=OuterRef("pk"), state=RunState.RUNNING)
    rows = Profile.objects.for_tenant(tenant).defer("match_report").order_by("name", "pk")
    return list(rows.annotate(last_success=Subquery(good.values("ended_at")[:1]), running=Exists(live)))


def health(
    tenant: Tenant, profiles: Sequence[Profile], now: datetime, waiting: Mapping[int, int] | None = None
) -> list[Health]:
    """Health of each profile from its last runs of the last days, with one query.

    ``waiting``: how many items of each profile, by its id, need a hand now.
    """
    ranked = (
        Run.objects.for_tenant(tenant)
        .filter(ended_at__gte=now - timedelta(days=HEALTH_DAYS), dry=False)
        .order_by()
        .annotate(place=Window(RowNumber(), partition_by=F("profile_id"), order_by=F("id").desc()))
        .filter(place__lte=HEALTH_RUNS)
        .only("id", "profile_id", "flow", "result", "ended_at", "read", "refused", "failed", "deferred")
    )
    recent: dict[int, list[Run]] = defaultdict(list)
    for run in ranked:
        recent[run.profile_id].append(run)
    return [_health(profile, recent[profile.pk], (waiting or {}).get(profile.pk, 0)) for profile in profiles]


def _health(profile: Any, runs: list[Run], waiting: int) -> Health:
    return Health(
        profile=profile,
        last_success=profile.last_success,
        recent=sorted(runs, key=lambda run: -run.pk),
        read=sum(run.read for run in runs),
        bad=sum(run.refused + run.failed + run.deferred for run in runs),
        is_running=profile.running,
        waiting=waiting,
    )


def unfinished(profiles: Sequence[Profile]) -> Profile | None:
    """The first profile whose settings nobody has saved yet; None when all have some. One query."""
    saved = OptionsRevision.objects.filter(profile__in=[profile.pk for profile in profiles])
    known = set(saved.order_by().values_list("profile_id", flat=True).distinct())
    return next((profile for profile in profiles if profile.pk not in known), None)
