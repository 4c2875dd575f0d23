"""The import contracts of ``pyproject.toml``: kept by the tree, and broken by what they forbid."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ["atoosync", "scheduler", "sync", "billing", "profiles", "connectors"]


@pytest.fixture(scope="module")
def contracts_declared() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"])


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_tree_keeps_every_contract() -> None:
    found = lint(ROOT)
    assert found.returncode == 0, found.stdout[-3000:]
    assert " 0 broken" in found.stdout


def test_layers_and_packages_are_the_declared_ones(contracts_declared: dict[str, Any]) -> None:
    layers = next(contract for contract in contracts_declared["contracts"] if contract["type"] == "layers")
    assert layers["layers"] == LAYERS
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages == set(LAYERS) == set(contracts_declared["root_packages"])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree with the project's contracts and one empty module per package they name."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for path in ROOT.rglob("*.py"):
        relative = path.relative_to(ROOT)
        if relative.parts[0] in LAYERS and "migrations" not in relative.parts:
            target = tmp_path / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
    return tmp_path


def test_an_empty_tree_keeps_every_contract(copy: Path) -> None:
    found = lint(copy)
    assert found.returncode == 0, found.stdout[-3000:]


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("connectors/core/ports.py", "import profiles.models"),
        ("profiles/services.py", "import sync.services"),
        ("billing/ledger.py", "from sync import models"),
        ("sync/services.py", "import scheduler.beat"),
        ("scheduler/beat.py", "import atoosync.settings"),
        ("connectors/canonical/base.py", "from django.utils import timezone"),
        ("connectors/core/spec.py", "import celery"),
        ("connectors/sandbox/httpd.py", "from connectors.canonical import values"),
        ("connectors/sandbox/httpd.py", "from connectors.core import problems"),
        ("connectors/core/ports.py", "from connectors.sandbox import httpd"),
        ("sync/services.py", "import connectors.testing"),
        ("connectors/shops/woocommerce/__init__.py", "from connectors.erp import sage100"),
        ("connectors/shops/woocommerce/__init__.py", "import requests"),
        ("profiles/services.py", "import pyodbc"),
        ("sync/services.py", "import urllib3"),
        ("scheduler/beat.py", "from sync.models import link"),
    ],
)
def test_a_forbidden_import_is_noticed(copy: Path, module: str, forbidden: str) -> None:
    (copy / module).write_text(forbidden + "\n")
    found = lint(copy)
    assert found.returncode != 0, f"{module}: {forbidden} passed"
    assert "BROKEN" in found.stdout
