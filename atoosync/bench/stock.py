"""Stock of a large catalogue: a run that finds nothing new, and a run after some quantities moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from atoosync.bench.site import BenchFailed, Figures, Pace, Shop, Site, machine, site
from connectors.sandbox.sage100 import Sage100Sandbox

BATCH = 100
TARGET_SECONDS = 20.0
TARGET_MEGABYTES = 300.0
TARGET_RATIO = 1.5
TARGET_VISIBLE = 60.0


def run_stock(
    *,
    items: int = 50_000,
    changed: int = 1_000,
    rounds: int = 3,
    pace: Pace,
    database: str = "",
    say: Callable[[str], None],
) -> Figures:
    """Measures a stock run that has nothing to send, then one after ``changed`` quantities moved in the ERP.

    Both catalogues exist before and are matched by reference; a first run sends every quantity while the shop is fast.
    The unchanged run and the bare reading alternate ``rounds`` times, and the best time of each counts. Raises
    ``BenchFailed`` when the shop does not hold exactly what the ERP says.
    """
    with site(database=database, say=say) as place:
        shop = place.start_shop()
        company = place.company(items)
        profile = place.create(company, shop)
        prepared = _prepare(place, shop, company, profile, items)
        shop.pace(pace)
        unchanged = _unchanged(place, shop, profile, rounds)
        moved = _moved(place, shop, company, profile, changed)
    return {
        "bench": "stock",
        "items": items,
        "latency": pace.figures(),
        "prepared": prepared,
        "unchanged": unchanged,
        "changed": moved,
        "targets": _targets(unchanged, moved, changed),
        "machine": machine(),
    }


def _prepare(place: Site, shop: Shop, company: Sage100Sandbox, profile: int, items: int) -> Figures:
    place.say(f"filling the shop with the same {items} references, and matching them")
    shop.control("POST", "seed", {"skus": _references(company), "managed": True})
    matched = place.step("match", profile=profile)
    if matched["counts"]["sure"] != items:
        raise BenchFailed(f"the match linked {matched['counts']} of {items}")
    place.say("sending every quantity that the shop does not hold, without latency")
    first = place.step("run", profile=profile, flow="stock")
    if first["updated"] + first["unchanged"] != items:
        raise BenchFailed(f"the first run ended «{first['message']}»: {first['updated']} of {items} sent")
    return {"matched": matched["counts"], "first_run": first}


def _references(company: Sage100Sandbox) -> list[str]:
    with company.session(write=False) as session:
        return [row[0] for row in session.all("SELECT AR_Ref FROM F_ARTICLE ORDER BY cbMarq")]


def _unchanged(place: Site, shop: Shop, profile: int, rounds: int) -> Figures:
    """The best of several runs, each beside a bare reading of the same rows."""
    place.say("a run that finds nothing new, beside a bare reading of the same rows")
    shop.forget_requests()
    bare, runs = [], []
    for _ in range(rounds):
        bare.append(place.step("bare", profile=profile))
        runs.append(place.step("run", profile=profile, flow="stock"))
    totals = shop.totals()
    written = sum(totals["item_writes"].values())
    if any(run["unchanged"] != run["read"] for run in runs) or written:
        raise BenchFailed(f"nothing had changed, yet {written} items were written: {runs[0]['message']}")
    best, least = min(runs, key=_seconds), min(bare, key=_seconds)
    processor = [min(float(one["cpu_seconds"]) for one in kind) for kind in (runs, bare)]
    return {
        **best,
        "writes": written,
        "calls": totals["calls"],
        "peak_mb": max(run["peak_mb"] for run in runs),
        "bare_read_and_hash": least,
        "ratio_to_bare": round(best["seconds"] / least["seconds"], 2),
        "cpu_ratio_to_bare": round(processor[0] / processor[1], 2),
        "all_seconds": {"runs": [_seconds(run) for run in runs], "bare": [_seconds(one) for one in bare]},
    }


def _seconds(figures: Mapping[str, Any]) -> float:
    return float(figures["seconds"])


def _moved(place: Site, shop: Shop, company: Sage100Sandbox, profile: int, changed: int) -> Figures:
    """A run after ``changed`` quantities moved; the shop must hold them all when it ends, and nothing else moved."""
    before = _quantities(shop)
    moved = {change.reference: change.after - change.before for change in company.change_stocks(changed)}
    place.say(f"a run after {len(moved)} quantities moved")
    shop.forget_requests()
    run = place.step("run", profile=profile, flow="stock")
    totals = shop.totals()
    wanted = {sku: quantity + int(moved.get(sku, 0)) for sku, quantity in before.items()}
    wrong = [sku for sku, quantity in _quantities(shop).items() if quantity != wanted[sku]]
    if wrong or len(moved) != changed:
        raise BenchFailed(f"{len(moved)} quantities moved, {len(wrong)} are wrong in the shop, such as {wrong[:3]}")
    calls = {name: count for name, count in totals["calls"].items() if name.startswith("POST ")}
    return {
        **run,
        "moved": len(moved),
        "seconds_until_visible": run["seconds"],
        "write_calls": sum(calls.values()),
        "calls": totals["calls"],
        "item_writes": totals["item_writes"],
    }


def _quantities(shop: Shop) -> dict[str, int]:
    return {sku: rows[0]["stock"] for sku, rows in shop.products().items()}


def _targets(unchanged: Figures, moved: Figures, changed: int) -> Figures:
    calls = -(-changed // BATCH)
    return {
        "unchanged_writes": {"exactly": 0, "met": unchanged["writes"] == 0},
        "unchanged_seconds": {"at_most": TARGET_SECONDS, "met": unchanged["seconds"] <= TARGET_SECONDS},
        "unchanged_peak_mb": {"at_most": TARGET_MEGABYTES, "met": unchanged["peak_mb"] <= TARGET_MEGABYTES},
        "ratio_to_bare": {"at_most": TARGET_RATIO, "met": unchanged["ratio_to_bare"] <= TARGET_RATIO},
        "write_calls": {"about": calls, "met": abs(moved["write_calls"] - calls) <= 1},
        "seconds_until_visible": {
            "at_most": TARGET_VISIBLE,
            "met": moved["seconds_until_visible"] <= TARGET_VISIBLE,
        },
    }
