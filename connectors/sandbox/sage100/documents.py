"""Sales documents: read what a shop order became, and move a document along as a Sage user does."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from .backends import Session
from .schema import quoted

QUOTE, ORDER, PREPARATION, DELIVERY, INVOICE, POSTED = 0, 1, 2, 3, 6, 7
USER = "COLU"
"""Creator (cbCreateur) of the rows a Sage user makes on screen; a program's rows bear its own."""

_CENT = Decimal("0.01")
_ORIGIN = {QUOTE: "DL_PieceDE", ORDER: "DL_PieceBC", PREPARATION: "DL_PiecePL", DELIVERY: "DL_PieceBL"}
_QUANTITY = {PREPARATION: "DL_QtePL", DELIVERY: "DL_QteBL"}
_WITH_PIECE = ("F_DOCREGL", "F_REGLECH", "F_DOCENTETEINFOS")


@dataclass(frozen=True, slots=True)
class WebLine:
    """One line of a document; amounts are those of the line, without and with tax."""

    number: int
    reference: str | None
    variant: tuple[int, int]
    designation: str
    quantity: Decimal
    unit_price: Decimal
    net: Decimal
    gross: Decimal
    origin: str


@dataclass(frozen=True, slots=True)
class WebDocument:
    """A document of a shop order: DO_Type, DO_Piece, customer, totals of the header, deposits received."""

    row: int
    type: int
    piece: str
    customer: str
    web_number: str
    total_net: Decimal
    total_gross: Decimal
    to_pay: Decimal
    deposits: Decimal
    lines: tuple[WebLine, ...]


def read(session: Session, web_number: str) -> list[WebDocument]:
    """Sales documents that carry the shop's order number, in order of DO_Type."""
    headers = session.all(
        "SELECT cbMarq, DO_Type, DO_Piece, DO_Tiers, DO_NoWeb, DO_TotalHT, DO_TotalTTC, DO_NetAPayer FROM F_DOCENTETE "
        "WHERE DO_Domaine = 0 AND DO_NoWeb = ? ORDER BY DO_Type, DO_Piece",
        (web_number,),
    )
    return [_document(session, header) for header in headers]


def _document(session: Session, header: tuple[Any, ...]) -> WebDocument:
    row, kind, piece, customer, web_number, net, gross, to_pay = header
    lines = session.all(
        "SELECT DL_No, AR_Ref, AG_No1, AG_No2, DL_Design, DL_Qte, DL_PrixUnitaire, DL_MontantHT, DL_MontantTTC, "
        "DL_PieceBC FROM F_DOCLIGNE WHERE DO_Domaine = 0 AND DO_Type = ? AND DO_Piece = ? ORDER BY DL_Ligne, DL_No",
        (kind, piece),
    )
    paid = session.one(
        "SELECT COALESCE(SUM(DR_Montant), 0) FROM F_DOCREGL WHERE DO_Domaine = 0 AND DO_Type = ? AND DO_Piece = ? "
        "AND DR_TypeRegl = 0",
        (kind, piece),
    )
    return WebDocument(
        row=row, type=kind, piece=piece, customer=customer, web_number=web_number, total_net=Decimal(net),
        total_gross=Decimal(gross), to_pay=Decimal(to_pay), deposits=Decimal(paid[0] if paid else 0),
        lines=tuple(_line(line) for line in lines),
    )  # fmt: skip


def _line(line: tuple[Any, ...]) -> WebLine:
    number, reference, first, second, designation, quantity, price, net, gross, origin = line
    return WebLine(
        number=number, reference=reference, variant=(first, second), designation=designation,
        quantity=Decimal(quantity), unit_price=Decimal(price), net=Decimal(net), gross=Decimal(gross), origin=origin,
    )  # fmt: skip


def add_line(session: Session, piece: str, reference: str, *, position: int, quantity: Any, price: Any) -> None:
    """Add a line to a sales document as a Sage user does on screen: without tax, marked with that user.

    Raises KeyError for an unknown document.
    """
    header = session.one(
        "SELECT DO_Type, DO_Tiers, DO_Date, DO_Ref FROM F_DOCENTETE WHERE DO_Domaine = 0 AND DO_Piece = ?", (piece,)
    )
    if header is None:
        raise KeyError(piece)
    values = {
        "DO_Domaine": 0, "DO_Type": header[0], "DO_Piece": piece, "CT_Num": header[1], "DO_Date": str(header[2]),
        "DO_Ref": header[3], "DL_No": 0, "DL_Ligne": position, "AR_Ref": reference, "DL_Design": reference,
        "DL_Qte": quantity, "DL_QteBC": quantity, "EU_Qte": quantity, "DL_PrixUnitaire": price, "DL_PUTTC": price,
        "DL_Valorise": 1, "PF_Num": "", "cbCreateur": USER,
    }  # fmt: skip
    names = ", ".join(values)
    markers = ", ".join("?" * len(values))
    session.run(f"INSERT INTO F_DOCLIGNE ({names}) VALUES ({markers})", tuple(values.values()))  # noqa: S608


