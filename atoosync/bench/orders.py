"""Orders: a back-log into a slow ERP, and the time from a paid order to its document, quiet and beside a stock push."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atoosync.bench.site import BenchFailed, Figures, Pace, Shop, Site, machine, site
from connectors.sandbox.sage100 import Sage100Sandbox

WRITE_MS = 500.0
SESSIONS = 4
ARTICLES = 20
BUYERS = 10
SERVICES = ("misc_article", "shipping_article", "wrapping_article", "discount_article")
TARGET_SHARE = 0.85
TARGET_SPREAD = 0.10
TARGET_SECONDS = 60.0
PATIENCE = 600.0


def run_orders(
    *,
    orders: int = 1000,
    stock: int = 50_000,
    arrivals: int = 30,
    interval: float = 60.0,
    pace: Pace,
    database: str = "",
    say: Callable[[str], None],
) -> Figures:
    """Measures a back-log of ``orders`` (and of a fifth of them, for the memory), then ``arrivals`` of paid orders.

    In the back-log every document costs the ERP ``WRITE_MS`` milliseconds, in ``SESSIONS`` sessions at once. Arrivals
    are told by webhooks, then found by a scheduled task every ``interval`` seconds; both quiet and while a push of
    ``stock`` rows of the same profile runs. Raises ``BenchFailed`` when a document is missing or there twice.
    """
    with site(database=database, say=say) as place:
        fewer = _backlog(place, max(1, orders // 5), pace)
        all_of_them = _backlog(place, orders, pace, compared=True)
    with site(database="", say=say) as place:
        waits = _arrivals(place, arrivals=arrivals, stock=stock, interval=interval, pace=pace)
    memory = all_of_them["run"]["peak_mb"] / fewer["run"]["peak_mb"] - 1
    return {
        "bench": "orders",
        "latency": pace.figures(),
        "backlog": all_of_them,
        "memory": {"fewer": fewer, "spread": round(memory, 3)},
        "arrivals": waits,
        "targets": _targets(all_of_them, memory, waits, interval),
        "machine": machine(),
    }


def _targets(backlog: Figures, memory: float, waits: Figures, interval: float) -> Figures:
    share = backlog["share_of_the_sessions"]
    polled = interval + TARGET_SECONDS
    return {
        "share_of_the_sessions": {"at_least": TARGET_SHARE, "met": share >= TARGET_SHARE},
        "memory_spread": {"at_most": TARGET_SPREAD, "met": memory <= TARGET_SPREAD},
        **{
            f"{name}_p95": {"below": limit, "met": waits[name]["p95"] < limit}
            for name, limit in (
                ("webhooks", TARGET_SECONDS),
                ("polling", polled),
                ("webhooks_beside_a_push", TARGET_SECONDS),
                ("polling_beside_a_push", polled),
            )
        },
    }


# --- The back-log -------------------------------------------------------------------------------------------------


def _backlog(place: Site, orders: int, pace: Pace, *, compared: bool = False) -> Figures:
    """One import of ``orders`` waiting orders; ``compared``: beside a plain loop over the same sessions."""
    shop, company = place.start_shop(), place.company(ARTICLES, name=f"sage100-{orders}", emulation=True)
    references = company_references(company)
    shop.control("POST", "seed", {"skus": references, "price": "12.00", "stock": 1_000_000})
    # Not through ODBC: its SQLite driver refuses a writer at once while another one writes, as no Sage server does.
    profile = place.create(company, shop, direct=True, options=import_options(references, sessions=SESSIONS))
    place.say(f"{orders} orders are paid in the shop")
    for number in range(orders):
        buy(shop, references, number)
    shop.pace(pace)
    figures: Figures = {"orders": orders}
    sessions_rate = SESSIONS * 1000 / WRITE_MS
    if compared:
        measured = _plain_loop(place, company, profile, min(orders, 200))
        figures["plain_loop"] = measured
        sessions_rate = measured["per_second"]
    place.say(f"importing {orders} orders, {WRITE_MS:.0f} ms per document, {SESSIONS} sessions")
    ran = place.step("run", profile=profile, flow="orders", erp_ms=WRITE_MS)
    _require_documents(company, ran, orders)
    rate = orders / ran["seconds"]
    return {
        **figures,
        "run": ran,
        "per_second": round(rate, 2),
        "sessions_can_take": round(SESSIONS * 1000 / WRITE_MS, 2),
        "share_of_the_sessions": round(rate / sessions_rate, 3),
        "share_of_the_computed": round(rate / (SESSIONS * 1000 / WRITE_MS), 3),
    }


def _plain_loop(place: Site, company: Sage100Sandbox, profile: int, orders: int) -> Figures:
    """The same documents written into a copy of the company by four threads that do nothing else."""
    place.say(f"a plain loop of {SESSIONS} sessions over {orders} of them")
    copy = company.path.with_name(f"copy-{company.path.name}")
    shutil.copyfile(company.path, copy)
    source = place.source(Sage100Sandbox(copy), direct=True)
    return place.step("plain_writes", profile=profile, erp=source, orders=orders, sessions=SESSIONS, erp_ms=WRITE_MS)


def _require_documents(company: Sage100Sandbox, ran: Figures, orders: int) -> None:
    held = documents(company)
    if ran["created"] != orders or len(held) != orders or len(set(held)) != orders:
        raise BenchFailed(
            f"the import ended «{ran['result']}: {ran['message']}»: {ran['created']} created of {orders}, "
            f"{len(held)} documents, {len(set(held))} different"
        )


# --- Arrivals -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """What arrivals are measured on."""

    place: Site
    shop: Shop
    company: Sage100Sandbox
    references: Sequence[str]
    profile: int


def _arrivals(place: Site, *, arrivals: int, stock: int, interval: float, pace: Pace) -> Figures:
    """The whole platform as processes: web, workers, beat and broker; nothing is called by hand."""
    shop, company = place.start_shop(), place.company(stock, emulation=True)
    references = company_references(company)
    place.say(f"filling the shop with the same {stock} references")
    seeded = shop.control("POST", "seed", {"skus": references, "price": "12.00", "stock": 100_000})
    place.start_platform()
    profile = place.create(company, shop, options=import_options(references[:ARTICLES], realtime=True))
    place.step("bind", profile=profile, first_id=seeded["first_id"])
    seen = _Watched(place=place, shop=shop, company=company, references=references[:ARTICLES], profile=profile)
    place.step("hooks", profile=profile)
    shop.pace(pace)
    found = {"webhooks": _measured(seen, arrivals, every=1.0)}
    _push(seen, stock)
    found["webhooks_beside_a_push"] = _measured(seen, arrivals, every=1.0, pushed=True)
    place.step("schedule", profile=profile)
    place.start_step("poller", "poll", profile=profile, interval=interval)
    every = interval * 2 / arrivals
    found["polling_beside_a_push"] = _measured(seen, arrivals, every=every, pushed=True)
    place.step("stop", profile=profile, flow="stock")
    found["polling"] = _measured(seen, arrivals, every=every)
    return {"arrivals": arrivals, "stock": stock, "interval": interval, **found}


def _push(seen: _Watched, stock: int) -> None:
    seen.place.say(f"a push of {stock} changed quantities of the same profile begins")
    seen.company.change_stocks(stock)
    seen.place.step("request", profile=seen.profile, flow="stock")
    seen.place.wait("the push", lambda: seen.shop.totals()["item_writes"].get("updated", 0) > 0, timeout=60)


def _measured(seen: _Watched, arrivals: int, *, every: float, pushed: bool = False) -> Figures:
    """Seconds from the answer of the check-out to the document, for orders ``every`` so many seconds."""
    seen.place.say(f"{arrivals} orders are paid, one every {every:.1f} s")
    placed: dict[str, float] = {}
    seconds: dict[str, float] = {}
    begun = time.monotonic()
    while len(seconds) < arrivals:
        now = time.monotonic()
        if len(placed) < arrivals and now - begun >= len(placed) * every:
            placed[buy(seen.shop, seen.references, len(placed))] = time.monotonic()
        for order in set(documents(seen.company)) & (placed.keys() - seconds.keys()):
            seconds[order] = time.monotonic() - placed[order]
        if now - begun > arrivals * every + PATIENCE:
            raise BenchFailed(f"{len(seconds)} of {arrivals} orders reached the ERP")
        seen.place.supervisor.poll()
        time.sleep(0.05)
    times = sorted(seconds.values())
    figures = {"p50": percentile(times, 50), "p95": percentile(times, 95), "most": round(times[-1], 2)}
    if pushed:
        push = seen.place.step("latest", profile=seen.profile, flow="stock")
        return {**figures, "push": push}
    return figures


def percentile(times: Sequence[float], share: int) -> float:
    """The least value that ``share`` percent of the sorted ``times`` do not exceed."""
    return round(times[max(0, math.ceil(len(times) * share / 100) - 1)], 2)


# --- What all share -----------------------------------------------------------------------------------------------


def import_options(
    references: Sequence[str], *, realtime: bool = False, sessions: int = 1
) -> dict[str, dict[str, Any]]:
    """Settings of a profile that imports orders into a generated company."""
    return {
        "orders": {
            "statuses": {"processing": "order", "on-hold": "order"},
            "realtime": realtime,
            "sessions": sessions,
        },
        "order_taxes": {"category_taxed": "1", "category_untaxed": "1", "tax_map": {"20": "C20", "5.5": "C055"}},
        "order_articles": dict.fromkeys(SERVICES, references[0]),
        "order_customers": {"prefix": "WEB", "guest_prefix": "INV", "number_length": 12},
        "payments": {"method_default": "1"},
    }


def company_references(company: Sage100Sandbox) -> list[str]:
    """Every article of a company."""
    with company.session(write=False) as session:
        return [row[0] for row in session.all("SELECT AR_Ref FROM F_ARTICLE ORDER BY cbMarq")]


def documents(company: Sage100Sandbox) -> list[str]:
    """The shop's numbers on the documents of a company, one per document."""
    with company.session(write=False) as session:
        return [str(row[0]) for row in session.all("SELECT DO_NoWeb FROM F_DOCENTETE WHERE DO_NoWeb <> ''")]


def buy(shop: Shop, references: Sequence[str], number: int) -> str:
    """A paid order of two articles by one of ten buyers; its number."""
    buyer: Mapping[str, str] = {
        "email": f"acheteur{number % BUYERS}@example.net",
        "last_name": f"Client {number % BUYERS}",
    }
    items = [{"sku": references[(number + step) % len(references)], "quantity": 1 + step} for step in (0, 1)]
    asked = {"op": "checkout", "items": items, "payment_method": "card", "billing": buyer, "carriage": False}
    return str(shop.control("POST", "mutate", asked)["id"])
