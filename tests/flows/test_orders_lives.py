"""Lives of imported orders (P16) between both stand-ins: each event against how far the ERP is, and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from billing import ledger
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import options_store
from profiles.models import MatchState, Profile
from sync.models import JournalEntry, Link, LinkState, Run, RunResult
from sync.orders import desk
from sync.orders.certificate import certificate_make, last_days
from sync.orders.steps import Act, Event, Lived, lived
from tests.flows.conftest import Story, make_story
from tests.flows.test_orders import ORDER_OPTIONS
from tests.flows.test_orders_desk import _client, _delete_document, _page

pytestmark = pytest.mark.odbc

PREPARATION, DELIVERY, INVOICE, POSTED = 2, 3, 6, 7
TWO_RATES = [{"sku": "TENTE2P", "quantity": 2}, {"sku": "TOPO-OISANS", "quantity": 3}]


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "lives.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    """The demo merchant with articles of two rates in the shop, whose orders keep their status when imported."""
    options = {**ORDER_OPTIONS, "orders": {**ORDER_OPTIONS["orders"], "statuses_after": {}}}
    story = make_story(erp, shop, **options)
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=1000, key="imports", note="", actor="test")
    assert story.run("products", keys=["TENTE2P", "RECHAUD", "TOPO-OISANS"]).created
    return story


@dataclass
class Ordered:
    """One order of a story, on both sides."""

    story: Story
    key: str

    @classmethod
    def place(cls, story: Story, *, imported: bool = True, **more: Any) -> Ordered:
        """Bought, and imported unless said otherwise."""
        order = cls(story, str(story.shop.app.mutate("checkout", {"items": TWO_RATES, **more})["id"]))
        if imported:
            assert story.run("orders").created == 1, order.told()
        return order

    @property
    def shop(self) -> dict[str, Any]:
        return dict(self.story.rest(f"orders/{self.key}"))

    @property
    def pieces(self) -> list[Any]:
        return self.story.erp.documents(self.key)

    @property
    def piece(self) -> Any:
        (piece,) = self.pieces
        return piece

    @property
    def link(self) -> Link:
        return Link.objects.get(entity="order", shop_key=self.key)

    @property
    def life(self) -> list[tuple[Event, Act]]:
        return [(one.event, one.act) for one in self.events]

    @property
    def events(self) -> list[Lived]:
        return lived(self.link.steps)

    def credit(self, refund: str) -> Any:
        """The only credit note of a refund."""
        (credit,) = self.story.erp.documents(f"{self.key}-R{refund}")
        return credit

    def total(self) -> Decimal:
        return Decimal(self.shop["total"])

    def edit(self, quantity: int) -> None:
        """A manager changes the quantity of the first line, at the same price."""
        line = self.shop["line_items"][0]
        net = str(Decimal(line["total"]) / line["quantity"] * quantity)
        change = {"id": line["id"], "quantity": quantity, "total": net, "subtotal": net}
        self.story.rest(f"orders/{self.key}", {"line_items": [change]})

    def refund(self, *, kind: str = "line_items", line: int = 0, quantity: int = 1, amount: str = "") -> str:
        """Refunds pieces of a line, its carriage, or (``amount``) money alone; returns the refund's key."""
        body: dict[str, Any] = {"api_refund": False, "reason": "Retour"}
        if not amount:
            source = self.shop[kind][line]
            share = Decimal(quantity) / source.get("quantity", 1)
            taxes = [
                {"id": tax["id"], "refund_total": f"{Decimal(tax['total']) * share:.2f}"} for tax in source["taxes"]
            ]
            net = f"{Decimal(source['total']) * share:.2f}"
            amount = str(Decimal(net) + sum(Decimal(tax["refund_total"]) for tax in taxes))
            entry = {"id": source["id"], "refund_total": net, "refund_tax": taxes}
            body["line_items"] = [entry | ({"quantity": quantity} if kind == "line_items" else {})]
        made = self.story.rest(f"orders/{self.key}/refunds", {**body, "amount": amount}, method="POST")
        return str(made["id"])

    def pay(self, amounts: dict[str, str]) -> None:
        """The extension of the shop notes what was paid later, by the number of each payment."""
        self.story.rest(f"orders/{self.key}", {"meta_data": [{"key": "_later", "value": amounts}]})

    def amount(self, refund: str) -> Decimal:
        return Decimal(self.story.rest(f"orders/{self.key}/refunds/{refund}")["amount"])

    def status(self, status: str) -> None:
        self.story.shop.app.mutate("order_status", {"id": self.key, "status": status})

    def advance(self, to: int, **more: Any) -> str:
        """A person turns the order's piece into a later one."""
        return str(self.story.erp.advance_document(self.pieces[0].piece, to, **more))

    def live(self) -> Run:
        """The next run; then two more that must find nothing to do, on either side."""
        run = self.story.run("orders")
        before = (self.story.erp.fingerprint(), self.link.steps, JournalEntry.objects.filter(item_key=self.key).count())
        for full in (False, True):
            again = self.story.run("orders", full=full)
            assert again.sent == 0, self.told()
            assert again.result != RunResult.FAILED, "what was told before fails no run"
        after = (self.story.erp.fingerprint(), self.link.steps, JournalEntry.objects.filter(item_key=self.key).count())
        assert after == before
        return run

    def told(self) -> list[str]:
        rows = JournalEntry.objects.filter(entity="order", item_key=self.key).order_by("pk")
        return [f"{text} [{code}]" for code, text in rows.values_list("code", "text")]

    def verdict(self) -> tuple[str, list[str]]:
        """What the night certificate finds."""
        made = certificate_make(self.story.profile, *last_days(self.story.profile))
        row = next(row for row in made.rows if row["key"] == self.key)
        return row["verdict"], row["causes"]

    @contextmanager
    def record_lost(self) -> Iterator[None]:
        """As after a crash: what this platform notes of the order in here is gone, what the ERP wrote stays."""
        link, state = self.link, LinkState.objects.get(link=self.link, aspect="data")
        yield
        link.save()
        state.save()


