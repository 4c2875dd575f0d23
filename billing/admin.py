"""Administration of the host: accounts, ledger and reservations to read; units are booked on their own page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing.models import Account, LedgerEntry, Reservation


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Lists and shows rows; nothing may be added, changed or deleted."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refused."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refused."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refused."""
        return False


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Figures of every tenant."""

    list_display = (
        "tenant",
        "kind",
        "bought",
        "used",
        "reserved",
        "available",
        "credited_at",
    )
    list_filter = ("kind",)
    list_select_related = ("tenant",)
    search_fields = ("tenant__name", "tenant__slug")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every movement."""

    list_display = (
        "at",
        "account",
        "movement",
        "units",
        "note",
        "reference",
        "actor",
        "key",
    )
    list_filter = ("movement", "account__kind")
    list_select_related = ("account",)
    search_fields = ("key", "reference", "account__tenant__name")


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """Units set aside, open or closed."""

    list_display = ("at", "account", "owner", "granted", "settled", "state", "closed_at")
    list_filter = ("state",)
    list_select_related = ("account",)
    search_fields = ("key", "owner")
