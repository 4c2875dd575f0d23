"""Applies an approved match report. Never shown as a card: the match page starts it."""

from __future__ import annotations

from typing import Any, ClassVar

from connectors.canonical.keys import Entity
from connectors.core.query import Query
from sync.engine.context import RunContext
from sync.flows.base import Excluded, Flow, Mapped


class ApplyMatch(Flow):
    """Links the articles that both catalogues surely have in common."""

    key: ClassVar[str] = "match"
    label: ClassVar[str] = "Rapprocher les catalogues"
    help: ClassVar[str] = "Associe les articles déjà présents des deux côtés, sans rien modifier dans la boutique."
    icon: ClassVar[str] = "link-45deg"
    entity: ClassVar[Entity] = Entity.PRODUCT
    lock: ClassVar[str] = "catalogue"
    order: ClassVar[int] = 10
    hidden: ClassVar[bool] = True
    applies_match: ClassVar[bool] = True

    def query(self, ctx: RunContext) -> Query:
        """Unused: the matching reads both catalogues itself."""
        return Query()

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """Unused: the matching sends nothing."""
        return Excluded("Rapprochement")
