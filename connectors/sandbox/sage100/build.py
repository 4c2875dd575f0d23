"""build(): a company in a database, ready to be read."""

from datetime import date
from pathlib import Path
from typing import Literal

from .backends import backend_for
from .dataset import Dataset, load_sample
from .demo import demo_merchant
from .emulation import emulation_statements
from .generator import generate
from .sandbox import Sage100Sandbox
from .triggers import clock_triggers

Merchant = Literal["demo", "sample", "generated"]


def build(
    target: Path | str,
    *,
    merchant: Merchant = "demo",
    items: int = 1000,
    seed: int = 1,
    variants_share: float = 0.0,
    emulation: bool = False,
    today: date | None = None,
) -> Sage100Sandbox:
    """Create a Sage 100 company in ``target`` and return the handle to reach and edit it.

    ``target`` is a path (SQLite) or a PostgreSQL DSN (URL or ``dbname=... host=...``). What was there is replaced, so
    the call may be repeated; the same arguments give the same rows, byte for byte. ``merchant`` is "demo" (about 300
    articles of an outdoor shop), "sample" (its 40-article kernel) or "generated" (``items`` articles, of which
    ``variants_share`` have four sizes, for measurements). ``seed`` changes quantities, prices and dates, never which
    peculiarities exist. ``emulation`` adds the triggers that behave as the Sage driver is thought to on writes.
    ``today`` dates the purchase orders of the demo merchant around that day.
    Raises ValueError for an unknown merchant, sqlite3.Error or psycopg.Error when the database cannot be written.
    """
    dataset = _dataset(merchant, items=items, seed=seed, variants_share=variants_share, today=today)
    backend = backend_for(target)
    statements = clock_triggers(dataset.schema().values(), backend.dialect)
    if emulation:
        statements += emulation_statements(backend.dialect)
    backend.load(dataset, statements)
    return Sage100Sandbox(target)


def _dataset(merchant: str, *, items: int, seed: int, variants_share: float, today: date | None) -> Dataset:
    if merchant == "sample":
        return load_sample()
    if merchant == "demo":
        return demo_merchant(seed, today)
    if merchant == "generated":
        return generate(items=items, seed=seed, variants_share=variants_share)
    raise ValueError(f"unknown merchant {merchant!r}: demo, sample or generated")
