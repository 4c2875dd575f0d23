"""Stand-in of a Sage 100 Gestion Commerciale database: built from scratch, read through ODBC, edited by tests.

``build()`` makes a company in a SQLite file or a PostgreSQL database; the ``Sage100Sandbox`` it returns gives the
connection strings and the edits.
"""

from .backends import create_database, drop_database
from .build import Merchant, build
from .cli import describe, main
from .demo import PECULIAR
from .documents import WebDocument, WebLine
from .purchases import PurchaseLine
from .sandbox import Sage100Sandbox, StockChange
from .schema import Dialect, schema
from .tamper import TrappedWrite

__all__ = [
    "PECULIAR",
    "Dialect",
    "Merchant",
    "PurchaseLine",
    "Sage100Sandbox",
    "StockChange",
    "TrappedWrite",
    "WebDocument",
    "WebLine",
    "build",
    "create_database",
    "describe",
    "drop_database",
    "main",
    "schema",
]
