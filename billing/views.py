"""Pages of the units: figures and ledger for the members of a tenant, booking for the host."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from billing import alerts, ledger
from billing.alerts import Alert
from billing.forms import BookingForm, LedgerFilter
from billing.ledger import Balance
from billing.models import Account, Kind, LedgerEntry, Movement
from profiles.access import current_tenant, current_user, require_member, require_sign_in
from profiles.models import Tenant

ENTRIES_PER_PAGE = 25
BOOKINGS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter as the page shows it."""

    kind: Kind
    balance: Balance
    alert: Alert | None

    @property
    def look(self) -> str:
        """Colour of the progress bar."""
        if self.alert is None:
            return ""
        return "danger" if self.alert >= Alert.VERY_LOW else "warning"

    @property
    def icon(self) -> str:
        """Icon of the direction."""
        return "box-arrow-up-right" if self.kind is Kind.EXPORT else "box-arrow-in-down-left"

    @property
    def is_empty(self) -> bool:
        """True when nothing that was bought is left."""
        return self.alert is Alert.EMPTY

    @property
    def share(self) -> int:
        """Threshold of the alert in percent."""
        return alerts.THRESHOLDS.get(self.alert, 0) if self.alert else 0


@require_member
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Show both counters of the current tenant and its ledger, newest first; the number of queries is constant."""
    tenant = current_tenant(request)
    shown = LedgerFilter(request.GET)
    conditions = shown.lookup()
    entries = _entries(tenant).filter(**conditions)
    context = {
        "counters": _counters(tenant),
        "filter": shown,
        "filtered": bool(conditions),
        "page": Paginator(entries, ENTRIES_PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "billing/overview.html", context)


@require_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def booking(request: HttpRequest) -> HttpResponse:
    """Let the host's staff book units for any tenant; for everybody else the page does not exist."""
    user = current_user(request)
    if not user.is_staff:
        raise Http404
    form = BookingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        entry = form.book(actor=user.email)
        if entry is not None:
            messages.success(request, _booked(entry, form.cleaned_data["tenant"]))
            return redirect("billing:booking")
    return render(request, "billing/booking.html", {"form": form, "bookings": _recent_bookings()})


def _entries(tenant: Tenant) -> QuerySet[LedgerEntry]:
    entries: QuerySet[LedgerEntry] = LedgerEntry.objects.for_tenant(tenant).select_related("account")
    return entries


def _counters(tenant: Tenant) -> list[Counter]:
    accounts: dict[str, Account] = {account.kind: account for account in Account.objects.for_tenant(tenant)}
    return [_counter(kind, accounts.get(kind)) for kind in Kind]


def _counter(kind: Kind, account: Account | None) -> Counter:
    if account is None:
        return Counter(kind, Balance(), None)
    balance = Balance(account.bought, account.used, account.reserved)
    return Counter(kind, balance, alerts.current(account) if account.bought else None)


def _recent_bookings() -> QuerySet[LedgerEntry]:
    booked: QuerySet[LedgerEntry] = LedgerEntry.objects.exclude(movement=Movement.SPEND)
    return booked.select_related("account__tenant").order_by("-pk")[:BOOKINGS_SHOWN]


def _booked(entry: LedgerEntry, tenant: Tenant) -> str:
    left = ledger.balance(tenant_id=tenant.pk, kind=entry.account.kind).available
    sentence = ngettext(
        "%(units)d unité %(kind)s enregistrée pour %(tenant)s, %(left)d disponibles désormais.",
        "%(units)d unités %(kind)s enregistrées pour %(tenant)s, %(left)d disponibles désormais.",
        entry.units,
    )
    kind = Kind(entry.account.kind).label.lower()
    return sentence % {"units": entry.units, "kind": kind, "tenant": tenant.name, "left": left}
