"""References and names that shops and tools like to spoil (P22)."""

from __future__ import annotations

import html
import itertools
import random
from collections.abc import Callable

import pytest

from profiles.models import MatchState, Profile
from sync.models import JournalEntry
from tests.flows.conftest import Story, make_story

pytestmark = [pytest.mark.odbc, pytest.mark.covers("CAT-01")]

CORES = [
    *("0001", "00A", "1e5", "A B", "A  B", "é/12", "µF-10", "Ø40", "A&B", "A<B", 'A"B', "A'B", "A,B", "A;B", "A%20B"),
    *("A+B", "A=B", "A#B", "A?B", "A\\B", "A|B", "A_B", "A-B", "A.B", "ÀÉÎÕÜ", "straße", "İstanbul", "١٢٣", "Ⅻ", "ﬁn"),
    *("N/A", "null", "true", "0", "-1", "=1+1", "@cmd", "(a)", "[b]", "{c}", "~x", "^y", "`z", "$1", "€5", "°C", "½"),
]


def _references(count: int) -> list[str]:
    """Different references of at most 18 characters, which is what Sage holds."""
    chance = random.Random(22)  # noqa: S311
    found: dict[str, None] = {}
    for number in itertools.count():
        core = CORES[number % len(CORES)]
        tail = "" if number < len(CORES) else f"{chance.choice('-/ .')}{number}"
        reference = f"{core}{tail}"[:18].strip()
        if reference.casefold() not in {one.casefold() for one in found}:
            found[reference] = None
        if len(found) == count:
            return list(found)
    raise AssertionError("unreachable")


@pytest.fixture
def nasty(db: None, erp, shop) -> Story:  # type: ignore[no-untyped-def]
    """Two hundred articles whose references and names are hard to carry."""
    filters = {"expression": "FA_CodeFamille = 'DIVERS' AND AR_Design LIKE 'Nom %'"}
    story = make_story(erp, shop, products=filters, stock=filters, advanced={"refused_limit_percent": 100})
    for reference in _references(200):
        story.erp.add_article(reference, f"Nom {reference}", family="DIVERS", price=3)
    return story


def test_p22_two_hundred_nasty_references_arrive_unchanged_or_are_refused_with_a_reason(nasty: Story) -> None:
    run = nasty.run()
    wanted = _references(200)
    refused = dict(JournalEntry.objects.filter(run=run, outcome="refused").values_list("item_key", "text"))
    shop = {html.unescape(row.sku): row for row in nasty.shop.store.products}
    assert set(shop) | set(refused) == set(wanted)
    assert set(shop).isdisjoint(refused)
    assert len(refused) <= 20, refused
    assert all(reference in text and len(text) > len(reference) + 20 for reference, text in refused.items())
    for reference, row in shop.items():
        name = "".join(letter for letter in f"Nom {reference}" if letter not in "<>;=#{}")
        assert html.unescape(row.name) == " ".join(name.split()), reference
    assert nasty.run(full=True).sent == 0, "what was read back is what was sent"


def test_p22_quantities_find_their_article_whatever_its_reference(nasty: Story) -> None:
    nasty.run()
    shop = {html.unescape(row.sku): row.id for row in nasty.shop.store.products}
    for quantity, reference in enumerate(sorted(shop), start=1):
        nasty.erp.set_stock(reference, depot=1, real=quantity)
    nasty.run("stock")
    rows = nasty.shop.store.products.rows
    assert {reference: rows[number].stock for reference, number in shop.items()} == {
        reference: quantity for quantity, reference in enumerate(sorted(shop), start=1)
    }


def test_p22_references_that_only_differ_by_case_are_not_merged(small: Callable[..., Story]) -> None:
    """Sage compares references without case, WooCommerce too: the second article is refused by name."""
    story = small("CaSe-1", "CASE-2")
    story.erp.add_article("CaSe-1", "Premier", family="DIVERS", price=1)
    story.shop.seed(skus=["case-1"])
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    before = [row.name for row in story.shop.store.products]
    run = story.run()
    assert run.refused == 1
    assert JournalEntry.objects.get(run=run, outcome="refused").code in {"sku_taken", "sku_blocked"}
    assert [row.name for row in story.shop.store.products] == before
