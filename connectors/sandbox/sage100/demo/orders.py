"""Documents the demo merchant has on top of the sample; their open quantities are in the stock rows."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .shop import TAX_RATES, Shop, cents

_ORDER, _PREPARATION, _PURCHASE = 1, 2, 12
_ORDERED_BEFORE = timedelta(days=12)


@dataclass(frozen=True, slots=True)
class _Order:
    """A document to write: its type, customer or supplier, and (article or variant, quantity) lines.

    ``days``: how long after the day of the company a purchase order is due; ``due``: that day.
    """

    kind: int
    party: str
    date: str
    web: str
    lines: tuple[tuple[str, int], ...]
    days: int = 0
    due: str = ""


_ORDERS = (
    _Order(_ORDER, "WEB0000106", "2025-10-14", "100007", (("SAC35-BELLEDONNE", 1), ("DRAP-SOIE", 2))),
    _Order(_ORDER, "WEB0000107", "2025-10-14", "100008", (("TENTE1P-COMBEAU", 1), ("MAT-GONF-PRE", 1))),
    _Order(_ORDER, "WEB0000108", "2025-10-15", "100009", (("RAQUETTES-22", 2), ("BATONS-ALU-3", 2))),
    _Order(_PREPARATION, "WEB0000109", "2025-10-15", "100010", (("CRAMPONS-12", 1), ("PELLE-ALU", 1))),
    _Order(_PREPARATION, "WEB0000110", "2025-10-15", "100011", (("TOPO-OISANS", 1), ("CARTE-OISANS", 2))),
    _Order(_ORDER, "SECOURS38", "2025-10-13", "", (("LONGE-VIA", 12), ("MOUSQ-HMS", 40))),
    _Order(_ORDER, "REFUGE02", "2025-10-13", "", (("LYO-CURRY", 48), ("LYO-MUESLI", 36), ("GAZ-230", 24))),
    _Order(_PURCHASE, "FOURSAC", "2025-10-09", "", (("SAC35-BELLEDONNE", 40), ("SAC28-CORNAFION", 30)), days=9),
    _Order(_PURCHASE, "FOURALIM", "2025-10-10", "", (("LYO-CURRY", 240), ("BARRE-NOIX", 480)), days=16),
    _Order(_PURCHASE, "FOURCORDE", "2025-10-10", "", (("MOUSQ-HMS", 200), ("DEGAINE-12", 150)), days=5),
    _Order(_PURCHASE, "FOURSAC", "2025-10-11", "", (("HOUSSE-20-35", 60),), days=20),
    _Order(_PURCHASE, "FOURCORDE", "2025-10-11", "", (("CRAMPONS-10", 15), ("MOUSQ-HMS", 100)), days=26),
    _Order(_PURCHASE, "FOURPIED", "2025-10-11", "", (("CHAUSSON-PERF-39", 12), ("CH-TRAIL-F-R-39-GRI", 10)), days=7),
)
_FIELD = {_ORDER: "QteRes", _PREPARATION: "QtePrepa", _PURCHASE: "QteCom"}


def add_documents(shop: Shop, today: date | None) -> None:
    """Web orders with their deposit, trade orders, purchase orders; reserved, prepared and ordered stock follow.

    ``today`` dates the purchase orders around that day; without it their delivery is as old as the order.
    """
    for planned in _ORDERS:
        order = _dated(planned, today)
        series = 1 if order.web else 0
        piece = _take_number(shop, order.kind, series)
        lines = [_line(shop, order, piece, position, line) for position, line in enumerate(order.lines, 1)]
        _header(shop, order, piece, series, lines)
        for reference, quantity in order.lines:
            _move_stock(shop, order.kind, reference, quantity)


def _dated(order: _Order, today: date | None) -> _Order:
    if today is None or order.kind != _PURCHASE:
        return replace(order, due=order.date)
    due = today + timedelta(days=order.days)
    return replace(order, date=(today - _ORDERED_BEFORE).isoformat(), due=due.isoformat())


def _take_number(shop: Shop, kind: int, series: int) -> str:
    domain, column = (1, 2) if kind == _PURCHASE else (0, kind)
    for row in shop.dataset.rows("F_DOCCURRENTPIECE"):
        if (row.get("DC_Domaine", 0), row.get("DC_IdCol", 0), row.get("DC_Souche", 0)) == (domain, column, series):
            piece = str(row["DC_Piece"])
            head = piece.rstrip("0123456789")
            row["DC_Piece"] = f"{head}{int(piece[len(head) :]) + 1:0{len(piece) - len(head)}d}"
            if (kind, piece) not in {
                (item.get("DO_Type", 0), item["DO_Piece"]) for item in shop.dataset.rows("F_DOCENTETE")
            }:
                return piece
            return _take_number(shop, kind, series)
    raise KeyError((domain, column, series))


def _place(shop: Shop, reference: str) -> tuple[str, tuple[int, int]]:
    """The article and range numbers of what is ordered: an article, or a variant by its own reference."""
    for row in shop.dataset.rows("F_ARTENUMREF"):
        if row.get("AE_Ref") == reference:
            return str(row["AR_Ref"]), (int(row["AG_No1"]), int(row.get("AG_No2", 0)))
    return reference, (0, 0)


def _article(shop: Shop, reference: str) -> dict[str, Any]:
    return next(row for row in shop.dataset.rows("F_ARTICLE") if row["AR_Ref"] == reference)


def _web_price(shop: Shop, reference: str) -> Decimal:
    return next(
        Decimal(row["AC_PrixVen"])
        for row in shop.dataset.rows("F_ARTCLIENT")
        if row["AR_Ref"] == reference and row.get("AC_Categorie", 0) == 3
    )


def _line(shop: Shop, order: _Order, piece: str, position: int, line: tuple[str, int]) -> dict[str, Any]:
    named, quantity = line
    reference, variant = _place(shop, named)
    article = _article(shop, reference)
    purchase = order.kind == _PURCHASE
    tax = "C055" if article["FA_CodeFamille"] in ("LIVRE", "EPICERIE") and not purchase else "C20"
    rate = TAX_RATES[tax]
    gross = _web_price(shop, reference)
    net = Decimal(article["AR_PrixAch"]) if purchase else gross / (1 + rate / 100)
    amount = cents(net * quantity)
    date = f"{order.date} 00:00:00"
    return shop.dataset.add(
        "F_DOCLIGNE", DO_Domaine=int(purchase), DO_Type=order.kind, DO_DocType=order.kind, DO_Piece=piece,
        CT_Num=order.party, DO_Date=date, DL_DateBC=date, DL_DateBL=date, DL_DatePL=date, DL_DateDE=date,
        DO_DateLivr=f"{order.due} 00:00:00", AG_No1=variant[0], AG_No2=variant[1],
        DL_Ligne=position * 10000, DL_No=shop.dataset.next_number("F_DOCLIGNE", "DL_No"),
        AR_Ref=reference, DL_Design=article["AR_Design"], DL_Qte=quantity, DL_QteBC=quantity, EU_Qte=quantity,
        DL_QtePL=quantity if order.kind == _PREPARATION else 0, EU_Enumere="Pièce",
        DL_PrixUnitaire=net.quantize(Decimal("0.000001")), DL_PUTTC=cents(net * (1 + rate / 100)),
        DL_TTC=int(bool(order.web)), DL_Taxe1=rate, DL_CodeTaxe1="D20" if purchase else tax,
        DL_MontantHT=amount, DL_MontantTTC=gross * quantity if order.web else cents(amount * (1 + rate / 100)),
        DL_Valorise=1, DE_No=1, CO_No=2 if order.web else 1, DL_PrixRU=article["AR_PrixAch"],
        DL_CMUP=article["AR_PrixAch"],
        DL_PieceBC=f"WEB9{order.web[-4:]}" if order.kind == _PREPARATION else "",
        cbModification=f"{order.date} 10:15:00",
    )  # fmt: skip


def _header(shop: Shop, order: _Order, piece: str, series: int, lines: list[dict[str, Any]]) -> None:
    date = f"{order.date} 00:00:00"
    net = sum((Decimal(line["DL_MontantHT"]) for line in lines), Decimal(0))
    gross = sum((Decimal(line["DL_MontantTTC"]) for line in lines), Decimal(0))
    purchase = order.kind == _PURCHASE
    account = "4010000" if purchase else "4110100" if order.web else "4110000"
    address = next((row["LI_No"] for row in shop.dataset.rows("F_LIVRAISON") if row["CT_Num"] == order.party), 0)
    shop.dataset.add(
        "F_DOCENTETE", DO_Domaine=int(purchase), DO_Type=order.kind, DO_DocType=order.kind, DO_Piece=piece,
        DO_Date=date, DO_Ref=f"Panier {order.web}" if order.web else "", DO_NoWeb=order.web, DO_Tiers=order.party,
        CT_NumPayeur=order.party, CG_Num=account, LI_No=address, CO_No=2 if order.web else 1, DO_Period=1, DE_No=1,
        DO_Expedit=1, DO_Condition=1, DO_NbFacture=1, DO_Souche=series,
        DO_DateLivr=f"{order.due} 00:00:00",
        DO_Tarif=3 if order.web else 1, DO_Colisage=1, DO_TypeColis=1, DO_Transaction=11, DO_Regime=21,
        N_CatCompta=1, DO_Statut=2, DO_Heure="000101500", DO_TotalHT=net, DO_TotalHTNet=net, DO_TotalTTC=gross,
        DO_NetAPayer=Decimal(0) if order.web else gross, DO_MontantRegle=gross if order.web else Decimal(0),
        cbModification=f"{order.date} 10:15:00", **({"Boutique": "Boutique FR"} if order.web else {}),
    )  # fmt: skip
    if order.web:
        _deposit(shop, order, piece, gross)


def _deposit(shop: Shop, order: _Order, piece: str, amount: Decimal) -> None:
    date = f"{order.date} 00:00:00"
    payment = shop.dataset.next_number("F_CREGLEMENT", "RG_No")
    deposit = shop.dataset.next_number("F_DOCREGL", "DR_No")
    shop.dataset.add(
        "F_DOCREGL", DR_No=deposit, DO_Domaine=0, DO_Type=order.kind, DO_DocType=order.kind, DO_Piece=piece,
        DR_TypeRegl=0, DR_Date=date, DR_Libelle=f"CB {order.web}", DR_Montant=amount, N_Reglement=3,
    )  # fmt: skip
    shop.dataset.add(
        "F_CREGLEMENT", RG_No=payment, CT_NumPayeur=order.party, CT_NumPayeurOrig=order.party, RG_Date=date,
        RG_Reference=order.web, RG_Libelle=f"CB {order.web}", RG_Montant=amount, N_Reglement=3, RG_Impute=1,
        JO_Num="CB", CG_Num="4110100", RG_Heure="000101500", RG_Piece=str(payment),
    )  # fmt: skip
    shop.dataset.add(
        "F_REGLECH", RG_No=payment, DR_No=deposit, DO_Domaine=0, DO_Type=order.kind, DO_Piece=piece, RC_Montant=amount
    )
    counter = shop.dataset.rows("P_COLREGLEMENT")[0]
    counter["CR_Numero01"] = str(payment + 1)


def _move_stock(shop: Shop, kind: int, reference: str, quantity: int) -> None:
    article, variant = _place(shop, reference)
    row = shop.find_stock(article, 1, variant)
    if row is None:
        raise KeyError(f"{reference} has no stock row to move")
    name = f"{'GS' if variant[0] else 'AS'}_{_FIELD[kind]}"
    row[name] = Decimal(str(row.get(name, 0))) + quantity
