"""Filter expressions typed by users: one SQL condition, parsed, checked node by node and written again from the tree.

Nothing of the user's text reaches a database: names come from the table's own column list, numbers and texts are
rendered from parsed values, and every construction that is not on the list below is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from connectors.core.problems import Misconfigured, Problem

EXPRESSION_REFUSED = "expression_refused"
LONGEST = 2000
DEEPEST = 20

Node = Any
"""A node of sqlglot, whose base class has another name from one version to the next."""

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]")
_FORBIDDEN = re.compile(r";|--|/\*|\*/|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NUMBER = re.compile(r"^\d+(?:\.\d+)?$|^\.\d+$")
_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y", "%d/%m/%Y %H:%M:%S")


class ColumnKind(StrEnum):
    """What a column holds, as far as a comparison must know."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Column:
    """A column a condition may name. ``sql`` is the name as a statement writes it, quoted where it must be."""

    name: str
    sql: str
    kind: ColumnKind = ColumnKind.TEXT


DateWriter = Callable[[datetime], str]


def odbc_timestamp(moment: datetime) -> str:
    """A date as an ODBC escape, which every driver reads the same way whatever its language."""
    return f"{{ts '{moment:%Y-%m-%d %H:%M:%S}'}}"


def parse_condition(
    text: str,
    columns: Mapping[str, Column],
    *,
    table: str,
    alias: str = "",
    write_date: DateWriter = odbc_timestamp,
) -> str:
    """The condition as SQL made of checked parts only, or ``""`` for an empty text.

    ``columns`` maps lower-case names to columns; ``table`` is the name a user may put before a column, ``alias``
    what is written there instead. Raises ``Misconfigured`` with the code ``expression_refused`` for anything but one
    condition made of columns, values, ``= <> < <= > >=``, ``IN``, ``BETWEEN``, ``LIKE``, ``IS NULL``, ``AND``,
    ``OR``, ``NOT``, ``+ - *`` and the functions ``UPPER``, ``LOWER``, ``ABS``, ``COALESCE``. Pure.
    """
    if not text.strip():
        return ""
    _refuse_at_sight(text)
    tree = _parsed(text)
    writer = _Writer(columns, table, alias, write_date)
    written = writer.condition(tree)
    if not writer.named:
        _refuse("La condition ne porte sur aucun champ de la fiche article.", "Nommez au moins un champ.", text)
    return written


def check_condition(text: str, *, table: str) -> None:
    """Whether :func:`parse_condition` would accept the text if each column it names existed. Pure.

    Raises ``Misconfigured`` as it does; an empty text is fine.
    """
    if not text.strip():
        return
    _refuse_at_sight(text)
    names = {node.name for node in _parsed(text).find_all(exp.Column)}
    parse_condition(text, {name.lower(): Column(name, name) for name in names}, table=table)


def _refuse_at_sight(text: str) -> None:
    if len(text) > LONGEST:
        _refuse("La condition dépasse 2 000 caractères.", "Raccourcissez-la.", text[:80])
    bare = _QUOTED.sub("''", text)
    found = _FORBIDDEN.search(bare)
    if found:
        _refuse(
            "La condition contient un point-virgule, un commentaire ou un caractère interdit.",
            "Saisissez une seule condition, sans « ; », « -- » ni « /* ».",
            text,
        )
    if _depth(bare) > DEEPEST or len(re.findall(r"\bnot\b", bare, re.IGNORECASE)) > DEEPEST:
        _refuse("La condition est trop imbriquée.", "Retirez des parenthèses.", text)


def _depth(text: str) -> int:
    deepest = level = 0
    for character in text:
        level += (character == "(") - (character == ")")
        deepest = max(deepest, level)
    return deepest


