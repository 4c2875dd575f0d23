"""«Mettre à jour les stocks» between the real connectors and their stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.utils import timezone

from connectors.canonical.keys import variant_key
from connectors.sandbox.sage100 import PurchaseLine
from profiles import options_store
from sync import services
from sync.flows import registry as flows
from sync.models import Cursor, JournalEntry, Link, LinkState, Run, RunResult
from tests.flows.conftest import Story

pytestmark = pytest.mark.odbc

Small = Callable[..., Story]


def _quantities(story: Story, *skus: str) -> dict[str, Any]:
    return {sku: story.product(sku)["stock_quantity"] for sku in skus}


def _depot_rows(story: Story, reference: str) -> dict[int, tuple[Any, ...]]:
    """Per warehouse: in stock, reserved, ordered, being prepared, being inspected."""
    with story.erp.session() as session:
        rows = session.all(
            "SELECT DE_No, AS_QteSto, AS_QteRes, AS_QteCom, AS_QtePrepa, AS_QteAControler FROM F_ARTSTOCK"
            " WHERE AR_Ref = ?",
            (reference,),
        )
    return {int(row[0]): tuple(Decimal(str(value)) for value in row[1:]) for row in rows}


@pytest.mark.covers("STK-01")
@pytest.mark.parametrize(
    ("warehouses", "figure", "tent", "bag"),
    [
        ([], "real", 33, 10),
        (["1"], "real", 22, 10),
        (["2"], "real", 11, 0),
        (["1", "2"], "real", 33, 10),
        (["1"], "forecast", 50, 49),
        (["2"], "forecast", 11, 0),
        (["1", "2"], "forecast", 61, 49),
        (["1"], "available", 18, 8),
    ],
)
def test_the_figure_of_the_chosen_warehouses_reaches_the_shop(
    small: Small, warehouses: list[str], figure: str, tent: int, bag: int
) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE")
    story.run()
    story.erp.set_stock("TENTE2P", depot=1, prepared=3 if figure == "available" else 0)
    story.erp.set_stock("TENTE2P", depot=1, inspected=1 if figure == "available" else 0)
    story.erp.set_stock("SAC35-BELLEDONNE", depot=1, prepared=2 if figure == "available" else 0)
    assert _depot_rows(story, "TENTE2P")[1][:3] == (22, 2, 30)
    assert _depot_rows(story, "TENTE2P")[2][:3] == (11, 0, 0)
    assert _depot_rows(story, "SAC35-BELLEDONNE")[1][:3] == (10, 1, 40)
    options_store.save(story.profile, {"stock": {"warehouses": warehouses, "figure": figure}}, author=None)
    assert story.run("stock").result == RunResult.SUCCESS
    assert _quantities(story, "TENTE2P", "SAC35-BELLEDONNE") == {"TENTE2P": tent, "SAC35-BELLEDONNE": bag}


def _variant_rows(story: Story, reference: str, first: int, second: int) -> list[Any]:
    with story.erp.session() as session:
        return session.all(
            "SELECT DE_No, GS_QteSto FROM F_GAMSTOCK WHERE AR_Ref = ? AND AG_No1 = ? AND AG_No2 = ?",
            (reference, first, second),
        )


@pytest.mark.covers("STK-01", "CAT-12")
def test_each_variant_has_its_own_quantity(story: Story) -> None:
    story.run()
    with story.erp.session() as session:
        reference, first, second = session.one(
            "SELECT g.AR_Ref, g.AG_No1, g.AG_No2 FROM F_GAMSTOCK g JOIN F_ARTICLE a ON a.AR_Ref = g.AR_Ref"
            " JOIN F_ARTENUMREF e ON e.AR_Ref = g.AR_Ref AND e.AG_No1 = g.AG_No1 AND e.AG_No2 = g.AG_No2"
            " WHERE a.AR_Publie = 1 AND a.AR_Sommeil = 0 AND e.AE_Sommeil = 0 AND g.GS_QteSto > 3 AND g.DE_No = 1"
            " AND g.AG_No2 > 0"
        )
    link = Link.objects.get(
        profile=story.profile, entity="variant", erp_key=variant_key(reference, int(first), int(second))
    )
    story.run("stock")
    before = {row.id: row.stock for row in story.shop.store.products.rows.values()}
    story.erp.set_stock(reference, depot=1, variant=(first, second), real=417)
    run = story.run("stock")
    after = {row.id: row.stock for row in story.shop.store.products.rows.values()}
    changed = {number for number in after if after[number] != before[number]}
    assert changed == {int(link.shop_key or 0)}
    others = sum(row[1] for row in _variant_rows(story, reference, first, second) if row[0] != 1)
    assert after[changed.pop()] == 417 + others
    assert (run.updated, run.units) == (1, 1)


@pytest.mark.covers("STK-02")
def test_untracked_articles_and_negative_quantities_follow_their_settings(small: Small) -> None:
    story = small("STOCK-NEG", "TENTE2P", "SANGLE-METRE", "STOCK-AUCUN")
    story.erp.update_article("TENTE2P", AR_SuiviStock=0)
    story.run()
    assert _quantities(story, "STOCK-NEG", "SANGLE-METRE", "STOCK-AUCUN") == {
        "STOCK-NEG": 0,
        "SANGLE-METRE": 152,
        "STOCK-AUCUN": 0,
    }
    assert story.product("TENTE2P")["manage_stock"] is False
    options_store.save(
        story.profile, {"stock": {"untracked_quantity": 99, "negative_to_zero": False, "safety": 2}}, author=None
    )
    story.run("stock")
    assert _quantities(story, "STOCK-NEG", "SANGLE-METRE", "TENTE2P") == {
        "STOCK-NEG": -5,
        "SANGLE-METRE": 150,
        "TENTE2P": 99,
    }
    assert story.product("TENTE2P")["manage_stock"] is True


@pytest.mark.covers("STK-03")
def test_only_what_changed_goes_out_and_the_filter_is_obeyed(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE", "SANGLE-METRE")
    story.run()
    story.erp.set_stock("TENTE2P", depot=1, real=23)
    story.erp.set_stock("SANGLE-METRE", depot=1, real=7)
    options_store.save(story.profile, {"stock": {"expression": "AR_Ref <> 'SANGLE-METRE'"}}, author=None)
    run = story.run("stock")
    assert (run.updated, run.units) == (1, 1)
    assert _quantities(story, "TENTE2P", "SANGLE-METRE") == {"TENTE2P": 34, "SANGLE-METRE": 152}


def _sent_ago(story: Story, sku: str, *, days: int) -> None:
    """Makes the last transfer of an article's stock so many days old."""
    rows = LinkState.objects.filter(link__profile=story.profile, link__reference=sku, aspect="stock")
    assert rows.update(touched_at=timezone.now() - timedelta(days=days)) == 1


