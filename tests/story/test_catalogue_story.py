"""A new user's first five minutes, played in a real browser against the running demo.

Writes the screenshots that the README shows when ``ATOOSYNC_SCREENSHOTS`` names a folder.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.story.conftest import Demo

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROFILE = "/profils/1"
MINUTE = 60_000


def _start(page: Page, demo: Demo, flow: str) -> None:
    """Presses the button of a flow and opens its run."""
    page.goto(f"{demo.url}{PROFILE}/synchronisation/")
    page.get_by_role("button", name=f"Lancer : {flow}", exact=True).click()
    page.wait_for_load_state()
    page.goto(f"{demo.url}/journaux/")
    page.locator("main").get_by_role("link", name=flow).first.click()
    page.wait_for_url(re.compile(r"/journaux/\d+/"))


def _ended(page: Page, result: str) -> None:
    """Waits, on the live page and without reloading it by hand, until the run has ended."""
    expect(page.locator("main").get_by_text(result, exact=True).first).to_be_visible(timeout=MINUTE)


def _shop(demo: Demo) -> dict[str, list[dict[str, Any]]]:
    return dict(requests.get(f"{demo.control_url}inspect", params={"dump": 1}, timeout=30).json()["products"])


def _writes(demo: Demo) -> Any:
    return requests.get(f"{demo.control_url}requests", timeout=30).json()["totals"]["item_writes"]


def _used_units(page: Page, demo: Demo) -> int:
    page.goto(f"{demo.url}/unites/")
    text = page.locator("main").inner_text()
    found = re.search(r"Utilisé\w*\s*([\d\s  ]+)", text)
    assert found, text
    return int(re.sub(r"\D", "", found[1]))


def _picture(page: Page, name: str) -> None:
    folder = os.environ.get("ATOOSYNC_SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.mark.covers("CAT-01", "LOG-01", "LOG-03", "ACC-01", "PRF-03")
def test_1_articles_go_out_while_the_journal_is_watched(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.url}{PROFILE}/synchronisation/")
    _picture(page, "synchronisation")
    _start(page, demo, "Exporter les articles")
    expect(page.locator("main").get_by_text("Créé dans la boutique.").first).to_be_visible(timeout=MINUTE)
    _ended(page, "Partiellement réussie")
    expect(
        page.locator("main").get_by_text("Le code taxe CMARG de l’ERP n’a pas de correspondance").first
    ).to_be_visible()
    _picture(page, "journal")
    assert len(_shop(demo)) > 800


@pytest.mark.covers("SYS-06")
def test_2_a_shopper_finds_the_products(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.shop_url}/?s=TENTE2P")
    expect(page.get_by_text("Tente légère 2 places « Glandasse »").first).to_be_visible()


@pytest.mark.covers("BIL-04", "BIL-01")
def test_3_pressing_again_does_nothing_and_costs_nothing(page: Page, demo: Demo) -> None:
    units, writes = _used_units(page, demo), _writes(demo)
    _start(page, demo, "Exporter les articles")
    _ended(page, "Réussie")
    expect(page.locator("main").get_by_text("Rien à faire").first).to_be_visible()
    assert _writes(demo) == writes
    assert _used_units(page, demo) == units


@pytest.mark.covers("CAT-03", "LOG-04", "PRF-09")
def test_4_a_broken_mapping_is_explained_and_mended_from_its_card(page: Page, demo: Demo) -> None:
    mapping = page.get_by_label("Valeur pour TVA collectée 10 %")
    page.goto(f"{demo.url}{PROFILE}/reglages/products/")
    mapping.select_option("")
    page.get_by_role("button", name="Enregistrer").click()
    page.wait_for_load_state()
    _start(page, demo, "Exporter les articles")
    _ended(page, "Partiellement réussie")
    card = (
        page.locator("main").get_by_text("Le code taxe C10 de l’ERP n’a pas de correspondance dans la boutique.").first
    )
    expect(card).to_be_visible()
    expect(
        page.locator("main").get_by_text("choisissez la classe de taxe de la boutique pour C10").first
    ).to_be_visible()
    _picture(page, "erreur")
    page.get_by_role("link", name="Table des taxes").first.click()
    mapping.select_option(label="Taux intermédiaire")
    page.get_by_role("button", name="Enregistrer").click()
    page.wait_for_load_state()
    _start(page, demo, "Exporter les articles")
    _ended(page, "Partiellement réussie")
    expect(page.locator("main").get_by_text("Le code taxe C10 de l’ERP")).to_have_count(0)
    page.goto(f"{demo.url}/")
    _picture(page, "tableau-de-bord")


@pytest.mark.covers("CAT-21")
def test_5_a_preview_shows_what_would_change_without_writing(page: Page, demo: Demo) -> None:
    from connectors.sandbox.sage100 import Sage100Sandbox

    Sage100Sandbox(demo.company).rename("TENTE2P", "Tente 2 places « Nouvelle édition »")
    writes = _writes(demo)
    page.goto(f"{demo.url}{PROFILE}/synchronisation/")
    page.get_by_role("button", name="Aperçu : Exporter les articles", exact=True).click()
    page.wait_for_url(re.compile(r"/journaux/\d+/"))
    expect(page.locator("main").get_by_text("Tente 2 places « Nouvelle édition »").first).to_be_visible(timeout=MINUTE)
    expect(page.locator("main").get_by_text("Tente légère 2 places « Glandasse »").first).to_be_visible()
    _picture(page, "apercu")
    assert _writes(demo) == writes


@pytest.mark.covers("PRF-04")
def test_6_a_wrong_key_is_told_in_plain_words(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.url}{PROFILE}/reglages/shop/")
    page.get_by_label("Secret client").fill("cs_faux")
    page.get_by_role("button", name="Tester la connexion").click()
    report = page.locator("[data-check=error]")
    expect(report).to_be_visible(timeout=MINUTE)
    expect(report).to_contain_text("secret")
    assert "Traceback" not in page.content()


PAGES = (
    "/",
    "/profils/",
    "/profils/nouveau/",
    f"{PROFILE}/",
    f"{PROFILE}/synchronisation/",
    f"{PROFILE}/reglages/products/",
    f"{PROFILE}/reglages/shop/",
    f"{PROFILE}/rapprochement/",
    "/journaux/",
    "/journaux/1/",
    "/unites/",
)


@pytest.mark.parametrize("address", PAGES)
def test_7_every_page_fits_a_phone_and_has_a_way_back(page: Page, demo: Demo, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(demo.url + address)
    assert page.locator("html").evaluate("element => element.scrollWidth") <= 390
    assert page.locator("main h1").count() == 1
    if address != "/":
        assert page.get_by_role("navigation").get_by_role("link").count() > 0
    page.set_viewport_size({"width": 1280, "height": 900})