def _parsed(text: str) -> Node:
    try:
        tree = sqlglot.parse_one(text, read="tsql", into=exp.Condition)
    except (SqlglotError, RecursionError) as error:
        _refuse(
            "La condition n’est pas comprise : ce n’est pas une condition SQL unique.",
            "Écrivez par exemple AR_Stat01 = 'Été' AND AR_PrixVen > 10, les textes entre apostrophes.",
            str(error).splitlines()[0] if str(error) else type(error).__name__,
        )
    if any(node.comments for node in tree.walk()):
        _refuse("La condition contient un commentaire.", "Retirez-le.", text)
    return tree


class _Writer:
    """Writes a tree as SQL, refusing every node that is not foreseen."""

    def __init__(self, columns: Mapping[str, Column], table: str, alias: str, write_date: DateWriter) -> None:
        self._columns = columns
        self._table = table
        self._alias = alias
        self._write_date = write_date
        self.named = False

    def condition(self, node: Node) -> str:
        if isinstance(node, exp.Paren):
            return f"({self.condition(node.this)})"
        if isinstance(node, exp.And | exp.Or):
            word = "AND" if isinstance(node, exp.And) else "OR"
            return f"({self.condition(node.left)} {word} {self.condition(node.right)})"
        if isinstance(node, exp.Not):
            return f"NOT ({self.condition(node.this)})"
        return self._predicate(node)

    def _predicate(self, node: Node) -> str:
        if type(node) in _COMPARISONS:
            return self._comparison(node, _COMPARISONS[type(node)])
        if isinstance(node, exp.Is):
            return self._is_null(node)
        if isinstance(node, exp.In):
            return self._in(node)
        if isinstance(node, exp.Between):
            return self._between(node)
        if isinstance(node, exp.Column):
            self._column(node)
            _refuse(
                "Le champ « %(found)s » seul n’est pas une condition.",
                "Comparez-le à une valeur, par exemple %(found)s = 1.",
                node.sql(),
                found=node.name,
            )
        return _refuse_node(node)

    def _comparison(self, node: Node, operator: str) -> str:
        dated = self._dated(node.this) or self._dated(node.expression)
        return f"{self._value(node.this, dated)} {operator} {self._value(node.expression, dated)}"

    def _is_null(self, node: Node) -> str:
        if not isinstance(node.expression, exp.Null):
            _refuse_node(node)
        return f"{self._value(node.this)} IS NULL"

    def _in(self, node: Node) -> str:
        values = node.expressions
        extra = set(node.args) - {"this", "expressions"}
        if not values or any(node.args.get(name) for name in extra):
            _refuse_node(node)
        dated = self._dated(node.this)
        return f"{self._value(node.this)} IN ({', '.join(self._literal(item, dated) for item in values)})"

    def _between(self, node: Node) -> str:
        if node.args.get("symmetric"):
            _refuse_node(node)
        dated = self._dated(node.this)
        low, high = self._value(node.args["low"], dated), self._value(node.args["high"], dated)
        return f"{self._value(node.this)} BETWEEN {low} AND {high}"

    def _value(self, node: Node, dated: bool = False) -> str:
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Paren):
            return f"({self._value(node.this, dated)})"
        if type(node) in _ARITHMETIC:
            return f"({self._value(node.this)} {_ARITHMETIC[type(node)]} {self._value(node.expression)})"
        if type(node) in _FUNCTIONS:
            return self._function(node, _FUNCTIONS[type(node)])
        return self._literal(node, dated)

    def _function(self, node: Node, name: str) -> str:
        arguments = [node.this, *node.expressions]
        return f"{name}({', '.join(self._value(argument) for argument in arguments)})"

    def _literal(self, node: Node, dated: bool = False) -> str:
        if isinstance(node, exp.Neg):
            return f"-{self._number(node.this)}"
        if isinstance(node, exp.Date | exp.Timestamp):
            return self._date(node)
        if isinstance(node, exp.National):
            return _quoted_text(str(node.this))
        if isinstance(node, exp.Literal) and node.is_string:
            moment = _moment(node.this) if dated else None
            return self._write_date(moment) if moment else _quoted_text(node.this)
        return self._number(node)

    def _number(self, node: Node) -> str:
        if not isinstance(node, exp.Literal) or node.is_string or not _NUMBER.match(node.this):
            _refuse_node(node)
        return str(node.this)

    def _date(self, node: Node) -> str:
        literal = node.this
        if len([value for value in node.args.values() if value]) != 1 or not isinstance(literal, exp.Literal):
            _refuse_node(node)
        moment = _moment(literal.this)
        if moment is None:
            _refuse("« %(found)s » n’est pas une date.", "Écrivez {d '2025-12-31'}.", node.sql(), found=literal.this)
        return self._write_date(moment)

    def _dated(self, node: Node) -> bool:
        column = self._columns.get(node.name.lower()) if isinstance(node, exp.Column) else None
        return column is not None and column.kind is ColumnKind.DATE

    def _column(self, node: Node) -> str:
        if not isinstance(node.this, exp.Identifier) or node.args.get("db") or node.args.get("catalog"):
            _refuse_node(node)
        if node.table and node.table.lower() not in (self._table.lower(), self._alias.lower()):
            _refuse(
                "La condition nomme une autre table que %(table)s.",
                "Seuls les champs de %(table)s peuvent être filtrés.",
                node.sql(),
                table=self._table,
            )
        column = self._columns.get(node.name.lower())
        if column is None:
            _unknown_column(node.name, self._columns, self._table)
        self.named = True
        return f"{self._alias}.{column.sql}" if self._alias else column.sql


