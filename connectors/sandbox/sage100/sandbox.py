"""Sage100Sandbox: reach a stand-in company and edit it as a Sage user would."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from . import documents, purchases, tamper
from .backends import PostgresBackend, Session, SqliteBackend, backend_for
from .emulation import older_driver_statements
from .schema import Dialect, quoted, schema

Number = int | float | Decimal
_LATER_MARKS = (
    ("P_DOSSIER", "D_Laf"),
    ("F_DEPOT", "DE_Souche01"),
    ("F_ARTSTOCK", "AS_Mouvemente"),
    ("F_ARTICLE", "AR_EdiCode"),
)
_STOCK = {
    "real": "QteSto",
    "reserved": "QteRes",
    "ordered": "QteCom",
    "prepared": "QtePrepa",
    "inspected": "QteAControler",
}


@dataclass(frozen=True, slots=True)
class StockChange:
    """One stock quantity that was changed: article, variant numbers (0 without), warehouse, before and after."""

    reference: str
    variant: tuple[int, int]
    depot: int
    before: Decimal
    after: Decimal


class Sage100Sandbox:
    """Handle on one stand-in company: connections for readers, edits for tests and the demo.

    Every edit is one committed transaction and moves cbModification exactly where Sage would. Article edits raise
    KeyError for an unknown reference.
    """

    def __init__(self, target: Path | str) -> None:
        self.backend: SqliteBackend | PostgresBackend = backend_for(target)

    @property
    def dialect(self) -> Dialect:
        """Database engine of this company."""
        return self.backend.dialect

    @property
    def path(self) -> Path:
        """File of a SQLite company. TypeError on PostgreSQL."""
        if isinstance(self.backend, SqliteBackend):
            return self.backend.path
        raise TypeError("a PostgreSQL company has no file")

    @property
    def dsn(self) -> str:
        """libpq connection string of a PostgreSQL company. TypeError on SQLite."""
        if isinstance(self.backend, PostgresBackend):
            return self.backend.dsn
        raise TypeError("a SQLite company has no DSN")

    # Connections

    def connect(self) -> Any:
        """New native connection (sqlite3 or psycopg); the caller closes it."""
        return self.backend.connect()

    def odbc_connection_string(self, *, read_only: bool = False, login: str = "", password: str = "") -> str:
        """Connection string for pyodbc through Debian's driver (SQLite3 or PostgreSQL Unicode).

        ``read_only`` and a login of its own only mean something on PostgreSQL.
        """
        return self.backend.odbc_connection_string(read_only=read_only, login=login, password=password)

    def odbc_connect(self, *, read_only: bool = False) -> Any:
        """New pyodbc connection; the caller closes it. ImportError without unixODBC."""
        import pyodbc

        return pyodbc.connect(self.odbc_connection_string(read_only=read_only), autocommit=False)

    def session(self, *, write: bool = True) -> AbstractContextManager[Session]:
        """One transaction with ``?`` markers on either database, for what the other methods do not do."""
        return self.backend.session(write=write)

    # Proof that nothing is written

    def fingerprint(self) -> str:
        """SHA-256 over the structure and all rows; equal on SQLite and PostgreSQL for the same company."""
        with self.backend.session(write=False) as session:
            return tamper.fingerprint(session)

    def set_write_trap(self) -> None:
        """Record every row written from now on; see trapped_writes(). Callable twice (starts afresh)."""
        with self.backend.session() as session:
            tamper.set_trap(session)

    def trapped_writes(self) -> list[tamper.TrappedWrite]:
        """Rows written since set_write_trap()."""
        with self.backend.session(write=False) as session:
            return tamper.trapped(session)

    # Articles

    def rename(self, reference: str, design: str, *, english: str | None = None) -> None:
        """Change the designation, and the one of the first foreign language when given."""
        values: dict[str, Any] = {"AR_Design": design}
        if english is not None:
            values["AR_Langue1"] = english
        self.update_article(reference, **values)

    def publish(self, reference: str, *, published: bool = True) -> None:
        """Put an article on the web (AR_Publie = 1) or take it off."""
        self.update_article(reference, AR_Publie=int(published))

    def unpublish(self, reference: str) -> None:
        """Take an article off the web (AR_Publie = 0)."""
        self.publish(reference, published=False)

    def set_dormant(self, reference: str, *, dormant: bool = True) -> None:
        """Put an article to sleep (« mise en sommeil ») or wake it."""
        self.update_article(reference, AR_Sommeil=int(dormant))

    def update_article(self, reference: str, **columns: Any) -> None:
        """Set columns of an article, plain ones by keyword (information libre ones too, through ``**{...}``)."""
        self.update("F_ARTICLE", "AR_Ref", reference, **columns)

    def update(self, table: str, key: str, value: Any, **columns: Any) -> int:
        """Set columns of the rows of any table where ``key`` equals ``value``; returns their number, KeyError for 0."""
        sets = ", ".join(f"{self._name(table, name)} = ?" for name in columns)
        with self.backend.session() as session:
            count = session.run(f"UPDATE {table} SET {sets} WHERE {key} = ?", (*columns.values(), value))  # noqa: S608
        if not count:
            raise KeyError(f"{table}: {value}")
        return count

    def add_article(self, reference: str, design: str, *, family: str, price: Number, **columns: Any) -> int:
        """Create a published, awake, tracked article without stock; returns its cbMarq."""
        values = {
            "AR_Ref": reference, "AR_Design": design, "FA_CodeFamille": family, "AR_PrixVen": price, "AR_Publie": 1,
            "AR_SuiviStock": 2, "AR_UnitePoids": 3, "AR_UniteVen": 1, "AR_QteComp": 1, "AR_QteOperatoire": 1, **columns,
        }  # fmt: skip
        with self.backend.session() as session:
            self._insert(session, "F_ARTICLE", values)
            row = session.one("SELECT cbMarq FROM F_ARTICLE WHERE AR_Ref = ?", (reference,))
        if row is None:
            raise KeyError(reference)
        return int(row[0])

    def delete_article(self, reference: str) -> None:
        """Delete an article with every row that belongs to it, documents excepted (their lines refuse: ValueError)."""
        with self.backend.session() as session:
            if session.one("SELECT 1 FROM F_DOCLIGNE WHERE AR_Ref = ?", (reference,)):
                raise ValueError(f"{reference} is on a document: Sage does not delete it")
            for table in _tables_of_articles():
                session.run(f"DELETE FROM {table} WHERE AR_Ref = ?", (reference,))  # noqa: S608 names of ours
            session.run("DELETE FROM F_NOMENCLAT WHERE NO_RefDet = ?", (reference,))
            session.run("UPDATE P_EXPEDITION SET AR_Ref = NULL WHERE AR_Ref = ?", (reference,))
            session.run("UPDATE F_ARTICLE SET AR_Substitut = NULL WHERE AR_Substitut = ?", (reference,))
            if not session.run("DELETE FROM F_ARTICLE WHERE AR_Ref = ?", (reference,)):
                raise KeyError(reference)

    def touch_article(self, reference: str, at: str) -> None:
        """Date an article's last change (``YYYY-MM-DD HH:MM:SS``, the server's local time)."""
        self.update_article(reference, cbModification=at)

    # Prices

    def set_price(self, reference: str, price: Number, *, category: int = 0, taxed: bool | None = None) -> None:
        """Change the price of an article, or of one price category (its row is created when missing).

        ``taxed`` says whether the price includes tax; None keeps what was there (HT for a new row).
        """
        if not category:
            flags = {} if taxed is None else {"AR_PrixTTC": int(taxed)}
            self.update_article(reference, AR_PrixVen=price, **flags)
            return
        with self.backend.session() as session:
            _must_exist(session, reference)
            self._set_category_price(session, reference, category, price, taxed)

    def _set_category_price(
        self, session: Session, reference: str, category: int, price: Number, taxed: bool | None
    ) -> None:
        where = (reference, category)
        found = session.run(
            "UPDATE F_ARTCLIENT SET AC_PrixVen = ? WHERE AR_Ref = ? AND AC_Categorie = ? AND CT_Num IS NULL",
            (price, *where),
        )
        if not found:
            values = {
                "AR_Ref": reference,
                "AC_Categorie": category,
                "AC_PrixVen": price,
                "AC_PrixTTC": int(bool(taxed)),
            }
            self._insert(session, "F_ARTCLIENT", values)
        elif taxed is not None:
            session.run(
                "UPDATE F_ARTCLIENT SET AC_PrixTTC = ? WHERE AR_Ref = ? AND AC_Categorie = ? AND CT_Num IS NULL",
                (int(taxed), *where),
            )

    # Stock

    def set_stock(
        self, reference: str, *, depot: int = 1, variant: tuple[int, int] | None = None, **quantities: Number
    ) -> None:
        """Set quantities of an article in one warehouse: real, reserved, ordered, prepared, inspected.

        For an article with gammes name the variant (AG_No1, AG_No2); the total of the article follows. The article's
        own cbModification does not move, as in Sage. TypeError for an unknown quantity.
        """
        unknown = set(quantities) - set(_STOCK)
        if unknown:
            raise TypeError(f"unknown quantity: {', '.join(sorted(unknown))}")
        with self.backend.session() as session:
            _must_exist(session, reference)
            if variant is None:
                self._write_stock(session, "F_ARTSTOCK", {"AR_Ref": reference, "DE_No": depot}, quantities)
                return
            key = {"AR_Ref": reference, "DE_No": depot, "AG_No1": variant[0], "AG_No2": variant[1]}
            self._write_stock(session, "F_GAMSTOCK", key, quantities)
            self._write_stock(
                session, "F_ARTSTOCK", {"AR_Ref": reference, "DE_No": depot}, _totals(session, reference, depot)
            )

    def _write_stock(self, session: Session, table: str, key: dict[str, Any], quantities: dict[str, Any]) -> None:
        prefix = "AS_" if table == "F_ARTSTOCK" else "GS_"
        values = {prefix + _STOCK[name]: amount for name, amount in quantities.items()}
        where = " AND ".join(f"{name} = ?" for name in key)
        sets = ", ".join(f"{name} = ?" for name in values)
        statement = f"UPDATE {table} SET {sets} WHERE {where}"  # noqa: S608 names of ours
        if not session.run(statement, (*values.values(), *key.values())):
            self._insert(session, table, {**key, **values})

    def change_stocks(self, count: int, *, by: Number = 1, depot: int = 1, skip: int = 0) -> list[StockChange]:
        """Add ``by`` to the real stock of ``count`` plain published articles of one warehouse, in cbMarq order.

        ``skip`` leaves out that many articles first, so that two calls can change different ones. Returns what was
        changed; fewer when the company has fewer such articles.
        """
        with self.backend.session() as session:
            rows = session.all(_CHANGEABLE, (depot,))[skip : skip + count]
            changes = [
                StockChange(str(reference), (0, 0), depot, Decimal(real), Decimal(real) + Decimal(str(by)))
                for _, reference, real in rows
            ]
            session.many(
                "UPDATE F_ARTSTOCK SET AS_QteSto = AS_QteSto + ? WHERE cbMarq = ?", [(by, row[0]) for row in rows]
            )
        return changes

    # Documents

    def documents(self, web_number: str) -> list[documents.WebDocument]:
        """Documents of a shop order (DO_NoWeb), least advanced first, with their totals, lines and deposits."""
        with self.backend.session(write=False) as session:
            return documents.read(session, web_number)

    def advance_document(
        self, piece: str, to: int, *, quantities: dict[int, Number] | None = None, tracking: str = ""
    ) -> str:
        """Turn a sales document into the next one; see documents.advance(). Returns the new DO_Piece."""
        with self.backend.session() as session:
            return documents.advance(session, piece, to, quantities=quantities or {}, tracking=tracking)

    def add_line(self, piece: str, reference: str, *, position: int, quantity: Number = 1, price: Number = 0) -> None:
        """Add a line to a document as a Sage user does on screen; see documents.add_line()."""
        with self.backend.session() as session:
            documents.add_line(session, piece, reference, position=position, quantity=quantity, price=price)

    def order_purchase(
        self, *lines: purchases.PurchaseLine, due: date | None = None, kind: int = purchases.ORDERED
    ) -> str:
        """Order from a supplier; see purchases.order(). Returns the DO_Piece."""
        with self.backend.session() as session:
            return purchases.order(session, lines, due=due, kind=kind)

    def receive_purchase(self, piece: str, **quantities: int) -> str:
        """Receive an order, or quantities of it by article; see purchases.receive(). Returns the receipt's piece."""
        with self.backend.session() as session:
            return purchases.receive(session, piece, quantities)

    # Damage, to prove what a connection test says

    def rename_table(self, table: str, name: str) -> None:
        """Give a table another name, as if it were missing. Undone by calling it the other way round."""
        with self.backend.session() as session:
            session.script([f"ALTER TABLE {table} RENAME TO {name}"])

    def rename_column(self, table: str, column: str, name: str) -> None:
        """Give a column another name, as if it were missing."""
        with self.backend.session() as session:
            session.script([f"ALTER TABLE {table} RENAME COLUMN {column} TO {name}"])

    def become_older(self) -> None:
        """Turn a company with emulation into one of i7 7.70, whose driver takes instalments of documents.

        Only the columns that tell the later versions apart disappear. Callable once.
        """
        for table, column in _LATER_MARKS:
            self.rename_column(table, column, f"zz{column}")
        with self.backend.session() as session:
            session.script(older_driver_statements(self.dialect))

    def create_reader(self, login: str, password: str) -> None:
        """Make a login that may only read (PostgreSQL; TypeError on SQLite). Callable twice."""
        _postgres_only(self)
        with self.backend.session() as session:
            session.script(_reader_statements(login, password))

    def revoke(self, table: str, login: str) -> None:
        """Take the right to read one table from a login (PostgreSQL; TypeError on SQLite)."""
        _postgres_only(self)
        with self.backend.session() as session:
            session.script([f"REVOKE ALL ON {table} FROM {login}, PUBLIC"])

    def grant(self, table: str, login: str) -> None:
        """Give the right to read one table back (PostgreSQL; TypeError on SQLite)."""
        _postgres_only(self)
        with self.backend.session() as session:
            session.script([f"GRANT SELECT ON {table} TO {login}"])

    def drop_reader(self, login: str) -> None:
        """Remove a login made by create_reader() (PostgreSQL). Callable twice."""
        _postgres_only(self)
        with self.backend.session() as session:
            if session.one("SELECT 1 FROM pg_roles WHERE rolname = ?", (login,)):
                session.script([f"DROP OWNED BY {login}", f"DROP ROLE {login}"])

    def _insert(self, session: Session, table: str, values: dict[str, Any]) -> None:
        names = ", ".join(self._name(table, name) for name in values)
        markers = ", ".join("?" * len(values))
        session.run(f"INSERT INTO {table} ({names}) VALUES ({markers})", tuple(values.values()))  # noqa: S608

    def _name(self, table: str, column: str) -> str:
        plain = {item.name for item in schema()[table].columns}
        return column if column in plain else quoted(column)


