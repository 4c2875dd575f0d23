"""What is not ours stays as it is, whatever is switched on and whatever others wrote (P20)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles import options_store
from tests.flows.conftest import Story

pytestmark = [pytest.mark.odbc, pytest.mark.covers("CAT-09")]

OURS: dict[str, set[str]] = {
    "name": {"name"},
    "description": {"description"},
    "summary": {"short_description"},
    "price": {"regular_price"},
    "quantity": {"stock_quantity", "manage_stock", "stock_status"},
    "weight": {"weight"},
    "dimensions": {"dimensions"},
    "barcode": {"global_unique_id"},
    "brand": {"brands"},
    "features": {"attributes"},
    "categories": {"categories"},
    "tax": {"tax_class"},
}
"""Fields of the shop that each part may write."""

FOLLOWING = {"date_modified", "date_modified_gmt", "meta_data", "price", "price_html", "related_ids", "on_sale"}
"""Fields that the shop computes itself; our own mark among the meta data is compared apart."""

FOREIGN: dict[str, st.SearchStrategy[Any]] = {
    "purchase_note": st.sampled_from(["", "Merci !", "<b>Sous 48 h</b>"]),
    "menu_order": st.integers(0, 99),
    "catalog_visibility": st.sampled_from(["visible", "catalog", "search", "hidden"]),
    "featured": st.booleans(),
    "sold_individually": st.booleans(),
    "reviews_allowed": st.booleans(),
    "tax_status": st.sampled_from(["taxable", "shipping", "none"]),
    "sale_price": st.sampled_from(["", "1.00"]),
    "backorders": st.sampled_from(["no", "notify", "yes"]),
    "description": st.sampled_from(["<p>Réécrit</p>", "Autre"]),
    "short_description": st.sampled_from(["<p>Court</p>", "Bref"]),
    "weight": st.sampled_from(["7", "8.5"]),
    "regular_price": st.sampled_from(["500.00", "600.00"]),
    "stock_quantity": st.integers(200, 300),
    "meta_data": st.just([{"key": "_autre_extension", "value": "garder"}, {"key": "couleur", "value": "42"}]),
}

_numbers = itertools.count(1)


@pytest.fixture
def exported(small: Callable[..., Story]) -> Story:
    fields = {
        "description_field": "AR_Langue1",
        "summary_field": "AR_Langue2",
        "brand_field": "Marque commerciale",
        "width_field": "AR_Garantie",
        "feature_map": {"AR_Pays": "Origine"},
    }
    story = small("TENTE2P", products=fields)
    story.run()
    return story


def _others_meta(row: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted((item["key"], str(item["value"])) for item in row["meta_data"] if not item["key"].startswith("_atoo"))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.sets(st.sampled_from(sorted(OURS))), edits=st.fixed_dictionaries({}, optional=FOREIGN))
def test_p20_after_each_write_every_field_outside_the_list_is_identical(
    exported: Story, parts: set[str], edits: dict[str, Any]
) -> None:
    number = exported.product("TENTE2P")["id"]
    exported.rest(f"products/{number}", edits)
    before = exported.rest(f"products/{number}")
    change = next(_numbers)
    exported.erp.update_article(
        "TENTE2P",
        AR_Design=f"Nom {change}",
        AR_Langue1=f"Description {change}",
        AR_Langue2=f"Court {change}",
        AR_PoidsNet=1000 + change,
        AR_Garantie=10 + change,
        AR_Pays=f"Pays {change}",
        **{"Marque commerciale": f"Marque {change}"},
    )
    exported.erp.set_price("TENTE2P", 700 + change, category=1)
    exported.erp.set_stock("TENTE2P", depot=1, real=300 + change)
    options_store.save(exported.profile, {"products": {"update_parts": sorted(parts)}}, author=None)
    run = exported.run(full=True)
    assert run.refused == 0
    after = exported.rest(f"products/{number}")
    allowed = FOLLOWING.union(*(OURS[part] for part in parts))
    assert {name for name in after if after[name] != before[name]} <= allowed
    assert _others_meta(after) == _others_meta(before)
    expected = {"name": f"Nom {change}", "description": f"Description {change}", "weight": f"{1 + change / 1000:g}"}
    for part, value in expected.items():
        if part in parts:
            assert after[part] == value
