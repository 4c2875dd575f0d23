"""Several payments of one order, from a shop's custom fields to the deposits of its document."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import ledger
from connectors.canonical.keys import Side
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import catalogs, options_store
from profiles.models import MatchState, Profile
from sync.models import JournalEntry
from sync.orders.certificate import certificate_make, last_days
from tests.connectors.sage100.writing_support import Faults, failing
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


def _by_cheque(story: Story, received: str = "") -> str:
    """An order to be paid by cheques, of which the shop may have received a part."""
    body: dict[str, Any] = {"line_items": [{"sku": "TENTE2P", "quantity": 1}], "payment_method": "cheque"}
    body |= {"set_paid": True} if received else {"status": "on-hold"}
    order = str(story.rest("orders", body, method="POST")["id"])
    if received:
        story.rest(f"orders/{order}", {"meta_data": [{"key": "_received", "value": received}]})
    return order


def _payments(story: Story, order: str) -> list[tuple[Any, ...]]:
    """Kind (0 deposit, 2 instalment), day, amount, balancing, and how many payments stand behind it, in order."""
    (document,) = story.erp.documents(order)
    with story.erp.session(write=False) as session:
        rows = session.all(
            "SELECT r.DR_TypeRegl, r.DR_Date, r.DR_Montant, r.DR_Equil, (SELECT COUNT(*) FROM F_REGLECH e "
            "WHERE e.DR_No = r.DR_No) FROM F_DOCREGL r WHERE r.DO_Piece = ? ORDER BY r.DR_TypeRegl, r.DR_Date",
            (document.piece,),
        )
    return [
        (int(kind), str(on)[:10], Decimal(str(amount)), int(last), int(paid)) for kind, on, amount, last, paid in rows
    ]


def _in_thirds(story: Story, order: str, received: str = "0") -> list[tuple[Any, ...]]:
    """What the company must hold for an order paid in three times: a third of what is left in percent, the rest."""
    made = story.rest(f"orders/{order}")
    left = Decimal(made["total"]) - Decimal(received)
    third = (left * Decimal("0.3333")).quantize(Decimal("0.01"), ROUND_HALF_UP)
    first = date.fromisoformat(made["date_created"][:10])
    days = [(first + timedelta(days=30 * place)).isoformat() for place in range(3)]
    deposit = [(0, days[0], Decimal(received), 0, 1)] if Decimal(received) else []
    parts = [(2, days[0], third, 0, 0), (2, days[1], third, 0, 0), (2, days[2], left - 2 * third, 1, 0)]
    return [*deposit, *parts]


@pytest.mark.covers("PAY-02")
@pytest.mark.parametrize("received", ["", "20.00"])
def test_instalments_reach_the_document_of_an_older_company_exactly_once(story: Story, received: str) -> None:
    story.erp.become_older()
    options_store.save(story.profile, {"payments": {"instalments": {"cheque": "3"}}}, author=None)
    order = _by_cheque(story, received)
    run = story.run("orders")
    assert run.created == 1, list(JournalEntry.objects.filter(run=run).values_list("text", flat=True))
    assert not JournalEntry.objects.filter(run=run, text__contains="échéancier").exists()
    wanted = _in_thirds(story, order, received or "0")
    assert _payments(story, order) == wanted
    assert story.run("orders", full=True).sent == 0
    assert _payments(story, order) == wanted


class _AtTheSecondInstalment(Faults):
    """The line is cut where the second instalment of three goes out."""

    instalments = 0

    def due(self, statement: str) -> bool:
        self.instalments += statement.startswith("INSERT INTO F_DOCREGL")
        return self.instalments == 2


@pytest.mark.covers("PAY-02", "ORD-13")
def test_p02_instalments_survive_a_cut_among_them_a_lost_answer_and_a_mark_that_fails(story: Story) -> None:
    """The line is cut after the second of three; then after the commit; then the shop takes no mark."""
    story.erp.become_older()
    options_store.save(story.profile, {"payments": {"instalments": {"cheque": "3"}}}, author=None)
    order = _by_cheque(story)
    story.shop.server.faults.add({"method": "POST|PUT", "path": r"orders", "action": "status", "status": 500})
    with failing(_AtTheSecondInstalment(lose=True), "odbc-sqlite") as cut:
        run = story.run("orders")
    assert (run.failed, run.created, cut.instalments) == (1, 0, 2), run.message
    assert story.erp.documents(order) == [], "nothing of a document without its third instalment"
    with failing(Faults(commit="after"), "odbc-sqlite") as cut:
        run = story.run("orders", keys=[order], retry=True)
    assert (run.failed, run.created, cut.commit) == (1, 0, ""), run.message
    wanted = _in_thirds(story, order)
    assert _payments(story, order) == wanted, "the document was written, its answer lost"
    assert story.run("orders", keys=[order], retry=True).failed == 1
    story.shop.server.faults.remove()
    run = story.run("orders", keys=[order], retry=True)
    assert (run.failed, run.created + run.updated) == (0, 1), run.message
    assert _payments(story, order) == wanted
    assert story.run("orders", full=True).sent == 0
    assert _payments(story, order) == wanted


@pytest.mark.covers("PAY-02")
def test_instalments_that_a_recent_driver_does_not_take_are_named_and_never_hold_the_order_back(story: Story) -> None:
    options_store.save(story.profile, {"payments": {"instalments": {"cheque": "3"}}}, author=None)
    order = _by_cheque(story)
    run = story.run("orders")
    assert run.created == 1, list(JournalEntry.objects.filter(run=run).values_list("text", flat=True))
    assert _payments(story, order) == []
    (document,) = story.erp.documents(order)
    told = JournalEntry.objects.get(run=run, item_key=order, level="warning")
    assert document.piece in told.text
    assert "L’échéancier de la commande n’a pas été écrit" in told.text
    assert told.advice == "Vérifiez les conditions de règlement de ce client dans Sage."
    assert story.run("orders", full=True).sent == 0
