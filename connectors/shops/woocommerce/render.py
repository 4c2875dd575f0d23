"""Canonical articles as WooCommerce fields. Pure: what must be asked of the shop comes in as arguments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.canonical.catalog import PARTS, Product, Variant
from connectors.canonical.keys import Entity, Ref
from connectors.canonical.prices import BasePrice
from connectors.canonical.stock import StockLevel
from connectors.canonical.values import LocalizedText
from connectors.core.problems import ConnectorError, ItemDeferred, ItemRefused, Problem
from connectors.core.results import Action, Outbound
from connectors.core.texts import Text
from connectors.shops.woocommerce.api import Body
from connectors.shops.woocommerce.marks import EMPTY_KEY, empty_entry, meta_value
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.shop import Facts
from connectors.shops.woocommerce.text import (
    barcode_is_valid,
    length_text,
    normal_term,
    price_text,
    reference_problem,
    rendered_markup,
    rendered_name,
    term_problem,
    value_of,
    weight_text,
    whole,
)

ALL_PARTS = frozenset(PARTS)
ON_SALE = frozenset({"publish", "future"})
BACKORDERS: Mapping[str, str] = {"backorder": "yes", "notify": "notify", "refuse": "no"}
"""What the shop calls the canonical words of ``StockLevel.backorders``."""
YOAST = {
    "seo_title": "_yoast_wpseo_title",
    "seo_description": "_yoast_wpseo_metadesc",
    "seo_keywords": "_yoast_wpseo_focuskw",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """An attribute as it should be on a product. ``id`` is 0 for one of the product's own."""

    id: int
    name: str
    options: tuple[str, ...]
    variation: bool = False

    @property
    def identity(self) -> str:
        """What tells attributes of a product apart."""
        return str(self.id) if self.id else normal_term(self.name).casefold()


def base_text(text: LocalizedText) -> str | None:
    """The text in the base language; ``None`` when the text is not mapped at all (it is then left alone)."""
    if not text:
        return None
    return text[""] if "" in text else next(iter(text.values()))


def parts_of(out: Outbound[Product]) -> frozenset[str]:
    """Parts to write: everything at creation, what the flow allows afterwards."""
    return ALL_PARTS if out.action is Action.CREATE else out.parts


# --- checks before anything is sent (a batch checks nothing) ---------------------------------------------------------


def check_product(out: Outbound[Product], options: WooCommerceOptions, facts: Facts) -> None:
    """Raises ``ItemRefused`` or ``ItemDeferred`` for an article the shop would take wrongly or not at all."""
    product = out.record
    parts = parts_of(out)
    _refuse_if(reference_problem(product.reference))
    if (
        "name" in parts
        and not (base_text(product.name) or "").strip()
        and (product.name or out.action is Action.CREATE)
    ):
        raise ItemRefused(_simple("name_empty", product.reference))
    _check_variants(product)
    for variant in product.variants:
        check_variant(variant, parts, options, facts)
    if "tax" in parts and product.tax_class:
        _check_tax_class(product, facts)


def check_variant(variant: Variant, parts: Collection[str], options: WooCommerceOptions, facts: Facts) -> None:
    """Raises ``ItemRefused`` for a price, quantity or bar code that must not be sent."""
    if "price" in parts and variant.price is not None:
        check_price(variant.price, facts)
    if "barcode" in parts and variant.barcode and facts.has_barcodes:
        check_barcode(variant.reference, variant.barcode, options)


def check_price(price: BasePrice, facts: Facts) -> None:
    """Raises ``ItemRefused`` for a negative price, or one in another currency or tax basis than the shop's."""
    amount = price.price
    if not amount.amount.is_finite() or amount.amount < 0:
        raise ItemRefused(_simple("price_negative", price.reference))
    if amount.currency != facts.currency or amount.basis is not facts.basis:
        raise ItemRefused(
            Problem(
                "price_basis_differs",
                "Le prix de « %(reference)s » est en %(ours)s alors que la boutique attend des prix en %(theirs)s.",
                "Actualisez la configuration de la boutique dans le profil, puis relancez.",
                values={
                    "reference": price.reference,
                    "ours": f"{amount.currency} {amount.basis.value}",
                    "theirs": f"{facts.currency} {facts.basis.value}",
                },
            )
        )


def check_barcode(reference: str, barcode: str, options: WooCommerceOptions) -> None:
    """Raises ``ItemRefused`` for a wrong length or check digit, where the settings ask for the check."""
    if options.check_barcodes and not barcode_is_valid(barcode):
        problem = _simple("barcode_invalid", reference)
        raise ItemRefused(
            Problem(problem.code, problem.sentence, problem.advice, values={**problem.values, "barcode": barcode})
        )


