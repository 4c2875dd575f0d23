"""A company of any size for measurements: N published articles with stock in two warehouses and prices."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .dataset import CREATED_AT, Batch, Dataset, load_sample
from .ean import ean13

SIZES = ("S", "M", "L", "XL")
_EPOCH = datetime(2025, 1, 1, 8, 0, 0)  # noqa: DTZ001 Sage keeps the local time of its server, without a zone
_KEPT = ("P_", "cbSysLibre", "F_COMPTEG", "F_TAXE", "F_DEPOT", "F_CATALOGUE", "F_COLLABORATEUR", "F_FAMILLE",
         "F_FAMCOMPTA", "F_ENUM", "F_JOURNAUX", "F_PAYS", "F_DOCCURRENTPIECE")  # fmt: skip
_NOUNS = (
    ("Mousqueton à vis", "Screwgate carabiner", "SECURITE", (2, 6, 0), 7, 80),
    ("Sac à dos 28 L", "28 L backpack", "BIVOUAC", (1, 0, 0), 62, 950),
    ("Gourde inox 0,6 L", "Stainless bottle 0.6 L", "BIVOUAC", (1, 5, 0), 12, 190),
    ("Veste coupe-vent", "Windproof jacket", "VETEMENT", (1, 3, 8), 84, 320),
    ("T-shirt respirant", "Breathable T-shirt", "VETEMENT", (1, 3, 9), 27, 140),
    ("Chaussures d'approche", "Approach shoes", "CHAUSSURE", (1, 4, 0), 98, 860),
    ("Lampe frontale 400 lm", "Headlamp 400 lm", "ECLAIRAGE", (1, 5, 11), 34, 92),
    ("Topo-guide de poche", "Pocket guidebook", "LIVRE", (1, 7, 0), 15, 210),
    ("Barre énergétique 45 g", "Energy bar 45 g", "EPICERIE", (1, 0, 0), 2, 45),
    ("Tente 2 places", "2-person tent", "BIVOUAC", (1, 5, 10), 180, 2100),
)
_MASSIFS = ("Obiou", "Taillefer", "Glandasse", "Belledonne", "Vénéon", "Lauvitel", "Rochail", "Moucherotte", "Dévoluy",
            "Queyras", "Ubaye", "Valgaudemar")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What to generate. ``variants_share`` is the share (0 to 1) of articles with a size range of four values."""

    items: int
    seed: int
    variants_share: float

    def has_variants(self, number: int) -> bool:
        """Whether the article of that number (from 1) has sizes; spread evenly, never random."""
        return int(number * self.variants_share) > int((number - 1) * self.variants_share)

    def sized(self) -> Iterator[tuple[int, int]]:
        """(article number, AG_No of its first size) of the articles with sizes."""
        following = 1
        for number in range(1, self.items + 1):
            if self.has_variants(number):
                yield number, following
                following += len(SIZES)


def generate(*, items: int, seed: int, variants_share: float = 0.0) -> Dataset:
    """A company with the settings of the sample and ``items`` invented articles, the same for the same arguments.

    Every article is published, awake, tracked in stock (both warehouses), priced HT with a row for categories 1 and 3,
    and named by a valid EAN-13 bar code. No customer, no document. Rows are streamed: memory does not grow with items.
    """
    if items < 0 or not 0 <= variants_share <= 1:
        raise ValueError("items must not be negative and variants_share lies between 0 and 1")
    base = load_sample()
    dataset = Dataset({name: rows for name, rows in base.tables.items() if name.startswith(_KEPT)})
    for row in dataset.rows("P_EXPEDITION"):
        row["AR_Ref"] = None
    plan = Plan(items, seed, variants_share)
    dataset.streams = {
        "F_ARTICLE": [Batch(_ARTICLE, _articles(plan))],
        "F_ARTSTOCK": [Batch(_STOCK, _stocks(plan))],
        "F_ARTCLIENT": [Batch(_PRICE, _prices(plan))],
        "F_ARTGAMME": [Batch(_RANGE, _ranges(plan))],
        "F_ARTENUMREF": [Batch(_VARIANT, _variants(plan))],
        "F_GAMSTOCK": [Batch(_RANGE_STOCK, _range_stocks(plan))],
    }
    return dataset


def reference(number: int) -> str:
    """AR_Ref of the article of that number (from 1)."""
    return f"ART{number:07d}"


_CLOCK = ("cbMarq", "cbModification", "cbCreation")
_ARTICLE = ("AR_Ref", "AR_Design", "AR_Langue1", "FA_CodeFamille", "AR_PrixAch", "AR_PrixVen", "AR_PoidsNet",
            "AR_PoidsBrut", "AR_UnitePoids", "AR_UniteVen", "AR_CodeBarre", "AR_Gamme1", "AR_Type", "AR_SuiviStock",
            "AR_Publie", "AR_QteComp", "AR_QteOperatoire", "CL_No1", "CL_No2", "CL_No3", "AR_Pays",
            *_CLOCK)  # fmt: skip
