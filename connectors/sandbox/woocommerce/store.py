"""The shop's data and its indexes."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.state import Store, Table, plain_table, record_table
from connectors.sandbox.woocommerce.records import Media, Product, Term

CATEGORY, TAG, BRAND, SHIPPING_CLASS = "product_cat", "product_tag", "product_brand", "product_shipping_class"


class MultiIndex:
    """Ids by casefolded text; nearly always one id per text, so a lone id is stored bare."""

    def __init__(self) -> None:
        self._ids: dict[str, int | tuple[int, ...]] = {}

    def get(self, text: str) -> tuple[int, ...]:
        """Ids under the text, oldest first."""
        found = self._ids.get(text.casefold(), ())
        return (found,) if isinstance(found, int) else found

    def add(self, text: str, number: int) -> None:
        """Add an id; empty texts are not indexed."""
        if not text:
            return
        key = text.casefold()
        ids = self.get(key)
        self._ids[key] = number if not ids else tuple(sorted({*ids, number}))

    def remove(self, text: str, number: int) -> None:
        """Take an id out; unknown ones are ignored."""
        key = text.casefold()
        left = tuple(one for one in self.get(key) if one != number)
        if len(left) > 1:
            self._ids[key] = left
        elif left:
            self._ids[key] = left[0]
        else:
            self._ids.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._ids.clear()

    def items(self) -> list[tuple[str, tuple[int, ...]]]:
        """All texts with their ids."""
        return [(key, self.get(key)) for key in list(self._ids)]


@dataclass(frozen=True, slots=True)
class Keys:
    """What a product is indexed under; compared before and after a write."""

    sku: str
    gtin: str
    slug: str
    parent: int
    listed: bool
    created: int
    terms: frozenset[int]


def keys_of(product: Product) -> Keys:
    """The current index keys of a product."""
    terms: set[int] = set(product.categories)
    if product.extra:
        for name in ("tags", "brands", "attribute_terms"):
            terms.update(product.extra.get(name, ()))
        if product.extra.get("shipping_class_id"):
            terms.add(product.extra["shipping_class_id"])
    return Keys(
        product.sku, product.gtin, product.slug, product.parent, product.listed, product.created, frozenset(terms)
    )


class WooStore(Store):
    """Tables and indexes of one shop. Every method expects the caller to hold `lock`."""

    def __init__(self) -> None:
        super().__init__()
        self.products: Table[Product] = self.add(record_table("product", Product))
        self.terms: Table[Term] = self.add(record_table("term", Term))
        self.media: Table[Media] = self.add(record_table("media", Media))
        self.attributes: Table[Any] = self.add(plain_table("attribute"))
        self.tax_rates: Table[Any] = self.add(plain_table("tax_rate"))
        self.tax_classes: Table[Any] = self.add(plain_table("tax_class"))
        self.settings: Table[Any] = self.add(plain_table("setting"))
        self.gateways: Table[Any] = self.add(plain_table("gateway"))
        self.zones: Table[Any] = self.add(plain_table("zone"))
        self.coupons: Table[Any] = self.add(plain_table("coupon"))
        self.customers: Table[Any] = self.add(plain_table("customer"))
        self.orders: Table[Any] = self.add(plain_table("order"))
        self.refunds: Table[Any] = self.add(plain_table("refund"))
        self.notes: Table[Any] = self.add(plain_table("note"))
        self.webhooks: Table[Any] = self.add(plain_table("webhook"))
        self.keys: Table[Any] = self.add(plain_table("key"))
        self.sku_created: Table[Any] = self.add(plain_table("sku_created"))
        self.by_sku = MultiIndex()
        self.by_gtin = MultiIndex()
        self.slugs: dict[str, int] = {}
        self.children: dict[int, list[int]] = {}
        self.by_term: dict[int, set[int]] = {}
        self.by_id: list[int] = []
        self.by_date: list[int] = []
        self.by_taxonomy: dict[str, dict[int, Term]] = {}
        self.media_paths: set[str] = set()
        self._suffix: dict[str, int] = {}

    def now(self) -> int:
        """The shop's clock in whole seconds, the grain of all its dates."""
        return int(self.clock.now())

    def clear(self) -> None:
        """Empty the shop, indexes included."""
        with self.lock:
            super().clear()
            self._clear_indexes()

    def _clear_indexes(self) -> None:
        self.by_sku.clear()
        self.by_gtin.clear()
        for index in (self.slugs, self.children, self.by_term, self.by_id, self.by_date, self._suffix):
            index.clear()
        self.by_taxonomy.clear()
        self.media_paths.clear()

    def reindex(self) -> None:
        """Rebuild the indexes from the rows."""
        self._clear_indexes()
        for term in self.terms:
            self.by_taxonomy.setdefault(term.taxonomy, {})[term.id] = term
        self.media_paths.update(media.path for media in self.media)
        for product in self.products:
            self._add_keys(product.id, keys_of(product), ordered=False)
        self.by_id.sort()
        self.by_date.sort(key=self._date_key)

    def _date_key(self, number: int) -> tuple[int, int]:
        return self.products.rows[number].created, number

    def save(self, product: Product, before: Keys | None) -> None:
        """Store a product after a change; `before` are its keys before it, None for a new one."""
        after = keys_of(product)
        if before is None:
            self.products.put(product.id, product)
            self._add_keys(product.id, after)
            return
        self.products.touch(product.id)
        if after != before:
            self._remove_keys(product.id, before)
            self._add_keys(product.id, after)

    def remove(self, product: Product) -> None:
        """Delete a product or variation for good."""
        self._remove_keys(product.id, keys_of(product))
        self.products.drop(product.id)

    def _add_keys(self, number: int, keys: Keys, *, ordered: bool = True) -> None:
        self.by_sku.add(keys.sku, number)
        self.by_gtin.add(keys.gtin, number)
        if keys.slug:
            self.slugs[keys.slug] = number
        if keys.parent:
            insort(self.children.setdefault(keys.parent, []), number)
        for term in keys.terms:
            self.by_term.setdefault(term, set()).add(number)
        if keys.listed and ordered:
            insort(self.by_id, number)
            insort(self.by_date, number, key=self._date_key)
        elif keys.listed:
            self.by_id.append(number)
            self.by_date.append(number)

    def _remove_keys(self, number: int, keys: Keys) -> None:
        self.by_sku.remove(keys.sku, number)
        self.by_gtin.remove(keys.gtin, number)
        if self.slugs.get(keys.slug) == number:
            del self.slugs[keys.slug]
        if keys.parent and number in self.children.get(keys.parent, ()):
            self.children[keys.parent].remove(number)
        for term in keys.terms:
            self.by_term.get(term, set()).discard(number)
        if keys.listed:
            _take_out(self.by_id, number)
            self._take_out_by_date(number, keys.created)

    def _take_out_by_date(self, number: int, created: int) -> None:
        # The row may already carry a new date, so the place is looked up with the old one.
        place = bisect_left(
            self.by_date, (created, number), key=lambda one: (created, number) if one == number else self._date_key(one)
        )
        if place < len(self.by_date) and self.by_date[place] == number:
            del self.by_date[place]
        elif number in self.by_date:
            self.by_date.remove(number)

    def free_slug(self, wanted: str, owner: int = 0) -> str:
        """The slug, or the first free one with a number appended."""
        if self.slugs.get(wanted, owner) == owner:
            return wanted
        number = self._suffix.get(wanted, 1)
        while True:
            number += 1
            tail = f"-{number}"
            candidate = wanted[: 200 - len(tail)] + tail
            if self.slugs.get(candidate, owner) == owner:
                self._suffix[wanted] = number
                return candidate

    def skus(self, *, trashed: bool = False) -> Counter[str]:
        """How many products and variations carry each reference."""
        counts: Counter[str] = Counter()
        for sku, ids in self.by_sku.items():
            alive = [one for one in ids if trashed or self.products.rows[one].status != "trash"]
            if alive:
                counts[sku] = len(alive)
        return counts

    def order_item_ids(self) -> set[int]:
        """Ids of all lines of all orders."""
        names = ("line_items", "shipping_lines", "fee_lines", "tax_lines", "coupon_lines")
        return {line["id"] for order in self.orders for name in names for line in order.get(name, ())}

    def term(self, taxonomy: str, number: Any) -> Term | None:
        """A term of this taxonomy, or None."""
        term = self.terms.get(number)
        return term if term is not None and term.taxonomy == taxonomy else None

    def terms_of(self, taxonomy: str) -> list[Term]:
        """All terms of a taxonomy."""
        return list(self.by_taxonomy.get(taxonomy, {}).values())

    def put_term(self, term: Term) -> Term:
        """Store a new or changed term."""
        self.by_taxonomy.setdefault(term.taxonomy, {})[term.id] = term
        return self.terms.put(term.id, term)

    def drop_term(self, term: Term) -> None:
        """Forget a term."""
        self.by_taxonomy.get(term.taxonomy, {}).pop(term.id, None)
        self.terms.drop(term.id)

    def free_media_path(self, folder: str, name: str) -> str:
        """Path of a new file; a name in use gets a number, as in the media library."""
        stem, _, extension = name.rpartition(".")
        path = f"{folder}/{name}"
        number = self._suffix.get(path, 0)
        while path in self.media_paths:
            number += 1
            path = f"{folder}/{stem}-{number}.{extension}"
        self._suffix[f"{folder}/{name}"] = number
        self.media_paths.add(path)
        return path

    def setting(self, name: str) -> Any:
        """Value of a shop setting by its full name, `woocommerce_…`."""
        for group in ("general", "tax", "products"):
            value = self.settings.get(f"{group}/{name}")
            if value is not None:
                return value
        return ""


def _take_out(ordered: list[int], number: int) -> None:
    place = bisect_left(ordered, number)
    if place < len(ordered) and ordered[place] == number:
        del ordered[place]
