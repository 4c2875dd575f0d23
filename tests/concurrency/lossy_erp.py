"""Loaded into worker processes: three commits in ten are done by the ERP, and their answer is lost."""

from __future__ import annotations

import os
import random
from typing import Any

import pyodbc

from connectors.core.odbc_write import connect_write
from connectors.erp.sage100 import writing

SHARE = 0.3


class LossyConnection:
    """A driver's connection that goes dead after some commits, as a line does that is cut before the answer."""

    def __init__(self, real: Any, chance: random.Random) -> None:
        self._real = real
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def commit(self) -> None:
        self._real.commit()
        if self._chance.random() < SHARE:
            self._real.close()
            raise pyodbc.Error("08S01", "[08S01] Communication link failure")


def _connect(source: Any) -> Any:
    session: Any = connect_write(source)
    session._connection = LossyConnection(session._connection, random.Random(os.urandom(8)))  # noqa: S311
    return session


setattr(writing, "connect_write", _connect)  # noqa: B010  # a name the module imports, not one it offers
