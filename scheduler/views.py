"""Pages of scheduled tasks: the list, the form with its preview, pause, resume, delete, run now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from profiles.access import current_tenant, current_user, get_for_tenant, require_member, require_role
from profiles.context import profile_remember
from profiles.models import Profile, Role
from scheduler import services
from scheduler.forecast import Forecast, forecast
from scheduler.forms import ScheduleForm
from scheduler.models import FlowWatch, Schedule
from scheduler.planning import next_times
from scheduler.wording import describe
from sync.models import Run, RunState
from sync.services import RunRefused
from sync.views.common import back, is_fragment, profile_of, refuse, rights, safe_address

TIMES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    schedule: Schedule
    words: str
    live: Run | None
    late_since: datetime | None

    @property
    def state(self) -> str:
        """``running``, ``queued``, ``paused``, ``profile_paused``, ``ended`` or ``active``."""
        if self.live is not None:
            return str(self.live.state)
        if not self.schedule.enabled:
            return "paused"
        if self.schedule.profile.state != "active":
            return "profile_paused"
        return "active" if self.schedule.next_at else "ended"


@require_member
@require_GET
def schedule_list(request: HttpRequest) -> HttpResponse:
    """Tasks of the tenant with last run, next run and whether they run; the rows reload by themselves."""
    return _list(request, None)


@require_member
@require_GET
def schedule_list_profile(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Tasks of one profile."""
    return _list(request, profile_of(request, profile_id))


def _list(request: HttpRequest, profile: Profile | None) -> HttpResponse:
    tenant = current_tenant(request)
    rows = Schedule.objects.for_tenant(tenant).select_related("profile__tenant", "last_run")
    if profile is not None:
        rows = rows.filter(profile=profile)
    context = {
        **rights(request),
        "rows": _rows(list(rows.defer("profile__match_report", "last_run__cursor"))),
        "profile": profile,
        "has_profiles": profile is not None or Profile.objects.for_tenant(tenant).exists(),
        "zone": tenant.time_zone,
    }
    return render(request, "scheduler/_rows.html" if is_fragment(request) else "scheduler/list.html", context)


def _rows(schedules: list[Schedule]) -> list[Row]:
    profile_ids = {schedule.profile_id for schedule in schedules}
    live = {(run.profile_id, run.flow): run for run in _live(profile_ids)}
    late = {
        (watch.profile_id, watch.flow): watch.late_since
        for watch in FlowWatch.objects.filter(profile_id__in=profile_ids, late_since__isnull=False)
    }
    found = []
    for schedule in schedules:
        key = (schedule.profile_id, schedule.flow)
        found.append(Row(schedule, describe(schedule.recurrence), live.get(key), late.get(key)))
    return found


def _live(profile_ids: Iterable[int]) -> Iterable[Run]:
    rows = Run.objects.filter(profile_id__in=profile_ids, dry=False).exclude(state=RunState.FINISHED)
    # The running one wins over one that waits behind it.
    return rows.only("profile_id", "flow", "state").order_by("state", "-pk")


@require_role(Role.MANAGER)
@require_http_methods(["GET", "POST"])
def schedule_new(request: HttpRequest) -> HttpResponse:
    """A new task; ``?profil=`` and ``?traitement=`` choose for the form."""
    return _edit(request, None)


@require_role(Role.MANAGER)
@require_http_methods(["GET", "POST"])
def schedule_edit(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Changes a task; the triggers are planned anew from now on."""
    return _edit(request, _schedule(request, schedule_id))


def _edit(request: HttpRequest, schedule: Schedule | None) -> HttpResponse:
    form = _form(request, schedule)
    if request.method == "POST" and form.is_valid():
        saved = form.apply(schedule or Schedule(created_by=current_user(request)))
        services.schedule_save(saved)
        profile_remember(request, saved.profile_id)
        messages.success(request, _("La tâche est planifiée."))
        return back(request, "scheduler:list")
    context = {
        "form": form,
        "schedule": schedule,
        "zone": current_tenant(request).time_zone,
        "back": _way_back(request),
    }
    status = 422 if form.errors else 200
    return render(request, "scheduler/form.html", {**context, **_preview(form)}, status=status)


def _way_back(request: HttpRequest) -> str:
    """The list that the form was opened from."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return safe_address(request, wanted) or reverse("scheduler:list")


def _form(request: HttpRequest, schedule: Schedule | None) -> ScheduleForm:
    wanted = {"profile": request.GET.get("profil"), "flow": request.GET.get("traitement")}
    if wanted["profile"] is None and schedule is None:
        first = Profile.objects.for_tenant(current_tenant(request)).order_by("-is_default", "name", "pk").first()
        wanted["profile"] = str(first.pk) if first else None
    return ScheduleForm(
        request.POST if request.method == "POST" else None,
        tenant=current_tenant(request),
        schedule=schedule,
        initial={name: value for name, value in wanted.items() if value},
    )


def _schedule(request: HttpRequest, schedule_id: int) -> Schedule:
    rows = Schedule.objects.select_related("profile__tenant").defer("profile__match_report")
    return get_for_tenant(request, rows, pk=schedule_id)


@require_role(Role.MANAGER)
@require_POST
def schedule_preview(request: HttpRequest) -> HttpResponse:
    """The next executions and the cost of what is typed now, saved or not; ``tache`` is the task being changed."""
    typed = request.POST.get("tache", "")
    schedule = _schedule(request, int(typed)) if typed.isdigit() else None
    return render(request, "scheduler/_preview.html", _preview(_form(request, schedule)))


def _preview(form: ScheduleForm) -> dict[str, object]:
    if not form.is_bound or not form.has_rule:
        return {"times": [], "typed": form.is_bound}
    rule, now, zone = form.recurrence, timezone.now(), form.tenant.zone
    return {
        "typed": True,
        "words": describe(rule),
        "times": next_times(rule, now, zone, TIMES_SHOWN),
        "forecast": _forecast(form, now) if form.is_valid() else None,
    }


def _forecast(form: ScheduleForm, now: datetime) -> Forecast:
    data = form.cleaned_data
    but = form.schedule.pk if form.schedule else None
    return forecast(data["profile"], data["flow"], form.recurrence, now, but=but)


@require_role(Role.MANAGER)
@require_POST
def schedule_pause(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Pauses a task."""
    services.schedule_pause(_schedule(request, schedule_id))
    messages.info(request, _("La tâche est en pause."))
    return back(request, "scheduler:list")


@require_role(Role.MANAGER)
@require_POST
def schedule_resume(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Takes a paused task up again."""
    services.schedule_resume(_schedule(request, schedule_id))
    messages.success(request, _("La tâche reprend."))
    return back(request, "scheduler:list")


@require_role(Role.MANAGER)
@require_POST
def schedule_delete(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Deletes a task; runs and journals stay."""
    services.schedule_delete(_schedule(request, schedule_id))
    messages.success(request, _("La tâche est supprimée."))
    return back(request, "scheduler:list")


@require_role(Role.OPERATOR)
@require_POST
def schedule_run(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Starts the flow of a task now and shows its run; a live one is joined."""
    schedule = _schedule(request, schedule_id)
    try:
        asked = services.schedule_run(schedule, by=current_user(request))
    except RunRefused as error:
        refuse(request, error.said)
        return back(request, "scheduler:list")
    except LookupError:
        refuse(request, _("Ce traitement ou un connecteur du profil n’est plus installé."))
        return back(request, "scheduler:list")
    if not asked.created:
        messages.info(request, _("Ce traitement est déjà en cours : le voici."))
    return redirect("sync:run", run_id=asked.run.pk)
