"""First contact of two catalogues that both exist: nothing doubled, nothing guessed (P23)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from profiles.models import MatchState, Profile
from sync import services
from sync.flows import registry
from sync.models import Link, LinkStatus, RunResult
from tests.flows.conftest import Story

pytestmark = pytest.mark.odbc

Generated = Callable[..., Story]
BOTH, NEAR, ONLY_ERP, ONLY_SHOP = 400, 30, 20, 12


def _reference(number: int) -> str:
    return f"ART{number:07d}"


def _two_catalogues(generated: Generated) -> Story:
    """400 articles on both sides, 30 whose references only look alike, 20 only here, 12 only there."""
    story = generated(BOTH + NEAR + ONLY_ERP)
    here = [_reference(number) for number in range(1, BOTH + 1)]
    alike = [f"art-{number:07d}" for number in range(BOTH + 1, BOTH + NEAR + 1)]
    foreign = [f"AUTRE-{number}" for number in range(ONLY_SHOP)]
    story.shop.seed(skus=[*here, *alike, *foreign])
    return story


def _report(story: Story) -> dict[str, int]:
    story.profile.refresh_from_db()
    return dict(story.profile.match_report["counts"])


def _counts(**found: int) -> dict[str, int]:
    total = BOTH + NEAR + ONLY_SHOP
    empty = {"sure": 0, "ambiguous": 0, "only_erp": 0, "only_shop": ONLY_SHOP, "linked": 0, "shop_total": total}
    return {**empty, **found}


@pytest.mark.covers("CAT-01")
def test_p23_two_catalogues_are_matched_before_anything_is_written_and_nothing_is_doubled(
    generated: Generated,
) -> None:
    story = _two_catalogues(generated)
    first = story.run()
    assert (first.result, first.units) == (RunResult.APPROVAL, 0)
    assert _report(story) == _counts(sure=BOTH, ambiguous=NEAR, only_erp=ONLY_ERP)
    writes = story.shop.server.log.totals()["item_writes"]
    assert sum(writes.values()) == 0
    assert story.run().result == RunResult.APPROVAL, "nobody approved it yet"
    assert story.finish(services.match_request(story.profile, by=None).run).result == RunResult.SUCCESS
    story.profile.refresh_from_db()
    assert sum(story.shop.server.log.totals()["item_writes"].values()) == 0, "approving links and writes nothing"
    run = story.run()
    assert (run.refused, run.result) == (NEAR, RunResult.PARTIAL)
    skus = Counter(row.sku for row in story.shop.store.products)
    assert max(skus.values()) == 1
    assert len(skus) == BOTH + NEAR + ONLY_SHOP + ONLY_ERP
    assert {_reference(BOTH + NEAR + number) for number in range(1, ONLY_ERP + 1)} <= skus.keys()
    assert _reference(BOTH + 1) not in skus, "what looks alike waits for a person"


@pytest.mark.covers("CAT-01")
def test_p23_once_a_person_decided_a_second_report_is_empty(generated: Generated) -> None:
    story = _two_catalogues(generated)
    story.run()
    story.finish(services.match_request(story.profile, by=None).run)
    story.profile.refresh_from_db()
    ids = {row.sku: str(row.id) for row in story.shop.store.products}
    for number in range(BOTH + 1, BOTH + NEAR + 1):
        same = number % 2 == 0
        shop_key = ids[f"art-{number:07d}"] if same else ""
        services.match_choose(story.profile, erp_key=_reference(number), shop_key=shop_key)
    with pytest.raises(services.RunRefused):
        services.match_choose(story.profile, erp_key=_reference(1), shop_key=ids[_reference(2)])
    run = story.run()
    assert run.refused == 0
    assert not Link.objects.filter(profile=story.profile).exclude(status=LinkStatus.LINKED).exists()
    skus = Counter(row.sku for row in story.shop.store.products)
    assert max(skus.values()) == 1
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.NEEDED)
    story.profile.refresh_from_db()
    assert story.run().result == RunResult.APPROVAL
    linked = BOTH + NEAR + ONLY_ERP
    counts = _report(story)
    assert (counts["sure"], counts["ambiguous"], counts["only_erp"], counts["linked"]) == (0, 0, 0, linked)
    assert counts["only_shop"] == ONLY_SHOP + NEAR // 2


@pytest.mark.covers("STK-05", "PRI-01", "BIL-04")
def test_stock_and_prices_that_a_matched_shop_holds_already_cost_nothing(generated: Generated) -> None:
    story = generated(BOTH)
    assert story.run().result == RunResult.SUCCESS
    Link.objects.filter(profile=story.profile).delete()
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.NEEDED)
    story.profile.refresh_from_db()
    assert story.run().result == RunResult.APPROVAL
    story.finish(services.match_request(story.profile, by=None).run)
    story.profile.refresh_from_db()
    story.shop.app.mutate("stock", {"sku": _reference(7), "quantity": 99_999})
    story.shop.server.log.clear()
    stock, prices = story.run("stock"), story.run("prices")
    assert (stock.updated, stock.units, stock.unchanged) == (1, 1, stock.read - 1)
    assert (prices.updated, prices.units, prices.unchanged) == (0, 0, prices.read)
    assert sum(story.shop.server.log.totals()["item_writes"].values()) == 1
    assert all(row.stock != 99_999 for row in story.shop.store.products)
    services.resend_all(story.profile, registry.by_key("stock"))
    again = story.run("stock")
    assert (again.updated, again.units) == (again.read, again.read), "a person asked for it"
