"""Page of one item: its links, what is known of each aspect, and its history across runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404

from connectors.canonical.keys import Direction, Entity
from profiles.models import Profile
from sync.flows import registry
from sync.flows.base import Flow
from sync.models import JournalEntry, Link, LinkState
from sync.presentation.journal import Change, changes
from sync.presentation.paging import Slice, page_of

HISTORY_SIZE = 20
CHILDREN_SHOWN = 200


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One journal line of the item with what it changed."""

    entry: JournalEntry
    changes: list[Change]


@dataclass(slots=True)
class ItemView:
    """One item. ``link`` is absent for an item that was refused before it could be linked."""

    profile: Profile
    entity: str
    key: str
    reference: str
    label: str
    link: Link | None
    states: list[LinkState]
    children: list[Link]
    parent: Link | None
    page: Slice[JournalEntry]
    history: list[HistoryLine] = field(default_factory=list)
    address: str = ""


def item_view(profile: Profile, entity: str, key: str, params: Mapping[str, Any]) -> ItemView:
    """Everything of one item. Raises ``Http404`` when the profile never met it."""
    link = _link(profile, entity, key)
    children = _children(profile, entity, link)
    page = page_of(_history(profile, entity, key, children), params, size=HISTORY_SIZE, newest_first=True)
    if link is None and not page.rows:
        raise Http404
    newest = page.rows[0] if page.rows else None
    return ItemView(
        profile=profile,
        entity=entity,
        key=key,
        reference=(link.reference if link else "") or (newest.reference if newest else "") or key,
        label=(link.label if link else "") or (newest.label if newest else ""),
        link=link,
        states=_states(link, children),
        children=[child for child in children if child.erp_key != key],
        parent=_parent(profile, entity, link),
        page=page,
        history=_with_changes(page.rows),
        address=next((row.url for row in page.rows if row.url), ""),
    )


def _link(profile: Profile, entity: str, key: str) -> Link | None:
    """The link of an item by the key its journal knows it by: the ERP's, or the shop's for what comes from there."""
    rows = Link.objects.filter(profile=profile, entity=entity)
    found: Link | None = rows.filter(erp_key=key).first()
    if found is None and any(flow.direction is Direction.IMPORT for flow in _flows_of(entity)):
        found = rows.filter(shop_key=key).first()
    return found


def _flows_of(entity: str) -> list[Flow]:
    return [flow for flow in registry.all_flows().values() if flow.entity == entity]


def _children(profile: Profile, entity: str, link: Link | None) -> list[Link]:
    if entity != Entity.PRODUCT or link is None or not link.shop_key:
        return []
    rows = Link.objects.filter(profile=profile, entity=Entity.VARIANT, shop_parent=link.shop_key)
    return list(rows.order_by("erp_key")[:CHILDREN_SHOWN])


def _parent(profile: Profile, entity: str, link: Link | None) -> Link | None:
    if entity != Entity.VARIANT or link is None or not link.shop_parent:
        return None
    found: Link | None = Link.objects.filter(profile=profile, entity=Entity.PRODUCT, shop_key=link.shop_parent).first()
    return found


def _states(link: Link | None, children: list[Link]) -> list[LinkState]:
    """States of the item, and for an article without variants those of the variant that is the article itself."""
    own = [link, *(child for child in children if link and child.erp_key == link.erp_key)] if link else []
    rows = LinkState.objects.filter(link__in=[one.pk for one in own]) if own else LinkState.objects.none()
    return list(rows.order_by("aspect"))


def _history(profile: Profile, entity: str, key: str, children: list[Link]) -> QuerySet[JournalEntry]:
    """Lines of the item; stock and price lines of an article are those of its variants."""
    wanted = Q(entity=entity, item_key=key)
    if entity == Entity.PRODUCT:
        wanted |= Q(entity=Entity.VARIANT, item_key__in={key, *(child.erp_key for child in children)})
    rows: QuerySet[JournalEntry] = JournalEntry.objects.filter(wanted, profile_id=profile.pk)
    return rows.filter(run__tenant_id=profile.tenant_id).select_related("run")


def _with_changes(rows: list[JournalEntry]) -> list[HistoryLine]:
    """Each line against the next older accepted one of the same flow and key on this page."""
    found = []
    for position, row in enumerate(rows):
        before = (older for older in rows[position + 1 :] if _continues(row, older))
        found.append(HistoryLine(row, changes(row, next(before, None))))
    return found


def _continues(row: JournalEntry, older: JournalEntry) -> bool:
    same = (older.entity, older.item_key, older.run.flow) == (row.entity, row.item_key, row.run.flow)
    return same and not older.run.dry and older.outcome in ("created", "updated")
