"""``manage.py units book|correct|show|verify``: units from the shell, with the same rules as the page of the host."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from billing import ledger
from billing.models import Kind
from profiles.models import Tenant


class Command(BaseCommand):
    """Books and shows units, and compares the accounts with their movements.

    ``book`` and ``correct`` happen once per ``--key``; without a key each call books again. ``verify`` takes every
    tenant when none is named and exits with 1 when a figure disagrees.
    """

    help = "Book, correct, show or verify the prepaid units of a tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the four actions."""
        actions = parser.add_subparsers(dest="action", required=True, parser_class=CommandParser)
        for name in ("book", "correct"):
            self._booking_arguments(actions.add_parser(name))
        show = actions.add_parser("show", help="Bought, used, reserved and available units of a tenant.")
        verify = actions.add_parser("verify", help="Compare the accounts with the sum of their movements.")
        show.add_argument("--tenant", required=True, help="Slug, name or id of the tenant.")
        verify.add_argument("--tenant", help="Slug, name or id of the tenant; every tenant when absent.")
        for each in (show, verify):
            each.add_argument("--json", action="store_true")

    def _booking_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="Slug, name or id of the tenant.")
        parser.add_argument("--kind", required=True, choices=Kind.values)
        parser.add_argument("--units", required=True, type=int, help="Number of units; signed for a correction.")
        parser.add_argument("--note", default="", help="Shown to the tenant, for example the number of an invoice.")
        parser.add_argument("--key", help="Books once per key, however often the command is repeated.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one action; refusals end with a sentence and exit code 1."""
        actions = {"book": self._book, "correct": self._book, "show": self._show, "verify": self._verify}
        actions[options["action"]](options)

    def _book(self, options: dict[str, Any]) -> None:
        tenant = _tenant(options["tenant"])
        action = ledger.credit if options["action"] == "book" else ledger.correct
        try:
            entry = action(
                tenant_id=tenant.pk,
                kind=options["kind"],
                units=options["units"],
                key=options["key"] or f"command/{uuid.uuid4()}",
                note=options["note"],
                actor="manage.py units",
            )
        except (ValueError, ledger.LedgerError) as refusal:
            raise CommandError(str(refusal)) from refusal
        document = {"tenant": tenant.slug, "kind": options["kind"], "units": entry.units, "key": entry.key}
        document |= _figures(ledger.balance(tenant_id=tenant.pk, kind=options["kind"]))
        self._print(options, document, f"{tenant}: {entry.units} {options['kind']}, {document['available']} available")

    def _show(self, options: dict[str, Any]) -> None:
        tenant = _tenant(options["tenant"])
        figures = {kind.value: _figures(found) for kind, found in ledger.balances(tenant_id=tenant.pk).items()}
        lines = [
            f"{kind}: " + ", ".join(f"{name} {number}" for name, number in row.items()) for kind, row in figures.items()
        ]
        self._print(options, {"tenant": tenant.slug, **figures}, "\n".join(lines))

    def _verify(self, options: dict[str, Any]) -> None:
        tenants = [_tenant(options["tenant"])] if options["tenant"] else list(Tenant.objects.order_by("pk"))
        found = [{"tenant": tenant.slug, **asdict(gap)} for tenant in tenants for gap in ledger.verify(tenant.pk)]
        lines = [f"{gap['tenant']} {gap['kind']} {gap['figure']}: {gap['account']} ≠ {gap['ledger']}" for gap in found]
        document = {"tenants": len(tenants), "discrepancies": found}
        self._print(options, document, "\n".join(lines) or f"{len(tenants)} tenants verified")
        if found:
            raise CommandError(f"{len(found)} figures disagree with the ledger.")

    def _print(self, options: dict[str, Any], document: dict[str, Any], text: str) -> None:
        self.stdout.write(json.dumps(document, ensure_ascii=False) if options["json"] else text)


def _tenant(name: str) -> Tenant:
    lookup = Q(slug=name) | Q(name=name)
    if name.isdecimal():
        lookup |= Q(pk=int(name))
    found = list(Tenant.objects.filter(lookup)[:2])
    if len(found) != 1:
        raise CommandError(f"{'No tenant' if not found else 'More than one tenant'} {name!r}.")
    return found[0]


def _figures(found: ledger.Balance) -> dict[str, int]:
    return {**asdict(found), "available": found.available}
