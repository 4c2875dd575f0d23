"""The measurement of the pages works, and leaves nothing behind."""

from __future__ import annotations

import pytest
from django.db import connection

from profiles.models import Tenant, User
from sync.bench import pages
from sync.models import JournalEntry, Link, Run

pytestmark = pytest.mark.django_db


@pytest.mark.postgres
@pytest.mark.covers("LOG-02", "LOG-03", "LOG-07")
def test_bench_measures_and_removes_its_rows() -> None:
    found = pages.run(json=True, runs=60, lines=6_000)
    assert set(found["pages"]) >= {"dashboard", "runs", "run"}
    assert found["constant_queries"], found["pages"]
    assert all(page["median_ms"] > 0 for page in found["pages"].values())
    for model in (Tenant, User, Run, JournalEntry, Link):
        assert not model.objects.exists()


def test_bench_refuses_another_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")
    with pytest.raises(pages.NeedsPostgreSQL):
        pages.run(json=True)
    assert not Tenant.objects.exists()
