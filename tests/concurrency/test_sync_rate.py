"""One budget of calls for all workers (P26)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from profiles.ratebucket import SharedBucket

RATE, BURST, CALLS, WORKERS = 40.0, 10, 110, 6


@pytest.mark.redis
@pytest.mark.covers("PRF-07")
def test_p26_six_workers_use_one_budget_to_nine_tenths_and_never_exceed_it(
    redis_client: redis.Redis, redis_url: str
) -> None:
    buckets = [SharedBucket(redis.Redis.from_url(redis_url)) for _ in range(WORKERS)]
    taken: list[float] = []
    left = iter(range(CALLS))
    lock = threading.Lock()

    def worker(bucket: SharedBucket) -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            time.sleep(bucket.wait_time("woocommerce:shop.test", rate=RATE, burst=BURST))
            with lock:
                taken.append(time.monotonic())

    started = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(worker, buckets))
    seconds = max(taken) - started
    least = (CALLS - BURST) / RATE
    assert seconds >= least - 0.1, "more calls than the budget allows"
    assert seconds <= least / 0.9 + 0.3, "less than nine tenths of the budget was used"
    moments = sorted(taken)
    for first, last in zip(moments, moments[int(RATE) + BURST + 3 :], strict=False):
        assert last - first > 0.95, "too many calls within one second"


@pytest.mark.redis
def test_p26_budgets_of_two_systems_are_apart_and_none_means_no_waiting(
    redis_client: redis.Redis, redis_url: str
) -> None:
    bucket = SharedBucket(redis.Redis.from_url(redis_url))
    waits = [bucket.wait_time("a", rate=1, burst=1) for _ in range(3)]
    assert waits[0] == 0
    assert 0.8 < waits[1] <= 1
    assert 1.8 < waits[2] <= 2
    assert bucket.wait_time("b", rate=1, burst=1) == 0
    assert bucket.wait_time("a", rate=0, burst=1) == 0


def test_p26_without_redis_each_process_keeps_to_the_budget_by_itself() -> None:
    bucket = SharedBucket(redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2))
    assert [bucket.wait_time("a", rate=2, burst=1) > 0 for _ in range(3)] == [False, True, True]
