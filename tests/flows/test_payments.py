"""Several payments of one order, from a shop's custom fields to the deposits of its document."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from billing import ledger
from connectors.canonical.keys import Side
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import catalogs, options_store
from profiles.models import MatchState, Profile
from sync.models import JournalEntry
from sync.orders.certificate import certificate_make, last_days
from tests.flows.conftest import Story, make_story
from tests.flows.test_orders import ORDER_OPTIONS

pytestmark = pytest.mark.odbc


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "payments.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    options = {**ORDER_OPTIONS, "payments": {"method_default": "1", "amount": "paid"}}
    options["shop"] = {"payment_metas": "_credit_used = avoir", "received_meta": "_received"}
    story = make_story(erp, shop, **options)
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=100, key="imports", note="", actor="test")
    assert story.run("products", keys=["TENTE2P"]).created
    return story


def _paid_order(story: Story, credit: str, received: str) -> str:
    body = {"line_items": [{"sku": "TENTE2P", "quantity": 1}], "set_paid": True, "payment_method": "bacs"}
    order = story.rest("orders", body, method="POST")
    rest = Decimal(order["total"]) - Decimal(credit) - Decimal(received)
    entries = [{"key": "_credit_used", "value": credit}, {"key": "_received", "value": str(rest)}]
    story.rest(f"orders/{order['id']}", {"meta_data": entries})
    return str(order["id"])


def _deposits(story: Story, order: str) -> list[tuple[str, Decimal]]:
    document = story.erp.documents(order)[0]
    with story.erp.session(write=False) as session:
        rows = session.all("SELECT DR_Libelle, DR_Montant FROM F_DOCREGL WHERE DO_Piece = ?", (document.piece,))
    return [(str(label), Decimal(str(amount))) for label, amount in rows]


@pytest.mark.covers("PAY-02")
def test_each_payment_and_the_difference_become_deposits_that_add_up_to_the_document(story: Story) -> None:
    options_store.save(story.profile, {"payments": {"create_differences": True}}, author=None)
    order = _paid_order(story, "20.00", "0.03")
    run = story.run("orders")
    assert run.created == 1, list(JournalEntry.objects.filter(run=run).values_list("text", flat=True))
    found = _deposits(story, order)
    total = story.erp.documents(order)[0].total_gross
    assert sorted(amount for _, amount in found) == sorted([Decimal("0.03"), Decimal(20), total - Decimal("20.03")])
    assert [label for label, amount in found if amount == Decimal("0.03")] == [f"Écart de règlement {order}"]
    assert story.run("orders", full=True).sent == 0
    assert len(_deposits(story, order)) == 3


@pytest.mark.covers("PAY-02")
def test_an_overpayment_is_the_deposit_that_was_received_and_is_named(story: Story) -> None:
    """The bank holds one amount: a negative deposit beside it would be a refund nobody made."""
    options_store.save(story.profile, {"payments": {"create_differences": True}}, author=None)
    order = _paid_order(story, "20.00", "-0.04")
    run = story.run("orders")
    assert run.created == 1, list(JournalEntry.objects.filter(run=run).values_list("text", flat=True))
    total = story.erp.documents(order)[0].total_gross
    assert sorted(amount for _, amount in _deposits(story, order)) == [Decimal(20), total - Decimal("19.96")]
    assert "Trop-perçu de 0,04" in JournalEntry.objects.get(run=run, item_key=order).text
    made = certificate_make(story.profile, *last_days(story.profile))
    assert made.is_clean
    assert story.run("orders", full=True).sent == 0


@pytest.mark.covers("ORD-09", "ORD-05", "PAY-01")
def test_an_order_of_a_marketplace_has_the_customer_method_journal_and_label_of_its_marketplace(story: Story) -> None:
    with story.erp.session(write=False) as session:
        customer = str(session.all("SELECT MIN(CT_Num) FROM F_COMPTET WHERE CT_Type = 0")[0][0])
        journal = str(session.all("SELECT MAX(JO_Num) FROM F_JOURNAUX WHERE JO_Reglement = 1")[0][0])
    options_store.save(story.profile, {"shop": {"marketplaces": "Cdiscount"}}, author=None)
    assert not catalogs.refresh(story.profile, Side.SHOP).problems
    means = {"customers": customer, "methods": "2", "journals": journal}
    tables = {name: {"Cdiscount": value} for name, value in means.items()}
    given = {**tables, "amount": "total", "date": "payment", "label_template": "CD %ON"}
    options_store.save(story.profile, {"payments": given}, author=None)
    body = {"line_items": [{"sku": "TENTE2P", "quantity": 1}], "set_paid": True, "payment_method": "other"}
    body["meta_data"] = [{"key": "_marketplace", "value": "cdiscount"}]
    order = story.rest("orders", body, method="POST")
    run = story.run("orders")
    assert run.created == 1, list(JournalEntry.objects.filter(run=run).values_list("text", flat=True))
    (document,) = story.erp.documents(str(order["id"]))
    assert document.customer == customer
    with story.erp.session(write=False) as session:
        rows = session.all(
            "SELECT r.DR_Libelle, r.DR_Montant, r.DR_Date, p.N_Reglement, p.JO_Num FROM F_DOCREGL r "
            "INNER JOIN F_REGLECH e ON e.DR_No = r.DR_No INNER JOIN F_CREGLEMENT p ON p.RG_No = e.RG_No "
            "WHERE r.DO_Piece = ?",
            (document.piece,),
        )
    ((label, amount, on, method, held),) = rows
    assert (label, Decimal(str(amount)), int(method), held) == (
        f"CD {order['number']}", Decimal(order["total"]), 2, journal,
    )  # fmt: skip
    assert str(on)[:10] == order["date_paid"][:10]


@pytest.mark.covers("PAY-02")
def test_p14_a_difference_beyond_the_limit_writes_nothing_and_tells_both_amounts(story: Story) -> None:
    options_store.save(story.profile, {"payments": {"create_differences": True}}, author=None)
    order = _paid_order(story, "20.00", "1.00")
    run = story.run("orders")
    assert (run.created, run.refused) == (0, 1)
    entry = JournalEntry.objects.get(run=run, outcome="refused")
    total = Decimal(story.rest(f"orders/{order}")["total"])
    assert entry.code == "payment_difference"
    assert str(total) in entry.text
    assert str(total - 1) in entry.text
    assert story.erp.documents(order) == []


@pytest.mark.covers("PAY-02")
def test_instalments_that_the_driver_does_not_take_never_hold_the_order_back(story: Story) -> None:
    options_store.save(story.profile, {"payments": {"instalments": {"cheque": "3"}}}, author=None)
    body = {"line_items": [{"sku": "TENTE2P", "quantity": 1}], "status": "on-hold", "payment_method": "cheque"}
    order = str(story.rest("orders", body, method="POST")["id"])
    run = story.run("orders")
    assert run.created == 1, list(JournalEntry.objects.filter(run=run).values_list("text", flat=True))
    assert _deposits(story, order) == []
    assert story.run("orders", full=True).sent == 0
