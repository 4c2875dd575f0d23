"""Orders for the tests that write, and connections that fail where they are told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.canonical.parties import Address, Customer
from connectors.canonical.sales import (
    Deposit,
    DocumentKind,
    DocumentLine,
    DocumentTax,
    LineKind,
    SalesDocument,
)
from connectors.canonical.values import TaxBasis, round_half_up
from connectors.core import odbc_write
from connectors.erp.sage100 import writing
from connectors.sandbox.sage100 import Sage100Sandbox

D = Decimal
T20 = DocumentTax(code="C20", percent=D(20))
T55 = DocumentTax(code="C055", percent=D("5.5"))
TODAY = date(2025, 11, 20)

HOME = Address(
    first_name="Zoé",
    last_name="MARTIN",
    line1="12 rue du Çà",
    line2="Étage 3",
    postcode="38000",
    city="Grenoble",
    country="FR",
    phone="06 01 02 03 04",
    email="zoe@exemple.example",
)


def customer_of(number: str = "WEB0000555", **changes: Any) -> Customer:
    """A buyer of the shop."""
    given: dict[str, Any] = {
        "key": number,
        "number": number,
        "name": "MARTIN Zoé",
        "email": "zoe@exemple.example",
        "address": HOME,
        "price_category": "3",
        "payment_term": "3",
    }
    return Customer(**{**given, **changes})


def line_of(
    position: int,
    article: str,
    lead: str,
    *,
    quantity: str = "1",
    price: str | None = None,
    tax: DocumentTax | None = T20,
    basis: TaxBasis = TaxBasis.GROSS,
    **changes: Any,
) -> DocumentLine:
    """A line whose leading amount is ``lead``; the discount is what quantity by price has more."""
    amount, count = D(lead), D(quantity)
    unit = D(price) if price is not None else amount / count
    factor = 1 + sum((one.percent for one in ((tax, *changes.get("more_taxes", ())) if tax else ())), D(0)) / 100
    if basis is TaxBasis.GROSS:
        net, gross = round_half_up(amount / factor, 2), amount
    else:
        net, gross = amount, round_half_up(amount * factor, 2)
    given: dict[str, Any] = {
        "position": position,
        "kind": LineKind.GOODS,
        "article": article,
        "variant": article,
        "designation": f"Ligne {position}",
        "quantity": count,
        "unit_price": unit,
        "discount": count * unit - amount,
        "tax": tax,
        "net": net,
        "gross": gross,
    }
    return DocumentLine(**{**given, **changes})


def document_of(*lines: DocumentLine, **changes: Any) -> SalesDocument:
    """An order of these lines that expects exactly what they amount to."""
    given: dict[str, Any] = {
        "key": "9001",
        "web_number": "9001",
        "kind": DocumentKind.ORDER,
        "on": TODAY,
        "reference": "Web 9001",
        "basis": TaxBasis.GROSS,
        "lines": lines or usual_lines(),
        "series": "1",
        "billing": HOME,
        "delivery": HOME,
    }
    given |= changes
    footer = given.get("footer")
    amounts = [(one.tax, one.net, one.gross) for one in (*given["lines"], *([footer] if footer else []))]
    taxes: dict[str, Decimal] = {}
    for tax, net, gross in amounts:
        if tax is not None and gross != net:
            key = f"{tax.percent.normalize():f}"
            taxes[key] = taxes.get(key, D(0)) + gross - net
    given.setdefault("expected_gross", sum((gross for _, _, gross in amounts), D(0)))
    given.setdefault("expected_tax", taxes)
    return SalesDocument(**given)


def usual_lines() -> tuple[DocumentLine, ...]:
    """Goods with a discount, a kit, a book at another rate, a voucher, carriage."""
    return (
        line_of(1, "TENTE2P", "539.60", quantity="2", price="274.80"),
        line_of(2, "KIT-BIVOUAC", "649.92"),
        line_of(3, "LIVRE-TOPO", "24.90", tax=T55),
        line_of(4, "REMISE", "-10.00", kind=LineKind.DISCOUNT),
        line_of(5, "PORT", "6.90", kind=LineKind.SHIPPING),
    )


def paid(document: SalesDocument, **changes: Any) -> SalesDocument:
    """The same with one deposit of the whole."""
    given: dict[str, Any] = {
        "amount": document.expected_gross,
        "on": TODAY,
        "label": f"CB {document.web_number}",
        "method": "3",
        "journal": "CB",
        "reference": "pi_12345678",
    }
    return replace(document, deposits=(Deposit(**{**given, **changes}),))


def rows(sandbox: Sage100Sandbox, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of the company, read beside the connector."""
    with sandbox.session(write=False) as session:
        return session.all(statement, values)


def one(sandbox: Sage100Sandbox, statement: str, *values: Any) -> tuple[Any, ...]:
    """The only row."""
    (row,) = rows(sandbox, statement, *values)
    return row


# Connections that fail


@dataclass
class Faults:
    """What goes wrong, and when. ``changes`` counts the statements that write, over all connections."""

    fail_at: int = 0
    fail_on: str = ""
    error: Callable[[], Exception] | None = None
    lose: bool = False
    times: int = 1
    commit: str = ""
    """``after``: the commit is done and its answer lost; ``before``: it never arrives."""
    changes: int = 0
    commits: int = 0
    opened: int = 0

    def due(self, statement: str) -> bool:
        """Whether this change fails."""
        self.changes += 1
        named = bool(self.fail_on) and statement.startswith(self.fail_on)
        if self.times > 0 and (self.changes == self.fail_at or named):
            self.times -= 1
            return True
        return False


class FaultyConnection:
    """A driver's connection that fails as its faults say."""

    def __init__(self, real: Any, faults: Faults, lost: Callable[[], Exception]) -> None:
        self._real = real
        self._faults = faults
        self._lost = lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def cursor(self) -> Any:
        return FaultyCursor(self._real.cursor(), self)

    def commit(self) -> None:
        self._faults.commits += 1
        how, self._faults.commit = self._faults.commit, ""
        if how == "before":
            self.drop()
        self._real.commit()
        if how == "after":
            self.drop()

    def fail(self) -> None:
        """Raises the error of the moment."""
        if self._faults.lose:
            self.drop()
        assert self._faults.error is not None
        raise self._faults.error()

    def drop(self) -> None:
        """The line goes dead: the server rolls back what was not committed."""
        self._real.rollback()
        self._real.close()
        raise self._lost()


class FaultyCursor:
    """A cursor whose changes may fail."""

    def __init__(self, real: Any, owner: FaultyConnection) -> None:
        self._real = real
        self._owner = owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, statement: str, *values: Any) -> Any:
        if not statement.startswith("SELECT") and self._owner._faults.due(statement):
            self._owner.fail()
        return self._real.execute(statement, *values)


def driver_error(road: str, state: str, text: str) -> Exception:
    """An error as the driver of a road raises it."""
    if road == "sqlite3":
        return sqlite3.OperationalError(f"[{state}] {text}")
    import pyodbc

    return pyodbc.Error(state, f"[{state}] {text}")


def lost_line(road: str) -> Exception:
    """The line went dead."""
    return driver_error(road, "08S01", "Communication link failure")


@contextmanager
def failing(faults: Faults, road: str) -> Iterator[Faults]:
    """Every write session opened in this block has these faults."""

    def opened(source: Any) -> Any:
        session = odbc_write.connect_write(source)
        faults.opened += 1
        session._connection = FaultyConnection(session._connection, faults, lambda: lost_line(road))
        return session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "connect_write", opened)
        yield faults
