"""Page of one item, and breaking its link."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from connectors.canonical.keys import Entity
from profiles.access import require_member, require_role
from profiles.models import Role
from sync import services
from sync.presentation.items import item_view
from sync.views.common import profile_of, rights


@require_member
@require_GET
def item(request: HttpRequest, profile_id: int, entity: str, key: str) -> HttpResponse:
    """Links, states and history of one item across runs."""
    profile = profile_of(request, profile_id)
    view = item_view(profile, _entity(entity).value, key, request.GET.dict())
    return render(request, "sync/item.html", {**rights(request), "profile": profile, "item": view})


@require_role(Role.MANAGER)
@require_POST
def item_forget(request: HttpRequest, profile_id: int, entity: str, key: str) -> HttpResponse:
    """Breaks the link of an item: it is looked for again, and created if absent, at the next run."""
    profile = profile_of(request, profile_id)
    item_view(profile, _entity(entity).value, key, {})
    if services.link_forget(profile, entity=_entity(entity), keys=[key]):
        messages.success(request, _("Le lien est rompu : l’élément sera recherché à la prochaine exécution."))
    return redirect("sync:item", profile_id=profile.pk, entity=entity, key=key)


def _entity(name: str) -> Entity:
    try:
        return Entity(name)
    except ValueError:
        raise Http404 from None
