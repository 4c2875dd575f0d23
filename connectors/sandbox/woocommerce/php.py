"""How PHP and WordPress read values: query strings, loose numbers, prices, dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

SITE_ZONE: tzinfo = ZoneInfo("Europe/Paris")
_DATE = re.compile(r"^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[+-]\d{2}(?::?\d{2})?)?$")
_LEADING_INT = re.compile(r"^\s*([+-]?\d+)")
_BRACKET = re.compile(r"\[([^\]]*)\]")


def words(text: str) -> list[str]:
    """The words of a text, for long constant lists that should stay readable."""
    return text.split()


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Query or form pairs as PHP arrays: `a[0]=x&a[1]=y` gives a list, `a[k]=x` a dict. Later keys win."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        name, bracket, rest = key.partition("[")
        if not bracket:
            result[key] = value
            continue
        steps = _BRACKET.findall("[" + rest)
        _insert(result, [name, *steps], value)
    return {key: _as_list(value) for key, value in result.items()}


def _insert(tree: dict[str, Any], steps: list[str], value: str) -> None:
    node = tree
    for step in steps[:-1]:
        child = node.get(step)
        if not isinstance(child, dict):
            child = node[step] = {}
        node = child
    last = steps[-1] or str(len(node))
    node[last] = value


def _as_list(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _as_list(item) for key, item in value.items()}
    if list(inner) == [str(n) for n in range(len(inner))]:
        return list(inner.values())
    return inner


def build_query(params: dict[str, Any]) -> str:
    """The reverse of `nested`, as WordPress writes links."""
    parts: list[str] = []
    for key, value in params.items():
        if isinstance(value, list):
            parts += [f"{quote_plus(f'{key}[{n}]')}={quote_plus(str(item))}" for n, item in enumerate(value)]
        elif value == "":
            parts.append(quote_plus(key))
        else:
            parts.append(f"{quote_plus(key)}={quote_plus(str(value))}")
    return "&".join(parts)


def intval(value: Any) -> int:
    """PHP's (int) cast: leading digits, else 0."""
    if isinstance(value, bool | int | float):
        return int(value)
    match = _LEADING_INT.match(value) if isinstance(value, str) else None
    return int(match.group(1)) if match else 0


def truthy(value: Any) -> bool:
    """WordPress' reading of a boolean parameter."""
    if isinstance(value, str):
        return value.strip().lower() not in {"", "0", "false", "no", "off"}
    return bool(value)


def to_list(value: Any) -> list[Any]:
    """A list, or a comma separated text as a list."""
    if isinstance(value, list):
        return value
    if value in (None, ""):
        return []
    return [part.strip() for part in str(value).split(",") if part.strip() != ""]


def format_decimal(value: Any, separator: str) -> str:
    """A price or measure as the shop stores it: the shop's separator becomes a point, other signs go, extra points too.

    `separator` is the decimal separator of the shop; "10,50" gives "1050" where it is a point (recorded).
    """
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int | float):
        return f"{value:.10f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    text = str(value).replace(separator, ".")
    head, dot, tail = text.rpartition(".")
    if dot and tail:
        text = head.replace(".", "") + "." + tail
    return re.sub(r"[^0-9.\-]", "", text)


def to_float(text: Any) -> float:
    """PHP's (float) of a stored number text; 0.0 for anything else."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return 0.0


def is_date(value: str) -> bool:
    """Whether WordPress accepts the text as a date and time."""
    match = _DATE.match(value)
    if match is None:
        return False
    try:
        datetime.fromisoformat(f"{match.group(1)}T{match.group(2)}")
    except ValueError:
        return False
    return True


def parse_date(value: Any, *, gmt: bool = False) -> int | None:
    """Epoch seconds of a date text; without a suffix it is site time, or UTC with `gmt`. None when it is no date."""
    match = _DATE.match(value) if isinstance(value, str) else None
    if match is None:
        return _parse_day(value, gmt=gmt)
    try:
        naive = datetime.fromisoformat(f"{match.group(1)}T{match.group(2)}")
    except ValueError:
        return None
    suffix = match.group(3)
    if suffix:
        offset = "+00:00" if suffix == "Z" else (suffix if len(suffix) > 3 else suffix + ":00")
        return int(datetime.fromisoformat(naive.isoformat() + offset).timestamp())
    return int(naive.replace(tzinfo=UTC if gmt else SITE_ZONE).timestamp())


def _parse_day(value: Any, *, gmt: bool) -> int | None:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return None
    try:
        day = datetime.fromisoformat(value)
    except ValueError:
        return None
    return int(day.replace(tzinfo=UTC if gmt else SITE_ZONE).timestamp())


def bound(value: str, *, dates_are_gmt: bool) -> int:
    """A list bound as WooCommerce compares it.

    With a suffix the instant is meant, except that `dates_are_gmt` then shifts it by the zone a second time and the
    rows of the last hours are lost (recorded).
    """
    epoch = parse_date(value, gmt=dates_are_gmt) or 0
    if dates_are_gmt and re.search(r"(Z|[+-]\d{2}(:?\d{2})?)$", value[10:]):
        offset = datetime.fromtimestamp(epoch, SITE_ZONE).utcoffset()
        epoch += int(offset.total_seconds()) if offset else 0
    return epoch


def local(epoch: float | None) -> str | None:
    """Site time without suffix."""
    return None if epoch is None else datetime.fromtimestamp(int(epoch), SITE_ZONE).strftime("%Y-%m-%dT%H:%M:%S")


def gmt(epoch: float | None) -> str | None:
    """UTC without suffix."""
    return None if epoch is None else datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%S")
