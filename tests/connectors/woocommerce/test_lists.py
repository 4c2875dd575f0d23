"""Reference lists and facts."""

from __future__ import annotations

import pytest

from connectors.sandbox.woocommerce import WooCommerceSandbox, serve_woocommerce
from connectors.shops.woocommerce import SPEC
from connectors.shops.woocommerce.connection import WooConnection
from tests.connectors.woocommerce.support import categories, connect, post

pytestmark = pytest.mark.covers("PRF-05")


def labels(connection: WooConnection, name: str) -> dict[str, str]:
    return {choice.key: choice.label for choice in connection.choices(name)}


def test_lists_hold_what_the_shop_holds(connection: WooConnection) -> None:
    categories(connection, ("Meubles & co", ""), ("Chaises", "Meubles & co"))
    post(connection, "products/brands", {"name": "Dupont & fils"})
    post(connection, "products/tags", {"name": "Promo"})
    post(connection, "products/attributes", {"name": "Taille"})
    assert labels(connection, "tax_classes")["taux-intermediaire"] == "Taux intermédiaire"
    assert "Meubles & co › Chaises" in labels(connection, "categories").values()
    assert list(labels(connection, "brands").values()) == ["Dupont & fils"]
    assert list(labels(connection, "tags").values()) == ["Promo"]
    assert list(labels(connection, "attributes").values()) == ["Taille"]
    assert labels(connection, "order_statuses")["on-hold"] == "On hold"
    assert labels(connection, "currencies")["EUR"] == "Euro"
    assert labels(connection, "countries")["FR"] == "France"
    assert labels(connection, "payment_methods")["bacs"]
    assert labels(connection, "languages") == {"en": "Anglais (en_US)"}
    assert "flat_rate" in labels(connection, "shipping_methods")


def test_tax_classes_tell_their_rates(connection: WooConnection) -> None:
    extra = {choice.key: choice.extra["rates"] for choice in connection.choices("tax_classes")}
    assert "FR 20 %" in extra["standard"]
    assert "FR 5,5 %" in extra["reduced-rate"]


@pytest.mark.covers("PAY-02")
def test_means_of_payment_kept_in_custom_fields_are_in_the_list(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, payment_metas="_funds_used = avoir\n_card = carte\n_other_card = carte\n_x = bacs")
    found = [choice.key for choice in opened.choices("payment_methods")]
    opened.close()
    assert found[-2:] == ["avoir", "carte"]
    assert found.count("bacs") == 1


@pytest.mark.covers("ORD-09", "ORD-05")
def test_marketplaces_are_means_of_payment_of_the_list(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, marketplaces="Cdiscount, Amazon FR, bacs", payment_metas="_funds_used = avoir")
    found = [choice.key for choice in opened.choices("payment_methods")]
    opened.close()
    assert found[-3:] == ["avoir", "Cdiscount", "Amazon FR"]
    assert found.count("bacs") == 1


def test_facts_follow_the_settings_of_the_shop() -> None:
    with serve_woocommerce(bare=True) as shop:
        opened = connect(shop)
        facts = opened.facts()
        opened._shop.api.client.request(
            "PUT",
            opened._shop.api.url("wc/v3/settings/tax/woocommerce_prices_include_tax"),
            body={"value": "yes"},
        )
        opened._shop.api.client.request(
            "PUT", opened._shop.api.url("wc/v3/settings/products/woocommerce_weight_unit"), body={"value": "g"}
        )
        again = connect(shop)
        assert (facts["prices_include_tax"], again.facts()["prices_include_tax"]) == ("no", "yes")
        assert again.facts()["weight_unit"] == "g"
        for name in ("currency", "price_decimals", "dimension_unit", "timezone", "version", "decimal_separator"):
            assert facts[name], name
        assert facts["default_category"]
        opened.close()
        again.close()


def test_the_manifest_is_found_by_the_registry(shop: WooCommerceSandbox) -> None:
    from connectors.registry import by_key

    assert by_key("woocommerce") is SPEC
    assert set(SPEC.choices) == {
        "tax_classes", "tax_rates", "categories", "attributes", "tags", "shipping_classes", "payment_methods",
        "shipping_methods", "order_statuses", "currencies", "countries", "brands", "languages",
    }  # fmt: skip
