"""Orders: from a recorded WooCommerce object to the canonical order, and the reader that walks the changed ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.canonical.currencies import currency_decimals
from connectors.canonical.sales import LineKind, Order
from connectors.core.http_policy import http_date
from connectors.core.paging import Position
from connectors.core.problems import ItemRefused, Misconfigured, Problem
from connectors.core.query import Query
from connectors.core.results import Cursor, Page, RefusedRow
from connectors.shops.woocommerce.api import PAGE
from connectors.shops.woocommerce.buyers import delivery_address, is_erased, parse_address, parse_buyer
from connectors.shops.woocommerce.marks import meta_value
from connectors.shops.woocommerce.order_lines import (
    EXEMPT_BUYER,
    OrderRules,
    Row,
    amount,
    id_of,
    parse_coupons,
    parse_lines,
    parse_rate_totals,
    parse_rates,
    rows_of,
    shown_decimals,
    text_of,
)
from connectors.shops.woocommerce.order_payments import own_payment, with_recorded_payments
from connectors.shops.woocommerce.policy import VendorError, refusal
from connectors.shops.woocommerce.refunds import parse_refunds, read_refunds
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.text import decoded, plain_text
from connectors.shops.woocommerce.times import SECOND, gmt_text, instant, local_instant

MARK_META = "_atoosync_document"
"""Meta entry that holds the ERP's piece once an order is transferred."""
DRAFTS = frozenset({"checkout-draft", "auto-draft"})
"""Abandoned checkouts; they do come in the default list (recorded)."""
GIVEN_UP = frozenset({"cancelled", "failed", "trash"})
"""Statuses of an order that will be neither paid nor sent; a refunded one is told by its refunds."""
LAG = timedelta(minutes=2)
"""How far before the newest change the next reading begins: longer than any transaction of the shop lasts."""
ORDERS_PAGE = 50
"""Orders per call: they are heavy (lines, taxes, addresses), and a slice of a run ends between pages."""
FIELDS = (
    "id,number,status,currency,prices_include_tax,version,created_via,customer_id,customer_note,billing,shipping,"
    "date_created,date_created_gmt,date_modified_gmt,date_paid_gmt,date_completed_gmt,total,total_tax,payment_method,"
    "payment_method_title,transaction_id,meta_data,line_items,tax_lines,shipping_lines,fee_lines,coupon_lines,refunds,"
    "gift_cards"
)
_EMPTY_SHOP = timedelta(days=1)
_FIELD_MAX = 200
_UNKNOWN_ID = "woocommerce_rest_shop_order_invalid_id"
_MACHINES = frozenset({"", "WooCommerce", "system"})


