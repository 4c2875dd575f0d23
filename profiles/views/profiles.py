"""Pages of profiles as such: list, overview, rename, duplicate, default, delete, export."""

from __future__ import annotations

import yaml
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from connectors.canonical.keys import Side
from profiles import catalogs, health, options_store, services
from profiles.access import current_tenant, current_user, get_for_tenant, require_member, require_role
from profiles.context import profile_remember
from profiles.features import FEATURES
from profiles.forms.profile import ProfileNameForm
from profiles.models import Profile, Role
from profiles.texts import problem_told
from profiles.views.profile_pages import (
    configurable_profile,
    connectors_missing,
    profile_tabs,
    section_links,
)
from profiles.views.wizard import settings_address


@require_member
@require_GET
def profile_list(request: HttpRequest) -> HttpResponse:
    """Every profile of the tenant with type, systems, last run and health."""
    profiles = list(Profile.objects.for_tenant(current_tenant(request)).order_by("name", "pk"))
    runs = health.last_runs(profiles)
    return render(request, "profiles/list.html", {"rows": [(profile, runs.get(profile.pk)) for profile in profiles]})


@require_member
@require_GET
def profile(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Overview: problem to solve, state of both connections, what is still missing, actions."""
    found = get_for_tenant(request, Profile, pk=profile_id)
    profile_remember(request, found.pk)
    context = {
        "profile": found,
        "tabs": profile_tabs(found, "overview"),
        "links": section_links(found),
        "connectors_missing": connectors_missing(found),
        "last_run": health.last_runs([found]).get(found.pk),
        "features": [feature for feature in FEATURES if feature.key in found.features],
        "refreshed": {side.value: catalogs.refreshed_at(found, side) for side in Side},
        "configured": options_store.current_revision(found) is not None,
        "rename_form": ProfileNameForm(initial={"name": found.name}),
        "clone_form": ProfileNameForm(initial={"name": _("%(name)s (copie)") % {"name": found.name}}, prefix="clone"),
        "resume": settings_address(found, "erp", wizard=True),
    }
    return render(request, "profiles/profile.html", context)


@require_role(Role.MANAGER)
@require_GET
def settings_start(request: HttpRequest, profile_id: int) -> HttpResponse:
    """«Configurer le profil»: the first page of settings that lacks something, else the articles."""
    found = configurable_profile(request, profile_id)
    links = section_links(found)
    incomplete = next((link.address for link in links if link.missing), None)
    return redirect(incomplete or settings_address(found, "products"))


@require_role(Role.MANAGER)
@require_POST
def profile_rename(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Give a profile another name."""
    found = get_for_tenant(request, Profile, pk=profile_id)
    form = ProfileNameForm(request.POST)
    try:
        services.profile_rename(found, form.cleaned_data["name"] if form.is_valid() else "")
    except services.ProfileRefused as error:
        messages.error(request, _(str(error)))
    else:
        messages.success(request, _("Le profil est renommé."))
    return redirect("profiles:profile", profile_id=found.pk)


@require_role(Role.MANAGER)
@require_POST
def profile_duplicate(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Copy settings and mappings under a new name, without links, journals and secrets."""
    found = get_for_tenant(request, Profile, pk=profile_id)
    form = ProfileNameForm(request.POST, prefix="clone")
    name = form.cleaned_data["name"] if form.is_valid() else ""
    try:
        copy = services.profile_clone(found, name=name, author=current_user(request))
    except services.ProfileRefused as error:
        messages.error(request, _(str(error)))
        return redirect("profiles:profile", profile_id=found.pk)
    messages.success(request, _("Le profil est dupliqué, sans ses mots de passe : saisissez-les dans les connexions."))
    return redirect("profiles:profile", profile_id=copy.pk)


@require_role(Role.MANAGER)
@require_POST
def profile_default(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Make a profile the one that pages open with."""
    found = get_for_tenant(request, Profile, pk=profile_id)
    services.profile_make_default(found)
    messages.success(request, _("« %(name)s » est le profil par défaut.") % {"name": found.name})
    return redirect("profiles:profile", profile_id=found.pk)


@require_role(Role.MANAGER)
@require_POST
def profile_remove(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Delete a profile once its name was typed; links and journals go with it."""
    found = get_for_tenant(request, Profile, pk=profile_id)
    try:
        left = services.profile_delete(found, typed_name=request.POST.get("typed_name", ""))
    except services.ProfileRefused as error:
        messages.error(request, _(str(error)))
        return redirect("profiles:profile", profile_id=profile_id)
    messages.success(request, _("Le profil « %(name)s » est supprimé.") % {"name": found.name})
    for problem in left:
        messages.warning(request, problem_told(problem))
    return redirect(reverse("profiles:list"))


@require_role(Role.MANAGER)
@require_GET
def profile_export(request: HttpRequest, profile_id: int) -> HttpResponse:
    """The profile as a YAML file, without secrets (PRF-10)."""
    found = configurable_profile(request, profile_id)
    text = yaml.safe_dump(services.export_document(found), allow_unicode=True, sort_keys=False)
    name = slugify(found.name) or "profil"
    headers = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
    return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=headers)
