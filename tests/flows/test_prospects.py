"""«Importer les prospects»: accounts of the shop without orders become customers of the ERP, once, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import options_store
from profiles.models import MatchState, Profile
from sync import services
from sync.models import JournalEntry, Link, LinkState, LinkStatus, Run, RunResult
from tests.connectors.sage100.writing_support import Faults, failing
from tests.flows.conftest import Story, make_story
from tests.flows.test_orders import ORDER_OPTIONS

pytestmark = [pytest.mark.odbc, pytest.mark.covers("CUS-07")]

ADDRESS = {"address_1": "8 avenue Foch", "postcode": "44000", "city": "Nantes", "country": "FR", "phone": "0240000000"}


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "prospects.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    """The demo merchant with import units, and a shop without accounts but those of its staff."""
    story = make_story(erp, shop, **ORDER_OPTIONS, prospects={"accounting_category": "2"})
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=100, key="imports", note="", actor="test")
    for row in story.rest("customers"):
        story.rest(f"customers/{row['id']}?force=true", method="DELETE")
    return story


def _account(story: Story, first: str, email: str = "", **more: Any) -> str:
    """A new account of the shop; its key."""
    email = email or f"{first.lower()}@example.net"
    billing = {"first_name": first, "last_name": "Bernard", **ADDRESS, "email": email}
    body = {"email": email, "first_name": first, "last_name": "Bernard", "billing": billing, **more}
    return str(story.rest("customers", body, method="POST")["id"])


def _order(story: Story, account: str) -> str:
    if not story.shop.app.inspect({"sku": "TENTE2P"})["products"]:
        assert story.run("products", keys=["TENTE2P"]).created
    billing = story.rest(f"customers/{account}")["billing"]
    body = {"line_items": [{"sku": "TENTE2P", "quantity": 1}], "set_paid": True, "payment_method": "bacs"}
    body |= {"customer_id": int(account), "billing": billing, "shipping": billing}
    return str(story.rest("orders", body, method="POST")["id"])


def _customers(story: Story, number: str = "") -> list[tuple[str, str, str, int]]:
    """Number, name, e-mail and mark of the customers of the ERP, or of one."""
    with story.erp.session(write=False) as session:
        rows = session.all("SELECT CT_Num, CT_Intitule, CT_EMail, CT_Prospect FROM F_COMPTET WHERE CT_Type = 0")
    found = [(str(row[0]), str(row[1]), str(row[2] or ""), int(row[3] or 0)) for row in rows]
    return [one for one in found if number in ("", one[0])]


def _with_email(story: Story) -> list[tuple[str, str, str, int]]:
    return [one for one in _customers(story) if one[2]]


def _units(story: Story) -> int:
    return ledger.balance(tenant_id=story.tenant.pk, kind="import").used


def _causes(run: Run) -> list[tuple[str, str]]:
    return list(JournalEntry.objects.filter(run=run).values_list("code", "text"))


@pytest.mark.covers("CUS-08", "BIL-04")
def test_an_account_without_order_becomes_a_prospect_and_a_second_run_writes_nothing(story: Story) -> None:
    account = _account(story, "Claire")
    before = len(_customers(story))
    run = story.run("prospects")
    assert (run.created, run.result) == (1, RunResult.SUCCESS), _causes(run)
    number = f"WEB{account.zfill(9)}"
    assert _customers(story, number) == [(number, "Claire Bernard", "claire@example.net", 1)]
    with story.erp.session(write=False) as session:
        statement = "SELECT CT_Ville, N_CatCompta, CG_NumPrinc FROM F_COMPTET WHERE CT_Num = ?"
        (row,) = session.all(statement, (number,))
    assert (row[0], int(row[1]), bool(row[2])) == ("Nantes", 2, True)
    assert Link.objects.get(entity="customer", shop_key=account).erp_key == number
    assert _units(story) == 1
    fingerprint = story.erp.fingerprint()
    again = story.run("prospects", full=True)
    assert (again.sent, again.excluded) == (0, again.read)
    assert story.erp.fingerprint() == fingerprint
    assert (len(_customers(story)), _units(story)) == (before + 1, 1)


def test_buyers_guests_staff_and_erased_or_empty_accounts_are_left_out_and_told(story: Story) -> None:
    buyer = _account(story, "Buyer")
    _order(story, buyer)
    story.shop.app.mutate("checkout", {"items": [{"sku": "TENTE2P", "quantity": 1}]})
    erased = {"first_name": "[deleted]", "last_name": "[deleted]", "email": "deleted@site.invalid", "city": "x"}
    _account(story, "Erased", billing=erased)
    _account(story, "Robot", billing={})
    before = _customers(story)
    run = story.run("prospects")
    assert (run.created, run.sent) == (0, 0)
    reasons = dict(run.excluded_reasons)
    assert reasons.pop("A déjà commandé") == 1
    assert reasons == {"Données personnelles effacées dans la boutique": 1, "Compte sans nom ou sans adresse": 1}
    assert _customers(story) == before
    options_store.save(story.profile, {"prospects": {"address_needed": False}}, author=None)
    assert story.run("prospects").created == 1
    assert [name for number, name, *_ in _customers(story) if number not in {one[0] for one in before}] == [
        "Robot Bernard"
    ]


def test_an_order_before_the_chosen_day_leaves_the_account_a_prospect(story: Story) -> None:
    account = _account(story, "Ancien")
    order = _order(story, account)
    tomorrow = (timezone.now() + timedelta(days=2)).date().isoformat()
    options_store.save(story.profile, {"prospects": {"since": "days", "since_days": 1}}, author=None)
    assert story.run("prospects").created == 0
    options_store.save(story.profile, {"prospects": {"since": "date", "since_date": tomorrow}}, author=None)
    assert story.run("prospects").created == 1, order


def test_the_checklist_names_what_is_missing_and_the_flow_is_offered(story: Story) -> None:
    assert "prospects" in [flow.key for flow in services.available_flows(story.profile)]
    changes = {"prospects": {"accounting_category": "", "since": "date"}, "order_customers": {"ledger": "shared"}}
    options_store.save(story.profile, changes, author=None)
    with pytest.raises(services.RunRefused) as caught:
        services.run_request(profile=story.profile, flow="prospects")
    missing = {f"{one.section}.{one.info.name}" for one in caught.value.missing}
    assert missing == {"prospects.accounting_category", "prospects.since_date", "order_customers.ledger_account"}
    with pytest.raises(options_store.OptionsRefused, match="Ce jour"):
        options_store.save(story.profile, {"prospects": {"since_date": "2026-02-30"}}, author=None)


def test_a_preview_tells_who_would_be_created_and_writes_nothing(story: Story) -> None:
    _account(story, "Claire")
    known = _with_email(story)[0]
    _account(story, "Known", known[2])
    before = story.erp.fingerprint()
    run = story.run("prospects", dry=True)
    assert (run.created, run.excluded_reasons) == (1, {"Déjà client dans l’ERP": 1})
    assert (story.erp.fingerprint(), _units(story)) == (before, 0)
    assert not Link.objects.filter(entity="customer").exists()


@pytest.mark.covers("CUS-08")
def test_a_customer_with_the_same_email_is_linked_and_never_changed(story: Story) -> None:
    number, name, email, mark = _with_email(story)[0]
    account = _account(story, "Known", email.upper())
    before = story.erp.fingerprint()
    run = story.run("prospects")
    assert (run.created, run.unchanged, run.refused) == (0, 1, 0), _causes(run)
    assert story.erp.fingerprint() == before
    assert Link.objects.get(entity="customer", shop_key=account).erp_key == number
    assert _customers(story, number) == [(number, name, email, mark)]
    assert _units(story) == 0
    options_store.save(story.profile, {"order_customers": {"search_email": False}}, author=None)
    services.link_forget(story.profile, entity=Link.objects.get(entity="customer").entity, keys=[number])
    assert story.run("prospects").created == 1


@pytest.mark.covers("CUS-08")
def test_an_email_that_several_customers_carry_decides_nothing_and_is_told(story: Story) -> None:
    first, second = _with_email(story)[:2]
    story.erp.update("F_COMPTET", "CT_Num", second[0], CT_EMail=first[2])
    _account(story, "Shared", first[2])
    before = story.erp.fingerprint()
    run = story.run("prospects")
    assert (run.created, run.refused) == (0, 1)
    entry = JournalEntry.objects.get(run=run, outcome="refused")
    assert entry.code == "prospect_email_shared"
    assert first[0] in entry.text
    assert second[0] in entry.text
    assert story.erp.fingerprint() == before


@pytest.mark.covers("BIL-04")
def test_p01_a_lost_answer_makes_one_prospect_and_one_unit(story: Story) -> None:
    account = _account(story, "Claire")
    before = len(_customers(story))
    with failing(Faults(commit="after"), "odbc"):
        run = story.run("prospects")
    assert (run.created, run.failed) == (0, 1)
    assert len(_customers(story)) == before + 1, "the ERP did create it"
    assert Link.objects.get(entity="customer", shop_key=account).status == LinkStatus.CREATING
    LinkState.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert story.run("prospects").created == 1
    assert (len(_customers(story)), _units(story)) == (before + 1, 1)
    assert Link.objects.get(entity="customer", shop_key=account).status == LinkStatus.LINKED
    assert story.run("prospects").sent == 0


@pytest.mark.covers("BIL-04")
def test_p01_an_answer_lost_before_the_commit_is_sent_again_once(story: Story) -> None:
    _account(story, "Claire")
    before = len(_customers(story))
    with failing(Faults(commit="before"), "odbc"):
        assert story.run("prospects").failed == 1
    assert len(_customers(story)) == before
    LinkState.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert story.run("prospects").created == 1
    assert (len(_customers(story)), _units(story)) == (before + 1, 1)


@pytest.mark.covers("CUS-08")
@pytest.mark.parametrize("search_email", [True, False])
def test_the_first_order_of_a_prospect_takes_the_same_customer(story: Story, search_email: bool) -> None:
    options_store.save(story.profile, {"order_customers": {"search_email": search_email}}, author=None)
    account = _account(story, "Claire")
    assert story.run("prospects").created == 1
    before = len(_customers(story))
    order = _order(story, account)
    assert story.run("orders").created == 1
    number = Link.objects.get(entity="customer", shop_key=account).erp_key
    assert Link.objects.get(entity="order", shop_key=order).steps["customer"] == number
    assert len(_customers(story)) == before
    assert story.run("prospects").excluded_reasons == {"A déjà commandé": 1}
