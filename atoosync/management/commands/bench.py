"""``manage.py bench``: the figures of docs/performance.md, measured on this machine."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from atoosync.bench.catalogue import run_catalogue
from atoosync.bench.memory import SIZES, run_memory
from atoosync.bench.orders import run_orders
from atoosync.bench.site import BenchFailed, Figures, Pace
from atoosync.bench.stock import run_stock
from atoosync.broker import BrokerNotFound
from atoosync.supervisor import NotReady, ProgramFailed
from sync.bench.pages import NeedsPostgreSQL
from sync.bench.pages import run as run_pages

REFUSALS = (BenchFailed, BrokerNotFound, NotReady, ProgramFailed, NeedsPostgreSQL)


class Command(BaseCommand):
    """Prints the figures of one benchmark; with ``--json`` one object and nothing else on the standard output."""

    help = "Measures the engine on generated data, against plain clients and a bare reading of the same rows."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command per benchmark."""
        kinds = parser.add_subparsers(dest="bench", required=True)
        catalogue = kinds.add_parser("catalogue", help="first export, against plain clients")
        catalogue.add_argument("--items", type=int, default=2000)
        catalogue.add_argument("--sample", type=int, default=100, help="products created one per call, then scaled")
        stock = kinds.add_parser("stock", help="stock run: nothing changed, then some quantities moved")
        stock.add_argument("--items", type=int, default=50_000)
        stock.add_argument("--changed", type=int, default=1000)
        stock.add_argument("--rounds", type=int, default=3, help="times the unchanged run is measured")
        memory = kinds.add_parser("memory", help="peak memory of a stock run by size")
        memory.add_argument("--items", type=int, nargs="+", default=list(SIZES), help="sizes to compare")
        orders = kinds.add_parser("orders", help="back-log of orders, and time from a paid order to its document")
        orders.add_argument("--orders", type=int, default=1000)
        orders.add_argument("--stock", type=int, default=50_000, help="rows of the push beside which orders arrive")
        orders.add_argument("--arrivals", type=int, default=30, help="paid orders of each of the four measurements")
        orders.add_argument("--interval", type=float, default=60.0, help="seconds between two scheduled imports")
        for kind in (catalogue, stock, memory, orders):
            _shared(kind)
        pages = kinds.add_parser("pages", help="server time of the pages, on the PostgreSQL of DATABASE_URL")
        pages.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises ``CommandError`` with a sentence when something cannot start or a count is wrong."""
        try:
            figures = self._measured(options)
        except REFUSALS as error:
            raise CommandError(str(error)) from None
        text = json.dumps(figures, ensure_ascii=False) if options["as_json"] else _readable(figures)
        self.stdout.write(text)

    def _measured(self, options: dict[str, Any]) -> Figures:
        if options["bench"] == "pages":
            return run_pages(json=options["as_json"])
        shared: dict[str, Any] = {"pace": _pace(options), "database": options["database"], "say": _say}
        if options["bench"] == "orders":
            sizes = {name: options[name] for name in ("orders", "stock", "arrivals", "interval")}
            return run_orders(**sizes, **shared)
        if options["bench"] == "memory":
            return run_memory(sizes=tuple(options["items"]), **shared)
        if options["bench"] == "stock":
            return run_stock(items=options["items"], changed=options["changed"], rounds=options["rounds"], **shared)
        return run_catalogue(items=options["items"], sample=min(options["sample"], options["items"]), **shared)


def _shared(parser: CommandParser) -> None:
    default = Pace()
    parser.add_argument("--latency-ms", type=float, default=default.request_ms, help="milliseconds per request")
    parser.add_argument("--latency-item-ms", type=float, default=default.item_ms, help="milliseconds per item written")
    parser.add_argument("--connections", type=int, default=default.connections, help="requests worked on at once")
    parser.add_argument("--database", default="", help="address of an empty PostgreSQL database (default: SQLite)")
    parser.add_argument("--json", action="store_true", dest="as_json")


def _pace(options: dict[str, Any]) -> Pace:
    return Pace(
        request_ms=options["latency_ms"], item_ms=options["latency_item_ms"], connections=options["connections"]
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _readable(figures: Figures, indent: str = "") -> str:
    lines = []
    for name, value in figures.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", _readable(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{indent}{name}", *(_readable(one, indent + "  ") for one in value)]
        else:
            lines.append(f"{indent}{name:<36} {value}")
    return "\n".join(lines)