def _policy(story: Story, **options: str) -> None:
    options_store.save(story.profile, {"order_changes": options}, author=None)


def _taxes(story: Story, document: Any) -> dict[Decimal, Decimal]:
    """VAT per rate of a credit note of the ERP, as a positive amount."""
    with story.erp.session(write=False) as session:
        rows = session.all(
            "SELECT DL_Taxe1, SUM(DL_MontantHT - DL_MontantTTC) FROM F_DOCLIGNE "
            "WHERE DO_Piece = ? AND DL_Taxe1 > 0 GROUP BY DL_Taxe1",
            (document.piece,),
        )
    return {Decimal(str(rate)): Decimal(str(amount)).quantize(Decimal("0.01")) for rate, amount in rows}


@pytest.mark.covers("ORD-09")
def test_p16_life_01_an_edit_before_the_transfer_is_simply_imported(story: Story) -> None:
    order = Ordered.place(story, imported=False)
    order.edit(5)
    assert order.live().created == 1
    assert order.piece.total_gross == order.total()
    assert order.life == []


@pytest.mark.covers("ORD-09")
def test_p16_life_02_an_edit_after_the_transfer_amends_the_open_piece(story: Story) -> None:
    order = Ordered.place(story)
    piece = order.piece.piece
    order.edit(5)
    with order.record_lost():
        assert story.run("orders").updated == 1
        assert order.piece.total_gross == order.total()
    assert order.live().updated == 1
    assert (order.piece.piece, order.piece.total_gross) == (piece, order.total())
    assert order.life == [(Event.EDITED, Act.AMEND)]
    assert order.verdict() == ("equal", [])
    order.edit(1)
    assert order.live().updated == 1
    assert order.piece.total_gross == order.total()
    story.rest(f"orders/{order.key}", {"shipping": {"address_1": "2 quai Ailleurs", "city": "Brest"}})
    assert order.live().updated == 1
    with story.erp.session(write=False) as session:
        assert session.all(
            "SELECT LI_Ville FROM F_LIVRAISON l JOIN F_DOCENTETE e ON e.LI_No = l.LI_No WHERE e.DO_NoWeb = ?",
            (order.key,),
        ) == [("Brest",)]
    assert f"Modifiée dans la boutique : pièce {piece} corrigée." in "".join(order.told())


