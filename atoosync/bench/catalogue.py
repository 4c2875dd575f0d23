"""First export of a catalogue, against plain clients of the same shop."""

from __future__ import annotations

from collections.abc import Callable

from atoosync.bench import plain
from atoosync.bench.site import BenchFailed, Figures, Pace, Shop, machine, site

TARGET_RATIO = 5.0
TARGET_SHARE = 0.85


def run_catalogue(
    *, items: int = 2000, sample: int = 100, pace: Pace, database: str = "", say: Callable[[str], None]
) -> Figures:
    """Exports ``items`` new products, then lets the plain clients create copies of them in the same slow shop.

    The slow clients create ``sample`` products (one per call) and five times as many (batches), and their times are
    scaled up to ``items``. Raises ``BenchFailed`` when the shop does not hold each product exactly once.
    """
    with site(database=database, say=say) as place:
        shop = place.start_shop()
        company = place.company(items)
        profile = place.create(company, shop)
        shop.pace(pace)
        say(f"first export of {items} products")
        ours = place.step("run", profile=profile, flow="products")
        writes = shop.totals()
        _require_all(shop, ours, items)
        shop.pace(None)
        bodies = plain.exported(shop, items)
        shop.pace(pace)
        say("the same products by the plain clients")
        capacity = plain.side_by_side(shop, plain.renamed(bodies, "CAP-"), connections=pace.connections)
        batches = plain.renamed(bodies[: sample * 5], "LOT-")
        batch_seconds = plain.batch_by_batch(shop, batches) * items / len(batches)
        singles = plain.renamed(bodies[:sample], "UN-")
        single_seconds = plain.one_by_one(shop, singles) * items / len(singles)
    ideal = pace.seconds(pace.calls(items, plain.PAGE))
    ratio, share = single_seconds / ours["seconds"], capacity / ours["seconds"]
    return {
        "bench": "catalogue",
        "items": items,
        "latency": pace.figures(),
        "ours": {**ours, "calls": writes["calls"], "item_writes": writes["item_writes"]},
        "one_item_per_call": {"seconds": round(single_seconds, 2), "sample": len(singles), "scaled_to": items},
        "batch_per_call": {"seconds": round(batch_seconds, 2), "sample": len(batches), "scaled_to": items},
        "same_connections_and_batches": {
            "seconds": round(capacity, 2),
            "sample": items,
            "model_seconds": round(ideal, 2),
        },
        "ratios": {
            "times_faster_than_one_item_per_call": round(ratio, 2),
            "times_faster_than_batch_per_call": round(batch_seconds / ours["seconds"], 2),
            "share_of_what_the_shop_takes": round(share, 3),
            "share_of_the_model": round(ideal / ours["seconds"], 3),
        },
        "targets": {
            "times_faster_than_one_item_per_call": {"at_least": TARGET_RATIO, "met": ratio >= TARGET_RATIO},
            "share_of_what_the_shop_takes": {"at_least": TARGET_SHARE, "met": share >= TARGET_SHARE},
        },
        "machine": machine(),
    }


def _require_all(shop: Shop, ours: Figures, items: int) -> None:
    held = shop.control("GET", "inspect")
    # The categories that the articles name were created on the way.
    missing = items - ours["created"]
    if ours["result"] != "success" or missing > 0 or held["products"] != items or held["created_more_than_once"]:
        raise BenchFailed(
            f"the export ended «{ours['result']}: {ours['message']}»: {ours['created']} created of {items}, "
            f"{held['products']} in the shop, {len(held['created_more_than_once'])} more than once"
        )
