"""«Importer les devis»: a quote of the shop becomes one quote of the ERP, and never a second document."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from billing import ledger
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import options_store
from profiles.models import MatchState, Profile
from sync import services
from sync.models import JournalEntry, Link, LinkState, Run
from tests.connectors.sage100.writing_support import Faults, failing
from tests.flows.conftest import Story, make_story
from tests.flows.test_orders import ORDER_OPTIONS

pytestmark = [pytest.mark.odbc, pytest.mark.covers("ORD-16")]

STATUSES = {"pending": "quote", "processing": "order", "on-hold": "order"}


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "quotes.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    """A shop whose «pending» orders are quotes."""
    options = {**ORDER_OPTIONS, "orders": {"statuses": STATUSES}}
    story = make_story(erp, shop, **options)
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=100, key="imports", note="", actor="test")
    assert story.run("products", keys=["TENTE2P"]).created
    return story


def _placed(story: Story, status: str = "pending") -> str:
    body = {"line_items": [{"sku": "TENTE2P", "quantity": 1}], "status": status, "billing": {"last_name": "Petit"}}
    body["billing"] |= {"email": "petit@example.net", "country": "FR", "city": "Lyon"}
    return str(story.rest("orders", body, method="POST")["id"])


def _documents(story: Story, order: str) -> list[tuple[str, int]]:
    return [(one.piece, int(one.type)) for one in story.erp.documents(order)]


def _units(story: Story) -> int:
    return ledger.balance(tenant_id=story.tenant.pk, kind="import").used


def _told(run: Run) -> list[str]:
    return list(JournalEntry.objects.filter(run=run).exclude(code="").values_list("code", flat=True))


def _later() -> None:
    LinkState.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - timedelta(seconds=1))


def test_quotes_and_orders_are_imported_each_by_their_own_flow_once(story: Story) -> None:
    quote, order = _placed(story), _placed(story, "processing")
    run = story.run("orders")
    assert (run.created, run.excluded_reasons) == (1, {"Devis : « Importer les devis » s’en charge": 1}), _told(run)
    assert _documents(story, quote) == []
    run = story.run("quotes")
    assert (run.created, run.excluded_reasons) == (1, {"La commande n’est pas un devis": 1}), _told(run)
    ((piece, kind),) = _documents(story, quote)
    assert (piece[:2], kind) == ("DE", 0)
    assert len(_documents(story, order)) == 1
    assert _units(story) == 2
    for flow in ("quotes", "orders"):
        again = story.run(flow, full=True)
        assert (again.sent, again.refused, again.failed) == (0, 0, 0), (flow, _told(again))
    assert _documents(story, quote) == [(piece, kind)]


def test_an_accepted_quote_is_told_until_it_is_transformed_and_never_becomes_a_second_document(story: Story) -> None:
    quote = _placed(story)
    assert story.run("quotes").created == 1
    ((piece, _),) = _documents(story, quote)
    story.rest(f"orders/{quote}", {"status": "processing"})
    before = story.erp.fingerprint()
    run = story.run("quotes")
    assert (run.created, run.deferred, _told(run)) == (0, 1, ["quote_accepted"])
    assert piece in JournalEntry.objects.get(run=run, code="quote_accepted").text
    story.run("orders")
    story.run("orders", full=True)
    assert story.erp.fingerprint() == before, "the orders' flow makes no second document"
    _later()
    assert story.run("quotes").deferred == 1
    story.erp.advance_document(piece, 2)
    _later()
    done = story.run("quotes")
    assert (done.deferred, done.unchanged, done.created) == (0, 1, 0)
    assert [kind for _, kind in _documents(story, quote)] == [2]
    again = story.run("quotes", full=True)
    assert (again.sent, again.deferred) == (0, 0)
    assert _units(story) == 1


@pytest.mark.covers("PAY-01")
def test_an_accepted_quote_gets_its_payment_once_when_it_is_transformed_in_the_erp(story: Story) -> None:
    quote = _placed(story)
    assert story.run("quotes").created == 1
    ((piece, _),) = _documents(story, quote)
    assert _deposits(story, quote) == []
    story.rest(f"orders/{quote}", {"set_paid": True, "status": "processing"})
    waiting = story.run("orders")
    assert (waiting.deferred, _told(waiting)) == (1, ["quote_accepted"])
    assert _deposits(story, quote) == [], "a quote takes no payment"
    story.erp.advance_document(piece, 1)
    _later()
    assert story.run("orders").updated == 1
    total = story.erp.documents(quote)[0].total_gross
    assert [kind for _, kind in _documents(story, quote)] == [1]
    assert _deposits(story, quote) == [total]
    for flow in ("quotes", "orders"):
        for full in (False, True):
            story.run(flow, full=full)
    _later()
    story.run("orders")
    assert _deposits(story, quote) == [total]
    assert _units(story) == 1


def _deposits(story: Story, order: str) -> list[Decimal]:
    with story.erp.session(write=False) as session:
        pieces = [piece for piece, _ in _documents(story, order)]
        return [
            Decimal(str(row[0]))
            for piece in pieces
            for row in session.all("SELECT DR_Montant FROM F_DOCREGL WHERE DO_Piece = ?", (piece,))
        ]


def test_an_accepted_quote_that_is_gone_from_the_erp_is_told(story: Story) -> None:
    quote = _placed(story)
    assert story.run("quotes").created == 1
    ((piece, _),) = _documents(story, quote)
    with story.erp.session() as session:
        session.run("DELETE FROM F_DOCLIGNE WHERE DO_Piece = ?", (piece,))
        session.run("DELETE FROM F_DOCENTETE WHERE DO_Piece = ?", (piece,))
    story.rest(f"orders/{quote}", {"status": "processing"})
    run = story.run("quotes")
    assert (run.refused, _told(run)) == (1, ["quote_vanished"])


@pytest.mark.covers("ORD-13", "BIL-04")
def test_p01_a_lost_answer_makes_one_quote(story: Story) -> None:
    quote = _placed(story)
    with failing(Faults(fail_on="INSERT INTO F_DOCENTETE", lose=True), "odbc"):
        assert story.run("quotes").failed == 1
    _later()
    with failing(Faults(commit="after"), "odbc"):
        story.run("quotes")
    _later()
    story.run("quotes")
    assert len(_documents(story, quote)) == 1
    assert _units(story) == 1
    assert story.run("quotes").sent == 0
    assert Link.objects.filter(entity="order", shop_key=quote).count() == 1


def test_a_quote_outside_the_period_is_left_out_but_an_imported_one_is_followed(story: Story) -> None:
    quote = _placed(story)
    assert story.run("quotes").created == 1
    old = _placed(story)
    tomorrow = (timezone.now() + timedelta(days=2)).date().isoformat()
    period = {"orders": {"period": "custom", "period_from": tomorrow}}
    options_store.save(story.profile, period, author=None)
    story.rest(f"orders/{quote}", {"status": "processing"})
    run = story.run("quotes")
    assert (run.deferred, run.created) == (1, 0)
    assert run.excluded_reasons == {"Hors de la période": 1}
    assert _documents(story, old) == []


def test_the_checklist_of_quotes_is_that_of_orders_without_payments(story: Story) -> None:
    options_store.save(story.profile, {"orders": {"statuses": {}}, "payments": {"method_default": ""}}, author=None)
    with pytest.raises(services.RunRefused) as caught:
        services.run_request(profile=story.profile, flow="quotes")
    assert [one.info.name for one in caught.value.missing] == ["statuses"]
