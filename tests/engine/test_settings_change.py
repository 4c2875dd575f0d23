"""Which changes of the settings make a flow read everything again."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from connectors.testing.builders import product
from profiles import options_store
from profiles.models import OptionsRevision
from profiles.sections import StockSection
from sync.flows import registry
from tests.engine.conftest import Bench

pytestmark = pytest.mark.django_db


def _full(bench: Bench, section: str, values: dict[str, Any]) -> bool:
    """Whether the run after a change reads everything."""
    before = OptionsRevision.objects.count()
    options_store.save(bench.profile, {section: values}, author=None)
    assert OptionsRevision.objects.count() == before + 1, "the change counts as a new revision"
    return bench.run().full


@pytest.mark.covers("PRF-09")
def test_p16_only_settings_that_a_flow_reads_make_it_read_everything_again(bench: Bench) -> None:
    bench.world.put(product("A"), product("B"))
    assert bench.run().full
    assert not bench.run().full
    assert not _full(bench, "notifications", {"on_success": True})
    assert not _full(bench, "orders", {"web_prefix": "W"})
    assert not _full(bench, "payments", {"label_template": "%ON"})
    assert _full(bench, "products", {"check_barcode": False})
    assert not bench.run().full
    assert _full(bench, "prices", {"decimals": 3})


@pytest.mark.covers("PRF-09")
def test_a_change_that_was_passed_over_does_not_hide_a_later_one(bench: Bench) -> None:
    bench.world.put(product("A"))
    bench.run()
    options_store.save(bench.profile, {"products": {"check_barcode": False}}, author=None)
    assert _full(bench, "notifications", {"on_success": True}), "the change of the articles came in between"


def test_what_a_flow_ignores_it_cannot_read(bench: Bench) -> None:
    options = options_store.load(bench.profile)
    flow = registry.by_key("products")
    kept = options.without(flow.ignores)
    assert kept["products"] == options["products"]
    assert kept.revision == options.revision
    with pytest.raises(KeyError):
        kept["notifications"]


class LaterStock(StockSection):
    """The section of stock some versions later: an option was renamed."""

    version: ClassVar[int] = StockSection.version + 1

    @classmethod
    def upgrade(cls, document: dict[str, Any], from_version: int) -> dict[str, Any]:
        """Halves the margin, so that a document that was not upgraded shows."""
        return {**document, "safety": str(int(document["safety"]) // 2)} if "safety" in document else document


@pytest.mark.covers("PRF-11")
def test_an_older_revision_is_read_as_today_s_sections_read_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    options_store.save(bench.profile, {"stock": {"safety": "8"}}, author=None)
    old = options_store.current_revision(bench.profile)
    assert old is not None
    sections = tuple(LaterStock if one is StockSection else one for one in options_store.FLOW_SECTIONS)
    monkeypatch.setattr(options_store, "FLOW_SECTIONS", sections)
    assert options_store.document_of(bench.profile, old)["stock"]["safety"] == "4"
    options_store.save(bench.profile, {"stock": {"safety": "6"}}, author=None)
    options_store.restore(bench.profile, old, author=None)
    assert options_store.stored(bench.profile)["stock"]["safety"] == "4", "upgraded once, not twice and not never"
