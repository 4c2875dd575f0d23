"""Parts that only the pages of synchronisation use: `{% load sync_ui %}`, on top of the components of `ui`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.context import Context
from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime
from django.utils.formats import get_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from connectors.canonical.keys import Aspect, Entity
from connectors.core.texts import Text as Told
from profiles.models import Profile
from profiles.templatetags.ui import Tab, Text, badge, duration, number, state_badge
from profiles.texts import rendered
from profiles.views import profile_pages
from sync.engine.journal import FRENCH, SAID
from sync.flows import registry
from sync.models import JournalEntry, Run, RunResult, RunState, Trigger
from sync.presentation import journal, places, runs
from sync.presentation.dashboard import Health

register = template.Library()

_RESULT_LOOKS = {RunResult.SUCCESS: "succeeded"}
_ORIGINS = {
    Trigger.MANUAL: ("hand-index", "neutral"),
    Trigger.SCHEDULE: ("calendar2-week", "neutral"),
    Trigger.CALLBACK: ("lightning-charge", "neutral"),
    Trigger.COMMAND: ("terminal", "neutral"),
}
_LEVEL_ICONS = {
    "info": "info-circle",
    "success": "check-circle-fill",
    "warning": "exclamation-triangle-fill",
    "error": "x-octagon-fill",
}
_ENTITIES: dict[str, Text] = {
    Entity.CATEGORY: gettext_lazy("Catégorie"),
    Entity.PRODUCT: gettext_lazy("Article"),
    Entity.VARIANT: gettext_lazy("Déclinaison"),
    Entity.CUSTOMER: gettext_lazy("Client"),
    Entity.ORDER: gettext_lazy("Commande"),
    Entity.MEDIA: gettext_lazy("Image"),
    Entity.PICTURE: gettext_lazy("Image"),
}
_ASPECTS: dict[str, Text] = {
    Aspect.DATA: gettext_lazy("Fiche"),
    Aspect.STOCK: gettext_lazy("Stock"),
    Aspect.PRICE: gettext_lazy("Prix"),
    Aspect.STATE: gettext_lazy("Publication"),
    Aspect.PICTURES: gettext_lazy("Images"),
}
_NUMBER = re.compile(r"(?<![\w.])(\d+)\.(\d+)(?![\w.])")
_AMOUNT = re.compile(r"(?<= · )-?\d+\.\d{2}(?= [A-Z]{3}$)")
"""How labels of orders end."""


# --- Runs --------------------------------------------------------------------------------------------------------


@register.simple_tag
def run_badge(run: Run) -> SafeString:
    """`{% run_badge run %}`: how a run stands or ended."""
    if run.state == RunState.RUNNING and run.stop_requested_at:
        return state_badge("stopping")
    if run.is_live:
        return state_badge(run.state)
    if run.result == RunResult.APPROVAL:
        return badge(_("À valider"), kind="warning", icon="patch-question")
    return state_badge(_RESULT_LOOKS.get(RunResult(run.result), run.result) if run.result else "stopped")


@register.simple_tag
def run_origin(run: Run) -> SafeString:
    """`{% run_origin run %}`: manual, scheduled, by an event of the shop or by the command line."""
    icon, kind = _ORIGINS.get(Trigger(run.trigger), ("circle", "neutral"))
    return badge(Trigger(run.trigger).label, kind=kind, icon=icon)


@register.filter
def flow_label(key: str) -> str:
    """`{{ run.flow|flow_label }}`: title of a flow; its key when it is no longer installed."""
    flow = registry.all_flows().get(key)
    return _(flow.label) if flow else key


@register.filter
def flow_icon(key: str) -> str:
    """`{% icon run.flow|flow_icon %}`: glyph of a flow."""
    flow = registry.all_flows().get(key)
    return flow.icon if flow else "arrow-repeat"


@register.filter
def flow_is_plain(key: str) -> bool:
    """`{% if run.flow|flow_is_plain %}`: whether the flow reads items (the matching does not)."""
    flow = registry.all_flows().get(key)
    return flow is not None and not flow.applies_match


@register.filter
def flow_is_incremental(key: str) -> bool:
    """`{% if run.flow|flow_is_incremental %}`: whether the flow reads only what changed, unless told otherwise."""
    flow = registry.all_flows().get(key)
    return flow is not None and flow.incremental


@register.filter
def run_time(run: Run) -> str:
    """`{{ run|run_time }}`: how long a run lasted, or lasts until now."""
    return duration(runs.duration(run))


@register.filter
def run_left(run: Run) -> str:
    """`{{ run|run_left }}`: time left at the pace so far, or an empty text."""
    left = runs.estimated_end(run)
    if left is None:
        return ""
    if left < timedelta(seconds=5):
        return _("presque terminé")
    return _("encore %(time)s environ") % {"time": duration(_rounded(left))}


def _rounded(left: timedelta) -> timedelta:
    """To five seconds below a minute, to ten above: a figure that jumps each second is only noise."""
    step = 5 if left < timedelta(minutes=1) else 10 if left < timedelta(minutes=10) else 60
    return timedelta(seconds=max(step, round(left.total_seconds() / step) * step))


@register.filter
def run_spoken(run: Run) -> str:
    """`{{ run|run_spoken }}`: progress in words for a screen reader, by steps of ten percent."""
    if run.percent is None:
        return _("%(flow)s : en cours") % {"flow": flow_label(run.flow)}
    return _("%(flow)s : %(percent)s %%") % {"flow": flow_label(run.flow), "percent": run.percent // 10 * 10}


# --- Items and lines ---------------------------------------------------------------------------------------------


@register.filter
def entity_label(value: str) -> str:
    """`{{ entry.entity|entity_label }}`: name of a kind of object."""
    return str(_ENTITIES.get(value, value))


@register.filter
def aspect_label(value: str) -> str:
    """`{{ state.aspect|aspect_label }}`: name of an aspect."""
    return str(_ASPECTS.get(value, value))


@register.filter
def level_icon(level: str) -> str:
    """`{% icon line.level|level_icon %}`: glyph of the weight of a line."""
    return _LEVEL_ICONS.get(level, "circle")


@register.filter
def body(value: Any) -> str:
    """`{{ entry.detail.sent|body }}`: a recorded body to read."""
    return journal.body_text(value)


@register.filter
def technical(value: Any) -> str:
    """`{{ entry.detail.technical|technical }}`: technical detail without any trace of a program."""
    return journal.technical_text(value)


@register.filter
def plain(value: Any) -> str:
    """`{{ change.new|plain }}`: a value of a field in a few words."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return _("oui") if value else _("non")
    if isinstance(value, dict) and value.keys() == {FRENCH, SAID}:
        return rendered(Told.loads(value[SAID]))
    if isinstance(value, list) and value:
        return ", ".join(_short(one) for one in value)
    if value in ([], {}):
        return "—"
    text = journal.body_text(value)
    return text if len(text) <= 600 else f"{text[:600]}…"