def take_number(session: Session, kind: int, series: int) -> str:
    """Reserve the next number of a sales document type and series, and move the counter on."""
    key = (kind, series)
    where = "WHERE DC_Domaine = 0 AND DC_IdCol = ? AND DC_Souche = ?"
    row = session.one(f"SELECT DC_Piece FROM F_DOCCURRENTPIECE {where}", key)  # noqa: S608 text of ours
    if row is None:
        raise KeyError(f"no numbering for document type {kind}, series {series}")
    piece = str(row[0])
    used = "SELECT 1 FROM F_DOCENTETE WHERE DO_Type = ? AND DO_Piece = ?"
    while session.one(used, (kind, piece)):
        piece = following(piece)
    session.run(f"UPDATE F_DOCCURRENTPIECE SET DC_Piece = ? {where}", (following(piece), *key))  # noqa: S608
    return piece


def following(piece: str) -> str:
    """The number after this one: its trailing digits plus one, same width."""
    head = piece.rstrip("0123456789")
    digits = piece[len(head) :]
    return f"{head}{int(digits or 0) + 1:0{len(digits)}d}"


def advance(
    session: Session, piece: str, to: int, *, quantities: dict[int, Any] | None = None, tracking: str = ""
) -> str:
    """Turn a sales document into one of type ``to`` (1 order, 2 preparation, 3 delivery, 6 invoice, 7 posted).

    Returns its new number. The lines keep cbMarq and DL_No and remember where they come from (DL_PieceDE, DL_PieceBC,
    DL_PiecePL, DL_PieceBL); deposits and the shop's number follow. ``quantities`` (by DL_No) delivers only
    those: the rest stays on the old document, marked DO_Reliquat. ``tracking`` fills the "N° de suivi" of the header.
    Posting keeps the invoice's number. Raises KeyError for an unknown document, ValueError when ``to`` does not
    come after its type.
    """
    row = session.one(
        "SELECT DO_Type, DO_Souche FROM F_DOCENTETE WHERE DO_Domaine = 0 AND DO_Piece = ? ORDER BY DO_Type DESC",
        (piece,),
    )
    if row is None:
        raise KeyError(piece)
    kind, series = int(row[0]), int(row[1])
    if to not in (ORDER, PREPARATION, DELIVERY, INVOICE, POSTED) or to <= kind:
        raise ValueError(f"document {piece} is of type {kind} and cannot become {to}")
    number = piece if to == POSTED and kind == INVOICE else take_number(session, to, series)
    if quantities:
        split(session, (kind, piece), (to, number), quantities)
    else:
        move(session, (kind, piece), (to, number))
    if tracking:
        session.run(
            f"UPDATE F_DOCENTETE SET {quoted('N° de suivi')} = ? WHERE DO_Type = ? AND DO_Piece = ?",  # noqa: S608
            (tracking, to, number),
        )
    return number


def move(session: Session, old: tuple[int, str], new: tuple[int, str]) -> None:
    """Turn a whole document, given as type and piece, into another one."""
    session.run(
        "UPDATE F_DOCENTETE SET DO_Type = ?, DO_Piece = ?, DO_DocType = ?, DO_Statut = 2 "
        "WHERE DO_Type = ? AND DO_Piece = ?",
        (*new, new[0], *old),
    )
    for table in _WITH_PIECE:
        session.run(
            f"UPDATE {table} SET DO_Type = ?, DO_Piece = ? WHERE DO_Type = ? AND DO_Piece = ?",  # noqa: S608
            (*new, *old),
        )
    for (number,) in session.all("SELECT DL_No FROM F_DOCLIGNE WHERE DO_Type = ? AND DO_Piece = ?", old):
        _move_line(session, number, old, new)


def _move_line(session: Session, number: int, old: tuple[int, str], new: tuple[int, str]) -> None:
    sets = ["DO_Type = ?", "DO_Piece = ?", "DO_DocType = ?"]
    values: list[Any] = [*new, new[0]]
    if old[0] in _ORIGIN:
        sets.append(f"{_ORIGIN[old[0]]} = ?")
        values.append(old[1])
    if new[0] in _QUANTITY:
        sets.append(f"{_QUANTITY[new[0]]} = DL_Qte")
    session.run(f"UPDATE F_DOCLIGNE SET {', '.join(sets)} WHERE DL_No = ?", (*values, number))  # noqa: S608


