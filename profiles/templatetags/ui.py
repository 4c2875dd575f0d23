"""Components of the interface: `{% load ui %}`; every one is shown on the page `/styleguide/`.

Block components take content between their tags and the closing `end…` tag; the others are single tags. Nothing here
writes inline styles or handlers, so pages stay within the content security policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django import forms, template
from django.contrib.staticfiles import finders
from django.core.paginator import Page
from django.forms import BoundField
from django.http import HttpRequest
from django.template.context import Context
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from connectors import registry
from connectors.core.texts import Text as Told
from profiles import texts

register = template.Library()

Text = str | Promise


def _component(name: str, **context: Any) -> SafeString:
    return mark_safe(render_to_string(f"components/{name}.html", context))  # noqa: S308  # autoescaped template


def _trim(content: str) -> SafeString:
    """Content of a block tag (already escaped where needed) without the blank space around it."""
    return mark_safe(content.strip())  # noqa: S308  # `str.strip` forgets that the text is safe


# --- Small things ------------------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, label: Text = "", css: str = "") -> SafeString:
    """`{% icon "gear" %}`: a bootstrap-icons glyph; hidden from screen readers unless it has a `label`."""
    if label:
        return format_html('<i class="bi bi-{} {}" role="img" aria-label="{}"></i>', name, css, label)
    return format_html('<i class="bi bi-{} {}" aria-hidden="true"></i>', name, css)


@dataclass(frozen=True, slots=True)
class StateLook:
    """Colour, icon and French label of a state."""

    kind: str
    icon: str
    label: Text


STATE_LOOKS: Mapping[str, StateLook] = {
    "queued": StateLook("neutral", "hourglass", gettext_lazy("En attente")),
    "running": StateLook("info", "arrow-repeat", gettext_lazy("En cours")),
    "stopping": StateLook("warning", "stop-circle", gettext_lazy("Arrêt demandé")),
    "finished": StateLook("neutral", "check-circle", gettext_lazy("Terminé")),
    "succeeded": StateLook("success", "check-circle-fill", gettext_lazy("Réussie")),
    "success": StateLook("success", "check-circle-fill", gettext_lazy("Réussie")),
    "approval": StateLook("warning", "person-check", gettext_lazy("À valider")),
    "partial": StateLook("warning", "exclamation-circle-fill", gettext_lazy("Partiellement réussie")),
    "failed": StateLook("danger", "x-circle-fill", gettext_lazy("Échouée")),
    "stopped": StateLook("neutral", "stop-circle-fill", gettext_lazy("Arrêtée")),
    "quota": StateLook("warning", "battery", gettext_lazy("Quota épuisé")),
    "paused": StateLook("neutral", "pause-circle", gettext_lazy("En pause")),
    "active": StateLook("success", "check-circle", gettext_lazy("Actif")),
    "created": StateLook("success", "plus-circle", gettext_lazy("Créé")),
    "updated": StateLook("info", "pencil", gettext_lazy("Modifié")),
    "unchanged": StateLook("neutral", "dash-circle", gettext_lazy("Inchangé")),
    "excluded": StateLook("neutral", "funnel", gettext_lazy("Exclu")),
    "refused": StateLook("danger", "slash-circle", gettext_lazy("Refusé")),
    "deferred": StateLook("warning", "clock-history", gettext_lazy("Reporté")),
    "uncertain": StateLook("warning", "question-circle", gettext_lazy("À vérifier")),
}
_UNKNOWN = StateLook("neutral", "circle", "")


@register.simple_tag
def state_badge(state: str, label: Text = "", kind: str = "") -> SafeString:
    """`{% state_badge run.state %}`: badge with icon and text, so that colour is never the only sign.

    Known states are in `STATE_LOOKS`; `label` and `kind` (success, warning, danger, info, neutral) override.
    """
    look = STATE_LOOKS.get(state, _UNKNOWN)
    glyph = f"{look.icon} spin" if state == "running" else look.icon
    return badge(label or look.label or state, kind or look.kind, glyph)


@register.simple_tag
def badge(label: Text, kind: str = "neutral", icon: str = "") -> SafeString:
    """`{% badge "Sage 100" kind="info" icon="database" %}`: a badge with free text.

    Written here and not as a template of its own, because long tables show one in every row.
    """
    image = format_html('<i class="bi bi-{}" aria-hidden="true"></i>', icon) if icon else ""
    return format_html('<span class="badge-state badge-{}">{}<span>{}</span></span>', kind, image, label)


@register.filter
def number(value: Any, decimals: int = 0) -> str:
    """`{{ count|number }}`: a number with the separators of the language; `—` for None."""
    if value is None or value == "":
        return "—"
    return formats.number_format(Decimal(str(value)), decimal_pos=decimals, force_grouping=True)


@register.filter
def numbered(value: Any) -> str:
    """`{{ run.pk|numbered }}`: a number that names something, as the language writes it."""
    return _("n° %(number)s") % {"number": value}


@register.filter
def duration(value: timedelta | float | None) -> str:
    """`{{ run.elapsed|duration }}`: a timedelta or seconds as `850 ms`, `12 s`, `3 min 05 s` or `2 h 04 min`."""
    if value is None:
        return "—"
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


@register.simple_tag
def when(value: datetime | None, empty: Text = "—") -> SafeString:
    """`{% when run.started_at %}`: how long ago, with the exact date and time on hover; `empty` for None."""
    if value is None:
        return format_html('<span class="text-muted">{}</span>', empty)
    exact = formats.date_format(timezone.localtime(value), "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), exact, _relative(value))


def _relative(value: datetime) -> str:
    seconds = int((timezone.now() - value).total_seconds())
    if seconds < 0 or seconds >= 7 * 86400:
        return formats.date_format(timezone.localtime(value), "SHORT_DATETIME_FORMAT")
    if seconds < 60:
        return _("à l’instant")
    if seconds < 3600:
        return _("il y a %(count)d min") % {"count": seconds // 60}
    if seconds < 86400:
        return _("il y a %(count)d h") % {"count": seconds // 3600}
    days = seconds // 86400
    return ngettext("il y a %(count)d jour", "il y a %(count)d jours", days) % {"count": days}


@register.filter
def tr(sentence: Told | str | list[Any], values: Mapping[str, Any] | None = None) -> str:
    """`{{ problem.sentence|tr:problem.values }}`: a sentence known only at run time in the page's language, filled in.

    Takes a text with its values, also as it was stored, as well.
    """
    if isinstance(sentence, list):
        return texts.rendered(Told.loads(sentence))
    return texts.rendered(sentence if isinstance(sentence, Told) else Told(str(sentence), values or {}))


@register.filter
def said(row: texts.Row, name: str) -> str:
    """`{{ entry|said:"text" }}`: a text that a row keeps, in the page's language."""
    return texts.said(row, name)


