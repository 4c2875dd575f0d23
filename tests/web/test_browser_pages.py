"""Pages that need a browser: rules between fields, mapping grids, dialogs, and the width of a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import Page, expect, sync_playwright

from connectors.canonical.keys import Side
from connectors.core.results import Choice
from profiles import catalogs, options_store
from profiles.models import Profile
from sync.mapping.order_texts import example
from tests.conftest import CHROMIUM
from tests.factories import make_profile
from tests.web.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def profile(transactional_db: None, cast: Cast) -> Profile:
    """A profile of Alice's tenant with reference lists."""
    made = make_profile(tenant=cast.tenant, name="Démo")
    catalogs._store(made, Side.ERP, "taxes", [Choice(f"T{n}", f"Taxe {n}") for n in range(1, 13)])
    catalogs._store(made, Side.SHOP, "tax_classes", [Choice("standard", "Standard"), Choice("reduced", "Réduit")])
    return made


@pytest.fixture
def page(live_server: Any, cast: Cast) -> Iterator[Page]:
    """A page signed in as Alice that fails the test on any error of its console."""
    errors: list[str] = []
    cookie = cast.alice.client.cookies[settings.SESSION_COOKIE_NAME].value
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900}, locale="fr-FR")
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        opened = context.new_page()
        opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
        browser.close()
    assert [error for error in errors if "favicon" not in error] == []


@pytest.mark.covers("PRF-03", "PRF-09")
def test_fields_follow_the_rules_of_their_section(page: Page, profile: Profile) -> None:
    page.goto(reverse("profiles:settings", args=[profile.pk, "erp"]))
    expect(page.locator("[name=erp-dsn]")).to_be_visible()
    expect(page.locator("[name=erp-path]")).to_be_hidden()
    page.select_option("[name=erp-kind]", "sqlite")
    expect(page.locator("[name=erp-path]")).to_be_visible()
    expect(page.locator("[name=erp-dsn]")).to_be_hidden()
    expect(page.locator("[data-dirty-note]")).to_be_visible()


@pytest.mark.covers("ORD-03")
def test_template_of_the_reference_shows_its_example_while_it_is_typed(page: Page, profile: Profile) -> None:
    page.goto(reverse("profiles:settings", args=[profile.pk, "orders"]))
    note = page.locator("[data-example-of=orders-reference_template]")
    expect(note.locator("output")).to_have_text(example("Web %ON"))
    for template in ("%CF %CL - %ON du %OD", "100 %% %OR", "%CI/%CA/%CK/%OI"):
        page.fill("[name=orders-reference_template]", template)
        expect(note.locator("output")).to_have_text(example(template))
    page.fill("[name=orders-reference_template]", "Web %ON %CX")
    expect(note).to_have_text("Exemple : Web 187 %CX (Champ inconnu : %CX)")
    page.fill("[name=orders-reference_template]", "")
    expect(note).to_be_hidden()


@pytest.mark.covers("CAT-03", "PRF-03")
def test_value_is_applied_to_the_selected_lines_of_a_mapping(page: Page, profile: Profile) -> None:
    page.goto(reverse("profiles:settings", args=[profile.pk, "products"]))
    grid = page.locator("[data-mapping]").first
    grid.locator("[data-mapping-search]").fill("taxe 1")
    grid.locator("[data-mapping-all]").check()
    grid.locator("[data-mapping-new]").select_option("standard")
    grid.get_by_role("button", name="Appliquer aux valeurs sélectionnées").click()
    expect(grid.locator("[data-mapping-count]")).to_have_text("4 sur 12 renseignées")
    page.locator(".form-actions-sticky button[type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("Les réglages sont enregistrés.")
    stored = options_store.stored(profile)["products"]["tax_map"]
    assert stored == {"T1": "standard", "T10": "standard", "T11": "standard", "T12": "standard"}


@pytest.mark.covers("PRF-04")
def test_connection_is_tested_without_leaving_the_page(page: Page, profile: Profile) -> None:
    page.goto(reverse("profiles:settings", args=[profile.pk, "erp"]))
    page.select_option("[name=erp-kind]", "sqlite")
    page.fill("[name=erp-path]", "/nowhere/demo.sqlite3")
    page.get_by_role("button", name="Tester la connexion").click()
    expect(page.locator("#check-report")).to_contain_text("La connexion ne fonctionne pas encore", timeout=12_000)
    expect(page.locator("[name=erp-path]")).to_have_value("/nowhere/demo.sqlite3")


@pytest.mark.covers("PRF-06")
def test_profile_is_deleted_only_after_its_name_was_typed(page: Page, profile: Profile) -> None:
    page.goto(reverse("profiles:profile", args=[profile.pk]))
    page.get_by_role("button", name="Supprimer le profil").click()
    confirm = page.locator("#confirm-yes")
    expect(confirm).to_be_disabled()
    page.locator("#confirm-input").fill("Demo")
    expect(confirm).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.locator("#confirm-dialog")).to_be_hidden()
    page.get_by_role("button", name="Supprimer le profil").click()
    page.locator("#confirm-input").fill("Démo")
    confirm.click()
    expect(page.locator("#toasts")).to_contain_text("est supprimé")
    assert not Profile.objects.filter(pk=profile.pk).exists()


