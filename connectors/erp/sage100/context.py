"""What the readers of one connection share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from connectors.core.ports import Runtime
from connectors.erp.sage100.company import Company
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.options import Sage100Options


@dataclass(frozen=True, slots=True)
class Context:
    """An open database, its small tables, and the settings of the connection."""

    database: Database
    company: Company
    options: Sage100Options
    runtime: Runtime

    @property
    def today(self) -> date:
        """The day at the server, which decides the prices and taxes that change on a date."""
        return self.runtime.clock().astimezone(ZoneInfo(self.options.timezone)).date()
