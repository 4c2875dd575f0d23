"""Failures between the real connectors and their stand-ins: nothing lost in silence, nothing blocked, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.canonical.keys import Entity
from profiles import options_store
from sync import services
from sync.engine import lease
from sync.engine.recorder import Record, Recorder
from sync.engine.runner import Budget, StopFlag, execute_slice
from sync.flows.export_products import ExportProducts
from sync.models import JournalEntry, Link, LinkState, LinkStatus, Run, RunResult, RunState
from sync.presentation.problems import causes_of
from tests.flows.conftest import Story

pytestmark = pytest.mark.odbc

Generated = Callable[..., Story]
QUICK = {"shop": {"settle_seconds": 0.2}}


def _names(story: Story) -> tuple[dict[str, str], dict[str, str]]:
    """Names in the ERP and in the shop, by reference."""
    with story.erp.session() as session:
        erp = dict(session.all("SELECT AR_Ref, AR_Design FROM F_ARTICLE"))
    shop = {row.sku: row.name for row in story.shop.store.products if row.sku}
    return erp, shop


def _skip_waiting_times() -> None:
    LinkState.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - timedelta(seconds=1))


class _Crash(BaseException):
    """The process is gone: nothing of ours runs any more."""


def _crash_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """The transaction of the n-th batch never happens, as after a power cut."""
    original = Recorder.record
    seen = 0

    def record(self: Recorder, entry: Record) -> None:
        nonlocal seen
        seen += bool(entry.settle)
        if seen >= batches:
            raise _Crash
        original(self, entry)

    monkeypatch.setattr(Recorder, "record", record)


def _run_until_crash(story: Story, flow: str) -> Run:
    run = services.run_request(profile=story.profile, flow=flow).run
    held = lease.claim(run.pk, owner="dies")
    assert held is not None
    with pytest.raises(_Crash):
        execute_slice(held, budget=Budget(), stop=StopFlag(held))
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=10))
    assert lease.reap() == [run.pk]
    run.refresh_from_db()
    return run


@pytest.mark.covers("CAT-01", "BIL-04")
def test_p05_edits_while_reading_failed_writes_and_a_crash_lose_nothing_and_double_nothing(
    generated: Generated, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = generated(300, advanced={"batch_products": 10, "parallel": 1}, erp={"page_size": 100}, **QUICK)
    original = ExportProducts.pages
    edited: set[str] = set()

    def pages(self: ExportProducts, ctx: Any, **kwargs: Any) -> Iterator[Any]:
        for page in original(self, ctx, **kwargs):
            yield page
            if len(page.records) > 50 and len(edited) < 4:
                behind, ahead = page.records[0].key, f"ART{300 - len(edited):07d}"
                for reference in (behind, ahead):
                    story.erp.rename(reference, f"Modifié pendant la lecture {reference}")
                    edited.add(reference)

    monkeypatch.setattr(ExportProducts, "pages", pages)
    fault = {
        "method": "POST",
        "path": "products/batch",
        "action": "status",
        "status": 500,
        "probability": 0.05,
        "seed": 3,
    }
    story.shop.server.faults.add(fault)
    with monkeypatch.context() as crashing:
        _crash_after(crashing, 12)
        run = _run_until_crash(story, "products")
    first = story.finish(run)
    _skip_waiting_times()
    second = story.run()
    _skip_waiting_times()
    erp, shop = _names(story)
    assert len(edited) >= 4
    assert shop == erp
    assert {story.shop.app.inspect({"sku": sku})["created_times"] for sku in erp} == {1}
    writes = story.shop.server.log.totals()["item_writes"]
    assert writes["created"] == 300
    assert first.units + second.units == story.units().used
    assert story.run(full=True).sent == 0


@pytest.mark.covers("STK-05")
def test_p05_a_crash_between_the_shop_and_the_journal_repeats_a_quantity_but_pays_it_once(
    generated: Generated, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = generated(60, advanced={"batch_stock": 10, "parallel": 1})
    story.run()
    used = story.units().used
    story.erp.change_stocks(60)
    with monkeypatch.context() as crashing:
        _crash_after(crashing, 3)
        run = _run_until_crash(story, "stock")
    assert run.updated == 20
    run = story.finish(run)
    assert (run.result, run.updated, run.units) == (RunResult.SUCCESS, 60, 60)
    assert story.units().used - used == 60
    with story.erp.session() as session:
        wanted = dict(session.all("SELECT AR_Ref, SUM(AS_QteSto) FROM F_ARTSTOCK GROUP BY AR_Ref"))
    assert {row.sku: row.stock for row in story.shop.store.products} == {key: int(n) for key, n in wanted.items()}


@pytest.mark.covers("LOG-03")
@pytest.mark.parametrize(
    "fault",
    [
        {"path": "products/batch", "action": "html"},
        {"path": "products/batch", "action": "status", "status": 503},
        {"path": "products/batch", "action": "cut_before"},
    ],
)
def test_p09_a_shop_that_swallows_writes_never_ends_green(generated: Generated, fault: dict[str, Any]) -> None:
    story = generated(30, **QUICK)
    rule = story.shop.server.faults.add({"method": "POST", **fault})
    run = services.run_request(profile=story.profile, flow="products").run
    held = lease.claim(run.pk, owner="test")
    assert held is not None
    execute_slice(held, budget=Budget(), stop=StopFlag(held))
    run.refresh_from_db()
    categories = Link.objects.filter(entity="category", status=LinkStatus.LINKED).count()
    assert run.result != RunResult.SUCCESS
    assert run.created - categories == len(story.shop.store.products.rows) == 0
    story.shop.server.faults.remove(rule.id)
    _skip_waiting_times()
    if run.state != RunState.FINISHED:
        Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
        story.finish(run)
    _skip_waiting_times()
    story.run(full=True)
    assert {story.shop.app.inspect({"sku": row.sku})["created_times"] for row in story.shop.store.products} == {1}
    assert len(story.shop.store.products.rows) == 30


@pytest.mark.covers("CAT-01", "CAT-18")
def test_p11_articles_deleted_on_either_side_are_marked_and_hold_nothing_up(generated: Generated) -> None:
    story = generated(500, products={"missing_action": "disable"})
    story.run()
    here = [f"ART{number:07d}" for number in range(1, 6)]
    there = [f"ART{number:07d}" for number in range(11, 16)]
    for reference in here:
        story.erp.delete_article(reference)
    for reference in there:
        story.shop.app.mutate("delete", {"sku": reference, "force": True})
        story.erp.rename(reference, f"Renommé {reference}")
    story.erp.rename("ART0000020", "Toujours là")
    run = story.run()
    assert (run.updated, run.refused) == (1, 5)
    assert story.product("ART0000020")["name"] == "Toujours là"
    gone = Link.objects.filter(profile=story.profile, entity="product", status=LinkStatus.GONE)
    assert set(gone.values_list("erp_key", flat=True)) == set(there)
    state = story.run("state")
    assert state.updated == 5
    assert {story.product(reference)["status"] for reference in here} == {"draft"}
    again = story.run(full=True)
    assert (again.sent, again.excluded) == (0, 5), "nothing comes back by itself"
    services.link_forget(story.profile, entity=Entity.PRODUCT, keys=there)
    assert story.run(full=True).created == 5, "a person decided"
    assert len(story.shop.store.products.rows) == 500


@pytest.mark.covers("CAT-06")
def test_p11_an_empty_reading_disables_nothing_and_turns_the_run_red(generated: Generated) -> None:
    story = generated(20, products={"missing_action": "disable"})
    story.run()
    before = story.shop.server.log.totals()["item_writes"]
    with closing(story.erp.connect()) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM F_ARTICLE")
        connection.commit()
    run = story.run("state")
    assert (run.result, run.message_code) == (RunResult.FAILED, "source_empty")
    assert story.shop.server.log.totals()["item_writes"] == before


@pytest.mark.covers("LOG-03", "LOG-04")
def test_p12_poison_first_and_good_ones_behind_pass_in_the_same_run(generated: Generated) -> None:
    story = generated(60, advanced={"refused_limit_percent": 100})
    for number in range(1, 51):
        reference = f"ART{number:07d}"
        story.shop.server.faults.add({"action": "item_error", "sku": reference, "code": "plugin", "message": "Non"})
    run = story.run()
    assert (run.result, run.refused) == (RunResult.PARTIAL, 50)
    assert {row.sku for row in story.shop.store.products} == {f"ART{number:07d}" for number in range(51, 61)}


@pytest.mark.covers("LOG-03", "LOG-04", "BIL-04")
def test_p33_a_hundred_failures_of_one_cause_are_one_card_and_pass_together_once_mended(generated: Generated) -> None:
    story = generated(124, advanced={"refused_limit_percent": 100})
    options_store.save(story.profile, {"products": {"tax_map": {"C055": "reduced-rate"}}}, author=None)
    run = story.run()
    assert run.refused == 100
    cards = causes_of(run)
    assert [(card.code, card.count) for card in cards] == [("tax_unmapped.C20", 100)]
    lines = JournalEntry.objects.filter(run=run, outcome="refused")
    victims = set(lines.values_list("item_key", flat=True))
    assert len(victims) == 100
    assert victims.isdisjoint(row.sku for row in story.shop.store.products)
    assert all("C20" in line.text and line.advice and "Traceback" not in str(line.detail) for line in lines)
    options_store.save(story.profile, {"products": {"tax_map": {"C20": "standard"}}}, author=None)
    retried = story.finish(services.items_retry(run, by=None, code="tax_unmapped.C20").run)
    assert (retried.result, retried.read, retried.refused) == (RunResult.SUCCESS, 100 + _new_categories(retried), 0)
    assert victims <= {row.sku for row in story.shop.store.products}
    with pytest.raises(services.RunRefused):
        services.items_retry(retried, by=None)


def _new_categories(run: Run) -> int:
    return JournalEntry.objects.filter(run=run, entity="category").count()


@pytest.mark.covers("LOG-04")
def test_p33_refusals_of_the_shop_are_retried_together_at_a_persons_word(generated: Generated) -> None:
    story = generated(40, advanced={"refused_limit_percent": 100})
    rule = story.shop.server.faults.add(
        {"method": "POST", "path": "products/batch", "action": "item_error", "code": "plugin_says_no", "message": "Non"}
    )
    run = story.run()
    if run.refused == 0:
        pytest.fail("the fault did not fire")
    calls = story.shop.server.log.totals()["calls"].get("POST products/batch")
    assert story.run(full=True).sent == 0
    assert story.shop.server.log.totals()["calls"].get("POST products/batch") == calls, "not sent again by itself"
    story.shop.server.faults.remove(rule.id)
    retried = story.finish(services.items_retry(run, by=None).run)
    assert (retried.result, retried.refused) == (RunResult.SUCCESS, 0)
    assert len(story.shop.store.products.rows) == 40


@pytest.mark.covers("OPS-05")
@pytest.mark.parametrize("flow", ["products", "stock"])
def test_a_slice_whose_time_is_over_leaves_the_rest_of_its_page_to_the_next(generated: Generated, flow: str) -> None:
    """Every slice sends at least one batch, and what earlier slices sent is not counted nor paid again."""
    story = generated(95, advanced={"batch_products": 10, "batch_stock": 10, "parallel": 1})
    if flow == "stock":
        story.run()
        story.erp.change_stocks(95)
    used = story.units().used
    run = services.run_request(profile=story.profile, flow=flow).run
    slices = 0
    while run.state != RunState.FINISHED:
        held = lease.claim(run.pk, owner="test")
        assert held is not None
        execute_slice(held, budget=Budget(seconds=0), stop=StopFlag(held))
        run.refresh_from_db()
        slices += 1
        assert slices < 15
    categories = JournalEntry.objects.filter(run=run, entity="category").count()
    assert slices >= 8
    assert run.result == RunResult.SUCCESS
    assert run.read == run.accounted == run.sent == 95 + categories
    assert story.units().used - used == run.units == run.sent
    assert story.run(flow, full=True).sent == 0