_STOCK = ("AR_Ref", "DE_No", "AS_QteSto", "AS_QteRes", "AS_QteCom", "AS_MontSto", "AS_Principal", *_CLOCK)
_PRICE = ("AR_Ref", "AC_Categorie", "AC_PrixVen", "AC_PrixTTC", *_CLOCK)
_RANGE = ("AR_Ref", "AG_No", "EG_Enumere", "AG_Type", *_CLOCK)
_VARIANT = ("AR_Ref", "AG_No1", "AG_No2", "AE_Ref", "AE_CodeBarre", *_CLOCK)
_RANGE_STOCK = ("AR_Ref", "AG_No1", "AG_No2", "DE_No", "GS_QteSto", *_CLOCK)


def _stamp(plan: Plan, number: int) -> tuple[str, str]:
    moment = _EPOCH + timedelta(minutes=(number * 7919 + plan.seed) % 400_000)
    return moment.isoformat(sep=" "), CREATED_AT


def _kind(plan: Plan, number: int) -> tuple[str, str, str, tuple[int, int, int], int, int]:
    kinds = (3, 4) if plan.has_variants(number) else range(len(_NOUNS))
    return _NOUNS[kinds[(number + plan.seed) % len(kinds)]]


def _price(plan: Plan, number: int) -> int:
    """Price HT in cents: around the one of the kind, different from one article to the next."""
    base = _kind(plan, number)[4] * 100
    return base + (number * 37 + plan.seed * 11) % max(base // 2, 1)


def _quantity(plan: Plan, number: int, depot: int, size: int = 0) -> int:
    return (number * 31 + depot * 17 + size * 7 + plan.seed * 13) % (90 if depot == 1 else 25)


def _articles(plan: Plan) -> Iterator[tuple[Any, ...]]:
    massifs = random.Random(plan.seed).sample(_MASSIFS, len(_MASSIFS))
    for number in range(1, plan.items + 1):
        french, english, family, levels, _, weight = _kind(plan, number)
        massif = massifs[number % len(massifs)]
        sized = 1 if plan.has_variants(number) else 0
        cents = _price(plan, number)
        code = "" if sized else ean13(376100, number)
        yield (
            reference(number), f"{french} « {massif} » n° {number}", f"{english} “{massif}” no. {number}", family,
            cents * 45 // 100 / 100, cents / 100, weight, weight * 11 / 10, 3, 1, code,
            sized, sized, 2, 1, 1, 1, *levels, "France", number, *_stamp(plan, number),
        )  # fmt: skip


def _stocks(plan: Plan) -> Iterator[tuple[Any, ...]]:
    row = 0
    for number in range(1, plan.items + 1):
        cost = _price(plan, number) * 45 // 100 / 100
        sized = plan.has_variants(number)
        for depot in (1, 2):
            row += 1
            real = (
                sum(_quantity(plan, number, depot, size) for size in range(len(SIZES)))
                if sized
                else _quantity(plan, number, depot)
            )
            ordered = 24 if depot == 1 and number % 9 == 0 and not sized else 0
            yield (
                reference(number), depot, real, 0, ordered, round(real * cost, 2), 1 if depot == 1 else 0, row,
                *_stamp(plan, number + depot),
            )  # fmt: skip


def _prices(plan: Plan) -> Iterator[tuple[Any, ...]]:
    row = 0
    for number in range(1, plan.items + 1):
        cents = _price(plan, number)
        rate = 1055 if _kind(plan, number)[2] in ("LIVRE", "EPICERIE") else 1200
        for category, price, taxed in ((1, cents, 0), (3, (cents * rate + 500) // 1000, 1)):
            row += 1
            yield reference(number), category, price / 100, taxed, row, *_stamp(plan, number + category)


def _ranges(plan: Plan) -> Iterator[tuple[Any, ...]]:
    for number, first in plan.sized():
        for position, size in enumerate(SIZES):
            yield reference(number), first + position, size, 0, first + position, *_stamp(plan, number)


def _variants(plan: Plan) -> Iterator[tuple[Any, ...]]:
    for number, first in plan.sized():
        for position, size in enumerate(SIZES):
            code = ean13(376200, first + position)
            yield (
                reference(number), first + position, 0, f"{reference(number)}-{size}", code, first + position,
                *_stamp(plan, number),
            )  # fmt: skip


def _range_stocks(plan: Plan) -> Iterator[tuple[Any, ...]]:
    row = 0
    for number, first in plan.sized():
        for depot in (1, 2):
            for position in range(len(SIZES)):
                row += 1
                real = _quantity(plan, number, depot, position)
                yield reference(number), first + position, 0, depot, real, row, *_stamp(plan, number + depot)