def _short(value: Any) -> str:
    """One entry of a list in a word: what shops call it by."""
    if not isinstance(value, dict):
        return str(value)
    if "key" in value and "value" in value:
        return f"{value['key']} = {value['value']}"
    name = value.get("name") or value.get("id")
    if name is None:
        return ", ".join(f"{key} : {one}" for key, one in value.items())
    chosen = value.get("options") or value.get("option")
    return f"{name} : {plain(chosen)}" if chosen else str(name)


@register.simple_tag
def item_address(profile_id: int, entity: str, key: str) -> str:
    """`{% item_address profile.pk entry.entity entry.item_key %}`: page of one item; empty without one."""
    if not entity or not key:
        return ""
    try:
        return reverse("sync:item", kwargs={"profile_id": profile_id, "entity": entity, "key": key})
    except NoReverseMatch:
        return ""


@register.filter
def amount(value: Decimal | None) -> str:
    """`{{ line.net|amount }}`: an amount with two decimals, or with all it has when those do not hold it."""
    if value is None:
        return "—"
    short = value.quantize(Decimal("0.01"))
    return number(value, 2 if short == value else max(2, -int(value.normalize().as_tuple().exponent)))


@register.filter
def decimals(text: str) -> str:
    """`{{ line.formula|decimals }}`: the numbers of a reckoning with the decimal mark of the page's language."""
    return _NUMBER.sub(rf"\1{get_format('DECIMAL_SEPARATOR')}\2", text)


@register.filter
def moment(stored: str) -> datetime | None:
    """`{{ row.date|moment|date:"SHORT_DATE_FORMAT" }}`: a stored date and time, to show in the reader's zone."""
    return parse_datetime(stored)


@register.filter
def priced(label: str) -> str:
    """`{{ entry.label|priced }}`: a stored label; the amount at its end, if any, as the page's language writes it."""
    return _AMOUNT.sub(lambda found: amount(Decimal(found[0])), label)


@register.filter
def first_changes(entry: JournalEntry) -> list[journal.Change]:
    """`{% for change in entry|first_changes %}`: the planned changes of a line of a preview."""
    return journal.changes(entry, None)


@register.filter
def any_known(found: list[journal.Change]) -> bool:
    """`{% if changes|any_known %}`: whether an old value is known, so that there is a before and an after."""
    return any(change.known and change.old is not None for change in found)


