"""Dashboard of a tenant, and the block of running runs that refreshes itself."""

from __future__ import annotations

from collections import Counter
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing import ledger
from billing.models import Kind
from connectors.canonical.keys import Direction
from profiles.access import current_tenant, require_member
from profiles.models import Profile
from sync.presentation import dashboard as figures
from sync.presentation.paging import key_of
from sync.presentation.problems import open_problems
from sync.presentation.runs import live_runs
from sync.views.common import rights

PROBLEMS_SHOWN = 8
LOW_PERCENT = 20


@require_member
@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    """Units, charts, health, problems and running runs of the current tenant; the number of queries is constant."""
    tenant = current_tenant(request)
    profiles = figures.profiles_of(tenant)
    if not profiles:
        return render(request, "sync/dashboard_empty.html", rights(request))
    now = timezone.now()
    done = figures.activity(tenant, timezone.localdate())
    month = _chosen_month(request, done.months)
    problems = open_problems(profiles)
    waiting: Counter[int] = Counter()
    for problem in problems:
        waiting[problem.profile.pk] += problem.count
    live = live_runs(tenant)
    health = figures.health(tenant, profiles, now, waiting)
    context = {
        **rights(request),
        "counters": _counters(tenant.pk, done, done.months[-1]),
        **_health(health),
        "problems": problems[:PROBLEMS_SHOWN],
        "problem_count": len(problems),
        "hidden_problems": max(0, len(problems) - PROBLEMS_SHOWN),
        "victim_count": sum(problem.count for problem in problems),
        "flagged": [profile for profile in profiles if profile.problem_code],
        "live": live,
        "live_ids": ",".join(str(run.pk) for run in live),
        "month": month,
        "months": done.months[::-1],
        "per_month": done.per_month(),
        "charts": _charts(done, month, profiles),
    }
    if not live and all(one.state == "new" for one in health):
        context |= {"untouched": True, "unfinished": figures.unfinished(profiles)}
    return render(request, "sync/dashboard.html", context)


def _health(found: list[figures.Health]) -> dict[str, object]:
    healthy = sum(one.state == "good" for one in found)
    worst = any(one.state in ("problem", "failing") for one in found)
    return {"health": found, "healthy": healthy, "health_kind": "danger" if worst else "success" if healthy else ""}


def _chosen_month(request: HttpRequest, months: list[date]) -> date:
    wanted = request.GET.get("mois", "")
    return next((month for month in months if month.isoformat()[:7] == wanted), months[-1])


def _counters(tenant_id: int, done: figures.Activity, month: date) -> list[dict[str, object]]:
    balances = ledger.balances(tenant_id=tenant_id)
    found: list[dict[str, object]] = []
    for kind, direction in ((Kind.EXPORT, Direction.EXPORT), (Kind.IMPORT, Direction.IMPORT)):
        balance = balances[kind]
        left = max(0, balance.available)
        look = "danger" if not left else "warning" if left * 100 <= LOW_PERCENT * balance.bought else ""
        found.append(
            {
                "kind": kind.value,
                "left": left,
                "spent": done.units(month, direction),
                "look": look if balance.bought else "",
                "bought": balance.bought,
            }
        )
    return found


def _charts(done: figures.Activity, month: date, profiles: list[Profile]) -> list[dict[str, object]]:
    directions = [direction for direction in Direction if direction is Direction.EXPORT or done.has(direction)]
    return [
        {
            "direction": direction.value,
            "by_flow": done.by_flow(month, direction),
            "by_profile": done.by_profile(month, direction, profiles),
        }
        for direction in directions
    ]


@require_member
@require_GET
def running(request: HttpRequest) -> HttpResponse:
    """The block of live runs, asked for every few seconds by pages that show it.

    ``vus`` lists the runs that the page knows as live: when one has ended since, the answer tells the page so.
    """
    tenant = current_tenant(request)
    live = live_runs(tenant, key_of(request.GET.get("profil")))
    shown = {str(run.pk) for run in live}
    known = {part for part in request.GET.get("vus", "").split(",") if part}
    context = {
        **rights(request),
        "live": live,
        "live_ids": ",".join(sorted(shown)),
        "profile_id": key_of(request.GET.get("profil")),
    }
    response = render(request, "sync/_running.html", context)
    if known - shown or shown - known:
        response.headers["HX-Trigger-After-Swap"] = "runs-changed"
    return response