def split(session: Session, old: tuple[int, str], new: tuple[int, str], quantities: dict[int, Any]) -> None:
    """Turn quantities of some lines (by DL_No) into another document; the rest stays. KeyError for another line."""
    _copy_row(session, "F_DOCENTETE", "DO_Type = ? AND DO_Piece = ?", old, _header_changes(new))
    lines = session.all(
        "SELECT DL_No, DL_Qte, DL_MontantHT, DL_MontantTTC FROM F_DOCLIGNE WHERE DO_Type = ? AND DO_Piece = ?", old
    )
    known = {int(line[0]) for line in lines}
    if set(quantities) - known:
        raise KeyError(f"{old[1]} has no line {sorted(set(quantities) - known)}")
    for number, ordered, net, gross in lines:
        wanted = Decimal(str(quantities.get(number, 0)))
        if wanted >= Decimal(ordered):
            _move_line(session, number, old, new)
        elif wanted > 0:
            _split_line(session, number, (Decimal(ordered), Decimal(net), Decimal(gross)), wanted, (old, new))
    session.run("UPDATE F_DOCENTETE SET DO_Reliquat = 1 WHERE DO_Type = ? AND DO_Piece = ?", old)
    for document in (old, new):
        _retotal(session, document)


def _header_changes(new: tuple[int, str]) -> dict[str, Any]:
    # The fees of the order stay with what remains of it, else they would be charged twice.
    return {"DO_Type": new[0], "DO_Piece": new[1], "DO_DocType": new[0], "DO_Statut": 2, "DO_ValFrais": 0}


def _split_line(
    session: Session,
    number: int,
    amounts: tuple[Decimal, Decimal, Decimal],
    wanted: Decimal,
    documents: tuple[tuple[int, str], tuple[int, str]],
) -> None:
    ordered, net, gross = amounts
    old, new = documents
    part = [(amount * wanted / ordered).quantize(_CENT, ROUND_HALF_UP) for amount in (net, gross)]
    session.run(
        "UPDATE F_DOCLIGNE SET DL_Qte = ?, EU_Qte = ?, DL_MontantHT = ?, DL_MontantTTC = ? WHERE DL_No = ?",
        (ordered - wanted, ordered - wanted, net - part[0], gross - part[1], number),
    )
    following_number = session.all("SELECT MAX(DL_No) + 1 FROM F_DOCLIGNE")[0][0]
    changes = {
        "DO_Type": new[0], "DO_Piece": new[1], "DO_DocType": new[0], "DL_No": following_number, "DL_Qte": wanted,
        "EU_Qte": wanted, "DL_MontantHT": part[0], "DL_MontantTTC": part[1],
    }  # fmt: skip
    if old[0] in _ORIGIN:
        changes[_ORIGIN[old[0]]] = old[1]
    if new[0] in _QUANTITY:
        changes[_QUANTITY[new[0]]] = wanted
    _copy_row(session, "F_DOCLIGNE", "DL_No = ?", (number,), changes)


def _copy_row(session: Session, table: str, where: str, key: tuple[Any, ...], changes: dict[str, Any]) -> None:
    lowered = {name.lower(): value for name, value in changes.items()}
    names = [name for name in session.columns(table) if name.lower() not in ("cbmarq", "cbmodification")]
    values = [lowered[name.lower()] for name in names if name.lower() in lowered]
    target = ", ".join(quoted(name) for name in names)
    source = ", ".join("?" if name.lower() in lowered else quoted(name) for name in names)
    session.run(f"INSERT INTO {table} ({target}) SELECT {source} FROM {table} WHERE {where}", (*values, *key))  # noqa: S608


def _retotal(session: Session, document: tuple[int, str]) -> None:
    net, gross = session.all(
        "SELECT COALESCE(SUM(DL_MontantHT), 0), COALESCE(SUM(DL_MontantTTC), 0) FROM F_DOCLIGNE "
        "WHERE DO_Type = ? AND DO_Piece = ? AND DL_Valorise = 1",
        document,
    )[0]
    fees, taxed, *rates = session.all(
        "SELECT DO_ValFrais, DO_TypeLigneFrais, DO_Taxe1, COALESCE(DO_Taxe2, 0), COALESCE(DO_Taxe3, 0) "
        "FROM F_DOCENTETE WHERE DO_Type = ? AND DO_Piece = ?",
        document,
    )[0]
    factor = 1 + sum(map(Decimal, rates), Decimal(0)) / 100
    fees_net = Decimal(fees) / factor if taxed else Decimal(fees)
    fees_gross = Decimal(fees) if taxed else Decimal(fees) * factor
    total = Decimal(gross) + fees_gross.quantize(_CENT, ROUND_HALF_UP)
    paid = session.all(
        "SELECT COALESCE(SUM(DR_Montant), 0) FROM F_DOCREGL WHERE DO_Type = ? AND DO_Piece = ? AND DR_TypeRegl = 0",
        document,
    )[0][0]
    session.run(
        "UPDATE F_DOCENTETE SET DO_TotalHT = ?, DO_TotalHTNet = ?, DO_TotalTTC = ?, DO_NetAPayer = ? "
        "WHERE DO_Type = ? AND DO_Piece = ?",
        (
            net, Decimal(net) + fees_net.quantize(_CENT, ROUND_HALF_UP), total, total - Decimal(paid), *document,
        ),
    )  # fmt: skip
