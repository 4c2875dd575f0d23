"""Articles of the product lines described in ``seeds/sage100_demo.toml``."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

from connectors.sandbox.sage100.schema import SEEDS

from .shop import AMOUNT_RANGE, NET_RANGE, QUANTITY_RANGE, RANGES, Shop, Variant, cents, net_of

NO_DISCOUNT = ("LIVRE", "PRESSE", "EPICERIE", "SERVICE")
_FAMILY_TAX = {"LIVRE": "C055", "EPICERIE": "C055", "PRESSE": "C021"}
_LISTS = {"Taille": "sizes", "Couleur": "colours", "Pointure": "sizes", "Longueur": "lengths", "Taille enfant": "sizes"}


@dataclass(frozen=True, slots=True)
class Item:
    """One article of a line. ``gross`` is the price TTC of the web, ``grams`` the net weight."""

    line: dict[str, Any]
    position: int
    reference: str
    specification: str
    model: str
    gross: Decimal
    grams: int

    @property
    def tax(self) -> str:
        """VAT code of the article in France."""
        return str(self.line.get("tax", "C20"))

    @property
    def eco(self) -> str:
        """Eco-participation code, or an empty text."""
        return str(self.line.get("eco", ""))

    @property
    def net(self) -> Decimal:
        """Price HT."""
        return net_of(self.gross, self.tax, self.eco)

    @property
    def cost(self) -> Decimal:
        """Purchase price: 43 to 52 % of the price HT."""
        return cents(self.net * (43 + (self.position * 7) % 10) / 100)

    @property
    def ranges(self) -> list[str]:
        """Titles of its ranges: none, one or two."""
        return list(self.line.get("ranges", ()))

    def name(self, pattern: str) -> str:
        """Designation from the pattern of the line, in French or English."""
        french, _, english = self.specification.partition("|")
        chosen = english or french.replace(",", ".") if pattern == "english" else french
        text = str(self.line[pattern]).format(spec=chosen, model=self.model)
        return text[0].upper() + text[1:]


def add_lines(shop: Shop) -> None:
    """Add every article of the seed with its prices, texts, variants, stock and supplier."""
    for item in _items():
        _add_article(shop, item)
        _add_taxes(shop, item)
        _add_prices(shop, item)
        _add_texts(shop, item)
        if item.ranges:
            _add_variants(shop, item)
        elif not item.line.get("service"):
            _add_stock(shop, item)
        if "supplier" in item.line:
            shop.supplier(item.reference, item.line["supplier"], item.cost)
        if "pack" in item.line:
            title, quantity = item.line["pack"]
            shop.packaging(
                item.reference, title, quantity, price=cents(item.net * quantity * 9 / 10),
                taxed=cents(item.gross * quantity * 9 / 10),
            )  # fmt: skip


def _items() -> Iterator[Item]:
    seed = tomllib.loads((SEEDS / "sage100_demo.toml").read_text(encoding="utf-8"), parse_float=Decimal)
    position = 0
    for line in seed["line"]:
        for reference, specification, model, gross, grams in line["items"]:
            position += 1
            yield Item(line, position, reference, specification, model, Decimal(gross), grams)


def _add_article(shop: Shop, item: Item) -> None:
    line = item.line
    columns: dict[str, Any] = {
        "AR_Langue1": item.name("english"), "AR_PrixAch": item.cost, "AR_PrixVen": item.net,
        "AR_UniteVen": line.get("unit", 1), "AR_SuiviStock": 0 if line.get("service") else line.get("tracking", 2),
        "AR_Garantie": line.get("warranty", 0), **shop.categories(line["catalogue"]), **_weights(item), **_libres(item),
    }  # fmt: skip
    columns.update(zip(("AR_Stat01", "AR_Stat02", "AR_Stat03"), line.get("labels", ()), strict=False))
    for number, title in enumerate(item.ranges, 1):
        columns[f"AR_Gamme{number}"] = RANGES[title]
    columns["AR_Type"] = 1 if item.ranges else 0
    if "pack" in line:
        columns["AR_Condition"] = 2 if line["pack"][0].startswith("Carton") else 1
    if line.get("isbn"):
        columns["AR_CodeBarre"] = shop.isbn()
    elif line.get("service"):
        columns["AR_CodeBarre"] = ""
    else:
        columns["AR_Photo"] = f".\\Multimedia\\{item.reference}.jpg"
    columns.update(_base_price(item))
    shop.article(item.reference, item.name("french"), line["family"], **columns)


def _base_price(item: Item) -> dict[str, Any]:
    """Three ways a merchant enters a base price: HT (most), TTC, or cost times a coefficient."""
    if item.position % 13 == 0:
        return {"AR_PrixVen": item.gross, "AR_PrixTTC": 1}
    if item.position % 11 == 0 and item.cost:
        return {"AR_PrixVen": 0, "AR_Coef": (item.net / item.cost).quantize(Decimal("0.000001"))}
    return {}


def _weights(item: Item) -> dict[str, Any]:
    factor, unit = (1000, 2) if item.line.get("weight_unit") == "kg" else (1, 3)
    net = Decimal(item.grams) / factor
    return {"AR_PoidsNet": net, "AR_PoidsBrut": net * 11 / 10, "AR_UnitePoids": unit}


def _libres(item: Item) -> dict[str, Any]:
    line = item.line
    values: dict[str, Any] = {
        "Marque commerciale": line.get("brand"), "Matière": line.get("material"),
        "Conseil d'entretien": line.get("care"), "Indice_reparabilite": line.get("repair"),
        "Ref_Fabricant": f"{line['supplier'][4:7]}{1000 + item.position}" if "supplier" in line else None,
    }  # fmt: skip
    if item.position % 5 == 0:
        values["Mise en ligne"] = f"2025-{1 + item.position % 9:02d}-15 00:00:00"
    if item.position % 9 == 0:
        values["Prix conseillé"] = item.gross
    if line.get("tracking") == 1 or line["family"] == "SKI":
        values["Dernier contrôle"] = f"2025-09-{1 + item.position % 28:02d} 14:30:00"
    return {name: value for name, value in values.items() if value is not None}


def _add_taxes(shop: Shop, item: Item) -> None:
    family = item.line["family"]
    inherited = _FAMILY_TAX.get(family, "C20"), "DEEE1" if family == "ECLAIRAGE" else ""
    if (item.tax, item.eco) != inherited:
        shop.tax_row(item.reference, item.tax, ACP_ComptaCPT_Taxe2=item.eco or None)


def _add_prices(shop: Shop, item: Item) -> None:
    reference = item.reference
    brackets = {"percent": (1, QUANTITY_RANGE), "net": (3, NET_RANGE)}.get(item.line.get("brackets", ""), (0, 0))
    # Every seventh article has no row of its own for category 1: its base price applies.
    if item.position % 7 or brackets[0]:
        coefficient = _base_price(item).get("AR_Coef", 0)
        shop.price_row(
            reference, 1, Decimal(0) if coefficient else item.net, AC_Coef=coefficient, AC_QteMont=brackets[0],
            EG_Champ=brackets[1],
        )  # fmt: skip
    shop.price_row(reference, 2, Decimal(0), AC_Coef=Decimal("1.55"))
    shop.price_row(reference, 3, item.gross, AC_QteMont=brackets[0], EG_Champ=brackets[1])
    if item.line["family"] not in NO_DISCOUNT:
        shop.price_row(reference, 4, item.net, AC_Remise=10)
    if brackets[0]:
        _add_brackets(shop, item, net=brackets[0] == 3)


def _add_brackets(shop: Shop, item: Item, *, net: bool) -> None:
    bounds = (19, 99) if net else (9, 49)
    for owner, price in (("a01", item.net), ("a03", item.gross)):
        for bound, discount in zip((*bounds, 99999999999999), (0, 6, 12), strict=True):
            row: dict[str, Any] = {"AR_Ref": item.reference, "TQ_RefCF": owner, "TQ_BorneSup": bound}
            if net:
                row["TQ_PrixNet"] = cents(price * (100 - discount) / 100)
            else:
                row.update(TQ_Remise01REM_Valeur=discount, TQ_Remise01REM_Type=1 if discount else 0)
            shop.dataset.add("F_TARIFQTE", **row)


def add_amount_brackets(shop: Shop, reference: str) -> None:
    """Discounts by amount bought, categories 1 and 3 (the price rows must exist)."""
    for row in shop.dataset.rows("F_ARTCLIENT"):
        if row["AR_Ref"] == reference and row.get("AC_Categorie", 0) in (1, 3):
            row.update(AC_QteMont=2, EG_Champ=AMOUNT_RANGE)
    for owner in ("a01", "a03"):
        for bound, discount in ((500, 0), (2000, 4), (99999999999999, 7)):
            shop.dataset.add(
                "F_TARIFQTE", AR_Ref=reference, TQ_RefCF=owner, TQ_BorneSup=bound, TQ_Remise01REM_Valeur=discount,
                TQ_Remise01REM_Type=1 if discount else 0,
            )  # fmt: skip


def _add_texts(shop: Shop, item: Item) -> None:
    line = item.line
    # One article in six has no text yet, as in any real catalogue.
    if item.position % 6 == 0:
        return
    kilos = f"{Decimal(item.grams) / 1000:.2f}".replace(".", ",")
    weight = f"Poids : {kilos} kg." if item.grams >= 1000 else f"Poids : {item.grams} g."
    english = f"Weight: {kilos.replace(',', '.')} kg." if item.grams >= 1000 else f"Weight: {item.grams} g."
    french_lines = [*line["text"], *([weight] if item.grams else [])]
    english_lines = [*line["text_en"], *([english] if item.grams else [])]
    shop.text(item.reference, "\r\n".join(french_lines), "\r\n".join(english_lines))


def _add_variants(shop: Shop, item: Item) -> None:
    titles = item.ranges
    values = [list(item.line[_LISTS[title]]) for title in titles]
    numbers = [shop.range_values(item.reference, kind, titles_of) for kind, titles_of in enumerate(values)]
    for variant, label in _pairs(item, values, numbers):
        shop.variant(item.reference, variant)
        _add_range_stock(shop, item, variant)
        if label == "XXL":
            for owner, price in (("a01", item.net), ("a03", item.gross)):
                shop.dataset.add(
                    "F_TARIFGAM", AR_Ref=item.reference, TG_RefCF=owner, AG_No1=variant.first, AG_No2=variant.second,
                    TG_Prix=cents(price * 11 / 10),
                )  # fmt: skip


def _pairs(item: Item, values: list[list[str]], numbers: list[list[int]]) -> Iterator[tuple[Variant, str]]:
    """Variants that exist. With two ranges one pair is never created and one sleeps; with one, sometimes the last."""
    if len(values) == 1:
        last = len(values[0]) - 1
        for position, (value, number) in enumerate(zip(values[0], numbers[0], strict=True)):
            yield Variant(number, 0, _short(value), dormant=position == last and item.position % 3 == 0), value
        return
    pairs = list(product(range(len(values[0])), range(len(values[1]))))
    missing, dormant = pairs[-1], pairs[len(values[1]) - 1]
    for first, second in pairs:
        if (first, second) != missing:
            suffix = f"{_short(values[0][first])}-{_short(values[1][second])}"
            yield (
                Variant(numbers[0][first], numbers[1][second], suffix, dormant=(first, second) == dormant),
                values[0][first],
            )


def _short(value: str) -> str:
    """Suffix of a variant's reference: the size as it is, the first three letters of a colour."""
    plain = value.replace(" ans", "A").replace(" cm", "").replace(" m", "M")
    return plain if len(plain) <= 3 else plain[:3].upper()


def _add_range_stock(shop: Shop, item: Item, variant: Variant) -> None:
    source = shop.random(f"{item.reference}/{variant.first}/{variant.second}")
    shop.range_stock(item.reference, variant, 1, max(0, source.randrange(-3, 22)))
    if source.random() < 0.7:
        shop.range_stock(item.reference, variant, 2, source.randrange(0, 7))


def _add_stock(shop: Shop, item: Item) -> None:
    source = shop.random(item.reference)
    plenty = 300 if item.gross < 20 else 60
    empty = item.position % 17 == 0
    inspected = 2 if item.position % 23 == 0 else 0
    real = 0 if empty else source.randrange(4, plenty)
    shop.stock(item.reference, 1, real, cost=item.cost, AS_QteAControler=inspected)
    if item.position % 4:
        shop.stock(item.reference, 2, 0 if empty else source.randrange(0, plenty // 4), cost=item.cost)
    if item.position % 20 == 0:
        shop.stock(item.reference, 3, source.randrange(5, 20), cost=item.cost)
