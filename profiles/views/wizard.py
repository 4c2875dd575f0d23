"""The wizard that creates a profile: kind, ERP, shop, features, name; then connections and settings, page by page.

The first steps keep their choices in the address, so «back» and a reload do what one expects and nothing is stored. The
profile exists from the moment it has a name; the following steps are its ordinary pages of settings, shown with the
progress of the wizard, so secrets are encrypted at once and an interrupted wizard is resumed from the profile's page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connectors.core.spec import ConnectorSpec
from profiles import services
from profiles.access import current_tenant, current_user, require_role
from profiles.context import profile_remember
from profiles.features import FEATURES, features_of, kinds_of
from profiles.forms.profile import ProfileCreateForm
from profiles.models import Profile, Role
from profiles.options_store import sections_of


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the progress bar: `state` is done, current or next."""

    label: str
    state: str
    address: str = ""


def steps(current: int, addresses: dict[int, str] | None = None) -> list[Step]:
    """The six steps with the present one marked; steps before it link back where an address is given."""
    labels = [_("Type"), _("ERP"), _("Boutique"), _("Fonctions et nom"), _("Connexions"), _("Réglages")]
    state = ["done" if index < current else "current" if index == current else "next" for index in range(len(labels))]
    links = addresses or {}
    return [Step(label, state[index], links.get(index, "")) for index, label in enumerate(labels)]


def _address(**chosen: str) -> str:
    return f"{reverse('profiles:wizard')}?{urlencode(chosen)}" if chosen else reverse("profiles:wizard")


@require_role(Role.MANAGER)
@require_http_methods(["GET", "POST"])
def wizard(request: HttpRequest) -> HttpResponse:
    """Steps 1 to 4; each offers only what works with the choices before it."""
    offers = services.combinations()
    kind, erp_key, shop_key = (request.GET.get(name, "") for name in ("kind", "erp", "shop"))
    kinds = kinds_of([erp for erp, _shops in offers])
    if not kind or kind not in {entry.key for entry in kinds}:
        return render(request, "profiles/wizard_kind.html", {"kinds": kinds, "steps": steps(0)})
    fitting = [(erp, shops) for erp, shops in offers if kind in erp.kinds]
    erp = next((erp for erp, _shops in fitting if erp.key == erp_key), None)
    if erp is None:
        return _choose(request, 1, [erp for erp, _shops in fitting], {"kind": kind})
    shops = next(shops for found, shops in fitting if found is erp)
    shop = next((shop for shop in shops if shop.key == shop_key and kind in shop.kinds), None)
    if shop is None:
        return _choose(request, 2, [shop for shop in shops if kind in shop.kinds], {"kind": kind, "erp": erp.key})
    return _name(request, kind, erp, shop)


def _choose(request: HttpRequest, step: int, specs: list[ConnectorSpec], chosen: dict[str, str]) -> HttpResponse:
    parameter = "erp" if step == 1 else "shop"
    choices = [(spec, _address(**chosen, **{parameter: spec.key})) for spec in specs]
    links = {0: _address(), 1: _address(kind=chosen["kind"])}
    context = {"choices": choices, "steps": steps(step, links), "step": step, "back": links[step - 1]}
    return render(request, "profiles/wizard_system.html", context)


def _name(request: HttpRequest, kind: str, erp: ConnectorSpec, shop: ConnectorSpec) -> HttpResponse:
    features = features_of(erp, shop)
    initial = {"name": f"{erp.label} → {shop.label}", "features": [feature.key for feature in features]}
    form = ProfileCreateForm(request.POST or None, initial=initial, features=features)
    if request.method == "POST" and form.is_valid():
        made = _create(request, form, kind, erp, shop)
        if made is not None:
            return redirect(settings_address(made, "erp", wizard=True))
    back = _address(kind=kind, erp=erp.key)
    links = {0: _address(), 1: _address(kind=kind), 2: back}
    context = {"form": form, "features": features, "erp": erp, "shop": shop, "steps": steps(3, links), "back": back}
    return render(request, "profiles/wizard_name.html", context)


def _create(
    request: HttpRequest, form: ProfileCreateForm, kind: str, erp: ConnectorSpec, shop: ConnectorSpec
) -> Profile | None:
    try:
        profile = services.profile_create(
            tenant=current_tenant(request),
            name=form.cleaned_data["name"],
            erp=erp.key,
            shop=shop.key,
            author=current_user(request),
            features=form.cleaned_data["features"],
        )
    except services.ProfileRefused as error:
        form.add_error("name", _(str(error)))
        return None
    if profile.kind != kind:
        profile.kind = kind
        profile.save(update_fields=["kind"])
    profile_remember(request, profile.pk)
    messages.success(request, _("Le profil « %(name)s » est créé. Reste à le connecter.") % {"name": profile.name})
    return profile


# --- Steps of the settings pages ---------------------------------------------------------------------------------


def settings_address(profile: Profile, section: str, *, wizard: bool = False) -> str:
    """Address of one page of settings, as a step of the wizard or on its own."""
    address = reverse("profiles:settings", args=[profile.pk, section])
    return f"{address}?assistant=1" if wizard else address


def wizard_sections(profile: Profile) -> list[str]:
    """Sections the wizard visits, in order: both connections, then those of the chosen features."""
    chosen = [name for feature in FEATURES if feature.key in profile.features for name in feature.sections]
    available = sections_of(profile)
    return ["erp", "shop", *(name for name in chosen if name in available)]


def wizard_context(profile: Profile, section: str) -> dict[str, Any]:
    """Progress, previous and next page of a settings page shown as a step. Raises `Http404` outside the wizard."""
    visited = wizard_sections(profile)
    if section not in visited:
        raise Http404
    index = visited.index(section)
    following = visited[index + 1] if index + 1 < len(visited) else ""
    return {
        "steps": steps(4 if section in {"erp", "shop"} else 5),
        "previous": settings_address(profile, visited[index - 1], wizard=True) if index else "",
        "following": settings_address(profile, following, wizard=True) if following else "",
        "finish": reverse("profiles:profile", args=[profile.pk]),
    }
