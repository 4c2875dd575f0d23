"""The manifest of a connector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from connectors.canonical.keys import Aspect, Entity, Side
from connectors.core.capabilities import Capabilities, Capability
from connectors.core.options import OptionsSection
from connectors.core.ports import Connection, Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSpec:
    """Everything the platform needs to know of a connector before opening it.

    ``choices`` maps names of reference lists to their French labels. ``open`` returns a context manager that closes
    remote sessions on exit, also after a failure. ``kinds`` names the profile kinds it serves. ``check_expression``
    tells, without a connection, whether a filter is written in the connector's language: it raises ``Misconfigured``.
    """

    key: str
    label: str
    side: Side
    options: type[OptionsSection]
    capabilities: Capabilities
    open: Callable[[Any, Runtime], AbstractContextManager[Connection]]
    choices: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("gescom",)
    summary: str = ""
    check_expression: Callable[[str], None] | None = None

    def capability(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Capability | None:
        """The declared capability, or ``None``."""
        return self.capabilities.get((entity, aspect))