@pytest.mark.covers("ORD-09")
def test_p16_life_03_an_edit_after_the_delivery_note_is_told_once_and_settled_by_a_person(story: Story) -> None:
    order = Ordered.place(story)
    order.advance(DELIVERY)
    before = story.erp.fingerprint()
    order.edit(5)
    run = order.live()
    assert (run.refused, story.erp.fingerprint()) == (1, before)
    entry = JournalEntry.objects.get(run=run, item_key=order.key)
    assert (entry.code, str(order.total()).replace(".", ",") in entry.text) == ("order_changed_after_import", True)
    client, page = _client(story), reverse("sync:order", args=[story.profile.pk, order.key])
    assert "Traité" in _page(client, story, order.key)
    assert client.post(reverse("sync:order_settle", args=[story.profile.pk, order.key])).headers["Location"] == page
    assert LinkState.objects.get(link=order.link, aspect="data").problem_code == ""
    assert story.run("orders", full=True).refused == 0
    assert "Traité par une personne" in _page(client, story, order.key)
    assert "Modifiée dans la boutique" in _page(client, story, order.key)


@pytest.mark.covers("ORD-09")
def test_p16_life_04_the_rest_of_a_partial_shipment_is_refunded(story: Story) -> None:
    order = Ordered.place(story)
    (line, *_) = order.piece.lines
    order.advance(DELIVERY, quantities={line.number: 1})
    before = story.erp.fingerprint()
    refund = order.refund()
    assert (order.live().refused, story.erp.fingerprint()) == (1, before)
    assert order.life == [(Event.REFUNDED, Act.TELL)]
    _policy(story, refunded_delivery="credit")
    assert story.run("orders", keys=[order.key], retry=True).updated == 1
    assert order.credit(refund).total_gross == -order.amount(refund)
    assert len(order.pieces) == 2
    assert order.live().sent == 0
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09")
def test_p16_life_05_a_cancelled_order_puts_its_open_piece_on_hold(story: Story) -> None:
    order = Ordered.place(story)
    story.erp.update("F_DOCENTETE", "DO_NoWeb", order.key, DO_Statut=2)
    order.status("cancelled")
    with order.record_lost():
        assert story.run("orders").updated == 1
    assert order.live().updated == 1
    assert order.life == [(Event.CANCELLED, Act.HOLD)]
    with story.erp.session(write=False) as session:
        assert session.all("SELECT DO_Statut FROM F_DOCENTETE WHERE DO_NoWeb = ?", (order.key,)) == [(0,)]
    order.status("on-hold")
    assert order.live().refused == 1
    assert order.life == [(Event.RESUMED, Act.TELL)]


@pytest.mark.covers("ORD-09", "ORD-15")
@pytest.mark.parametrize("hinted", [True, False])
def test_p16_an_order_put_into_the_trash_is_a_cancelled_one_until_it_comes_back(story: Story, hinted: bool) -> None:
    """Whether the notification of the shop names it or the next reading finds it; an order never imported is none."""
    order, other = Ordered.place(story), Ordered.place(story, imported=False)
    story.erp.update("F_DOCENTETE", "DO_NoWeb", order.key, DO_Statut=2)
    for one in (order, other):
        story.rest(f"orders/{one.key}", method="DELETE")
    keys = {"keys": [order.key, other.key]} if hinted else {}
    assert story.run("orders", **keys).updated == 1
    assert order.life == [(Event.CANCELLED, Act.HOLD)]
    assert other.pieces == []
    assert story.run("orders", full=True).sent == 0
    with story.erp.session(write=False) as session:
        assert session.all("SELECT DO_Statut FROM F_DOCENTETE WHERE DO_NoWeb = ?", (order.key,)) == [(0,)]
    assert order.verdict() == ("equal", [])
    order.status("processing")
    assert story.run("orders").refused == 1
    assert (Event.RESUMED, Act.TELL) in order.life


@pytest.mark.covers("ORD-09")
def test_the_deleted_piece_of_an_order_in_the_trash_is_not_missed_by_the_certificate(story: Story) -> None:
    order, kept = Ordered.place(story), Ordered.place(story)
    for one in (order, kept):
        _delete_document(story, one.key)
    story.rest(f"orders/{order.key}", method="DELETE")
    made = certificate_make(story.profile, *last_days(story.profile))
    assert [(row["key"], row["verdict"]) for row in made.rows] == [(kept.key, "missing")]


@pytest.mark.covers("ORD-09")
def test_p16_life_06_a_cancellation_after_the_invoice_is_told(story: Story) -> None:
    order, other = Ordered.place(story), Ordered.place(story)
    order.advance(INVOICE)
    order.status("cancelled")
    other.edit(1)
    before = list(_rows(story, order))
    run = order.live()
    assert (run.refused, run.updated) == (1, 1)
    assert _rows(story, order) == before
    assert order.life == [(Event.CANCELLED, Act.TELL)]
    assert other.piece.total_gross == other.total()