def parse_order(
    body: Mapping[str, Any],
    refunds: Sequence[Mapping[str, Any]] = (),
    *,
    facts: Mapping[str, str],
    rules: OrderRules | None = None,
) -> Order:
    """The canonical order of one REST order object, whatever its version (3.5 and later) and its decimals (``dp``).

    Pure. ``refunds`` are the objects of ``/orders/<id>/refunds``; those only listed in the order come without lines.
    ``facts`` are the connection's: ``price_decimals`` rounds the VAT per rate as the shop shows it; ``timezone``,
    ``currency`` and ``read_at`` (ISO time) stand in for what an object cut by ``_fields`` does not hold at all.

    Raises ``ItemRefused``: ``order_unreadable``, ``order_is_refund``, ``order_draft``, ``order_total_missing``,
    ``order_amount_unreadable``, ``order_amount_impossible``, ``order_currency_unknown``, ``order_date_missing``.
    """
    _check_shape(body)
    rules = rules or OrderRules()
    number = text_of(body, "number") or id_of(body)
    currency = _currency(body, facts, number)
    total, total_tax = _total(body, number), _total_tax(body)
    created, modified = _dates(body, facts, number)
    billing = parse_address(body.get("billing"))
    exempt = EXEMPT_BUYER if _says_yes(meta_value(body.get("meta_data"), "is_vat_exempt")) else ""
    lines = parse_lines(body, rules, exempt)
    decimals = shown_decimals(body, lines, price_decimals(facts))
    carrier = next((line for line in lines if line.kind is LineKind.SHIPPING), None)
    status = text_of(body, "status").removeprefix("wc-")
    channel = _channel(body, rules)
    order = Order(
        key=id_of(body),
        number=number,
        status=status,
        currency=currency,
        created_at=created,
        modified_at=modified,
        completed_at=instant(body.get("date_completed_gmt")),
        prices_include_tax=body.get("prices_include_tax") is True,
        decimals=decimals,
        total=total,
        total_tax=total_tax,
        buyer=parse_buyer(body, billing),
        billing=billing,
        shipping=delivery_address(body, billing),
        payment=own_payment(body, total, rules.marketplaces, channel),
        lines=lines,
        rates=parse_rates(body, lines),
        rate_totals=parse_rate_totals(body, lines, total_tax, decimals),
        coupons=parse_coupons(body),
        refunds=parse_refunds(id_of(body), rows_of(body, "refunds"), refunds, lines, modified),
        note=decoded(body.get("customer_note")).strip(),
        channel=channel,
        carrier=carrier.method if carrier else "",
        carrier_title=carrier.name if carrier else "",
        exempt=exempt,
        erased=is_erased(body, billing),
        cancelled=status in GIVEN_UP,
        mark=mark_of(body),
        fields=_fields(body),
    )
    return with_recorded_payments(order, body, rules)


def price_decimals(facts: Mapping[str, str]) -> int:
    """Decimals at which the shop shows amounts, 2 when nobody says."""
    text = str(facts.get("price_decimals", ""))
    return min(int(text), 6) if text.isdecimal() else 2


def mark_of(body: Row) -> str:
    """Our transfer mark on an order, empty when it was not transferred."""
    return decoded(meta_value(body.get("meta_data"), MARK_META)).strip()


def _refused(code: str, sentence: str, advice: str, **values: str) -> ItemRefused:
    return ItemRefused(Problem(code, sentence, advice, values=values))


def _check_shape(body: Any) -> None:
    if not isinstance(body, Mapping) or not id_of(body):
        raise _refused(
            "order_unreadable",
            "Cette donnée n’est pas une commande WooCommerce.",
            "Vérifiez le fichier, ou désactivez l’extension de la boutique qui modifie les réponses de l’API.",
        )
    if "amount" in body and "total" not in body:
        raise _refused(
            "order_is_refund",
            "L’objet %(number)s est un remboursement et non une commande.",
            "Donnez-le avec sa commande (clé « refunds »).",
            number=id_of(body),
        )
    if text_of(body, "status") in DRAFTS:
        raise _refused(
            "order_draft",
            "La commande %(number)s est un panier abandonné.",
            "Elle sera lue si l’acheteur la termine.",
            number=id_of(body),
        )


def _currency(body: Row, facts: Mapping[str, str], number: str) -> str:
    # Only an object without the field may borrow the shop's currency: an unknown code is never replaced.
    code = text_of(body, "currency") if "currency" in body else str(facts.get("currency", ""))
    if currency_decimals(code) is None:
        raise _refused(
            "order_currency_unknown",
            "La commande %(number)s est dans une devise inconnue : « %(currency)s ».",
            "Corrigez la devise de la commande dans WooCommerce (code à trois lettres de la norme ISO 4217).",
            number=number,
            currency=code[:20],
        )
    return code


def _total(body: Row, number: str) -> Decimal:
    if text_of(body, "total") == "":
        raise _refused(
            "order_total_missing",
            "La commande %(number)s n’a pas de total.",
            "Recalculez la commande dans WooCommerce.",
            number=number,
        )
    total = amount(body["total"], "total")
    if total < 0:
        raise _refused(
            "order_amount_impossible",
            "La commande %(number)s a un total négatif (%(total)s).",
            "Corrigez la commande dans WooCommerce ; un avoir s’y fait par un remboursement.",
            number=number,
            total=str(total),
        )
    return total


