"""``manage.py profile create|run``: a profile from a file, and a flow run to its end."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing import ledger
from connectors.testing import fakes
from connectors.testing.builders import product
from profiles.models import Profile, Tenant

DOCUMENT = """
name: Boutique
erp: fake_erp
shop: fake_shop
options:
  products: {tax_map: {TVA20: ${CLASS}}}
  categories: {source: catalogue}
"""


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CLASS", "standard")
    path = tmp_path / "profile.yaml"
    path.write_text(DOCUMENT)
    return str(path)


@pytest.fixture
def profile(db: None, document: str) -> Profile:
    call_command("profile", "create", document, tenant="Maison", units=50)
    return Profile.objects.get()


def _run(capsys: pytest.CaptureFixture[str], profile: Profile, *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    with suppress(SystemExit):
        call_command("profile", "run", str(profile.pk), *arguments, "--json")
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.covers("PRF-09", "BIL-05")
def test_a_profile_from_a_file_can_spend_both_kinds_of_units(profile: Profile) -> None:
    bought = {kind: found.bought for kind, found in ledger.balances(tenant_id=profile.tenant_id).items()}
    assert bought == {"export": 50, "import": 50}


@pytest.mark.covers("PRF-09")
def test_a_file_with_a_wrong_setting_leaves_no_company_no_profile_and_no_units(db: None, document: str) -> None:
    with pytest.raises(CommandError, match=r"categories\.source"):
        call_command("profile", "create", document, "--set", "categories.source=nowhere", tenant="Maison", units=50)
    assert not Tenant.objects.exists()
    assert not Profile.objects.exists()


@pytest.mark.covers("CAT-01", "LOG-04")
def test_what_the_shop_refused_goes_out_again_only_when_asked(
    profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.world().put(product("A1"), product("A2"))
    fakes.world().refuse.add("A2")
    first = _run(capsys, profile, "products", "--approve-match")
    assert (first["status"], first["created"], first["refused"], first["units"]) == ("partial", 1, 1, 1)
    assert [cause["items"] for cause in first["causes"]] == [["A2"]]
    fakes.world().refuse.clear()
    held = _run(capsys, profile, "products", "--full")
    assert (held["refused"], held["created"]) == (1, 0)
    again = _run(capsys, profile, "products", "--full", "--retry")
    assert (again["refused"], again["created"], again["units"]) == (0, 1, 1)


def test_an_unknown_flow_is_named_with_the_known_ones(profile: Profile) -> None:
    with pytest.raises(CommandError, match=r"Traitement inconnu : produits\. Connus : .*products"):
        call_command("profile", "run", str(profile.pk), "produits")