@pytest.mark.covers("ORD-09")
def test_p16_life_07_a_partial_refund_is_taken_out_of_the_open_piece(story: Story) -> None:
    order = Ordered.place(story)
    stock = _reserved(story, "TENTE2P")
    refund = order.refund()
    with order.record_lost():
        assert story.run("orders").updated == 1
    assert order.live().updated == 1
    assert order.piece.total_gross == order.total() - order.amount(refund)
    assert [line.quantity for line in order.piece.lines if line.reference == "TENTE2P"] == [1]
    assert _reserved(story, "TENTE2P") == stock - 1
    assert story.erp.documents(f"{order.key}-R{refund}") == []
    assert order.verdict() == ("equal", [])
    assert "amount-wrong" not in _page(_client(story), story, order.key)
    money = order.refund(amount="7.00")
    assert order.live().updated == 1
    assert order.piece.total_gross == order.total() - order.amount(refund) - 7
    assert _reserved(story, "TENTE2P") == stock - 1
    assert order.life == [(Event.REFUNDED, Act.AMEND)] * 2
    assert [one.key for one in order.events] == [refund, money]
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09")
def test_p16_life_08_a_partial_refund_after_the_invoice_is_a_credit_note_to_the_cent_per_rate(story: Story) -> None:
    order = Ordered.place(story)
    order.advance(INVOICE)
    before = _rows(story, order)
    tent, book = order.refund(), order.refund(line=1, quantity=2)
    with order.record_lost(), _refusing(story, f"{order.key}-R{book}"):
        assert story.run("orders").failed + Run.objects.latest("pk").refused == 1
        assert story.erp.documents(f"{order.key}-R{book}") == []
    assert order.live().accounted >= 1
    for refund, rate, line in ((tent, Decimal(20), 0), (book, Decimal("5.5"), 1)):
        credit = order.credit(refund)
        wanted = story.rest(f"orders/{order.key}/refunds/{refund}")["line_items"][0]
        assert -credit.total_gross == order.amount(refund), line
        assert _taxes(story, credit) == {rate: abs(Decimal(wanted["total_tax"]))}
    assert _rows(story, order) == before
    assert order.life == [(Event.REFUNDED, Act.CREDIT)] * 2
    assert order.verdict() == ("equal", [])
    body = _page(_client(story), story, order.key)
    assert order.credit(tent).piece in body
    assert "Avoir créé" in body


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("carriage", ["line", "footer"])
def test_p16_life_09_a_refund_of_shipping_only_leaves_the_goods(story: Story, carriage: str) -> None:
    options_store.save(story.profile, {"orders": {"shipping_as": carriage}}, author=None)
    order = Ordered.place(story)
    goods = [line for line in order.piece.lines if line.reference != "PORT"]
    refund = order.refund(kind="shipping_lines")
    assert order.live().updated == 1
    assert order.piece.total_gross == order.total() - order.amount(refund)
    assert [line for line in order.piece.lines if line.reference != "PORT"] == goods
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09")
def test_p16_life_10_two_refunds_one_after_the_other_then_a_full_one(story: Story) -> None:
    order = Ordered.place(story)
    first = order.refund()
    assert order.live().updated == 1
    second = order.refund(line=1)
    assert order.live().updated == 1
    assert order.piece.total_gross == order.total() - order.amount(first) - order.amount(second)
    order.status("refunded")
    assert order.live().updated == 1
    assert order.piece.total_gross == 0
    assert order.life == [(Event.REFUNDED, Act.AMEND)] * 3
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09", "PAY-01")
def test_p16_life_11_a_late_payment_adds_its_deposit_once(story: Story) -> None:
    order = Ordered.place(story, payment_method="bacs")
    assert order.piece.deposits == 0
    order.status("processing")
    with order.record_lost():
        assert story.run("orders").updated == 1
        assert order.life == [(Event.PAID, Act.AMEND)]
    order.live()
    assert (order.piece.deposits, len(_deposits(story, order))) == (order.total(), 1)
    assert order.life == [(Event.PAID, Act.NONE)]
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09", "PAY-01")
@pytest.mark.parametrize("part", [False, True])
def test_p16_a_late_payment_that_a_person_entered_in_the_erp_is_not_added_again(story: Story, part: bool) -> None:
    order = Ordered.place(story, payment_method="bacs")
    entered = Decimal(10) if part else order.total()
    _enter_deposit(story, order, entered)
    assert order.piece.deposits == entered
    order.status("processing")
    order.live()
    assert (order.piece.deposits, len(_deposits(story, order))) == (entered, 1)
    assert order.life == [(Event.PAID, Act.TELL if part else Act.NONE)]


