"""ERP articles to shop products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from connectors.canonical.base import content_hash
from connectors.canonical.catalog import Dimensions, Feature, Product, ProductState, Variant
from connectors.canonical.keys import Aspect, Entity, Ref
from connectors.canonical.values import LocalizedText
from connectors.core.problems import ItemRefused, Problem
from connectors.core.texts import Text
from profiles.options_store import ProfileOptions
from profiles.sections import CategoriesSection, ProductsSection
from sync.flows.base import Along, Excluded, Mapped
from sync.mapping.prices import TAX_UNKNOWN, map_price
from sync.mapping.stock import map_stock
from sync.mapping.texts import chosen, is_bar_code, split, without_forbidden


@dataclass(frozen=True, slots=True)
class _Notes:
    """Collects warnings while one article is mapped."""

    lines: list[Text]

    def add(self, line: Text) -> None:
        self.lines.append(line)


def map_product(product: Product, options: ProfileOptions, facts: Mapping[str, str]) -> Mapped | Excluded:
    """The article in the shop's terms. Pure. Raises ``ItemRefused`` for what a person must mend.

    Refuses: no name, no reference, a tax without mapping, an unknown tax where the price needs it.
    """
    section: ProductsSection = options["products"]
    if product.dormant:
        return Excluded("En sommeil dans l’ERP")
    if section.published_only and not product.published:
        return Excluded("Non publié sur le web dans l’ERP")
    notes = _Notes([])
    variants = tuple(_map_variant(product, variant, options, facts, notes) for variant in product.variants)
    mapped = Product(
        key=product.key,
        reference=_reference(product),
        kind=product.kind,
        axes=product.axes,
        variants=variants,
        active=section.create_active,
        name=_name(product, section),
        tax_class=_tax_class(product, section),
        categories=_categories(product, options["categories"]),
        shop_categories=_shop_categories(product, options),
        brand=chosen(product.fields, section.brand_field),
        dimensions=_dimensions(product, section, notes),
        features=_features(product, section),
        slug=chosen(product.fields, section.slug_field),
        description=_text(product, section.description_field),
        summary=_text(product, section.summary_field),
        seo_title=_text(product, section.seo_title_field),
        seo_description=_text(product, section.seo_description_field),
        seo_keywords=_text(product, section.seo_keywords_field),
    )
    return Mapped(
        ref=Ref(Entity.PRODUCT, product.key),
        record=mapped,
        label=mapped.name.get("", ""),
        reference=mapped.reference,
        parts=frozenset(section.update_parts),
        references=tuple(Ref(Entity.CATEGORY, key) for key in mapped.categories),
        notes=tuple(notes.lines),
        along=(_published(product), *_along(variants)),
    )


def _reference(product: Product) -> str:
    if not product.reference.strip():
        raise ItemRefused(
            Problem("reference_empty", "L’article n’a pas de référence.", "Donnez-lui une référence dans l’ERP.")
        )
    return product.reference


def _name(product: Product, section: ProductsSection) -> LocalizedText:
    base = chosen(product.fields, section.name_field) or product.name.get("", "")
    names = {"": base} if section.name_field else {**product.name, "": base}
    if section.strip_forbidden:
        names = {language: without_forbidden(text) for language, text in names.items()}
    if not names[""].strip():
        raise ItemRefused(
            Problem(
                "name_empty",
                "L’article n’a pas de désignation.",
                "Renseignez sa désignation dans l’ERP, ou choisissez un autre champ pour le nom (Articles > Textes).",
            )
        )
    return {language: text for language, text in names.items() if text.strip()}


def _text(product: Product, field: str) -> LocalizedText:
    text = chosen(product.fields, field)
    return {"": text} if text else {}


def _tax_class(product: Product, section: ProductsSection) -> str:
    code = product.tax.code if product.tax else ""
    found = section.tax_map.get(code) or section.tax_default
    if found:
        return found
    if not code:
        raise ItemRefused(TAX_UNKNOWN)
    raise ItemRefused(
        Problem(
            f"tax_unmapped.{code}",
            "Le code taxe %(code)s de l’ERP n’a pas de correspondance dans la boutique.",
            "Ouvrez Articles > Taxes, choisissez la classe de taxe de la boutique pour %(code)s, puis relancez.",
            values={"code": code},
        )
    )


def _categories(product: Product, section: CategoriesSection) -> tuple[str, ...]:
    return product.categories if section.source.value != "none" else ()


def _shop_categories(product: Product, options: ProfileOptions) -> tuple[str, ...]:
    """Supplementary categories of the shop (CAT-07); its default one where the article has none at all (CAT-08)."""
    section: CategoriesSection = options["categories"]
    default = options["products"].default_category
    extra = tuple(dict.fromkeys(split(chosen(product.fields, section.extra_field), section.extra_separator)))
    if extra or not default or _categories(product, section):
        return extra
    return (default,)


def _dimensions(product: Product, section: ProductsSection, notes: _Notes) -> Dimensions:
    return Dimensions(
        width=_number(product, section.width_field, notes),
        height=_number(product, section.height_field, notes),
        depth=_number(product, section.depth_field, notes),
    )


def _number(product: Product, field: str, notes: _Notes) -> Decimal | None:
    text = chosen(product.fields, field)
    if not text:
        return None
    try:
        number = Decimal(text.replace(",", ".").replace(" ", ""))
    except InvalidOperation:
        sentence = "Le champ %(field)s ne contient pas un nombre (%(value)s) : dimension non transmise."
        notes.add(Text(sentence, {"field": field, "value": text}))
        return None
    return number if number.is_finite() and number >= 0 else None


def _features(product: Product, section: ProductsSection) -> tuple[Feature, ...]:
    """Characteristics in the order of their names: the order of the table means nothing and resends no article."""
    found = []
    for field, name in sorted(section.feature_map.items(), key=lambda pair: (pair[1].casefold(), pair[0])):
        values = split(chosen(product.fields, field), section.feature_separator)
        if name and values:
            found.append(Feature(name=name, values=values))
    return tuple(found)


def _map_variant(
    product: Product, variant: Variant, options: ProfileOptions, facts: Mapping[str, str], notes: _Notes
) -> Variant:
    section: ProductsSection = options["products"]
    barcode = variant.barcode.strip()
    if barcode and section.check_barcode and not is_bar_code(barcode):
        notes.add(Text("Le code-barres %(code)s est faux : il n’a pas été transmis.", {"code": barcode}))
        barcode = ""
    price = map_price(variant.price, options["prices"], facts) if variant.price is not None else None
    stock = (
        map_stock(
            variant.stock,
            options["stock"],
            has_variants=product.is_variable,
            expected_in=options["shop"].next_delivery_place,
        )
        if variant.stock
        else None
    )
    return replace(variant, barcode=barcode, price=price, stock=stock)


def _published(product: Product) -> Along:
    """A created article counts as activated, also as a draft: only a later change in the ERP touches its state."""
    state = ProductState(key=product.key, reference=product.reference, active=True)
    return Along(Ref(Entity.PRODUCT, product.key), Aspect.STATE, content_hash(state))


def _along(variants: tuple[Variant, ...]) -> list[Along]:
    """What the stock and price flows would compute for these variants: a create sends it already."""
    along = []
    for variant in variants:
        ref = Ref(Entity.VARIANT, variant.key)
        if variant.stock is not None:
            along.append(Along(ref, Aspect.STOCK, content_hash(variant.stock)))
        if variant.price is not None:
            along.append(Along(ref, Aspect.PRICE, content_hash(variant.price)))
    return along
