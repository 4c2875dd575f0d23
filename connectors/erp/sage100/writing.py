"""The way into Sage 100 for orders: every step looks before it creates, and is one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

from connectors.canonical.parties import Address, Customer
from connectors.canonical.sales import Deposit, DocumentTotals, SalesDocument
from connectors.core.odbc_write import WriteSession, connect_write
from connectors.core.ports import Runtime
from connectors.core.problems import ItemRefused, Problem, Transient
from connectors.core.results import CustomerMatch
from connectors.erp.sage100.addresses import DEFAULT_CRITERIA, Addresses
from connectors.erp.sage100.amending import DocumentAmender
from connectors.erp.sage100.company import Company
from connectors.erp.sage100.customers import Customers
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.deposits import Deposits
from connectors.erp.sage100.document_lines import LinePlanner
from connectors.erp.sage100.documents import Desk, DocumentPlanner, DocumentWriter
from connectors.erp.sage100.instalments import Instalments
from connectors.erp.sage100.lookups import Lookups
from connectors.erp.sage100.numbering import ORDER, PREPARATION, QUOTE
from connectors.erp.sage100.options import Sage100Options, permitted
from connectors.erp.sage100.resolver import Resolver
from connectors.erp.sage100.rows_writer import RowWriter
from connectors.erp.sage100.sizes import Sizes
from connectors.erp.sage100.totals import Documents, Piece
from connectors.erp.sage100.writing_problems import misconfigured, problem, refused

T = TypeVar("T")

PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between two attempts at a record that somebody has on his screen."""

_LOCKED = frozenset({"locked", "record_locked"})
_OPEN = (QUOTE, ORDER, PREPARATION)
"""Kinds of document that may still take a deposit."""


class Sage100Sales:
    """Writes customers, addresses and documents of one company. Not to be shared between threads.

    Nothing is opened before the first use. A lost connection is opened again at the next use. Raises ``ItemRefused``
    for one order that cannot be, ``Transient`` for a record that stays locked, ``Uncertain`` when the connection was
    lost while writing, ``Misconfigured`` when nothing can be written at all.
    """

    def __init__(self, options: Sage100Options, runtime: Runtime) -> None:
        self._options = options
        self._runtime = runtime
        self._office: _Office | None = None
        self._notes: list[Problem] = []

    # Documents

    def find_document(self, web_number: str, *, piece: str = "") -> DocumentTotals | None:
        """The most advanced document that carries our number, else the one the order ``piece`` became, or ``None``.

        The totals are that document's alone, the header's own where Sage keeps them; the state is the order's.
        """
        documents = self._desk.documents
        found = documents.of_order(web_number) or (documents.of_piece(piece) if piece else [])
        return documents.totals(found[:1], found) if found else None

    def document_totals(self, web_number: str = "", *, piece: str = "") -> DocumentTotals | None:
        """What all documents of an order amount to together: a part may be delivered, the rest still on the order."""
        documents = self._desk.documents
        found = documents.of_order(web_number) if web_number else documents.of_piece(piece)
        return documents.totals(found) if found else None

    def create_document(self, document: SalesDocument, *, customer: str, address: str = "") -> DocumentTotals:
        """Writes number, header, lines and deposits in one transaction and returns what Sage holds afterwards.

        A document that carries the web number already is returned as it is. Nothing is kept when Sage does not arrive
        at the order's total and VAT per rate (``document_total_differs``) or refuses any row.
        """
        existing = self._desk.documents.of_order(document.web_number)
        if existing and self._opened.session.transactional:
            return self._desk.documents.totals(existing[:1], existing)
        return self._written(lambda office: office.write(document, customer, address))

    def add_deposits(self, web_number: str, deposits: Sequence[Deposit]) -> DocumentTotals:
        """Adds the deposits that the order's document lacks (late payment). May be repeated.

        Raises ``ItemRefused`` when there is no document (``document_not_found``) or when it went beyond the
        preparation or was validated (``document_closed``).
        """
        return self._written(lambda office: office.add_deposits(web_number, deposits))

    def amend_document(self, document: SalesDocument, *, customer: str, address: str = "") -> DocumentTotals:
        """Makes the order's open document hold what ``document`` says now, in one transaction; writes what differs.

        Raises ``ItemRefused``: ``document_not_found``, ``document_closed``, ``document_total_differs``, and
        ``document_changed_by_hand`` when a user added or removed lines in Sage (:mod:`.amending` tells what can be
        known). May be repeated: nothing is written when nothing differs.
        """
        return self._written(lambda office: office.amender.amend(document, customer, address))

    def hold_document(self, web_number: str) -> DocumentTotals:
        """Puts the order's open document back to the first status in use of its kind. May be repeated.

        Raises ``ItemRefused``: ``document_not_found``, ``document_closed``. A note where Sage uses one status alone.
        """
        return self._written(lambda office: office.amender.hold(web_number))

    # Customers and addresses

    def find_customer(self, *, email: str = "", number: str = "") -> str | None:
        """Number of the customer, by number first, then by e-mail; of several, the oldest active one and a note."""
        return self._desk.customers.find(email=email, number=number)

    def customers_by_email(self, email: str) -> tuple[CustomerMatch, ...]:
        """Every customer with this e-mail, active ones first, then the oldest."""
        return self._desk.customers.matches(self._desk.customers.by_email(email))

    def customer(self, number: str) -> CustomerMatch | None:
        """The customer of exactly this number, or ``None``."""
        return next(iter(self._desk.customers.matches((number,))), None)

    def create_customer(self, customer: Customer) -> str:
        """Creates the customer with its account and payment terms; one with this number is returned as it is."""
        return self._written(lambda office: office.desk.customers.create(customer))

    def update_customer(self, number: str, customer: Customer) -> None:
        """Replaces name, address, phone and VAT number of an existing customer."""
        self._written(lambda office: office.desk.customers.update(number, customer))

    def find_address(self, customer: str, address: Address, criteria: Collection[str] = DEFAULT_CRITERIA) -> str | None:
        """Number of the customer's delivery address that is the same place in every part of ``criteria``."""
        return self._desk.addresses.find(customer, address, criteria)

    def create_address(self, customer: str, address: Address) -> str:
        """Creates a delivery address and returns its number; an identical one is returned as it is."""

        def create(office: _Office) -> str:
            same = office.desk.addresses.find(customer, address, (*DEFAULT_CRITERIA, "phone"))
            return same or office.desk.addresses.create(office.desk.customers.party(customer), address)

        return self._written(create)

    def update_address(self, customer: str, number: str, address: Address) -> None:
        """Replaces a delivery address of the customer."""
        self._written(lambda office: office.desk.addresses.update(customer, number, address))

    # What the mapping asks

    def tax_codes(self, percent: Decimal) -> tuple[str, ...]:
        """Codes of the VAT collected at this percentage."""
        return self._desk.lookups.tax_codes(percent)

    def tax_percent(self, code: str) -> Decimal | None:
        """Percentage of a tax code; ``None`` when it does not exist or is an amount."""
        return self._desk.lookups.tax_percent(code)

    def take_notes(self) -> tuple[Problem, ...]:
        """What was noticed since the last time this was asked: texts cut, e-mails carried twice, blocked accounts."""
        if self._office is not None:
            self._notes += self._office.desk.sizes.taken_notes()
        notes, self._notes = self._notes, []
        return tuple({(note.code, note.text()): note for note in notes}.values())

    def close(self) -> None:
        """Ends the session, rolling back what was not committed. May be called twice."""
        office, self._office = self._office, None
        if office is not None:
            self._notes += office.desk.sizes.taken_notes()
            office.session.close()

    # Sessions and attempts

    @property
    def _opened(self) -> _Office:
        if self._office is not None and self._office.session.broken:
            self.close()
        if self._office is None:
            self._office = _Office(self._options, self._runtime)
        return self._office

    @property
    def _desk(self) -> Desk:
        return self._opened.desk

    def _written(self, work: Callable[[_Office], T]) -> T:
        """Runs one step in a transaction, again after a pause while a record is locked.

        A step that finds its row created by somebody else in between is run once more, and then finds it.
        """
        lost_races = 0
        for pause in (*PAUSES, None):
            try:
                return self._attempt(work)
            except Transient as error:
                if error.problem.code not in _LOCKED:
                    raise
                if pause is None:
                    raise Transient(problem("record_locked", error.problem.detail), delay=30) from error
                self._wait(pause)
            except ItemRefused as error:
                lost_races += 1
                if error.problem.code != "already_exists" or lost_races > 1:
                    raise
        raise Transient(problem("record_locked"), delay=30)

    def _attempt(self, work: Callable[[_Office], T]) -> T:
        office = self._opened
        notes = list(office.desk.sizes.notes)
        try:
            with office.session.transaction():
                return work(office)
        except BaseException:
            office.desk.sizes.notes = notes
            raise

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._runtime.should_stop():
            time.sleep(min(left, 0.2))