@pytest.mark.covers("ORD-09", "PAY-02")
def test_p16_later_payments_of_an_order_are_each_added_once(story: Story) -> None:
    """The first payment is half of what the two later ones bring, and one of them looks exactly like it."""
    order = _part_paid(story)
    assert order.piece.deposits == 30
    order.pay({"A": "30.00"})
    with order.record_lost():
        assert story.run("orders").updated == 1
    order.live()
    assert order.piece.deposits == 60
    rest = order.total() - 60
    order.pay({"A": "30.00", "B": str(rest)})
    assert order.live().updated == 1
    assert order.piece.deposits == order.total()
    assert order.verdict() == ("equal", [])
    assert sorted(_deposits(story, order)) == sorted([Decimal(30), Decimal(30), rest])
    order.pay({"A": "30.00", "B": str(rest + 1)})
    assert order.live().refused == 1
    assert order.piece.deposits == order.total()
    assert "order_paid_after_import" in order.told()[-1]


@pytest.mark.covers("ORD-09", "PAY-02")
@pytest.mark.parametrize(
    ("amount", "policy", "stage", "act"),
    [
        ("paid", "amend", PREPARATION, Act.AMEND),
        ("paid", "tell", PREPARATION, Act.TELL),
        ("paid", "amend", DELIVERY, Act.TELL),
        ("total", "amend", PREPARATION, Act.NONE),
    ],
)
def test_p16_a_later_payment_follows_the_table_of_late_payments(
    story: Story, amount: str, policy: str, stage: int, act: Act
) -> None:
    """Where the whole total was taken as paid with the first payment, nothing is left to add."""
    order = _part_paid(story, amount)
    before = order.piece.deposits
    assert before == (30 if amount == "paid" else order.total())
    _policy(story, paid_preparation=policy)
    order.advance(stage)
    order.pay({"A": "12.50"})
    order.live()
    assert order.life == [(Event.PAID, act)]
    assert order.piece.deposits == before + (Decimal("12.50") if act is Act.AMEND else 0)


@pytest.mark.covers("ORD-09", "PAY-02")
def test_p16_a_later_payment_beyond_what_is_left_beside_a_person_s_own_is_told(story: Story) -> None:
    order = _part_paid(story)
    _enter_deposit(story, order, Decimal(12))
    order.pay({"A": str(order.total() - 30)})
    assert order.live().refused == 1
    assert (order.piece.deposits, order.life) == (42, [(Event.PAID, Act.TELL)])
    assert "dépasse ce qui reste à régler" in order.told()[-1]


def _part_paid(story: Story, amount: str = "paid") -> Ordered:
    """An order imported with a first payment of 30, of a shop that notes later ones in a custom field."""
    fields = {"payment_metas": "_later = virement", "received_meta": "_received"}
    options_store.save(story.profile, {"shop": fields, "payments": {"amount": amount}}, author=None)
    order = Ordered.place(story, imported=False)
    order.status("processing")
    assert order.shop["date_paid"]
    story.rest(f"orders/{order.key}", {"meta_data": [{"key": "_received", "value": "30.00"}]})
    assert story.run("orders").created == 1, order.told()
    return order


def _enter_deposit(story: Story, order: Ordered, amount: Decimal) -> None:
    """A person enters a payment in the ERP."""
    with story.erp.session() as session:
        session.run(
            "INSERT INTO F_DOCREGL (DR_No, DO_Domaine, DO_Type, DO_Piece, DR_TypeRegl, DR_Date, DR_Libelle, "
            "DR_Montant, DR_MontantDev, DR_Pourcent, DR_Equil, EC_No, N_Reglement) SELECT 0, 0, DO_Type, DO_Piece, 0, "
            "DO_Date, 'Virement saisi', ?, 0, 0, 0, 0, 2 FROM F_DOCENTETE WHERE DO_NoWeb = ?",
            (float(amount), order.key),
        )


