"""Taxes, coupons and totals of an order, with the rounding of the real shop.

Amounts are kept as decimal texts with at most six places, as the shop's database does. Everything called subtotal or
total is without tax. The rules were derived from recorded orders; see the tests of the recordings.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from connectors.sandbox.woocommerce import php, pricing
from connectors.sandbox.woocommerce.arithmetic import ZERO, added, contained, micro
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.store import WooStore

Order = dict[str, Any]
Line = dict[str, Any]


def dec(value: Any) -> Decimal:
    """A stored amount as a number."""
    return pricing.amount(value) or ZERO


def plain(value: Decimal) -> str:
    """Shortest text of a number: no trailing zeros, no exponent."""
    shown = f"{micro(value):f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown in {"-0", ""} else shown


def places(value: Any, digits: int) -> str:
    """A number with a fixed count of decimals, rounded half up as for display."""
    return f"{dec(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP):.{digits}f}"


@dataclass(frozen=True, slots=True)
class Rules:
    """Tax settings frozen for one calculation."""

    include_tax: bool
    round_at_subtotal: bool
    based_on: str
    shipping_class: str
    country: str
    unit: Decimal

    @classmethod
    def of(cls, store: WooStore, order: Order) -> Rules:
        """Settings of the shop; whether prices include tax was frozen in the order."""
        return cls(
            bool(order["prices_include_tax"]),
            store.setting("woocommerce_tax_round_at_subtotal") == "yes",
            str(store.setting("woocommerce_tax_based_on")),
            str(store.setting("woocommerce_shipping_tax_class")),
            _home(store),
            Decimal(1).scaleb(-php.intval(store.setting("woocommerce_price_num_decimals"))),
        )

    def tax(self, value: Decimal) -> Decimal:
        """A tax at the decimals of prices: half down where prices include tax (recorded: 4.995 gives 4.99)."""
        return value.quantize(self.unit, rounding=ROUND_HALF_DOWN if self.include_tax else ROUND_HALF_UP)

    def line_tax(self, value: Decimal) -> Decimal:
        """A tax as kept per line: rounded, unless the shop rounds only at the end."""
        return micro(value) if self.round_at_subtotal else self.tax(micro(value))

    def net(self, value: Decimal) -> Decimal:
        """A net amount as summed up."""
        return value if self.round_at_subtotal else self.shown(value)

    def shown(self, value: Decimal) -> Decimal:
        """An amount at the decimals of prices, half up."""
        return value.quantize(self.unit, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an order is taxed."""

    country: str
    state: str
    postcode: str
    city: str


def place_of(order: Order, rules: Rules) -> Place:
    """Taxed address: delivery, else invoice, else the shop's own country."""
    names = ("billing",) if rules.based_on == "billing" else ("shipping", "billing")
    if rules.based_on != "base":
        for name in names:
            known = order[name]
            if known.get("country"):
                parts = (str(known.get(key) or "").upper() for key in ("country", "state", "postcode", "city"))
                return Place(*parts)
    return Place(rules.country, "", "", "")


def _fits(rate: dict[str, Any], place: Place) -> bool:
    if rate["country"] not in ("", place.country) or rate["state"] not in ("", place.state):
        return False
    if rate["postcodes"] and not any(_holds_postcode(one, place.postcode) for one in rate["postcodes"]):
        return False
    return not rate["cities"] or place.city in rate["cities"]


def _holds_postcode(wanted: str, postcode: str) -> bool:
    """One postcode, a start with a star (971*), or a range (97100...97499)."""
    first, dots, last = wanted.partition("...")
    if dots and all(text.isdecimal() for text in (first, last, postcode)):
        return int(first) <= int(postcode) <= int(last)
    return fnmatch.fnmatchcase(postcode, wanted)


def rates_for(store: WooStore, place: Place, tax_class: str, *, shipping: bool = False) -> list[dict[str, Any]]:
    """Rates of a class at a place: one per priority, the most specific one."""
    wanted = tax_class or "standard"
    fitting = [rate for rate in store.tax_rates if rate["class"] == wanted and _fits(rate, place)]
    fitting.sort(
        key=lambda r: (r["priority"], not r["postcodes"], not r["cities"], r["country"] == "", r["order"], r["id"])
    )
    chosen: dict[int, dict[str, Any]] = {}
    for rate in fitting:
        chosen.setdefault(rate["priority"], rate)
    return [rate for rate in chosen.values() if rate["shipping"] or not shipping]


