"""Identity of variants: by stored link, never by position or name (P19)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from connectors.canonical.keys import variant_key
from sync.models import Link, LinkStatus
from tests.flows.conftest import Story

pytestmark = [pytest.mark.odbc, pytest.mark.covers("CAT-12")]

Small = Callable[..., Story]
REFERENCE = "TSHIRT-MER"


def _sql(story: Story, *statements: str) -> None:
    """Edits the company below the checks of Sage, and touches the article as Sage does when a range is edited."""
    with closing(story.erp.connect()) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)
        connection.execute("UPDATE F_ARTICLE SET AR_DateModif = AR_DateModif WHERE AR_Ref = 'TSHIRT-MER'")
        connection.commit()


def _variations(story: Story) -> dict[str, dict[str, Any]]:
    """Variations of the product by reference, as the shop's API shows them; a reference used twice fails."""
    number = story.product(REFERENCE)["id"]
    rows = story.rest(f"products/{number}/variations?per_page=100")
    counts = Counter(row["sku"] for row in rows if row["sku"] != REFERENCE)
    assert all(count == 1 for count in counts.values()), counts
    return {row["sku"]: row for row in rows}


def _ids(story: Story) -> dict[str, int]:
    return {sku: row["id"] for sku, row in _variations(story).items()}


def _options(row: dict[str, Any]) -> list[str]:
    return sorted(item["option"] for item in row["attributes"])


def _assert_links(story: Story) -> None:
    """Every live link names a variation that exists, and no two the same one."""
    links = Link.objects.filter(profile=story.profile, entity="variant", status=LinkStatus.LINKED)
    numbers = [str(link.pk and _shop_key(link)) for link in links]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= {str(number) for number in _ids(story).values()}


def _shop_key(link: Link) -> str:
    return str(getattr(link, "shop_key", None) or getattr(link, "remote_key", None))


def test_p19_reordered_values_change_nothing(small: Small) -> None:
    story = small(REFERENCE)
    story.run()
    before = _variations(story)
    assert [_options(before[f"{REFERENCE}-{size}"]) for size in ("S", "M", "L", "XL")] == [["S"], ["M"], ["L"], ["XL"]]
    _sql(
        story,
        "UPDATE F_ARTENUMREF SET cbMarq = 100000 + (10 - AG_No1) WHERE AR_Ref = 'TSHIRT-MER'",
        "UPDATE F_ARTGAMME SET cbMarq = 100000 + (10 - AG_No) WHERE AR_Ref = 'TSHIRT-MER'",
    )
    story.run(full=True)
    after = _variations(story)
    assert {sku: (row["id"], _options(row), row["stock_quantity"]) for sku, row in after.items()} == {
        sku: (row["id"], _options(row), row["stock_quantity"]) for sku, row in before.items()
    }


def test_p19_a_renamed_value_keeps_its_variation(small: Small) -> None:
    story = small(REFERENCE)
    story.run()
    before = _ids(story)
    _sql(story, "UPDATE F_ARTGAMME SET EG_Enumere = 'Moyen' WHERE AR_Ref = 'TSHIRT-MER' AND AG_No = 2")
    run = story.run()
    assert (run.updated, run.refused) == (1, 0)
    assert _ids(story) == before
    assert _options(_variations(story)[f"{REFERENCE}-M"]) == ["Moyen"]
    _assert_links(story)


def test_p19_a_new_value_adds_one_variation_with_its_price_and_quantity(small: Small) -> None:
    story = small(REFERENCE)
    story.run()
    before = _ids(story)
    _sql(
        story,
        "INSERT INTO F_ARTGAMME (AR_Ref, AG_No, EG_Enumere, cbMarq) VALUES ('TSHIRT-MER', 9095, 'XXL', 90001)",
        "INSERT INTO F_ARTENUMREF (AR_Ref, AG_No1, AE_Ref, cbMarq) VALUES ('TSHIRT-MER', 9095, 'TSHIRT-MER-XXL', 901)",
        "INSERT INTO F_GAMSTOCK (AR_Ref, AG_No1, DE_No, GS_QteSto, cbMarq) VALUES ('TSHIRT-MER', 9095, 1, 14, 90001)",
    )
    story.run()
    after = _variations(story)
    assert {sku: row["id"] for sku, row in after.items() if sku in before} == before
    new = after[f"{REFERENCE}-XXL"]
    assert (new["stock_quantity"], new["regular_price"], _options(new)) == (14, "49.17", ["XXL"])
    assert len(after) == len(before) + 1
    _assert_links(story)
    assert story.run(full=True).sent == 0


