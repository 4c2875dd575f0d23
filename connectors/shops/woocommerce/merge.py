"""Read, merge, write: what must be sent so that a product becomes as wished while everything foreign stays.

WooCommerce replaces whole lists (categories, attributes, brands), so each list is rebuilt from what is there, minus
what we set last time, plus what we want now. A field that already says the same is not sent at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connectors.shops.woocommerce.api import Body
from connectors.shops.woocommerce.marks import META_KEY, Mark, meta_value
from connectors.shops.woocommerce.render import Wish
from connectors.shops.woocommerce.shop import DEFAULT_CATEGORY_SLUGS
from connectors.shops.woocommerce.text import decoded, normal_name, normal_term, same_html, same_number

_TEXTS = frozenset({"name"})
_HTML = frozenset({"description", "short_description"})
_NUMBERS = frozenset({"regular_price", "weight"})


def changed_fields(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> Body:
    """The wanted scalar fields that differ from the current ones, in meaning and not in spelling."""
    changes: Body = {}
    for name, value in wanted.items():
        if name == "dimensions":
            changes.update(_changed_dimensions(current.get("dimensions"), value))
        elif not _same(name, current, value):
            changes[name] = value
    return changes


def _same(name: str, current: Mapping[str, Any], value: Any) -> bool:
    now = current.get(name)
    if name in _TEXTS:
        return normal_name(decoded(now)) == normal_name(decoded(value))
    if name in _HTML:
        return same_html(str(now or ""), str(value))
    if name in _NUMBERS:
        return same_number(now, value)
    if name == "stock_status" and current.get("manage_stock") is True:
        return False
    if name in {"sku", "global_unique_id"}:
        return decoded(now) == decoded(value)
    return bool(now == value)


def _changed_dimensions(current: Any, wanted: Mapping[str, str]) -> Body:
    known = current if isinstance(current, Mapping) else {}
    changes = {side: value for side, value in wanted.items() if not same_number(known.get(side), value)}
    return {"dimensions": changes} if changes else {}


def merged_categories(current: Any, mark: Mark, wanted: Sequence[int]) -> list[Body] | None:
    """The whole list of categories to send, ``None`` when it would change nothing.

    Ours from last time leave, foreign ones stay, the shop's «not classified» leaves once there is a real one.
    """
    if not wanted and not mark.categories:
        return None
    rows = [row for row in current or () if isinstance(row, Mapping)]
    now = [int(row["id"]) for row in rows]
    unclassified = {int(row["id"]) for row in rows if row.get("slug") in DEFAULT_CATEGORY_SLUGS}
    foreign = [one for one in now if one not in mark.categories and one not in wanted]
    if wanted:
        foreign = [one for one in foreign if one not in unclassified]
    final = [*foreign, *wanted]
    if set(final) == set(now):
        return None
    return [{"id": one} for one in final]


def merged_brands(current: Any, mark: Mark, wanted: Sequence[int]) -> list[Body] | None:
    """The whole list of brands to send, ``None`` when it would change nothing."""
    now = [int(row["id"]) for row in current or () if isinstance(row, Mapping)]
    foreign = [one for one in now if one not in mark.brands and one not in wanted]
    final = [*foreign, *wanted]
    return None if set(final) == set(now) else [{"id": one} for one in final]


def merged_attributes(
    current: Any,
    mark: Mark,
    axes: Sequence[Wish],
    features: Sequence[Wish] | None,
    *,
    clear: bool = False,
    spared: str = "",
) -> list[Body] | None:
    """The whole list of attributes to send, ``None`` when it would change nothing.

    Values of an axis are only ever added: another variation of the shop may use them. ``features`` is ``None`` when
    that part is switched off; otherwise features we set earlier and which are not wanted any more leave. With
    ``clear`` those of others leave too, except what variations use and the attribute named ``spared``.
    """
    rows = [row for row in current or () if isinstance(row, Mapping)]
    wishes = {wish.identity: wish for wish in [*(features or ()), *axes]}
    final: list[Body] = []
    for row in rows:
        identity = row_identity(row)
        wish = wishes.pop(identity, None)
        if wish is not None:
            final.append(_adapted(row, wish))
        elif features is None or row.get("variation") or not (_clears(row, spared, clear) or identity in mark.features):
            final.append(_kept(row))
    free = max((int(row.get("position") or 0) for row in rows), default=-1) + 1
    ordered = [wish for wish in [*axes, *(features or ())] if wish.identity in wishes]
    final += [_new(wish, free + place) for place, wish in enumerate(ordered)]
    return None if _comparable(final) == _comparable([_kept(row) for row in rows]) else final


def _clears(row: Mapping[str, Any], spared: str, clear: bool) -> bool:
    return clear and normal_term(decoded(row.get("name"))).casefold() != normal_term(spared).casefold()


def row_identity(row: Mapping[str, Any]) -> str:
    """What tells attributes of a product apart: the id of a global one, the name of an own one."""
    number = int(row.get("id") or 0)
    return str(number) if number else normal_term(decoded(row.get("name"))).casefold()


def _named(row: Mapping[str, Any]) -> Body:
    number = int(row.get("id") or 0)
    return {"id": number} if number else {"name": decoded(row.get("name"))}


def _kept(row: Mapping[str, Any]) -> Body:
    return {
        **_named(row),
        "position": int(row.get("position") or 0),
        "visible": bool(row.get("visible")),
        "variation": bool(row.get("variation")),
        "options": [decoded(value) for value in row.get("options") or ()],
    }


def _adapted(row: Mapping[str, Any], wish: Wish) -> Body:
    kept = _kept(row)
    if wish.variation:
        known = {normal_term(value).casefold() for value in kept["options"]}
        added = [value for value in wish.options if normal_term(value).casefold() not in known]
        return {**kept, "variation": True, "options": [*kept["options"], *added]}
    return {**kept, "options": list(wish.options)}


def _new(wish: Wish, position: int) -> Body:
    name: Body = {"id": wish.id} if wish.id else {"name": wish.name}
    return {**name, "position": position, "visible": True, "variation": wish.variation, "options": list(wish.options)}


def new_attributes(axes: Sequence[Wish], features: Sequence[Wish]) -> list[Body]:
    """Attributes of a product to be created: axes first."""
    return [_new(wish, place) for place, wish in enumerate([*axes, *features])]


def _comparable(rows: Sequence[Body]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            str(row.get("id") or row.get("name")),
            row["visible"],
            row["variation"],
            tuple(sorted(normal_term(value) for value in row["options"])),
        )
        for row in rows
    )


def changed_meta(current: Any, mark: Mark, entries: Collection[Mapping[str, Any]]) -> list[Body]:
    """Our own meta entries that differ; entries of others are never touched (a key matches in place, recorded)."""
    changes: list[Body] = []
    if Mark.parse(current) != mark:
        changes.append(mark.entry())
    for entry in entries:
        now = meta_value(current, str(entry["key"]))
        if decoded(now) != decoded(entry["value"]) and entry["key"] != META_KEY:
            changes.append(dict(entry))
    return changes


def unmoved(before: Mapping[str, Any], after: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether a write changed nothing of what was sent (the shop filtered it back to what it was)."""
    names = [name for name in sent if name not in {"id", "meta_data"}]
    return bool(names) and "meta_data" not in sent and all(before.get(name) == after.get(name) for name in names)
