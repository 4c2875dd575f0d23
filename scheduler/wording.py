"""A recurrence in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.utils import formats
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from scheduler.planning import ALL_MONTHS, ALL_WEEKDAYS, LAST, Every, MonthBy, Recurrence

HOUR = timedelta(hours=1)

WEEKS = {
    1: gettext_lazy("premier"),
    2: gettext_lazy("deuxième"),
    3: gettext_lazy("troisième"),
    4: gettext_lazy("quatrième"),
    LAST: gettext_lazy("dernier"),
}


def weekday_name(number: int) -> str:
    """Name of an ISO weekday, in lower case where the language writes it so."""
    return str(WEEKDAYS[number - 1])


def describe(rule: Recurrence) -> str:
    """One sentence that says when a rule triggers, in the language of the page."""
    days = {Every.DAY: _days, Every.WEEK: _weeks, Every.MONTH: _months}[rule.every](rule)
    time = formats.time_format(rule.start.time(), "H:i")
    text = _("%(days)s à %(time)s") % {"days": days, "time": time}
    if rule.repeat is not None and rule.repeat_for is not None:
        values = {"text": text, "step": length(rule.repeat), "window": length(rule.repeat_for)}
        hourly = _("%(text)s, puis toutes les heures pendant %(window)s")
        text = (hourly if rule.repeat == HOUR else _("%(text)s, puis toutes les %(step)s pendant %(window)s")) % values
    return text[:1].upper() + text[1:]


def length(value: timedelta) -> str:
    """A round length of time: «5 min», «12 h», «1 jour»."""
    minutes = int(value.total_seconds()) // 60
    if minutes % 1440 == 0:
        return ngettext("%(count)s jour", "%(count)s jours", minutes // 1440) % {"count": minutes // 1440}
    if minutes % 60 == 0:
        return _("%(count)s h") % {"count": minutes // 60}
    return _("%(count)s min") % {"count": minutes}


def _days(rule: Recurrence) -> str:
    if rule.interval == 1:
        return _("chaque jour")
    return _("tous les %(count)s jours") % {"count": rule.interval}


def _weeks(rule: Recurrence) -> str:
    if rule.interval == 1 and rule.weekdays == ALL_WEEKDAYS:
        return _("chaque jour")
    names = _listed(weekday_name(number) for number in sorted(rule.weekdays))
    if rule.interval == 1:
        return _("chaque semaine le %(weekdays)s") % {"weekdays": names}
    return _("toutes les %(count)s semaines le %(weekdays)s") % {"count": rule.interval, "weekdays": names}


def _months(rule: Recurrence) -> str:
    if rule.months == ALL_MONTHS:
        months = _("de chaque mois")
    else:
        months = _("de %(months)s") % {"months": _listed(str(MONTHS[number]) for number in sorted(rule.months))}
    if rule.month_by is MonthBy.DAYS:
        numbers = [str(number) for number in sorted(rule.month_days - {LAST})]
        last = [_("dernier jour")] if LAST in rule.month_days else []
        return _("le %(days)s %(months)s") % {"days": _listed([*numbers, *last]), "months": months}
    weeks = _listed(str(WEEKS[week]) for week in sorted(rule.month_weeks, key=lambda week: (week == LAST, week)))
    names = _listed(weekday_name(number) for number in sorted(rule.weekdays))
    return _("le %(weeks)s %(weekdays)s %(months)s") % {"weeks": weeks, "weekdays": names, "months": months}


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    if len(found) < 2:
        return "".join(found)
    return _("%(first)s et %(last)s") % {"first": ", ".join(found[:-1]), "last": found[-1]}
