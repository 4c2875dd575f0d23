"""Buyers: addresses of orders and accounts, erased persons, and the reader of accounts (prospects)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from connectors.canonical.parties import Address, Buyer, Customer
from connectors.core.paging import Position
from connectors.core.query import Query
from connectors.core.results import Cursor, Page
from connectors.shops.woocommerce.api import PAGE
from connectors.shops.woocommerce.marks import meta_value
from connectors.shops.woocommerce.order_lines import Row, id_of, text_of
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.text import decoded
from connectors.shops.woocommerce.times import SECOND, gmt_text

VAT_METAS = (
    "_billing_vat_number",
    "billing_vat_number",
    "_vat_number",
    "vat_number",
    "_billing_vat_id",
    "_billing_vat",
    "_billing_eu_vat_number",
)
"""Where the usual plug-ins keep the buyer's VAT number; the first that is filled counts."""
STAFF = frozenset({"administrator", "shop_manager", "editor", "author", "contributor"})
_ERASED_DOMAIN = "@site.invalid"
# What WordPress writes in place of an erased text, in the languages of the platform.
_ERASED_TEXTS = frozenset({"[deleted]", "[supprimé]"})
_FIELDS = "id,email,first_name,last_name,role,is_paying_customer,billing,shipping,meta_data"


def parse_address(value: Any) -> Address:
    """An address of an order or account; anything else than an object is an empty address."""
    row: Row = value if isinstance(value, Mapping) else {}
    return Address(
        first_name=text_of(row, "first_name"),
        last_name=text_of(row, "last_name"),
        company=text_of(row, "company"),
        line1=text_of(row, "address_1"),
        line2=text_of(row, "address_2"),
        postcode=text_of(row, "postcode"),
        city=text_of(row, "city"),
        region=text_of(row, "state"),
        country=text_of(row, "country").upper(),
        phone=text_of(row, "phone"),
        email=text_of(row, "email"),
    )


def delivery_address(body: Row, billing: Address) -> Address:
    """The delivery address; the billing one where the shop has none (nothing to ship, or «same address»)."""
    shipping = parse_address(body.get("shipping"))
    named = (shipping.name, shipping.line1, shipping.line2, shipping.city, shipping.postcode)
    return shipping if any(named) else billing


def vat_number(meta_data: Any) -> str:
    """The buyer's VAT number from the entries of the usual plug-ins, blanks removed; empty when there is none."""
    for key in VAT_METAS:
        value = meta_value(meta_data, key)
        if isinstance(value, str) and value.strip():
            return "".join(decoded(value).split()).upper()
    return ""


def is_erased(body: Row, billing: Address) -> bool:
    """Whether the personal data of the order or account were erased in the shop (GDPR tools of WordPress)."""
    if str(meta_value(body.get("meta_data"), "_anonymized") or "").lower() in {"yes", "1"}:
        return True
    texts = {billing.first_name, billing.last_name, billing.line1}
    return billing.email.lower().endswith(_ERASED_DOMAIN) or bool(texts & _ERASED_TEXTS)


def parse_buyer(body: Row, billing: Address) -> Buyer:
    """Account, e-mail and VAT number of the buyer of an order."""
    return Buyer(key=id_of(body, "customer_id"), email=billing.email, vat_number=vat_number(body.get("meta_data")))


class CustomerReader:
    """Accounts of the shop without those of its staff. Guests have no account: they exist in orders only.

    ``prospect`` says that the account placed no order since ``Query.created_after`` (ever, without it).
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Customer]]:
        """All accounts by ascending id, or those of ``keys``. The shop has no list of changed ones."""
        if keys is not None:
            yield from self._by_keys(query, [key for key in dict.fromkeys(keys) if key.isdecimal()])
            return
        buyers: frozenset[str] | None = None
        position = Position.loads(since.after if since else "")
        for step in self._shop.api.walk("customers", {"role": "all", "_fields": _FIELDS}, start=position):
            buyers = self._buyers(query) if buyers is None else buyers
            records = tuple(_customer(row, buyers) for row in step.rows if not _is_staff(row))
            yield Page(records, Cursor(after=step.position.dumps()), total=step.total)

    def all_keys(self) -> Iterator[str]:
        """Ids of every account that is not staff."""
        for step in self._shop.api.walk("customers", {"role": "all", "_fields": "id,role"}):
            yield from (str(row["id"]) for row in step.rows if not _is_staff(row))

    def _by_keys(self, query: Query, keys: list[str]) -> Iterator[Page[Customer]]:
        for start in range(0, len(keys), PAGE):
            wanted = {"role": "all", "include": ",".join(keys[start : start + PAGE]), "_fields": _FIELDS}
            rows = [row for row in self._shop.api.every("customers", wanted) if not _is_staff(row)]
            buyers = frozenset(str(row["id"]) for row in rows if self._bought(query, str(row["id"])))
            yield Page(tuple(_customer(row, buyers) for row in rows), Cursor(), total=len(keys))

    def _buyers(self, query: Query) -> frozenset[str]:
        """Accounts with an order. One walk over the orders is cheaper than one call per account."""
        steps = self._shop.api.walk("orders", {**_since(query), "_fields": "id,customer_id"})
        return frozenset(id_of(row, "customer_id") for step in steps for row in step.rows)

    def _bought(self, query: Query, key: str) -> bool:
        wanted = {**_since(query), "customer": key, "per_page": 1, "_fields": "id"}
        return bool(self._shop.api.rows("orders", wanted).rows)


def _since(query: Query) -> dict[str, str | int]:
    if query.created_after is None:
        return {}
    return {"after": gmt_text(query.created_after - SECOND), "dates_are_gmt": "true"}


def _is_staff(row: Row) -> bool:
    return str(row.get("role") or "") in STAFF


def _customer(row: Row, buyers: Collection[str]) -> Customer:
    billing = parse_address(row.get("billing"))
    account = " ".join(part for part in (text_of(row, "first_name"), text_of(row, "last_name")) if part)
    return Customer(
        key=str(row["id"]),
        number="",
        name=billing.company or billing.name or account or text_of(row, "email"),
        email=text_of(row, "email") or billing.email,
        address=billing if any((billing.name, billing.line1, billing.city)) else parse_address(row.get("shipping")),
        vat_number=vat_number(row.get("meta_data")),
        prospect=str(row["id"]) not in buyers,
        erased=is_erased(row, replace(billing, email=text_of(row, "email") or billing.email)),
    )