def _deposits(story: Story, order: Ordered) -> list[Decimal]:
    with story.erp.session(write=False) as session:
        rows = session.all("SELECT DR_Montant FROM F_DOCREGL WHERE DO_Piece = ?", (order.piece.piece,))
    return [Decimal(str(row[0])) for row in rows]


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("act", ["tell", "credit"])
def test_p16_life_12_a_posted_piece_is_never_touched(story: Story, act: str) -> None:
    _policy(story, refunded_posted=act)
    order = Ordered.place(story)
    order.advance(INVOICE)
    order.advance(POSTED)
    before, rows = story.erp.fingerprint(), _rows(story, order)
    order.edit(5)
    order.status("cancelled")
    assert order.live().refused == 1
    assert story.erp.fingerprint() == before
    refund, told = order.refund(), _told(order)
    assert order.live().refused == 1
    assert _told(order) == told + (act == "tell")
    assert _rows(story, order) == rows
    assert len(story.erp.documents(f"{order.key}-R{refund}")) == (act == "credit")
    assert (story.erp.fingerprint() == before) == (act == "tell")
    assert {one.event for one in order.events if one.open} >= {Event.EDITED, Event.CANCELLED}


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize(
    ("option", "choice", "stage", "happens", "act"),
    [
        ("edited_open", "hold", 0, "edit", Act.TELL),
        ("edited_open", "tell", 0, "edit", Act.TELL),
        ("refunded_open", "hold", 0, "refund", Act.TELL),
        ("refunded_open", "tell", 0, "refund", Act.TELL),
        ("refunded_preparation", "credit", PREPARATION, "refund", Act.CREDIT),
        ("refunded_preparation", "tell", PREPARATION, "refund", Act.TELL),
        ("refunded_invoice", "tell", INVOICE, "refund", Act.TELL),
        ("cancelled_open", "tell", 0, "cancelled", Act.TELL),
        ("paid_open", "tell", 0, "processing", Act.TELL),
        ("paid_preparation", "amend", PREPARATION, "processing", Act.AMEND),
        ("paid_preparation", "tell", PREPARATION, "processing", Act.TELL),
    ],
)
def test_p16_each_cell_of_the_table_does_what_it_says(
    story: Story, option: str, choice: str, stage: int, happens: str, act: Act
) -> None:
    _policy(story, **{option: choice})
    order = Ordered.place(story)
    story.erp.update("F_DOCENTETE", "DO_NoWeb", order.key, DO_Statut=2)
    if stage:
        order.advance(stage)
    lines = order.piece.lines
    if happens == "edit":
        order.edit(5)
    elif happens == "refund":
        order.refund()
    else:
        order.status(happens)
    run = order.live()
    assert (run.refused, run.updated) == ((1, 0) if act is Act.TELL else (0, 1))
    assert [one.act for one in order.events] == [act]
    assert order.piece.lines == lines
    assert order.piece.deposits == (order.total() if (option, act) == ("paid_preparation", Act.AMEND) else 0)
    with story.erp.session(write=False) as session:
        rows = session.all("SELECT DO_Statut FROM F_DOCENTETE WHERE DO_NoWeb = ?", (order.key,))
    assert rows == [(0 if choice == "hold" else 2,)]


@pytest.mark.covers("ORD-09", "ORD-01")
def test_p16_an_order_is_followed_beyond_the_imported_period_for_as_long_as_the_profile_says(story: Story) -> None:
    order = Ordered.place(story)
    held = story.shop.app.store.orders.get(int(order.key))
    held["created"] -= 40 * 86_400
    order.edit(5)
    for days, updated in ((30, 0), (60, 1)):
        options_store.save(
            story.profile, {"orders": {"period_days": 5}, "order_changes": {"follow_days": days}}, author=None
        )
        assert story.run("orders", full=True).updated == updated
    assert order.piece.total_gross == order.total()


@pytest.mark.covers("ORD-09")
def test_p16_a_refund_from_before_the_import_is_met_in_the_same_run(story: Story) -> None:
    order = Ordered.place(story, imported=False)
    refund = order.refund()
    assert order.live().created == 1
    assert order.piece.total_gross == order.total() - order.amount(refund)
    assert order.life == [(Event.REFUNDED, Act.AMEND)]


