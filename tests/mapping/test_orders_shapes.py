"""Orders as real shops hold them, odd and damaged ones too: equal to the cent or refused by name, never a crash."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from atoosync.orders_replay import replay
from connectors.core.problems import ConnectorError
from sync.mapping.customers import plan_customer
from sync.mapping.orders import map_order
from tests.mapping.cart_shop import Cart, Item, Voucher
from tests.mapping.order_support import MOMENT, Catalogue, parsed, profile

Body = dict[str, Any]
TWENTY = Item(Decimal("50.00"), 2)
REDUCED = Item(Decimal("20.00"), 1, "reduced")
LONG = (Item(Decimal("1.2345"), 7), Item(Decimal("0.0333"), 100, "reduced"))
PORT = (Decimal("6.90"), "standard")
FREE = Voucher("percent", Decimal(100))


def _order(*items: Item, shipping: tuple[Any, ...] = (PORT,), **more: Any) -> Body:
    body = Cart(items or (TWENTY, REDUCED), shipping=shipping, **more).rest()
    plain: Body = json.loads(json.dumps(body, default=str))
    return plain


def _with(change: Callable[[Body], Any], *items: Item, **more: Any) -> Body:
    body = _order(*items, **more)
    change(body)
    return body


def _each(kind: str, **values: Any) -> Callable[[Body], Any]:
    return lambda body: [row.update(values) for row in body[kind]]


def _more(body: Body, kind: str, row: Body, total: str, tax: str = "0") -> None:
    """Adds a row and what it does to the totals."""
    body[kind].append({"id": 99, **row})
    body["total"] = str(Decimal(body["total"]) + Decimal(total) + Decimal(tax))


def _compound(body: Body) -> None:
    taxes = [{"id": 1, "total": "5", "subtotal": "5"}, {"id": 2, "total": "10.47375", "subtotal": "10.47375"}]
    body["line_items"][0].update(taxes=taxes, total_tax="15.47", subtotal_tax="15.47")
    first = {"rate_id": 1, "rate_code": "CA-GST-1", "label": "GST", "rate_percent": 5, "compound": False}
    second = {"rate_id": 2, "rate_code": "CA-QST-2", "label": "QST", "rate_percent": 9.975, "compound": True}
    sums = ({"tax_total": "5.00", "shipping_tax_total": "0"}, {"tax_total": "10.47", "shipping_tax_total": "0"})
    body["tax_lines"] = [first | sums[0], second | sums[1]]
    body.update(total="115.47", total_tax="15.47")


def _empty(body: Body) -> None:
    body.update(line_items=[], shipping_lines=[], tax_lines=[], total="0")


GIFT_CARD = {"name": "Carte cadeau", "product_id": 5, "quantity": 1, "total": "30.00", "total_tax": "0", "taxes": []}
CREDIT = {"name": "Avoir", "total": "-10.00", "total_tax": "0", "taxes": [], "tax_status": "none"}
PLUGIN = [{"key": "_woocs_order_rate", "value": "1.08"}, {"key": "_wcpdf", "value": {"a": [1]}}]
REFUND = [{"id": 9, "reason": "x", "total": "-5.00"}]

# What the order is, as the shop shows it, and the code of its refusal («» when it becomes a document).
SHAPES: list[tuple[str, Body, str]] = [
    ("a negative fee", _order(fees=[("Remise", Decimal(-10), "standard")]), ""),
    ("a negative fee without tax", _with(lambda b: _more(b, "fee_lines", CREDIT, "-10")), ""),
    ("a negative fee above a rate", _order(fees=[("Remise", Decimal(-40), "standard")]), ""),
    *(
        (f"{label}, with tax {include_tax}, at the end {at_subtotal}", _order(include_tax=include_tax,
         at_subtotal=at_subtotal, **more), "")
        for include_tax in (False, True)
        for at_subtotal in (False, True)
        for label, more in (
            ("a coupon of 100 %", {"vouchers": [FREE]}),
            ("nothing to pay", {"vouchers": [FREE], "shipping": ()}),
            ("a coupon above the cart", {"vouchers": [Voucher("fixed_cart", Decimal(1000))]}),
        )
    ),
    ("prices of four decimals", _order(*LONG), ""),
    ("prices of four decimals with tax", _order(*LONG, at_subtotal=True, include_tax=True), ""),
    ("refunded", _with(lambda b: b.update(status="refunded", refunds=REFUND)), ""),
    ("another currency by an extension", _with(lambda b: b["meta_data"].extend(PLUGIN), currency="USD"), ""),
    ("deleted products", _with(_each("line_items", product_id=0, sku=None)), ""),
    ("a sku that is false", _with(_each("line_items", sku=False)), ""),
    ("made by hand without payment", _with(lambda b: b.update(payment_method="", date_paid_gmt=None)), ""),
    ("no tax rows", _with(lambda b: b.update(tax_lines=[])), ""),
    ("a rate id that no tax row has", _with(lambda b: b["tax_lines"].pop()), ""),
    ("a tax row without rate id", _with(lambda b: b["tax_lines"][0].update(rate_id=0)), ""),
    ("rates without percentage", _with(_each("tax_lines", rate_percent=None)), ""),
    ("rates that show 0", _with(_each("tax_lines", rate_percent=0)), ""),
    ("rates without percentage and name", _with(_each("tax_lines", rate_percent=None, label="", rate_code="")), ""),
    ("compound taxes", _with(_compound, TWENTY, shipping=()), ""),
    ("carriage without method", _with(_each("shipping_lines", method_id="", method_title="")), ""),
    ("carriage with nothing", _with(_each("shipping_lines", method_id=None, method_title=None)), ""),
    ("three decimals shown", _order(decimals=3), ""),
    ("three decimals", _with(lambda b: b.update(total="12.606"), decimals=3), "currency_decimals"),
    ("a gift card without tax", _with(lambda b: _more(b, "line_items", GIFT_CARD, "30")), ""),
    ("a quantity of 0", _with(lambda b: b["line_items"][0].update(quantity=0)), ""),
    ("a quantity of 1.5", _with(lambda b: b["line_items"][0].update(quantity="1.5")), ""),
    ("no line at all", _with(_empty), "order_empty"),
    ("no address", _with(lambda b: b.update(billing=[], shipping=[], meta_data={})), ""),
    ("an amount that is none", _with(lambda b: b["line_items"][0].update(total="abc")), "order_amount_unreadable"),
    ("an amount out of this world", _with(lambda b: b.update(total="1E+30")), "order_amount_unreadable"),
    ("a negative total", _with(lambda b: b.update(total="-5.00")), "order_amount_impossible"),
    ("no total", _with(lambda b: b.update(total="")), "order_total_missing"),
    ("taxes taken away", _with(lambda b: b["line_items"][0].update(taxes=None)), "tax_rate_missing"),
    ("no dates in GMT", _with(lambda b: b.update(date_created_gmt=None, date_created="2026-10-25T02:30:00")), ""),
    ("a tax row nobody bears", _with(lambda b: b["tax_lines"].append({"rate_id": 9, "rate_percent": 13})), ""),
]  # fmt: skip


@pytest.mark.covers("ORD-10", "ORD-09", "ORD-12")
def test_p13_p14_every_shape_of_order_is_equal_in_sage_or_refused_by_name() -> None:
    bodies = [({**body, "id": number, "number": str(number)}, []) for number, (_, body, _) in enumerate(SHAPES, 1)]
    found = {}
    for (label, body, _), result in zip(SHAPES, replay(bodies), strict=True):
        found[label] = result.code if result.status == "refused" else ""
        if result.status == "refused":
            assert result.sentence, label
            continue
        assert (result.difference, result.document_total) == (0, Decimal(str(body["total"]))), label
        assert not [row for row in (result.vat or {}).values() if Decimal(row["difference"])], label
    assert found == {label: code for label, _, code in SHAPES}


# --- Damaged orders --------------------------------------------------------------------------------------------------

ODD = (None, "", [], {}, 0, -1, True, "abc", "1,5", "1E+30", "-1E+30", "NaN", "Infinity", "1e-9", Decimal("1E+40"),
       "\x00", "²", [None], [[]], [{}], {"a": {}}, "x" * 3000)  # fmt: skip
GONE = object()


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from _paths(inner, (*path, key))


def _damaged(body: Body, path: tuple[Any, ...], value: Any) -> Body:
    copied = copy.deepcopy(body)
    place: Any = copied
    for key in path[:-1]:
        place = place[key]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copied


def _outcome(body: Body, options: dict[str, Any]) -> str:
    """Code of the refusal, which has a sentence, or «mapped» for a document with the total of the order."""
    try:
        order = parsed(body)
        document = map_order(order, options, Catalogue(), MOMENT)
        plan_customer(order, options, accounting_category=document.accounting_category, carrier="")
    except ConnectorError as refusal:
        return refusal.problem.code if refusal.problem.text() else "without a sentence"
    return "mapped" if document.expected_gross == order.total else "another total"


@pytest.mark.covers("ORD-12")
def test_p12_no_damaged_order_stops_an_import() -> None:
    """Every value of an order in turn is replaced by odd ones: it is mapped, or refused with a sentence."""
    fees = [("Remise", Decimal(-10), "standard"), ("Emballage cadeau", Decimal(2), "standard")]
    body = _order(fees=fees, vouchers=[Voucher("percent", Decimal(10))])
    body["refunds"] = REFUND
    options, outcomes = profile(), Counter[str]()
    for path in list(_paths(body)):
        for value in (*ODD, GONE):
            outcomes[_outcome(_damaged(body, path, value), options)] += 1
    assert {"without a sentence", "another total"}.isdisjoint(outcomes)
    assert outcomes["mapped"] > 1000
    assert outcomes["order_amount_unreadable"] > 200