@pytest.mark.covers("ACC-01")
def test_pages_fit_a_phone_and_the_menu_opens(page: Page, profile: Profile) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sections = [
        reverse("profiles:settings", args=[profile.pk, name]) for name in ("erp", "shop", "products", "categories")
    ]
    for url in [
        *(reverse(f"profiles:{name}") for name in ("account", "team", "tenant", "list", "wizard")),
        reverse("profiles:profile", args=[profile.pk]),
        reverse("profiles:profile_history", args=[profile.pk]),
        *sections,
    ]:
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, f"{url} scrolls sideways"
    page.get_by_role("button", name="Ouvrir le menu").click()
    page.get_by_role("link", name="Équipe").click()
    expect(page).to_have_url(page.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Équipe")


def test_theme_is_chosen_and_kept(page: Page, profile: Profile) -> None:
    page.goto(reverse("profiles:account"))
    page.locator(".avatar-button").click()
    page.get_by_role("button", name="Sombre").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


@pytest.fixture
def payments(profile: Profile) -> Profile:
    """The profile with the lists that its payment tables are filled from."""
    methods = [Choice("bacs", "Virement bancaire"), Choice("paypal", "PayPal")]
    catalogs._store(profile, Side.SHOP, "payment_methods", methods)
    catalogs._store(profile, Side.SHOP, "currencies", [Choice("EUR", "Euro"), Choice("USD", "Dollar américain")])
    catalogs._store(profile, Side.ERP, "payment_methods", [Choice("3", "Virement"), Choice("4", "Carte")])
    return profile


@pytest.mark.covers("PAY-01", "PRF-05")
def test_lines_of_a_mapping_are_added_and_removed_with_the_keyboard(page: Page, payments: Profile) -> None:
    page.goto(reverse("profiles:settings", args=[payments.pk, "payments"]))
    grid = page.locator("#id_payments-methods")
    fresh = grid.locator("[data-mapping-fresh]").last
    fresh.locator("select").nth(0).select_option("bacs")
    fresh.locator("select").nth(1).select_option("USD")
    fresh.locator("select").nth(2).select_option("4")
    grid.get_by_role("button", name="Ajouter une ligne").press("Enter")
    expect(grid.locator("[data-mapping-fresh]")).to_have_count(2)
    expect(grid.locator("[data-mapping-fresh]").last.locator("select").first).to_be_focused()
    page.keyboard.press("p")
    grid.locator("[data-mapping-fresh]").last.locator("select").nth(2).select_option("3")
    page.locator(".form-actions-sticky button[type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("Les réglages sont enregistrés.")
    assert options_store.stored(payments)["payments"]["methods"] == {"bacs|USD": "4", "paypal": "3"}
    expect(grid.locator("[data-mapping-row]")).to_have_count(3)
    grid.get_by_role("button", name="Retirer Virement bancaire · USD").press("Enter")
    expect(grid.locator("[data-mapping-row]")).to_have_count(2)
    expect(grid.locator("[data-mapping-count]")).to_have_text("1 sur 2 renseignées")
    page.locator(".form-actions-sticky button[type=submit]").click()
    expect(grid.locator("[data-mapping-row]")).to_have_count(2)
    assert options_store.stored(payments)["payments"]["methods"] == {"paypal": "3"}


@pytest.mark.covers("ORD-04")
def test_one_category_is_applied_to_the_selected_countries_with_and_without_tax(page: Page, profile: Profile) -> None:
    countries = [Choice("FR", "France"), Choice("BE", "Belgique"), Choice("US", "États-Unis")]
    catalogs._store(profile, Side.SHOP, "countries", countries)
    catalogs._store(profile, Side.ERP, "accounting_categories", [Choice("1", "France"), Choice("2", "Union")])
    page.goto(reverse("profiles:settings", args=[profile.pk, "order_taxes"]))
    for name, category in (("taxed", "1"), ("untaxed", "2")):
        grid = page.locator(f"#id_order_taxes-categories_{name}")
        for row in (0, 1):
            grid.locator("[data-mapping-pick]").nth(row).check()
        grid.locator("[data-mapping-new]").select_option(category)
        grid.get_by_role("button", name="Appliquer aux valeurs sélectionnées").click()
        expect(grid.locator("[data-mapping-count]")).to_have_text("2 sur 3 renseignées")
        page.locator(f"#id_order_taxes-category_{name}").select_option(category)
    page.locator(".form-actions-sticky button[type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("Les réglages sont enregistrés.")
    stored = options_store.stored(profile)["order_taxes"]
    assert sorted(stored["categories_taxed"].values()) == ["1", "1"]
    assert stored["categories_taxed"].keys() == stored["categories_untaxed"].keys() < {"FR", "BE", "US"}
    assert (stored["category_taxed"], stored["category_untaxed"]) == ("1", "2")


@pytest.mark.covers("PRF-05")
def test_lines_are_added_without_javascript_and_a_wrong_one_is_refused_at_its_place(
    page: Page, payments: Profile
) -> None:
    catalogs._store(payments, Side.SHOP, "countries", [Choice("FR", "France")])
    catalogs._store(payments, Side.ERP, "accounting_categories", [Choice("1", "Ventes France")])
    browser = page.context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False)
    plain.add_cookies(page.context.cookies())
    opened = plain.new_page()
    page.goto(reverse("profiles:list"))
    opened.goto(
        page.url.replace(reverse("profiles:list"), reverse("profiles:settings", args=[payments.pk, "order_taxes"]))
    )
    grid = opened.locator("#id_order_taxes-categories_taxed")
    row = grid.locator("[data-mapping-fresh]")
    row.locator("select").nth(0).select_option("FR")
    row.locator("input").fill("97*1")
    row.locator("select").nth(1).select_option("1")
    opened.locator(".form-actions-sticky button[type=submit]").click()
    expect(row.first).to_contain_text("« FR:97*1 » n’est pas une zone valable")
    row.first.locator("input").fill("97*")
    opened.locator(".form-actions-sticky button[type=submit]").click()
    expect(grid.locator("[data-mapping-row]").last).to_contain_text("France · 97*")
    plain.close()
    assert options_store.stored(payments)["order_taxes"]["categories_taxed"] == {"FR:97*": "1"}


@pytest.mark.covers("LOG-04", "PRF-03")
def test_link_of_an_error_opens_its_option_and_saving_offers_the_way_back(page: Page, profile: Profile) -> None:
    for section, option in (("products", "tax_map"), ("erp", "tax_role_2")):
        page.goto("about:blank")
        page.goto(
            reverse("profiles:settings", args=[profile.pk, section]) + f"?execution=7#id_{section}-{option}_field"
        )
        expect(page.locator(f"#id_{section}-{option}_field")).to_be_in_viewport()
    page.goto(reverse("profiles:settings", args=[profile.pk, "products"]) + "?execution=7#id_products-tax_map_field")
    page.locator("#id_products-tax_map [data-mapping-value]").first.select_option("standard")
    page.locator(".form-actions-sticky button[type=submit]").click()
    expect(page.locator("#toasts")).to_contain_text("Les réglages sont enregistrés.")
    expect(page.locator("#id_products-tax_map_field")).to_be_in_viewport()
    back = page.get_by_role("link", name="Retour à l’exécution n° 7")
    expect(back).to_have_attribute("href", reverse("sync:run", args=[7]) + "#causes")


@pytest.mark.covers("PRF-03", "ACC-01")
def test_sections_of_the_settings_fold_on_a_phone(page: Page, profile: Profile) -> None:
    page.goto(reverse("profiles:settings", args=[profile.pk, "products"]))
    prices = page.locator(".section-nav").get_by_role("link", name="Prix", exact=True)
    expect(prices).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(prices).to_be_hidden()
    page.locator(".section-toggle").click()
    prices.click()
    expect(page).to_have_title(re.compile("^Prix · Réglages"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