@register.simple_tag
def problem_links(code: str, profile_id: int) -> list[places.Link]:
    """`{% problem_links code profile.pk as links %}`: where in the settings a cause is mended."""
    return places.links_for(code, profile_id) if code else []


@register.filter
def coming_from(address: str, run_id: int) -> str:
    """`{{ link.address|coming_from:run.pk }}`: a place of the settings that offers the way back to the run."""
    place, mark, anchor = address.partition("#")
    return f"{place}{'&' if '?' in place else '?'}execution={run_id}{mark}{anchor}"


# --- Counts ------------------------------------------------------------------------------------------------------

_COUNT_KINDS = {
    "created": "success",
    "updated": "info",
    "unchanged": "neutral",
    "excluded": "neutral",
    "refused": "danger",
    "deferred": "warning",
    "failed": "danger",
}
_PLAN_WORDS = {"created": gettext_lazy("à créer"), "updated": gettext_lazy("à mettre à jour")}


def _count_word(outcome: str, value: int) -> str:
    """What follows the number of items of an outcome, in the number it asks for."""
    words = {
        "created": ngettext("créé", "créés", value),
        "updated": _("mis à jour"),
        "unchanged": ngettext("inchangé", "inchangés", value),
        "excluded": ngettext("ignoré", "ignorés", value),
        "refused": ngettext("refusé", "refusés", value),
        "deferred": _("en attente"),
        "failed": _("en échec"),
    }
    return words[outcome]


@register.simple_tag
def run_counts(run: Run, *, zeros: bool = False) -> list[dict[str, Any]]:
    """`{% run_counts run as counts %}`: outcome, number, words and colour of each counter, without the empty ones."""
    found = []
    for name, kind in _COUNT_KINDS.items():
        value = getattr(run, name)
        label: Text = (_PLAN_WORDS.get(name) if run.dry else None) or _count_word(name, value)
        if value or zeros:
            found.append({"outcome": name, "value": value, "label": label, "kind": kind})
    return found


# --- Profile -----------------------------------------------------------------------------------------------------


@register.simple_tag
def profile_tabs(profile: Profile, current: str) -> list[Tab]:
    """`{% profile_tabs profile "sync" as items %}{% tabs items %}`: pages of one profile, its matching among them."""
    found = profile_pages.profile_tabs(profile, current)
    if current == "match" or profile.match_report:
        address = reverse("sync:match", kwargs={"profile_id": profile.pk})
        found.insert(2, Tab(_("Rapprochement"), address, active=current == "match", icon="link-45deg"))
    return found


@register.simple_tag
def new_profile_address() -> str:
    """`{% new_profile_address as address %}`: first page of the profile wizard; empty when it is not installed."""
    for name in ("profiles:wizard", "profiles:wizard_start", "profiles:profile_new"):
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""


_HEALTH_LOOKS: dict[str, tuple[Text, str, str]] = {
    "paused": (gettext_lazy("En pause"), "neutral", "pause-circle"),
    "problem": (gettext_lazy("À réparer"), "danger", "x-octagon-fill"),
    "failing": (gettext_lazy("En échec"), "danger", "x-circle-fill"),
    "errors": (gettext_lazy("Avec erreurs"), "warning", "exclamation-triangle-fill"),
    "new": (gettext_lazy("Jamais lancé"), "neutral", "clock"),
    "good": (gettext_lazy("En bonne santé"), "success", "heart-pulse-fill"),
}


@register.simple_tag
def health_badge(health: Health) -> SafeString:
    """`{% health_badge one %}`: health of a profile."""
    label, kind, glyph = _HEALTH_LOOKS[health.state]
    return badge(label, kind=kind, icon=glyph)


# --- Pictures of a run -------------------------------------------------------------------------------------------


@register.simple_tag
def outcome_bar(run: Run) -> SafeString:
    """`{% outcome_bar run %}`: one bar cut by outcome, as SVG because the security policy forbids inline widths."""
    total = sum(getattr(run, name) for name in _COUNT_KINDS) or 1
    pieces, left = [], 0.0
    for name in _COUNT_KINDS:
        value = getattr(run, name)
        if not value:
            continue
        width = max(0.4, 100 * value / total)
        pieces.append((name, left, width, f"{number(value)} {_count_word(name, value)}"))
        left += width
    rects = format_html_join(
        "",
        '<rect class="part-{}" x="{}" width="{}" height="10"><title>{}</title></rect>',
        ((name, f"{start:.3f}", f"{width:.3f}", title) for name, start, width, title in pieces),
    )
    return format_html(
        '<svg class="outcome-bar" viewBox="0 0 {} 10" preserveAspectRatio="none" aria-hidden="true">{}</svg>',
        f"{left:.3f}",
        rects,
    )


