"""Finds every flow: modules of this package that define subclasses of :class:`Flow`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache

import sync.flows
from sync.flows.base import Flow


@cache
def all_flows() -> dict[str, Flow]:
    """Flows by key, in the order of the synchronisation page."""
    found: list[Flow] = []
    for module in pkgutil.iter_modules(sync.flows.__path__, "sync.flows."):
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(cls, Flow) and not inspect.isabstract(cls) and cls.__module__ == module.name:
                found.append(cls())
    return {flow.key: flow for flow in sorted(found, key=lambda flow: flow.order)}


def by_key(key: str) -> Flow:
    """One flow. Raises ``LookupError`` naming the known keys."""
    try:
        return all_flows()[key]
    except KeyError:
        raise LookupError(f"unknown flow {key!r}; known: {', '.join(all_flows())}") from None
