"""Several workers on the same things at once, on PostgreSQL: one run, one object, one link (P03, P04)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from connectors.sandbox.sage100 import build
from profiles.models import MatchState, Profile, Role
from sync import dispatch, services
from sync.engine import lease
from sync.engine.runner import drive
from sync.models import Link, Run, RunResult, RunState
from tests.factories import make_user
from tests.flows.conftest import Story, make_story, shop  # noqa: F401  # the fixture

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.odbc,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]

WORKERS, KEYS, REQUESTS = 8, 100, 100


@pytest.fixture
def story(tmp_path: Any, shop: Any, monkeypatch: pytest.MonkeyPatch) -> Story:  # noqa: F811
    """One hundred articles and an empty shop; nobody but the test executes slices."""
    monkeypatch.setattr(dispatch, "wake", lambda: 0)
    erp = build(tmp_path / "sage.db", merchant="generated", items=KEYS)
    made = make_story(erp, shop, advanced={"parallel": 2})
    Profile.objects.filter(pk=made.profile.pk).update(match_state=MatchState.APPROVED)
    made.profile.refresh_from_db()
    return made


def _in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Results of ``work`` in so many threads, each with its own database connection; errors are raised."""

    def alone(number: int) -> Any:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=count) as pool:
        return list(pool.map(alone, range(count)))


@pytest.mark.covers("CAT-01", "BIL-04")
def test_p03_eight_workers_on_the_same_hundred_keys_make_a_hundred_objects_and_links(story: Story) -> None:
    keys = [f"ART{number:07d}" for number in range(1, KEYS + 1)]

    def worker(number: int) -> int:
        chance = random.Random(number)  # noqa: S311
        profile = Profile.objects.get(pk=story.profile.pk)
        wanted = 0
        for _ in range(REQUESTS // WORKERS):
            some = chance.sample(keys, 10)
            wanted += len(some)
            drive(services.run_request(profile=profile, flow="products", keys=some).run.pk, owner=f"thread-{number}")
        drive(services.run_request(profile=profile, flow="products", keys=keys).run.pk, owner=f"thread-{number}")
        return wanted

    assert sum(_in_threads(WORKERS, worker)) == WORKERS * (REQUESTS // WORKERS) * 10
    totals = story.shop.app.inspect({})
    assert (totals["products"], totals["created_more_than_once"], totals["duplicate_skus"]) == (KEYS, {}, {})
    links = Link.objects.filter(profile=story.profile, entity="product")
    assert links.count() == links.filter(status="linked").count() == KEYS
    runs = Run.objects.all()
    assert {run.state for run in runs} == {RunState.FINISHED}
    assert all(run.read == run.accounted for run in runs)
    assert {run.result for run in runs} == {RunResult.SUCCESS}
    categories = Link.objects.filter(profile=story.profile, entity="category").count()
    assert story.units().used == KEYS + categories


@pytest.mark.covers("LOG-01")
def test_p04_twenty_clicks_through_the_browser_start_one_run(story: Story) -> None:
    user = make_user(tenant=story.tenant, role=Role.OPERATOR)
    address = reverse("sync:run_start", args=[story.profile.pk])

    def click(_: int) -> str:
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        answer = client.post(address, {"flow": "products", "mode": "run"})
        assert answer.status_code == 302
        return str(answer["Location"])

    places = Counter(_in_threads(20, click))
    assert len(places) == 1, places
    run = Run.objects.get()
    assert run.state == RunState.QUEUED
    assert drive(run.pk, owner="test").result == RunResult.SUCCESS


def test_p04_one_slice_is_claimed_by_one_of_sixteen_workers(story: Story) -> None:
    run = services.run_request(profile=story.profile, flow="products").run
    claims = [held for held in _in_threads(16, lambda number: lease.claim(run.pk, owner=f"w{number}")) if held]
    assert len(claims) == 1
    run.refresh_from_db()
    assert (run.fence, run.slice_number) == (claims[0].fence, 1)


def test_p04_runs_of_one_lock_never_live_together(story: Story) -> None:
    """Articles, new articles and categories write the same objects: of the three, one runs at a time."""
    flows = ("products", "new_products", "categories")
    runs = [services.run_request(profile=story.profile, flow=flow).run for flow in flows]
    claims = _in_threads(12, lambda number: lease.claim(runs[number % 3].pk, owner=f"w{number}"))
    assert sum(claim is not None for claim in claims) == 1
    assert Run.objects.filter(state=RunState.RUNNING).count() == 1
    stock = services.run_request(profile=story.profile, flow="stock").run
    assert lease.claim(stock.pk, owner="other") is not None, "another lock is free"
