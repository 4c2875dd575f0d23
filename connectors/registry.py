"""Finds every connector: packages under ``connectors.erp`` and ``connectors.shops``, and entry points."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points

import connectors.erp
import connectors.shops
from connectors.canonical.keys import Side
from connectors.core.spec import ConnectorSpec

ENTRY_POINT_GROUP = "atoosync.connectors"


@cache
def all_specs() -> dict[str, ConnectorSpec]:
    """Specs by key, built in and installed. Raises ``ValueError`` when two connectors claim one key."""
    found: dict[str, ConnectorSpec] = {}
    for spec in [*_built_in(), *_installed()]:
        if spec.key in found:
            raise ValueError(f"two connectors claim the key {spec.key!r}")
        found[spec.key] = spec
    return found


def by_key(key: str) -> ConnectorSpec:
    """The spec of one connector. Raises ``LookupError`` naming the known keys."""
    try:
        return all_specs()[key]
    except KeyError:
        raise LookupError(f"unknown connector {key!r}; known: {', '.join(sorted(all_specs()))}") from None


def all_of(side: Side) -> list[ConnectorSpec]:
    """Specs of one side, sorted by label."""
    return sorted((spec for spec in all_specs().values() if spec.side is side), key=lambda spec: spec.label)


def _built_in() -> list[ConnectorSpec]:
    return [
        importlib.import_module(module.name).SPEC
        for parent in (connectors.erp, connectors.shops)
        for module in pkgutil.iter_modules(parent.__path__, f"{parent.__name__}.")
        if module.ispkg
    ]


def _installed() -> list[ConnectorSpec]:
    return [entry.load() for entry in entry_points(group=ENTRY_POINT_GROUP)]
