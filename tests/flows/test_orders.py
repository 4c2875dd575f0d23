"""Orders from the shop into the ERP and back, between the real connectors and their stand-ins."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import ledger
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import options_store
from profiles.models import MatchState, Profile
from sync import services
from sync.models import JournalEntry, Link, RunResult
from tests.flows.conftest import Story, make_story

pytestmark = pytest.mark.odbc

ORDER_OPTIONS: dict[str, dict[str, Any]] = {
    "orders": {
        "statuses": {"processing": "order", "on-hold": "order", "completed": "order"},
        "statuses_after": {"processing": "completed"},
    },
    "order_taxes": {
        "category_taxed": "1",
        "category_untaxed": "3",
        "tax_map": {"20": "C20", "5.5": "C055", "10": "C10"},
    },
    "order_articles": {
        "misc_article": "DIVERS",
        "shipping_article": "PORT",
        "wrapping_article": "EMBALLAGE",
        "discount_article": "REMISE",
    },
    "order_customers": {"mode": "own", "prefix": "WEB", "guest_prefix": "INV", "number_length": 12},
    "payments": {"method_default": "1"},
    "progress": {"delivery_status": "completed", "tracking_field": "N° de suivi"},
}


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "orders.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    """The demo merchant with three articles in the shop and import units."""
    story = make_story(erp, shop, **ORDER_OPTIONS)
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=1000, key="imports", note="", actor="test")
    assert story.run("products", keys=["TENTE2P", "RECHAUD", "MATELAS"]).created
    return story


def _buy(story: Story, sku: str = "TENTE2P", quantity: int = 1, **more: Any) -> str:
    items = more.pop("items", [{"sku": sku, "quantity": quantity}])
    return str(story.shop.app.mutate("checkout", {"items": items, **more})["id"])


def _documents(story: Story, order: str) -> list[Any]:
    return story.erp.documents(order)


@pytest.mark.covers("ORD-01", "ORD-02", "ORD-03", "ORD-10", "CUS-08", "PAY-01")
def test_an_order_becomes_one_document_equal_to_the_cent_and_the_second_run_does_nothing(story: Story) -> None:
    order = _buy(story, items=[{"sku": "TENTE2P", "quantity": 2}, {"sku": "RECHAUD", "quantity": 1}])
    run = story.run("orders")
    causes = list(JournalEntry.objects.filter(run=run).exclude(code="").values_list("code", "text", "detail"))
    assert (run.created, run.result) == (1, RunResult.SUCCESS), causes
    documents = _documents(story, order)
    assert len(documents) == 1
    held = story.rest(f"orders/{order}")
    assert documents[0].total_gross == Decimal(held["total"])
    assert held["status"] in ("completed", "on-hold")
    assert any(meta["value"] == documents[0].piece for meta in held["meta_data"] if "atoosync" in str(meta["key"]))
    assert ledger.balance(tenant_id=story.tenant.pk, kind="import").used == 1
    again = story.run("orders", full=True)
    assert again.sent == 0
    assert len(_documents(story, order)) == 1


@pytest.mark.covers("ORD-08", "ORD-04")
def test_p22_a_variant_is_found_by_its_own_reference_where_no_link_tells_it(story: Story) -> None:
    with story.erp.session() as session:
        session.run("UPDATE F_ARTENUMREF SET AE_Ref = 'MERINOS-PETIT' WHERE AE_Ref = 'TSHIRT-MER-S'", ())
    assert story.run("products", keys=["TSHIRT-MER"]).refused == 0
    Link.objects.filter(profile=story.profile, entity__in=["product", "variant"]).delete()
    order = _buy(story, "MERINOS-PETIT")
    assert story.run("orders").created == 1
    (document,) = _documents(story, order)
    assert (document.lines[0].reference, document.lines[0].variant) == ("TSHIRT-MER", (1, 0))


@pytest.mark.covers("ORD-02")
def test_each_status_says_whether_what_and_how_it_ends(story: Story) -> None:
    table = {
        "statuses": {"processing": "order", "on-hold": "delivery", "completed": "invoice"},
        "statuses_after": {"processing": "completed", "on-hold": "processing"},
    }
    options_store.save(story.profile, {"orders": table}, author=None)
    orders = {status: _buy(story) for status in ("processing", "on-hold", "completed", "pending")}
    for status, key in orders.items():
        story.shop.app.mutate("order_status", {"id": key, "status": status})
    run = story.run("orders")
    assert (run.created, run.excluded_reasons) == (3, {"État de commande non importé": 1})
    kinds = {status: [int(one.type) for one in _documents(story, key)] for status, key in orders.items()}
    assert kinds == {"processing": [1], "on-hold": [3], "completed": [6], "pending": []}
    ended = {status: story.rest(f"orders/{key}")["status"] for status, key in orders.items()}
    assert ended == {
        "processing": "completed",
        "on-hold": "processing",
        "completed": "completed",
        "pending": "pending",
    }
    assert story.run("orders", full=True).created == 0


@pytest.mark.covers("ORD-12")
def test_p12_p14_an_order_with_an_unknown_tax_waits_alone_and_passes_once_it_is_mapped(story: Story) -> None:
    options_store.save(
        story.profile, {"order_taxes": {"tax_map": {"5.5": "C055"}, "tax_by_percent": False}}, author=None
    )
    bad = _buy(story, "TENTE2P")
    run = story.run("orders")
    assert (run.refused, run.created) == (1, 0)
    assert JournalEntry.objects.get(run=run, outcome="refused").code.startswith("order_tax_unmapped")
    assert _documents(story, bad) == []
    options_store.save(story.profile, {"order_taxes": {"tax_map": {"20": "C20"}}}, author=None)
    retried = story.finish(services.items_retry(run, by=None).run)
    assert retried.created == 1
    assert len(_documents(story, bad)) == 1


@pytest.mark.covers("ORD-13")
def test_p02_a_mark_that_keeps_failing_makes_one_customer_and_one_document(story: Story) -> None:
    order = _buy(story)
    story.shop.server.faults.add({"method": "POST|PUT", "path": r"orders", "action": "status", "status": 500})
    first = story.run("orders")
    assert first.failed == 1
    runs = [story.run("orders", keys=[order], retry=True) for _ in range(3)]
    story.shop.server.faults.remove()
    assert story.run("orders", keys=[order], retry=True).updated == 1
    assert {run.failed for run in runs} == {1}
    assert len(_documents(story, order)) == 1
    link = Link.objects.get(entity="order", shop_key=order)
    assert link.steps.keys() == {"customer", "address", "document", "content", "total", "mark"}
    assert ledger.balance(tenant_id=story.tenant.pk, kind="import").used == 1


@pytest.mark.covers("ORD-13", "ORD-07")
def test_p01_two_platforms_importing_one_shop_create_each_document_once(story: Story) -> None:
    order = _buy(story)
    assert story.run("orders").created == 1
    Link.objects.filter(entity="order").delete()
    options_store.save(story.profile, {"orders": {"include_transferred": True}}, author=None)
    run = story.run("orders")
    assert run.failed == run.refused == 0
    assert len(_documents(story, order)) == 1


@pytest.mark.covers("UPD-01", "UPD-02")
def test_the_progress_of_the_document_is_told_to_the_shop(story: Story) -> None:
    order = _buy(story)
    options_store.save(story.profile, {"orders": {"statuses_after": {}}}, author=None)
    assert story.run("orders").created == 1
    assert story.run("order_status").updated == 0
    piece = _documents(story, order)[0].piece
    story.erp.advance_document(piece, 3, tracking="6A123456789FR")
    assert story.run("order_status").updated == 1
    assert story.run("order_tracking").updated == 1
    held = story.rest(f"orders/{order}")
    assert held["status"] == "completed"
    assert any(meta["value"] == "6A123456789FR" for meta in held["meta_data"])
    assert story.run("order_status").unchanged == 1


@pytest.mark.covers("UPD-02")
def test_parcel_number_with_its_status_document_number_and_delivery_date_reach_the_shop(story: Story) -> None:
    sent = {"tracking_status": "completed", "send_number": True, "replace_number": True, "send_delivery_date": True}
    chain = {"delivery_status": "processing"}
    orders = {"statuses_after": {}, "delivery_date": True}
    options_store.save(story.profile, {"progress": {**sent, **chain}, "orders": orders}, author=None)
    order = _buy(story)
    assert story.run("orders").created == 1
    story.erp.advance_document(_documents(story, order)[0].piece, 3, tracking="6A123456789FR")
    for flow in ("order_tracking", "order_document", "order_delivery"):
        run = story.run(flow)
        assert run.updated == 1, (flow, list(JournalEntry.objects.filter(run=run).values_list("text", flat=True)))
    story.run("order_status")
    held = story.rest(f"orders/{order}")
    metas = {meta["key"]: meta["value"] for meta in held["meta_data"]}
    (document,) = _documents(story, order)
    assert held["status"] == "completed", "the status of the parcel comes after that of the delivery"
    assert metas["_tracking_number"] == "6A123456789FR"
    assert metas["_order_number"] == metas["_atoosync_piece"] == document.piece
    assert metas["_delivery_date"] == held["date_created"][:10]
    options_store.save(story.profile, {"progress": {"send_number": False, "send_tracking": False}}, author=None)
    for flow in ("order_tracking", "order_document"):
        assert story.run(flow, full=True).sent == 0
    assert story.run("orders", full=True).sent == 0


@pytest.mark.covers("UPD-02")
def test_a_number_that_identifies_the_order_in_the_erp_is_never_replaced(story: Story) -> None:
    options = {"orders": {"web_number": "number"}, "progress": {"send_number": True, "replace_number": True}}
    options_store.save(story.profile, options, author=None)
    order = _buy(story)
    assert story.run("orders").created == 1
    run = story.run("order_document")
    assert (run.result, run.sent) == (RunResult.FAILED, 0)
    assert JournalEntry.objects.filter(run=run, code="order_number_identifies").exists()
    keys = {meta["key"] for meta in story.rest(f"orders/{order}")["meta_data"]}
    assert not keys & {"_order_number", "_atoosync_piece"}


@pytest.mark.covers("CUS-08", "CUS-09")
def test_a_second_order_of_one_buyer_finds_its_customer_and_its_address(story: Story) -> None:
    for _ in range(2):
        _buy(story)
    assert story.run("orders").created == 2
    links = Link.objects.filter(entity="order")
    assert len({link.steps["customer"] for link in links}) == 1
    assert len({link.steps["address"] for link in links}) == 1


@pytest.mark.covers("CUS-09")
def test_addresses_are_updated_only_where_the_profile_says_so(story: Story) -> None:
    options_store.save(
        story.profile,
        {"order_customers": {"address_match": ["city"], "update_delivery": True, "update_billing": True}},
        author=None,
    )
    first = {"first_name": "Claire", "last_name": "Bernard", "address_1": "8 avenue Foch", "city": "Nantes"}
    common = {"postcode": "44000", "country": "FR", "email": "claire@example.net", "phone": "0240000000"}
    for street in ("8 avenue Foch", "9 rue Neuve"):
        where = {**first, **common, "address_1": street}
        _buy(story, billing=where, shipping=where)
        assert story.run("orders").created == 1
    with story.erp.session(write=False) as session:
        rows = session.all("SELECT LI_Adresse FROM F_LIVRAISON WHERE LI_Ville = 'Nantes'")
    streets = [str(row[0]) for row in rows]
    assert streets.count("9 rue Neuve") == 1
    assert "8 avenue Foch" not in streets


def _customer_of(story: Story, order: str) -> dict[str, str]:
    """The ERP's customer of an order's document, with the representative of both."""
    columns = ("CT_Num", "CT_Intitule", "CT_Adresse", "CT_Ville", "CG_NumPrinc", "CO_No")
    with story.erp.session(write=False) as session:
        number, seller = session.one("SELECT DO_Tiers, CO_No FROM F_DOCENTETE WHERE DO_NoWeb = ?", (order,))
        row = session.one(f"SELECT {', '.join(columns)} FROM F_COMPTET WHERE CT_Num = ?", (number,))  # noqa: S608
    return {**{name: str(value) for name, value in zip(columns, row, strict=True)}, "seller": str(seller)}


ANNE = {"first_name": "Éléonore", "last_name": "Müller", "email": "eleonore@example.net", "address_1": "3 allée Çà"}


@pytest.mark.covers("CUS-08", "CUS-09")
def test_a_created_customer_is_numbered_spelled_and_followed_as_the_profile_says(story: Story) -> None:
    values = {"guest_prefix": "BTQ", "number_length": 9, "ledger": "own", "ledger_prefix": "411B", "ledger_length": 12}
    texts = {"strip_accents": True, "upper_name": True, "upper_address": True, "sales_rep": "1"}
    options_store.save(story.profile, {"order_customers": {**values, **texts}}, author=None)
    order = _buy(story, billing=ANNE)
    assert story.run("orders").created == 1
    found = _customer_of(story, order)
    assert found["CT_Num"] == f"BTQ{order:0>6}"
    assert found["CT_Intitule"] == "ELEONORE MULLER"
    assert found["CT_Adresse"] == "3 ALLEE CA"
    assert found["CG_NumPrinc"] == f"411B{order:0>8}", "an account of its own"
    assert (found["CO_No"], found["seller"]) == ("1", "1")
    with story.erp.session(write=False) as session:
        assert session.one("SELECT COUNT(*) FROM F_COMPTEG WHERE CG_Num = ?", (found["CG_NumPrinc"],))[0] == 1


@pytest.mark.covers("CUS-08")
def test_created_customers_share_the_account_that_the_profile_names_or_get_the_one_of_the_erp(story: Story) -> None:
    order = _buy(story, billing=ANNE)
    assert story.run("orders").created == 1
    usual = _customer_of(story, order)["CG_NumPrinc"]
    with story.erp.session(write=False) as session:
        rows = session.all("SELECT CG_Num FROM F_COMPTEG WHERE CG_Num LIKE '41%' AND CG_Num <> ?", (usual,))
    other = str(rows[0][0])
    options_store.save(story.profile, {"order_customers": {"ledger": "shared", "ledger_account": other}}, author=None)
    order = _buy(story, billing={**ANNE, "email": "autre@example.net"})
    assert story.run("orders").created == 1
    assert _customer_of(story, order)["CG_NumPrinc"] == other


@pytest.mark.covers("CUS-08")
def test_all_orders_go_to_the_single_account_of_the_profile(story: Story) -> None:
    with story.erp.session(write=False) as session:
        common = str(session.one("SELECT CT_Num FROM F_COMPTET WHERE CT_Type = 0 AND CT_Sommeil = 0")[0])
        before = session.one("SELECT COUNT(*) FROM F_COMPTET")[0]
    choice = {"mode": "single", "single_account": common, "search_email": False}
    options_store.save(story.profile, {"order_customers": choice}, author=None)
    orders = [_buy(story, billing={**ANNE, "email": f"p{number}@example.net"}) for number in range(2)]
    assert story.run("orders").created == 2
    assert {_customer_of(story, order)["CT_Num"] for order in orders} == {common}
    with story.erp.session(write=False) as session:
        assert session.one("SELECT COUNT(*) FROM F_COMPTET")[0] == before