@pytest.mark.covers("ORD-09")
def test_a_preview_says_what_would_become_of_imported_orders_and_writes_nothing(story: Story) -> None:
    edited, refunded, quiet = Ordered.place(story), Ordered.place(story), Ordered.place(story)
    refunded.advance(INVOICE)
    edited.edit(5)
    refund = refunded.refund()
    before = (story.erp.fingerprint(), edited.link.steps, refunded.link.steps)
    run = story.run("orders", dry=True)
    assert (story.erp.fingerprint(), edited.link.steps, refunded.link.steps) == before
    assert (run.updated, run.unchanged) == (2, 1)
    planned = {row.item_key: str(row.detail) for row in JournalEntry.objects.filter(run=run)}
    assert f"pièce {edited.piece.piece} corrigée" in planned[edited.key]
    assert f"Remboursement {refund} : avoir" in planned[refunded.key]
    assert quiet.key not in planned


@pytest.mark.covers("ORD-09", "ORD-13")
def test_p02_p16_an_order_refunded_and_cancelled_while_its_mark_failed_goes_on_at_the_mark(story: Story) -> None:
    order = Ordered.place(story, imported=False)
    refund = order.refund()
    story.shop.server.faults.add({"method": "POST|PUT", "path": r"orders", "action": "status", "status": 500})
    assert story.run("orders").failed == 1
    story.shop.server.faults.remove()
    held = order.piece.piece
    order.status("cancelled")
    assert story.run("orders", keys=[order.key], retry=True).refused == 0
    assert (order.piece.piece, order.piece.total_gross) == (held, order.total() - order.amount(refund))
    assert order.life == [(Event.REFUNDED, Act.AMEND), (Event.CANCELLED, Act.HOLD)]
    assert order.live().sent == 0
    assert ledger.balance(tenant_id=story.tenant.pk, kind="import").used == 1


@pytest.mark.covers("ORD-09", "ORD-13")
@pytest.mark.parametrize("amended", [False, True])
def test_p01_p16_a_worker_killed_before_it_noted_anything_finds_the_piece_as_it_is(story: Story, amended: bool) -> None:
    order = Ordered.place(story)
    refund = order.refund()
    if amended:
        assert story.run("orders").updated == 1
    LinkState.objects.filter(link=order.link, aspect="data").delete()
    Link.objects.filter(pk=order.link.pk).update(steps={}, erp_key=None, status="creating")
    story.run("orders")
    assert order.live().sent == 0
    assert (Event.REFUNDED, Act.AMEND) in order.life
    assert order.piece.total_gross == order.total() - order.amount(refund)
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09")
def test_p16_a_refund_deleted_in_the_shop_is_told(story: Story) -> None:
    order = Ordered.place(story)
    refund = order.refund()
    assert story.run("orders").updated == 1
    before = story.erp.fingerprint()
    story.rest(f"orders/{order.key}/refunds/{refund}?force=true", method="DELETE")
    assert story.run("orders", full=True).refused == 1
    assert order.life == [(Event.REFUNDED, Act.AMEND), (Event.UNREFUNDED, Act.TELL)]
    assert story.run("orders", full=True).sent == 0
    assert story.erp.fingerprint() == before


@pytest.mark.covers("ORD-09")
def test_p16_a_piece_whose_total_a_person_changed_is_not_corrected_over_it(story: Story) -> None:
    order = Ordered.place(story)
    held = order.piece.total_gross
    with story.erp.session() as session:
        session.run("UPDATE F_DOCLIGNE SET DL_MontantTTC = DL_MontantTTC + 5 WHERE AR_Ref = 'TENTE2P'")
    story.erp.update("F_DOCENTETE", "DO_NoWeb", order.key, DO_TotalTTC=held + 5)
    before = _rows(story, order)
    order.refund()
    assert order.live().refused == 1
    assert _rows(story, order) == before


@pytest.mark.covers("ORD-09")
def test_p16_orders_imported_before_lives_were_followed_stay_silent_and_old_refunds_are_only_told(
    story: Story,
) -> None:
    quiet, refunded = Ordered.place(story), Ordered.place(story)
    refunded.refund()
    for order in (quiet, refunded):
        _forget_life(order)
    before = story.erp.fingerprint()
    run = story.run("orders", full=True)
    assert (run.refused, run.unchanged, story.erp.fingerprint()) == (1, 1, before)
    assert JournalEntry.objects.filter(run=run, item_key=quiet.key).count() == 0
    assert refunded.life == [(Event.REFUNDED, Act.TELL)]
    told = _told(refunded)
    assert story.run("orders", keys=[refunded.key], retry=True).refused == 1
    assert _told(refunded) == told
    assert story.erp.fingerprint() == before
    new = refunded.refund(line=1)
    assert story.run("orders").refused == 1
    assert (Event.REFUNDED, Act.TELL) in refunded.life
    assert new in {one.key for one in refunded.events}


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("method", ["card", "cod"])
def test_p35_our_own_status_mark_and_tracking_are_no_events(story: Story, method: str) -> None:
    options_store.save(story.profile, {"orders": {"statuses_after": {"on-hold": "processing"}}}, author=None)
    order = Ordered.place(story, payment_method=method)
    order.advance(DELIVERY, tracking="6A123456789FR")
    assert (story.run("order_status").updated, story.run("order_tracking").updated) == (1, 1)
    assert order.shop["date_paid"]
    assert order.live().sent == 0
    assert order.life == []