@register.filter
def get(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    """`{{ mapping|get:key }}`: look-up with a variable key; empty string when absent."""
    return (mapping or {}).get(key, "")


# --- Blocks ------------------------------------------------------------------------------------------------------


@register.simple_block_tag
def page_header(content: str, title: Text, subtitle: Text = "", image: str = "") -> SafeString:
    """`{% page_header title="Profils" subtitle="…" %}buttons{% endpage_header %}`: the page's h1 and its actions."""
    return _component("page_header", title=title, subtitle=subtitle, image=image, actions=_trim(content))


@register.simple_block_tag
def card(
    content: str, title: Text = "", icon: str = "", subtitle: Text = "", css: str = "", id: str = ""
) -> SafeString:
    """`{% card title="…" icon="gear" %}body{% endcard %}`; `css="card-flush"` lets a table touch the edges."""
    return _component("card", content=content, title=title, icon=icon, subtitle=subtitle, css=css, id=id)


@register.simple_block_tag
def empty_state(content: str, title: Text, text: Text = "", icon: str = "inbox") -> SafeString:
    """`{% empty_state title="Aucun profil" text="…" icon="diagram-3" %}button{% endempty_state %}`."""
    return _component("empty_state", title=title, text=text, icon=icon, actions=_trim(content))


@register.simple_block_tag
def notice(content: str, kind: str = "info", title: Text = "") -> SafeString:
    """`{% notice kind="warning" title="…" %}text{% endnotice %}`: kinds info, success, warning, danger."""
    icons = {"info": "info-circle", "success": "check-circle", "warning": "exclamation-triangle", "danger": "x-octagon"}
    return _component("notice", kind=kind, icon=icons.get(kind, "info-circle"), title=title, content=_trim(content))


@register.simple_block_tag
def problem_card(
    content: str,
    sentence: Text,
    advice: Text = "",
    code: str = "",
    detail: str = "",
    count: int | None = None,
    level: int = 3,
) -> SafeString:
    """One cause of failure: what happened, what to do, technical detail folded away; content = victims and buttons.

    ``level``: the heading it is, 2 on a page where no title stands above the card.
    """
    shown = {"sentence": sentence, "advice": advice, "code": code, "detail": detail, "count": count, "level": level}
    return _component("problem_card", content=_trim(content), **shown)


@register.simple_tag
def stat_tile(label: Text, value: Any, icon: str = "", hint: Text = "", kind: str = "", href: str = "") -> SafeString:
    """`{% stat_tile label="Unités" value=n|number icon="coin" hint="…" %}`; `href` makes the whole tile a link."""
    return _component("stat_tile", label=label, value=value, icon=icon, hint=hint, kind=kind, href=href)


@register.simple_tag
def progress(value: float | None, total: float | None = 100, label: Text = "", kind: str = "") -> SafeString:
    """`{% progress done total label="Articles" %}`; without value or total the bar shows work of unknown length."""
    known = value is not None and bool(total)
    share = min(100, int(100 * float(value or 0) / float(total or 1))) if known else None
    return _component("progress", value=value, total=total, label=label, kind=kind, known=known, share=share)


@register.simple_tag
def skeleton(lines: int = 3) -> SafeString:
    """`{% skeleton 4 %}`: grey lines in place of content that is being loaded."""
    return _component("skeleton", lines=range(lines))


@register.simple_tag
def connector_logo(key: str, label: Text = "", size: str = "") -> SafeString:
    """`{% connector_logo profile.erp %}`: tile of a connector, or a neutral one; `size="sm"` or `"lg"`."""
    return _component("connector_logo", path=_logo_path(key), label=label, size=size)


@cache
def _logo_path(key: str) -> str:
    path = f"img/connectors/{key}.svg"
    return path if finders.find(path) else "img/connectors/generic.svg"


@register.filter
def connector_label(key: str) -> str:
    """`{{ profile.erp|connector_label }}`: the name of a connector; its key when it is no longer installed."""
    try:
        return registry.by_key(key).label
    except LookupError:
        return key


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: a link to a page (or, with `target`, a fragment loaded by htmx)."""

    label: Text
    href: str
    active: bool = False
    icon: str = ""
    count: int | None = None
    target: str = ""


@register.simple_tag
def tabs(items: Sequence[Tab], label: Text = "") -> SafeString:
    """`{% tabs tabs_list label="Réglages" %}`: `items` is a list of `profiles.templatetags.ui.Tab`."""
    return _component("tabs", items=items, label=label)


# --- Tables ------------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def sort_header(context: Context, label: Text, key: str, css: str = "") -> SafeString:
    """`{% sort_header "Début" "started" %}`: a `<th>` whose link sorts by `?sort=key`, then `?sort=-key`."""
    request: HttpRequest = context["request"]
    current = request.GET.get("sort", "")
    direction = {key: "ascending", f"-{key}": "descending"}.get(current, "none")
    query = request.GET.copy()
    query["sort"] = f"-{key}" if current == key else key
    query.pop("page", None)
    return _component("sort_header", label=label, direction=direction, query=query.urlencode(), css=css)


@register.simple_tag(takes_context=True)
def pager(context: Context, page: Page[Any], target: str = "") -> SafeString:
    """`{% pager page %}`: numbers and arrows that keep the filters; `target` (CSS selector) loads by htmx."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    query.pop("page", None)
    kept = query.urlencode()
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    prefix = f"?{kept}&page=" if kept else "?page="
    return _component(
        "pager", page=page, numbers=numbers, prefix=prefix, target=target, ellipsis=page.paginator.ELLIPSIS
    )


# --- Forms -------------------------------------------------------------------------------------------------------


def _widget_class(widget: forms.Widget) -> str:
    if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
        return ""
    if isinstance(widget, forms.CheckboxInput):
        return "form-check-input"
    if isinstance(widget, forms.Select):
        return "form-select"
    return "form-control"


@register.simple_tag
def field(
    bound: BoundField, unit: Text = "", label: Text = "", hide_label: bool = False, placeholder: Text | None = None
) -> SafeString:
    """`{% field form.name %}`: label, control, unit, help and errors of one form field, tied together by aria."""
    widget = bound.field.widget
    help_id = f"{bound.auto_id}_help"
    error_id = f"{bound.auto_id}_error"
    described = [*([help_id] if bound.help_text else []), *([error_id] if bound.errors else [])]
    css = " ".join(part for part in (widget.attrs.get("class", ""), _widget_class(widget)) if part)
    attrs: dict[str, str | bool] = {"class": f"{css} is-invalid" if bound.errors else css}
    if placeholder is not None:
        attrs["placeholder"] = str(placeholder)
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if isinstance(widget, forms.CheckboxInput):
        attrs["role"] = "switch"
    return _component(
        "field",
        field=bound,
        control=bound.as_widget(attrs=attrs),
        label=label or bound.label,
        hide_label=hide_label,
        unit=unit,
        help_id=help_id,
        error_id=error_id,
        is_switch=isinstance(widget, forms.CheckboxInput),
        is_group=getattr(widget, "grouped", isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple)),
        is_password=isinstance(widget, forms.PasswordInput),
    )


