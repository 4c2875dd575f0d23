"""The company's lists an order refers to, read once per connection; an unknown key refuses the order alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from connectors.canonical.sales import DocumentTax
from connectors.core.odbc import int_of, text_of
from connectors.core.texts import Text
from connectors.erp.sage100.company import Company, Currency
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.taxes import PERCENT, VAT_KINDS, Tax, all_taxes
from connectors.erp.sage100.writing_problems import refused

EMPTY_DATE = datetime(1753, 1, 1)  # noqa: DTZ001 what Sage stores in a date nobody filled in
_ACCEPTED = 2
_BEFORE_ACCEPTED = ("d_saisie", "d_confirme")


@dataclass(frozen=True, slots=True)
class Preferences:
    """Defaults of the company: collective account of customers, warehouse, payment method."""

    account: str
    warehouse: int
    method: int


class Lookups:
    """Keys of a profile's choices turned into what Sage stores. Each method raises ``ItemRefused`` for another key."""

    def __init__(self, database: Database, company: Company) -> None:
        self._database = database
        self._company = company

    @cached_property
    def preferences(self) -> Preferences:
        """See :class:`Preferences`."""
        rows = self._database.rows("writing/preferences")
        row = rows[0] if rows else {}
        method = int_of(row.get("n_reglement"))
        return Preferences(text_of(row.get("cg_numcli")).strip(), int_of(row.get("de_no")), method or 1)

    @cached_property
    def countries(self) -> dict[str, str]:
        """Names of the countries by ISO code."""
        found: dict[str, str] = {}
        for row in self._database.rows("writing/countries"):
            for column in ("pa_codeiso2", "pa_code"):
                code = text_of(row[column]).strip().upper()
                if len(code) == 2:
                    found.setdefault(code, text_of(row["pa_intitule"]).strip())
        return found

    @cached_property
    def taxes(self) -> dict[str, Tax]:
        """Taxes by code."""
        return all_taxes(self._database.rows("taxes"))

    def tax(self, wanted: DocumentTax) -> Tax:
        """The tax of a line, whose percentage must be the one of the order."""
        found = self.taxes.get(wanted.code)
        if found is None:
            raise refused("choice_unknown", list=Text("Taxe"), value=wanted.code)
        if found.unit != PERCENT or found.rate != wanted.percent:
            raise refused("tax_rate_differs", tax=found.code, actual=f"{found.rate:f}", value=f"{wanted.percent:f}")
        return found

    def tax_percent(self, code: str) -> Decimal | None:
        """Percentage of a tax code; ``None`` when it does not exist or is an amount."""
        found = self.taxes.get(code)
        return found.rate if found is not None and found.unit == PERCENT else None

    def tax_codes(self, percent: Decimal) -> tuple[str, ...]:
        """Codes of the VAT collected at this percentage, in the order of Sage."""
        return tuple(
            tax.code
            for tax in self.taxes.values()
            if tax.collected and tax.unit == PERCENT and tax.kind in VAT_KINDS and tax.rate == percent
        )

    def shipping_mode(self, key: str, default: int) -> int:
        """Index of a shipping mode; the default, at least 1, for an empty key."""
        return _index(Text("Mode d’expédition"), key, self._shipping_modes, default or 1)

    def price_category(self, key: str, default: int) -> int:
        """Index of a price category."""
        return _index(Text("Catégorie tarifaire"), key, self._company.price_categories, default or 1)

    def accounting_category(self, key: str, default: int) -> int:
        """Index of an accounting category."""
        return _index(Text("Catégorie comptable"), key, self._company.accounting_categories, default or 1)

    def payment_method(self, key: str) -> int:
        """Index of a payment method; the company's own for an empty key."""
        return _index(Text("Mode de règlement"), key, self._payment_methods, self.preferences.method)

    def sales_rep(self, key: str, default: int) -> int:
        """Number of a representative, 0 for none."""
        return _index(Text("Représentant"), key, self._sales_reps, default)

    def warehouse(self, key: str, default: int) -> int:
        """Number of a warehouse: the one asked for, else the customer's, else the company's, else the main one."""
        known = {str(int_of(row["de_no"])): row for row in self._company.warehouses}
        main = next((int_of(row["de_no"]) for row in known.values() if int_of(row["de_principal"])), 0)
        return _index(Text("Dépôt"), key, known, default or self.preferences.warehouse or main)

    def series(self, key: str) -> int:
        """Number of a sales series, counted from 0; the first one for an empty key."""
        return _index(Text("Souche"), key, self._series, 0)

    def journal(self, key: str) -> str:
        """Code of a cash journal, empty for an empty key."""
        if key and key not in self._journals:
            raise refused("choice_unknown", list=Text("Journal de trésorerie"), value=key)
        return key

    def currency(self, key: str) -> tuple[int, Currency | None]:
        """Index and row of a foreign currency; 0 and ``None`` for the company's own (also by its ISO code)."""
        if key in ("", "0", self._company.currency):
            return 0, None
        for index, currency in self._company.currencies.items():
            if key in (str(index), currency.code):
                own = currency.code == self._company.currency
                return (0, None) if own else (index, currency)
        raise refused("choice_unknown", list=Text("Devise"), value=key)

    def status(self, key: str, kind: int, counter: int) -> int:
        """Status for a document of this kind (key ``<DO_Type>:<DO_Statut>``); the company's own for an empty key.

        ``counter``: row of the kind in the company's organisation of sales, where credit notes have their own.
        """
        if not key:
            return self._default_statuses.get(counter, _ACCEPTED)
        of_kind, _, status = key.rpartition(":")
        if not status.isdecimal() or int(status) > _ACCEPTED:
            raise refused("choice_unknown", list=Text("Statut du document"), value=key)
        if of_kind and of_kind != str(kind):
            raise refused("status_of_another_kind", value=key)
        return int(status)

    def first_status(self, counter: int) -> int | None:
        """The first status in use of a kind of document (« Saisi », else « Confirmé »); ``None`` when only one is."""
        rows = self._database.rows("writing/used_statuses")
        if counter >= len(rows):
            return None
        return next((status for status, column in enumerate(_BEFORE_ACCEPTED) if int_of(rows[counter][column])), None)

    def has_account(self, account: str) -> bool:
        """Whether the general account exists."""
        return bool(self._database.rows("writing/account", account))

    @cached_property
    def _shipping_modes(self) -> frozenset[str]:
        return self._keys("shipping_modes", "cbindice")

    @cached_property
    def _payment_methods(self) -> frozenset[str]:
        return self._keys("payment_methods", "cbindice")

    @cached_property
    def _sales_reps(self) -> frozenset[str]:
        return self._keys("sales_reps", "co_no")

    @cached_property
    def _series(self) -> frozenset[str]:
        return frozenset(str(int_of(row["cbindice"]) - 1) for row in self._database.rows("sales_series"))

    @cached_property
    def _journals(self) -> frozenset[str]:
        return frozenset(text_of(row["jo_num"]) for row in self._database.rows("cash_journals"))

    @cached_property
    def _default_statuses(self) -> dict[int, int]:
        if not self._database.has("P_ORGAVEN", "D_Defaut"):
            return {}
        # Rows are kinds of documents: 0 to 5 in order, then invoice, return invoice and credit note.
        rows = self._database.rows("writing/default_statuses")
        return {place: int_of(row["d_defaut"]) for place, row in enumerate(rows)}

    def _keys(self, statement: str, column: str) -> frozenset[str]:
        return frozenset(str(int_of(row[column])) for row in self._database.rows(statement))


def _index(title: Text, key: str, known: Collection[str], default: int) -> int:
    if not key:
        return default
    if key not in known:
        raise refused("choice_unknown", list=title, value=key)
    return int(key)