def test_p16_a_settled_event_waits_for_the_end_of_an_import(story: Story) -> None:
    order = Ordered.place(story)
    assert desk.order_settle(story.profile, order.key) == 0
    Run.objects.filter(flow="orders").update(state="running")
    with pytest.raises(desk.RunRefused):
        desk.order_settle(story.profile, order.key)


def test_p16_a_piece_deleted_in_the_erp_is_said_to_be_gone(story: Story) -> None:
    order = Ordered.place(story)
    _delete_document(story, order.key)
    order.edit(5)
    run = story.run("orders")
    assert JournalEntry.objects.get(run=run, item_key=order.key).code == "document_vanished"


def test_notes_of_the_erp_are_warnings_of_their_order(story: Story) -> None:
    long = {"first_name": "Claire", "last_name": "Bernard", "address_1": "8 avenue Foch " * 12, "city": "Nantes"}
    order = Ordered.place(story, billing={**long, "email": "claire@example.net"})
    assert JournalEntry.objects.filter(item_key=order.key, level="warning").exists(), order.told()


@pytest.mark.covers("UPD-01")
@pytest.mark.parametrize(("forward", "status"), [(True, "completed"), (False, "processing")])
def test_a_status_further_in_the_chain_is_only_set_back_where_that_is_allowed(
    story: Story, forward: bool, status: str
) -> None:
    chain = {"preparation_status": "processing", "delivery_status": "completed", "forward_only": forward}
    options_store.save(story.profile, {"progress": chain}, author=None)
    order = Ordered.place(story)
    order.status("completed")
    order.advance(PREPARATION)
    story.run("order_status")
    assert order.shop["status"] == status


def _rows(story: Story, order: Ordered) -> list[Any]:
    """Every row of the order's own documents, whole."""
    with story.erp.session(write=False) as session:
        pieces = [row[0] for row in session.all("SELECT DO_Piece FROM F_DOCENTETE WHERE DO_NoWeb = ?", (order.key,))]
        return [
            row
            for piece in pieces
            for table in ("F_DOCENTETE", "F_DOCLIGNE", "F_DOCREGL")
            for row in session.all(f"SELECT * FROM {table} WHERE DO_Piece = ? ORDER BY cbMarq", (piece,))  # noqa: S608
        ]


def _told(order: Ordered) -> int:
    """How often a person was told something about the order."""
    return JournalEntry.objects.filter(entity="order", item_key=order.key).exclude(code="").count()


def _reserved(story: Story, article: str) -> Decimal:
    """Pieces on open orders."""
    with story.erp.session(write=False) as session:
        rows = session.all("SELECT SUM(AS_QteRes) FROM F_ARTSTOCK WHERE AR_Ref = ?", (article,))
    return Decimal(rows[0][0])


@contextmanager
def _refusing(story: Story, web_number: str) -> Iterator[None]:
    """The ERP refuses every statement that writes this document."""
    name = "refuse_one_document"
    with story.erp.session() as session:
        session.run(
            f"CREATE TRIGGER {name} BEFORE INSERT ON F_DOCENTETE WHEN NEW.DO_NoWeb = '{web_number}' "
            "BEGIN SELECT RAISE(ABORT, 'refused for the test'); END"
        )
    yield
    with story.erp.session() as session:
        session.run(f"DROP TRIGGER {name}")


def _forget_life(order: Ordered) -> None:
    """The link as an import of an earlier version left it."""
    link = order.link
    link.steps = {name: link.steps[name] for name in ("customer", "address", "document", "mark")}
    link.save()
    LinkState.objects.filter(link=link, aspect="data").update(sent_hash="0" * 32)