_SIMPLE: Mapping[str, tuple[str, str]] = {
    "name_empty": (
        "L’article « %(reference)s » n’a pas de nom.",
        "Complétez la désignation dans l’ERP ou choisissez un autre champ pour le nom.",
    ),
    "price_negative": (
        "Le prix de « %(reference)s » est négatif.",
        "Corrigez le prix dans l’ERP.",
    ),
    "barcode_invalid": (
        "Le code-barres « %(barcode)s » de « %(reference)s » n’est pas un code EAN, UPC ou ISBN valable.",
        "Corrigez-le dans l’ERP, ou décochez « Contrôler les codes-barres » dans les réglages de la boutique.",
    ),
    "variants_missing": (
        "L’article « %(reference)s » n’a aucune déclinaison à vendre.",
        "Complétez ses gammes dans l’ERP.",
    ),
    "variants_collide": (
        "Deux déclinaisons de « %(reference)s » ont les mêmes valeurs de gamme pour la boutique, qui ne distingue pas"
        " les majuscules.",
        "Renommez l’une des valeurs de gamme dans l’ERP.",
    ),
    "references_collide": (
        "Deux déclinaisons de « %(reference)s » ont la même référence.",
        "Donnez une référence propre à chaque déclinaison dans l’ERP.",
    ),
    "options_incomplete": (
        "Une déclinaison de « %(reference)s » n’a pas de valeur pour chacune de ses gammes.",
        "Complétez les énumérés de gamme dans l’ERP.",
    ),
}


def _simple(code: str, reference: str) -> Problem:
    sentence, advice = _SIMPLE[code]
    return Problem(code, sentence, advice, values={"reference": reference})


def _refuse_if(problem: Problem | None) -> None:
    if problem is not None:
        raise ItemRefused(problem)


def _check_variants(product: Product) -> None:
    if not product.variants or (not product.is_variable and len(product.variants) > 1):
        raise ItemRefused(_simple("variants_missing", product.reference))
    if not product.is_variable:
        return
    names = [axis.name for axis in product.axes]
    references = [variant.reference for variant in product.variants if own_reference(product, variant)]
    if len({reference.casefold() for reference in references}) < len(references):
        raise ItemRefused(_simple("references_collide", product.reference))
    combinations = set()
    for variant in product.variants:
        if own_reference(product, variant):
            _refuse_if(reference_problem(variant.reference))
        chosen = dict(variant.options)
        if any(not chosen.get(name) for name in names):
            raise ItemRefused(_simple("options_incomplete", product.reference))
        for name, value in variant.options:
            _refuse_if(term_problem(name, Text("gamme")) or term_problem(value, value_of(name)))
        combinations.add(tuple(normal_term(chosen[name]).casefold() for name in names))
    if len(combinations) < len(product.variants):
        raise ItemRefused(_simple("variants_collide", product.reference))


def own_reference(product: Product, variant: Variant) -> str:
    """The variant's own reference; empty when it has none or merely repeats the article's."""
    return "" if variant.reference == product.reference else variant.reference


def _check_tax_class(product: Product, facts: Facts) -> None:
    """An unknown class would silently become the standard one: the wrong VAT."""
    if product.tax_class in facts.tax_classes or product.tax_class == "standard":
        return
    raise ItemRefused(
        Problem(
            "tax_class_unknown",
            "La classe de taxe « %(tax_class)s » choisie pour « %(reference)s » n’existe pas dans la boutique.",
            "Actualisez la configuration de la boutique et corrigez la correspondance des taxes.",
            values={"tax_class": product.tax_class, "reference": product.reference},
        )
    )


def linked_categories(out: Outbound[Product]) -> tuple[int, ...]:
    """Shop ids of the article's ERP categories. Raises ``ItemDeferred`` for a category without a link."""
    found = []
    for key in out.record.categories:
        remote = out.references.get(Ref(Entity.CATEGORY, key), "")
        if not remote.isdecimal():
            raise ItemDeferred(
                Problem(
                    "category_not_linked",
                    "« %(reference)s » attend sa catégorie « %(category)s », qui n’est pas encore dans la boutique.",
                    "Lancez l’export des catégories ; l’article suivra.",
                    values={"reference": out.record.reference, "category": key},
                )
            )
        found.append(int(remote))
    return tuple(dict.fromkeys(found))


# --- fields ----------------------------------------------------------------------------------------------------------


