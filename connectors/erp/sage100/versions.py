"""Which generation of Sage 100 a database belongs to, told by columns that appeared with each."""

from __future__ import annotations

from connectors.erp.sage100.database import Database

_I7_770, _I7 = "Sage 100 i7 7.70", "Sage 100 i7"
_MARKS: tuple[tuple[str, str, str], ...] = (
    ("P_DOSSIER", "D_Laf", "Sage 100 postérieure à 100c v3"),
    ("F_DEPOT", "DE_Souche01", "Sage 100c v3"),
    ("F_ARTSTOCK", "AS_Mouvemente", "Sage 100c v1 ou v2"),
    ("F_ARTICLE", "AR_EdiCode", "Sage 100 i7 v8"),
    ("F_DEPOT", "DE_Exclure", _I7_770),
    ("F_ARTENUMREF", "AE_EdiCode", _I7),
)
"""From the latest to the oldest: the first column found decides. Columns are only ever added."""

OLDEST = "Sage 100 antérieure à i7 (v14 à v16)"
UNKNOWN = "inconnue (le pilote ne décrit pas les tables)"


def takes_instalments(database: Database) -> bool:
    """Whether the driver takes instalments of a document (F_DOCREGL of type 2): integrators report that i7 v8 stopped.

    No for a version that cannot be told.
    """
    return detect_version(database) in (_I7_770, _I7, OLDEST)


def detect_version(database: Database) -> str:
    """Name of the generation, as merchants know it."""
    if not database.columns("F_DEPOT"):
        return UNKNOWN
    for table, column, name in _MARKS:
        if column.lower() in database.columns(table):
            return name
    return OLDEST
