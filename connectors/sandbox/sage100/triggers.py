"""Triggers every Sage table has: cbModification follows each insertion and each update (to the second)."""

from collections.abc import Iterable

from .schema import Dialect, Table


def clock_triggers(tables: Iterable[Table], dialect: Dialect) -> list[str]:
    """Statements that make cbModification follow the rows.

    A statement that sets cbModification itself keeps its value, so that a test can date a row. Nothing here fires for
    the rows of a child table: a price or a stock move does not touch the article, as in Sage.
    """
    dated = [table.name for table in tables if table.has_clock]
    if dialect is Dialect.SQLITE:
        return [statement for name in dated for statement in _sqlite(name)]
    return [_POSTGRES_FUNCTION, *(_postgres(name) for name in dated)]


def _sqlite(name: str) -> tuple[str, str]:
    now = Dialect.SQLITE.now
    touch = f"UPDATE {name} SET cbModification = {now} WHERE cbMarq = NEW.cbMarq"  # noqa: S608 names of ours
    return (
        f"CREATE TRIGGER TG_CBUPD_{name} AFTER UPDATE ON {name} "
        f"WHEN NEW.cbModification IS OLD.cbModification BEGIN {touch}; END",
        f"CREATE TRIGGER TG_CBINS_{name} AFTER INSERT ON {name} WHEN NEW.cbModification IS NULL BEGIN {touch}; END",
    )


def _postgres(name: str) -> str:
    return (
        f"CREATE TRIGGER TG_CB_{name} BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION sage_row_clock()"
    )


_POSTGRES_FUNCTION = f"""
CREATE OR REPLACE FUNCTION sage_row_clock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.cbModification IS NULL OR (TG_OP = 'UPDATE' AND NEW.cbModification = OLD.cbModification) THEN
    NEW.cbModification := {Dialect.POSTGRESQL.now};
  END IF;
  RETURN NEW;
END $$
"""
