"""ERP categories to shop categories."""

from __future__ import annotations

from dataclasses import replace

from connectors.canonical.catalog import Category
from connectors.canonical.keys import Entity, Ref
from connectors.core.problems import ItemRefused, Problem
from sync.flows.base import Mapped
from sync.mapping.texts import without_forbidden


def map_category(category: Category) -> Mapped:
    """The category with a clean name; its parent must be linked first. Raises ``ItemRefused`` without a name."""
    names = {language: without_forbidden(text) for language, text in category.name.items()}
    label = names.get("", "")
    if not label:
        raise ItemRefused(
            Problem("category_name_empty", "La catégorie n’a pas de nom.", "Donnez-lui un intitulé dans l’ERP.")
        )
    parents = (Ref(Entity.CATEGORY, category.parent),) if category.parent else ()
    return Mapped(
        ref=Ref(Entity.CATEGORY, category.key),
        record=replace(category, name=names, position=0),
        label=label,
        reference=category.key,
        references=parents,
    )
