"""Categories of an article in the shop: linked ones, supplementary ones by id or name, and the default one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.canonical.base import content_hash
from connectors.canonical.catalog import Product, Variant
from connectors.canonical.values import TaxRate
from profiles.options_store import ProfileOptions
from profiles.sections import FLOW_SECTIONS, CategoriesSection
from sync.flows.base import Mapped
from sync.mapping.products import map_product


def _options(**changes: dict[str, Any]) -> ProfileOptions:
    given = {"products": {"tax_default": "standard"}}
    for section, values in changes.items():
        given[section] = {**given.get(section, {}), **values}
    return ProfileOptions({one.section: one(**given.get(one.section, {})) for one in FLOW_SECTIONS}, revision=0)


def _mapped(options: ProfileOptions, *categories: str, **fields: str) -> Product:
    article = Product(
        key="A-1",
        reference="A-1",
        name={"": "Article"},
        tax=TaxRate("C20", Decimal(20)),
        categories=categories,
        fields=fields,
        variants=(Variant(key="A-1", reference="A-1"),),
    )
    found = map_product(article, options, {})
    assert isinstance(found, Mapped)
    record = found.record
    assert isinstance(record, Product)
    return record


@pytest.mark.covers("CAT-07")
@pytest.mark.parametrize(
    ("separator", "text", "expected"),
    [
        (";", "Soldes; 12 ;;Vis & écrous;Soldes", ("Soldes", "12", "Vis & écrous")),
        ("|", "Soldes;12|Neuf", ("Soldes;12", "Neuf")),
        ("", "Soldes;12", ("Soldes;12",)),
        (";", "  ", ()),
    ],
)
def test_supplementary_categories_are_split_from_their_field(
    separator: str, text: str, expected: tuple[str, ...]
) -> None:
    options = _options(categories={"extra_field": "AR_Stat05", "extra_separator": separator})
    record = _mapped(options, "famille", AR_Stat05=text)
    assert (record.categories, record.shop_categories) == (("famille",), expected)


@pytest.mark.covers("CAT-08")
def test_the_default_category_serves_only_articles_without_any_other() -> None:
    default = {"default_category": "17"}
    assert _mapped(_options(products=default)).shop_categories == ("17",)
    assert _mapped(_options(products=default), "famille").shop_categories == ()
    without_tree = _options(products=default, categories={"source": "none"})
    assert _mapped(without_tree, "famille").shop_categories == ("17",)
    extra = _options(products=default, categories={"extra_field": "AR_Stat05"})
    assert _mapped(extra, AR_Stat05="Soldes").shop_categories == ("Soldes",)
    assert _mapped(extra, AR_Stat05="").shop_categories == ("17",)
    assert _mapped(_options()).shop_categories == ()


@pytest.mark.covers("CAT-07", "CAT-09")
def test_supplementary_categories_belong_to_the_part_categories() -> None:
    options = _options(categories={"extra_field": "AR_Stat05"})
    one, other = _mapped(options, AR_Stat05="Soldes"), _mapped(options, AR_Stat05="Neuf")
    assert content_hash(one, {"categories"}) != content_hash(other, {"categories"})
    assert content_hash(one, {"name", "price"}) == content_hash(other, {"name", "price"})


def test_settings_of_the_first_version_are_still_read() -> None:
    """``update_names`` repeated a setting of the shop and was dropped with version 2."""
    document = CategoriesSection.upgrade({"source": "families", "update_names": False}, 1)
    assert CategoriesSection(**document).source.value == "families"