_CHANGEABLE = (
    "SELECT s.cbMarq, s.AR_Ref, s.AS_QteSto FROM F_ARTSTOCK s INNER JOIN F_ARTICLE a ON a.AR_Ref = s.AR_Ref "
    "WHERE s.DE_No = ? AND a.AR_Publie = 1 AND a.AR_Sommeil = 0 AND a.AR_Gamme1 = 0 AND a.AR_SuiviStock <> 0 "
    "AND a.AR_Nomencl = 0 AND a.AR_Design <> '' ORDER BY a.cbMarq"
)


def _totals(session: Session, reference: str, depot: int) -> dict[str, Any]:
    names = [name for name in _STOCK if name != "inspected"]
    sums = ", ".join(f"SUM(GS_{_STOCK[name]})" for name in names)
    row = session.one(f"SELECT {sums} FROM F_GAMSTOCK WHERE AR_Ref = ? AND DE_No = ?", (reference, depot))  # noqa: S608
    return dict(zip(names, row or (), strict=True))


def _must_exist(session: Session, reference: str) -> None:
    if session.one("SELECT 1 FROM F_ARTICLE WHERE AR_Ref = ?", (reference,)) is None:
        raise KeyError(reference)


def _tables_of_articles() -> Iterable[str]:
    """Tables whose rows belong to one article, by AR_Ref."""
    kept = {"F_ARTICLE", "F_DOCLIGNE", "P_EXPEDITION"}
    return [
        table.name
        for table in schema().values()
        if table.name not in kept and any(column.name == "AR_Ref" for column in table.columns)
    ]


def _postgres_only(sandbox: Sage100Sandbox) -> None:
    if sandbox.dialect is not Dialect.POSTGRESQL:
        raise TypeError("SQLite knows no logins and no rights")


def _reader_statements(login: str, password: str) -> list[str]:
    secret = password.replace("'", "''")
    return [
        f"DO $$ BEGIN CREATE ROLE {login}; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"ALTER ROLE {login} LOGIN PASSWORD '{secret}'",
        f"GRANT USAGE ON SCHEMA public TO {login}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {login}",
    ]
