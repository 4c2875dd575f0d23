"""«Exporter les images» between the real connectors and their stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.canonical.keys import Entity
from connectors.canonical.pictures import Picture
from connectors.shops.woocommerce.media import MediaLibrary
from profiles import options_store
from sync import services
from sync.engine import lease
from sync.engine.runner import Budget, SliceResult, StopFlag, execute_slice
from sync.flows import registry as flows
from sync.models import JournalEntry, Link, LinkState, Run, RunResult
from tests.flows.conftest import Story
from tests.flows.pictures_support import Gallery, drawn, options_for

pytestmark = [pytest.mark.odbc, pytest.mark.covers("CAT-14")]

Opened = Callable[..., Gallery]
TENT, BAG, JACKET = "TENTE2P", "SAC35-BELLEDONNE", "VESTE-IMP"


@pytest.fixture
def gallery(small: Callable[..., Story], tmp_path: Path, shop: object) -> Opened:
    """Exports the named articles, which have no picture yet in either system."""

    def make(*references: str, **media: object) -> Gallery:
        folder = tmp_path / "Multimedia"
        folder.mkdir()
        story = small(*references, **options_for(folder, shop, **media))
        opened = Gallery(story, folder)
        for reference in references:
            opened.attach(reference)
        story.run()
        return opened

    return make


def _four(gallery: Gallery) -> None:
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "green"), ("d", "grey")):
        gallery.put(f"{name}.png", drawn(colour))
    gallery.attach(TENT, "a.png", "b.png", "c.png", "d.png")


def test_p21_three_runs_leave_one_copy_of_each_picture_and_one_changed_picture_is_one_upload_and_one_removal(
    gallery: Opened,
) -> None:
    opened = gallery(TENT, delete_unused=True)
    _four(opened)
    first = opened.story.run("pictures")
    assert (first.result, first.updated, first.units) == (RunResult.SUCCESS, 1, 1)
    assert opened.names(TENT) == ["a", "b", "c", "d"]
    before, numbers = opened.library, opened.numbers(TENT)
    assert len(before) == 4
    for _ in range(2):
        again = opened.story.run("pictures")
        assert (again.unchanged, again.updated, again.units) == (1, 0, 0)
    assert (opened.library, opened.numbers(TENT), opened.uploads) == (before, numbers, 4)
    opened.put("b.png", drawn("blue", "bars"))
    changed = opened.story.run("pictures")
    assert (changed.updated, changed.units, opened.uploads) == (1, 1, 5)
    after = opened.numbers(TENT)
    assert [after[0], *after[2:]] == [numbers[0], *numbers[2:]], "order and the other three are as before"
    assert set(opened.library) == set(after), "one upload, one removal: no copy stays behind"


def test_a_touched_file_of_the_same_content_sends_nothing(gallery: Opened) -> None:
    opened = gallery(TENT)
    _four(opened)
    opened.story.run("pictures")
    numbers = opened.numbers(TENT)
    opened.touch("b.png")
    run = opened.story.run("pictures")
    assert (run.unchanged, run.updated, run.units) == (1, 0, 0)
    assert (opened.numbers(TENT), opened.uploads) == (numbers, 4)
    writes = opened.story.shop.server.log.totals()["item_writes"]
    opened.story.run("pictures")
    assert opened.story.shop.server.log.totals()["item_writes"] == writes


def test_another_order_moves_the_same_media(gallery: Opened) -> None:
    opened = gallery(TENT)
    _four(opened)
    opened.story.run("pictures")
    opened.attach(TENT, "d.png", "c.png", "a.png")
    opened.story.run("pictures")
    assert opened.names(TENT) == ["d", "c", "a"]
    assert opened.uploads == 4
    assert len(opened.library) == 4, "without the option, what was taken off stays in the library"
    opened.attach(TENT)
    opened.story.run("pictures")
    assert opened.names(TENT) == []


def test_the_same_picture_of_two_articles_is_uploaded_once_and_deleted_with_its_last_use(gallery: Opened) -> None:
    opened = gallery(TENT, BAG, delete_unused=True)
    opened.put("one.png", drawn("red"))
    opened.put("sub/other.png", drawn("red"))
    opened.attach(TENT, "one.png")
    opened.attach(BAG, "SUB\\Other.PNG")
    opened.story.run("pictures")
    assert opened.uploads == 1
    assert opened.numbers(TENT) == opened.numbers(BAG) == list(opened.library)
    assert Link.objects.filter(entity=Entity.MEDIA).count() == 1
    assert Link.objects.filter(entity=Entity.PICTURE).count() == 2
    opened.attach(TENT)
    opened.story.run("pictures")
    assert (opened.numbers(TENT), opened.numbers(BAG)) == ([], list(opened.library))
    opened.attach(BAG)
    run = opened.story.run("pictures")
    assert opened.library == {}
    assert not Link.objects.filter(entity__in=[Entity.MEDIA, Entity.PICTURE]).exists()
    assert JournalEntry.objects.filter(run=run, text__startswith="Images sans emploi supprimées").count() == 1


@pytest.mark.parametrize(("others", "kept"), [("keep", True), ("replace", False)])
def test_pictures_added_by_hand_stay_behind_ours_unless_the_profile_replaces_them(
    gallery: Opened, others: str, kept: bool
) -> None:
    opened = gallery(TENT, BAG, others=others, delete_unused=True)
    hand = opened.add_by_hand(TENT, "Vue d’atelier".replace("’", ""))
    bag = opened.add_by_hand(BAG, "Seule")
    _four(opened)
    opened.story.run("pictures")
    numbers = opened.numbers(TENT)
    assert (numbers[-1] == hand, len(numbers)) == (kept, 5 if kept else 4)
    assert opened.numbers(BAG) == [bag], "an article without a picture in the ERP keeps those of the shop"
    opened.put("a.png", drawn("red", "ring"))
    opened.story.run("pictures")
    assert (opened.numbers(TENT)[-1] == hand) is kept
    assert {hand, bag} <= {row.id for row in opened.story.shop.store.media}, "what is not ours is never deleted"


@pytest.mark.covers("CAT-12")
def test_each_variant_gets_the_picture_whose_comment_names_its_value(gallery: Opened) -> None:
    opened = gallery(JACKET, delete_unused=True)
    for name, colour in (("main", "grey"), ("rouge", "red"), ("noir", "blue"), ("dos", "green")):
        opened.put(f"{name}.png", drawn(colour))
    opened.attach(JACKET, "main.png", ("rouge.png", "Rouge"), ("noir.png", "noir, M"), ("dos.png", "Vue de dos"))
    run = opened.story.run("pictures")
    assert (run.result, run.updated, run.units) == (RunResult.SUCCESS, 1, 1)
    assert opened.names(JACKET) == ["main", "dos"]
    shown = {sku: opened.own(sku) for sku in _variants(opened)}
    assert shown["VESTE-IMP-S-RO"] == shown["VESTE-IMP-XL-RO"] == ["rouge"]
    assert (shown["VESTE-IMP-M-NO"], shown["VESTE-IMP-L-NO"], shown["VESTE-IMP-M-BL"]) == (["noir"], [], [])
    assert opened.story.run("pictures").unchanged == 1
    opened.attach(JACKET, "main.png", ("noir.png", "VESTE-IMP-L-NO"))
    opened.story.run("pictures")
    shown = {sku: opened.own(sku) for sku in _variants(opened)}
    assert {sku for sku, names in shown.items() if names} == {"VESTE-IMP-L-NO"}
    assert sorted(opened.library.values()) == ["main", "noir"]


def _variants(opened: Gallery) -> list[str]:
    rows = opened.story.shop.store.products
    parent = opened.story.product(JACKET)["id"]
    return [row.sku for row in rows if row.parent == parent]


@pytest.mark.covers("CAT-12")
def test_the_picture_a_person_gave_a_variant_stays(gallery: Opened) -> None:
    opened = gallery(JACKET)
    opened.put("rouge.png", drawn("red"))
    opened.put("main.png", drawn("grey"))
    opened.add_by_hand("VESTE-IMP-S-RO", "portrait", variation=True)
    opened.attach(JACKET, "main.png", ("rouge.png", "Rouge"))
    opened.story.run("pictures")
    assert opened.own("VESTE-IMP-S-RO") == ["portrait"]
    assert opened.own("VESTE-IMP-M-RO") == ["rouge"]


@pytest.mark.covers("CAT-12")
def test_pictures_named_after_references_serve_articles_and_variants(gallery: Opened) -> None:
    opened = gallery(JACKET, TENT)
    names = ["tente2p.png", "TENTE2P_2.png", "TENTE2P-1.png", "TENTE2P-notice.pdf", "VESTE-IMP-S-RO.png"]
    for name, shape in zip(names, ("disc", "ring", "bars", "disc", "diamond"), strict=True):
        opened.put(name, drawn("green", shape))
    options = {"pictures_by_name": True, "variant_pictures": "name"}
    options_store.save(opened.story.profile, {"erp": options}, author=None)
    opened.story.run("pictures")
    assert opened.names(TENT) == ["tente2p", "TENTE2P-1", "TENTE2P_2"]
    assert opened.own("VESTE-IMP-S-RO") == ["VESTE-IMP-S-RO"]
    assert opened.names(JACKET) == ["VESTE-IMP-S-RO"], "the first picture is the main one whatever it shows"


def test_an_article_the_shop_does_not_have_waits_until_it_has_it(gallery: Opened) -> None:
    opened = gallery(TENT)
    services.link_forget(opened.story.profile, entity=Entity.PRODUCT, keys=[TENT])
    _four(opened)
    run = opened.story.run("pictures")
    assert (run.excluded, run.units, opened.uploads) == (1, 0, 0)
    opened.story.run("products")
    assert opened.story.run("pictures").updated == 1
    assert opened.names(TENT) == ["a", "b", "c", "d"]


def test_a_preview_names_the_pictures_and_writes_nothing(gallery: Opened) -> None:
    opened = gallery(TENT)
    _four(opened)
    before = opened.story.shop.server.log.totals()["item_writes"]
    run = opened.story.run("pictures", dry=True)
    assert (run.updated, run.units, opened.uploads, opened.library) == (1, 0, 0, {})
    assert opened.story.shop.server.log.totals()["item_writes"] == before
    line = JournalEntry.objects.get(run=run, item_key=TENT)
    assert "a.png, b.png, c.png, d.png" in str(line.detail)
    opened.story.run("pictures")
    preview = opened.story.run("pictures", dry=True)
    assert (preview.updated, preview.unchanged) == (0, 1)


@pytest.mark.covers("CAT-09")
def test_the_articles_flow_never_touches_a_picture(gallery: Opened) -> None:
    opened = gallery(TENT, JACKET)
    _four(opened)
    opened.put("rouge.png", drawn("red"))
    opened.attach(JACKET, "d.png", ("rouge.png", "Rouge"))
    opened.story.run("pictures")
    shown = {row.id: list(row.get("images", [])) for row in opened.story.shop.store.products}
    assert sum(map(len, shown.values())) > 5
    for reference in (TENT, JACKET):
        opened.story.erp.rename(reference, f"{reference} autrement")
    run = opened.story.run("products")
    assert run.updated == 2
    assert {row.id: list(row.get("images", [])) for row in opened.story.shop.store.products} == shown


def test_a_changed_setting_for_foreign_pictures_reaches_articles_already_sent(gallery: Opened) -> None:
    opened = gallery(TENT)
    _four(opened)
    opened.add_by_hand(TENT, "main")
    opened.story.run("pictures")
    assert len(opened.numbers(TENT)) == 5
    options_store.save(opened.story.profile, {"media": {"others": "replace"}}, author=None)
    opened.story.run("pictures")
    assert opened.names(TENT) == ["a", "b", "c", "d"]


def test_a_profile_without_the_account_or_the_folder_names_them_before_the_run(story: Story) -> None:
    with pytest.raises(services.RunRefused) as refused:
        services.run_request(profile=story.profile, flow="pictures")
    assert {one.info.name for one in refused.value.missing} == {"media_folder", "media_user", "media_password"}
    assert not Run.objects.exists()
    assert services.run_request(profile=story.profile, flow="products").created, "other flows need none of them"


def test_the_flow_has_a_card_of_its_own_apart_from_data() -> None:
    flow = flows.by_key("pictures")
    assert flow.lock not in {other.lock for other in flows.all_flows().values() if other is not flow}
    assert not flow.creates
    assert not flow.hidden


def test_a_slice_stopped_in_the_middle_is_continued_without_a_second_copy(
    gallery: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = gallery(TENT, BAG, JACKET)
    _four(opened)
    for reference, name, shape in ((BAG, "e.png", "ring"), (JACKET, "f.png", "bars")):
        opened.put(name, drawn("red", shape))
        opened.attach(reference, name)
    options_store.save(opened.story.profile, {"advanced": {"batch_products": 1, "parallel": 1}}, author=None)
    run = services.run_request(profile=opened.story.profile, flow="pictures").run
    held = lease.claim(run.pk, owner="stopped")
    assert held is not None
    flag = StopFlag(held)
    put = MediaLibrary.put

    def stopping(self: MediaLibrary, digest: str, picture: Picture, content: bytes, label: str) -> tuple[int, bool]:
        flag.set()
        return put(self, digest, picture, content, label)

    with monkeypatch.context() as patch:
        patch.setattr(MediaLibrary, "put", stopping)
        assert execute_slice(held, budget=Budget(), stop=flag) is SliceResult.MORE
    run.refresh_from_db()
    assert run.updated < 3
    run = opened.story.finish(run)
    assert (run.result, run.updated, run.units) == (RunResult.SUCCESS, 3, 3)
    assert opened.uploads == len(opened.library) == 6
    assert LinkState.objects.filter(aspect="pictures", outcome="updated").count() == 3
