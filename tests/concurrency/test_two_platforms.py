"""Two platforms that know nothing of each other import one shop into one company at once (P01, P03)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.sage100 import Sage100Sandbox, build
from tests.concurrency.live import ROOT, Shop, running_shop

pytestmark = [pytest.mark.odbc, pytest.mark.slow]

ORDERS, PEOPLE = 24, 6
ARTICLES = ("TENTE2P", "RECHAUD", "MATELAS")


@dataclass
class Platform:
    """A process with a database of its own, told what to do line by line."""

    process: subprocess.Popen[str]
    database: Path

    def answer(self) -> dict[str, Any]:
        """Its next line. Fails with what it printed when it is gone."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.database.with_suffix(".log").read_text()
        return dict(json.loads(line))

    def go(self) -> None:
        """Lets it import."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()


@contextmanager
def running_platform(folder: Path, erp: Sage100Sandbox, shop: Shop) -> Iterator[Platform]:
    """A platform on a new SQLite database; its process is ended afterwards."""
    folder.mkdir()
    database = folder / "platform.sqlite3"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "atoosync.settings_test",
        "ATOOSYNC_DATA": str(folder),
        "ATOOSYNC_TEST_DATABASE_URL": f"sqlite:///{database}",
        "LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
    }
    told = {"erp": erp.odbc_connection_string(), "url": shop.url}
    told |= {"consumer_key": shop.consumer_key, "consumer_secret": shop.consumer_secret}
    command = [sys.executable, "-m", "tests.concurrency.own_platform", json.dumps(told)]
    with database.with_suffix(".log").open("w") as log:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes)  # type: ignore[call-overload]
    try:
        yield Platform(process, database)
    finally:
        process.kill()
        process.communicate(timeout=10)


def _buy(shop: Shop, number: int) -> str:
    who = number % PEOPLE
    buyer = {"email": f"p{who}@example.net", "first_name": "Anne", "last_name": f"Martin {who}"}
    items = [{"sku": ARTICLES[number % len(ARTICLES)], "quantity": 1 + number % 3}]
    asked = {"op": "checkout", "items": items, "payment_method": "card", "billing": buyer}
    return str(shop.control("mutate", asked)["id"])


def _count(erp: Sage100Sandbox, statement: str) -> int:
    with erp.session(write=False) as session:
        return int(session.one(statement)[0])


@pytest.mark.covers("ORD-13", "ORD-07")
def test_p01_two_platforms_with_databases_of_their_own_create_each_document_once(tmp_path: Path) -> None:
    """No row, lock or unit is shared: the company alone tells one platform what the other did a moment ago."""
    customers = "SELECT COUNT(*) FROM F_COMPTET WHERE CT_Type = 0"
    with running_shop(latency_ms=5) as shop, ExitStack() as stack:
        erp = build(tmp_path / "orders.db", merchant="demo", emulation=True)
        shop.control("seed", {"skus": list(ARTICLES), "price": "12.00", "stock": 100_000})
        both = [stack.enter_context(running_platform(tmp_path / name, erp, shop)) for name in ("one", "two")]
        assert both[0].database != both[1].database
        assert [platform.answer() for platform in both] == [{"ready": True}] * 2
        placed = [_buy(shop, number) for number in range(ORDERS)]
        before = _count(erp, customers)
        for platform in both:
            platform.go()
        reports = [platform.answer() for platform in both]
        held = {order: shop.control(f"inspect?order={order}") for order in placed}
    documents = {order: erp.documents(order) for order in placed}
    assert Counter(len(found) for found in documents.values()) == {1: ORDERS}
    for order, (document,) in documents.items():
        assert document.total_gross == document.deposits == Decimal(held[order]["total"]), order
        assert any(document.piece == str(value) for _, _, value in held[order]["meta"]), f"{order} bears no mark"
    assert _count(erp, customers) - before == PEOPLE
    pieces = {order: document.piece for order, (document,) in documents.items()}
    for report in reports:
        assert report["causes"] == [], "what the other did first is no error"
        assert {order: link[0] for order, link in report["links"].items()} == dict.fromkeys(placed, "linked")
        assert {order: link[1].get("document") for order, link in report["links"].items()} == pieces
        assert [order for order, link in report["links"].items() if "mark" not in link[1]] == []
        assert set(report["results"]) == {"success"}
        assert report["units"][1:] == [0, 0], "nothing reserved, no fault in the ledger"
        assert report["units"][0] <= ORDERS
    assert sum(report["units"][0] for report in reports) >= ORDERS
    starts, ends = zip(*(report["during"] for report in reports), strict=True)
    assert max(starts) < min(ends), "they did not import at the same time"