def net_price(store: WooStore, product: Product, quantity: Decimal, *, include_tax: bool) -> Decimal:
    """Price of a quantity without tax; entered prices include the tax of the shop's own country, if any."""
    gross = dec(pricing.price(store, product)) * quantity
    if not include_tax or product.get("tax_status", "taxable") != "taxable":
        return micro(gross)
    rates = rates_for(store, Place(_home(store), "", "", ""), tax_class_of(store, product))
    return micro(gross - sum(contained(gross, rates).values(), ZERO))


def _home(store: WooStore) -> str:
    return str(store.setting("woocommerce_default_country")).split(":")[0]


def tax_class_of(store: WooStore, product: Product) -> str:
    """Tax class that counts: a variation may take the one of its parent."""
    if product.tax_class != "parent":
        return product.tax_class
    parent = store.products.get(product.parent)
    return parent.tax_class if parent else ""


class Calculator:
    """Recomputes one order in place: line taxes, coupons, tax lines, totals."""

    def __init__(self, store: WooStore, order: Order) -> None:
        self.store = store
        self.order = order
        self.rules = Rules.of(store, order)
        self.place = place_of(order, self.rules)
        exempt = any(one[1] == "is_vat_exempt" and one[2] == "yes" for one in order["meta"])
        self.taxed = not exempt and store.setting("woocommerce_calc_taxes") != "no"

    def run(self) -> None:
        """Recompute everything."""
        self._coupons()
        for line in self.order["line_items"]:
            self._tax_line(line)
        for line in self.order["shipping_lines"]:
            self._tax_shipping(line)
        for line in self.order["fee_lines"]:
            self._tax_fee(line)
        self._tax_lines()
        self._sum_up()

    def _rates(self, tax_class: str, *, shipping: bool = False) -> list[dict[str, Any]]:
        return rates_for(self.store, self.place, tax_class, shipping=shipping) if self.taxed else []

    def _tax_line(self, line: Line) -> None:
        rates = self._rates(line["tax_class"]) if line.get("tax_status", "taxable") == "taxable" else []
        taxes, total, subtotal = [], ZERO, ZERO
        subtotals = added(dec(line["subtotal"]), rates)
        for number, after in added(dec(line["total"]), rates).items():
            before = subtotals[number]
            taxes.append({"id": number, "total": plain(after), "subtotal": plain(before)})
            total += self.rules.line_tax(after)
            subtotal += self.rules.line_tax(before)
        line["taxes"], line["total_tax"], line["subtotal_tax"] = taxes, plain(total), plain(subtotal)

    def _tax_shipping(self, line: Line) -> None:
        rates = self._rates(self._shipping_class(), shipping=True) if line["tax_status"] == "taxable" else []
        self._tax_simple(line, [(rates, dec(line["total"]))])

    def _tax_simple(self, line: Line, parts: Iterable[tuple[list[dict[str, Any]], Decimal]]) -> None:
        sums: dict[int, Decimal] = {}
        for rates, base in parts:
            for number, tax in added(base, rates).items():
                sums[number] = sums.get(number, ZERO) + tax
        line["taxes"] = [{"id": number, "total": plain(value), "subtotal": ""} for number, value in sums.items()]
        line["total_tax"] = plain(sum((self.rules.line_tax(value) for value in sums.values()), ZERO))

    def _shipping_class(self) -> str:
        """Class of the carriage; `inherit` takes it from the goods, the standard class first."""
        if self.rules.shipping_class != "inherit":
            return str(self.rules.shipping_class)
        classes = list(dict.fromkeys(line["tax_class"] for line in self.order["line_items"]))
        if not classes or "" in classes:
            return ""
        known = [str(row["slug"]) for row in self.store.tax_classes]
        return next((slug for slug in known if slug in classes), str(classes[0]))

    def _tax_fee(self, line: Line) -> None:
        if line["tax_status"] != "taxable":
            self._tax_simple(line, [])
            return
        total = dec(line["total"])
        shares = self._class_shares() if total < 0 else {line["tax_class"]: Decimal(1)}
        self._tax_simple(line, [(self._rates(name), total * share) for name, share in shares.items()])

    def _class_shares(self) -> dict[str, Decimal]:
        """A negative fee is taxed like what it lowers, class by class; its part on untaxed goods bears nothing."""
        costs: dict[str, Decimal] = {}
        untaxed = ZERO
        for name, line in self._charged():
            if line.get("tax_status", "taxable") == "taxable":
                costs[name] = costs.get(name, ZERO) + dec(line["total"])
            else:
                untaxed += dec(line["total"])
        whole = sum(costs.values(), untaxed)
        return {name: cost / whole for name, cost in costs.items()} if whole else {}

    def _charged(self) -> list[tuple[str, Line]]:
        """Goods, fees and carriage that cost something, with their tax class."""
        carriage = self._shipping_class()
        rows = [(str(line["tax_class"]), line) for kind in ("line_items", "fee_lines") for line in self.order[kind]]
        rows += [(carriage, line) for line in self.order["shipping_lines"]]
        return [(name, line) for name, line in rows if dec(line["total"]) > 0]

    def _coupons(self) -> None:
        """Spread the coupons over the lines; a line starts again from its subtotal."""
        if not self.order["coupon_lines"]:
            return
        for line in self.order["line_items"]:
            self._tax_line(line)
            line["total"] = line["subtotal"]
        left = {line["id"]: self._discountable(line) for line in self.order["line_items"]}
        for coupon in self.order["coupon_lines"]:
            cut = self._cuts(coupon, left)
            self._apply_cut(coupon, cut)
            left = {number: value - cut.get(number, 0) for number, value in left.items()}

    def _discountable(self, line: Line) -> Decimal:
        """What a coupon may lower, in cents of the shop: the entered price, with tax where prices include it."""
        base = dec(line["subtotal"]) + (dec(line["subtotal_tax"]) if self.rules.include_tax else ZERO)
        return base / self.rules.unit

    def _cuts(self, coupon: Line, left: dict[int, Decimal]) -> dict[int, int]:
        amount = dec(coupon["amount"])
        lines = sorted(
            (line for line in self.order["line_items"] if left[line["id"]] > 0),
            key=lambda line: -left[line["id"]] * int(line["quantity"]),
        )
        if coupon["discount_type"] == "percent":
            return _percent(lines, left, amount)
        if coupon["discount_type"] == "fixed_product":
            return {
                line["id"]: _least(left[line["id"]], amount / self.rules.unit * int(line["quantity"])) for line in lines
            }
        return _fixed(lines, left, int(amount / self.rules.unit))

    def _apply_cut(self, coupon: Line, cuts: dict[int, int]) -> None:
        discount = tax = ZERO
        for line in self.order["line_items"]:
            cut = cuts.get(line["id"], 0) * self.rules.unit
            if not cut:
                continue
            taxes = self._cut_taxes(line, cut)
            net = cut - sum(taxes, ZERO) if self.rules.include_tax else cut
            line["total"] = plain(max(dec(line["total"]) - net, ZERO))
            discount += self.rules.net(net)
            tax += sum((self.rules.line_tax(one) for one in taxes), ZERO)
        coupon["discount"], coupon["discount_tax"] = plain(discount), plain(tax)

    def _cut_taxes(self, line: Line, cut: Decimal) -> list[Decimal]:
        taxable = line.get("tax_status", "taxable") == "taxable"
        rates = self._rates(line["tax_class"]) if taxable else []
        return list((contained if self.rules.include_tax else added)(cut, rates).values())

    def _tax_lines(self) -> None:
        """One line per rate; lines of rates already there keep their id."""
        goods, carriage = self._by_rate(("line_items", "fee_lines")), self._by_rate(("shipping_lines",))
        known = {line["rate_id"]: line for line in self.order["tax_lines"]}
        rows: list[Line] = []
        for number in dict.fromkeys([*goods, *carriage]):
            rate = self.store.tax_rates.get(number)
            row = dict(known.get(number) or {"id": self.store.next_id("order_item"), "rate_id": number})
            if rate is not None:
                row["rate_code"] = "-".join(
                    part for part in (rate["country"], rate["name"], str(rate["priority"])) if part
                )
                row |= {"label": rate["name"], "compound": rate["compound"], "rate_percent": float(rate["rate"])}
            row["tax_total"], row["shipping_tax_total"] = (
                plain(goods.get(number, ZERO)),
                plain(carriage.get(number, ZERO)),
            )
            rows.append(row)
        self.order["tax_lines"] = rows

    def _by_rate(self, names: Iterable[str]) -> dict[int, Decimal]:
        sums: dict[int, Decimal] = {}
        for name in names:
            for line in self.order[name]:
                for tax in line["taxes"]:
                    sums[tax["id"]] = sums.get(tax["id"], ZERO) + self.rules.line_tax(dec(tax["total"]))
        return sums

    def _sum_up(self) -> None:
        order, rules = self.order, self.rules
        lines = order["line_items"]
        before = sum((rules.net(dec(line["subtotal"])) for line in lines), ZERO)
        after = sum((rules.net(dec(line["total"])) for line in lines), ZERO)
        fees = sum((dec(line["total"]) for line in order["fee_lines"]), ZERO)
        shipping = sum((dec(line["total"]) for line in order["shipping_lines"]), ZERO)
        cart_tax = sum((dec(line["tax_total"]) for line in order["tax_lines"]), ZERO)
        shipping_tax = sum((dec(line["shipping_tax_total"]) for line in order["tax_lines"]), ZERO)
        order["discount_total"] = plain(rules.shown(before - after))
        order["discount_tax"] = plain(self._discount_tax())
        order["shipping_total"], order["shipping_tax"] = plain(shipping), plain(shipping_tax)
        order["cart_tax"] = plain(cart_tax)
        order["total_tax"] = plain(rules.shown(cart_tax + shipping_tax))
        total = after + fees + shipping + cart_tax + shipping_tax
        order["total"] = plain(rules.shown(max(total, ZERO)))

    def _discount_tax(self) -> Decimal:
        if self.order["coupon_lines"]:
            tax = sum((dec(line["discount_tax"]) for line in self.order["coupon_lines"]), ZERO)
        else:
            tax = sum((dec(one["subtotal_tax"]) - dec(one["total_tax"]) for one in self.order["line_items"]), ZERO)
        return self.rules.shown(tax)