class _Office:
    """One write session and everything that works over it."""

    def __init__(self, options: Sage100Options, runtime: Runtime) -> None:
        self._options = options
        self._runtime = runtime
        self.session: WriteSession = connect_write(permitted(options.write_source(), runtime))
        if "sql server" in self.session.info.dbms.lower():
            # The triggers of its tables call Sage's own library, which only Sage's driver brings along.
            self.session.close()
            raise misconfigured("write_road_refused")
        database = Database(self.session)
        self._company = Company(database)
        today = runtime.clock().astimezone(ZoneInfo(options.timezone)).date()
        self._resolver = Resolver(database, self._company, packagings=options.packagings, today=today)
        self.desk = self._furnished(database)

    def _furnished(self, database: Database) -> Desk:
        sizes = Sizes(database)
        lookups = Lookups(database, self._company)
        rows = RowWriter(self.session, database, sizes)
        shared = (database, rows, lookups, sizes)
        return Desk(
            *shared,
            customers=Customers(*shared),
            addresses=Addresses(*shared),
            documents=Documents(database, self._company),
            deposits=Deposits(*shared),
            instalments=Instalments(*shared),
            lines=LinePlanner(self._resolver, self._company, lookups, sizes),
        )

    @cached_property
    def _writer(self) -> DocumentWriter:
        return DocumentWriter(self.desk, transactional=self.session.transactional)

    @property
    def amender(self) -> DocumentAmender:
        """Changes documents that are there."""
        return DocumentAmender(self.desk, self._planner, transactional=self.session.transactional)

    @property
    def _planner(self) -> DocumentPlanner:
        now = self._runtime.clock().astimezone(ZoneInfo(self._options.timezone))
        return DocumentPlanner(self.desk, now=now, header_texts=self._options.header_texts)

    def write(self, document: SalesDocument, customer: str, address: str) -> DocumentTotals:
        """Plans and writes a document."""
        return self._writer.write(self._planner.plan(document, customer, address))

    def add_deposits(self, web_number: str, deposits: Sequence[Deposit]) -> DocumentTotals:
        """Adds deposits to the document of an order."""
        found = self.desk.documents.of_order(web_number)
        if not found:
            raise refused("document_not_found", value=web_number)
        piece: Piece = found[0]
        if piece.type not in _OPEN or self.desk.documents.is_sealed(piece):
            raise refused("document_closed", value=piece.piece)
        self.desk.deposits.add(piece, deposits, self.desk.documents.rate(piece))
        return self.desk.documents.totals([piece], found)
