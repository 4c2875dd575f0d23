"""One order in the browser, the reset of transferred orders, and the certificate, against both stand-ins."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing import ledger
from connectors.canonical.keys import Side
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import catalogs, options_store
from profiles.models import MatchState, Profile, ReferenceList, Role, User
from sync.models import Link, Run, RunState
from sync.orders import desk
from sync.services import RunRefused
from tests.factories import make_user
from tests.flows.conftest import Story, make_story
from tests.flows.test_orders import ORDER_OPTIONS

pytestmark = pytest.mark.odbc


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "desk.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    """The demo merchant with two articles in the shop, and import units."""
    story = make_story(erp, shop, **ORDER_OPTIONS)
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=1000, key="imports", note="", actor="test")
    assert story.run("products", keys=["TENTE2P", "RECHAUD"]).created
    return story


def _buy(story: Story, sku: str = "TENTE2P", quantity: int = 1) -> str:
    return str(story.shop.app.mutate("checkout", {"items": [{"sku": sku, "quantity": quantity}]})["id"])


def _client(story: Story, role: Role = Role.OWNER) -> Client:
    client = Client()
    user = make_user(tenant=story.tenant, role=role)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def _page(client: Client, story: Story, order: str) -> str:
    response = client.get(reverse("sync:order", args=[story.profile.pk, order]))
    assert response.status_code == 200
    return response.content.decode()


def _delete_document(story: Story, order: str) -> str:
    """As a person does in Sage: the document and everything of it."""
    piece = story.erp.documents(order)[0].piece
    with story.erp.session() as session:
        for table in ("F_DOCREGL", "F_REGLECH", "F_DOCENTETEINFOS", "F_DOCLIGNE", "F_DOCENTETE"):
            session.run(f"DELETE FROM {table} WHERE DO_Piece = ?", (piece,))  # noqa: S608  # names from above
    return str(piece)


@pytest.mark.covers("ORD-03", "ORD-10", "LOG-05")
def test_the_page_shows_the_arithmetic_before_the_import_and_imports_the_order(story: Story) -> None:
    order = _buy(story, quantity=2)
    client = _client(story, Role.OPERATOR)
    before = _page(client, story, order)
    total = story.rest(f"orders/{order}")["total"]
    assert "Importer cette commande" in before
    assert total.partition(".")[0] in before
    assert "TENTE2P" in before
    assert "Pièce calculée" in before
    assert "amount-wrong" not in before
    response = client.post(reverse("sync:order_import", args=[story.profile.pk, order]))
    run = Run.objects.get(flow="orders")
    assert response.headers["Location"] == reverse("sync:run", args=[run.pk])
    assert story.finish(run).created == 1
    after = _page(client, story, order)
    piece = story.erp.documents(order)[0].piece
    assert piece in after
    assert "Importer cette commande" not in after
    assert "Pièce dans l’ERP" in after
    assert "amount-wrong" not in after
    assert reverse("sync:run", args=[run.pk]) in after
    listed = client.get(reverse("sync:run", args=[run.pk])).content.decode()
    assert reverse("sync:order", args=[story.profile.pk, order]) in listed


@pytest.mark.covers("ORD-03", "LOG-05")
@pytest.mark.parametrize(("language", "mark"), [("fr", ","), ("en", ".")])
def test_amounts_of_the_page_are_written_as_its_language_does_and_the_status_as_the_shop_does(
    story: Story, language: str, mark: str
) -> None:
    catalogs.refresh(story.profile, Side.SHOP)
    order = _buy(story, quantity=2)
    assert story.run("orders").created == 1
    total = story.rest(f"orders/{order}")["total"]
    client = _client(story)
    User.objects.update(language=language)
    page = _page(client, story, order)
    assert f" · {total.replace('.', mark)} EUR" in page
    reckoning = re.findall(r'class="line-formula">([^<]+)', page)
    assert reckoning
    assert all(re.search(rf"= \d+\{mark}\d", text) for text in reckoning), reckoning
    other = "." if mark == "," else ","
    assert not any(re.search(rf"\d\{other}\d", text) for text in reckoning), reckoning
    status = story.rest(f"orders/{order}")["status"]
    label = {one.key: one.label for one in catalogs.choices(story.profile, "shop.order_statuses")}[status]
    assert f"{label} <code>{status}</code>" in page
    ReferenceList.objects.all().delete()
    assert f"<dd>{status}" in _page(client, story, order), "the key alone while the list was never read"


@pytest.mark.covers("ORD-12")
def test_a_refused_order_shows_its_cause_with_the_place_to_mend_it(story: Story) -> None:
    options_store.save(story.profile, {"order_taxes": {"tax_map": {}, "tax_by_percent": False}}, author=None)
    body = _page(_client(story), story, _buy(story))
    assert "n’a pas de code taxe dans l’ERP" in body
    place = f"/profils/{story.profile.pk}/reglages/order_taxes/#id_order_taxes-tax_map_field"
    assert place in body[body.index("problem-card") :]


@pytest.mark.covers("ORD-03")
def test_an_amount_changed_by_hand_is_shown_as_a_difference(story: Story) -> None:
    order = _buy(story)
    assert story.run("orders").created == 1
    held = story.erp.documents(order)[0].total_gross
    story.erp.update("F_DOCENTETE", "DO_NoWeb", order, DO_TotalTTC=held + 5)
    body = _page(_client(story), story, order)
    assert 'class="amount-wrong">5,00' in body


def test_a_shop_that_is_away_is_told_in_words(story: Story) -> None:
    options_store.save(story.profile, {"shop": {"url": "http://127.0.0.1:9"}}, author=None)
    body = _page(_client(story), story, "12")
    assert "problem" in body
    assert "Traceback" not in body


@pytest.mark.covers("LOG-05")
def test_an_order_is_found_by_its_id_or_its_number(story: Story) -> None:
    client, address = _client(story), reverse("sync:order_find", args=[story.profile.pk])
    Link.objects.create(profile=story.profile, entity="order", erp_key="77", shop_key="77", reference="CMD-9")
    for typed in ("77", "#CMD-9"):
        response = client.get(address, {"numero": typed})
        assert response.headers["Location"] == reverse("sync:order", args=[story.profile.pk, "77"])
    assert client.get(address).headers["Location"] == reverse("sync:sync", args=[story.profile.pk])
    assert "Voir le calcul d’une commande" in client.get(reverse("sync:sync", args=[story.profile.pk])).content.decode()


@pytest.mark.covers("ORD-14", "ORD-07")
def test_reset_orders_are_read_again_and_never_doubled(story: Story) -> None:
    orders = [_buy(story), _buy(story, "RECHAUD")]
    assert story.run("orders").created == 2
    marks = [meta["value"] for key in orders for meta in story.rest(f"orders/{key}")["meta_data"] if _is_mark(meta)]
    assert len(marks) == 2
    reset = desk.orders_reset(story.profile)
    assert (sorted(reset.done), reset.absent, reset.failed) == (sorted(orders), (), {})
    assert not Link.objects.filter(entity="order").exists()
    assert not [meta for key in orders for meta in story.rest(f"orders/{key}")["meta_data"] if _is_mark(meta)]
    again = story.run("orders")
    assert (again.read, again.created, again.updated, again.failed, again.refused) == (2, 0, 2, 0, 0)
    assert [len(story.erp.documents(key)) for key in orders] == [1, 1]
    assert Link.objects.filter(entity="order").count() == 2


def _is_mark(meta: dict[str, Any]) -> bool:
    return "atoosync" in str(meta["key"])


@pytest.mark.covers("ORD-14")
def test_a_reset_needs_a_manager_and_the_typed_word(story: Story) -> None:
    order = _buy(story)
    assert story.run("orders").created == 1
    url = reverse("sync:orders_reset", args=[story.profile.pk])
    data = {"commandes": order, "confirmation": "REINITIALISER"}
    assert _client(story, Role.OPERATOR).post(url, data).status_code == 403
    manager = _client(story, Role.MANAGER)
    assert "rien n’a été réinitialisé" in manager.post(url, {"commandes": order}, follow=True).content.decode()
    assert Link.objects.filter(entity="order", shop_key=order).exists()
    body = manager.post(url, {**data, "commandes": f"{order}, 999999"}, follow=True).content.decode()
    assert "1 commande est réinitialisée" in body
    assert "Absentes de la boutique : 999999" in body
    assert not Link.objects.filter(entity="order").exists()
    assert len(story.erp.documents(order)) == 1


@pytest.mark.covers("ORD-14")
@pytest.mark.parametrize(("typed", "left"), [("toutes", 0), ("ALL", 0), ("{0}, {1}", 1)])
def test_some_or_all_orders_are_reset_from_the_page(story: Story, typed: str, left: int) -> None:
    orders = [_buy(story) for _ in range(3)]
    assert story.run("orders").created == 3
    url = reverse("sync:orders_reset", args=[story.profile.pk])
    data = {"commandes": typed.format(*orders), "confirmation": "REINITIALISER"}
    body = _client(story, Role.MANAGER).post(url, data, follow=True).content.decode()
    assert f"{3 - left} commandes sont réinitialisées" in body
    kept = set(Link.objects.filter(entity="order").values_list("shop_key", flat=True))
    assert kept == set(orders[3 - left :])
    assert story.run("orders").created == 0
    assert [len(story.erp.documents(key)) for key in orders] == [1, 1, 1]


@pytest.mark.covers("ORD-14")
def test_a_reset_that_the_shop_refuses_keeps_the_order_transferred(story: Story) -> None:
    order = _buy(story)
    assert story.run("orders").created == 1
    Run.objects.create(tenant=story.tenant, profile=story.profile, flow="orders", lock="orders", state=RunState.RUNNING)
    with pytest.raises(RunRefused):
        desk.orders_reset(story.profile, [order])
    assert Link.objects.filter(entity="order", shop_key=order).exists()


@pytest.mark.covers("ORD-13", "ORD-14")
def test_a_document_deleted_by_hand_is_imported_again_on_demand_only(story: Story) -> None:
    order = _buy(story)
    assert story.run("orders").created == 1
    _delete_document(story, order)
    assert story.run("orders", full=True).created == 0
    client = _client(story)
    assert "Importer à nouveau" in _page(client, story, order)
    url = reverse("sync:order_import", args=[story.profile.pk, order])
    assert (
        "Seul un gestionnaire" in _client(story, Role.OPERATOR).post(url, {"again": "1"}, follow=True).content.decode()
    )
    client.post(url, {"again": "1"})
    assert story.finish(Run.objects.filter(flow="orders").latest("pk")).created == 1
    documents = story.erp.documents(order)
    assert len(documents) == 1
    assert documents[0].total_gross == Decimal(story.rest(f"orders/{order}")["total"])


@pytest.mark.covers("ORD-02", "ORD-14")
def test_an_order_whose_status_is_not_imported_keeps_its_transfer(story: Story) -> None:
    order = _buy(story)
    assert story.run("orders").created == 1
    _delete_document(story, order)
    options_store.save(story.profile, {"orders": {"statuses": {"refunded": "order"}}}, author=None)
    with pytest.raises(RunRefused, match="n’est pas à importer"):
        desk.order_import_again(story.profile, order, by=None)
    assert Link.objects.filter(entity="order", shop_key=order).exists()


@pytest.mark.covers("ORD-10")
@pytest.mark.parametrize(
    ("flow", "words"), [("orders", "Un identifiant de la boutique"), ("stock", "de l’ERP par ligne")]
)
def test_the_preview_says_whose_references_it_takes(story: Story, flow: str, words: str) -> None:
    address = reverse("sync:preview_new", args=[story.profile.pk, flow])
    assert words in _client(story).get(address).content.decode()
