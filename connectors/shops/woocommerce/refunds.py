"""Refunds of a recorded order, with what each gives back of which line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.canonical.sales import LineKind, OrderLine, RecordedTax, Refund, RefundLine
from connectors.core.paging import PagingBroken
from connectors.core.problems import Problem
from connectors.shops.woocommerce.api import PAGE, WooApi
from connectors.shops.woocommerce.marks import meta_value
from connectors.shops.woocommerce.order_lines import (
    FEES,
    GOODS,
    SHIPPING,
    Row,
    amount,
    id_of,
    line_taxes,
    rows_of,
    text_of,
)
from connectors.shops.woocommerce.text import decoded
from connectors.shops.woocommerce.times import instant

_KINDS = {GOODS: LineKind.GOODS, SHIPPING: LineKind.SHIPPING, FEES: LineKind.FEE}


def parse_refunds(
    order_key: str,
    summaries: Sequence[Row],
    details: Sequence[Row],
    lines: Sequence[OrderLine],
    known_at: datetime,
) -> tuple[Refund, ...]:
    """Refunds by ascending id. One that the order lists without details being given has no lines and ``known_at``.

    The amount is the shop's own, which need not equal the sum of the lines (recorded: the amount rules). Raises
    ``ItemRefused`` for unreadable amounts.
    """
    kinds = {line.key: line.kind for line in lines}
    found = {id_of(row): _detailed(order_key, row, kinds, known_at) for row in details}
    for row in summaries:
        if id_of(row) and id_of(row) not in found:
            found[id_of(row)] = Refund(
                key=id_of(row),
                order_key=order_key,
                amount=abs(amount(row.get("total"), "refunds")),
                reason=text_of(row, "reason"),
                created_at=known_at,
            )
    return tuple(found[key] for key in sorted(found, key=lambda key: (len(key), key)))


def _detailed(order_key: str, row: Row, kinds: Mapping[str, LineKind], known_at: datetime) -> Refund:
    lines = [_line(line, kind, kinds) for name, kind in _KINDS.items() for line in rows_of(row, name)]
    return Refund(
        key=id_of(row),
        order_key=order_key,
        amount=abs(amount(row.get("amount"), "amount")),
        reason=decoded(row.get("reason")),
        created_at=instant(row.get("date_created_gmt")) or known_at,
        # The shop adds lines of nothing for what is not given back.
        lines=tuple(line for line in lines if _gives_back(line)),
    )


def _gives_back(line: RefundLine) -> bool:
    return bool(line.quantity or line.net or any(tax.amount for tax in line.taxes))


def _line(row: Row, listed_as: LineKind, kinds: Mapping[str, LineKind]) -> RefundLine:
    source = decoded(meta_value(row.get("meta_data"), "_refunded_item_id"))
    return RefundLine(
        line=source,
        kind=kinds.get(source, listed_as),
        quantity=-amount(row.get("quantity", 0), "quantity"),
        net=-amount(row.get("total"), "total"),
        taxes=tuple(RecordedTax(rate=tax.rate, amount=-tax.amount) for tax in line_taxes(row)),
    )


def read_refunds(api: WooApi, order_id: str) -> list[Mapping[str, Any]]:
    """Every refund of an order with stored decimals. Raises ``PagingBroken`` rather than return a short list.

    Asked by page number: the newest come first whatever one asks, and hardly any order has more than one page.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for page in range(1, 1000):
        piece = api.rows(f"orders/{order_id}/refunds", {"per_page": PAGE, "page": page, "dp": 6})
        before = len(found)
        found.update({str(row["id"]): row for row in piece.rows})
        complete = len(piece.rows) < PAGE if piece.total is None else len(found) >= piece.total
        if complete:
            return list(found.values())
        if len(found) == before:
            break
    raise PagingBroken(
        Problem(
            "paging_broken",
            "La liste des remboursements d’une commande est incomplète ; la lecture est abandonnée.",
            "Relancez plus tard. Si cela se répète, une extension de la boutique modifie la pagination.",
            detail=f"order {order_id}: {len(found)} refunds read",
        )
    )