_COMPARISONS: dict[type[Any], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.Like: "LIKE",
}
_ARITHMETIC: dict[type[Any], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_FUNCTIONS: dict[type[Any], str] = {
    exp.Upper: "UPPER",
    exp.Lower: "LOWER",
    exp.Abs: "ABS",
    exp.Coalesce: "COALESCE",
}
_NAMES: dict[type[Any], str] = {
    exp.Subquery: "une sous-requête",
    exp.Select: "une sous-requête",
    exp.Exists: "EXISTS",
    exp.Case: "CASE",
    exp.Cast: "CAST",
    exp.Div: "une division",
    exp.Parameter: "une variable",
    exp.Placeholder: "un paramètre",
    exp.Boolean: "une valeur vrai/faux (écrivez 1 ou 0)",
    exp.Null: "NULL (écrivez IS NULL)",
    exp.In: "une liste IN qui n’est pas faite de valeurs",
}


def _moment(text: str) -> datetime | None:
    for pattern in _DATE_FORMATS:
        try:
            return datetime.strptime(text.strip(), pattern)  # noqa: DTZ007 the database's own local time
        except ValueError:
            continue
    return None


def _quoted_text(text: str) -> str:
    if "\x00" in text:
        _refuse("La condition contient un caractère interdit.", "Retirez-le.", repr(text))
    return "'" + text.replace("'", "''") + "'"


def _unknown_column(name: str, columns: Mapping[str, Column], table: str) -> NoReturn:
    close = get_close_matches(name.lower(), list(columns), n=3, cutoff=0.6)
    advice = "Vérifiez son orthographe ; un texte s’écrit entre apostrophes ('%(found)s')."
    if close:
        advice = "Champs proches : %(close)s. Un texte s’écrit entre apostrophes ('%(found)s')."
    _refuse(
        "Le champ « %(found)s » n’existe pas dans %(table)s.",
        advice,
        name,
        found=name,
        table=table,
        close=", ".join(columns[item].name for item in close),
    )


def _refuse_node(node: Node) -> NoReturn:
    name = _NAMES.get(type(node), node.sql()[:60] or type(node).__name__)
    _refuse(
        "La condition contient un élément non autorisé : %(found)s.",
        "Utilisez seulement des champs, des valeurs, des comparaisons, IN, BETWEEN, LIKE, IS NULL, AND, OR et NOT.",
        node.sql()[:200],
        found=name,
    )


def _refuse(sentence: str, advice: str, detail: str, **values: str) -> NoReturn:
    raise Misconfigured(Problem(EXPRESSION_REFUSED, sentence, advice, detail[:500], values))
