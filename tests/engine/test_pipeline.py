"""The engine between two in-memory systems."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from connectors.canonical.catalog import Axis, Variant
from connectors.canonical.values import TaxRate
from connectors.core.results import Outbound
from connectors.testing import fakes
from connectors.testing.builders import category, price, product, stock
from profiles import options_store
from sync import services
from sync.engine import lease, pipeline
from sync.engine.recorder import Recorder
from sync.engine.runner import Budget
from sync.models import JournalEntry, Link, LinkState, LinkStatus, Run, RunResult, RunState
from tests.engine.conftest import Bench


def _put(bench: Bench, number: int) -> None:
    bench.world.put(*(product(f"A{index:04d}") for index in range(number)))


@pytest.mark.covers("CAT-01", "BIL-04")
def test_first_export_creates_everything_and_the_second_costs_nothing(bench: Bench) -> None:
    _put(bench, 35)
    first = bench.run()
    assert (first.result, first.created, first.units, first.read) == (RunResult.SUCCESS, 35, 35, 35)
    assert len(bench.world.shop) == 35
    second = bench.run(full=True)
    assert (second.unchanged, second.sent, second.units) == (35, 0, 0)
    assert "Rien à faire" in second.message
    assert bench.units().used == 35


@pytest.mark.covers("CAT-01")
def test_a_changed_article_goes_out_alone(bench: Bench) -> None:
    _put(bench, 12)
    bench.run()
    bench.world.put(product("A0003", name={"": "Nouveau nom"}))
    run = bench.run()
    assert (run.read, run.updated, run.unchanged) == (1, 1, 0)
    assert bench.world.written["A0003"] == 2


@pytest.mark.covers("CAT-03", "CAT-05")
def test_a_changed_setting_reaches_every_affected_article_without_any_date(bench: Bench) -> None:
    _put(bench, 5)
    bench.run()
    options_store.save(bench.profile, {"products": {"tax_map": {"TVA20": "reduced"}}}, author=None)
    run = bench.run()
    assert (run.read, run.updated) == (5, 5)


@pytest.mark.covers("STK-05", "PRI-01")
def test_a_create_sends_stock_and_price_along_so_their_flows_have_nothing_to_do(bench: Bench) -> None:
    _put(bench, 8)
    bench.run()
    for flow in ("stock", "prices"):
        run = bench.run(flow)
        assert (run.unchanged, run.sent) == (8, 0), flow


@pytest.mark.covers("STK-01", "STK-05", "BIL-04")
def test_only_changed_quantities_are_sent(bench: Bench) -> None:
    _put(bench, 30)
    bench.run()
    for key in ("A0001", "A0002"):
        bench.world.put(product(key, quantity=99))
    run = bench.run("stock")
    assert (run.updated, run.unchanged, run.units) == (2, 28, 2)


@pytest.mark.covers("STK-01")
def test_stock_of_articles_absent_from_the_shop_is_left_out_and_counted(bench: Bench) -> None:
    _put(bench, 3)
    run = bench.run("stock")
    assert (run.excluded, run.sent) == (3, 0)
    assert run.excluded_reasons == {"Absent de la boutique": 3}


@pytest.mark.covers("CAT-03")
def test_p14_unknown_tax_is_never_zero_it_refuses_that_article_and_names_the_code(bench: Bench) -> None:
    bench.world.put(
        product("OK"), product("KO", tax=TaxRate("C55", price("x").price.amount)), product("NONE", tax=None)
    )
    run = bench.run()
    assert (run.created, run.refused, run.result) == (1, 2, RunResult.PARTIAL)
    causes = dict(JournalEntry.objects.filter(run=run, outcome="refused").values_list("item_key", "code"))
    assert causes == {"KO": "tax_unmapped.C55", "NONE": "tax_unknown"}
    options_store.save(bench.profile, {"products": {"tax_map": {"TVA20": "standard", "C55": "reduced"}}}, author=None)
    assert bench.run().created == 1


@pytest.mark.covers("CAT-07")
def test_missing_categories_are_created_first_parents_before_children(bench: Bench) -> None:
    bench.world.categories = {
        one.key: one for one in (category("a"), category("b", "a", 2), category("c", "b", 3), category("d", "c", 4))
    }
    bench.world.put(product("X", categories=("a", "b", "c", "d")))
    run = bench.run()
    assert run.created == 5
    assert bench.world.created == {"a": 1, "b": 1, "c": 1, "d": 1, "X": 1}
    row = next(iter(bench.world.shop.values()))
    assert len(row["references"]) == 4


@pytest.mark.covers("CAT-07")
def test_a_category_that_does_not_exist_defers_its_articles_and_says_so(bench: Bench) -> None:
    bench.world.put(product("X", categories=("ghost",)), product("Y"))
    run = bench.run()
    assert (run.created, run.deferred, run.result) == (1, 1, RunResult.PARTIAL)
    line = JournalEntry.objects.get(run=run, outcome="deferred")
    assert (line.code, line.item_key) == ("reference_missing", "X")
    bench.world.categories["ghost"] = category("ghost")
    LinkState.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert bench.run().created == 2


@pytest.mark.covers("CAT-12")
def test_variants_are_linked_with_their_parent(bench: Bench) -> None:
    variants = tuple(
        Variant(
            key=f"V#{n}",
            reference=f"V-{n}",
            options=(("Taille", size),),
            price=price(f"V#{n}", product_key="V"),
            stock=stock(f"V#{n}", product_key="V"),
        )
        for n, size in enumerate("SML", start=1)
    )
    bench.world.put(product("V", axes=(Axis(name="Taille", values=("S", "M", "L")),), variants=variants))
    bench.run()
    parent = Link.objects.get(entity="product", erp_key="V")
    links = Link.objects.filter(entity="variant", shop_parent=parent.shop_key)
    assert sorted(links.values_list("erp_key", flat=True)) == ["V#1", "V#2", "V#3"]
    assert bench.run("stock").unchanged == 3


@pytest.mark.covers("CAT-01")
def test_new_articles_only_leaves_known_ones_alone(bench: Bench) -> None:
    _put(bench, 4)
    bench.run()
    bench.world.put(product("A0001", name={"": "changé"}), product("NEW"))
    run = bench.run("new_products")
    assert (run.created, run.excluded, run.updated) == (1, 4, 0)


@pytest.mark.covers("CAT-06", "CAT-18")
def test_dormant_articles_are_taken_out_of_sale_and_put_back(bench: Bench) -> None:
    _put(bench, 3)
    bench.run()
    bench.world.put(product("A0001", dormant=True))
    run = bench.run("state")
    assert (run.updated, run.unchanged) == (1, 2)
    bench.world.put(product("A0001"))
    assert bench.run("state").updated == 1
    assert sum(bench.world.created.values()) == 3


def test_p11_mass_removal_brake_and_empty_source_remove_nothing(bench: Bench) -> None:
    _put(bench, 20)
    bench.run()
    options_store.save(bench.profile, {"products": {"missing_action": "disable"}}, author=None)
    for index in range(10):
        del bench.world.products[f"A{index:04d}"]
    before = dict(bench.world.written)
    run = bench.run("state")
    assert (run.result, run.message_code) == (RunResult.FAILED, "mass_removal")
    bench.world.products.clear()
    run = bench.run("state")
    assert (run.result, run.message_code) == (RunResult.FAILED, "source_empty")
    assert bench.world.written == before


def test_p11_an_object_deleted_in_the_shop_marks_its_link_and_never_returns_by_itself(bench: Bench) -> None:
    _put(bench, 5)
    bench.run()
    link = Link.objects.get(entity="product", erp_key="A0002")
    bench.world.gone.add(link.shop_key or "")
    bench.world.put(product("A0002", name={"": "x"}), product("A0003", name={"": "y"}))
    run = bench.run()
    assert (run.updated, run.refused) == (1, 1)
    link.refresh_from_db()
    assert link.status == LinkStatus.GONE
    again = bench.run(full=True)
    assert again.excluded == 1
    assert bench.world.created["A0002"] == 1


@pytest.mark.covers("LOG-04")
def test_a_refused_article_is_not_sent_again_until_it_changes_or_a_person_asks(bench: Bench) -> None:
    _put(bench, 3)
    bench.world.refuse.add("A0001")
    run = bench.run()
    assert (run.created, run.refused, run.units) == (2, 1, 2)
    calls = len(bench.world.calls)
    again = bench.run(full=True)
    assert (again.refused, again.unchanged) == (1, 2)
    assert len(bench.world.calls) == calls
    alone = bench.run(keys=["A0001"])
    assert (alone.refused, alone.result) == (1, RunResult.PARTIAL), "what was told before fails no run"
    bench.world.refuse.clear()
    retried = bench.finish(services.items_retry(run, by=None).run)
    assert (retried.read, retried.created) == (1, 1)


def test_p09_a_writer_that_swallows_items_never_ends_green(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _put(bench, 10)

    def swallow(self: object, batch: list[Outbound[object]]) -> object:
        yield from list(original(self, batch))[:-1]

    original = fakes._ShopWriter.send
    monkeypatch.setattr(fakes._ShopWriter, "send", swallow)
    run = bench.run()
    assert (run.result, run.failed) == (RunResult.PARTIAL, 1)
    assert JournalEntry.objects.get(run=run, outcome="failed").code == "no_answer"


def test_p09_a_page_that_does_not_add_up_turns_the_run_red(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from sync.engine.intake import Intake

    _put(bench, 10)
    original = Intake._compare
    monkeypatch.setattr(Intake, "_compare", lambda self, tally, mapped: original(self, tally, mapped[:-1]))
    request = services.run_request(profile=bench.profile, flow="products")
    run = bench.finish(request.run)
    assert (run.result, run.message_code) == (RunResult.FAILED, "closing_equation")


def test_p12_one_hundred_poison_articles_first_do_not_block_ten_good_ones(bench: Bench) -> None:
    bench.world.put(*(product(f"A{n:03d}") for n in range(100)), *(product(f"B{n:03d}") for n in range(10)))
    bench.world.refuse = {f"A{n:03d}" for n in range(100)}
    options_store.save(bench.profile, {"advanced": {"refused_limit_percent": 100, "batch_products": 20}}, author=None)
    run = bench.run()
    assert (run.created, run.refused) == (10, 100)


def test_a_flood_of_refusals_stops_the_run_with_advice(bench: Bench) -> None:
    _put(bench, 400)
    bench.world.refuse = set(bench.world.products)
    run = bench.run()
    assert (run.result, run.message_code) == (RunResult.FAILED, "too_many_refused")
    assert run.refused < 400


def test_p05_failed_items_have_their_own_clock_and_the_mark_still_moves(bench: Bench) -> None:
    _put(bench, 12)
    fail = {"A0002", "A0007"}

    def drop(batch: list[Outbound[object]]) -> None:
        if any(item.key in fail for item in batch):
            raise fakes.transient()

    bench.world.before_send = drop  # type: ignore[assignment]
    options_store.save(bench.profile, {"advanced": {"batch_products": 1}}, author=None)
    run = bench.run()
    assert (run.created, run.failed) == (10, 2)
    bench.world.before_send = lambda batch: None
    assert bench.run().read == 0
    LinkState.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - timedelta(seconds=1))
    run = bench.run()
    assert (run.read, run.created) == (2, 2)
    assert max(bench.world.created.values()) == 1


@pytest.mark.parametrize("seconds", [3600, 0])
@pytest.mark.parametrize("intents", [False, True])
def test_p09_what_is_tried_again_and_needs_no_call_is_counted_once_in_a_run(
    bench: Bench, seconds: int, intents: bool
) -> None:
    """It is read first, because its clock ran out, and once more by the full reading, in one slice or in many."""
    _put(bench, 12)
    late = ("A0002", "A0007", "A0009")

    def drop(batch: list[Outbound[object]]) -> None:
        if any(item.key in late for item in batch):
            raise fakes.transient()

    bench.world.before_send = drop  # type: ignore[assignment]
    options_store.save(bench.profile, {"advanced": {"batch_products": 1}}, author=None)
    assert bench.run().failed == 3
    bench.world.before_send = lambda batch: None
    if intents:
        LinkState.objects.filter(not_before__isnull=False).delete()
    LinkState.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - timedelta(seconds=1))
    bench.world.put(product("A0002", tax=None), product("A0007", published=False))
    options_store.save(bench.profile, {"products": {"published_only": True}}, author=None)
    run = services.run_request(profile=bench.profile, flow="products", full=True).run
    run = bench.finish(run, budget=lambda: Budget(seconds=seconds))
    assert (run.read, run.accounted) == (12, 12)
    assert (run.refused, run.excluded, run.created, run.unchanged) == (1, 1, 1, 9)
    assert JournalEntry.objects.filter(run=run, item_key="A0002").count() == 1


def test_p01_a_create_whose_answer_was_lost_is_found_again_not_repeated(bench: Bench) -> None:
    _put(bench, 6)

    def lose(key: str) -> None:
        if key == "A0003":
            raise fakes.transient("La réponse a été perdue.")

    bench.world.after_item = lose
    options_store.save(bench.profile, {"advanced": {"parallel": 1}}, author=None)
    first = bench.run()
    assert first.created == 3
    bench.world.after_item = lambda key: None
    LinkState.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - timedelta(seconds=1))
    second = bench.run()
    assert second.created == 3
    assert dict(bench.world.created) == {f"A{n:04d}": 1 for n in range(6)}
    assert bench.units().used == 6


def test_p04_twenty_clicks_during_a_run_make_one_run(bench: Bench) -> None:
    _put(bench, 3)
    requests = [services.run_request(profile=bench.profile, flow="products") for _ in range(20)]
    assert sum(request.created for request in requests) == 1
    assert len({request.run.pk for request in requests}) == 1


def test_p04_events_during_a_run_leave_one_successor(bench: Bench) -> None:
    _put(bench, 3)
    run = services.run_request(profile=bench.profile, flow="products").run
    assert lease.claim(run.pk, owner="test") is not None
    requests = [services.run_request(profile=bench.profile, flow="products", queue_next=True) for _ in range(20)]
    assert sum(request.created for request in requests) == 1
    assert Run.objects.filter(flow="products").count() == 2


def test_p32_a_worker_taken_for_dead_can_write_nothing_more(bench: Bench) -> None:
    _put(bench, 5)
    run = services.run_request(profile=bench.profile, flow="products").run
    held = lease.claim(run.pk, owner="slow")
    assert held is not None
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    assert lease.reap() == [run.pk]
    from sync.engine.runner import SliceResult, execute_slice

    assert execute_slice(held, budget=Budget()) is SliceResult.LOST
    assert bench.world.created == {}
    assert bench.finish(run).created == 5
    assert bench.units() == bench.units().__class__(bought=10_000, used=5, reserved=0)


@pytest.mark.covers("OPS-01")
def test_p32_a_database_that_goes_away_inside_a_slice_ends_no_run_and_doubles_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sync.engine.runner import execute_slice

    _put(bench, 5)
    run = services.run_request(profile=bench.profile, flow="products").run
    record, cut = Recorder.record, []

    def away(recorder: Recorder, *given: Any) -> None:
        if bench.world.created and not cut:
            cut.append(True)
            raise OperationalError("terminating connection due to administrator command")
        record(recorder, *given)

    monkeypatch.setattr(Recorder, "record", away)
    held = lease.claim(run.pk, owner="test")
    assert held is not None
    with pytest.raises(OperationalError):
        execute_slice(held, budget=Budget())
    run.refresh_from_db()
    assert (run.state, run.created) == (RunState.RUNNING, 0)
    assert bench.world.created, "the shop has them, nothing here says so"
    assert lease.reap(timezone.now() + timedelta(minutes=10)) == [run.pk]
    ended = bench.finish(run)
    assert (ended.result, ended.created) == (RunResult.SUCCESS, 5)
    assert max(bench.world.created.values()) == 1
    assert bench.units() == bench.units().__class__(bought=10_000, used=5, reserved=0)


@pytest.mark.covers("LOG-01")
def test_stop_ends_the_run_cleanly_and_the_next_run_finds_the_rest(bench: Bench) -> None:
    _put(bench, 60)
    options_store.save(bench.profile, {"advanced": {"batch_products": 5, "parallel": 1}}, author=None)
    run = services.run_request(profile=bench.profile, flow="products").run

    def stop_after(batch: list[Outbound[object]]) -> None:
        if len(bench.world.calls) == 3:
            bench.world.memo = True  # type: ignore[attr-defined]

    bench.world.before_send = stop_after  # type: ignore[assignment]
    held = lease.claim(run.pk, owner="test")
    assert held is not None
    from sync.engine.runner import StopFlag, execute_slice

    class Stop(StopFlag):
        def __call__(self) -> bool:
            return len(bench.world.calls) >= 3

    services.run_stop(run)
    execute_slice(held, budget=Budget(), stop=Stop(held))
    run.refresh_from_db()
    assert run.result == RunResult.STOPPED
    assert 0 < run.created < 60
    assert run.read == run.accounted
    rest = bench.run()
    assert run.created + rest.created == 60
    assert max(bench.world.created.values()) == 1


@pytest.mark.covers("BIL-05")
def test_quota_exhausted_ends_the_run_and_the_rest_follows_after_a_credit(bench: Bench) -> None:
    from billing import ledger

    ledger.correct(tenant_id=bench.tenant.pk, kind="export", units=-9_988, key="less", note="", actor="test")
    _put(bench, 30)
    options_store.save(bench.profile, {"advanced": {"batch_products": 5}}, author=None)
    run = bench.run()
    assert (run.result, run.created, run.units) == (RunResult.QUOTA, 12, 12)
    assert "unités d’export" in run.message
    assert bench.units().available == 0
    ledger.credit(tenant_id=bench.tenant.pk, kind="export", units=100, key="more", note="", actor="test")
    assert bench.run().created == 18
    assert max(bench.world.created.values()) == 1


@pytest.mark.covers("CAT-21")
def test_a_preview_shows_the_changes_and_writes_nothing(bench: Bench) -> None:
    _put(bench, 3)
    bench.run()
    bench.world.put(product("A0001", name={"": "Autre"}), product("NEW"))
    written = dict(bench.world.written)
    run = bench.run(dry=True)
    assert (run.created, run.updated, run.unchanged, run.units) == (1, 1, 2, 0)
    line = JournalEntry.objects.get(run=run, item_key="A0001")
    assert line.detail["changes"]["name."] == ["Article A0001", "Autre"]
    assert bench.world.written == written
    assert bench.units().used == 3


def test_small_slices_give_the_same_result_as_one(bench: Bench) -> None:
    _put(bench, 95)
    run = services.run_request(profile=bench.profile, flow="products").run
    bench.finish(run, budget=lambda: Budget(seconds=0))
    run.refresh_from_db()
    assert (run.created, run.read) == (95, 95)
    assert run.slice_number > 5
    assert max(bench.world.created.values()) == 1


def test_p09_a_run_over_chosen_articles_in_many_slices_counts_each_of_them_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "PIECE", 30)
    _put(bench, 95)
    bench.run()
    options_store.save(bench.profile, {"advanced": {"batch_products": 4}}, author=None)
    for number in range(0, 95, 3):
        bench.world.put(product(f"A{number:04d}", name={"": "Autre nom"}))
    bench.world.put(product("A0001", tax=None), product("A0002", tax=None))
    keys = [f"A{number:04d}" for number in range(95)]
    run = services.run_request(profile=bench.profile, flow="products", keys=keys).run
    bench.finish(run, budget=lambda: Budget(seconds=0))
    assert (run.read, run.updated, run.refused, run.unchanged) == (95, 32, 2, 61)
    assert run.read == run.accounted
    assert run.slice_number > 5, "a slice ends inside a piece of three pages"
    assert JournalEntry.objects.filter(run=run, outcome="refused").count() == 2
    assert max(bench.world.written.values()) == 2


def test_p03_two_articles_with_one_reference_never_share_a_product(bench: Bench) -> None:
    bench.world.put(product("A"))
    bench.run()
    bench.world.put(product("B", reference="A"))
    run = bench.run()
    assert (run.refused, run.created) == (1, 0)
    assert JournalEntry.objects.get(run=run, item_key="B").code == "shop_object_already_linked"
    assert bench.world.written["A"] == 1


@pytest.mark.covers("PRF-12")
def test_p37_a_flow_without_a_mandatory_setting_refuses_to_start_and_names_it(bench: Bench) -> None:
    options_store.save(bench.profile, {"prices": {"accounting_category": ""}}, author=None)
    with pytest.raises(services.RunRefused) as refusal:
        services.run_request(profile=bench.profile, flow="products")
    assert [option.info.name for option in refusal.value.missing] == ["accounting_category"]
    assert "Catégorie comptable" in str(refusal.value)


def test_p28_memory_of_the_pipeline_holds_one_page_and_the_batches_under_way(bench: Bench) -> None:
    import weakref

    from connectors.canonical import catalog

    alive: weakref.WeakSet[object] = weakref.WeakSet()

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Tracked(catalog.Product):
        __slots__ = ("__weakref__",)

        def __hash__(self) -> int:
            return id(self)

    peak = 0
    original = fakes._ErpReader.pages

    def pages(self: object, *args: object, **kwargs: object) -> object:
        nonlocal peak
        for page in original(self, *args, **kwargs):  # type: ignore[arg-type]
            records = tuple(
                Tracked(**{f.name: getattr(r, f.name) for f in dataclasses.fields(r)}) for r in page.records
            )
            alive.update(records)
            peak = max(peak, len(alive))
            yield dataclasses.replace(page, records=records)

    _put(bench, 300)
    bench.world.page_size = 10
    fakes._ErpReader.pages = pages  # type: ignore[method-assign,assignment]
    try:
        bench.run()
    finally:
        fakes._ErpReader.pages = original  # type: ignore[method-assign]
    assert peak <= 30


def test_p32_a_run_whose_slices_always_kill_their_worker_is_given_up_and_says_so(bench: Bench) -> None:
    _put(bench, 5)
    run = services.run_request(profile=bench.profile, flow="products").run
    for _ in range(lease.CRASH_LIMIT + 1):
        assert lease.claim(run.pk, owner="dies") is not None
        Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        assert lease.reap() == [run.pk]
    run.refresh_from_db()
    assert (run.result, run.message_code) == (RunResult.FAILED, "worker_lost")
    assert bench.run().created == 5
