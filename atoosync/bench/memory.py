"""Peak memory of a stock run by size of the catalogue: it must not grow with it."""

from __future__ import annotations

from collections.abc import Callable

from atoosync.bench.site import BenchFailed, Figures, Pace, Site, machine, site

SIZES = (10_000, 200_000)
TARGET_SPREAD = 0.10


def run_memory(
    *, sizes: tuple[int, ...] = SIZES, pace: Pace, database: str = "", say: Callable[[str], None]
) -> Figures:
    """Measures a stock run that has nothing to send, once per size, each in a fresh process and database.

    Links and sent quantities are written directly, so that only the measured run takes time. Raises ``BenchFailed``
    when a run sends anything.
    """
    found = []
    for items in sizes:
        with site(database=database, say=say) as place:
            found.append(_measured(place, items, pace))
    peaks = [one["peak_mb"] for one in found]
    spread = max(peaks) / min(peaks) - 1
    return {
        "bench": "memory",
        "runs": found,
        "spread": round(spread, 3),
        "targets": {"spread": {"at_most": TARGET_SPREAD, "met": spread <= TARGET_SPREAD}},
        "machine": machine(),
    }


def _measured(place: Site, items: int, pace: Pace) -> Figures:
    shop = place.start_shop()
    profile = place.create(place.company(items), shop)
    bound = place.step("bind", profile=profile)["bound"]
    shop.pace(pace)
    place.say(f"a run over {items} articles that finds nothing new")
    run = place.step("run", profile=profile, flow="stock")
    if run["unchanged"] != items or bound != items:
        raise BenchFailed(f"{bound} of {items} bound, {run['unchanged']} found unchanged: {run['message']}")
    return {"items": items, **{name: run[name] for name in ("seconds", "slices", "start_mb", "peak_mb")}}
