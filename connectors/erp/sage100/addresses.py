"""Delivery addresses of a customer: recognised on chosen parts, created under a label of their own, replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from connectors.canonical.parties import Address, normalised
from connectors.core.odbc import Row, int_of, text_of
from connectors.erp.sage100.customers import Party, compact_phone, compact_postcode, country_name
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.lookups import Lookups
from connectors.erp.sage100.rows_writer import RowWriter
from connectors.erp.sage100.sizes import Sizes
from connectors.erp.sage100.writing_problems import refused

TABLE = "F_LIVRAISON"
DEFAULT_CRITERIA = ("name", "company", "street", "postcode", "city", "country")
_SUFFIX = re.compile(r" \((\d+)\)$")
_UNNAMED = "Adresse de livraison"


class Addresses:
    """Reads and writes the addresses of customers. Writing methods run inside a transaction of the caller."""

    def __init__(self, database: Database, rows: RowWriter, lookups: Lookups, sizes: Sizes) -> None:
        self._database = database
        self._rows = rows
        self._lookups = lookups
        self._sizes = sizes

    def find(self, customer: str, address: Address, criteria: Collection[str] = DEFAULT_CRITERIA) -> str | None:
        """Number of the customer's address that equals this one in every part of ``criteria``.

        Compared as it would be stored, without case, accents, blanks and punctuation; words of a name in any order.
        Parts: ``name``, ``company``, ``street``, ``postcode``, ``city``, ``country``, ``phone``.
        """
        wanted = self._sizes.quietly(TABLE, self._row(address))
        tests = [_TESTS[part] for part in criteria]
        statement = self._database.prepared("writing/addresses")
        # One account may stand for every guest: its addresses are walked through, never held.
        with self._database.session.stream(statement.text, (customer,)) as stream:
            for row in stream.rows():
                if all(test(row, wanted) for test in tests):
                    return str(int_of(row["li_no"]))
        return None

    def create(self, party: Party, address: Address) -> str:
        """Creates an address of the customer and returns its number. The first one becomes the main one."""
        existing = self._database.rows("writing/addresses", party.number)
        row = self._row(address)
        row["LI_Intitule"] = self._free_label(row["LI_Intitule"], existing)
        self._rows.insert(
            TABLE,
            {
                "LI_No": 0,
                "CT_Num": party.number,
                **row,
                "N_Expedition": party.shipping_mode or 1,
                "N_Condition": party.delivery_condition or 1,
                "LI_Principal": int(not any(int_of(known["li_principal"]) for known in existing)),
            },
        )
        return self._number_of(party.number, row["LI_Intitule"])

    def update(self, customer: str, number: str, address: Address) -> None:
        """Replaces an address. Raises ``ItemRefused`` when the customer has none of this number."""
        existing = self._database.rows("writing/addresses", customer)
        others = [row for row in existing if str(int_of(row["li_no"])) != number]
        if len(others) == len(existing):
            raise refused("address_unknown", value=number, customer=customer)
        row = self._row(address)
        row["LI_Intitule"] = self._free_label(row["LI_Intitule"], others)
        self._rows.update(TABLE, row, {"CT_Num": customer, "LI_No": int(number)})

    def exists(self, customer: str, number: str) -> bool:
        """Whether the customer has an address of this number."""
        rows = self._database.rows("writing/addresses", customer)
        return any(str(int_of(row["li_no"])) == number for row in rows)

    def main(self, customer: str) -> int:
        """Number of the customer's main address, 0 when there is none."""
        rows = self._database.rows("writing/addresses", customer)
        ranked = sorted(rows, key=lambda row: int_of(row["li_principal"]) == 0)
        return int_of(ranked[0]["li_no"]) if ranked else 0

    def _row(self, address: Address) -> dict[str, Any]:
        def size(column: str) -> int:
            return self._sizes.size(TABLE, column)

        first, second = self._sizes.wrapped(TABLE, ("LI_Adresse", "LI_Complement"), address.line1, address.line2)
        return {
            "LI_Intitule": address.company or address.name or _UNNAMED,
            "LI_Contact": address.name,
            "LI_Adresse": first,
            "LI_Complement": second,
            "LI_CodePostal": compact_postcode(address.postcode, size("LI_CodePostal")),
            "LI_Ville": address.city,
            "LI_CodeRegion": address.region,
            "LI_Pays": country_name(address.country, self._lookups.countries, self._sizes),
            "LI_Telephone": compact_phone(address.phone, size("LI_Telephone")),
            "LI_EMail": address.email.strip(),
        }

    def _free_label(self, label: str, existing: Collection[Row]) -> str:
        """The label, numbered when another address of the customer has it: Sage wants them different."""
        taken = {text_of(row["li_intitule"]).strip().casefold() for row in existing}
        fitted = self._sizes.fit(TABLE, "LI_Intitule", label) or _UNNAMED
        if fitted.casefold() not in taken:
            return fitted
        size = self._sizes.size(TABLE, "LI_Intitule")
        for number in range(2, len(taken) + 3):
            suffix = f" ({number})"
            tried = fitted[: size - len(suffix)].rstrip() + suffix if size else fitted + suffix
            if tried.casefold() not in taken:
                return tried
        return fitted

    def _number_of(self, customer: str, label: str) -> str:
        # The driver gives the number: it is found again by the label, which no other address of the customer has.
        for row in self._database.rows("writing/addresses", customer):
            if text_of(row["li_intitule"]).strip() == label:
                return str(int_of(row["li_no"]))
        raise refused("address_unknown", value=label, customer=customer)


def _words(text: Any) -> list[str]:
    return sorted(filter(None, (normalised(word) for word in re.split(r"[\s,\-']+", text_of(text)))))


def _label(row: Row) -> str:
    return _SUFFIX.sub("", text_of(row["li_intitule"]).strip())


def _same_name(row: Row, wanted: Mapping[str, Any]) -> bool:
    name = _words(wanted["LI_Contact"])
    return name == _words(row["li_contact"]) or (not text_of(row["li_contact"]).strip() and name == _words(_label(row)))


def _same_company(row: Row, wanted: Mapping[str, Any]) -> bool:
    label = _words(_label(row))
    if label == _words(wanted["LI_Intitule"]):
        return True
    # Cut labels end before the number that tells them apart.
    cut = normalised(_label(row))
    return bool(_SUFFIX.search(text_of(row["li_intitule"]).strip())) and normalised(
        text_of(wanted["LI_Intitule"])
    ).startswith(cut)


def _same_street(row: Row, wanted: Mapping[str, Any]) -> bool:
    stored = f"{text_of(row['li_adresse'])} {text_of(row['li_complement'])}"
    return normalised(stored) == normalised(f"{wanted['LI_Adresse']} {wanted['LI_Complement']}")


def _same(column: str) -> Callable[[Row, Mapping[str, Any]], bool]:
    def test(row: Row, wanted: Mapping[str, Any]) -> bool:
        return normalised(text_of(row[column.lower()])) == normalised(text_of(wanted[column]))

    return test


_TESTS: Mapping[str, Callable[[Row, Mapping[str, Any]], bool]] = {
    "name": _same_name,
    "company": _same_company,
    "street": _same_street,
    "postcode": _same("LI_CodePostal"),
    "city": _same("LI_Ville"),
    "country": _same("LI_Pays"),
    "phone": _same("LI_Telephone"),
}
