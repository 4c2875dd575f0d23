"""Failures of «Exporter les images»: one picture never blocks another article, nothing is copied twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from profiles import options_store
from sync.models import JournalEntry, Link, LinkState, LinkStatus, RunResult
from tests.flows.conftest import Story
from tests.flows.pictures_support import Gallery, drawn, options_for

pytestmark = [pytest.mark.odbc, pytest.mark.covers("CAT-14")]

TENT, BAG = "TENTE2P", "SAC35-BELLEDONNE"


@pytest.fixture
def opened(small: Callable[..., Story], tmp_path: Path, shop: Any) -> Gallery:
    """Two linked articles with one picture each, not sent yet."""
    folder = tmp_path / "Multimedia"
    folder.mkdir()
    gallery = Gallery(small(TENT, BAG, **options_for(folder, shop)), folder)
    for reference, name, colour in ((TENT, "tent.png", "red"), (BAG, "bag.png", "blue")):
        gallery.put(name, drawn(colour))
        gallery.attach(reference, name)
    gallery.story.run()
    return gallery


def _skip_waiting_times() -> None:
    LinkState.objects.filter(not_before__isnull=False).update(not_before=timezone.now() - timedelta(seconds=1))


def _line(run: Any, reference: str) -> JournalEntry:
    return JournalEntry.objects.get(run=run, reference=reference)


def test_p21_a_missing_file_is_named_and_leaves_the_shop_and_the_other_articles_alone(opened: Gallery) -> None:
    opened.story.run("pictures")
    shown = opened.numbers(TENT)
    (opened.folder / "tent.png").unlink()
    opened.put("bag.png", drawn("blue", "ring"))
    run = opened.story.run("pictures")
    assert (run.refused, run.updated) == (1, 1)
    line = _line(run, TENT)
    assert (line.code, "tent.png" in line.text, bool(line.advice)) == ("picture_missing", True, True)
    assert opened.numbers(TENT) == shown
    opened.put("tent.png", drawn("red"))
    assert opened.story.run("pictures").refused == 0


@pytest.mark.parametrize("fault", ["cut_after", "slow_after"])
def test_p01_a_lost_answer_of_an_upload_leaves_one_copy(opened: Gallery, fault: str) -> None:
    options_store.save(opened.story.profile, {"shop": {"timeout": 1, "settle_seconds": 1.0}}, author=None)
    rule = {"action": fault, "method": "POST", "path": "wp/v2/media", "times": 1, "ms": 1500}
    opened.story.shop.server.faults.add(rule)
    run = opened.story.run("pictures")
    assert (run.result, run.updated, run.units) == (RunResult.SUCCESS, 2, 2)
    assert sorted(opened.library.values()) == ["bag", "tent"]
    assert (opened.names(TENT), opened.names(BAG)) == (["tent"], ["bag"])


def test_p01_an_upload_that_never_arrived_is_tried_again_without_a_second_copy(opened: Gallery) -> None:
    rule = {"action": "cut_before", "method": "POST", "path": "wp/v2/media"}
    fault = opened.story.shop.server.faults.add(rule)
    run = opened.story.run("pictures")
    assert (run.failed, run.units, opened.library) == (2, 0, {})
    assert _line(run, TENT).code == "picture_lost"
    opened.story.shop.server.faults.remove(fault.id)
    assert opened.story.run("pictures").deferred == 2, "each waits for its clock"
    _skip_waiting_times()
    assert opened.story.run("pictures").updated == 2
    assert sorted(opened.library.values()) == ["bag", "tent"]


def test_p01_a_lost_answer_of_the_products_batch_writes_the_same_pictures_again(opened: Gallery) -> None:
    opened.story.shop.server.faults.add(
        {"action": "cut_after", "method": "POST", "path": "products/batch$", "times": 1}
    )
    run = opened.story.run("pictures")
    assert (run.updated, run.units) == (2, 2)
    assert (opened.names(TENT), opened.names(BAG), opened.uploads) == (["tent"], ["bag"], 2)


def test_a_picture_of_a_format_the_shop_does_not_take_is_refused_before_any_call(opened: Gallery) -> None:
    opened.put("tent.png", b"BM" + b"\0" * 60)
    run = opened.story.run("pictures")
    assert (run.refused, run.updated, opened.uploads) == (1, 1, 1)
    line = _line(run, TENT)
    assert (line.code, "tent.png" in line.text) == ("picture_format", True)
    assert opened.names(BAG) == ["bag"]
    again = opened.story.run("pictures")
    assert (again.refused, opened.uploads) == (1, 1), "held until the file changes"


def test_a_picture_that_is_too_heavy_is_refused_with_both_sizes(opened: Gallery) -> None:
    options_store.save(opened.story.profile, {"shop": {"media_max_mb": 1}}, author=None)
    opened.put("tent.png", drawn("red") + b"\0" * 1_048_576)
    run = opened.story.run("pictures")
    line = _line(run, TENT)
    assert (run.refused, run.updated, opened.uploads, line.code) == (1, 1, 1, "picture_too_large")
    assert "1,1 Mo" in line.text
    assert "1 Mo au plus" in line.text


def test_a_picture_the_shop_refuses_refuses_its_article_alone(opened: Gallery) -> None:
    body = {"code": "rest_upload_unknown_error", "message": "Fichier trop gros", "data": {"status": 400}}
    opened.story.shop.server.faults.add(
        {"action": "status", "status": 400, "body": body, "method": "POST", "path": "wp/v2/media", "times": 1}
    )
    run = opened.story.run("pictures")
    assert (run.refused, run.updated, run.units) == (1, 1, 1)
    (line,) = JournalEntry.objects.filter(run=run, outcome="refused")
    assert line.code == "picture_upload_refused"
    assert ".png" in line.text


def test_a_refused_account_stops_the_run_with_its_own_advice(opened: Gallery) -> None:
    options_store.save(opened.story.profile, {"shop": {"media_password": "faux"}}, author=None)
    run = opened.story.run("pictures")
    assert (run.result, run.message_code) == (RunResult.FAILED, "media_account_refused")
    assert opened.story.run("products").result == RunResult.SUCCESS, "pictures never block the articles"


def test_a_product_deleted_in_the_shop_is_told_and_its_pictures_are_no_longer_in_use(opened: Gallery) -> None:
    opened.story.run("pictures")
    opened.story.rest(f"products/{opened.story.product(TENT)['id']}?force=true", method="DELETE")
    opened.put("tent.png", drawn("red", "bars"))
    run = opened.story.run("pictures")
    assert (run.refused, run.unchanged) == (1, 1)
    assert Link.objects.get(entity="product", erp_key=TENT).status == LinkStatus.GONE
    assert Link.objects.filter(entity="picture").count() == 1


def test_p04_a_crash_before_the_recording_uploads_nothing_twice(
    opened: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.flows.test_failures import _crash_after, _run_until_crash

    with monkeypatch.context() as patch:
        _crash_after(patch, 1)
        run = _run_until_crash(opened.story, "pictures")
    run = opened.story.finish(run)
    assert (run.result, run.updated + run.unchanged) == (RunResult.SUCCESS, 2)
    assert (opened.uploads, sorted(opened.library.values())) == (2, ["bag", "tent"])
