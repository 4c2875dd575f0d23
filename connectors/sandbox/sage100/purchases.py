"""Purchase orders as a Sage user makes them on screen, and the receipt of what suppliers deliver."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from .backends import Session
from .documents import USER, following, move, split

PREPARED, ORDERED, RECEIVED = 11, 12, 13
_EMPTY = "1753-01-01 00:00:00"


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """One line to order; ``due`` is its own delivery day, ``variant`` its AG_No1 and AG_No2."""

    reference: str
    quantity: int
    due: date | None = None
    variant: tuple[int, int] = (0, 0)
    depot: int = 1


def order(
    session: Session, lines: Sequence[PurchaseLine], *, due: date | None, kind: int, supplier: str = "FOURCAMP"
) -> str:
    """Write a purchase document of type ``kind`` whose header bears ``due``; returns its DO_Piece.

    Orders move the ordered quantity (QteCom) of the stock rows, which must exist: KeyError.
    """
    piece = _number(session, kind)
    header = {
        "DO_Domaine": 1, "DO_Type": kind, "DO_DocType": kind, "DO_Piece": piece, "DO_Tiers": supplier,
        "CT_NumPayeur": supplier, "CG_Num": "4010000", "DO_Date": "2025-11-03 00:00:00", "DO_DateLivr": _stamp(due),
        "DE_No": lines[0].depot, "DO_Statut": 2, "cbCreateur": USER,
    }  # fmt: skip
    _insert(session, "F_DOCENTETE", header)
    for position, line in enumerate(lines, 1):
        number = session.all("SELECT COALESCE(MAX(DL_No), 0) + 1 FROM F_DOCLIGNE")[0][0]
        values = {
            "DO_Domaine": 1, "DO_Type": kind, "DO_DocType": kind, "DO_Piece": piece, "CT_Num": supplier,
            "DO_Date": "2025-11-03 00:00:00", "DO_DateLivr": _stamp(line.due), "DL_No": number,
            "DL_Ligne": position * 10000, "AR_Ref": line.reference, "DL_Design": line.reference,
            "DL_Qte": line.quantity, "DL_QteBC": line.quantity, "EU_Qte": line.quantity, "AG_No1": line.variant[0],
            "AG_No2": line.variant[1], "DE_No": line.depot, "DL_Valorise": 1, "PF_Num": "", "cbCreateur": USER,
        }  # fmt: skip
        _insert(session, "F_DOCLIGNE", values)
        if kind == ORDERED:
            _stock(session, line.reference, line.variant, line.depot, ordered=line.quantity, real=0)
    return piece


def receive(session: Session, piece: str, quantities: dict[str, int]) -> str:
    """Receive an order, or only ``quantities`` by article (the rest stays on it); returns the receipt's DO_Piece.

    Raises KeyError for an unknown order.
    """
    lines = session.all(
        "SELECT DL_No, AR_Ref, AG_No1, AG_No2, DE_No, DL_Qte FROM F_DOCLIGNE WHERE DO_Type = ? AND DO_Piece = ?",
        (ORDERED, piece),
    )
    if not lines:
        raise KeyError(piece)
    number = _number(session, RECEIVED)
    taken = {int(line[0]): quantities.get(line[1], 0) if quantities else int(line[5]) for line in lines}
    if quantities:
        split(session, (ORDERED, piece), (RECEIVED, number), {one: part for one, part in taken.items() if part})
    else:
        move(session, (ORDERED, piece), (RECEIVED, number))
    for line, reference, first, second, depot, _ in lines:
        part = taken[int(line)]
        _stock(session, reference, (int(first), int(second)), int(depot), ordered=-part, real=part)
    return number


def _stamp(day: date | None) -> str:
    return f"{day.isoformat()} 00:00:00" if day else _EMPTY


def _number(session: Session, kind: int) -> str:
    row = session.one("SELECT DC_Piece FROM F_DOCCURRENTPIECE WHERE DC_Domaine = 1 AND DC_IdCol = ?", (kind - 10,))
    if row is None:
        raise KeyError(f"no numbering for document type {kind}")
    piece = str(row[0])
    while session.one("SELECT 1 FROM F_DOCENTETE WHERE DO_Type = ? AND DO_Piece = ?", (kind, piece)):
        piece = following(piece)
    return piece


def _stock(session: Session, reference: str, variant: tuple[int, int], depot: int, *, ordered: int, real: int) -> None:
    moves: list[tuple[str, str, tuple[Any, ...]]] = [("F_ARTSTOCK", "AS", (reference, depot))]
    if variant[0]:
        moves.append(("F_GAMSTOCK", "GS", (reference, depot, *variant)))
    for table, prefix, key in moves:
        where = "AR_Ref = ? AND DE_No = ?" + (" AND AG_No1 = ? AND AG_No2 = ?" if len(key) > 2 else "")
        sets = f"{prefix}_QteCom = {prefix}_QteCom + ?, {prefix}_QteSto = {prefix}_QteSto + ?"
        if not session.run(f"UPDATE {table} SET {sets} WHERE {where}", (ordered, real, *key)):  # noqa: S608
            raise KeyError(f"{reference} has no stock row in warehouse {depot}")


def _insert(session: Session, table: str, values: dict[str, Any]) -> None:
    names, markers = ", ".join(values), ", ".join("?" * len(values))
    session.run(f"INSERT INTO {table} ({names}) VALUES ({markers})", tuple(values.values()))  # noqa: S608
