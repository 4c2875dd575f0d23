"""A small shop that computes carts as WooCommerce was seen to, written apart from the stand-in and from the product.

`Cart.rest()` gives the order as the REST API shows it. Rules taken from recordings: amounts are kept without tax at six
decimals; prices entered with tax lose the shop's own rate; taxes are rounded per line (half down where prices include
tax) or once per rate at the end; coupons are whole cents of the entered prices, floored and then handed out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")
MICRO = Decimal("0.000001")
RATES = {"standard": "20", "intermediate": "10", "reduced": "5.5", "super": "2.1", "zero": "0"}
ABROAD = {
    "gst": "5",
    "pst": "7",
    "qst": "9.975",
    "hst": "13",
    "qst_compound": "9.5",
    "cgst": "9",
    "sgst": "9",
    "cgst_low": "2.5",
    "sgst_low": "2.5",
    "igst": "18",
    "cess": "1",
    "eco": "1.5",
}
ALL_RATES = RATES | ABROAD
RATE_IDS = {name: str(index) for index, name in enumerate(ALL_RATES, start=1)}
CODES = {
    **{name: f"FR-TVA {percent}-1" for name, percent in RATES.items()},
    "gst": "CA-BC-GST-1",
    "pst": "CA-BC-PST-2",
    "qst": "CA-QC-QST-2",
    "hst": "CA-ON-HST-1",
    "qst_compound": "CA-QC-QST-3",
    "cgst": "IN-KA-CGST-1",
    "sgst": "IN-KA-SGST-2",
    "cgst_low": "IN-KA-CGST-1",
    "sgst_low": "IN-KA-SGST-2",
    "igst": "IN-IGST-1",
    "cess": "IN-KA-CESS-3",
    "eco": "FR-ECOTAXE-2",
}
COMPOUND = {"qst_compound"}
STACKS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ALL_RATES},
    "bc": ("gst", "pst"),
    "qc": ("gst", "qst"),
    "qc_old": ("gst", "qst_compound"),
    "ka": ("cgst", "sgst"),
    "ka_low": ("cgst_low", "sgst_low"),
    "ka_cess": ("cgst", "sgst", "cess"),
    "lamp": ("eco", "standard"),
    "gst_zero": ("gst", "zero"),
    "zero_pst": ("zero", "pst"),
}
"""Rates by tax class: on foreign markets a class bears several at once."""


@dataclass(frozen=True)
class Item:
    """Goods: entered price of one piece, quantity, tax class (a key of RATES)."""

    price: Decimal
    quantity: int
    tax_class: str = "standard"


@dataclass(frozen=True)
class Voucher:
    """A coupon: `percent`, `fixed_cart` or `fixed_product`."""

    kind: str
    value: Decimal


@dataclass
class Cart:
    """What a shopper buys under which settings of the shop."""

    items: Sequence[Item]
    include_tax: bool = False
    at_subtotal: bool = False
    decimals: int = 6
    vouchers: Sequence[Voucher] = ()
    fees: Sequence[tuple[str, Decimal, str]] = ()
    shipping: Sequence[tuple[Decimal, str]] = ()
    exempt: bool = False
    country: str = "FR"
    currency: str = "EUR"
    number: int = 1
    status: str = "processing"
    places: int = 2
    _next: int = field(default=1, init=False)

    def rest(self) -> dict[str, Any]:
        """The order as REST shows it with `dp=decimals`."""
        self._next = 1
        goods = self._goods()
        shipping = [self._charge(amount, {name: Decimal(1)}) for amount, name in self.shipping]
        fees = [
            {**self._charge(amount, self._fee_classes(amount, name)), "name": label}
            for label, amount, name in self.fees
        ]
        return self._body(goods, shipping, fees)

    # --- Amounts ---------------------------------------------------------------------------------------------

    def _net(self, entered: Decimal, tax_class: str) -> Decimal:
        # Entered prices contain the tax of the shop's own country, also for a buyer who owes none.
        factor = 1 + sum(_fractions(tax_class).values(), Decimal(0)) if self.include_tax else Decimal(1)
        return (entered / factor).quantize(MICRO, ROUND_HALF_UP)

    def _taxes(self, net: Decimal, classes: dict[str, Decimal]) -> dict[str, Decimal]:
        """Tax by rate of an amount that is spread over classes."""
        found: dict[str, Decimal] = {}
        for name, share in classes.items():
            for rate, fraction in _fractions(name).items():
                found[rate] = found.get(rate, Decimal(0)) + net * share * fraction
        return {rate: tax.quantize(MICRO, ROUND_HALF_UP) for rate, tax in found.items()}

    @property
    def _unit(self) -> Decimal:
        return Decimal(1).scaleb(-self.places)

    def _kept(self, tax: Decimal) -> Decimal:
        if self.at_subtotal:
            return tax
        return tax.quantize(self._unit, ROUND_HALF_DOWN if self.include_tax else ROUND_HALF_UP)

    def _cuts(self) -> list[int]:
        """Cents of entered price taken off every item by the vouchers, one after the other."""
        left = [int(item.price * item.quantity * 100) for item in self.items]
        cuts = [0] * len(left)
        for voucher in self.vouchers:
            for index, cut in enumerate(self._cut(voucher, left)):
                cuts[index] += cut
                left[index] -= cut
        return cuts

    def _cut(self, voucher: Voucher, left: list[int]) -> list[int]:
        if voucher.kind == "fixed_product":
            each = int(voucher.value * 100)
            return [min(amount, each * item.quantity) for amount, item in zip(left, self.items, strict=True)]
        if voucher.kind == "percent":
            shares = [Decimal(amount) * voucher.value / 100 for amount in left]
            whole = int(sum(shares, Decimal(0)).quantize(Decimal(1), ROUND_HALF_UP))
        else:
            whole = min(int(voucher.value * 100), sum(left))
            total = sum(left) or 1
            shares = [Decimal(whole) * amount / total for amount in left]
        cuts = [int(share.quantize(Decimal(1), ROUND_FLOOR)) for share in shares]
        index = 0
        while sum(cuts) < whole:
            if cuts[index % len(cuts)] < left[index % len(cuts)]:
                cuts[index % len(cuts)] += 1
            index += 1
        return cuts

    # --- Lines -----------------------------------------------------------------------------------------------

    def _id(self) -> int:
        self._next += 1
        return self._next

    def _goods(self) -> list[dict[str, Any]]:
        rows = []
        for item, cut in zip(self.items, self._cuts(), strict=True):
            entered = item.price * item.quantity
            subtotal = self._net(entered, item.tax_class)
            total = self._net(entered - Decimal(cut) / 100, item.tax_class)
            if not self.include_tax:
                total = total.quantize(CENT)
            rows.append(self._row(subtotal, total, {item.tax_class: Decimal(1)}, item))
        return rows

    def _row(self, subtotal: Decimal, total: Decimal, classes: dict[str, Decimal], item: Item | None) -> dict[str, Any]:
        taxes, tax, tax_before = [], Decimal(0), Decimal(0)
        befores = self._taxes(subtotal, classes)
        for name, after in ({} if self.exempt else self._taxes(total, classes)).items():
            before = befores[name]
            taxes.append(
                {"id": int(RATE_IDS[name]), "total": _short(after), "subtotal": _short(before) if item else ""}
            )
            tax += self._kept(after)
            tax_before += self._kept(before)
        return {
            "id": self._id(),
            "subtotal": subtotal,
            "total": total,
            "subtotal_tax": tax_before,
            "total_tax": tax,
            "taxes": taxes,
            "quantity": item.quantity if item else 1,
            "classes": list(classes),
        }

    def _charge(self, amount: Decimal, classes: dict[str, Decimal]) -> dict[str, Any]:
        return {**self._row(amount, amount, classes, None), "tax_status": "taxable"}

    def _fee_classes(self, amount: Decimal, tax_class: str) -> dict[str, Decimal]:
        """A negative fee is taxed like the goods it lowers."""
        if amount >= 0:
            return {tax_class: Decimal(1)}
        costs: dict[str, Decimal] = {}
        for item in self.items:
            costs[item.tax_class] = costs.get(item.tax_class, Decimal(0)) + item.price * item.quantity
        whole = sum(costs.values(), Decimal(0))
        return {name: cost / whole for name, cost in costs.items()} if whole else {tax_class: Decimal(1)}

    # --- Totals ----------------------------------------------------------------------------------------------

    def _body(self, goods: list[Any], shipping: list[Any], fees: list[Any]) -> dict[str, Any]:
        cart_tax = sum((row["total_tax"] for row in goods + fees), Decimal(0))
        shipping_tax = sum((row["total_tax"] for row in shipping), Decimal(0))
        nets = [row["total"] for row in goods + fees + shipping]
        if not self.at_subtotal:
            nets = [net.quantize(self._unit, ROUND_HALF_UP) for net in nets]
        total_tax = (cart_tax + shipping_tax).quantize(self._unit, ROUND_HALF_UP)
        total = (sum(nets, Decimal(0)) + cart_tax + shipping_tax).quantize(self._unit, ROUND_HALF_UP)
        address = {
            "first_name": "Jeanne",
            "last_name": "Petit",
            "country": self.country,
            "postcode": "69001",
            "city": "Lyon",
        }
        return {
            "id": self.number,
            "number": str(self.number),
            "status": self.status,
            "currency": self.currency,
            "prices_include_tax": self.include_tax,
            "date_created_gmt": "2026-11-20T10:00:00",
            "date_modified_gmt": "2026-11-20T10:00:00",
            "date_paid_gmt": "2026-11-20T10:05:00",
            "customer_id": 4,
            "payment_method": "bacs",
            "payment_method_title": "Virement",
            "billing": {**address, "email": "jeanne@example.test"},
            "shipping": address,
            "meta_data": [{"key": "is_vat_exempt", "value": "yes" if self.exempt else "no"}],
            "total": self._shown(total),
            "total_tax": self._shown(total_tax),
            "line_items": [self._shown_goods(row, index) for index, row in enumerate(goods)],
            "shipping_lines": [
                {**self._shown_row(row), "method_title": "Colissimo", "method_id": "flat_rate"} for row in shipping
            ],
            "fee_lines": [{**self._shown_row(row), "name": row["name"]} for row in fees],
            "tax_lines": self._tax_lines(goods + fees, shipping),
            "coupon_lines": [{"code": f"BON{index}", "discount": "0"} for index, _ in enumerate(self.vouchers)],
            "refunds": [],
        }

    def _shown(self, value: Decimal) -> str:
        return f"{value.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP):f}"

    def _shown_row(self, row: dict[str, Any]) -> dict[str, Any]:
        amounts = ("subtotal", "total", "subtotal_tax", "total_tax")
        return {name: self._shown(value) if name in amounts else value for name, value in row.items()}

    def _shown_goods(self, row: dict[str, Any], index: int) -> dict[str, Any]:
        names = {"name": f"Article {index}", "sku": f"SKU-{index}", "product_id": 100 + index, "variation_id": 0}
        return {**self._shown_row(row), **names}

    def _tax_lines(self, goods: list[Any], shipping: list[Any]) -> list[dict[str, Any]]:
        found: dict[str, list[Decimal]] = {}
        for place, rows in enumerate((goods, shipping)):
            for row in rows:
                for tax in row["taxes"]:
                    sums = found.setdefault(str(tax["id"]), [Decimal(0), Decimal(0)])
                    sums[place] += self._kept(Decimal(tax["total"]))
        names = {number: name for name, number in RATE_IDS.items()}
        return [
            {
                "rate_id": int(number),
                "rate_code": CODES[names[number]],
                "label": CODES[names[number]].split("-")[-2],
                "rate_percent": ALL_RATES[names[number]],
                "compound": names[number] in COMPOUND,
                "tax_total": self._shown(sums[0]),
                "shipping_tax_total": self._shown(sums[1]),
            }
            for number, sums in found.items()
        ]


def _fractions(tax_class: str) -> dict[str, Decimal]:
    """What each rate of a class comes to for 1 without tax; a compound one counts on the taxes before it."""
    found = {name: Decimal(ALL_RATES[name]) / 100 for name in STACKS[tax_class]}
    for name in COMPOUND & found.keys():
        found[name] *= 1 + sum((part for rate, part in found.items() if rate != name), Decimal(0))
    return found


def _short(value: Decimal) -> str:
    text = f"{value.quantize(MICRO, ROUND_HALF_UP):f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def random_cart(seed: int, **settings: Any) -> Cart:
    """A cart of a French shop, the same for the same seed: up to fifteen lines, all rates, vouchers, fees, carriage."""
    dice = random.Random(seed)  # noqa: S311 not for secrets
    mixes = settings.pop("mixes", None) or (
        *(["standard"], ["standard", "reduced"]),
        *(["standard", "intermediate", "reduced"], list(RATES)),
    )
    classes = dice.choice(mixes)
    items = [
        Item(
            Decimal(dice.randint(0 if dice.random() < 0.05 else 5, 25000)) / 100,
            dice.choice((1, 1, 1, 2, 3, 7, 12)),
            dice.choice(classes),
        )
        for _ in range(dice.choice((1, 1, 2, 3, 5, 8, 15)))
    ]
    worth = sum((item.price * item.quantity for item in items), Decimal(0))
    vouchers = [_voucher(dice) for _ in range(dice.choice((0, 0, 0, 1, 1, 2)))]
    fees: list[tuple[str, Decimal, str]] = []
    if dice.random() < 0.2:
        fees.append(("Emballage cadeau", Decimal(dice.randint(50, 900)) / 100, classes[0]))
    if dice.random() < 0.15 and worth > 50 and not vouchers:
        fees.append(("Remise fidélité", -Decimal(dice.randint(100, 1500)) / 100, classes[0]))
    shipping = [(Decimal(dice.choice((0, 490, 575, 690, 1290))) / 100, classes[0])] if dice.random() < 0.8 else []
    return Cart(items, vouchers=vouchers, fees=fees, shipping=shipping, number=seed + 1, **settings)


def _voucher(dice: random.Random) -> Voucher:
    kind = dice.choice(("percent", "fixed_cart", "fixed_product"))
    return Voucher(
        kind, Decimal(dice.choice((5, 10, 15, 33))) if kind == "percent" else Decimal(dice.randint(50, 2000)) / 100
    )