def product_fields(product: Product, parts: Collection[str], options: WooCommerceOptions, facts: Facts) -> Body:
    """Fields of the product itself, without lists (categories, attributes, brands, meta) and without status."""
    fields: Body = {"sku": product.reference}
    name = base_text(product.name)
    if "name" in parts and name is not None:
        fields["name"] = rendered_name(name)
    for part, wire, text in (
        ("description", "description", product.description),
        ("summary", "short_description", product.summary),
    ):
        value = base_text(text)
        if part in parts and value is not None:
            fields[wire] = rendered_markup(value)
    if "tax" in parts and product.tax_class:
        fields["tax_class"] = "" if product.tax_class == "standard" else product.tax_class
    if "dimensions" in parts:
        fields.update(_dimensions(product, facts))
    if not product.is_variable:
        fields.update(sale_fields(product.variants[0], parts, facts))
    return fields


def sale_fields(variant: Variant, parts: Collection[str], facts: Facts) -> Body:
    """Price, stock, weight and bar code of what is sold."""
    fields: Body = {}
    if "price" in parts and variant.price is not None:
        fields["regular_price"] = price_text(variant.price.price.amount, facts.price_decimals)
    if "quantity" in parts and variant.stock is not None:
        fields.update(stock_fields(variant.stock))
    if "weight" in parts and variant.weight is not None:
        fields["weight"] = weight_text(variant.weight, facts.weight_unit)
    if "barcode" in parts and facts.has_barcodes:
        fields["global_unique_id"] = variant.barcode
    return fields


def stock_fields(stock: StockLevel) -> Body:
    """Quantity of a stock record, and what is allowed once it is used up; what is not tracked is always available.

    The shop keeps ``backorders`` only for managed stock, so it goes along with a quantity.
    """
    if stock.quantity is None:
        return {"manage_stock": False, "stock_status": "instock"}
    fields: Body = {"manage_stock": True, "stock_quantity": whole(stock.quantity)}
    if stock.backorders:
        fields["backorders"] = BACKORDERS[stock.backorders]
    return fields


def sale_change(record: StockLevel, now: Mapping[str, Any], options: WooCommerceOptions) -> Body:
    """Status and note that take a plain product off sale for lack of stock, or put it back; ``{}`` for no change.

    Only what this rule took off sale comes back: a draft, or what a person or the ERP withdrew, stays as it is.
    """
    if record.sellable is None:
        return {}
    status = str(now.get("status") or "")
    if not record.sellable and status in ON_SALE:
        return {"status": options.inactive_status, "meta_data": [empty_entry(True)]}
    if record.sellable and meta_value(now.get("meta_data"), EMPTY_KEY) == "yes":
        back: Body = {"status": "publish"} if status == options.inactive_status else {}
        return {**back, "meta_data": [empty_entry(False)]}
    return {}


def _dimensions(product: Product, facts: Facts) -> Body:
    size = product.dimensions
    pairs: Sequence[tuple[str, Decimal | None]] = (
        ("length", size.depth),
        ("width", size.width),
        ("height", size.height),
    )
    known = {name: length_text(value, facts.dimension_unit) for name, value in pairs if value is not None}
    return {"dimensions": known} if known else {}


def seo_meta(product: Product) -> list[dict[str, Any]]:
    """Meta entries of Yoast SEO for the texts that are mapped."""
    texts = {
        "seo_title": product.seo_title,
        "seo_description": product.seo_description,
        "seo_keywords": product.seo_keywords,
    }
    entries = []
    for name, text in texts.items():
        value = base_text(text)
        if value is not None:
            entries.append({"key": YOAST[name], "value": value})
    return entries


def status_at_creation(active: bool, options: WooCommerceOptions) -> str:
    """State of a new product."""
    return options.new_status if active else options.inactive_status


def status_after(current: str, active: bool, options: WooCommerceOptions) -> str:
    """State of an existing product; an article waiting for review as the settings ask stays so."""
    if not active:
        return options.inactive_status if current in ON_SALE or current == options.new_status else current
    if current in ON_SALE or current == options.new_status:
        return current
    return "publish" if current == options.inactive_status else current


def is_active(product: Product) -> bool:
    """Whether the product as a whole is on sale; a plain article follows its only variant and its stock too."""
    return _is_wanted(product) and not is_sold_out(product)


def is_sold_out(product: Product) -> bool:
    """Whether lack of stock alone keeps a plain article off sale (STK-04)."""
    stock = None if product.is_variable else product.variants[0].stock
    return _is_wanted(product) and stock is not None and stock.sellable is False


def _is_wanted(product: Product) -> bool:
    return product.active and (product.is_variable or product.variants[0].active)


def refused(error: ConnectorError) -> Problem:
    """The problem of a refused or deferred item."""
    return error.problem
