"""The page of the units for members, and booking by the host: who sees what, and what one click may do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import ledger
from billing.ledger import Balance
from billing.models import LedgerEntry
from profiles.models import Membership, Role, Tenant, User

Buy = Callable[..., LedgerEntry]
pytestmark = pytest.mark.covers("BIL-01")
PAGE, BOOKING = "/unites/", "/unites/creditation/"


@pytest.fixture
def member(tenant: Tenant) -> Client:
    """Bob, who may only read."""
    user = User.objects.create_user("bob@example.test")
    Membership.objects.create(user=user, tenant=tenant, role=Role.READER)
    return signed_in(user)


@pytest.fixture
def host(tenant: Tenant) -> Client:
    """Staff of the platform, member of no tenant."""
    return signed_in(User.objects.create_user("host@example.test", is_staff=True))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(client: Client, address: str = PAGE) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode().replace("\u202f", " ").replace("\xa0", " ")


def booking(tenant: Tenant, /, **changes: object) -> dict[str, object]:
    return {
        "tenant": tenant.pk,
        "kind": "export",
        "movement": "credit",
        "units": 500,
        "note": "Facture 7",
        "key": "booking/1",
        **changes,
    }


def test_every_member_sees_bought_used_and_available(tenant: Tenant, member: Client, buy: Buy) -> None:
    buy(tenant, 12_000)
    ledger.spend(tenant_id=tenant.pk, kind="export", units=1_500, key="s", reference="Exporter les articles n° 3")
    page = text(member)
    for words in (
        "Acheté",
        "Utilisé",
        "Disponible",
        "12 000",
        "1 500",
        "10 500",
        "Facture 1",
        "Exporter les articles n° 3",
    ):
        assert words in page
    assert BOOKING not in page


def test_tenant_without_units_is_told_what_to_do(member: Client) -> None:
    page = text(member)
    assert "Aucune unité achetée" in page
    assert "Aucun mouvement pour l’instant" in page


@pytest.mark.covers("BIL-05")
@pytest.mark.parametrize(
    ("spent", "expected"), [(79, []), (80, ["20 % ou moins"]), (95, ["5 % ou moins"]), (100, ["Quota épuisé"])]
)
def test_the_page_warns_at_the_thresholds(
    tenant: Tenant, member: Client, buy: Buy, spent: int, expected: list[str]
) -> None:
    buy(tenant, 100)
    ledger.spend(tenant_id=tenant.pk, kind="export", units=spent, key="s", reference="run 1")
    page = text(member)
    assert [words for words in ("20 % ou moins", "5 % ou moins", "Quota épuisé") if words in page] == expected


@pytest.mark.covers("ACC-04")
def test_stranger_sees_nothing_of_another_tenant(tenant: Tenant, stranger: User, buy: Buy) -> None:
    buy(tenant, 4_321)
    page = text(signed_in(stranger))
    assert "4 321" not in page
    assert "Facture 1" not in page


@pytest.mark.covers("ACC-04")
@pytest.mark.parametrize("address", [PAGE, BOOKING])
def test_visitor_goes_to_the_sign_in_page(db: None, client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 302
    assert "next=" in response["Location"]


@pytest.mark.covers("ACC-07")
@pytest.mark.parametrize("method", ["get", "post"])
def test_booking_does_not_exist_for_an_owner(tenant: Tenant, owner: User, method: str) -> None:
    response = getattr(signed_in(owner), method)(BOOKING, booking(tenant))
    assert response.status_code == 404
    assert ledger.balance(tenant_id=tenant.pk, kind="export") == Balance()


@pytest.mark.covers("BIL-03")
def test_host_books_units_once_even_when_the_form_is_sent_twice(tenant: Tenant, host: Client) -> None:
    for _ in range(2):
        response = host.post(BOOKING, booking(tenant))
        assert (response.status_code, response["Location"]) == (302, BOOKING)
    assert ledger.balance(tenant_id=tenant.pk, kind="export") == Balance(bought=500)
    entry = LedgerEntry.objects.get()
    assert (entry.actor, entry.note) == ("host@example.test", "Facture 7")
    page = text(host, BOOKING)
    assert "Maison Dupont" in page
    assert "500 unités export enregistrées pour Maison Dupont" in page


@pytest.mark.covers("BIL-03")
def test_each_empty_form_has_its_own_key(tenant: Tenant, host: Client) -> None:
    keys = {str(host.get(BOOKING).context["form"]["key"].value()) for _ in range(2)}
    assert len(keys) == 2


@pytest.mark.covers("BIL-03")
@pytest.mark.parametrize(
    "changes",
    [
        {"units": 0},
        {"units": -5},
        {"units": ""},
        {"kind": "both"},
        {"movement": "spend"},
        {"tenant": 999_999},
        {"movement": "correction", "units": -1},
        {"movement": "correction", "units": 0},
    ],
)
def test_impossible_bookings_get_a_message_at_their_field(
    tenant: Tenant, host: Client, changes: dict[str, object]
) -> None:
    response = host.post(BOOKING, booking(tenant, **changes))
    assert response.status_code == 200
    assert response.context["form"].errors
    assert not LedgerEntry.objects.exists()


@pytest.mark.covers("BIL-03")
def test_used_key_with_other_units_is_refused_with_a_sentence(tenant: Tenant, host: Client) -> None:
    host.post(BOOKING, booking(tenant))
    response = host.post(BOOKING, booking(tenant, units=600))
    assert "rechargez la page" in response.content.decode()
    assert ledger.balance(tenant_id=tenant.pk, kind="export").bought == 500


@pytest.mark.covers("BIL-04")
def test_ledger_is_filtered_and_paged(tenant: Tenant, member: Client, buy: Buy) -> None:
    for number in range(60):
        buy(tenant, 1, kind="import" if number % 2 else "export", key=f"invoice-{number}")
    response = member.get(PAGE, {"kind": "import", "page": 2})
    page = response.context["page"]
    assert (page.paginator.count, len(page), page.number) == (30, 5, 2)
    assert {entry.account.kind for entry in page} == {"import"}
    assert member.get(PAGE, {"kind": "nonsense", "page": "x"}).context["page"].paginator.count == 60


@pytest.mark.covers("BIL-04")
def test_the_page_costs_the_same_queries_with_one_and_with_many_movements(
    tenant: Tenant, member: Client, buy: Buy
) -> None:
    buy(tenant, 1)
    member.get(PAGE)
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as captured:
            text(member)
        counts.append(len(captured))
        for movement in range(50):
            buy(tenant, 1, key=f"{number}-{movement}")
    assert counts[0] == counts[1]
    assert counts[0] <= 10


@pytest.mark.covers("BIL-04")
def test_administration_shows_the_ledger_and_changes_nothing(tenant: Tenant, buy: Buy) -> None:
    entry = buy(tenant, 10)
    admin = signed_in(User.objects.create_superuser("root@example.test"))
    for model, pk in (("ledgerentry", entry.pk), ("account", entry.account_id)):
        assert admin.get(f"/admin/billing/{model}/").status_code == 200
        assert admin.get(f"/admin/billing/{model}/{pk}/change/").status_code == 200
        assert admin.post(f"/admin/billing/{model}/{pk}/change/", {"units": 9, "bought": 9}).status_code == 403
        assert admin.post(f"/admin/billing/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403
        assert admin.get(f"/admin/billing/{model}/add/").status_code == 403
    assert admin.get("/admin/billing/reservation/").status_code == 200
    assert ledger.balance(tenant_id=tenant.pk, kind="export").bought == 10


def test_units_of_a_run_lead_to_its_page(member: Client, tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 50)
    ledger.spend(tenant_id=tenant.pk, kind="export", units=1, key="spent-1", reference="run:12")
    page = text(member)
    assert '<a href="/journaux/12/">Exécution n° 12</a>' in page
    assert "run:12" not in page
