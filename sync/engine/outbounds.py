"""Turns items into what a writer takes: references and variants resolved to keys of the other side."""

from __future__ import annotations

from typing import Any

from connectors.canonical.keys import Entity, Ref
from connectors.core.results import Action, Outbound
from sync.engine.context import RunContext
from sync.engine.items import Item


def outbounds(ctx: RunContext, items: list[Item]) -> list[Outbound[Any]]:
    """One outbound per item, in order, with a few look-ups for all of them."""
    references = _reference_keys(ctx, items)
    children = _children(ctx, items)
    return [_outbound(ctx, item, references, children) for item in items]


def _outbound(
    ctx: RunContext, item: Item, references: dict[Ref, str], children: dict[str, dict[str, str]]
) -> Outbound[Any]:
    mapped = item.mapped
    return Outbound(
        record=mapped.record,
        action=item.action,
        key=item.key,
        label=mapped.label,
        remote_key=item.view.remote_key if item.view and item.action is Action.UPDATE else "",
        remote_parent=item.view.remote_parent if item.view else "",
        children=children.get(item.key, {}),
        references={ref: references[ref] for ref in ctx.flow.references(mapped) if ref in references},
        parts=mapped.parts if mapped.parts is not None else frozenset(),
        group=item.group,
        token=item.token,
        first=item.action is Action.UPDATE and item.view is not None and item.view.is_untouched,
    )


def _reference_keys(ctx: RunContext, items: list[Item]) -> dict[Ref, str]:
    wanted = {ref for item in items for ref in ctx.flow.references(item.mapped)}
    found: dict[Ref, str] = {}
    for entity in {ref.entity for ref in wanted}:
        keys = ctx.linkbook.remote_keys(entity, [ref.key for ref in wanted if ref.entity is entity])
        found.update((Ref(entity, key), shop_key) for key, shop_key in keys.items())
    return found


def _children(ctx: RunContext, items: list[Item]) -> dict[str, dict[str, str]]:
    if ctx.flow.entity is Entity.ORDER:
        return ctx.linkbook.steps(Entity.ORDER, [item.key for item in items if item.view])
    if ctx.flow.entity is not Entity.PRODUCT:
        return {}
    return ctx.linkbook.children(
        {item.key: item.view.remote_key for item in items if item.view and item.view.remote_key}
    )
