"""Orders in the browser: imported, one refused for a missing tax, mended from its card, followed back to the shop."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from connectors.sandbox.sage100 import Sage100Sandbox
from tests.story.conftest import Demo
from tests.story.test_catalogue_story import MINUTE, PROFILE, _ended, _start

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DELIVERY_NOTE = 3
PARCEL = "6A99887766554"


def _order(page: Page, demo: Demo, sku: str, name: str) -> str:
    """Buys one piece in the shop's own pages; returns the number of the order."""
    page.goto(f"{demo.shop_url}/?s={sku}")
    page.get_by_role("link", name=name).first.click()
    page.get_by_role("button", name="Commander").click()
    found = re.search(r"n° (\d+)", page.locator("main").inner_text())
    assert found
    return found[1]


@pytest.fixture(scope="module")
def orders(page: Page, demo: Demo) -> dict[str, str]:
    """A catalogue in the shop, an ERP tax left out of the mapping, and two orders."""
    _start(page, demo, "Exporter les articles")
    _ended(page, "Partiellement réussie")
    page.goto(f"{demo.url}{PROFILE}/reglages/order_taxes/")
    page.get_by_label("Valeur pour 10 %").select_option("")
    page.get_by_role("button", name="Enregistrer").click()
    page.wait_for_load_state()
    return {
        "good": _order(page, demo, "TENTE2P", "Tente légère 2 places"),
        "bad": _order(page, demo, "PANIER-GOUR", "Panier gourmand"),
    }


@pytest.mark.covers("ORD-01", "ORD-12")
def test_1_one_order_passes_and_one_waits_for_its_tax(page: Page, demo: Demo, orders: dict[str, str]) -> None:
    _start(page, demo, "Importer les commandes")
    _ended(page, "Partiellement réussie")
    expect(page.locator("main").get_by_text("Importée dans l’ERP").first).to_be_visible()
    expect(page.locator("main").get_by_text("Le taux de TVA 10 %").first).to_be_visible()
    company = Sage100Sandbox(demo.company)
    assert len(company.documents(orders["good"])) == 1
    assert company.documents(orders["bad"]) == []


@pytest.mark.covers("ORD-04", "LOG-04")
def test_2_the_tax_is_mapped_from_the_card_and_the_order_retried_alone(
    page: Page, demo: Demo, orders: dict[str, str]
) -> None:
    run = page.url
    page.get_by_role("link", name="Table des taxes des commandes").first.click()
    page.get_by_label("Valeur pour 10 %").select_option("C10")
    page.get_by_role("button", name="Enregistrer").click()
    page.wait_for_load_state()
    page.goto(run)
    page.get_by_role("button", name=re.compile("Renvoyer :")).first.click()
    page.wait_for_load_state()
    _ended(page, "Réussie")
    expect(page.locator("main").get_by_text(re.compile("Importée dans l’ERP : pièce BC")).first).to_be_visible()
    assert len(Sage100Sandbox(demo.company).documents(orders["bad"])) == 1


@pytest.mark.covers("UPD-01", "UPD-02")
def test_3_a_delivery_in_the_erp_reaches_the_shop(page: Page, demo: Demo, orders: dict[str, str]) -> None:
    company = Sage100Sandbox(demo.company)
    company.advance_document(company.documents(orders["good"])[0].piece, DELIVERY_NOTE, tracking=PARCEL)
    for flow in ("Mettre à jour le statut des commandes", "Envoyer les numéros de suivi"):
        _start(page, demo, flow)
        _ended(page, "Réussie")
    held = page.request.get(f"{demo.control_url}inspect?order={orders['good']}").json()
    assert held["status"] == "completed"
    assert PARCEL in str(held["meta"])
    page.goto(f"{demo.url}/")
    expect(page.locator("main h1")).to_be_visible(timeout=MINUTE)
