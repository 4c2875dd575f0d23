"""The connection test: what was found, point by point, and what to do about what is missing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

from connectors.core.odbc import DriverInfo, ReadSession, Source, int_of, reading, text_of
from connectors.core.ports import Runtime
from connectors.core.problems import ConnectorError, Problem
from connectors.core.redaction import redact
from connectors.core.results import CheckItem, CheckReport, CheckState
from connectors.erp.sage100.company import Company
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.options import Sage100Options, permitted
from connectors.erp.sage100.pictures import media_folder
from connectors.erp.sage100.statements import is_optional, requirements
from connectors.erp.sage100.versions import detect_version

DEADLINE = 9.5
"""Seconds after which the test answers with what it has."""

_GARBLED = ("Ã©", "Ã¨", "Ã ", "\ufffd", "Ã‰")
_COMPANY_TABLE = "P_DOSSIER"


def run_check(options: Sage100Options, runtime: Runtime) -> CheckReport:
    """Tests every source of these options. Never raises, answers within ten seconds.

    The work is done on sessions of its own in a thread of its own: a driver that waits for a silent server cannot be
    interrupted, only left behind.
    """
    collected: list[CheckItem] = []
    facts: dict[str, str] = {}
    finished = threading.Event()

    def work() -> None:
        add = collected.append
        try:
            for item in _points(options, runtime, facts):
                add(item)
        except Exception as error:  # noqa: BLE001 a test answers, whatever it meets
            add(CheckItem("source", CheckState.ERROR, _BUG, _BUG_ADVICE, redact(repr(error)), "connector_bug"))
        finally:
            finished.set()

    threading.Thread(target=work, name="sage100-check", daemon=True).start()
    if not finished.wait(DEADLINE):
        collected.append(_TOO_SLOW)
    return CheckReport(tuple(collected), dict(facts))


_BUG = "Le test a rencontré une erreur inattendue."
_BUG_ADVICE = "Signalez-la au support avec le détail technique."
_TOO_SLOW = CheckItem(
    "source",
    CheckState.ERROR,
    "Le serveur ne répond pas assez vite : le test a été arrêté.",
    "Vérifiez l’adresse et le port, le pare-feu, et que le serveur n’est pas surchargé.",
    code="timeout",
)


def _points(options: Sage100Options, runtime: Runtime, facts: dict[str, str]) -> Iterator[CheckItem]:
    if options.separate_read_source:
        yield from _guarded("source", lambda: _writing_source(permitted(options.write_source(), runtime)))
    yield from _guarded("source", lambda: _reading_source(options, permitted(options.read_source(), runtime), facts))
    if options.media_folder:
        yield from _guarded("pictures", lambda: _pictures(options, runtime))


def _guarded(name: str, points: Callable[[], Iterator[CheckItem]]) -> Iterator[CheckItem]:
    try:
        yield from points()
    except ConnectorError as error:
        yield _failed(name, error.problem)


def _failed(name: str, problem: Problem) -> CheckItem:
    place = "driver" if problem.code in {"odbc_missing", "driver_missing"} else name
    return CheckItem.failed(place, problem)


def _writing_source(source: Source) -> Iterator[CheckItem]:
    with reading(source) as session:
        yield CheckItem(
            "source",
            CheckState.OK,
            "La source principale répond (%(engine)s, base %(database)s).",
            values=_described(session.info),
        )


def _reading_source(options: Sage100Options, source: Source, facts: dict[str, str]) -> Iterator[CheckItem]:
    with reading(source) as session:
        facts["driver"] = session.info.name
        driver = f"{session.info.name} {session.info.version}".strip()
        yield CheckItem("driver", CheckState.OK, "Pilote : %(driver)s.", values={"driver": driver})
        yield CheckItem(
            "source",
            CheckState.OK,
            "Connecté à %(engine)s, base %(database)s, en lecture seule.",
            values=_described(session.info),
        )
        database = Database(session)
        structure = list(_structure(database, session))
        yield from structure
        broken = {item.detail for item in structure if item.state is CheckState.ERROR}
        if _COMPANY_TABLE in broken:
            return
        if not structure:
            yield CheckItem(
                "structure",
                CheckState.OK,
                "Les %(count)s tables lues et leurs colonnes sont présentes.",
                values={"count": str(len(requirements()))},
            )
        yield from _content(database, options, facts, broken)


def _pictures(options: Sage100Options, runtime: Runtime) -> Iterator[CheckItem]:
    folder = media_folder(options, runtime)
    folder.require()
    pictures = folder.count()
    if pictures:
        yield CheckItem(
            "pictures",
            CheckState.OK,
            "Dossier multimédia lisible : %(count)s images trouvées.",
            values={"count": str(pictures)},
        )
        return
    yield CheckItem(
        "pictures",
        CheckState.WARNING,
        "Le dossier multimédia ne contient aucune image.",
        "Vérifiez que c’est bien le dossier Multimedia de la société, et que ses fichiers y sont.",
        code="media_folder_empty",
    )


def _described(info: DriverInfo) -> dict[str, str]:
    return {"engine": f"{info.dbms} {info.dbms_version}".strip(), "database": info.database}


# Tables, columns, rights


def _structure(database: Database, session: ReadSession) -> Iterator[CheckItem]:
    for table, columns in requirements().items():
        needed = [column for column in columns if not is_optional(table, column)]
        known = database.columns(table)
        missing = [column for column in needed if known and column.lower() not in known]
        for column in missing:
            yield _missing_column(table, column)
        try:
            listed = ", ".join(f"t.{column}" for column in needed if column not in missing)
            session.select(f"SELECT {listed} FROM {table} t WHERE 1 = 0")  # noqa: S608 names of our own files
        except ConnectorError as error:
            yield _unreadable(table, bool(known), error)


def _missing_column(table: str, column: str) -> CheckItem:
    return CheckItem(
        "structure",
        CheckState.ERROR,
        "La colonne %(column)s manque dans la table %(table)s.",
        "Cette version de Sage est trop ancienne, ou la base n’est pas celle d’une société Sage 100.",
        detail=table,
        code="column_missing",
        values={"column": column, "table": table},
    )


def _unreadable(table: str, exists: bool, error: ConnectorError) -> CheckItem:
    problem = error.problem
    place, sentence = "structure", "La table %(table)s n’est pas lisible : %(reason)s"
    if problem.code == "right_missing":
        place, sentence = "rights", "L’utilisateur n’a pas le droit de lire la table %(table)s."
    elif problem.code == "table_missing" and not exists:
        sentence = "La table %(table)s est introuvable."
    values = {**problem.values, "table": table, "reason": problem.said}
    return CheckItem(place, CheckState.ERROR, sentence, problem.advice, table, problem.code, values)


# What the company holds


def _content(
    database: Database, options: Sage100Options, facts: dict[str, str], broken: set[str]
) -> Iterator[CheckItem]:
    company = Company(database)
    if not database.rows("company"):
        yield CheckItem(
            "company",
            CheckState.ERROR,
            "La base ne contient aucune société.",
            "Vérifiez que la source désigne la base de la société et non une base vide ou la base système.",
            code="company_empty",
        )
        return
    facts["company"] = company.name
    yield CheckItem("company", CheckState.OK, "Société : %(company)s.", values={"company": company.name or "—"})
    version = detect_version(database)
    facts["version"] = version
    yield CheckItem(
        "version", CheckState.OK, "Version reconnue à sa structure : %(version)s.", values={"version": version}
    )
    if "P_DEVISE" not in broken:
        facts["currency"] = company.currency
    if "F_ARTICLE" not in broken:
        yield from _articles(database)
    yield from _accents(company.name, options)
    if "F_DEPOT" not in broken and not company.warehouses:
        yield CheckItem(
            "warehouses",
            CheckState.WARNING,
            "La société n’a aucun dépôt : les stocks ne pourront pas être lus.",
            "Créez un dépôt dans Sage.",
            code="warehouse_none",
        )


def _articles(database: Database) -> Iterator[CheckItem]:
    total = int_of(database.value("article_count"))
    if total:
        published = int_of(database.value(database.prepared("article_count").filtered("a.AR_Publie = 1")))
        yield CheckItem(
            "articles",
            CheckState.OK,
            "%(total)s articles, dont %(published)s publiés sur le web.",
            values={"total": str(total), "published": str(published)},
        )
        return
    yield CheckItem(
        "articles",
        CheckState.WARNING,
        "La société ne contient aucun article.",
        "Vérifiez que c’est bien la société à synchroniser.",
        code="articles_none",
    )


def _accents(name: str, options: Sage100Options) -> Iterator[CheckItem]:
    if any(mark in text_of(name) for mark in _GARBLED):
        yield CheckItem(
            "encoding",
            CheckState.WARNING,
            "Les accents semblent abîmés : « %(name)s ».",
            "Essayez un autre « Encodage des textes » dans les options avancées.",
            detail=options.text_encoding,
            code="encoding_suspect",
            values={"name": name},
        )


def facts_of(database: Database, company: Company, info: DriverInfo, options: Sage100Options) -> Mapping[str, str]:
    """What flows must know of a company."""
    return {
        "version": detect_version(database),
        "currency": company.currency,
        "company": company.name,
        "driver": info.name,
        "prices_include_tax": "no",
        "timezone": options.timezone,
    }
