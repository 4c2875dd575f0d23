"""«Mettre à jour les prix» between the real connectors and their stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from profiles import options_store
from sync.models import JournalEntry, Run, RunResult
from tests.flows.conftest import Story

pytestmark = pytest.mark.odbc

Small = Callable[..., Story]


def _prices(story: Story, *skus: str) -> dict[str, str]:
    return {sku: story.product(sku)["regular_price"] for sku in skus}


def _include_tax(story: Story) -> None:
    """Switches the shop to prices with tax, as its manager would."""
    story.shop.store.settings.put("tax/woocommerce_prices_include_tax", "yes")


def _codes(run: Run) -> dict[str, str]:
    return dict(JournalEntry.objects.filter(run=run, outcome="refused").values_list("item_key", "code"))


@pytest.mark.covers("PRI-01")
@pytest.mark.parametrize(
    ("gross_shop", "category", "tent", "book"),
    [
        (False, "1", "229.00", "23.60"),  # HT in both
        (False, "2", "173.60", "19.22"),  # coefficient 1.55 on the purchase prices 112 and 12.40
        (False, "3", "229.00", "23.60"),  # TTC in the ERP: 274.80 / 1.20, 24.90 / 1.055
        (True, "1", "274.80", "24.90"),  # 229 x 1.20, 23.60 x 1.055 = 24.898
        (True, "3", "274.80", "24.90"),  # TTC in both
    ],
)
def test_prices_reach_the_shop_in_its_own_tax_basis(
    small: Small, gross_shop: bool, category: str, tent: str, book: str
) -> None:
    story = small("TENTE2P", "LIVRE-TOPO")
    if gross_shop:
        _include_tax(story)
    options_store.save(story.profile, {"prices": {"price_category": category}}, author=None)
    assert story.run().refused == 0
    assert _prices(story, "TENTE2P", "LIVRE-TOPO") == {"TENTE2P": tent, "LIVRE-TOPO": book}
    assert story.run("prices").sent == 0, "the prices of new articles went along with them"


@pytest.mark.covers("PRI-01")
def test_only_changed_prices_are_sent_and_without_any_date(small: Small) -> None:
    story = small("TENTE2P", "TENTE3P", "MATELAS")
    story.run()
    story.erp.set_price("TENTE3P", "310.456", category=1)
    run = story.run("prices")
    assert (run.updated, run.unchanged, run.units) == (1, 2, 1)
    assert _prices(story, "TENTE2P", "TENTE3P") == {"TENTE2P": "229.00", "TENTE3P": "310.46"}
    assert story.run("prices").sent == 0


@pytest.mark.covers("PRI-01")
def test_another_category_or_other_decimals_reach_every_price(small: Small) -> None:
    story = small("TENTE2P", "PRIX-6-DEC")
    story.run()
    with story.erp.session() as session:
        stored = Decimal(str(session.one("SELECT AR_PrixVen FROM F_ARTICLE WHERE AR_Ref = 'PRIX-6-DEC'")[0]))
        rows = session.all("SELECT AC_PrixVen FROM F_ARTCLIENT WHERE AR_Ref = 'PRIX-6-DEC' AND AC_Categorie = 1")
    wanted = Decimal(str(rows[0][0])) if rows and rows[0][0] else stored
    assert wanted.normalize().as_tuple().exponent < -2  # type: ignore[operator]
    assert Decimal(story.product("PRIX-6-DEC")["regular_price"]) == round(wanted, 2)
    story.shop.store.settings.put("general/woocommerce_price_num_decimals", "4")
    options_store.save(story.profile, {"prices": {"decimals": 4}}, author=None)
    assert story.run("prices").updated == 1
    assert Decimal(story.product("PRIX-6-DEC")["regular_price"]) == round(wanted, 4)


@pytest.mark.covers("PRI-01", "CAT-12")
def test_variations_have_their_own_prices(story: Story) -> None:
    options_store.save(story.profile, {"products": {"expression": "AR_Ref = 'TSHIRT-MER'"}}, author=None)
    story.run()
    number = story.product("TSHIRT-MER")["id"]
    before = {row["sku"]: row["regular_price"] for row in story.rest(f"products/{number}/variations?per_page=100")}
    assert set(before.values()) == {"49.17"}
    story.erp.set_price("TSHIRT-MER", 52, category=1)
    run = story.run("prices")
    assert run.updated == len(before)
    after = {row["sku"]: row["regular_price"] for row in story.rest(f"products/{number}/variations?per_page=100")}
    assert set(after.values()) == {"52.00"}


@pytest.mark.covers("PRI-01", "CAT-03")
def test_p14_an_unknown_tax_blocks_its_article_alone_and_is_never_zero(small: Small) -> None:
    """In a shop with prices with tax, an article without tax has no price: it waits, and goes once mended."""
    story = small("REGLAGE-FIX", "TENTE2P", products={"tax_default": "standard"})
    _include_tax(story)
    run = story.run()
    assert (run.created >= 1, _codes(run)) == (True, {"REGLAGE-FIX": "tax_unknown"})
    assert _prices(story, "TENTE2P") == {"TENTE2P": "274.80"}
    assert story.shop.app.inspect({"sku": "REGLAGE-FIX"})["products"] == []
    story.erp.update_article("REGLAGE-FIX", FA_CodeFamille="BIVOUAC")
    mended = story.run()
    assert mended.refused == 0
    with story.erp.session() as session:
        net = Decimal(str(session.one("SELECT AR_PrixVen FROM F_ARTICLE WHERE AR_Ref = 'REGLAGE-FIX'")[0]))
    assert Decimal(story.product("REGLAGE-FIX")["regular_price"]) == round(net * Decimal("1.2"), 2)


@pytest.mark.covers("PRI-01")
def test_p14_the_price_flow_refuses_a_price_whose_tax_vanished(small: Small) -> None:
    story = small("TENTE2P", "TENTE3P")
    _include_tax(story)
    story.run()
    with story.erp.session(write=True) as session:
        session.run("DELETE FROM F_ARTCOMPTA WHERE AR_Ref = 'TENTE2P'")
        session.run("DELETE FROM F_FAMCOMPTA WHERE FA_CodeFamille = 'BIVOUAC'")
    story.erp.set_price("TENTE2P", 250, category=1)
    story.erp.set_price("TENTE3P", 320, category=1)
    run = story.run("prices")
    assert _codes(run) == {"TENTE2P": "tax_unknown", "TENTE3P": "tax_unknown"}
    assert run.result == RunResult.FAILED
    assert _prices(story, "TENTE2P", "TENTE3P") == {"TENTE2P": "274.80", "TENTE3P": "358.80"}


@pytest.mark.covers("PRI-01")
def test_p17_a_price_in_another_currency_than_the_shops_is_refused_by_name(small: Small) -> None:
    story = small("TENTE2P")
    story.run()
    story.shop.store.settings.put("general/woocommerce_currency", "USD")
    story.erp.set_price("TENTE2P", 240, category=1)
    run = story.run("prices")
    assert (_codes(run), run.sent) == ({"TENTE2P": "currency_differs"}, 0)
    line = JournalEntry.objects.get(run=run, item_key="TENTE2P")
    assert "EUR" in line.text
    assert "USD" in line.text
    assert _prices(story, "TENTE2P") == {"TENTE2P": "229.00"}


@pytest.mark.covers("PRI-01")
def test_p17_a_price_kept_in_francs_is_converted_at_the_rate_of_the_erp(small: Small) -> None:
    story = small("DEVISE-CHF", prices={"price_category": "2"})
    with story.erp.session() as session:
        rate = Decimal(str(session.one("SELECT D_Cours FROM P_DEVISE WHERE D_CodeISO = 'CHF'")[0]))
    story.run()
    assert Decimal(story.product("DEVISE-CHF")["regular_price"]) == round(Decimal("34.5") / rate, 2)


@pytest.mark.covers("PRI-01")
def test_the_filter_and_the_publication_switch_of_prices(small: Small) -> None:
    story = small("TENTE2P", "TENTE3P")
    story.run()
    for reference in ("TENTE2P", "TENTE3P"):
        story.erp.set_price(reference, 111, category=1)
    story.erp.unpublish("TENTE3P")
    changes: dict[str, Any] = {"expression": "AR_Ref = 'TENTE3P'"}
    options_store.save(story.profile, {"prices": changes}, author=None)
    assert story.run("prices").sent == 0
    options_store.save(story.profile, {"prices": {"published_only": False}}, author=None)
    assert story.run("prices").updated == 1
    assert _prices(story, "TENTE2P", "TENTE3P") == {"TENTE2P": "229.00", "TENTE3P": "111.00"}
