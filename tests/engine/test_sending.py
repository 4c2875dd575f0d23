"""What is in flight: batches made ready ahead, never more sends at once than allowed, nothing sent after a stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connectors.canonical.catalog import Product
from connectors.core.results import ItemResult, Outbound
from connectors.testing import fakes
from connectors.testing.builders import product
from profiles import options_store
from profiles.models import MatchState, Profile
from sync import services
from sync.engine import lease
from sync.engine.runner import Budget, StopFlag, execute_slice
from sync.models import Link, LinkStatus, RunResult
from tests.engine.conftest import Bench


def _put(bench: Bench, *numbers: int) -> None:
    bench.world.put(*(product(f"A{number:04d}") for number in numbers))


def _limits(bench: Bench, *, batch: int, parallel: int) -> None:
    options_store.save(bench.profile, {"advanced": {"batch_products": batch, "parallel": parallel}}, author=None)


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the articles that the shop was searched for."""
    keys: list[str] = []
    find = fakes._ShopWriter.find

    def watched(writer: Any, batch: Sequence[Outbound[Any]]) -> Any:
        keys.extend(item.key for item in batch if isinstance(item.record, Product))
        return find(writer, batch)

    monkeypatch.setattr(fakes._ShopWriter, "find", watched)
    return keys


@pytest.mark.covers("CAT-01")
def test_articles_are_not_searched_in_a_shop_that_was_just_found_empty(bench: Bench, searched: list[str]) -> None:
    Profile.objects.filter(pk=bench.profile.pk).update(match_state=MatchState.NEEDED)
    bench.profile.refresh_from_db()
    _put(bench, *range(12))
    assert bench.run().created == 12
    assert searched == []
    _put(bench, 50)
    assert bench.run().created == 1
    assert searched == ["A0050"]


@pytest.mark.covers("PRF-07")
def test_never_more_sends_at_once_than_the_setting_allows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _limits(bench, batch=5, parallel=2)
    _put(bench, *range(60))
    active, most, lock, two = 0, 0, threading.Lock(), threading.Event()
    send = fakes._ShopWriter.send

    def watched(writer: Any, batch: Sequence[Outbound[Any]]) -> Iterator[ItemResult]:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
            if most == 2:
                two.set()
        # The first send lasts until a second one is under way beside it, however slow the machine is.
        two.wait(30)
        time.sleep(0.01)
        yield from send(writer, batch)
        with lock:
            active -= 1

    monkeypatch.setattr(fakes._ShopWriter, "send", watched)
    run = bench.run()
    assert (run.result, run.created) == (RunResult.SUCCESS, 60)
    assert most == 2


@pytest.mark.covers("LOG-01")
def test_batches_in_line_are_not_sent_after_a_stop_and_nothing_is_made_twice(bench: Bench) -> None:
    _limits(bench, batch=5, parallel=1)
    _put(bench, *range(40))
    run = services.run_request(profile=bench.profile, flow="products").run
    held = lease.claim(run.pk, owner="test")
    assert held is not None
    flag = StopFlag(held)

    def stop(_batch: Sequence[Outbound[Any]]) -> None:
        time.sleep(0.2)  # long enough for the next batches to be made ready
        flag.set()

    bench.world.before_send = stop
    execute_slice(held, budget=Budget(), stop=flag)
    assert len(bench.world.shop) == 5
    assert Link.objects.filter(profile=bench.profile, status=LinkStatus.CREATING).exists()
    bench.world.before_send = lambda _batch: None
    ended = bench.finish(run)
    assert ended.read == ended.accounted == 40
    assert set(bench.world.created.values()) == {1}
    assert bench.units().used == 40
