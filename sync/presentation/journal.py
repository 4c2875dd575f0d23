"""Lines of the journal: of one run, of one item, and what changed between two of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from sync.models import JournalEntry, Level, Run
from sync.presentation.paging import Slice, only, page_of

ITEMS_PER_PAGE = 40
LINES_SHOWN = 80
BAD = ("refused", "failed", "deferred")
WARNED = "warned"

_TRACE = re.compile(r"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+")
_CLASS_NAME = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Warning)\s*:\s*")


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """What the table of items of a run is asked for."""

    outcome: str = ""
    text: str = ""
    code: str = ""

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> ItemFilter:
        """The filter in the query of a request."""
        return cls(
            outcome=params.get("resultat", "")[:16],
            text=params.get("recherche", "").strip()[:100],
            code=params.get("cause", "")[:80],
        )

    @property
    def is_set(self) -> bool:
        """Whether anything is filtered."""
        return self != ItemFilter()

    def condition(self) -> Q:
        """The filter as a condition on journal lines, except for an outcome, which ``item_page`` reads by its index."""
        found = Q()
        if self.outcome == WARNED:
            found &= Q(level=Level.WARNING) & ~Q(outcome__in=BAD)
        if self.code:
            found &= Q(code=self.code, outcome__in=BAD)
        if self.text:
            words = Q(reference__icontains=self.text) | Q(label__icontains=self.text)
            found &= words | Q(item_key=self.text) | Q(shop_key=self.text)
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """One field that an item changed, old to new; ``known`` tells whether the old value is known at all."""

    field: str
    old: Any
    new: Any
    known: bool = True


def item_page(run: Run, wanted: ItemFilter, params: Mapping[str, Any], *, with_detail: bool) -> Slice[JournalEntry]:
    """One page of the items of a run in the order of the journal, with one query."""
    rows = only(JournalEntry.objects.exclude(item_key=""), run_id=run.pk).filter(wanted.condition())
    within = ["run_id"]
    if wanted.outcome and wanted.outcome != WARNED:
        rows, within = only(rows, outcome=wanted.outcome), ["run_id", "outcome"]
    if not with_detail:
        rows = rows.defer("detail")
    return page_of(rows, params, size=ITEMS_PER_PAGE, newest_first=False, within=within)


def _lines(run_id: int) -> QuerySet[JournalEntry]:
    return only(JournalEntry.objects.defer("detail"), run_id=run_id)


def last_lines(run: Run, count: int = LINES_SHOWN) -> list[JournalEntry]:
    """The last lines of a run, oldest first."""
    return list(_lines(run.pk).order_by("-run_id", "-pk")[:count])[::-1]


def lines_after(run_id: int, line_id: int, count: int) -> list[JournalEntry]:
    """Lines written after a given one, oldest first."""
    return list(_lines(run_id).filter(pk__gt=line_id).order_by("run_id", "pk")[:count])


def lines_before(run: Run, line_id: int) -> list[JournalEntry]:
    """Lines written before a given one, oldest first."""
    return list(_lines(run.pk).filter(pk__lt=line_id).order_by("-run_id", "-pk")[:LINES_SHOWN])[::-1]


def previous_of(entry: JournalEntry) -> JournalEntry | None:
    """The line of the same item before this one whose content the shop accepted, in any run of the flow."""
    rows = JournalEntry.objects.filter(
        profile_id=entry.profile_id,
        entity=entry.entity,
        item_key=entry.item_key,
        pk__lt=entry.pk,
        run__flow=entry.run.flow,
        run__dry=False,
        outcome__in=("created", "updated"),
    )
    return rows.order_by("-pk").first()


def changes(entry: JournalEntry, previous: JournalEntry | None) -> list[Change]:
    """What an item changed, field by field: as the preview planned it, else against what was last sent."""
    planned = entry.detail.get("changes")
    if isinstance(planned, Mapping):
        return [_planned(name, pair) for name, pair in planned.items()]
    sent = entry.detail.get("sent")
    if not isinstance(sent, Mapping):
        return []
    before = previous.detail.get("sent") if previous else None
    old: Mapping[str, Any] = before if isinstance(before, Mapping) else {}
    found = [Change(name, old.get(name), value, known=name in old) for name, value in sent.items()]
    return [change for change in found if not (change.known and change.old == change.new) and change.field != "id"]


def _planned(name: str, pair: Any) -> Change:
    old, new = pair if isinstance(pair, list) and len(pair) == 2 else (None, pair)
    return Change(name, old, new)


def body_text(value: Any) -> str:
    """A recorded body as text to read: JSON indented, everything else as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def technical_text(value: Any) -> str:
    """Technical detail that helps a person of the trade; never a trace or the name of an exception class."""
    text = value if isinstance(value, str) else body_text(value) if value else ""
    if _TRACE.search(text):
        return ""
    return _CLASS_NAME.sub("", text)
