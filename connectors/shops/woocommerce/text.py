"""What survives a trip through WordPress: entities, blanks, tags, lengths. Pure functions.

Sources: recorded answers, and WordPress' own ``sanitize_text_field`` (tags, percent-encoded octets and runs of blanks
are dropped from references and term names without a word).
"""

from __future__ import annotations

import html
import re
from decimal import ROUND_FLOOR, Decimal, InvalidOperation

from connectors.core.problems import Problem
from connectors.core.texts import Text

SKU_MAX = 100
TERM_MAX = 200

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ENTITY = re.compile(r"&(?=#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[a-zA-Z][a-zA-Z0-9]{1,31};)")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_LIKE_A_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]*)(?=[^<>]*>)")
_ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "a abbr address area article aside audio b base bdi bdo big blockquote body br button canvas caption "
        "center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset "
        "figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe "
        "img input ins kbd label legend li link main map mark menu meta meter nav noscript object ol optgroup "
        "option output p param picture pre progress q rp rt ruby s samp script search section select slot small "
        "source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time "
        "title tr track tt u ul var video wbr",
    )
)
"""Names of HTML elements (HTML Living Standard, with the obsolete ones that old texts hold)."""
_WHOLE_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_OCTET = re.compile(r"%[a-fA-F0-9]{2}")
_BLANKS = re.compile(r"[\r\n\t ]+")


def decoded(text: object) -> str:
    """A text of the shop as its reader sees it. Only entities with their semicolon count, as in WordPress."""
    return _WHOLE_ENTITY.sub(lambda match: html.unescape(match[0]), str(text or ""))


def plain_text(markup: object) -> str:
    """A text of the shop without tags, entities and outer blanks."""
    return decoded(_TAG.sub("", str(markup or ""))).strip()


def rendered_name(name: str) -> str:
    """A plain name made safe for a field that takes HTML: it comes back unchanged after :func:`decoded`."""
    cleaned = _CONTROL.sub("", name).strip()
    return _ENTITY.sub("&amp;", cleaned).replace("<", "&lt;").replace(">", "&gt;")


def rendered_markup(text: str) -> str:
    """A text that may hold HTML, made safe for such a field: what only looks like a tag (``<mm>``) is kept as text.

    WordPress takes tags it does not know away without a word (``wp_kses_post``).
    """
    return _LIKE_A_TAG.sub(lambda match: match[0] if match[1].lower() in _ELEMENTS else f"&lt;{match[0][1:]}", text)


def normal_name(name: str) -> str:
    """The form in which names are compared: no control characters, no outer blanks."""
    return _CONTROL.sub("", name).strip()


def normal_term(name: str) -> str:
    """The form in which WordPress keeps the name of a category, brand or attribute value."""
    return _BLANKS.sub(" ", _CONTROL.sub("", name)).strip()


def same_html(one: str, other: str) -> bool:
    """Whether two descriptions say the same: entities, line ends and outer blanks do not count."""
    return _flat(one) == _flat(other)


def _flat(text: str) -> str:
    return decoded(_CONTROL.sub("", text)).replace("\r\n", "\n").strip()


def reference_problem(reference: str) -> Problem | None:
    """Why a reference cannot be kept as it is in the shop's sku field, ``None`` when it can."""
    reason = _reference_reason(reference)
    if reason is None:
        return None
    return Problem(
        "reference_not_storable",
        "La référence « %(reference)s » ne peut pas être enregistrée telle quelle dans WooCommerce : %(reason)s.",
        "Modifiez la référence de l’article dans l’ERP, ou excluez l’article de l’export.",
        values={"reference": reference[:120], "reason": reason},
    )


def _reference_reason(reference: str) -> Text | None:
    if not reference:
        return Text("elle est vide")
    if len(reference) > SKU_MAX:
        return Text("elle dépasse %(most)s caractères", {"most": SKU_MAX})
    if "<" in reference:
        return Text("elle contient le signe « < »")
    if _OCTET.search(reference):
        return Text("elle contient « % » suivi de deux chiffres ou lettres, que WordPress efface")
    if _ENTITY.search(reference):
        return Text("elle contient une entité HTML")
    if normal_term(reference) != reference:
        return Text("elle contient des blancs au début, à la fin ou répétés, ou des caractères invisibles")
    return None


