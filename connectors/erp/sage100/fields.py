"""Every field of an article as text, for the text mappings of a profile."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.core.conditions import ColumnKind
from connectors.core.odbc import Row, decimal_of, int_of, moment_of, text_of
from connectors.erp.sage100.company import Company, quoted
from connectors.erp.sage100.context import Context
from connectors.erp.sage100.rows import Article, applies, read
from connectors.erp.sage100.schema import ARTICLE_FIELDS, TEXT_FIELD, TRANSLATED
from connectors.erp.sage100.variants import Owners


def custom_selection(company: Company) -> list[str]:
    """Information libre columns of F_ARTICLE as a statement selects them."""
    return [f"a.{quoted(name)}" for name in company.custom_columns]


class FieldLoader:
    """Makes the fields of the articles of a page.

    Names: columns as Sage spells them (``AR_Stat01``, ``Marque commerciale``), ``FA_Intitule``, ``U_Intitule``,
    ``CT_Intitule`` and ``AF_RefFourniss`` (main supplier), ``glossaire:<n>``; ``<field>@1`` and ``<field>@2`` in the
    company's languages 1 and 2. Numbers are written with a point, dates as ``2025-12-31``.
    """

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._company = context.company
        self._today = context.today
        kinds = {name: kind for name, (kind, _) in ARTICLE_FIELDS.items() if self._database.has("F_ARTICLE", name)}
        kinds |= self._company.custom_columns
        self._columns = [(name, name.lower(), kind) for name, kind in kinds.items()]

    def load(self, articles: Collection[Article]) -> dict[str, dict[str, str]]:
        """Fields of each article by reference."""
        references = [article.ref for article in articles]
        texts = self._texts(references)
        suppliers = Owners(references).grouped(self._database.rows_for("suppliers", references))
        return {
            article.ref: {
                **self._own(article.row),
                **self._derived(article, suppliers.get(article.ref, [])),
                **texts.get(article.ref, {}),
            }
            for article in articles
        }

    def _own(self, row: Row) -> dict[str, str]:
        fields = {name: field_text(row.get(column), kind) for name, column, kind in self._columns}
        for language in ("1", "2"):
            fields[TRANSLATED % ("AR_Design", language)] = text_of(row.get(f"ar_langue{language}"))
        return fields

    def _derived(self, article: Article, suppliers: list[Row]) -> dict[str, str]:
        family = self._company.families.get(article.family)
        supplier: Mapping[str, Any] = suppliers[0] if suppliers else {}
        return {
            "FA_Intitule": family.label if family else "",
            "U_Intitule": self._company.units.get(int_of(article.row["ar_uniteven"]), ""),
            "CT_Intitule": text_of(supplier.get("ct_intitule")).strip(),
            "AF_RefFourniss": text_of(supplier.get("af_reffourniss")).strip(),
        }

    def _texts(self, references: list[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        owners = Owners(references)
        for row in self._database.rows_for("texts", references):
            if self._in_force(row):
                fields = found.setdefault(owners.of(text_of(row["ar_ref"])), {})
                fields.update(_translations(TEXT_FIELD % int_of(row["agl_num"]), row))
        return found

    def _in_force(self, row: Row) -> bool:
        end = read(row, "gl_periodefin", moment_of)
        begun = applies(row, "gl_periodedeb", self._today) or read(row, "gl_periodedeb", moment_of) is None
        return begun and (end is None or end.date() >= self._today)


def _translations(name: str, row: Row) -> Iterable[tuple[str, str]]:
    yield name, text_of(row["gl_text"])
    for language in ("1", "2"):
        yield TRANSLATED % (name, language), text_of(row[f"gl_textlangue{language}"])


def field_text(value: Any, kind: ColumnKind) -> str:
    """A value of a column as text; an unreadable one as it is."""
    if value is None or value == "":
        return ""
    if kind is ColumnKind.TEXT and isinstance(value, str):
        return value
    try:
        return _date_text(moment_of(value)) if kind is ColumnKind.DATE else _number_text(value)
    except (ValueError, ArithmeticError):
        return text_of(value)


def _number_text(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{decimal_of(value):f}" if isinstance(value, float | Decimal) else text_of(value)


def _date_text(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return (
        f"{moment:%Y-%m-%d}"
        if (moment.hour, moment.minute, moment.second) == (0, 0, 0)
        else f"{moment:%Y-%m-%d %H:%M:%S}"
    )