def _total_tax(body: Row) -> Decimal:
    if text_of(body, "total_tax"):
        return amount(body["total_tax"], "total_tax")
    rows = rows_of(body, "tax_lines")
    if rows:
        names = ("tax_total", "shipping_tax_total")
        return sum((amount(row.get(name), name) for row in rows for name in names), Decimal(0))
    kinds = ("line_items", "shipping_lines", "fee_lines")
    return sum((amount(row.get("total_tax")) for kind in kinds for row in rows_of(body, kind)), Decimal(0))


def _dates(body: Row, facts: Mapping[str, str], number: str) -> tuple[datetime, datetime]:
    """Creation and last change, in UTC."""
    modified = instant(body.get("date_modified_gmt"))
    created = (
        instant(body.get("date_created_gmt"))
        or local_instant(body.get("date_created"), str(facts.get("timezone", "")))
        or modified
        or instant(facts.get("read_at"))
    )
    if created is None:
        raise _refused(
            "order_date_missing",
            "La commande %(number)s n’a pas de date.",
            "Enregistrez de nouveau la commande dans WooCommerce.",
            number=number,
        )
    return created, modified or created


def _channel(body: Row, rules: OrderRules) -> str:
    """The marketplace, else the way the order was made (checkout, store-api, admin, rest-api…)."""
    for key in rules.channels:
        value = meta_value(body.get("meta_data"), key)
        if isinstance(value, str) and value.strip():
            return decoded(value).strip()
    return text_of(body, "created_via")


def _says_yes(value: Any) -> bool:
    return str(value).lower() in {"yes", "1", "true"}


def _fields(body: Row) -> dict[str, str]:
    """How the order was made, and its public custom fields that are plain text (the shop's own start with ``_``)."""
    found = {"created_via": text_of(body, "created_via"), "version": text_of(body, "version")}
    for entry in rows_of(body, "meta_data"):
        key, value = str(entry.get("key") or ""), entry.get("value")
        if key and not key.startswith("_") and isinstance(value, str) and len(value) <= _FIELD_MAX:
            found[key] = decoded(value)
    return found


