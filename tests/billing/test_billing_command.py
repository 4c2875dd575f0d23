"""``manage.py units``: booking, showing and verifying from the shell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing import ledger
from billing.models import Account
from profiles.models import Tenant

pytestmark = pytest.mark.covers("BIL-01", "BIL-03")


@pytest.fixture
def units(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command with --json and return its document."""

    def run(*arguments: str) -> Any:
        call_command("units", *arguments, "--json")
        return json.loads(capsys.readouterr().out)

    return run


def test_book_is_done_once_per_key(units: Any, tenant: Tenant) -> None:
    arguments = ("book", "--tenant", tenant.slug, "--kind", "export", "--units", "100", "--key", "invoice-1")
    expected = {
        "tenant": "maison-dupont",
        "kind": "export",
        "units": 100,
        "key": "invoice-1",
        "bought": 100,
        "used": 0,
        "reserved": 0,
        "available": 100,
    }
    assert [units(*arguments), units(*arguments)] == [expected, expected]


def test_book_without_a_key_books_each_time(units: Any, tenant: Tenant) -> None:
    arguments = ("book", "--tenant", str(tenant.pk), "--kind", "import", "--units", "10", "--note", "Offert")
    assert [units(*arguments)["bought"] for _ in range(2)] == [10, 20]


def test_correct_takes_units_back(units: Any, tenant: Tenant) -> None:
    units("book", "--tenant", tenant.name, "--kind", "export", "--units", "100")
    assert units("correct", "--tenant", tenant.slug, "--kind", "export", "--units", "-40")["available"] == 60


def test_show_names_both_counters(units: Any, tenant: Tenant) -> None:
    units("book", "--tenant", tenant.slug, "--kind", "export", "--units", "100")
    ledger.reserve(tenant_id=tenant.pk, kind="export", units=30, key="r", owner="o")
    assert units("show", "--tenant", tenant.slug) == {
        "tenant": "maison-dupont",
        "export": {"bought": 100, "used": 0, "reserved": 30, "available": 70},
        "import": {"bought": 0, "used": 0, "reserved": 0, "available": 0},
    }


@pytest.mark.covers("BIL-04")
def test_verify_fails_when_an_account_was_tampered_with(
    units: Any, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    units("book", "--tenant", tenant.slug, "--kind", "export", "--units", "100")
    assert units("verify") == {"tenants": 1, "discrepancies": []}
    Account.objects.filter(tenant=tenant).update(bought=1000)
    with pytest.raises(CommandError, match="1 figures disagree"):
        call_command("units", "verify", "--tenant", tenant.slug)
    assert "export bought: 1000 ≠ 100" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("book", "--tenant", "nobody", "--kind", "export", "--units", "1"), "No tenant"),
        (("book", "--tenant", "maison-dupont", "--kind", "both", "--units", "1"), "invalid choice"),
        (("book", "--tenant", "maison-dupont", "--kind", "export", "--units", "0"), "positive"),
        (("correct", "--tenant", "maison-dupont", "--kind", "export", "--units", "-1"), "1 units asked for"),
    ],
)
def test_refusals_are_one_sentence(tenant: Tenant, arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("units", *arguments)
    assert ledger.verify(tenant.pk) == []
