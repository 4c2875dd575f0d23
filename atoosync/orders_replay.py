"""Recorded orders played through reading, mapping and a throw-away Sage 100 company.

Each order becomes a real document, written by the connector's own writer, and the document is read back: total and VAT
per rate are compared with what the shop recorded. Nothing outside a temporary folder is touched.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from connectors import registry
from connectors.canonical.sales import DocumentTotals, Order, SalesDocument, ShopRate
from connectors.canonical.values import round_half_up
from connectors.core.mapping_keys import percent_text
from connectors.core.options import OptionsSection
from connectors.core.ports import Connection, Runtime, SalesConnection
from connectors.core.problems import ConnectorError, Problem
from connectors.core.results import Action, Outbound, Outcome
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.shops.woocommerce.orders import parse_order
from profiles.sections import FLOW_SECTIONS
from sync.mapping.customers import plan_customer
from sync.mapping.orders import Moment, OrderRefused, map_order
from sync.orders.records import ImportOrder
from sync.orders.resolver import ErpResolver
from sync.orders.sessions import SalesSessions
from sync.orders.writer import OrderWriter

Document = Mapping[str, Mapping[str, Any]]

# What a merchant would set up before the first import, for the articles and customers of the throw-away company.
DEFAULTS: Document = {
    "order_articles": {
        "misc_article": "DIVERS",
        "shipping_article": "PORT",
        "free_shipping_article": "PORT",
        "wrapping_article": "EMBALLAGE",
        "fee_article": "DIVERS",
        "eco_article": "DIVERS",
        "discount_article": "REMISE",
        "rounding_article": "DIVERS",
        "unknown": "misc",
    },
    # An order file cut by its recorder may not tell why an order bears no tax at all; the merchant here says it may.
    "order_taxes": {
        "category_taxed": "1",
        "category_untaxed": "3",
        "untaxed_lines": "exempt",
        "shop_without_vat": True,
        "exempt_tax": "",
    },
    "order_customers": {"mode": "own", "prefix": "WEB", "guest_prefix": "INV", "number_length": 12},
    "payments": {"create": False},
}
_CENT = Decimal("0.01")
_ON_GROSS = 3
"""TA_Type of a tax that counts on the amount with all others: what a compound rate is."""
FACTS = {"timezone": "Europe/Paris", "currency": "EUR", "price_decimals": "2"}


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one order. ``difference`` is document less order, total with tax."""

    order: str
    number: str
    status: str
    code: str = ""
    sentence: str = ""
    detail: str = ""
    piece: str = ""
    shop_total: Decimal | None = None
    document_total: Decimal | None = None
    difference: Decimal | None = None
    vat: Mapping[str, Mapping[str, str]] | None = None

    def document(self) -> dict[str, Any]:
        """Plain data for JSON; amounts are text."""
        pairs = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in pairs.items()
            if value is not None
        }


