"""Journal lines of a preview: what would be created or changed, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.canonical.base import canonical_form
from connectors.core.results import Action
from connectors.core.texts import joined
from sync.engine import journal
from sync.engine.items import Item
from sync.models import JournalEntry, Level, Run

_SENTENCES = {
    "created": "Serait créé dans la boutique.",
    "updated": "Serait mis à jour dans la boutique.",
    "unchanged": "Serait laissé tel quel : la boutique a déjà ces valeurs.",
}


def plan_line(
    run: Run, item: Item, outcome: str, different: Mapping[str, tuple[Any, Any]], *, now: datetime
) -> JournalEntry:
    """The line of one item, with ``changes`` as field to [value in the shop, value that would be sent]."""
    changes = {name: [journal.body(old), journal.body(new)] for name, (old, new) in different.items()}
    if item.action is Action.CREATE:
        form = canonical_form(item.mapped.record)
        changes = {name: [None, journal.body(value)] for name, value in form.items() if value not in ("", None, [], {})}
    return JournalEntry(
        run=run,
        profile_id=run.profile_id,
        at=now,
        level=Level.WARNING if item.mapped.notes else Level.INFO,
        entity=item.mapped.ref.entity,
        item_key=item.key,
        reference=item.mapped.reference[:200],
        label=item.mapped.label[:250],
        shop_key=item.view.remote_key if item.view else "",
        outcome=outcome,
        detail={"changes": changes, "notes": journal.notes(item.mapped.notes) or []},
        **journal.kept(text=joined(_SENTENCES[outcome], *item.mapped.notes)),
    )
