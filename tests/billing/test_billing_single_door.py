"""Only `billing.ledger` writes units."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGES = ("atoosync", "billing", "profiles", "scheduler", "sync")
WRITES = re.compile(
    r"(?<!class )\b(LedgerEntry|Reservation)(\.objects\.(create|get_or_create|update_or_create)|)\("
    r"|\.update\(\s*(bought|used|reserved|granted|settled)="
)


@pytest.mark.covers("BIL-04")
def test_no_other_module_writes_entries_reservations_or_figures(project_root: Path) -> None:
    writers = {
        str(path.relative_to(project_root))
        for package in PACKAGES
        for path in (project_root / package).rglob("*.py")
        if "migrations" not in path.parts and WRITES.search(path.read_text(encoding="utf-8"))
    }
    assert writers == {"billing/ledger.py"}