@register.simple_tag
def form_errors(form: forms.BaseForm) -> SafeString:
    """`{% form_errors form %}`: errors that belong to no field, and a summary linking to the fields that have one."""
    return _component("form_errors", form=form)


@register.simple_tag
def form_fields(form: forms.BaseForm) -> SafeString:
    """`{% form_fields form %}`: the error summary and every field in order."""
    visible = "".join(field(bound) for bound in form.visible_fields())
    hidden = "".join(str(bound) for bound in form.hidden_fields())
    return mark_safe(form_errors(form) + hidden + visible)  # noqa: S308  # parts are rendered by Django


# --- Charts ------------------------------------------------------------------------------------------------------


@register.simple_tag
def chart(id: str, data: Mapping[str, Any], label: Text, type: str = "bar", stacked: bool = False) -> SafeString:
    """`{% chart "exports" data label="Exports par mois" %}`: a Chart.js figure with the same figures as a hidden table.

    `data` is `{"labels": [...], "datasets": [{"label": ..., "data": [...]}]}`; colours come from the theme. The page
    must fill its block `charts`:
    `{% block charts %}{% include "components/chart_scripts.html" %}{% endblock %}`.
    """
    names = [str(dataset["label"]) for dataset in data["datasets"]]
    columns = [dataset["data"] for dataset in data["datasets"]]
    rows = [(name, [column[index] for column in columns]) for index, name in enumerate(data["labels"])]
    empty = not any(any(column) for column in columns)
    return _component(
        "chart",
        id=id,
        source=f"{id}-data",
        data=data,
        label=label,
        type=type,
        stacked=stacked,
        names=names,
        rows=rows,
        empty=empty,
    )


# --- Frame -------------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def profile_target(context: Context, profile_id: int) -> str:
    """Address of the present page for another profile, when the page depends on a profile alone; else ``/``."""
    match = context["request"].resolver_match
    if match is None or set(match.kwargs) != {"profile_id"}:
        return "/" if match is None or match.kwargs else str(context["request"].path)
    try:
        return reverse(match.view_name, kwargs={"profile_id": profile_id})
    except NoReverseMatch:
        return "/"
