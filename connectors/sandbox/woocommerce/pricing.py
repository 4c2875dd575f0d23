"""Prices and stock of a product as the shop derives them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from connectors.sandbox.woocommerce import php
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.store import WooStore

_SYMBOLS = {"EUR": "&euro;", "USD": "&#36;", "GBP": "&pound;"}


@dataclass(frozen=True, slots=True)
class Money:
    """How the shop writes amounts."""

    currency: str
    position: str
    decimal: str
    thousand: str
    decimals: int

    @classmethod
    def of(cls, store: WooStore) -> Money:
        """From the general settings."""
        return cls(
            str(store.setting("woocommerce_currency")),
            str(store.setting("woocommerce_currency_pos")),
            str(store.setting("woocommerce_price_decimal_sep")) or ".",
            str(store.setting("woocommerce_price_thousand_sep")),
            php.intval(store.setting("woocommerce_price_num_decimals")),
        )

    @property
    def symbol(self) -> str:
        """Currency sign as an HTML entity."""
        return _SYMBOLS.get(self.currency, self.currency)

    def text(self, amount: Decimal) -> str:
        """Rounded number with the shop's separators."""
        rounded = amount.quantize(Decimal(1).scaleb(-self.decimals), rounding=ROUND_HALF_UP)
        plain = f"{rounded:,.{self.decimals}f}"
        return plain.replace(",", "\0").replace(".", self.decimal).replace("\0", self.thousand)

    def html(self, amount: Decimal) -> str:
        """An amount as the shop's pages show it."""
        sign = f'<span class="woocommerce-Price-currencySymbol">{self.symbol}</span>'
        number = self.text(amount)
        inner = {
            "left": sign + number,
            "left_space": f"{sign}&nbsp;{number}",
            "right": number + sign,
        }.get(self.position, f"{number}&nbsp;{sign}")
        return f'<span class="woocommerce-Price-amount amount"><bdi>{inner}</bdi></span>'


def amount(text: Any) -> Decimal | None:
    """A stored price as a number, None when it is empty or none."""
    try:
        return Decimal(str(text)) if text not in (None, "") else None
    except InvalidOperation:
        return None


def sale_runs(product: Product, now: int) -> bool:
    """Whether the sale price counts at this moment."""
    sale, regular = amount(product.sale), amount(product.regular)
    if sale is None or regular is None or sale >= regular:
        return False
    start, end = product.get("sale_from"), product.get("sale_to")
    return not ((start and now < start) or (end and now > end))


def own_price(product: Product, now: int) -> str:
    """Price of a simple product or a variation as text, "" when it has none."""
    return product.sale if sale_runs(product, now) else product.regular


def variations(store: WooStore, product: Product) -> list[Product]:
    """Variations of a product, oldest first."""
    return [store.products.rows[one] for one in store.children.get(product.id, ())]


def _sold(store: WooStore, product: Product) -> list[Product]:
    return [one for one in variations(store, product) if one.status == "publish"]


def price(store: WooStore, product: Product) -> str:
    """Price as shown: a variable product takes its lowest variation, a grouped one nothing."""
    now = store.now()
    if product.kind == "grouped":
        return ""
    if product.kind != "variable":
        return own_price(product, now)
    prices = [own_price(one, now) for one in _sold(store, product)]
    found = [(value, text) for text in prices if (value := amount(text)) is not None]
    return min(found)[1] if found else ""


def on_sale(store: WooStore, product: Product) -> bool:
    """Whether a sale runs on it or on one of its variations."""
    now = store.now()
    if product.kind == "variable":
        return any(sale_runs(one, now) for one in _sold(store, product))
    return sale_runs(product, now)


def price_html(store: WooStore, product: Product) -> str:
    """The price as the shop's pages show it."""
    money = Money.of(store)
    if product.kind == "variable":
        return _range_html(store, product, money)
    shown = amount(price(store, product))
    if shown is None:
        return ""
    regular = amount(product.regular)
    if on_sale(store, product) and regular is not None:
        before, after = money.html(displayed(store, product, regular)), money.html(displayed(store, product, shown))
        return f'<del aria-hidden="true">{before}</del> <ins aria-hidden="true">{after}</ins>'
    return money.html(displayed(store, product, shown))


def _range_html(store: WooStore, product: Product, money: Money) -> str:
    now = store.now()
    values = [v for one in _sold(store, product) if (v := amount(own_price(one, now))) is not None]
    if not values:
        return ""
    low, high = (money.html(displayed(store, product, value)) for value in (min(values), max(values)))
    return low if low == high else f"{low} &ndash; {high}"


def displayed(store: WooStore, product: Product, value: Decimal) -> Decimal:
    """An amount with or without tax as the shop displays it to a visitor of its own country."""
    entered_with = store.setting("woocommerce_prices_include_tax") == "yes"
    shown_with = store.setting("woocommerce_tax_display_shop") == "incl"
    if entered_with == shown_with or product.get("tax_status", "taxable") != "taxable":
        return value
    rate = standard_rate(store, product.tax_class)
    return value * (1 + rate) if shown_with else value / (1 + rate)


def standard_rate(store: WooStore, tax_class: str) -> Decimal:
    """The rate of a class in the shop's own country, as a fraction."""
    country = str(store.setting("woocommerce_default_country")).split(":")[0]
    wanted = tax_class if tax_class not in ("", "parent") else "standard"
    for rate in store.tax_rates:
        if rate["class"] == wanted and rate["country"] in ("", country) and not rate["postcodes"]:
            return Decimal(rate["rate"]) / 100
    return Decimal(0)


def stock_status(store: WooStore, product: Product) -> str:
    """Stock state as shown: a variable product follows its variations unless it has its own stock."""
    if product.kind == "variable" and (not product.managed or not store.children.get(product.id)):
        states = {one.stock_status for one in variations(store, product)}
        return next((state for state in ("instock", "onbackorder") if state in states), "outofstock")
    if product.is_variation and not product.managed:
        parent = store.products.get(product.parent)
        if parent is not None and parent.managed:
            return parent.stock_status
    return product.stock_status


def settle_stock(product: Product) -> None:
    """Derive the stock state after a change: managed stock decides it, unmanaged stock forgets its number."""
    if not product.managed:
        product.stock = None
        product.extra.pop("backorders", None)
        product.extra.pop("low_stock_amount", None)
        return
    if (product.stock or 0) > 0:
        product.stock_status = "instock"
    else:
        product.stock_status = "onbackorder" if product.get("backorders", "no") != "no" else "outofstock"
