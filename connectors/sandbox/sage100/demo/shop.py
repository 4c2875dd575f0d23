"""State shared by the builders of the demo merchant: counters, catalogue nodes, bar codes, stock."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.sandbox.sage100.dataset import Dataset, Row
from connectors.sandbox.sage100.ean import check_digit, ean13

CENT = Decimal("0.01")
RANGES = {"Taille": 1, "Couleur": 2, "Pointure": 3, "Longueur": 7, "Taille enfant": 8}
QUANTITY_RANGE, NET_RANGE, AMOUNT_RANGE = 4, 5, 6
TAX_RATES = {
    "C20": Decimal(20),
    "C10": Decimal(10),
    "C055": Decimal("5.5"),
    "C021": Decimal("2.1"),
    "CMARG": Decimal(20),
}
ECO = {"DEEE1": Decimal("0.25"), "DEEE2": Decimal("0.60")}
_FIRST_CHANGE = datetime(2025, 1, 6, 8, 0, 0)  # noqa: DTZ001 Sage keeps its server's local time, without a zone


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant of an article: its numbers in the two ranges and the suffix of its reference."""

    first: int
    second: int
    suffix: str
    dormant: bool = False


class Shop:
    """The company being built. Every random choice derives from (seed, reference), so the order does not matter."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed
        self._codes = 20000
        self._variant_references = {row.get("AE_Ref", "") for row in dataset.rows("F_ARTENUMREF")}
        self._nodes = {(row.get("CL_NoParent", 0), row["CL_Intitule"]): row for row in dataset.rows("F_CATALOGUE")}

    def random(self, name: str) -> random.Random:
        """Generator of its own for one record: repeatable, and independent of the others."""
        return random.Random(f"{self.seed}:{name}")

    def stamp(self, name: str) -> str:
        """A date of last change within working hours of 2025."""
        minutes = self.random("stamp " + name).randrange(270 * 9 * 60)
        moment = _FIRST_CHANGE + timedelta(days=minutes // 540, minutes=minutes % 540)
        return moment.isoformat(sep=" ")

    def barcode(self) -> str:
        """Next valid EAN-13 of the merchant's own range."""
        self._codes += 1
        return ean13(376000, self._codes)

    def isbn(self) -> str:
        """Next bar code of an invented book."""
        self._codes += 1
        digits = f"97829999{self._codes % 10_000:04d}"
        return f"{digits}{check_digit(digits)}"

    def categories(self, path: Sequence[str]) -> dict[str, int]:
        """CL_No1..4 of a catalogue path, creating the nodes that are missing."""
        parent, numbers = 0, {}
        for level, title in enumerate(path):
            node = self._nodes.get((parent, title)) or self._add_node(parent, level, title)
            parent = int(node["CL_No"])
            numbers[f"CL_No{level + 1}"] = parent
        return numbers

    def _add_node(self, parent: int, level: int, title: str) -> Row:
        number = self.dataset.next_number("F_CATALOGUE", "CL_No")
        node = self.dataset.add(
            "F_CATALOGUE",
            CL_No=number,
            CL_Intitule=title,
            CL_Code=f"C{number:02d}",
            CL_NoParent=parent,
            CL_Niveau=level,
        )
        self._nodes[parent, title] = node
        return node

    def article(self, reference: str, design: str, family: str, **columns: Any) -> Row:
        """Add an article: published, awake, CMUP stock, weights in grams, bar code given unless there are ranges."""
        values: dict[str, Any] = {
            "AR_Ref": reference, "AR_Design": design, "FA_CodeFamille": family, "AR_SuiviStock": 2, "AR_UnitePoids": 3,
            "AR_UniteVen": 1, "AR_Publie": 1, "AR_Pays": "France", "AR_QteComp": 1, "AR_QteOperatoire": 1,
            "AR_DateModif": "2025-09-15 00:00:00", "cbModification": self.stamp(reference),
        }  # fmt: skip
        values.update(columns)
        if "AR_CodeBarre" not in values and not values.get("AR_Gamme1"):
            values["AR_CodeBarre"] = self.barcode()
        return self.dataset.add("F_ARTICLE", **values)

    def tax_row(self, reference: str, code: str, **columns: Any) -> None:
        """Sales tax of one article in category « Ventes France », instead of the one of its family."""
        self.dataset.add(
            "F_ARTCOMPTA", AR_Ref=reference, ACP_Type=0, ACP_Champ=1, ACP_TypeFacture=0,
            ACP_ComptaCPT_CompteG="7070000", ACP_ComptaCPT_Taxe1=code, **columns,
        )  # fmt: skip

    def price_row(self, reference: str, category: int, price: Decimal, **columns: Any) -> Row:
        """Price of one category (0 with CT_Num for a customer)."""
        taxed = 1 if category == 3 else 0
        row = {"AR_Ref": reference, "AC_Categorie": category, "AC_PrixVen": price, "AC_PrixTTC": taxed, **columns}
        return self.dataset.add("F_ARTCLIENT", **row)

    def range_values(self, reference: str, kind: int, values: Sequence[str]) -> list[int]:
        """Add the values of one range of an article (``kind`` 0 first, 1 second); returns their AG_No."""
        first = self.dataset.next_number("F_ARTGAMME", "AG_No")
        for number, value in enumerate(values, first):
            self.dataset.add("F_ARTGAMME", AR_Ref=reference, AG_No=number, EG_Enumere=value, AG_Type=kind)
        return list(range(first, first + len(values)))

    def variant(self, reference: str, variant: Variant) -> None:
        """Add one variant with a reference of 19 characters at most, unique in the company, and a bar code."""
        suffix = f"-{variant.suffix}"
        name = reference[: 19 - len(suffix)] + suffix
        if name in self._variant_references:
            name = f"{reference[:10]}-{variant.first}-{variant.second}"
        self._variant_references.add(name)
        self.dataset.add(
            "F_ARTENUMREF", AR_Ref=reference, AG_No1=variant.first, AG_No2=variant.second, AE_Ref=name,
            AE_CodeBarre=self.barcode(), AE_Sommeil=int(variant.dormant),
        )  # fmt: skip

    def stock(self, reference: str, depot: int, real: Any, *, cost: Decimal = Decimal(0), **columns: Any) -> Row:
        """Stock of an article in one warehouse."""
        return self.dataset.add(
            "F_ARTSTOCK", AR_Ref=reference, DE_No=depot, AS_QteSto=real, AS_MontSto=max(Decimal(str(real)) * cost, 0),
            AS_QteMini=2, AS_QteMaxi=200, AS_Principal=int(depot == 1), DP_NoPrincipal=depot, **columns,
        )  # fmt: skip

    def range_stock(self, reference: str, variant: Variant, depot: int, real: int) -> Row:
        """Stock of one variant in one warehouse; total_range_stock() makes the article's own row."""
        return self.dataset.add(
            "F_GAMSTOCK", AR_Ref=reference, AG_No1=variant.first, AG_No2=variant.second, DE_No=depot, GS_QteSto=real
        )

    def find_stock(self, reference: str, depot: int, variant: tuple[int, int] = (0, 0)) -> Row | None:
        """The stock row that a document moves: the variant's when there is one, else the article's."""
        table = "F_GAMSTOCK" if variant[0] else "F_ARTSTOCK"
        for row in self.dataset.rows(table):
            if row["AR_Ref"] == reference and row["DE_No"] == depot and _is_variant(row, variant):
                return row
        return None

    def total_range_stock(self) -> None:
        """Write the article totals of the variants' stock (F_ARTSTOCK) for every article of the demo that has any."""
        done = {(row["AR_Ref"], row["DE_No"]): row for row in self.dataset.rows("F_ARTSTOCK")}
        totals: dict[tuple[str, int], dict[str, Decimal]] = {}
        for row in self.dataset.rows("F_GAMSTOCK"):
            total = totals.setdefault((row["AR_Ref"], row["DE_No"]), dict.fromkeys(_QUANTITIES, Decimal(0)))
            for name in _QUANTITIES:
                total[name] += Decimal(str(row.get(f"GS_{name}", 0)))
        for (reference, depot), total in totals.items():
            row = done.get((reference, depot)) or self.stock(reference, depot, 0)
            row.update({f"AS_{name}": amount for name, amount in total.items()})

    def text(self, reference: str, french: str, english: str, *, rank: int = 1, **columns: Any) -> int:
        """Attach a glossary text to an article; returns its GL_No so that other articles can share it."""
        number = self.dataset.next_number("F_GLOSSAIRE", "GL_No")
        self.dataset.add(
            "F_GLOSSAIRE", GL_No=number, GL_Domaine=0, GL_Intitule=f"Descriptif {reference}", GL_Text=french,
            GL_TextLangue1=english, **columns,
        )  # fmt: skip
        self.share_text(reference, number, rank=rank)
        return number

    def share_text(self, reference: str, number: int, *, rank: int) -> None:
        """Attach an existing glossary text to an article."""
        self.dataset.add("F_ARTGLOSS", AR_Ref=reference, GL_No=number, AGL_Num=rank)

    def supplier(self, reference: str, supplier: str, cost: Decimal) -> None:
        """Main supplier of an article."""
        self.dataset.add(
            "F_ARTFOURNISS", AR_Ref=reference, CT_Num=supplier, AF_RefFourniss=f"{supplier[4:7]}-{reference}"[:19],
            AF_PrixAch=cost, AF_Principal=1, AF_Unite=1, AF_Conversion=1, AF_ConvDiv=1, AF_DelaiAppro=10,
        )  # fmt: skip

    def packaging(self, reference: str, title: str, quantity: int, *, price: Decimal, taxed: Decimal) -> None:
        """Packaging of an article, sold as a whole at a price of its own in categories 1 (HT) and 3 (TTC)."""
        number = self.dataset.next_number("F_CONDITION", "CO_No")
        self.dataset.add(
            "F_CONDITION", AR_Ref=reference, CO_No=number, EC_Enumere=title, EC_Quantite=quantity,
            CO_Ref=f"{reference[:14]}-X{quantity}", CO_CodeBarre=self.barcode(), CO_Principal=1,
        )  # fmt: skip
        for owner, amount in (("a01", price), ("a03", taxed)):
            self.dataset.add("F_TARIFCOND", AR_Ref=reference, TC_RefCF=owner, CO_No=number, TC_Prix=amount)


_QUANTITIES = ("QteSto", "QteRes", "QteCom", "QtePrepa")


def _is_variant(row: Mapping[str, Any], variant: tuple[int, int]) -> bool:
    return (row.get("AG_No1", 0), row.get("AG_No2", 0)) == variant


def cents(amount: Decimal) -> Decimal:
    """Amount rounded to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def net_of(gross: Decimal, tax: str, eco: str = "") -> Decimal:
    """Price HT of a price TTC: VAT taken off, then the eco-participation, to the cent."""
    return cents(gross / (1 + TAX_RATES[tax] / 100) - ECO.get(eco, Decimal(0)))
