"""Reference lists of a company, as the select boxes of a profile show them.

Position indices are kept as Sage keeps them: 1 for the first row of a list, except sales series, which documents
number from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.core.odbc import int_of, text_of
from connectors.core.problems import NotSupported, Problem
from connectors.core.results import Choice
from connectors.erp.sage100.context import Context
from connectors.erp.sage100.progress import PARCEL_FIELD
from connectors.erp.sage100.schema import ARTICLE_FIELDS, DERIVED_FIELDS, LANGUAGES, TEXT_FIELD
from connectors.erp.sage100.taxes import all_taxes, base_of

LABELS: Mapping[str, str] = {
    "warehouses": "Dépôts",
    "price_categories": "Catégories tarifaires",
    "accounting_categories": "Catégories comptables",
    "taxes": "Taxes",
    "families": "Familles",
    "catalogue": "Catalogue",
    "payment_terms": "Conditions de règlement",
    "payment_methods": "Modes de règlement",
    "shipping_modes": "Modes d’expédition",
    "delivery_conditions": "Conditions de livraison",
    "currencies": "Devises",
    "sales_reps": "Représentants",
    "sales_series": "Souches de vente",
    "article_fields": "Champs des articles",
    "customer_fields": "Champs des clients",
    "document_fields": "Champs des documents",
    "languages": "Langues",
    "cash_journals": "Journaux de trésorerie",
    "document_statuses": "Statuts des documents",
}

_DOCUMENTS = (
    "Devis",
    "Bon de commande",
    "Préparation de livraison",
    "Bon de livraison",
    "Bon de retour",
    "Avoir financier",
)
_STATUSES = (("saisie", "d_libellesaisie"), ("confirme", "d_libelleconfirme"), ("valide", "d_libellevalide"))


def read_choices(context: Context, name: str) -> list[Choice]:
    """The list of this name, read now. Raises ``NotSupported`` for a name that is not in ``LABELS``."""
    try:
        loader = _LOADERS[name]
    except KeyError:
        raise NotSupported(Problem("choices_unknown", "Cette liste n’existe pas pour Sage 100.", detail=name)) from None
    return loader(context)


def _indexed(statement: str, index: str, title: str) -> Callable[[Context], list[Choice]]:
    def load(context: Context) -> list[Choice]:
        return [
            Choice(str(int_of(row[index])), text_of(row[title]).strip()) for row in context.database.rows(statement)
        ]

    return load


def _warehouses(context: Context) -> list[Choice]:
    return [
        Choice(
            str(int_of(row["de_no"])),
            text_of(row["de_intitule"]).strip(),
            {"main": _yes(row["de_principal"]), "excluded": _yes(row.get("de_exclure"))},
        )
        for row in context.company.warehouses
    ]


def _price_categories(context: Context) -> list[Choice]:
    return [
        Choice(key, title, {"includes_tax": "yes" if gross else "no"})
        for key, (title, gross) in context.company.price_categories.items()
    ]


def _accounting_categories(context: Context) -> list[Choice]:
    return [Choice(key, title) for key, title in context.company.accounting_categories.items()]


def _taxes(context: Context) -> list[Choice]:
    return [
        Choice(
            tax.code,
            tax.label or tax.code,
            {"rate": f"{tax.rate:f}", "kind": str(tax.kind), "unit": str(tax.unit), "base": base_of(tax.kind).value},
        )
        for tax in all_taxes(context.database.rows("taxes")).values()
        if tax.collected
    ]


def _families(context: Context) -> list[Choice]:
    return [
        Choice(family.code, family.label or family.code, {"central": family.central})
        for family in context.company.families.values()
    ]


def _catalogue(context: Context) -> list[Choice]:
    nodes = context.company.catalogue
    return [
        Choice(
            str(node.number),
            node.label,
            {"parent": str(node.parent) if node.parent in nodes else "", "level": str(node.level + 1)},
        )
        for node in nodes.values()
    ]


def _currencies(context: Context) -> list[Choice]:
    return [
        Choice(str(index), currency.label, {"code": currency.code, "rate": f"{currency.units:f}"})
        for index, currency in context.company.currencies.items()
    ]


def _sales_reps(context: Context) -> list[Choice]:
    return [
        Choice(str(int_of(row["co_no"])), f"{text_of(row['co_prenom'])} {text_of(row['co_nom'])}".strip())
        for row in context.database.rows("sales_reps")
    ]


def _sales_series(context: Context) -> list[Choice]:
    # Documents keep the position counted from 0, unlike every other list.
    return [
        Choice(str(int_of(row["cbindice"]) - 1), text_of(row["s_intitule"]).strip())
        for row in context.database.rows("sales_series")
    ]


def _cash_journals(context: Context) -> list[Choice]:
    return [
        Choice(code, f"{code} — {text_of(row['jo_intitule']).strip()}")
        for row in context.database.rows("cash_journals")
        if (code := text_of(row["jo_num"]))
    ]


def _document_statuses(context: Context) -> list[Choice]:
    """Key ``<DO_Type>:<DO_Statut>``: a status only has a meaning for a kind of document."""
    rows = context.database.rows("document_statuses")
    return [
        Choice(f"{kind}:{status}", f"{document} : {text_of(row[column]).strip()}")
        for kind, (document, row) in enumerate(zip(_DOCUMENTS, rows, strict=False))
        for status, (used, column) in enumerate(_STATUSES)
        if int_of(row[f"d_{used}"]) and text_of(row[column]).strip()
    ]


def _article_fields(context: Context) -> list[Choice]:
    statistics = context.company.statistic_names
    found = [
        Choice(name, statistics.get(int(name[-2:])) or label if name.startswith("AR_Stat") else label)
        for name, (_, label) in ARTICLE_FIELDS.items()
        if context.database.has("F_ARTICLE", name)
    ]
    found += [Choice(name, label) for name, label in DERIVED_FIELDS.items()]
    highest = int_of(context.database.value("text_highest"))
    found += [Choice(TEXT_FIELD % place, f"Glossaire {place}") for place in range(1, max(highest, 1) + 1)]
    custom = context.company.custom_columns
    return found + [Choice(name, name, {"custom": "yes"}) for name in custom]


def _fields_of(table: str) -> Callable[[Context], list[Choice]]:
    def load(context: Context) -> list[Choice]:
        rows = context.database.rows("custom_columns", table)
        custom = [text_of(row["cb_name"]) for row in rows]
        known = {name.lower() for name in custom}
        plain = [name for key, name in context.database.columns(table).items() if key not in known and key[:2] != "cb"]
        return [*(Choice(name, name, {"custom": "yes"}) for name in custom), *(Choice(name, name) for name in plain)]

    return load


def _document_fields(context: Context) -> list[Choice]:
    return [*_fields_of("F_DOCENTETE")(context), Choice(PARCEL_FIELD, "N° de colis des lignes")]


def _languages(context: Context) -> list[Choice]:
    return [Choice(key, label) for key, label in LANGUAGES.items()]


def _yes(value: object) -> str:
    return "yes" if int_of(value) else "no"


_LOADERS: Mapping[str, Callable[[Context], list[Choice]]] = {
    "warehouses": _warehouses,
    "price_categories": _price_categories,
    "accounting_categories": _accounting_categories,
    "taxes": _taxes,
    "families": _families,
    "catalogue": _catalogue,
    # One list in Sage: the terms of a customer are rows of F_REGLEMENTT, which name its entries.
    "payment_terms": _indexed("payment_methods", "cbindice", "r_intitule"),
    "payment_methods": _indexed("payment_methods", "cbindice", "r_intitule"),
    "shipping_modes": _indexed("shipping_modes", "cbindice", "e_intitule"),
    "delivery_conditions": _indexed("delivery_conditions", "cbindice", "c_intitule"),
    "currencies": _currencies,
    "sales_reps": _sales_reps,
    "sales_series": _sales_series,
    "article_fields": _article_fields,
    "customer_fields": _fields_of("F_COMPTET"),
    "document_fields": _document_fields,
    "languages": _languages,
    "cash_journals": _cash_journals,
    "document_statuses": _document_statuses,
}
