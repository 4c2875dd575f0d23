"""Settings of a profile: one page per section, connection tests, reference lists, history."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connectors.canonical.keys import Side
from connectors.core.options import OptionsSection
from connectors.core.problems import ConnectorError
from connectors.core.spec import ConnectorSpec
from profiles import catalogs, options_store, services
from profiles.access import current_user, get_for_tenant, require_role
from profiles.context import profile_remember
from profiles.forms.builder import OptionsForm
from profiles.history import changes_between
from profiles.models import OptionsRevision, Profile, Role
from profiles.options_store import OptionsRefused
from profiles.texts import problem_told
from profiles.views.account import next_address
from profiles.views.profile_pages import configurable_profile, profile_tabs, section_links
from profiles.views.wizard import settings_address, wizard_context

SIDES = {side.value for side in Side}


def _section(profile: Profile, name: str) -> type[OptionsSection]:
    sections = options_store.sections_of(profile)
    if name not in sections:
        raise Http404
    return sections[name]


def _form(profile: Profile, name: str, data: Any = None) -> OptionsForm:
    return OptionsForm(
        _section(profile, name),
        name=name,
        values=options_store.effective(profile, name),
        held=[option for part, option in options_store.secrets_set(profile) if part == name],
        lists=catalogs.all_choices(profile),
        data=data,
    )


@require_role(Role.MANAGER)
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, profile_id: int, section: str) -> HttpResponse:
    """One section of settings; `?assistant=1`: a step of the wizard; `?execution=12`: on the way from a run."""
    profile = configurable_profile(request, profile_id)
    profile_remember(request, profile.pk)
    in_wizard = "assistant" in request.GET
    form = _form(profile, section, request.POST if request.method == "POST" else None)
    if request.method == "POST" and _save(request, profile, section, form):
        return redirect(_after_save(request, profile, section, in_wizard))
    status = 422 if form.errors else 200
    context = _page(profile, section, form, in_wizard) | {"run_number": _run_number(request)}
    return render(request, "profiles/settings.html", context, status=status)


def _save(request: HttpRequest, profile: Profile, section: str, form: OptionsForm) -> bool:
    if not form.is_valid():
        return False
    before = options_store.current_revision(profile)
    try:
        after = options_store.save(profile, {section: form.document()}, author=current_user(request))
    except OptionsRefused as error:
        form.refuse(error.errors[section])
        return False
    if before is not None and before.pk == after.pk:
        messages.info(request, _("Rien n’a changé."))
    else:
        messages.success(request, _("Les réglages sont enregistrés."))
    return True


def _run_number(request: HttpRequest) -> int | None:
    """The run whose error card led here; it is only linked to, never read."""
    value = request.GET.get("execution", "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None


def _after_save(request: HttpRequest, profile: Profile, section: str, in_wizard: bool) -> str:
    if not in_wizard:
        run = _run_number(request)
        return settings_address(profile, section) + (f"?execution={run}" if run else "")
    if section in SIDES and not _read_lists(request, profile, Side(section)):
        # The next steps are filled from the lists: the connection is corrected first, or the step is passed.
        return settings_address(profile, section, wizard=True)
    context = wizard_context(profile, section)
    return str(context["following"] or context["finish"])


def _page(profile: Profile, section: str, form: OptionsForm, in_wizard: bool) -> dict[str, Any]:
    side = section if section in SIDES else ""
    spec = {"erp": profile.erp_spec, "shop": profile.shop_spec}.get(section)
    return {
        "profile": profile,
        "section": section,
        "section_title": _section(profile, section).title,
        "form": form,
        "groups": form.groups(),
        "side": side,
        "spec": spec,
        "tabs": profile_tabs(profile, "settings"),
        "links": section_links(profile, section),
        "refreshed": {side.value: catalogs.refreshed_at(profile, side) for side in Side},
        "wizard": wizard_context(profile, section) if in_wizard else None,
    }


@require_role(Role.MANAGER)
@require_POST
def connection_test(request: HttpRequest, profile_id: int, side: str) -> HttpResponse:
    """«Tester la connexion» with the values on the page, saved or not; answers a fragment."""
    profile = configurable_profile(request, profile_id)
    if side not in SIDES:
        raise Http404
    form = _form(profile, side, request.POST)
    context: dict[str, Any] = {"profile": profile, "side": side}
    if not form.is_valid():
        return render(request, "profiles/check_report.html", {**context, "form": form})
    try:
        context["report"] = services.connection_check(profile, Side(side), form.document())
    except OptionsRefused as error:
        form.refuse(error.errors.get(side, []))
        context["form"] = form
    return render(request, "profiles/check_report.html", context)


@require_role(Role.MANAGER)
@require_POST
def lists_refresh(request: HttpRequest, profile_id: int, side: str) -> HttpResponse:
    """«Actualiser la configuration de l’ERP» / «… du site web»: read the reference lists, then go back."""
    profile = configurable_profile(request, profile_id)
    if side not in SIDES:
        raise Http404
    if _read_lists(request, profile, Side(side)):
        return redirect(next_address(request, settings_address(profile, side)))
    return redirect(settings_address(profile, side))


def _read_lists(request: HttpRequest, profile: Profile, side: Side) -> bool:
    """Read the lists of one side and say how it went; False when the system could not be read at all."""
    try:
        report = catalogs.refresh(profile, side)
    except OptionsRefused:
        messages.error(request, _("Complétez d’abord les réglages de connexion."))
        return False
    except ConnectorError as error:
        messages.error(request, problem_told(error.problem))
        return False
    if report.problems and not report.counts:
        messages.error(request, problem_told(next(iter(report.problems.values()))))
        return False
    _tell_refresh(request, profile.erp_spec if side is Side.ERP else profile.shop_spec, report)
    return True


def _tell_refresh(request: HttpRequest, spec: ConnectorSpec, report: catalogs.RefreshReport) -> None:
    total = sum(report.counts.values())
    text = ngettext("%(lists)d liste lue", "%(lists)d listes lues", len(report.counts)) % {"lists": len(report.counts)}
    values = ngettext("%(count)d valeur", "%(count)d valeurs", total) % {"count": total}
    messages.success(request, f"{text}, {values}.")
    by_cause: dict[str, list[str]] = {}
    for name, problem in report.problems.items():
        by_cause.setdefault(problem_told(problem), []).append(_(spec.choices.get(name, name)))
    for sentence, names in by_cause.items():
        text = _("Listes non lues (%(names)s) : %(sentence)s") % {"names": ", ".join(names), "sentence": sentence}
        messages.warning(request, text)


@require_role(Role.MANAGER)
@require_GET
def history(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Every change of the settings with author, date, before and after (PRF-11)."""
    profile = configurable_profile(request, profile_id)
    revisions = OptionsRevision.objects.filter(profile=profile).select_related("author").order_by("-pk")
    page = Paginator(revisions, 15).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    older = revisions.filter(pk__lt=rows[-1].pk).first() if rows else None
    previous = [*rows[1:], older] if rows else []
    entries = [(row, changes_between(profile, before, row)) for row, before in zip(rows, previous, strict=True)]
    context = {"profile": profile, "page": page, "entries": entries, "tabs": profile_tabs(profile, "history")}
    return render(request, "profiles/history.html", {**context, "current": page.number == 1 and rows and rows[0].pk})


@require_role(Role.MANAGER)
@require_POST
def history_restore(request: HttpRequest, profile_id: int, revision_id: int) -> HttpResponse:
    """Make an earlier state of the settings the present one, as a new revision; secrets stay as they are."""
    profile = configurable_profile(request, profile_id)
    revision = get_for_tenant(request, OptionsRevision, pk=revision_id, profile=profile)
    note = _("retour à la version %(number)d") % {"number": revision.pk}
    try:
        options_store.restore(profile, revision, author=current_user(request), note=note)
    except OptionsRefused as error:
        messages.error(request, _("Cette version n’est plus acceptée : %(reason)s") % {"reason": str(error)})
    else:
        messages.success(request, _("Les réglages de cette version sont de nouveau en place."))
    return redirect(reverse("profiles:profile_history", args=[profile.pk]))
