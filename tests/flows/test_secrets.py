"""Canary secrets in every connection: no journal line, log, page or column ever shows one (P34)."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from connectors.sandbox.sage100 import Sage100Sandbox
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import options_store
from profiles.models import Role
from sync.models import JournalEntry, Run
from tests.factories import make_user
from tests.flows.conftest import Story, make_story

pytestmark = [pytest.mark.odbc, pytest.mark.covers("PRF-08", "LOG-04")]

ODBC_CANARY = "canari-odbc-7d1f0a55"
KEY_CANARY = "ck_canari0e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b"
SECRET_CANARY = "cs_canari9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c"


class _Everything(logging.Handler):
    """Keeps every line as the platform would print it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def logged() -> Iterator[_Everything]:
    """Every log line, formatted by the platform's own formatter."""
    from atoosync.logging import ContextFilter, JsonFormatter

    handler = _Everything()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(ContextFilter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def _canaries(story: Story) -> set[str]:
    plain = {ODBC_CANARY, KEY_CANARY, SECRET_CANARY, story.shop.consumer_key, story.shop.consumer_secret}
    pairs = {f"{story.shop.consumer_key}:{story.shop.consumer_secret}", f"{KEY_CANARY}:{SECRET_CANARY}"}
    return plain | {quote(one) for one in plain} | {base64.b64encode(one.encode()).decode() for one in pairs}


def _texts_of_the_database() -> Iterator[tuple[str, str]]:
    """Table and text of every cell that holds text, whatever its model says."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            for row in cursor.fetchall():
                yield from ((table, str(value)) for value in row if isinstance(value, str | bytes | memoryview | dict))


def _pages(story: Story) -> Iterator[tuple[str, str]]:
    user = make_user(tenant=story.tenant, role=Role.OWNER)
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    profile = story.profile.pk
    addresses = [reverse("sync:dashboard"), reverse("sync:run_list"), reverse("sync:sync", args=[profile])]
    addresses += [reverse("profiles:settings", args=[profile, section]) for section in ("erp", "shop", "products")]
    for run in Run.objects.all():
        addresses += [reverse("sync:run", args=[run.pk]), reverse("sync:run_lines", args=[run.pk])]
        addresses.append(reverse("sync:run_state", args=[run.pk]))
        addresses += [reverse(f"sync:run_journal_{kind}", args=[run.pk]) for kind in ("txt", "csv")]
    for entry in JournalEntry.objects.exclude(detail={})[:40]:
        addresses.append(reverse("sync:run_entry", args=[entry.run_id, entry.pk]))
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        yield address, b"".join(answer).decode()


def _leaks(texts: Any, canaries: set[str]) -> list[tuple[str, str]]:
    return [(place, canary) for place, text in texts for canary in canaries if canary in text]


def _adventures(story: Story, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> None:
    """Runs that succeed and runs that fail in every way a connection can fail."""
    story.run()
    shop.server.faults.add({"method": "POST", "path": "products/batch", "action": "html", "times": 2})
    erp.change_stocks(5)
    story.run("stock")
    shop.server.faults.add({"path": "products", "action": "status", "status": 500, "times": 50})
    erp.change_stocks(5)
    story.run("stock")
    for values in (
        {"consumer_key": KEY_CANARY, "consumer_secret": SECRET_CANARY},
        {"url": "http://127.0.0.1:9"},
    ):
        options_store.save(story.profile, {"shop": values}, author=None)
        story.profile.refresh_from_db()
        story.run("stock")
    broken = f"{erp.odbc_connection_string()};PWD={ODBC_CANARY};Database=/nulle/part/absente.db"
    options_store.save(story.profile, {"erp": {"connection_string": broken}}, author=None)
    story.run("stock")


@pytest.fixture
def adventurous(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A story whose broken connections are given up at the first break."""
    from sync.engine import runner

    monkeypatch.setattr(runner, "BREAKS_LIMIT", 0)
    filters = {"expression": "FA_CodeFamille = 'BIVOUAC'"}
    options = {"settle_seconds": 0.2, "timeout": 5}
    return make_story(erp, shop, products=filters, stock=filters, shop=options, erp={"password": ODBC_CANARY})


def test_p34_canary_secrets_are_found_nowhere_after_runs_that_failed_in_every_way(
    adventurous: Story, erp: Sage100Sandbox, shop: WooCommerceSandbox, logged: _Everything
) -> None:
    _adventures(adventurous, erp, shop)
    results = set(Run.objects.values_list("result", flat=True))
    assert {"failed"} < results, results
    canaries = _canaries(adventurous)
    assert _leaks(_texts_of_the_database(), canaries) == []
    assert _leaks(((f"log {number}", line) for number, line in enumerate(logged.lines)), canaries) == []
    assert len(logged.lines) > 20
    assert _leaks(_pages(adventurous), canaries) == []


def test_p34_the_search_for_leaks_finds_one(adventurous: Story) -> None:
    run = adventurous.run("categories")
    JournalEntry.objects.create(run=run, profile_id=run.profile_id, text="x", detail={"sent": [SECRET_CANARY]})
    assert _leaks(_texts_of_the_database(), _canaries(adventurous)) == [("sync_journalentry", SECRET_CANARY)]