_CHIPS = (
    ("created", gettext_lazy("Créés")),
    ("updated", gettext_lazy("Mis à jour")),
    ("refused", gettext_lazy("Refusés")),
    ("deferred", gettext_lazy("En attente")),
    ("failed", gettext_lazy("En échec")),
)
_PLAN_CHIPS: dict[str, Text] = {"created": gettext_lazy("À créer"), "updated": gettext_lazy("À mettre à jour")}


@register.simple_tag
def item_chips(run: Run) -> list[dict[str, Any]]:
    """`{% item_chips run as chips %}`: outcomes that the items of a run can be filtered by."""
    found = [
        {"outcome": name, "label": _PLAN_CHIPS.get(name, label) if run.dry else label, "value": getattr(run, name)}
        for name, label in _CHIPS
        if getattr(run, name)
    ]
    if run.dry and run.unchanged:
        found.append({"outcome": "unchanged", "label": _("Laissés tels quels"), "value": None})
    found.append({"outcome": journal.WARNED, "label": _("Avec avertissement"), "value": None})
    return found


_PLAN_LOOKS: dict[str, tuple[Text, str, str]] = {
    "created": (gettext_lazy("Serait créé"), "success", "plus-circle"),
    "updated": (gettext_lazy("Serait modifié"), "info", "pencil"),
    "unchanged": (gettext_lazy("Laissé tel quel"), "neutral", "dash-circle"),
    "refused": (gettext_lazy("Serait refusé"), "danger", "slash-circle"),
}


@register.simple_tag
def plan_badge(entry: JournalEntry) -> SafeString:
    """`{% plan_badge entry %}`: what a preview would do with an item."""
    if entry.outcome not in _PLAN_LOOKS:
        return state_badge(entry.outcome)
    label, kind, glyph = _PLAN_LOOKS[entry.outcome]
    return badge(label, kind=kind, icon=glyph)


@register.filter
def milliseconds(value: int) -> str:
    """`{{ entry.milliseconds|milliseconds }}`: a duration of one item."""
    return duration(value / 1000)


_FIELDS: dict[str, Text] = {
    "active": gettext_lazy("En vente"),
    "attributes": gettext_lazy("Attributs"),
    "axes": gettext_lazy("Axes de variantes"),
    "barcode": gettext_lazy("Code-barres"),
    "backorders": gettext_lazy("Commandes en rupture"),
    "brand": gettext_lazy("Marque"),
    "categories": gettext_lazy("Catégories"),
    "depth": gettext_lazy("Profondeur"),
    "description": gettext_lazy("Description"),
    "dimensions": gettext_lazy("Dimensions"),
    "features": gettext_lazy("Caractéristiques"),
    "height": gettext_lazy("Hauteur"),
    "manage_stock": gettext_lazy("Stock géré"),
    "meta_data": gettext_lazy("Champs personnalisés"),
    "name": gettext_lazy("Nom"),
    "parent": gettext_lazy("Catégorie parente"),
    "price": gettext_lazy("Prix"),
    "quantity": gettext_lazy("Quantité"),
    "reference": gettext_lazy("Référence"),
    "regular_price": gettext_lazy("Prix"),
    "sale_price": gettext_lazy("Prix promotionnel"),
    "short_description": gettext_lazy("Description courte"),
    "sku": gettext_lazy("Référence"),
    "slug": gettext_lazy("Adresse de la page"),
    "status": gettext_lazy("Publication"),
    "stock": gettext_lazy("Stock"),
    "stock_quantity": gettext_lazy("Quantité"),
    "stock_status": gettext_lazy("Disponibilité"),
    "summary": gettext_lazy("Description courte"),
    "tags": gettext_lazy("Étiquettes"),
    "tax": gettext_lazy("Taxe"),
    "tax_class": gettext_lazy("Classe de taxe"),
    "tax_status": gettext_lazy("Taxation"),
    "tiers": gettext_lazy("Prix par quantité"),
    "type": gettext_lazy("Genre"),
    "variants": gettext_lazy("Variantes"),
    "weight": gettext_lazy("Poids"),
    "width": gettext_lazy("Largeur"),
}


@register.filter
def field_label(name: str) -> str:
    """`{{ change.field|field_label }}`: name of a field in words; the field's own name when it has none."""
    return str(_FIELDS.get(name) or _(name))


@register.simple_tag(takes_context=True)
def here(context: Context) -> str:
    """`{% here %}`: address of the page the person looks at, also inside a fragment that htmx asked for."""
    request: HttpRequest = context["request"]
    htmx = getattr(request, "htmx", None)
    path: str | None = htmx.current_url_abs_path if htmx else None
    return path or request.get_full_path()