class OrderReader:
    """Orders with their refunds, amounts at six decimals as stored.

    Walks by ascending id what changed since the mark: orders that change meanwhile keep their place in that order,
    and pages are checked by their overlap. The mark is the shop's newest change seen before the reading, less
    :data:`LAG`; so it stands on the clock that stamps the orders, whatever other clocks say. The price is that the
    last orders of a quiet shop are given again each time.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._rules = OrderRules.of(shop.options)
        self._known: Mapping[str, str] | None = None

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Order]]:
        """Orders that satisfy the query, changed since the mark or among ``keys`` (the query counts there too).

        Drafts never come; orders that bear our mark only with ``include_transferred``, and then also those of them that
        were put into the trash, last and as cancelled. One that was deleted for good does not come. What cannot become
        an order is refused by name. Raises ``Misconfigured`` for a status the shop does not know.
        """
        if keys is not None:
            yield from self._by_keys(query, [key for key in dict.fromkeys(keys) if key.isdecimal()])
            return
        cursor = since or Cursor()
        until = cursor.until or gmt_text(self._newest_change())
        wanted: dict[str, str | int] = {**self._filters(query), **_changed(cursor.since), "dp": 6, "_fields": FIELDS}
        position = Position.loads(cursor.after)
        last = Cursor(cursor.since, until, cursor.after)
        empty = True
        for rows, step, total in self._steps(wanted, position):
            last, empty = Cursor(cursor.since, until, step), False
            yield self._page([row for row in rows if _changed_since(row, cursor.since)], query, last, total)
        for rows in self._transferred_trash(query, _changed(cursor.since)):
            yield self._page([row for row in rows if _changed_since(row, cursor.since)], query, last, None)
            empty = False
        if empty:
            # The engine learns the mark of a reading from its last page.
            yield Page((), last, total=0)

    def all_keys(self) -> Iterator[str]:
        """Ids of every order that is neither a draft nor in the trash."""
        for step in self._shop.api.walk("orders", {"_fields": "id,status"}):
            yield from (str(row["id"]) for row in step.rows if row.get("status") not in DRAFTS)

    def unlisted(self, keys: Collection[str]) -> frozenset[str]:
        """Those of ``keys`` that neither the list nor the trash holds: a call per hundred, and more for absences."""
        missing = set(keys)
        for filters in ({}, {"status": "trash"}):
            wanted = sorted((key for key in missing if key.isdecimal()), key=int)
            for start in range(0, len(wanted), PAGE):
                query = {"include": ",".join(wanted[start : start + PAGE]), "_fields": "id", **filters}
                missing -= {id_of(row) for row in self._shop.api.every("orders", query)}
        return frozenset(missing)

    def is_gone(self, key: str) -> bool:
        """Whether the shop answers with its own code that the order does not exist. Raises ``Misconfigured`` else."""
        answer = self._shop.api.client.request("GET", self._shop.api.url(f"wc/v3/orders/{key}", {"_fields": "id"}))
        body = answer.json() if answer.is_json else None
        vendor = VendorError.parse(body, answer.status)
        if answer.status == 404 and vendor is not None and vendor.code == _UNKNOWN_ID:
            return True
        if answer.status == 200 and isinstance(body, Mapping) and id_of(body) == key:
            return False
        raise Misconfigured(refusal(answer).problem if answer.status >= 300 else _not_an_order(key))

    def _steps(
        self, wanted: Mapping[str, str | int], position: Position
    ) -> Iterator[tuple[Sequence[Row], str, int | None]]:
        try:
            for step in self._shop.api.walk("orders", wanted, size=ORDERS_PAGE, start=position):
                yield step.rows, step.position.dumps(), step.total
        except ItemRefused as error:
            raise Misconfigured(_bad_filter(error.problem, str(wanted.get("status", "")))) from error

    def _transferred_trash(self, query: Query, filters: Mapping[str, str | int]) -> Iterator[Sequence[Row]]:
        """Orders of the trash that bear our mark: the default list leaves the trash out (recorded)."""
        if not query.include_transferred or query.statuses:
            return
        wanted: dict[str, str | int] = {**filters, "status": "trash", "dp": 6, "_fields": FIELDS}
        for step in self._shop.api.walk("orders", wanted, size=ORDERS_PAGE):
            marked = [row for row in step.rows if mark_of(row)]
            if marked:
                yield marked

    def _by_keys(self, query: Query, keys: Sequence[str]) -> Iterator[Page[Order]]:
        for start in range(0, len(keys), PAGE):
            missing = dict.fromkeys(keys[start : start + PAGE])
            wanted: dict[str, str | int] = {"include": ",".join(missing), "dp": 6, "_fields": FIELDS}
            for step in self._shop.api.walk("orders", wanted, size=ORDERS_PAGE):
                yield self._page(step.rows, query, Cursor(), len(keys))
                for row in step.rows:
                    missing.pop(id_of(row), None)
            for rows in self._transferred_trash(query, {"include": ",".join(missing)}) if missing else ():
                yield self._page(rows, query, Cursor(), len(keys))

    def _filters(self, query: Query) -> dict[str, str | int]:
        """What the shop can leave out itself. Bounds are a day wide of the mark: before 5.8 they are site time."""
        found: dict[str, str | int] = {"dates_are_gmt": "true"}
        if query.statuses:
            found["status"] = ",".join(status.removeprefix("wc-") for status in query.statuses)
        if query.created_after is not None:
            found["after"] = gmt_text(query.created_after - _EMPTY_SHOP)
        if query.created_before is not None:
            found["before"] = gmt_text(query.created_before + _EMPTY_SHOP)
        return found

    def _newest_change(self) -> datetime:
        """The instant from which the next reading must begin, asked before this one."""
        newest: datetime | None = None
        wanted: dict[str, str | int] = {"orderby": "modified", "order": "desc", "per_page": 1}
        answer = self._shop.api.client.request(
            "GET", self._shop.api.url("wc/v3/orders", {**wanted, "_fields": "id,date_modified_gmt"})
        )
        if answer.status == 200:
            rows = answer.json()
            newest = instant(rows[0].get("date_modified_gmt")) if isinstance(rows, list) and rows else None
        clock = http_date(answer.server_time_text) if answer.server_time_text else None
        now = clock or datetime.now(UTC)
        # Before 5.8 the shop cannot sort by change, and an empty shop has none: a day forgives any clock.
        return (min(newest, now) if newest else now - _EMPTY_SHOP) - LAG

    def _page(self, rows: Sequence[Row], query: Query, cursor: Cursor, total: int | None) -> Page[Order]:
        records: list[Order] = []
        refused: list[RefusedRow] = []
        for row in rows:
            if not _is_wanted(row, query):
                continue
            try:
                records.append(self._order(row))
            except ItemRefused as error:
                label = text_of(row, "number") or id_of(row)
                refused.append(RefusedRow(key=id_of(row), label=label, problem=error.problem))
        return Page(tuple(records), cursor, tuple(refused), total)

    def _order(self, row: Row) -> Order:
        refunds = read_refunds(self._shop.api, id_of(row)) if rows_of(row, "refunds") else []
        order = parse_order(row, refunds, facts=self._facts(), rules=self._rules)
        return replace(order, team_notes=self._team_notes(order.key)) if self._shop.options.team_notes else order

    def _team_notes(self, key: str) -> tuple[str, ...]:
        """What people wrote; the shop and its extensions sign their own notes «WooCommerce» (recorded), older ones
        «system»."""
        rows = self._shop.api.rows(f"orders/{key}/notes", {"_fields": "id,author,note"}).rows
        written = [row for row in rows if text_of(row, "author") not in _MACHINES]
        texts = [plain_text(row.get("note")) for row in sorted(written, key=lambda row: int(row["id"]))]
        return tuple(text for text in texts if text)

    def _facts(self) -> Mapping[str, str]:
        """The one fact a whole order needs; all facts would cost a dozen calls, and orders are polled often."""
        if self._known is None:
            setting = self._shop.api.get("settings/general/woocommerce_price_num_decimals", {"_fields": "id,value"})
            self._known = {"price_decimals": decoded(setting.get("value"))}
        return self._known


def _changed(since: str) -> dict[str, str | int]:
    """The filter of a mark. The shop's bound is exclusive, its grain one second."""
    moment = instant(since)
    return {"modified_after": gmt_text(moment - SECOND)} if moment else {}