def term_problem(name: str, kind: Text) -> Problem | None:
    """Why a category, brand or attribute value cannot bear this name, ``None`` when it can."""
    reason = None
    if not normal_term(name):
        reason = Text("il est vide")
    elif len(normal_term(name)) > TERM_MAX:
        reason = Text("il dépasse %(most)s caractères", {"most": TERM_MAX})
    elif "<" in name:
        reason = Text("il contient le signe « < »")
    elif _OCTET.search(name):
        reason = Text("il contient « % » suivi de deux chiffres ou lettres, que WordPress efface")
    elif _ENTITY.search(name):
        reason = Text("il contient une entité HTML")
    if reason is None:
        return None
    return Problem(
        "name_not_storable",
        "Le nom « %(name)s » (%(kind)s) ne peut pas être enregistré tel quel dans WooCommerce : %(reason)s.",
        "Modifiez ce nom dans l’ERP.",
        values={"name": name[:120], "kind": kind, "reason": reason},
    )


def value_of(attribute: str) -> Text:
    """What people call a value of an attribute."""
    return Text("valeur de %(name)s", {"name": attribute})


def number_text(value: Decimal) -> str:
    """Digits with a point and nothing else, without trailing zeros: the only form every shop reads alike."""
    text = f"{value.normalize():f}"
    return "0" if text in {"-0", ""} else text


def price_text(value: Decimal, decimals: int) -> str:
    """A price with at least ``decimals`` places, more when the price has them."""
    places = max(decimals, _places(value))
    return f"{value:.{places}f}"


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def same_number(one: object, other: object) -> bool:
    """Whether two texts are the same number; two empty ones are the same too."""
    if not str(one or "").strip() or not str(other or "").strip():
        return str(one or "").strip() == str(other or "").strip()
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False


def whole(quantity: Decimal) -> int:
    """A quantity as the integer the shop wants, rounded down."""
    return int(quantity.to_integral_value(rounding=ROUND_FLOOR))


_WEIGHTS = {
    "kg": Decimal(1),
    "g": Decimal(1000),
    "lbs": Decimal("2.2046226218487757"),
    "oz": Decimal("35.27396194958041"),
}
_LENGTHS = {
    "cm": Decimal(1),
    "m": Decimal("0.01"),
    "mm": Decimal(10),
    "in": Decimal(1) / Decimal("2.54"),
    "yd": Decimal(1) / Decimal("91.44"),
}


def weight_text(kilograms: Decimal, unit: str) -> str:
    """A weight in the shop's unit (kg, g, lbs, oz), at most six decimals. Raises ``KeyError`` for another unit."""
    return number_text((kilograms * _WEIGHTS[unit]).quantize(Decimal("0.000001")))


def length_text(centimetres: Decimal, unit: str) -> str:
    """A length in the shop's unit (cm, m, mm, in, yd), at most six decimals. Raises ``KeyError`` for another unit."""
    return number_text((centimetres * _LENGTHS[unit]).quantize(Decimal("0.000001")))


def barcode_is_valid(code: str) -> bool:
    """Whether the text is a GTIN-8, -12, -13 or -14 (EAN, UPC, ISBN-13) with the right check digit, or an ISBN-10."""
    if re.fullmatch(r"[0-9]{9}[0-9Xx]", code):
        total = sum((10 - place) * _isbn_digit(digit) for place, digit in enumerate(code))
        return total % 11 == 0
    if not re.fullmatch(r"[0-9]{8}|[0-9]{12,14}", code):
        return False
    weights = (3 if place % 2 == 0 else 1 for place in range(len(code) - 1))
    total = sum(weight * int(digit) for weight, digit in zip(weights, reversed(code[:-1]), strict=True))
    return (10 - total % 10) % 10 == int(code[-1])


def _isbn_digit(digit: str) -> int:
    return 10 if digit in "Xx" else int(digit)