def _resend_since(story: Story, flow: str, *, days: int) -> Run:
    """Asks for a run as the form does, and ends it. ``days`` before today."""
    today = timezone.now().astimezone(story.tenant.zone).date()
    asked = services.resend_since(story.profile, flows.by_key(flow), today - timedelta(days=days), by=None)
    run = story.run(flow)
    assert run == asked.run
    return run


@pytest.mark.covers("STK-03")
def test_what_was_sent_since_a_chosen_day_is_sent_again(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE", "SANGLE-METRE")
    story.run()
    story.run("stock")
    for sku, days in (("TENTE2P", 1), ("SAC35-BELLEDONNE", 4), ("SANGLE-METRE", 20)):
        _sent_ago(story, sku, days=days)
        story.shop.app.mutate("stock", {"sku": sku, "quantity": 777, "touch": False})
    assert story.run("stock").sent == 0
    run = _resend_since(story, "stock", days=5)
    assert (run.updated, run.units) == (2, 2)
    assert _quantities(story, "TENTE2P", "SAC35-BELLEDONNE", "SANGLE-METRE") == {
        "TENTE2P": 33,
        "SAC35-BELLEDONNE": 10,
        "SANGLE-METRE": 777,
    }
    line = JournalEntry.objects.get(run=run, code="resent_since")
    assert line.detail["count"] == 2
    assert line.text.endswith("Envois à refaire : 2.")
    assert story.run("stock").sent == 0


@pytest.mark.covers("STK-03")
def test_a_flow_that_reads_changes_by_date_reads_again_what_it_sent_since_a_chosen_day(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE")
    story.run()
    rows = LinkState.objects.filter(link__profile=story.profile, link__entity="product", aspect="data")
    rows.filter(link__reference="SAC35-BELLEDONNE").update(touched_at=timezone.now() - timedelta(days=9))
    story.shop.app.mutate("edit", {"sku": "TENTE2P", "set": {"name": "Autre nom"}})
    assert story.run().sent == 0
    run = _resend_since(story, "products", days=2)
    assert (run.full, run.updated) == (True, 1)
    assert story.product("TENTE2P")["name"] != "Autre nom"


@pytest.mark.covers("STK-03")
def test_weight_and_bar_code_ride_along_only_where_asked(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE")
    story.run()
    story.erp.update_article("TENTE2P", AR_PoidsNet=2100, AR_CodeBarre="3760000000994")
    assert story.run("stock").sent == 0
    before = story.product("TENTE2P")
    assert (before["extra"]["weight"], before["global_unique_id"]) == ("1.85", "3760000000017")
    options_store.save(story.profile, {"stock": {"send_weight": True, "send_barcode": True}}, author=None)
    assert story.run("stock").updated == 2
    after = story.product("TENTE2P")
    with story.erp.session() as session:
        unit, weight = session.one("SELECT AR_UnitePoids, AR_PoidsNet FROM F_ARTICLE WHERE AR_Ref = 'TENTE2P'")
    kilograms = {3: Decimal(1000), 2: Decimal(1)}[int(unit)]
    assert Decimal(after["extra"]["weight"]) == Decimal(str(weight)) / kilograms
    assert after["global_unique_id"] == "3760000000994"


@pytest.mark.covers("STK-04")
@pytest.mark.parametrize(("setting", "stored"), [("backorder", "yes"), ("notify", "notify"), ("refuse", "no")])
def test_what_the_shop_allows_when_an_article_runs_out(small: Small, setting: str, stored: str) -> None:
    story = small("TENTE2P", stock={"out_of_stock": setting})
    story.run()
    story.erp.set_stock("TENTE2P", depot=1, real=0)
    story.erp.set_stock("TENTE2P", depot=2, real=0)
    story.run("stock")
    after = story.product("TENTE2P")
    assert after["stock_quantity"] == 0
    assert after["extra"].get("backorders", "no") == stored
    assert after["stock_status"] == ("outofstock" if setting == "refuse" else "onbackorder")


@pytest.mark.covers("STK-04")
def test_an_empty_article_leaves_the_sale_and_comes_back(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE", stock={"disable_when_empty": True})
    story.run()
    for depot in (1, 2):
        story.erp.set_stock("TENTE2P", depot=depot, real=0)
    story.run("stock")
    assert story.product("TENTE2P")["status"] == "draft"
    assert story.product("SAC35-BELLEDONNE")["status"] == "publish"
    story.erp.set_stock("TENTE2P", depot=1, real=4)
    story.run("stock")
    assert (story.product("TENTE2P")["status"], story.product("TENTE2P")["stock_quantity"]) == ("publish", 4)


@pytest.mark.covers("STK-04")
def test_unpublished_articles_are_updated_only_where_asked(small: Small) -> None:
    story = small("TENTE2P")
    story.run()
    story.erp.unpublish("TENTE2P")
    story.erp.set_stock("TENTE2P", depot=1, real=1)
    assert story.run("stock").sent == 0
    options_store.save(story.profile, {"stock": {"published_only": False}}, author=None)
    assert story.run("stock").updated == 1
    assert story.product("TENTE2P")["stock_quantity"] == 12


FIELD = "_next_delivery_date"


def _in_days(days: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=days)


def _delivery(story: Story, sku: str) -> str | None:
    """What the custom field of a product or variation says."""
    found = {key: value for _, key, value in story.product(sku)["extra"].get("meta", ())}
    return found.get(FIELD)


@pytest.mark.covers("STK-04")
def test_the_next_delivery_of_articles_and_variants_follows_the_purchase_orders(small: Small) -> None:
    articles = ("TENTE2P", "SAC35-BELLEDONNE", "CHAUSSON-PERF")
    story = small(*articles, stock={"next_delivery": "always"}, shop={"next_delivery_meta": FIELD})
    first = PurchaseLine("TENTE2P", 4, _in_days(9))
    pieces = [story.erp.order_purchase(first), story.erp.order_purchase(PurchaseLine("TENTE2P", 4, _in_days(30)))]
    story.run()
    assert _delivery(story, "TENTE2P") == _in_days(9).isoformat(), "a create sends it along"
    assert _delivery(story, "SAC35-BELLEDONNE") is None, "its order is overdue"
    assert story.run("stock").sent == 0
    with story.erp.session(write=False) as session:
        one, two = session.one("SELECT AG_No1, AG_No2 FROM F_ARTENUMREF WHERE AE_Ref = 'CHAUSSON-PERF-39'")
    story.erp.order_purchase(PurchaseLine("CHAUSSON-PERF", 3, _in_days(3), (int(one), int(two))))
    run = story.run("stock")
    assert (run.updated, run.units) == (1, 1)
    assert _delivery(story, "CHAUSSON-PERF-39") == _in_days(3).isoformat()
    story.erp.receive_purchase(pieces[0])
    assert story.run("stock").updated == 1
    assert (_delivery(story, "TENTE2P"), story.product("TENTE2P")["stock_quantity"]) == (_in_days(30).isoformat(), 37)
    story.erp.receive_purchase(pieces[1])
    assert story.run("stock").updated == 1
    assert (_delivery(story, "TENTE2P"), story.product("TENTE2P")["stock_quantity"]) == (None, 41)
    assert story.run("stock").sent == 0


@pytest.mark.covers("STK-04")
def test_only_sold_out_articles_say_when_they_come_back_where_so_asked(small: Small) -> None:
    options = {"stock": {"next_delivery": "empty"}, "shop": {"next_delivery_meta": FIELD, "next_delivery_format": "fr"}}
    story = small("TENTE2P", "HOUSSE-20-35", **options)
    day = _in_days(4)
    story.erp.order_purchase(PurchaseLine("TENTE2P", 4), PurchaseLine("HOUSSE-20-35", 4), due=day)
    story.run()
    assert (_delivery(story, "TENTE2P"), _delivery(story, "HOUSSE-20-35")) == (None, f"{day:%d/%m/%Y}")
    page = requests.get(story.shop.url, params={"s": "HOUSSE-20-35"}, timeout=10).text
    assert f"Rupture de stock</span> <span class='stock'>Réapprovisionnement prévu le {day:%d/%m/%Y}<" in page
    story.erp.set_stock("HOUSSE-20-35", depot=1, real=2)
    story.run("stock")
    assert _delivery(story, "HOUSSE-20-35") is None
    for depot in (1, 2):
        story.erp.set_stock("TENTE2P", depot=depot, real=0)
    story.run("stock")
    assert _delivery(story, "TENTE2P") == f"{day:%d/%m/%Y}"


@pytest.mark.covers("STK-04", "STK-05")
def test_switching_the_next_delivery_on_and_off_reaches_only_the_articles_it_concerns(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE", "SANGLE-METRE")
    story.run()
    story.run("stock")
    story.erp.order_purchase(PurchaseLine("TENTE2P", 4, _in_days(9)))

    def sent_with(**shop: str) -> tuple[int, str | None]:
        options_store.save(story.profile, {"shop": shop}, author=None)
        return story.run("stock").sent, _delivery(story, "TENTE2P")

    iso, french = _in_days(9).isoformat(), f"{_in_days(9):%d/%m/%Y}"
    options_store.save(story.profile, {"stock": {"next_delivery": "always"}}, author=None)
    run = story.run("stock")
    assert (run.sent, _delivery(story, "TENTE2P")) == (0, None)
    line = JournalEntry.objects.get(run=run, code="next_delivery_without_field")
    assert (line.level, bool(line.advice)) == ("warning", True)
    assert sent_with(next_delivery_meta=FIELD) == (1, iso)
    assert sent_with(next_delivery_format="fr") == (1, french)
    assert sent_with(next_delivery_format="fr") == (0, french)
    assert not JournalEntry.objects.filter(run__gt=run, code="next_delivery_without_field").exists()
    options_store.save(story.profile, {"stock": {"next_delivery": "no"}}, author=None)
    assert (story.run("stock").sent, _delivery(story, "TENTE2P")) == (1, None)


@pytest.mark.covers("STK-05")
def test_unchanged_quantities_cost_nothing_and_a_full_resend_can_be_asked_for(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE")
    story.run()
    assert (story.run("stock").sent, story.run("stock").units) == (0, 0)
    assert services.resend_all(story.profile, flows.by_key("stock")) == 2
    assert story.run("stock").updated == 2


def _verification(run: Run) -> dict[str, int]:
    return dict(JournalEntry.objects.get(run=run, code="shop_verified").detail)


@pytest.mark.covers("STK-05")
def test_quantities_changed_by_hand_or_by_sales_are_found_and_put_right(story: Story) -> None:
    """Plain articles and variations alike; what nobody touched is not written again."""
    story.run()
    assert not JournalEntry.objects.filter(run=story.run("stock"), code="shop_verified").exists()
    variation = next(row for row in story.shop.store.products.rows.values() if row.is_variation and row.managed)
    wanted = {"TENTE2P": 33, "SAC35-BELLEDONNE": 10, variation.sku: variation.stock}
    story.shop.app.mutate("stock", {"sku": "TENTE2P", "quantity": 7, "touch": False})
    story.shop.app.mutate("sale", {"sku": "SAC35-BELLEDONNE", "quantity": 2})
    story.shop.app.mutate("edit", {"sku": variation.sku, "set": {"stock_quantity": 999}})
    assert story.run("stock").sent == 0, "between two verifications only the ERP is compared"
    story.shop.server.log.clear()
    run = story.run("stock", full=True)
    assert (run.updated, run.units) == (3, 3)
    assert story.shop.server.log.totals()["item_writes"]["updated"] == 3
    assert _verification(run)["different"] == 3
    assert _verification(run)["checked"] > 600
    assert _quantities(story, *wanted) == wanted
    assert story.run("stock", full=True).sent == 0


@pytest.mark.covers("STK-05")
def test_the_verification_comes_by_itself_after_its_number_of_days(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE")
    story.run()
    story.run("stock")
    story.shop.app.mutate("stock", {"sku": "TENTE2P", "quantity": 7, "touch": False})
    assert story.run("stock").sent == 0
    Cursor.objects.filter(flow="stock").update(full_at=timezone.now() - timedelta(days=7, minutes=1))
    options_store.save(story.profile, {"stock": {"full_pass_days": 0}}, author=None)
    assert story.run("stock").sent == 0, "0 means never"
    options_store.save(story.profile, {"stock": {"full_pass_days": 7}}, author=None)
    assert story.run("stock").updated == 1
    assert story.product("TENTE2P")["stock_quantity"] == 33
    assert not JournalEntry.objects.filter(run=story.run("stock"), code="shop_verified").exists()


@pytest.mark.covers("STK-05")
def test_p11_the_verification_finds_products_deleted_in_the_shop(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE")
    story.run()
    story.shop.app.mutate("delete", {"sku": "TENTE2P", "force": True})
    run = story.run("stock", full=True)
    assert (run.refused, run.unchanged, run.units) == (1, 1, 0)
    assert Link.objects.get(profile=story.profile, entity="variant", erp_key="TENTE2P").status == "gone"
    again = story.run("stock", full=True)
    assert (again.excluded, again.sent) == (1, 0)


def test_p07_a_quantity_that_changed_without_any_date_is_found_within_one_run(small: Small) -> None:
    story = small("TENTE2P", "SAC35-BELLEDONNE")
    story.run()
    with story.erp.session(write=True) as session:
        dates = session.all("SELECT cbModification FROM F_ARTICLE ORDER BY AR_Ref")
        session.run("UPDATE F_ARTSTOCK SET AS_QteSto = 5, cbModification = cbModification WHERE AR_Ref = 'TENTE2P'")
        assert session.all("SELECT cbModification FROM F_ARTICLE ORDER BY AR_Ref") == dates
    assert story.run("stock").updated == 1
    assert story.product("TENTE2P")["stock_quantity"] == 10