def _changed_since(row: Row, since: str) -> bool:
    """The same test here: shops of before 5.8 do not know the filter and give everything."""
    mark, changed = instant(since), instant(row.get("date_modified_gmt"))
    return mark is None or changed is None or changed >= mark


def _is_wanted(row: Row, query: Query) -> bool:
    status = text_of(row, "status").removeprefix("wc-")
    if status in DRAFTS or (query.statuses and status not in {one.removeprefix("wc-") for one in query.statuses}):
        return False
    if mark_of(row) and not query.include_transferred:
        return False
    created = instant(row.get("date_created_gmt"))
    if created is None:
        return True
    return (query.created_after is None or created >= query.created_after) and (
        query.created_before is None or created < query.created_before
    )


def _not_an_order(key: str) -> Problem:
    return Problem(
        "order_answer_unreadable",
        "La boutique ne dit pas si la commande %(key)s existe encore.",
        "Vérifiez l’adresse de la boutique, et qu’aucune extension ne modifie les réponses de l’API.",
        values={"key": key},
    )


def _bad_filter(problem: Problem, statuses: str) -> Problem:
    if problem.code != "value_refused" or not statuses:
        return problem
    return Problem(
        "order_status_unknown",
        "La boutique ne connaît pas l’un des états de commande choisis : %(statuses)s.",
        "Actualisez la configuration du site web, puis choisissez de nouveau les états des commandes à importer.",
        detail=problem.detail,
        values={"statuses": statuses},
    )
