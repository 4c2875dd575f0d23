"""Orders as the shop recorded them, and documents as the ERP shall hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from connectors.canonical.base import Record
from connectors.canonical.parties import Address, Buyer
from connectors.canonical.values import TaxBasis


class LineKind(StrEnum):
    """What a line stands for; each kind keeps its own tax rows."""

    GOODS = "goods"
    SHIPPING = "shipping"
    WRAPPING = "wrapping"
    FEE = "fee"
    DISCOUNT = "discount"
    ECO = "eco"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRate:
    """A tax rate of the shop as an order recorded it. ``percent`` is ``None`` when the order does not tell it.

    ``compound``: it counts on the amount with every tax before it.
    """

    key: str
    code: str = ""
    label: str = ""
    percent: Decimal | None = None
    compound: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTax:
    """Tax of one line at one rate, as recorded, unrounded."""

    rate: str
    amount: Decimal
    before_discount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One line of an order. Amounts are without tax and for the whole quantity; ``net`` is after discount.

    ``product_key`` and ``variant_key`` are the shop's (empty for a free line or a deleted product). ``exempt``: why
    the line bears no tax although it has an amount; empty means that nobody said so.
    """

    key: str
    kind: LineKind
    name: str
    quantity: Decimal = Decimal(1)
    net: Decimal
    net_before_discount: Decimal
    tax: Decimal
    taxes: tuple[RecordedTax, ...] = ()
    exempt: str = ""
    reference: str = ""
    product_key: str = ""
    variant_key: str = ""
    options: tuple[tuple[str, str], ...] = ()
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTotal:
    """VAT of the whole order at one rate, rounded as the shop shows it."""

    rate: str
    goods: Decimal
    shipping: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPayment:
    """How an order was or will be paid. ``paid_at`` is ``None`` while it is not; the status does not tell."""

    method: str
    title: str
    amount: Decimal
    paid_at: datetime | None
    transaction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """A voucher of an order; its amounts are already inside the lines and are never subtracted again."""

    code: str
    net: Decimal
    tax: Decimal
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLine:
    """What a refund gives back of one line (positive amounts)."""

    line: str
    kind: LineKind
    quantity: Decimal
    net: Decimal
    taxes: tuple[RecordedTax, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(Record):
    """A refund of an order, full or partial, with its own key. ``amount`` is positive, with tax."""

    key: str
    order_key: str
    amount: Decimal
    reason: str
    created_at: datetime
    lines: tuple[RefundLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Record):
    """An order as the shop recorded it; nothing in it was recomputed from rates.

    ``total`` is with tax; ``rate_totals`` and ``total_tax`` are the shop's own. ``number`` is what people see, ``key``
    what identifies. ``erased``: personal data were removed in the shop (GDPR). ``mark`` is our own transfer mark.
    ``cancelled``: the shop gave the order up (cancelled, payment failed), whatever its status is called.
    ``payment`` is the order's own payment, ``other_payments`` what was paid otherwise (gift cards, deposits); ``total``
    counts them all. ``decimals``: to how many the shop rounds totals and taxes, whatever the currency has.
    ``note`` is the buyer's message, ``team_notes`` what people of the shop wrote, oldest first.
    """

    key: str
    number: str
    status: str
    currency: str
    created_at: datetime
    modified_at: datetime
    completed_at: datetime | None = None
    prices_include_tax: bool = False
    decimals: int = 2
    total: Decimal
    total_tax: Decimal
    buyer: Buyer
    billing: Address
    shipping: Address
    payment: OrderPayment
    other_payments: tuple[OrderPayment, ...] = ()
    lines: tuple[OrderLine, ...]
    rates: tuple[ShopRate, ...] = ()
    rate_totals: tuple[RateTotal, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    refunds: tuple[Refund, ...] = ()
    note: str = ""
    team_notes: tuple[str, ...] = ()
    channel: str = ""
    carrier: str = ""
    carrier_title: str = ""
    exempt: str = ""
    erased: bool = False
    cancelled: bool = False
    mark: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


class DocumentKind(StrEnum):
    """What is created in the ERP."""

    QUOTE = "quote"
    ORDER = "order"
    DELIVERY = "delivery"
    INVOICE = "invoice"
    CREDIT = "credit"


class TaxBase(StrEnum):
    """What a tax in percent is computed on.

    ``NET``: the amount without tax, raised by the taxes of base ``RAISING``. ``RAISING``: the amount without tax; the
    tax itself bears those of base ``NET``. ``TOTAL``: the amount with the taxes of the two other kinds.
    """

    NET = "net"
    RAISING = "raising"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTax:
    """A tax of the ERP on a line: its code, its percentage and what that counts on."""

    code: str
    percent: Decimal
    base: TaxBase = TaxBase.NET


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """One line of an ERP document.

    ``article`` is the ERP's article key and ``variant`` its variant key (equal without ranges). ``unit_price`` is in
    the basis that leads (``basis`` of the document). ``discount`` is an amount for the whole line in that basis, taken
    after ``quantity * unit_price`` so that no cent is lost. ``net`` and ``gross`` are the line's amounts at 2 decimals
    that the ERP must arrive at. ``tax`` is ``None`` for an exempt line; ``more_taxes`` are the second and the third tax
    of a line that bears several. ``source`` is the key of the order's line this one comes from (empty for a rounding
    line or a discount that belongs to several).
    """

    position: int
    kind: LineKind
    article: str
    variant: str = ""
    designation: str = ""
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = Decimal(0)
    tax: DocumentTax | None
    more_taxes: tuple[DocumentTax, ...] = ()
    net: Decimal
    gross: Decimal
    source: str = ""

    @property
    def taxes(self) -> tuple[DocumentTax, ...]:
        """Every tax of the line."""
        return (self.tax, *self.more_taxes) if self.tax else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FooterCharge:
    """Shipping in the footer of a document instead of a line."""

    amount: Decimal
    basis: TaxBasis
    tax: DocumentTax | None
    more_taxes: tuple[DocumentTax, ...] = ()
    net: Decimal
    gross: Decimal

    @property
    def taxes(self) -> tuple[DocumentTax, ...]:
        """Every tax of the charge."""
        return (self.tax, *self.more_taxes) if self.tax else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """A payment created with the document. ``method`` and ``journal`` are keys of the ERP's lists.

    ``payment`` tells which of the order's other payments it is; empty for its own one and for a difference.
    """

    amount: Decimal
    on: date
    label: str
    method: str
    journal: str = ""
    reference: str = ""
    payment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """A part of what is left to pay on a document, due on a day by a payment method of the ERP's list.

    Either ``percent`` of what deposits leave to pay, or ``amount`` in the document's currency. The last instalment of
    a document takes what the others leave, whatever it says.
    """

    on: date
    percent: Decimal | None = None
    amount: Decimal | None = None
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesDocument(Record):
    """A document to be created in the ERP for one order (or for a day's orders, ORD-11).

    ``web_number`` is our searchable reference in the ERP; it is looked up before anything is created. Every code is a
    key of the ERP's lists. ``expected_tax`` maps percentages ("20", "5.5"; never 0) to the VAT the order recorded,
    ``expected_gross`` its total: the ERP's document must equal both to the cent. ``expected_codes`` is the same VAT by
    tax code, for two taxes at one percentage. ``customer`` is the number of the
    ERP's customer, known once that step is done. ``billing`` and ``delivery`` are the order's own addresses: the
    document keeps them as text, whatever the customer card says. ``instalments``: when what is left is due, the last
    one balancing; without any, the ERP applies the customer's terms.
    """

    key: str
    web_number: str
    kind: DocumentKind
    on: date
    delivery_on: date | None = None
    reference: str = ""
    basis: TaxBasis
    lines: tuple[DocumentLine, ...]
    footer: FooterCharge | None = None
    deposits: tuple[Deposit, ...] = ()
    instalments: tuple[Instalment, ...] = ()
    warehouse: str = ""
    series: str = ""
    status: str = ""
    accounting_category: str = ""
    price_category: str = ""
    carrier: str = ""
    currency: str = ""
    currency_rate: Decimal | None = None
    sales_rep: str = ""
    comment: str = ""
    customer: str = ""
    payment_term: str = ""
    billing: Address | None = None
    delivery: Address | None = None
    expected_gross: Decimal
    expected_tax: Mapping[str, Decimal]
    expected_codes: Mapping[str, Decimal] = field(default_factory=dict)


class DocumentState(StrEnum):
    """How far the ERP is with an order, from the least advanced to the most; a quote counts as an order."""

    ORDER = "order"
    PREPARATION = "preparation"
    DELIVERY = "delivery"
    INVOICE = "invoice"
    POSTED = "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTotals:
    """What the ERP holds for a document, read back from it.

    ``state`` is how far the most advanced document of the order is. ``open``: its lines may still be changed: no part
    of it went on, and nobody validated or closed it. ``tax`` is the VAT by percentage, ``codes`` by tax code (empty
    where the ERP keeps no codes).
    """

    piece: str
    kind: DocumentKind
    gross: Decimal
    net: Decimal
    tax: Mapping[str, Decimal]
    codes: Mapping[str, Decimal] = field(default_factory=dict)
    deposits: Decimal = Decimal(0)
    state: DocumentState = DocumentState.ORDER
    open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderProgress(Record):
    """How far the ERP is with an order: most advanced document, tracking, document number, delivery date.

    ``state`` is one of ``order``, ``preparation``, ``delivery``, ``invoice``, ``posted``; ``partial`` when the rest of
    the order is still open. ``status`` is the shop's status to set, put there by the mapping; empty leaves it. An order
    that has one of the statuses ``further`` is left there. ``reference`` is the number that the order shall bear in the
    shop instead of its own; empty leaves it.
    """

    key: str
    web_number: str
    state: str
    status: str = ""
    further: tuple[str, ...] = ()
    partial: bool = False
    piece: str = ""
    tracking: str = ""
    carrier: str = ""
    delivery_on: date | None = None
    invoice: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMark(Record):
    """What is written on an order of the shop once it is in the ERP. ``key`` is the shop's.

    ``document`` is the ERP's piece (empty takes the mark away, ORD-14), ``status`` the shop's status to set (empty
    leaves it).
    """

    key: str
    document: str
    status: str = ""