def read_orders(text: str) -> list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Orders with their refunds from a file: REST order objects, or objects with ``order`` and ``refunds``.

    Raises ``ValueError`` with a sentence when the file is something else.
    """
    try:
        data = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise ValueError(f"Le fichier n’est pas du JSON valide : {error}") from None
    rows = data if isinstance(data, list) else [data]
    found = []
    for row in rows:
        if not isinstance(row, dict):
            raise ValueError("Le fichier doit contenir une liste de commandes.")
        body = row.get("order", row)
        found.append((body, list(row.get("refunds") or []) if "order" in row else []))
    return found


def replay(
    orders: Iterable[tuple[Mapping[str, Any], list[Mapping[str, Any]]]], options: Document | None = None
) -> list[Replayed]:
    """Imports every order into a new company; orders with one identity twice are told apart by position."""
    return _replayed([_parsed(body, refunds) for body, refunds in orders], options)


def replay_orders(orders: Iterable[Order], options: Document | None = None) -> list[Replayed]:
    """The same for orders that a connector read."""
    return _replayed(list(orders), options)


def _replayed(parsed: Sequence[Order | Replayed], options: Document | None) -> list[Replayed]:
    given = {name: dict(values) for name, values in (options or {}).items()}
    with _company() as (company, connection):
        parsed = _told_apart(parsed)
        readable = [order for order in parsed if isinstance(order, Order)]
        taxes = given.setdefault("order_taxes", {})
        taxes["tax_map"] = {**_tax_table(company, readable), **taxes.get("tax_map", {})}
        taxes["currencies"] = {**_currency_table(company, readable), **taxes.get("currencies", {})}
        return _Replay(connection, company, _sections(given)).run(parsed)


def _told_apart(parsed: Iterable[Order | Replayed]) -> list[Order | Replayed]:
    """Each order under an identity of its own: recordings show one order several times, before and after an edit."""
    seen: Counter[str] = Counter()
    apart: list[Order | Replayed] = []
    for one in parsed:
        if isinstance(one, Order):
            seen[one.key] += 1
            repeat = seen[one.key] - 1
            apart.append(dataclasses.replace(one, key=f"{one.key}R{repeat}") if repeat else one)
        else:
            apart.append(one)
    return apart


class _Replay:
    def __init__(self, connection: Connection, company: Sage100Sandbox, sections: Mapping[str, OptionsSection]) -> None:
        self.sections = sections
        self.company = company
        self.connection = connection
        self.sessions = SalesSessions(lambda: _opened(company))
        self.writer = OrderWriter(self.sessions, lambda order, totals: None)

    def run(self, parsed: list[Order | Replayed]) -> list[Replayed]:
        orders = [order for order in parsed if isinstance(order, Order)]
        with _opened(self.company) as connection:
            resolver = ErpResolver(connection, self.sections, currency="EUR", owners=lambda keys: {})
            resolver.prefetch(orders)
            results = [one if isinstance(one, Replayed) else self._one(one, resolver) for one in parsed]
        self.sessions.close()
        return results

    def _one(self, order: Order, resolver: ErpResolver) -> Replayed:
        moment = Moment(today=date.today(), timezone=UTC)  # noqa: DTZ011  # a document needs some day; none is compared
        try:
            document = map_order(order, self.sections, resolver, moment)
            plan = plan_customer(
                order, self.sections, accounting_category=document.accounting_category, carrier=document.carrier
            )
        except OrderRefused as error:
            return _refused(order, error.problem, error.explanation.columns())
        except ConnectorError as error:
            return _refused(order, error.problem)
        wanted = ImportOrder(
            key=order.key, number=order.number, document=document, plan=plan, web_number=document.web_number
        )
        outbound = Outbound(record=wanted, action=Action.CREATE, key=order.key)
        result = next(iter(self.writer.send([outbound])))
        if result.outcome is not Outcome.CREATED:
            problem = result.problem or Problem("not_created", "Aucune pièce n’a été créée.")
            return _refused(order, problem)
        totals = cast(SalesConnection, self.connection).sales().find_document(document.web_number)
        assert totals is not None  # noqa: S101  # it was just created
        return _imported(order, totals, document)


def _imported(order: Order, totals: DocumentTotals, document: SalesDocument) -> Replayed:
    shop = _by_rate(document, document.expected_tax, document.expected_codes)
    held = _by_rate(document, totals.tax, totals.codes)
    vat = {
        rate: {
            "shop": str(shop.get(rate, Decimal(0))),
            "erp": str(held.get(rate, Decimal(0))),
            "difference": str(held.get(rate, Decimal(0)) - shop.get(rate, Decimal(0))),
        }
        for rate in sorted({*shop, *(rate for rate, amount in held.items() if amount)})
    }
    return Replayed(
        order=order.key,
        number=order.number,
        status="imported",
        piece=totals.piece,
        shop_total=order.total,
        document_total=totals.gross,
        difference=totals.gross - order.total,
        vat=vat,
    )


def _by_rate(
    document: SalesDocument, by_percent: Mapping[str, Decimal], by_code: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """VAT per percentage, and per code («9 W000») where the document has several codes at one."""
    codes: dict[str, set[str]] = defaultdict(set)
    for line in document.lines:
        for tax in line.taxes:
            codes[percent_text(tax.percent)].add(tax.code)
    found = {percent: amount for percent, amount in by_percent.items() if len(codes[percent]) < 2}
    several = {code: percent for percent, held in codes.items() if len(held) > 1 for code in held}
    return found | {f"{several[code]} {code}": amount for code, amount in by_code.items() if code in several}


def _refused(order: Order, problem: Problem, detail: str = "") -> Replayed:
    return Replayed(
        order=order.key,
        number=order.number,
        status="refused",
        code=problem.code,
        sentence=problem.text(),
        detail=detail or problem.detail,
        shop_total=order.total,
    )


def _parsed(body: Mapping[str, Any], refunds: list[Mapping[str, Any]]) -> Order | Replayed:
    try:
        return parse_order(body, refunds, facts={**FACTS, "read_at": datetime.now(UTC).isoformat()})
    except ConnectorError as error:
        number = str(body.get("number") or body.get("id") or "")
        problem = error.problem
        return Replayed(str(body.get("id", "")), number, "refused", problem.code, problem.text(), problem.detail)


def _sections(options: Document) -> dict[str, OptionsSection]:
    """Every section with the defaults of the replay under what was given. Raises pydantic's ``ValidationError``."""
    found = {}
    for section in FLOW_SECTIONS:
        values = {**DEFAULTS.get(section.section, {}), **options.get(section.section, {})}
        if section.section == "orders" and "statuses" not in values:
            values["statuses"] = _Every("order")
        found[section.section] = section(**{name: value for name, value in values.items() if name != "statuses"})
        if isinstance(values.get("statuses"), _Every):
            found[section.section] = found[section.section].model_copy(update={"statuses": values["statuses"]})
        elif "statuses" in values:
            found[section.section] = section(**values)
    return found


