"""Orders cancelled after the delivery or the invoice: a credit note of what is not credited yet, where asked for."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from profiles import options_store
from sync.models import JournalEntry
from sync.orders.steps import Act, Event
from tests.flows.conftest import Story
from tests.flows.test_orders_desk import _client
from tests.flows.test_orders_lives import (
    DELIVERY,
    INVOICE,
    POSTED,
    Ordered,
    _policy,
    _refusing,
    _rows,
    _taxes,
)
from tests.flows.test_orders_lives import erp as erp
from tests.flows.test_orders_lives import story as story

pytestmark = pytest.mark.odbc

CREDITED = {"cancelled_delivery": "credit", "cancelled_invoice": "credit", "cancelled_posted": "credit"}


def _invoiced(story: Story, **options: str) -> Ordered:
    _policy(story, **{**CREDITED, **options})
    order = Ordered.place(story)
    order.advance(INVOICE)
    return order


def _whole(order: Ordered) -> Decimal:
    """What the only credit note of the cancellation gives back."""
    (credit,) = order.story.erp.documents(f"{order.key}-A")
    return -Decimal(credit.total_gross)


def _credited(order: Ordered) -> Decimal:
    """Everything that was ever credited for the order."""
    with order.story.erp.session(write=False) as session:
        numbers = session.all("SELECT DO_NoWeb FROM F_DOCENTETE WHERE DO_NoWeb LIKE ?", (f"{order.key}-%",))
    return sum((-Decimal(piece.total_gross) for (n,) in numbers for piece in order.story.erp.documents(n)), Decimal(0))


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("stage", [DELIVERY, INVOICE, POSTED])
def test_p16_a_cancelled_order_that_went_on_is_credited_whole_once(story: Story, stage: int) -> None:
    _policy(story, **CREDITED)
    order = Ordered.place(story)
    for step in (DELIVERY, INVOICE, POSTED):
        if step <= stage:
            order.advance(step)
    before = _rows(story, order)
    order.status("cancelled")
    with order.record_lost():
        assert story.run("orders").updated == 1
    order.live()
    assert order.life == [(Event.CANCELLED, Act.CREDIT)]
    assert (_whole(order), _rows(story, order)) == (order.total(), before)
    (credit,) = story.erp.documents(f"{order.key}-A")
    taxes = {Decimal(str(row["rate_percent"])): Decimal(row["tax_total"]) for row in order.shop["tax_lines"]}
    assert {rate.normalize(): tax for rate, tax in _taxes(story, credit).items()}.keys() == {
        rate.normalize() for rate in taxes
    }
    assert "avoir" in order.told()[-1]
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09")
def test_p16_what_was_refunded_before_the_cancellation_is_not_credited_again(story: Story) -> None:
    order = _invoiced(story)
    pieces, money = order.refund(), order.refund(amount="7.00")
    assert order.live().updated == 1
    refunded = order.amount(pieces) + order.amount(money)
    order.status("cancelled")
    assert order.live().updated == 1
    assert _whole(order) == order.total() - refunded
    assert _credited(order) == order.total()
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09")
def test_p16_a_refund_taken_out_of_the_open_piece_is_not_credited_with_its_invoice(story: Story) -> None:
    _policy(story, **CREDITED)
    order = Ordered.place(story)
    refund = order.refund(line=1, quantity=2)
    assert story.run("orders").updated == 1
    order.advance(INVOICE)
    order.status("cancelled")
    assert order.live().updated == 1
    assert _whole(order) == order.pieces[0].total_gross == order.total() - order.amount(refund)
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("lost", [False, True])
def test_p16_a_full_refund_after_the_cancellation_makes_no_second_credit_note(story: Story, lost: bool) -> None:
    """Also where this platform did not note the first one before the order was refunded."""
    order = _invoiced(story)
    steps, link = order.link.steps, order.link
    order.status("cancelled")
    assert story.run("orders").updated == 1
    if lost:
        link.steps = steps
        link.save()
    order.status("refunded")
    order.live()
    assert (_whole(order), _credited(order)) == (order.total(), order.total())
    assert (Event.REFUNDED, Act.NONE) in order.life


@pytest.mark.covers("ORD-09")
def test_p16_a_full_refund_before_the_cancellation_leaves_nothing_to_credit(story: Story) -> None:
    order = _invoiced(story)
    order.status("refunded")
    assert order.live().updated == 1
    order.status("cancelled")
    order.live()
    assert _credited(order) == order.total()
    assert story.erp.documents(f"{order.key}-A") == []
    assert order.life[-1] == (Event.CANCELLED, Act.NONE)


@pytest.mark.covers("ORD-09")
def test_p16_a_refund_that_was_only_told_is_within_the_credit_note_of_the_whole(story: Story) -> None:
    order = _invoiced(story, refunded_invoice="tell")
    order.refund()
    assert order.live().refused == 1
    order.status("cancelled")
    assert order.live().updated == 1
    assert (_credited(order), order.link.states.get(aspect="data").problem) == (order.total(), "")
    assert set(order.life) == {(Event.REFUNDED, Act.NONE), (Event.CANCELLED, Act.CREDIT)}
    _policy(story, refunded_invoice="credit")
    assert story.run("orders", keys=[order.key], retry=True).refused == 0
    assert _credited(order) == order.total()
    assert order.verdict() == ("equal", [])


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("why", ["settled", "edited", "edited for the same money", "by hand"])
def test_p16_what_cannot_be_known_to_be_left_is_told_and_not_credited(story: Story, why: str) -> None:
    order = _invoiced(story, refunded_invoice="tell")
    if why == "settled":
        order.refund()
        assert story.run("orders").refused == 1
        _client(story).post(reverse("sync:order_settle", args=[story.profile.pk, order.key]))
    elif why == "edited":
        order.edit(5)
    elif why == "edited for the same money":
        story.rest(f"orders/{order.key}", {"shipping": {"address_1": "99 quai Perrière", "city": "Grenoble"}})
    else:
        held = order.piece.total_gross
        story.erp.update("F_DOCENTETE", "DO_NoWeb", order.key, DO_TotalTTC=held + 5)
    before = story.erp.fingerprint()
    order.status("cancelled")
    assert order.live().refused == 1
    assert (Event.CANCELLED, Act.TELL) in order.life
    assert (_credited(order), story.erp.fingerprint()) == (0, before)
    entry = JournalEntry.objects.filter(item_key=order.key).exclude(code="").latest("pk")
    assert entry.text.count(".") > 1, "it says why"


@pytest.mark.covers("ORD-09")
def test_p16_an_order_cancelled_again_keeps_its_one_credit_note(story: Story) -> None:
    order = _invoiced(story)
    order.status("cancelled")
    assert story.run("orders").updated == 1
    order.status("processing")
    assert story.run("orders").refused == 1
    order.status("cancelled")
    story.run("orders")
    assert _whole(order) == _credited(order) == order.total()


@pytest.mark.covers("ORD-09")
def test_p16_a_refused_credit_note_of_a_cancellation_is_told_with_the_reason(story: Story) -> None:
    order = _invoiced(story)
    order.status("cancelled")
    with _refusing(story, f"{order.key}-A"):
        run = story.run("orders")
        assert run.refused + run.failed == 1
    assert _credited(order) == 0
    story.run("orders", keys=[order.key], retry=True)
    assert _credited(order) == order.total()


@pytest.mark.covers("ORD-09", "ORD-07")
def test_p16_carriage_at_the_foot_of_a_document_is_credited_with_it(story: Story) -> None:
    options_store.save(story.profile, {"orders": {"shipping_as": "footer"}}, author=None)
    order = _invoiced(story)
    order.status("cancelled")
    assert story.run("orders").updated == 1, order.told()
    assert _whole(order) == order.total()
