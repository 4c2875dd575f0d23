"""The form of a scheduled task: only the fields of the chosen recurrence are shown, and only those count."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from profiles.models import Profile, Tenant
from scheduler.models import REPEATS, WINDOWS, Schedule
from scheduler.planning import ALL_MONTHS, ALL_WEEKDAYS, LAST, Every, MonthBy, Recurrence, next_time
from scheduler.wording import WEEKS, length
from sync.flows import registry
from sync.services import available_flows

_EVERY = [
    (Every.DAY.value, gettext_lazy("Chaque jour")),
    (Every.WEEK.value, gettext_lazy("Chaque semaine")),
    (Every.MONTH.value, gettext_lazy("Chaque mois")),
]
_MONTH_BY = [
    (MonthBy.DAYS.value, gettext_lazy("Jours du mois")),
    (MonthBy.WEEKDAYS.value, gettext_lazy("Jours de la semaine")),
]
_WEEKDAYS = [(number + 1, name) for number, name in WEEKDAYS.items()]
_MONTH_DAYS = [*((number, str(number)) for number in range(1, 32)), (LAST, gettext_lazy("dernier"))]


def _several(label: Any, choices: Any) -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=label, choices=choices, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )


def _minutes(label: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(label=label, coerce=int, required=False, empty_value=None)


class ScheduleForm(forms.Form):
    """A new or changed task of one tenant; ``recurrence`` and ``apply`` are for valid forms."""

    profile = forms.ModelChoiceField(
        label=gettext_lazy("Profil"), queryset=Profile.objects.none(), empty_label=gettext_lazy("Choisir…")
    )
    flow = forms.ChoiceField(label=gettext_lazy("Traitement"))
    starts_on = forms.DateField(
        label=gettext_lazy("À partir du"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    starts_time = forms.TimeField(
        label=gettext_lazy("Heure"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    until = forms.DateField(
        label=gettext_lazy("Jusqu’au"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Dernier jour compris. Vide : sans fin."),
    )
    every = forms.ChoiceField(label=gettext_lazy("Déclencheur"), choices=_EVERY, widget=forms.RadioSelect)
    day_interval = forms.IntegerField(
        label=gettext_lazy("Répéter tous les"), min_value=1, max_value=366, required=False, initial=1
    )
    week_interval = forms.IntegerField(
        label=gettext_lazy("Répéter toutes les"), min_value=1, max_value=52, required=False, initial=1
    )
    weekdays = _several(gettext_lazy("Jours de la semaine"), _WEEKDAYS)
    months = _several(gettext_lazy("Mois"), list(MONTHS.items()))
    month_by = forms.ChoiceField(
        label=gettext_lazy("Choisir par"), choices=_MONTH_BY, widget=forms.RadioSelect, required=False
    )
    month_days = _several(gettext_lazy("Jours du mois"), _MONTH_DAYS)
    month_weeks = _several(gettext_lazy("Semaines du mois"), list(WEEKS.items()))
    month_weekdays = _several(gettext_lazy("Jours de la semaine"), _WEEKDAYS)
    repeat = forms.BooleanField(label=gettext_lazy("Répéter dans la journée"), required=False)
    repeat_minutes = _minutes(gettext_lazy("Toutes les"))
    repeat_for = _minutes(gettext_lazy("Pendant"))

    def __init__(self, *args: Any, tenant: Tenant, schedule: Schedule | None = None, **kwargs: Any) -> None:
        self.schedule = schedule
        kwargs["initial"] = {**self._initial(tenant, schedule), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        self.tenant = tenant
        profiles: Any = self.fields["profile"]
        profiles.queryset = Profile.objects.for_tenant(tenant).select_related("tenant").defer("match_report")
        self._choices("flow", [("", _("Choisir…")), *_flow_choices(profiles.queryset, schedule)])
        self._choices("repeat_minutes", [(value, length(timedelta(minutes=value))) for value in REPEATS])
        self._choices("repeat_for", [(value, length(timedelta(minutes=value))) for value in WINDOWS])

    def _choices(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    @staticmethod
    def _initial(tenant: Tenant, schedule: Schedule | None) -> dict[str, Any]:
        if schedule is None:
            soon = timezone.now().astimezone(tenant.zone) + timedelta(minutes=60)
            return {
                "starts_on": soon.date(),
                "starts_time": time(soon.hour, 0),
                "every": Every.DAY.value,
                "weekdays": [1, 2, 3, 4, 5],
                "months": sorted(ALL_MONTHS),
                "month_by": MonthBy.DAYS.value,
                "month_days": [1],
                "month_weeks": [1],
                "month_weekdays": [1],
                "repeat_minutes": 60,
                "repeat_for": 1440,
            }
        weekly = schedule.every == Every.WEEK
        return {
            "profile": schedule.profile_id,
            "flow": schedule.flow,
            "starts_on": schedule.starts_on,
            "starts_time": schedule.starts_time,
            "until": schedule.until,
            "every": schedule.every,
            "day_interval": schedule.interval if schedule.every == Every.DAY else 1,
            "week_interval": schedule.interval if weekly else 1,
            "weekdays": schedule.weekdays if weekly else [1, 2, 3, 4, 5],
            "months": schedule.months or sorted(ALL_MONTHS),
            "month_by": schedule.month_by,
            "month_days": schedule.month_days or [1],
            "month_weeks": schedule.month_weeks or [1],
            "month_weekdays": (schedule.weekdays if not weekly else []) or [1],
            "repeat": schedule.repeat_minutes is not None,
            "repeat_minutes": schedule.repeat_minutes or 60,
            "repeat_for": schedule.repeat_for or 1440,
        }

    # --- Checking ----------------------------------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        """Refuse a flow the profile does not offer, an empty choice of days, and a rule that never triggers."""
        cleaned = super().clean() or {}
        self._require_offered(cleaned)
        self._require_days(cleaned)
        self._require_repetition(cleaned)
        if self.has_rule and next_time(self.recurrence, timezone.now(), self.tenant.zone) is None:
            self.add_error(
                "until" if cleaned.get("until") else None, _("Avec ces réglages, la tâche ne partira jamais.")
            )
        return cleaned

    def _require_offered(self, cleaned: dict[str, Any]) -> None:
        profile, flow = cleaned.get("profile"), cleaned.get("flow")
        if profile is not None and flow and flow not in _offered(profile):
            self.add_error("flow", _("Ce profil ne propose pas ce traitement."))

    def _require_days(self, cleaned: dict[str, Any]) -> None:
        every = cleaned.get("every")
        wanted: tuple[str, ...] = ()
        if every == Every.WEEK:
            wanted = ("weekdays",)
        elif every == Every.MONTH:
            by_day = cleaned.get("month_by") != MonthBy.WEEKDAYS
            wanted = ("months", "month_days") if by_day else ("months", "month_weeks", "month_weekdays")
        for name in wanted:
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, _("Choisissez au moins une valeur."))

    def _require_repetition(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("repeat"):
            return
        step, window = cleaned.get("repeat_minutes"), cleaned.get("repeat_for")
        if step is None or window is None:
            self.add_error("repeat_minutes", _("Choisissez l’intervalle et la durée."))
        elif step >= window:
            self.add_error("repeat_for", _("La durée doit être plus longue que l’intervalle."))

    # --- Result ------------------------------------------------------------------------------------------------

    @property
    def has_rule(self) -> bool:
        """Whether everything about the recurrence is valid, so that its times can be shown before a flow is chosen."""
        return self.errors.keys() <= {"profile", "flow"}

    @property
    def recurrence(self) -> Recurrence:
        """The rule, when the form has one."""
        return self._apply_rule(Schedule()).recurrence

    def apply(self, schedule: Schedule) -> Schedule:
        """Writes a valid form into a task; nothing is saved. Fields of another recurrence are emptied."""
        schedule.profile = self.cleaned_data["profile"]
        schedule.flow = self.cleaned_data["flow"]
        return self._apply_rule(schedule)

    def _apply_rule(self, schedule: Schedule) -> Schedule:
        data = self.cleaned_data
        every = Every(data["every"])
        month_by = MonthBy(data.get("month_by") or MonthBy.DAYS)
        by_weekday = every is Every.MONTH and month_by is MonthBy.WEEKDAYS
        schedule.starts_on, schedule.starts_time = (
            data["starts_on"],
            data["starts_time"].replace(second=0, microsecond=0),
        )
        schedule.until = data.get("until")
        schedule.every = every.value
        interval = {Every.DAY: data.get("day_interval"), Every.WEEK: data.get("week_interval")}.get(every)
        schedule.interval = interval or 1
        schedule.month_by = month_by.value
        weekdays = data["weekdays"] if every is Every.WEEK else data["month_weekdays"] if by_weekday else ALL_WEEKDAYS
        schedule.weekdays = sorted(weekdays)
        schedule.months = sorted(data["months"]) if every is Every.MONTH else []
        schedule.month_days = sorted(data["month_days"]) if every is Every.MONTH and not by_weekday else []
        schedule.month_weeks = sorted(data["month_weeks"]) if by_weekday else []
        repeats = bool(data.get("repeat"))
        schedule.repeat_minutes = data["repeat_minutes"] if repeats else None
        schedule.repeat_for = data["repeat_for"] if repeats else None
        return schedule


def _offered(profile: Profile) -> list[str]:
    try:
        return [flow.key for flow in available_flows(profile)]
    except LookupError:
        return []


def _flow_choices(profiles: Any, schedule: Schedule | None) -> list[tuple[str, str]]:
    """Flows that any profile of the tenant offers, in the order of their cards."""
    pairs = {(profile.erp, profile.shop): profile for profile in profiles}
    offered = {key for profile in pairs.values() for key in _offered(profile)}
    if schedule is not None:
        offered.add(schedule.flow)
    return [(flow.key, _(flow.label)) for flow in registry.all_flows().values() if flow.key in offered]
