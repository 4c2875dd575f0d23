"""The one scrubber of secrets: used at the HTTP edge, by the journal writer and by the log formatter.

Two nets: shapes (query parameters, headers, connection strings, JSON fields whose *name* says secret) and the live
values themselves, registered when a secret is opened. A text that merely mentions a secret's name is left alone.
"""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, overload
from urllib.parse import quote, quote_plus

STARS = "***"
# Shorter values would star ordinary words and digits out of the logs.
SHORTEST_SECRET = 6
LIVE_FORMS_MAX = 2000

_SECRET_NAME = re.compile(
    r"^(?:[a-z0-9_.\-]*(?:password|passwd|passphrase|secret|token|api[_\-]?key|private[_\-]?key|signature|credential"
    r"|authorization|mot[_\-]?de[_\-]?passe)[a-z0-9_.\-]*|pwd|pass|uid|consumer[_\-]?key|oauth_[a-z_]+|client[_\-]?id"
    r"|ws[_\-]?key|(?:set-)?cookie|session(?:id)?|csrf[a-z]*|nonce|code_verifier)$",
    re.IGNORECASE,
)
# Names the pattern above would take although they say nothing secret.
_HARMLESS = re.compile(
    r"^(?:.*token_(?:type|url|endpoint|count|lifetime|expires?(?:_in|_at)?)|.*_(?:set|count)|oauth_(?:version|callback"
    r"|signature_method|timestamp)|password_(?:changed|policy)(?:_at)?)$",
    re.IGNORECASE,
)

# Every repetition below is bounded or starts at a boundary: bodies of hostile shops pass here, and an unanchored
# «name characters, then an equals sign» costs the square of the length.
_URL_USER = re.compile(r"(?P<head>(?<![a-z0-9+.\-])[a-z][a-z0-9+.\-]{0,30}://)[^\s/?#@]{1,300}@", re.IGNORECASE)
# A credential mixes cases or holds digits; «Token expired» and «basic authentication» do not.
_AUTH_SCHEME = re.compile(
    r"\b(?P<head>(?i:Basic|Bearer|Token)\s{1,4})(?=\S{0,200}(?:\d|=|[a-z][A-Z]))[A-Za-z0-9+/=_\-.~%]{6,}"
)
_HEADER = re.compile(
    r"(?P<head>\b(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z\-]{0,40}(?:token|key|secret|signature))"
    r"\s{0,4}[:=]\s{0,4})[^\r\n]+",
    re.IGNORECASE,
)
_NAME = r"(?P<name>[A-Za-z0-9_.\-]{2,64})"
_QUOTED_HEAD = re.compile(rf"(?P<q>\\?[\"']){_NAME}(?P=q)\s{{0,4}}[:=]\s{{0,4}}")
_QUOTED_VALUE = re.compile(
    r"\"(?:[^\"\\]|\\.){0,4000}\"|'(?:[^'\\]|\\.){0,4000}'|\\\"(?:[^\"\\]|\\[^\"]){0,4000}\\\"|[^\s,;}\])]{1,4000}"
)
_PAIR_HEAD = re.compile(rf"(?<![A-Za-z0-9_.\-]){_NAME}\s{{0,4}}=\s{{0,4}}")
_PAIR_VALUE = re.compile(r"\{[^}]{0,400}\}|\"[^\"]{0,4000}\"|'[^']{0,4000}'|[^\s&;,)\]}\"'\\]{1,4000}")
_CIPHERTEXT = re.compile(r"(?P<head>\bgAAAA)[A-Za-z0-9_\-=]{20,}")
# What at least one of the shapes above needs: most fields of a body (references, figures, names) have none of it.
_SHAPED = re.compile(r"[\s:=]|gAAAA")

_TELLS_NOTHING = frozenset({"null", "none", "true", "false", STARS, f'"{STARS}"', '""', "''"})

_live: OrderedDict[str, None] = OrderedDict()
_lock = threading.Lock()
_longest_first: tuple[str, ...] = ()