def _least(one: Decimal, other: Decimal) -> int:
    return int(one if one < other else other)


def _percent(lines: list[Line], left: dict[int, Decimal], amount: Decimal) -> dict[int, int]:
    """A share of each line, rounded down; the cents missing to the rounded whole go to the first lines (recorded)."""
    cuts = {line["id"]: int(left[line["id"]] * amount / 100) for line in lines}
    whole = sum((left[line["id"]] for line in lines), ZERO) * amount / 100
    missing = int(whole.quantize(Decimal(1), rounding=ROUND_HALF_DOWN)) - sum(cuts.values())
    return _hand_out(lines, left, cuts, missing)


def _fixed(lines: list[Line], left: dict[int, Decimal], amount: int) -> dict[int, int]:
    """The same sum per unit over all lines, then the remaining cents one by one."""
    cuts = {line["id"]: 0 for line in lines}
    rest = amount
    while rest > 0:
        open_lines = [line for line in lines if left[line["id"]] - cuts[line["id"]] >= 1]
        units = sum(int(line["quantity"]) for line in open_lines)
        each = rest // units if units else 0
        if not each:
            return _hand_out(open_lines, left, cuts, rest)
        for line in open_lines:
            cut = _least(left[line["id"]] - cuts[line["id"]], Decimal(each * int(line["quantity"])))
            cuts[line["id"]] += cut
            rest -= cut
    return cuts


def _hand_out(lines: list[Line], left: dict[int, Decimal], cuts: dict[int, int], cents: int) -> dict[int, int]:
    for line in lines:
        for _ in range(int(line["quantity"])):
            if cents <= 0 or left[line["id"]] - cuts[line["id"]] < 1:
                break
            cuts[line["id"]] += 1
            cents -= 1
    return cuts
