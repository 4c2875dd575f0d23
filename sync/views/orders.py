"""Page of one order with its arithmetic, its import, and the reset of transferred orders."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from connectors.core.problems import ConnectorError
from profiles.access import current_user, require_access, require_member, require_role
from profiles.models import Profile, Role
from profiles.options_store import OptionsRefused
from sync import services
from sync.orders import desk
from sync.presentation.order import OrderView, order_key, order_view, trouble_of
from sync.services import RunRefused, RunRequest
from sync.tasks import ORDERS_RESET_AT_ONCE, orders_reset_later
from sync.views.common import profile_of, refuse, rights

ALL = "TOUTES"
CONFIRM = "REINITIALISER"
KEYS_LIMIT = 2000


@require_member
@require_GET
def order(request: HttpRequest, profile_id: int, key: str) -> HttpResponse:
    """The arithmetic of an order on both sides, the steps of its import and its history."""
    profile = profile_with_orders(request, profile_id)
    view = order_view(profile, key, request.GET.dict())
    context = {**rights(request), "profile": profile, "order": view, "action": _action(view)}
    return render(request, "sync/order.html", context)


def _action(view: OrderView) -> str:
    """What may be asked for: a first import, the rest of one, the import of a document that vanished, or nothing."""
    if view.picture is None:
        return ""
    if view.document is None:
        return "again" if view.picture.order.mark or "mark" in _steps(view) else "import"
    return "" if "mark" in _steps(view) else "import"


def _steps(view: OrderView) -> dict[str, Any]:
    return view.link.steps if view.link else {}


@require_member
@require_GET
def order_find(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Goes to the order that was typed by its id or its number (``numero``)."""
    profile = profile_with_orders(request, profile_id)
    typed = request.GET.get("numero", "").strip().lstrip("#")[:100]
    if not typed or "/" in typed:
        refuse(request, _("Saisissez le numéro d’une commande de la boutique."))
        return redirect("sync:sync", profile_id=profile.pk)
    return redirect("sync:order", profile_id=profile.pk, key=order_key(profile, typed))


@require_role(Role.OPERATOR)
@require_POST
def order_import(request: HttpRequest, profile_id: int, key: str) -> HttpResponse:
    """Imports one order now. With ``again`` its transfer is forgotten first, which only a manager may ask for."""
    profile = profile_with_orders(request, profile_id)
    try:
        asked = _asked(request, profile, key)
    except RunRefused as error:
        refuse(request, error.said)
    except (ConnectorError, OptionsRefused) as error:
        refuse(request, trouble_of(error, profile.pk).sentence)
    else:
        messages.success(request, _("L’import de la commande est lancé."))
        return redirect("sync:run", run_id=asked.run.pk)
    return redirect("sync:order", profile_id=profile.pk, key=key)


@require_role(Role.OPERATOR)
@require_POST
def order_settle(request: HttpRequest, profile_id: int, key: str) -> HttpResponse:
    """Notes that a person dealt with what was told about an order after its import."""
    profile = profile_with_orders(request, profile_id)
    try:
        settled = desk.order_settle(profile, key)
    except RunRefused as error:
        refuse(request, error.said)
    else:
        if settled:
            messages.success(request, _("C’est noté : cette commande n’attend plus rien de vous."))
    return redirect("sync:order", profile_id=profile.pk, key=key)


def _asked(request: HttpRequest, profile: Profile, key: str) -> RunRequest:
    by = current_user(request)
    if request.POST.get("again") != "1":
        return desk.order_import(profile, key, by=by)
    if not require_access(request).may(Role.MANAGER):
        raise RunRefused(_("Seul un gestionnaire peut importer à nouveau une commande déjà transférée."))
    return desk.order_import_again(profile, key, by=by)


@require_role(Role.MANAGER)
@require_POST
def orders_reset(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Forgets that orders were transferred, by their ids or all of them, once the word was typed (ORD-14)."""
    profile = profile_with_orders(request, profile_id)
    typed = request.POST.get("commandes", "").strip()
    if request.POST.get("confirmation", "").strip().upper() != CONFIRM:
        refuse(request, _("Le mot de confirmation n’est pas le bon : rien n’a été réinitialisé."))
    elif not typed:
        refuse(request, _("Saisissez les identifiants des commandes, ou %(word)s.") % {"word": ALL})
    else:
        _reset(request, profile, typed)
    return redirect("sync:sync", profile_id=profile.pk)


def _reset(request: HttpRequest, profile: Profile, typed: str) -> None:
    everything = typed.upper() in (ALL, "ALL")
    keys = desk.transferred(profile) if everything else _keys(typed)
    if len(keys) > KEYS_LIMIT and not everything:
        refuse(request, _("Saisissez au plus %(limit)s identifiants.") % {"limit": KEYS_LIMIT})
        return
    if len(keys) > ORDERS_RESET_AT_ONCE:
        orders_reset_later(profile.pk, sorted(keys))
        text = _("La réinitialisation de %(count)s commandes se fait en arrière-plan.")
        messages.info(request, text % {"count": len(keys)})
        return
    try:
        _tell(request, desk.orders_reset(profile, keys))
    except RunRefused as error:
        refuse(request, error.said)
    except (ConnectorError, OptionsRefused) as error:
        refuse(request, trouble_of(error, profile.pk).sentence)


def _keys(typed: str) -> set[str]:
    parts = typed.replace(";", ",").replace("\n", ",").split(",")
    return {part.strip().lstrip("#")[:100] for part in parts} - {""}


def _tell(request: HttpRequest, reset: desk.Reset) -> None:
    count = len(reset.done)
    if count:
        text = ngettext(
            "%(count)s commande est réinitialisée : le prochain import la relit et retrouve sa pièce.",
            "%(count)s commandes sont réinitialisées : le prochain import les relit et retrouve leurs pièces.",
            count,
        )
        messages.success(request, text % {"count": count})
    if reset.absent:
        names = ", ".join(reset.absent[:10])
        messages.warning(request, _("Absentes de la boutique : %(names)s.") % {"names": names})
    for key, sentence in list(reset.failed.items())[:5]:
        refuse(request, _("Commande %(key)s non réinitialisée : %(reason)s") % {"key": key, "reason": sentence})
    if not (count or reset.absent or reset.failed):
        messages.info(request, _("Aucune commande n’a été transférée : il n’y a rien à réinitialiser."))


def profile_with_orders(request: HttpRequest, profile_id: int) -> Profile:
    """The profile, when its two systems can exchange orders. Raises ``Http404``."""
    profile = profile_of(request, profile_id)
    try:
        flows = {flow.key for flow in services.available_flows(profile)}
    except LookupError:
        raise Http404 from None
    if desk.FLOW not in flows:
        raise Http404
    return profile