def register_secret(value: str | None) -> None:
    """Remembers a secret in use, so that :func:`redact` stars it wherever it shows up.

    Registers its URL-quoted and base64 forms too. Values shorter than 6 characters are not kept. May be called again
    with the same value; the oldest of more than 2,000 forms are forgotten. Safe from several threads.
    """
    if not value or len(value) < SHORTEST_SECRET:
        return
    forms = {value, quote(value, safe=""), quote_plus(value), b64encode(value.encode()).decode(), _json_form(value)}
    global _longest_first
    with _lock:
        for form in forms:
            _live.pop(form, None)
            _live[form] = None
        while len(_live) > LIVE_FORMS_MAX:
            _live.popitem(last=False)
        _longest_first = tuple(sorted(_live, key=len, reverse=True))


def register_pair(user: str, password: str) -> None:
    """Registers a password, and the Basic header that ``user`` makes with it."""
    register_secret(password)
    if len(password) >= SHORTEST_SECRET:
        register_secret(b64encode(f"{user}:{password}".encode()).decode())


def forget_secrets() -> None:
    """Empties the register (tests)."""
    global _longest_first
    with _lock:
        _live.clear()
        _longest_first = ()


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a field, parameter or header of this name holds a secret."""
    return bool(_SECRET_NAME.match(name)) and not _HARMLESS.match(name)


@overload
def redact(value: str) -> str: ...
@overload
def redact(value: Mapping[str, Any]) -> dict[str, Any]: ...
@overload
def redact(value: Any) -> Any: ...
def redact(value: Any) -> Any:
    """A copy of ``value`` without secrets; texts, mappings, sequences and bytes, nested to any depth.

    Mapping values under a secret name become ``***`` whatever their type (None and booleans excepted, which tell
    whether a secret is set). Other objects are returned as they are. Never raises; calling it twice changes nothing.
    """
    if isinstance(value, str):
        return _redact_text(value)
    if isinstance(value, Mapping):
        return {key: _redact_field(key, item) for key, item in value.items()}
    if isinstance(value, bytes | bytearray):
        return _redact_text(bytes(value).decode("utf-8", "replace"))
    if isinstance(value, Sequence | set | frozenset):
        items = [redact(item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def _redact_field(key: Any, item: Any) -> Any:
    if isinstance(key, str) and is_secret_name(key) and item not in (None, "", True, False):
        return STARS
    return redact(item)


def _redact_text(text: str) -> str:
    for secret in _longest_first:
        if secret in text:
            text = text.replace(secret, STARS)
    if not _SHAPED.search(text):
        return text
    text = _URL_USER.sub(lambda match: f"{match['head']}{STARS}@", text)
    text = _star_named(text, _QUOTED_HEAD, _QUOTED_VALUE)
    text = _HEADER.sub(_star_value, text)
    text = _AUTH_SCHEME.sub(_star_value, text)
    text = _star_named(text, _PAIR_HEAD, _PAIR_VALUE)
    return _CIPHERTEXT.sub(_star_value, text)


def _star_value(match: re.Match[str]) -> str:
    return f"{match['head']}{STARS}"


def _star_named(text: str, heads: re.Pattern[str], values: re.Pattern[str]) -> str:
    """Stars the values that follow secret names; a harmless name's value is searched on, for it may hold a URL."""
    parts: list[str] = []
    done = 0
    for head in heads.finditer(text):
        if head.start() < done or not is_secret_name(head["name"]):
            continue
        value = values.match(text, head.end())
        if value is None or value[0].lower() in _TELLS_NOTHING:
            continue
        parts += (text[done : head.end()], _starred(value[0]))
        done = value.end()
    return "".join((*parts, text[done:]))


def _starred(value: str) -> str:
    """Stars inside the quotes of ``value``, so that JSON stays JSON."""
    mark = next((m for m in ('\\"', '"', "'") if value.startswith(m) and value.endswith(m) and len(value) > 1), "")
    return f"{mark}{STARS}{mark}"


def _json_form(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
