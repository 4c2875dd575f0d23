"""The 40-article company read by each road, against figures worked out by hand from its rows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.canonical.catalog import ProductKind
from connectors.canonical.values import TaxBasis
from connectors.core.query import CategorySource, Query, StockFigure, WeightSource

EVERYTHING = Query(published_only=False, include_dormant=True)
NET, GROSS = TaxBasis.NET, TaxBasis.GROSS


def dec(text: str) -> Decimal:
    return Decimal(text)


def price_of(record) -> tuple[str, TaxBasis]:
    return f"{record.price.amount:f}", record.price.basis


def tiers_of(record) -> list[tuple[str, str]]:
    return [(f"{tier.from_quantity:f}", f"{tier.price.amount:f}") for tier in record.tiers]


@pytest.mark.covers("CAT-01", "SYS-01")
def test_published_and_awake_articles_are_read(sample) -> None:
    read = sample.products()
    assert len(read.records) == 32
    assert not read.refused
    assert {"LANTERNE", "MONTRE-ALT", "CORDE-M", "GPS-100", "PORT", "DIVERS"}.isdisjoint(read.by_key)
    assert len(sample.products(EVERYTHING).records) == 40


@pytest.mark.covers("CAT-01", "CAT-10", "CAT-13")
@pytest.mark.parametrize(
    ("ref", "kind", "net", "gross", "barcode"),
    [
        ("TENTE2P", ProductKind.STANDARD, "1.85", "2.035", "3760000000017"),
        ("TENTE3P", ProductKind.STANDARD, "2.6", "2.86", "3760000000024"),
        ("CORDE60", ProductKind.STANDARD, "3.72", "4.092", "3760000000109"),
        ("KIT-BIVOUAC", ProductKind.KIT, "5.05", "5.555", "3760000000321"),
        ("KIT-SECU", ProductKind.KIT, None, None, "3760000000338"),
        ("PANIER-GOUR", ProductKind.STANDARD, "0.72", "0.792", "3760000000345"),
        ("PILES-AAA", ProductKind.STANDARD, "0.036", "0.0396", "3760000000352"),
        ("FORMATION", ProductKind.SERVICE, None, None, ""),
        ("PORT", ProductKind.SERVICE, None, None, ""),
        ("LIVRE-TOPO", ProductKind.STANDARD, "0.41", "0.451", "9782344001233"),
    ],
)
def test_kind_weight_and_barcode(sample, ref, kind, net, gross, barcode) -> None:
    query = Query(published_only=False, include_dormant=True, weight_source=WeightSource.GROSS)
    product = sample.products(EVERYTHING, keys=[ref]).by_key[ref]
    heavier = sample.products(query, keys=[ref]).by_key[ref]
    (variant,) = product.variants
    assert (product.kind, variant.key, variant.reference, variant.barcode) == (kind, ref, ref, barcode)
    assert variant.weight == (dec(net) if net else None)
    assert heavier.variants[0].weight == (dec(gross) if gross else None)


@pytest.mark.covers("CAT-12")
def test_one_range_in_the_order_of_the_company(sample) -> None:
    products = sample.products().by_key
    shirt = products["TSHIRT-MER"]
    assert [(axis.name, axis.values) for axis in shirt.axes] == [("Taille", ("S", "M", "L", "XL"))]
    assert [(v.key, v.reference, v.options, v.barcode) for v in shirt.variants] == [
        ("TSHIRT-MER#1", "TSHIRT-MER-S", (("Taille", "S"),), "3760000010801"),
        ("TSHIRT-MER#2", "TSHIRT-MER-M", (("Taille", "M"),), "3760000010849"),
        ("TSHIRT-MER#3", "TSHIRT-MER-L", (("Taille", "L"),), "3760000010887"),
        ("TSHIRT-MER#4", "TSHIRT-MER-XL", (("Taille", "XL"),), "3760000010924"),
    ]
    assert products["BONNET"].axes[0].values == ("Bleu glacier", "Rouge", "Noir")
    assert len(products["CHAUSS-RANDO"].variants) == 6


@pytest.mark.covers("CAT-12")
def test_only_pairs_that_exist_become_variants(sample) -> None:
    products = sample.products().by_key
    trousers = products["PANTALON"]
    assert [axis.name for axis in trousers.axes] == ["Taille", "Couleur"]
    assert len(trousers.variants) == 11
    assert (("Taille", "XL"), ("Couleur", "Rouge")) not in {variant.options for variant in trousers.variants}
    assert trousers.variants[0].key == "PANTALON#32#36"
    assert len(products["VESTE-IMP"].variants) == len(products["POLAIRE"].variants) == 12


@pytest.mark.covers("CAT-12", "CAT-06")
def test_a_dormant_value_is_inactive_and_an_empty_reference_is_made_up(sample) -> None:
    products = sample.products().by_key
    assert [(v.reference, v.active) for v in products["GANTS"].variants] == [
        ("GANTS-S", False), ("GANTS-M", True), ("GANTS-L", True), ("GANTS-XL", True),
    ]  # fmt: skip
    assert [v.reference for v in products["BONNET"].variants] == ["BONNET-BLE", "BONNET-ROU", "BONNET-13"]


@pytest.mark.covers("PRI-01", "PRI-02")
@pytest.mark.parametrize(
    ("category", "key", "price", "tiers"),
    [
        ("", "TENTE2P", ("229", NET), []),
        ("", "CASQUE", ("55.2", NET), []),  # 24 x 2.3
        ("", "SACADOS30", ("99", GROSS), []),
        ("", "VESTE-IMP#21#22", ("207.5", NET), []),
        ("1", "TENTE2P", ("229", NET), []),
        ("1", "CASQUE", ("55.2", NET), []),
        ("1", "SACADOS30", ("82.5", NET), []),
        ("1", "GOURDE75", ("15", NET), [("10", "14.25"), ("50", "13.2")]),
        ("1", "MOUSQ", ("9.9", NET), [("20", "8.9"), ("100", "7.5")]),
        ("1", "VESTE-IMP#20#22", ("207.5", NET), []),
        ("1", "VESTE-IMP#21#22", ("217.5", NET), []),
        ("1", "POLAIRE#28#31", ("60", NET), []),
        ("2", "TENTE2P", ("173.6", NET), []),  # 112 x 1.55
        ("2", "GOURDE75", ("9.61", NET), [("10", "8.8412"), ("50", "7.923445")]),  # 15 % then 3 % off 9.61
        ("2", "KIT-BIVOUAC", ("419.3", NET), []),
        ("3", "TENTE2P", ("274.8", GROSS), []),
        ("3", "LAMPEF600", ("70.62", GROSS), []),
        ("3", "VESTE-IMP#21#24", ("261", GROSS), []),
        ("3", "LIVRE-TOPO", ("24.9", GROSS), []),
        ("4", "TENTE2P", ("229", NET), [("1", "206.1")]),  # 10 % of the category
        ("4", "LIVRE-TOPO", ("23.6", NET), [("1", "22.42")]),  # 5 % of the family
        ("4", "TSHIRT-MER#1", ("49.17", NET), []),
    ],
)
def test_price_of_a_category(sample, category, key, price, tiers) -> None:
    record = sample.prices(Query(price_category=category), keys=[key]).by_key[key]
    assert price_of(record) == price
    assert tiers_of(record) == tiers
    assert record.price.currency == "EUR"
    assert record.product_key == key.split("#")[0]


@pytest.mark.covers("PRI-01", "CAT-13")
def test_a_kit_sold_as_its_parts_costs_what_they_cost(sample) -> None:
    net = sample.prices(Query(price_category="1"), keys=["KIT-SECU"]).by_key["KIT-SECU"]
    gross = sample.prices(Query(price_category="3"), keys=["KIT-SECU"]).by_key["KIT-SECU"]
    assert price_of(net) == ("134", NET)  # 59 + 55.2 + 2 x 9.9
    assert price_of(gross) == ("160.8", GROSS)  # 70.8 + 66.24 + 2 x 11.88


@pytest.mark.covers("PRI-01", "CAT-03")
@pytest.mark.parametrize(
    ("accounting", "key", "code", "percent", "eco"),
    [
        ("", "TENTE2P", "C20", "20", None),
        ("1", "LIVRE-TOPO", "C055", "5.5", None),
        ("1", "PANIER-GOUR", "C10", "10", None),
        ("1", "BOISSON-ISO", "C055", "5.5", None),
        ("1", "LAMPEF300", "C20", "20", "0.25"),  # family
        ("1", "LAMPEF600", "C20", "20", "0.6"),  # its own row
        ("1", "FORMATION", "C20", "20", None),
        ("2", "LAMPEF600", "C00", "0", None),
        ("4", "VESTE-IMP#18#22", "C085", "8.5", None),
    ],
)
def test_tax_and_eco_participation(sample, accounting, key, code, percent, eco) -> None:
    record = sample.prices(Query(accounting_category=accounting), keys=[key]).by_key[key]
    assert (record.tax.code, record.tax.percent) == (code, dec(percent))
    assert (record.eco_tax.amount if record.eco_tax else None) == (dec(eco) if eco else None)
    product = sample.products(Query(accounting_category=accounting), keys=[record.product_key]).records[0]
    assert product.tax == record.tax


@pytest.mark.covers("PRI-01", "CAT-03")
@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (datetime(2026, 6, 30, 21, 59, tzinfo=UTC), "C055"),  # still 30 June in Paris
        (datetime(2026, 6, 30, 22, 1, tzinfo=UTC), "C10"),  # 1 July in Paris
    ],
)
def test_a_rate_changes_on_its_day_at_the_server(sample, moment, code) -> None:
    sample.clock = lambda: moment
    assert sample.prices(keys=["SAUCISSON"]).records[0].tax.code == code


@pytest.mark.covers("PRI-01")
def test_purchase_price_is_without_tax(sample) -> None:
    records = sample.prices(Query(price_category="3")).by_key
    assert (records["TENTE2P"].purchase.amount, records["TENTE2P"].purchase.basis) == (dec("112"), NET)
    assert records["VESTE-IMP#18#22"].purchase.amount == dec("94")
    assert records["FORMATION"].purchase is None


@pytest.mark.covers("STK-01", "CAT-13")
@pytest.mark.parametrize(
    ("warehouses", "figure", "key", "quantity"),
    [
        ((), StockFigure.REAL, "TENTE2P", "33"),
        (("1",), StockFigure.REAL, "TENTE2P", "22"),
        (("2",), StockFigure.REAL, "TENTE2P", "11"),
        (("3",), StockFigure.REAL, "TENTE2P", "0"),
        (("1", "2"), StockFigure.FORECAST, "TENTE2P", "61"),  # 33 + 30 - 2
        (("1", "2"), StockFigure.AVAILABLE, "TENTE2P", "33"),
        ((), StockFigure.AVAILABLE, "RECHAUD", "86"),  # 89 - 3 being inspected
        ((), StockFigure.FORECAST, "GOURDE75", "-43"),  # 17 - 60 reserved
        ((), StockFigure.REAL, "TSHIRT-MER#2", "8"),
        ((), StockFigure.AVAILABLE, "TSHIRT-MER#2", "6"),
        (("1",), StockFigure.FORECAST, "POLAIRE#26#29", "-6"),
        ((), StockFigure.REAL, "KIT-BIVOUAC", "18"),  # two of 36 sleeping bags each
        (("2",), StockFigure.REAL, "KIT-BIVOUAC", "0"),  # no sleeping bag there
        ((), StockFigure.REAL, "KIT-SECU", "19"),
        ((), StockFigure.REAL, "PANIER-GOUR", "95"),  # made, not assembled on sale
        ((), StockFigure.REAL, "FORMATION", None),
        ((), StockFigure.REAL, "PORT", None),
    ],
)
def test_stock_figure(sample, warehouses, figure, key, quantity) -> None:
    query = Query(published_only=False, warehouses=warehouses, stock_figure=figure)
    record = sample.stock(query, keys=[key]).by_key[key]
    assert record.quantity == (dec(quantity) if quantity is not None else None)
    assert record.product_key == key.split("#")[0]


@pytest.mark.covers("STK-01", "STK-03")
def test_fractions_weight_and_barcode_ride_along(sample) -> None:
    records = sample.stock(Query(published_only=False)).by_key
    assert records["CORDE-M"].quantity == dec("373")
    assert (records["TENTE2P"].weight, records["TENTE2P"].barcode) == (dec("1.85"), "3760000000017")
    assert records["BONNET#13"].reference == "BONNET-13"
    assert len(records) == 31 + 52  # 38 awake articles, 7 of them in 52 variants


@pytest.mark.covers("CAT-12", "STK-01", "PRI-02")
def test_packagings_become_variants_when_asked(sample) -> None:
    query = Query(price_category="1", with_price=True, with_stock=True)
    product = sample.products(query, keys=["BARRE-CER"], packagings=True).records[0]
    assert product.axes[0].values == ("Pièce", "Boîte de 12", "Boîte de 24")
    assert [
        (v.key, v.reference, f"{v.weight:f}", f"{v.stock.quantity:f}", f"{v.price.price.amount:f}", v.barcode)
        for v in product.variants
    ] == [
        ("BARRE-CER#c0", "BARRE-CER-c0", "0.04", "97", "1.9", "3760000000178"),
        ("BARRE-CER#c1", "BARRE-B12", "0.48", "8", "21", "3760000017121"),
        ("BARRE-CER#c2", "BARRE-B24", "0.96", "4", "45.6", "3760000017244"),
    ]
    plain = sample.products(query, keys=["BARRE-CER"]).records[0]
    assert [variant.key for variant in plain.variants] == ["BARRE-CER"]


@pytest.mark.covers("CAT-02", "CAT-16")
def test_fields_hold_columns_custom_columns_and_texts(sample) -> None:
    products = sample.products().by_key
    tent = products["TENTE2P"]
    assert tent.name == {"": "Tente légère 2 places « Glandasse »", "1": 'Lightweight 2-person tent "Glandasse"'}
    wanted = {
        "AR_Ref": "TENTE2P",
        "AR_PoidsNet": "1850",
        "AR_PrixVen": "229",
        "AR_DateModif": "2025-09-15",
        "AR_DateApplication": "",
        "AR_Stat01": "Été",
        "Marque commerciale": "Glandasse",
        "Matière": "Polyester recyclé",
        "Mise en ligne": "2025-03-01",
        "Indice_reparabilite": "",
        "AR_Design@1": 'Lightweight 2-person tent "Glandasse"',
        "AR_Design@2": "",
        "FA_Intitule": "Bivouac",
        "U_Intitule": "Pièce",
        "CT_Intitule": "Camp & Bivouac SAS",
        "AF_RefFourniss": "CB-T2P",
    }
    assert {name: tent.fields[name] for name in wanted} == wanted
    assert tent.fields["glossaire:1"].startswith("Tente deux places autoportante")
    assert tent.fields["glossaire:1@1"].startswith("Freestanding two-person tent")
    assert products["VESTE-IMP"].fields["glossaire:2"] == "Lavage à 30 °C, sans adoucissant."
    assert products["RECHAUD"].fields["Indice_reparabilite"] == "7.8"
    assert products["GOURDE75"].fields["CT_Intitule"] == tent.fields["CT_Intitule"]  # the main one of two suppliers


@pytest.mark.covers("CAT-06")
def test_every_article_has_a_state_with_its_reason(sample) -> None:
    states = sample.states().by_key
    assert len(states) == 40
    inactive = {key: state.reason for key, state in states.items() if not state.active}
    assert set(inactive) == {
        "LANTERNE", "MONTRE-ALT", "CORDE-M", "GPS-100", "PORT", "REMISE", "EMBALLAGE", "DIVERS",
    }  # fmt: skip
    assert inactive["LANTERNE"] == "dormant"
    assert inactive["CORDE-M"] == "unpublished"
    awake = sample.states(Query(published_only=False)).by_key
    assert {key for key, state in awake.items() if not state.active} == {"LANTERNE", "MONTRE-ALT"}


@pytest.mark.covers("CAT-07")
def test_catalogue_as_a_tree(sample) -> None:
    read = sample.categories()
    tree = read.by_key
    assert len(tree) == 13
    assert not read.refused
    jackets = tree["catalogue:13"]
    assert (jackets.name, jackets.parent, jackets.level) == ({"": "Vestes imperméables"}, "catalogue:8", 4)
    assert tree["catalogue:1"].parent == ""
    seen: set[str] = {""}
    for category in read.records:
        assert category.parent in seen
        seen.add(category.key)
    products = sample.products().by_key
    assert products["VESTE-IMP"].categories == ("catalogue:1", "catalogue:3", "catalogue:8", "catalogue:13")
    assert products["BATONS"].categories == ("catalogue:1",)
    assert products["SAUCISSON"].categories == ()


@pytest.mark.covers("CAT-07")
def test_families_as_a_tree(sample) -> None:
    query = Query(category_source=CategorySource.FAMILIES)
    tree = sample.categories(query).by_key
    assert len(tree) == 11
    assert "family:ZTOTAL" not in tree
    assert (tree["family:VETEMENT"].parent, tree["family:VETEMENT"].level) == ("central:TEXTILE", 2)
    assert (tree["family:LIVRE"].parent, tree["family:LIVRE"].name) == ("", {"": "Livres et cartes"})
    products = sample.products(query).by_key
    assert products["BONNET"].categories == ("central:TEXTILE", "family:VETEMENT")
    assert products["LIVRE-TOPO"].categories == ("family:LIVRE",)


@pytest.mark.covers("CAT-07")
def test_fields_as_a_tree(sample) -> None:
    query = Query(
        category_source=CategorySource.FIELDS, category_fields=("FA_Intitule", "AR_Stat01", "Marque commerciale")
    )
    tree = sample.categories(query).by_key
    products = sample.products(query).by_key
    assert products["TENTE2P"].categories == (
        "field:Bivouac", "field:Bivouac|Été", "field:Bivouac|Été|Glandasse",
    )  # fmt: skip
    assert products["RECHAUD"].categories == ("field:Bivouac",)
    assert tree["field:Bivouac|Été|Glandasse"].parent == "field:Bivouac|Été"
    assert {key for product in products.values() for key in product.categories} == set(tree)


@pytest.mark.covers("CAT-07")
def test_no_categories_when_none_are_wanted(sample) -> None:
    query = Query(category_source=CategorySource.NONE)
    assert sample.categories(query).records == []
    assert {product.categories for product in sample.products(query).records} == {()}


@pytest.mark.covers("PRF-05", "SYS-01")
def test_reference_lists(sample) -> None:
    from connectors.erp.sage100 import SPEC

    with sample.open() as connection:
        lists = {name: connection.choices(name) for name in SPEC.choices}
        facts = connection.facts()
    keys = {name: [choice.key for choice in choices] for name, choices in lists.items()}
    assert all(keys.values())
    assert keys["warehouses"] == ["1", "2", "3"]
    assert keys["price_categories"] == ["1", "2", "3", "4"]  # empty slots are left out
    assert keys["sales_series"] == ["0", "1"]  # documents count series from 0
    assert keys["cash_journals"] == ["BNQ", "CAI", "CB"]
    assert keys["languages"] == ["", "1", "2"]
    assert keys["payment_methods"] == ["1", "2", "3", "4", "5", "6"]
    assert "D20" not in keys["taxes"]  # deductible
    assert {"AR_Stat01", "Marque commerciale", "glossaire:1", "glossaire:2", "FA_Intitule"} <= set(
        keys["article_fields"]
    )
    labels = {choice.key: choice.label for choice in lists["article_fields"]}
    assert labels["AR_Stat01"] == "Saison"
    assert lists["accounting_categories"][3].label == "Ventes DROM"
    assert lists["document_statuses"][5].label == "Bon de commande : À préparer"
    assert keys["customer_fields"][0] == "Origine client"
    assert keys["document_fields"][:2] == ["N° de suivi", "Boutique"]
    assert (facts["currency"], facts["company"]) == ("EUR", "Vercors Équipement")
    assert set(keys["article_fields"]) - {"glossaire:1", "glossaire:2"} <= set(
        sample.products(keys=["TENTE2P"]).records[0].fields
    )
