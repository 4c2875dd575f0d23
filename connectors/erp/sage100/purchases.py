"""When suppliers deliver next: the open lines of purchase orders.

Source: ``F_DOCLIGNE`` of the purchases (``DO_Domaine`` 1), orders (``DO_Type`` 12) and orders being prepared (11), of
the chosen warehouses, by article and range values. The day is that of the line (``DO_DateLivr``), else of its header.

Assumed, not seen in a company: what a partial receipt leaves open stays on the order as a line with the rest as
``DL_Qte``, since receiving turns lines into those of a receipt in place; and a day in the past is no announcement, so
an overdue line counts only once somebody gives it another day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from connectors.core.odbc import int_of, moment_of
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.variants import Owners

Place = tuple[str, int, int]
"""Article and its two range numbers (0 without ranges)."""


class ExpectedLoader:
    """Reads the next delivery of the articles of a page. ``today`` is the day at the server."""

    def __init__(self, database: Database, warehouses: Sequence[int], today: date) -> None:
        self._database = database
        self._warehouses = warehouses
        self._today = today

    def load(self, references: Sequence[str]) -> Mapping[Place, date]:
        """The earliest day from today on, for each place that has one."""
        owners = Owners(references)
        found: dict[Place, date] = {}
        for row in self._database.tuples_for("purchases/expected", references, lists=(self._warehouses,)):
            day = _day(row[3]) or _day(row[4])
            if day is not None and day >= self._today:
                place = (owners.of(row[0]), int_of(row[1]), int_of(row[2]))
                found[place] = min(day, found.get(place, day))
        return found


def _day(value: Any) -> date | None:
    moment = moment_of(value)
    return None if moment is None else moment.date()