def test_p19_two_swapped_references_follow_their_values(small: Small) -> None:
    """The variation of size M stays size M and takes the reference that Sage now gives it."""
    story = small(REFERENCE)
    story.run()
    before = _ids(story)
    _sql(
        story,
        "UPDATE F_ARTENUMREF SET AE_Ref = 'ECHANGE' WHERE AR_Ref = 'TSHIRT-MER' AND AG_No1 = 1",
        "UPDATE F_ARTENUMREF SET AE_Ref = 'TSHIRT-MER-S' WHERE AR_Ref = 'TSHIRT-MER' AND AG_No1 = 2",
        "UPDATE F_ARTENUMREF SET AE_Ref = 'TSHIRT-MER-M' WHERE AR_Ref = 'TSHIRT-MER' AND AG_No1 = 1",
    )
    story.run()
    story.run(full=True)
    after = _variations(story)
    assert after[f"{REFERENCE}-M"]["id"] == before[f"{REFERENCE}-S"]
    assert _options(after[f"{REFERENCE}-M"]) == ["S"]
    assert after[f"{REFERENCE}-S"]["id"] == before[f"{REFERENCE}-M"]
    assert len(after) == len(before)
    story.erp.set_stock(REFERENCE, depot=1, variant=(1, 0), real=77)
    story.run("stock")
    assert _variations(story)[f"{REFERENCE}-M"]["stock_quantity"] == 78, "77 in depot 1, 1 in depot 2"
    _assert_links(story)


def test_p19_a_value_deleted_and_made_again_keeps_its_variation(small: Small) -> None:
    story = small(REFERENCE)
    story.run()
    before = _ids(story)
    _sql(
        story,
        "UPDATE F_ARTGAMME SET AG_No = 9096 WHERE AR_Ref = 'TSHIRT-MER' AND AG_No = 3",
        "UPDATE F_ARTENUMREF SET AG_No1 = 9096 WHERE AR_Ref = 'TSHIRT-MER' AND AG_No1 = 3",
        "UPDATE F_GAMSTOCK SET AG_No1 = 9096, GS_QteSto = 21 WHERE AR_Ref = 'TSHIRT-MER' AND AG_No1 = 3 AND DE_No = 1",
    )
    story.run()
    story.run("stock")
    assert _ids(story) == before
    assert _variations(story)[f"{REFERENCE}-L"]["stock_quantity"] == 21
    link = Link.objects.get(profile=story.profile, entity="variant", erp_key=variant_key(REFERENCE, 9096, 0))
    assert _shop_key(link) == str(before[f"{REFERENCE}-L"])
    _assert_links(story)


def test_p19_a_second_axis_makes_no_phantom(small: Small) -> None:
    """Two colours per size: every combination once, under its own reference, and no combination twice."""
    story = small(REFERENCE)
    story.run()
    combination = "INSERT INTO F_ARTENUMREF (AR_Ref, AG_No1, AG_No2, AE_Ref, cbMarq) VALUES ('TSHIRT-MER'"
    values = "INSERT INTO F_ARTGAMME (AR_Ref, AG_No, EG_Enumere, AG_Type, cbMarq) VALUES ('TSHIRT-MER'"
    pairs = [(size, colour) for size in (1, 2, 3, 4) for colour in (9097, 9098)]
    _sql(
        story,
        "UPDATE F_ARTICLE SET AR_Gamme2 = 2 WHERE AR_Ref = 'TSHIRT-MER'",
        f"{values}, 9097, 'Bleu', 1, 90001)",
        f"{values}, 9098, 'Rouge', 1, 90002)",
        "DELETE FROM F_ARTENUMREF WHERE AR_Ref = 'TSHIRT-MER'",
        *(
            f"{combination}, {size}, {colour}, '{REFERENCE}-{size}-{colour}', {90_000 + size * 10_000 + colour})"
            for size, colour in pairs
        ),
    )
    run = story.run()
    story.run(full=True)
    after = _variations(story)
    new = {sku: row for sku, row in after.items() if sku.rpartition("-")[2] in {"9097", "9098"}}
    assert set(new) == {f"{REFERENCE}-{size}-{colour}" for size, colour in pairs}, run.message
    combinations = Counter(tuple(_options(row)) for row in new.values())
    assert len(combinations) == 8
    assert set(combinations.values()) == {1}
    _assert_links(story)


def test_p19_an_article_deleted_and_made_again_finds_its_product(small: Small) -> None:
    story = small("TENTE2P")
    story.run()
    number = story.product("TENTE2P")["id"]
    with closing(story.erp.connect()) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("UPDATE F_ARTICLE SET cbMarq = 99999, AR_Design = 'Recréée' WHERE AR_Ref = 'TENTE2P'")
        connection.commit()
    story.run()
    story.run(full=True)
    assert story.product("TENTE2P")["id"] == number
    assert story.product("TENTE2P")["name"] == "Recréée"
    assert story.shop.app.inspect({"sku": "TENTE2P"})["created_times"] == 1
