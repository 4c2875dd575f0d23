"""What WordPress does to texts on their way in: allowed HTML, plain text fields, slugs, paragraphs."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from connectors.sandbox.woocommerce.php import words

# Tags and attributes that survive in a post; everything else is dropped while its text stays.
_TAGS = frozenset(
    words(
        "a abbr address article aside b bdo big blockquote br button caption center cite code col "
        "colgroup dd del details "
        "dfn div dl dt em fieldset figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup "
        "hr i img ins kbd label "
        "legend li main map mark nav ol p pre q s samp section small span strike strong sub summary sup table tbody td "
        "tfoot th thead tr tt u ul var video audio track"
    )
)
_ATTRIBUTES = frozenset(
    words(
        "href title target rel src alt width height class id style align colspan rowspan lang dir "
        "role name cite datetime "
        "valign border scope controls poster"
    )
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_ATTRIBUTE = re.compile(r"([a-zA-Z\-]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")
_BARE_AMPERSAND = re.compile(r"&(?!(?:[a-zA-Z][a-zA-Z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BLOCK = re.compile(r"^<(?:p|div|table|ul|ol|h[1-6]|pre|blockquote|section|figure|hr)\b", re.IGNORECASE)
_LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "€": "e", "ø": "o", "Ø": "O", "ł": "l"}
)


def _keep_tag(match: re.Match[str]) -> str:
    closing, name, rest = match.group(1), match.group(2).lower(), match.group(3)
    if name not in _TAGS:
        return ""
    if closing:
        return f"</{name}>"
    kept = ""
    for attribute in _ATTRIBUTE.finditer(rest):
        if attribute.group(1).lower() in _ATTRIBUTES:
            kept += f" {attribute.group(1).lower()}" + (f"={attribute.group(2)}" if attribute.group(2) else "")
    return f"<{name}{kept}{' /' if rest.rstrip().endswith('/') else ''}>"


def filter_html(value: str) -> str:
    """Text of a post: forbidden tags lose their brackets, loose ampersands become entities, controls go."""
    cleaned = _TAG.sub(_keep_tag, _CONTROL.sub("", value))
    return _BARE_AMPERSAND.sub("&amp;", cleaned)


def clean(value: object) -> str:
    """A plain text field: no tags, no line breaks, single blanks, trimmed."""
    text = re.sub(r"<(?:script|style)\b.*?</(?:script|style)\s*>", "", str(value), flags=re.IGNORECASE | re.DOTALL)
    text = re.sub(r"<[a-zA-Z/!][^>]*>", "", _CONTROL.sub("", text))
    return re.sub(r"[\r\n\t ]+", " ", text).strip()


def term_name(value: object) -> str:
    """Name of a term: no tags, entities for ampersands."""
    return _BARE_AMPERSAND.sub("&amp;", clean(value))


def strip_accents(value: str) -> str:
    """Letters without their accents."""
    decomposed = unicodedata.normalize("NFKD", value.translate(_LIGATURES))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def slugify(value: str, *, keep_accents: bool = False) -> str:
    """Slug of a title; with `keep_accents` other letters are percent-encoded as for slugs given by hand on terms."""
    text = re.sub(r"<[^>]*>", "", value)
    text = re.sub(r"&[^;\s]+;", "", text)
    text = text.lower() if keep_accents else strip_accents(text).lower()
    text = re.sub(r"[\s_/.]+" if keep_accents else r"[\s/.]+", "-", text)
    if keep_accents:
        text = quote(text, safe="-_").lower()
        text = re.sub(r"%(?![0-9a-f]{2})", "", re.sub(r"%(?:2[0-9a-f]|[3][0-9a-f]|[57][b-f])", "", text))
    else:
        text = re.sub(r"[^a-z0-9_\-]", "", text)
    return re.sub(r"-+", "-", text).strip("-")[:200]


def paragraphs(value: str) -> str:
    """The text as shown: paragraphs around loose text, a line end after each block."""
    if not value.strip():
        return ""
    parts = [part.strip() for part in re.split(r"\n\s*\n", value.replace("\r\n", "\n")) if part.strip()]
    shown = [part if _BLOCK.match(part) else "<p>" + part.replace("\n", "<br />\n") + "</p>" for part in parts]
    return "\n".join(shown) + "\n"


def file_name(url_path: str) -> str:
    """Name of an uploaded file as the media library keeps it."""
    name = url_path.rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9._\-]", "", strip_accents(name).replace(" ", "20").replace("%20", "20")).lower()