class _Every(dict[str, str]):
    """A table that gives every key the same value: whatever the status, the order is replayed."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = value

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> str:
        return self._value

    def get(self, key: str, default: Any = None) -> Any:
        """The value, whatever the key."""
        return self._value


@contextmanager
def _company() -> Iterator[tuple[Sage100Sandbox, Connection]]:
    with TemporaryDirectory(prefix="atoosync-replay-") as folder:
        company = build(Path(folder) / "sage100.sqlite3", merchant="demo", emulation=True)
        with _opened(company) as connection:
            yield company, connection


@contextmanager
def _opened(company: Sage100Sandbox) -> Iterator[Connection]:
    spec = registry.by_key("sage100")
    path = Path(str(company.path))
    options = spec.options(kind="sqlite", path=str(path))  # type: ignore[call-arg]  # options of one connector
    with spec.open(options, Runtime(local_files=(str(path.parent),))) as connection:
        yield connection


def _tax_table(company: Sage100Sandbox, orders: list[Order]) -> dict[str, str]:
    """ERP codes by percentage and by rate of the shop, as a merchant would have mapped them.

    Rates of foreign shops get a tax in the throw-away company. A percentage that one order leaves out is known from
    another order of the same file with the same rate, else it is the roundest one that all recorded amounts confirm.
    """
    rates = [rate for order in orders for rate in order.rates]
    told = {_name(rate): rate.percent for rate in rates if rate.percent is not None}
    percents = {**_confirmed_percents(orders), **told}
    maker = _TaxMaker(company)
    codes = _sales_taxes(company)
    # Two rates of one code may have two percentages: every one told counts.
    every = {*percents.values(), *(rate.percent for rate in rates if rate.percent is not None)}
    for percent in sorted(every - codes.keys()):
        codes[percent] = maker.made(percent)
    table = {percent_text(percent): code for percent, code in codes.items()}
    untold = {_name(rate) for rate in rates if rate.percent is None} & percents.keys()
    table |= {name: codes[percents[name]] for name in untold}
    for order in orders:
        _map_together(order, table, maker)
    return table


def _map_together(order: Order, table: dict[str, str], maker: _TaxMaker) -> None:
    """Taxes of their own for rates that one percentage does not tell apart: two of one order, and compound ones."""
    met: set[Decimal] = set()
    for rate in order.rates:
        if not rate.percent or not _is_borne(order, rate):
            continue
        name = f"{rate.code} {percent_text(rate.percent)}" if rate.code else f"id:{rate.key}"
        if (rate.compound or rate.percent in met) and name not in table:
            table[name] = maker.made(rate.percent, kind=_ON_GROSS if rate.compound else None)
        met.add(rate.percent)


def _is_borne(order: Order, rate: ShopRate) -> bool:
    return any(tax.rate == rate.key for line in order.lines for tax in line.taxes)


def _name(rate: ShopRate) -> str:
    """What the table of taxes calls a rate: ids of different shops are alike, codes hardly ever."""
    return rate.code or f"id:{rate.key}"


def _confirmed_percents(orders: list[Order]) -> dict[str, Decimal]:
    """Percentages by rate, found from amounts alone: orders of before WooCommerce 3.7 tell none."""
    taxed: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for order in orders:
        names = {rate.key: _name(rate) for rate in order.rates}
        for line in order.lines:
            for tax in line.taxes:
                taxed[names[tax.rate]].append((line.net, tax.amount))
    found = {name: _roundest(amounts) for name, amounts in taxed.items()}
    return {name: percent for name, percent in found.items() if percent is not None}


def _roundest(amounts: list[tuple[Decimal, Decimal]]) -> Decimal | None:
    """The percentage with the fewest decimals that explains every (net, tax) to the cent."""
    net, tax = max(amounts, key=lambda pair: abs(pair[0]))
    if not net:
        return None
    exact = tax * 100 / net
    for decimals in range(4):
        percent = round_half_up(exact, decimals)
        if all(abs(one * percent / 100 - other) < _CENT for one, other in amounts):
            return percent.normalize()
    return None


def _currency_table(company: Sage100Sandbox, orders: list[Order]) -> dict[str, str]:
    """Currencies of the ERP by the shop's code, as a merchant would have mapped them.

    The throw-away company gets those it lacks at a rate of 1: an order without a rate of its own has no better one.
    """
    with company.session(write=True) as session:
        held = {str(code): str(place) for place, code in session.all("SELECT cbIndice, D_CodeISO FROM P_DEVISE")}
        place = max(int(one) for one in held.values())
        for code in sorted({order.currency for order in orders} - held.keys()):
            place += 1
            session.run(
                "INSERT INTO P_DEVISE (D_Intitule, D_CodeISO, D_Cours, cbIndice) VALUES (?, ?, 1, ?)",
                (code, code, place),
            )
            held[code] = str(place)
    return {code: place for code, place in held.items() if code and code != FACTS["currency"]}


def _sales_taxes(company: Sage100Sandbox) -> dict[Decimal, str]:
    """The first VAT collected at each percentage."""
    with company.session(write=False) as session:
        rows = session.all(
            "SELECT TA_Taux, TA_Code FROM F_TAXE "
            "WHERE TA_TTaux = 0 AND TA_Sens = 1 AND TA_Type IN (0, 1) ORDER BY cbMarq"
        )
    found: dict[Decimal, str] = {}
    for rate, code in rows:
        found.setdefault(Decimal(str(rate)), str(code))
    return found


class _TaxMaker:
    """Makes taxes in the throw-away company."""

    def __init__(self, company: Sage100Sandbox) -> None:
        self._company = company
        self._made = 0

    def made(self, percent: Decimal, kind: int | None = None) -> str:
        """Code of a further tax in percent, of the kind of ordinary VAT unless told."""
        code = f"W{self._made:03d}"
        self._made += 1
        with self._company.session(write=True) as session:
            session.run(
                "INSERT INTO F_TAXE (TA_No, TA_Code, TA_Intitule, TA_Taux, TA_TTaux, TA_Type, TA_Sens, CG_Num) "
                "SELECT (SELECT MAX(TA_No) + 1 FROM F_TAXE), ?, ?, ?, 0, COALESCE(?, TA_Type), TA_Sens, CG_Num "
                "FROM F_TAXE WHERE TA_Code = 'C20'",
                (code, f"TVA {percent} %", str(percent), kind),
            )
        return code
