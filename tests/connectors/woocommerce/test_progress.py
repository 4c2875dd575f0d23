"""What the ERP did with an order goes back to the shop: mark, status, tracking, piece numbers, delivery date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from connectors.canonical.keys import Aspect, Entity
from connectors.core.problems import NotSupported
from connectors.core.results import ItemResult, Outbound, Outcome
from connectors.sandbox.woocommerce import WooCommerceSandbox
from connectors.shops.woocommerce import SPEC
from connectors.shops.woocommerce.connection import WooConnection
from connectors.shops.woocommerce.orders import MARK_META
from connectors.testing.contract import WriterContract
from tests.connectors.woocommerce.orders_support import (
    buy,
    changed,
    marked,
    metas,
    order_of,
    progress,
    status_of,
    touch,
    write,
    write_one,
)
from tests.connectors.woocommerce.support import connect, get, post, write_calls

NOTE = "Votre colis part avec {transporteur}, numéro {numero}."


@pytest.fixture
def stocked(shop: WooCommerceSandbox) -> WooCommerceSandbox:
    """The shop with some products."""
    shop.seed(skus=["ART-1", "ART-2"], stock=1000, price="10.00")
    return shop


class _OrderContract(WriterContract):
    spec = SPEC
    entity = Entity.ORDER

    def item(self, remote: str, number: int) -> Outbound[Any]:
        raise NotImplementedError

    @pytest.fixture
    def fresh(self, stocked: WooCommerceSandbox) -> Sequence[Outbound[Any]]:
        return [self.item(buy(stocked), number) for number in range(3)]

    def changed(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return self.item(out.remote_key, 9)

    def same(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return out

    def gone(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return self.item("999999", 1)


class TestMarkWriter(_OrderContract):
    pytestmark = pytest.mark.covers("ORD-02", "ORD-13")
    aspect = Aspect.MARK

    def item(self, remote: str, number: int) -> Outbound[Any]:
        return marked(remote, f"BC0000{number}")


class TestStatusWriter(_OrderContract):
    pytestmark = pytest.mark.covers("UPD-01")
    aspect = Aspect.STATUS

    def item(self, remote: str, number: int) -> Outbound[Any]:
        return progress(remote, status="completed" if number == 9 else "processing")


class TestTrackingWriter(_OrderContract):
    pytestmark = pytest.mark.covers("UPD-02")
    aspect = Aspect.TRACKING

    def item(self, remote: str, number: int) -> Outbound[Any]:
        return progress(remote, tracking=f"6A{number}", carrier="Colissimo")


class TestDocumentWriter(_OrderContract):
    pytestmark = pytest.mark.covers("UPD-02")
    aspect = Aspect.DOCUMENT

    def item(self, remote: str, number: int) -> Outbound[Any]:
        return progress(remote, piece=f"BL{number}", invoice=f"FA{number}")


class TestDeliveryWriter(_OrderContract):
    pytestmark = pytest.mark.covers("UPD-02")
    aspect = Aspect.DELIVERY

    def item(self, remote: str, number: int) -> Outbound[Any]:
        return progress(remote, delivery_on=date(2026, 12, 1 + number))


# --- mark -------------------------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-02", "ORD-13")
def test_mark_and_status_go_in_one_write(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    key = buy(stocked, payment_method="bacs")
    stocked.server.log.clear()
    result = write_one(connection, Aspect.MARK, marked(key, "BC00001", "processing"))
    assert (result.outcome, result.written, result.remote_key) == (Outcome.UPDATED, True, key)
    assert write_calls(stocked) == {"orders/batch": 1}
    assert (metas(stocked, key)[MARK_META], status_of(stocked, key)) == ("BC00001", "processing")
    assert order_of(connection, key).mark == "BC00001"


@pytest.mark.covers("ORD-13")
def test_p35_a_repeated_mark_writes_nothing_and_tells_the_present_date(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    key = buy(stocked)
    first = write_one(connection, Aspect.MARK, marked(key, "BC1"))
    stocked.server.log.clear()
    again = write_one(connection, Aspect.MARK, marked(key, "BC1"))
    assert (again.outcome, again.written) == (Outcome.UNCHANGED, False)
    assert again.received == first.received
    assert first.received["date_modified_gmt"]
    assert write_calls(stocked) == {}


@pytest.mark.covers("ORD-14")
def test_an_empty_document_takes_the_mark_away(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    key = buy(stocked)
    write_one(connection, Aspect.MARK, marked(key, "BC1"))
    assert write_one(connection, Aspect.MARK, marked(key, "")).outcome is Outcome.UPDATED
    assert MARK_META not in metas(stocked, key)
    assert write_one(connection, Aspect.MARK, marked(key, "")).outcome is Outcome.UNCHANGED
    assert write_one(connection, Aspect.MARK, marked(key, "BC2")).outcome is Outcome.UPDATED
    assert order_of(connection, key).mark == "BC2"


@pytest.mark.covers("ORD-02", "ORD-13")
@pytest.mark.parametrize("status", ["cancelled", "refunded", "failed"])
def test_p16_an_order_closed_meanwhile_is_marked_and_stays_closed(
    stocked: WooCommerceSandbox, connection: WooConnection, status: str
) -> None:
    key = buy(stocked)
    touch(stocked, key, status)
    result = write_one(connection, Aspect.MARK, marked(key, "BC1", "completed"))
    assert result.outcome is Outcome.UPDATED
    assert (order_of(connection, key).mark, status_of(stocked, key)) == ("BC1", status)


@pytest.mark.covers("ORD-13")
def test_foreign_fields_of_the_order_stay(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    key = buy(stocked)
    post(connection, f"orders/{key}", {"meta_data": [{"key": "autre", "value": "x"}]})
    before = dict(metas(stocked, key))
    write_one(connection, Aspect.MARK, marked(key, "BC1"))
    write_one(connection, Aspect.TRACKING, progress(key, tracking="6A1"))
    after = metas(stocked, key)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {MARK_META, "_tracking_number"}


# --- status -----------------------------------------------------------------------------------------------------------


@pytest.mark.covers("UPD-01")
@pytest.mark.parametrize("status", ["cancelled", "refunded", "failed", "trash", "wc-cancelled", "checkout-draft"])
def test_p16_no_order_is_ever_cancelled_or_refunded_from_here(
    stocked: WooCommerceSandbox, connection: WooConnection, status: str
) -> None:
    key = buy(stocked)
    for aspect, out in ((Aspect.STATUS, progress(key, status=status)), (Aspect.MARK, marked(key, "BC1", status))):
        result = write_one(connection, aspect, out)
        assert result.outcome is Outcome.REFUSED
        assert result.problem is not None
        assert result.problem.code == "order_status_forbidden"
    assert status_of(stocked, key) == "on-hold"
    assert len(stocked.store.refunds) == 0


@pytest.mark.covers("UPD-01")
def test_p16_an_order_closed_in_the_shop_is_not_reopened(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    key = buy(stocked)
    touch(stocked, key, "cancelled")
    result = write_one(connection, Aspect.STATUS, progress(key, status="completed"))
    assert result.problem is not None
    assert result.problem.code == "order_closed_in_shop"
    assert status_of(stocked, key) == "cancelled"


@pytest.mark.covers("UPD-01")
def test_a_status_the_shop_does_not_know_never_leaves(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    """Recorded: a batch takes it and sets «pending»."""
    key, other = buy(stocked), buy(stocked)
    stocked.server.log.clear()
    results = write(
        connection, Aspect.STATUS, progress(key, status="expediee"), progress(other, status="wc-processing")
    )
    unknown = results[f"BC-{key}"]
    assert unknown.problem is not None
    assert unknown.problem.code == "order_status_unknown_in_shop"
    assert results[f"BC-{other}"].outcome is Outcome.UPDATED
    assert (status_of(stocked, key), status_of(stocked, other)) == ("on-hold", "processing")


@pytest.mark.covers("UPD-01", "UPD-02")
@pytest.mark.parametrize("aspect", [Aspect.STATUS, Aspect.TRACKING, Aspect.DOCUMENT, Aspect.DELIVERY])
def test_what_the_erp_does_not_know_yet_changes_nothing(
    stocked: WooCommerceSandbox, connection: WooConnection, aspect: Aspect
) -> None:
    key = buy(stocked)
    assert write_one(connection, aspect, progress(key)).outcome is Outcome.UNCHANGED


@pytest.mark.covers("UPD-01", "UPD-02")
def test_each_aspect_writes_its_own_fields_only(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    key = buy(stocked)
    before = dict(metas(stocked, key))
    full = progress(
        key,
        status="completed",
        tracking="6A1",
        carrier="Colissimo",
        piece="BL1",
        invoice="FA1",
        delivery_on=date(2026, 12, 1),
    )
    own = {
        Aspect.TRACKING: {"_tracking_number": "6A1", "_tracking_provider": "Colissimo"},
        Aspect.DOCUMENT: {"_atoosync_piece": "BL1", "_atoosync_invoice": "FA1"},
        Aspect.DELIVERY: {"_delivery_date": "2026-12-01"},
    }
    for aspect, expected in own.items():
        assert write_one(connection, aspect, changed(full, status="")).outcome is Outcome.UPDATED
        assert {k: v for k, v in metas(stocked, key).items() if k not in before} == expected
        assert status_of(stocked, key) == "on-hold"
        before |= expected
    assert write_one(connection, Aspect.STATUS, full).outcome is Outcome.UPDATED
    assert status_of(stocked, key) == "completed"
    assert metas(stocked, key) == before


@pytest.mark.covers("UPD-02")
def test_names_of_the_fields_are_settings(stocked: WooCommerceSandbox) -> None:
    opened = connect(stocked, tracking_meta="_wot_tracking_number", invoice_meta="facture")
    key = buy(stocked)
    write_one(opened, Aspect.TRACKING, progress(key, tracking="6A1"))
    write_one(opened, Aspect.DOCUMENT, progress(key, invoice="FA1"))
    assert metas(stocked, key)["_wot_tracking_number"] == "6A1"
    assert metas(stocked, key)["facture"] == "FA1"
    opened.close()


@pytest.mark.covers("UPD-02")
def test_a_new_tracking_number_brings_its_status_once_and_never_opens_a_closed_order(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    key, closed = buy(stocked), buy(stocked)
    stocked.app.mutate("order_status", {"id": closed, "status": "cancelled"})
    for order in (key, closed):
        out = progress(order, tracking="6A1", status="completed", further=("processing",))
        assert write_one(connection, Aspect.TRACKING, out).outcome is Outcome.UPDATED
        assert metas(stocked, order)["_tracking_number"] == "6A1"
    assert (status_of(stocked, key), status_of(stocked, closed)) == ("completed", "cancelled")
    stocked.app.mutate("order_status", {"id": key, "status": "on-hold"})
    again = progress(key, tracking="6A1", carrier="La Poste", status="completed")
    assert write_one(connection, Aspect.TRACKING, again).outcome is Outcome.UPDATED
    assert status_of(stocked, key) == "on-hold", "a person changed it since the number was sent"
    stocked.app.mutate("order_status", {"id": key, "status": "processing"})
    kept = progress(key, tracking="6B2", status="completed", further=("processing",))
    assert write_one(connection, Aspect.TRACKING, kept).outcome is Outcome.UPDATED
    assert status_of(stocked, key) == "processing"


@pytest.mark.covers("UPD-02")
def test_the_number_of_the_piece_becomes_that_of_the_order_where_it_is_wanted(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    key = buy(stocked)
    write_one(connection, Aspect.DOCUMENT, progress(key, piece="BC1"))
    assert "_order_number" not in metas(stocked, key)
    write_one(connection, Aspect.DOCUMENT, progress(key, piece="BC1", reference="BC1"))
    assert metas(stocked, key)["_order_number"] == "BC1"
    opened = connect(stocked, reference_meta="_order_number_formatted")
    write_one(opened, Aspect.DOCUMENT, progress(key, piece="BL1", reference="BL1"))
    assert (metas(stocked, key)["_order_number_formatted"], metas(stocked, key)["_order_number"]) == ("BL1", "BC1")
    opened.close()


# --- the note to the customer -----------------------------------------------------------------------------------------


def notes(connection: WooConnection, key: str) -> list[str]:
    return [row["note"] for row in get(connection, f"orders/{key}/notes", type="customer")]


@pytest.mark.covers("UPD-02")
def test_the_customer_is_told_once_per_tracking_number(stocked: WooCommerceSandbox) -> None:
    opened = connect(stocked, tracking_note=NOTE)
    key = buy(stocked)
    out = progress(key, tracking="6A1", carrier="Colissimo")
    assert write_one(opened, Aspect.TRACKING, out).outcome is Outcome.UPDATED
    assert write_one(opened, Aspect.TRACKING, out).outcome is Outcome.UNCHANGED
    assert write_one(opened, Aspect.TRACKING, changed(out, carrier="La Poste")).outcome is Outcome.UPDATED
    assert notes(opened, key) == ["Votre colis part avec Colissimo, numéro 6A1."]
    write_one(opened, Aspect.TRACKING, changed(out, tracking="6B2"))
    assert len(notes(opened, key)) == 2
    opened.close()


@pytest.mark.covers("UPD-02")
def test_no_note_is_sent_unless_the_settings_have_one(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    key = buy(stocked)
    write_one(connection, Aspect.TRACKING, progress(key, tracking="6A1"))
    assert notes(connection, key) == []


@pytest.mark.covers("UPD-02", "ORD-13")
@pytest.mark.parametrize("action", ["cut_after", "cut_before"])
def test_p01_a_note_whose_answer_is_lost_is_looked_up_and_never_doubled(
    stocked: WooCommerceSandbox, action: str
) -> None:
    opened = connect(stocked, tracking_note="Expédié : {numero}")
    key = buy(stocked)
    stocked.server.faults.add({"action": action, "method": "POST", "path": "notes$", "times": 1})
    out = progress(key, tracking="6A1")
    first = write_one(opened, Aspect.TRACKING, out)
    assert first.outcome is Outcome.UNCERTAIN
    assert "_tracking_number" not in metas(stocked, key)
    assert write_one(opened, Aspect.TRACKING, out).outcome is Outcome.UPDATED
    assert notes(opened, key) == ["Expédié : 6A1"]
    opened.close()


@pytest.mark.covers("UPD-02")
def test_a_note_that_does_not_name_the_number_gets_it(stocked: WooCommerceSandbox) -> None:
    opened = connect(stocked, tracking_note="Votre colis est parti.")
    key = buy(stocked)
    write_one(opened, Aspect.TRACKING, progress(key, tracking="6A1"))
    assert notes(opened, key) == ["Votre colis est parti. 6A1"]
    opened.close()


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.covers("UPD-01", "ORD-13")
@pytest.mark.parametrize("action", ["cut_before", "cut_after", "html"])
def test_p01_marks_whose_answer_is_lost_are_written_once_more_without_harm(
    stocked: WooCommerceSandbox, connection: WooConnection, action: str
) -> None:
    keys = [buy(stocked) for _ in range(6)]
    stocked.server.faults.add({"action": action, "method": "POST", "path": "orders/batch$", "nth": [1, 3]})
    results = write(connection, Aspect.MARK, *[marked(key, f"BC{key}", "processing") for key in keys])
    assert {result.outcome for result in results.values()} == {Outcome.UPDATED}
    assert {key: metas(stocked, key)[MARK_META] for key in keys} == {key: f"BC{key}" for key in keys}
    assert {status_of(stocked, key) for key in keys} == {"processing"}


@pytest.mark.covers("UPD-01")
def test_p12_an_order_the_shop_never_answers_for_fails_alone(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    keys = [buy(stocked) for _ in range(2)]
    stocked.server.faults.add({"action": "cut_before", "method": "POST", "path": "orders/batch$", "times": 2})
    results = write(connection, Aspect.MARK, *[marked(key, "BC1") for key in keys])
    outcomes = [results[key].outcome for key in keys]
    assert outcomes == [Outcome.FAILED, Outcome.UPDATED]
    problem = results[keys[0]].problem
    assert problem is not None
    assert (problem.code, keys[0] in problem.text()) == ("order_not_answered", True)


@pytest.mark.covers("UPD-01")
def test_p11_orders_that_are_gone_or_in_the_trash_say_so(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    trashed, gone, alive = (buy(stocked) for _ in range(3))
    post(connection, "orders/batch", {"delete": [int(gone)]})
    connection._shop.api.client.request("DELETE", connection._shop.api.url(f"wc/v3/orders/{trashed}"))
    results = write(connection, Aspect.MARK, *[marked(key, "BC1") for key in (trashed, gone, alive, "abc")])
    codes = {key: result.problem.code if result.problem else "" for key, result in results.items()}
    assert codes == {trashed: "order_in_trash", gone: "order_gone", alive: "", "abc": "order_not_linked"}
    assert [results[key].gone for key in (trashed, gone, alive)] == [False, True, False]


@pytest.mark.covers("UPD-01")
def test_a_value_the_shop_does_not_keep_is_reported(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    key = buy(stocked)
    body = {"update": [{"id": int(key), "status": "on-hold", "meta_data": []}]}
    stocked.server.faults.add(
        {"action": "status", "status": 200, "method": "POST", "path": "orders/batch$", "body": body}
    )
    result = write_one(connection, Aspect.MARK, marked(key, "BC1", "processing"))
    assert (result.outcome, result.written) == (Outcome.REFUSED, False)
    assert result.problem is not None
    assert result.problem.code == "order_value_not_kept"
    assert "status" in result.problem.text()


@pytest.mark.covers("UPD-01")
def test_orders_are_not_retired(connection: WooConnection) -> None:
    with pytest.raises(NotSupported):
        connection.writer(Entity.ORDER, Aspect.MARK).retire([])


@pytest.mark.covers("UPD-01")
def test_a_hundred_orders_take_two_calls(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    outs = [marked(buy(stocked), "BC1") for _ in range(100)]
    stocked.server.log.clear()
    results = write(connection, Aspect.MARK, *outs)
    assert {result.outcome for result in results.values()} == {Outcome.UPDATED}
    assert stocked.server.log.totals()["requests"] == 2
