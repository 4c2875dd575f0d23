"""What a connector can do, declared once; the engine asks these objects and never a connector's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.canonical.keys import Aspect, Entity


class Verb(StrEnum):
    """What can be done with an entity."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    RETIRE = "retire"
    FIND = "find"


class Changes(StrEnum):
    """How a reader can be asked for what changed."""

    BY_DATE = "by_date"
    FULL_ONLY = "full_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a connector does with one aspect of one entity.

    ``batch``: most records per ``send()``. ``partial``: a batch may half succeed. ``parallel``: most ``send()``
    calls at once against one system. ``ahead``: more may be called, to be made ready, since the connection itself makes
    no more than ``Runtime.at_once`` calls at once. ``nested``: one batch may hold parents with their children (a tree
    of categories); the writer sends parents first and defers the children of a parent that could not be sent.
    ``parts``: parts of the record the other side can hold. ``limits``: named limits of the other side (longest name,
    most variants…).
    """

    verbs: frozenset[Verb]
    changes: Changes = Changes.FULL_ONLY
    batch: int = 1
    partial: bool = False
    parallel: int = 1
    ahead: bool = False
    nested: bool = False
    parts: frozenset[str] = frozenset()
    limits: Mapping[str, int] = field(default_factory=dict)


Capabilities = Mapping[tuple[Entity, Aspect], Capability]
