"""What people wrote on an order of the shop, in its document (SHP-02)."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing import ledger
from connectors.canonical.keys import Entity
from connectors.core.query import Query
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles.models import MatchState, Profile
from tests.connectors.woocommerce.support import connect
from tests.flows.conftest import Story, make_story
from tests.flows.test_orders import ORDER_OPTIONS

pytestmark = [pytest.mark.odbc, pytest.mark.covers("SHP-02")]


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "texts.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    options = {**ORDER_OPTIONS, "shop": {"team_notes": True}}
    options["order_customers"] = {**options["order_customers"], "name_from": "person"}
    story = make_story(erp, shop, **options)
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=100, key="imports", note="", actor="test")
    assert story.run("products", keys=["TENTE2P"]).created
    return story


def _noted_order(story: Story) -> str:
    who = {"first_name": "Jeanne", "last_name": "Petit", "company": "Petit SARL", "email": "petit@example.net"}
    where = {**who, "address_1": "1 rue Haute", "postcode": "69001", "city": "Lyon", "country": "FR"}
    body = {"line_items": [{"sku": "TENTE2P", "quantity": 1}], "set_paid": True, "billing": where, "shipping": where}
    order = story.rest("orders", {**body, "customer_note": "Laisser au voisin"}, method="POST")["id"]
    for note in ("Client &agrave; rappeler", "Colis <b>fragile</b>"):
        story.rest(f"orders/{order}/notes", {"note": note, "added_by_user": True}, method="POST")
    story.rest(f"orders/{order}/notes", {"note": "Note d’une extension"}, method="POST")
    return str(order)


def test_notes_of_people_are_read_oldest_first_and_only_on_demand(story: Story) -> None:
    order = _noted_order(story)
    for wanted, texts in ((True, ("Client à rappeler", "Colis fragile")), (False, ())):
        opened = connect(story.shop, team_notes=wanted)
        (page,) = opened.reader(Entity.ORDER).pages(Query(), keys=[order])
        opened.close()
        assert [one.team_notes for one in page.records] == [texts]


def test_the_document_holds_message_and_notes_and_the_person_names_customer_and_address(story: Story) -> None:
    order = _noted_order(story)
    assert story.run("orders").created == 1
    piece = story.erp.documents(order)[0].piece
    with story.erp.session(write=False) as session:
        (customer,) = session.all(
            "SELECT c.CT_Intitule FROM F_COMPTET c INNER JOIN F_DOCENTETE e ON e.DO_Tiers = c.CT_Num "
            "WHERE e.DO_Piece = ?",
            (piece,),
        )
        labels = [str(row[0]) for row in session.all("SELECT LI_Intitule FROM F_LIVRAISON WHERE LI_Ville = 'Lyon'")]
        lines = session.all("SELECT DT_Text FROM F_DOCLIGNETEXT")
    assert customer[0] == "Jeanne Petit"
    assert "Jeanne Petit" in labels
    assert "Petit SARL" not in labels
    assert ["Laisser au voisin", "Client à rappeler", "Colis fragile"] in [str(row[0]).splitlines() for row in lines]
