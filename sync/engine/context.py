"""What one slice of a run works with."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.canonical.keys import Direction
from connectors.core.capabilities import Capability
from connectors.core.ports import Connection
from connectors.core.problems import Misconfigured, Problem
from connectors.core.spec import ConnectorSpec
from profiles.models import Profile
from profiles.options_store import ProfileOptions
from sync.engine.linkbook import LinkBook
from sync.flows.base import Flow
from sync.models import Run


def utc_now() -> datetime:
    """The platform's clock."""
    return datetime.now(UTC)


def sends_at_once(options: ProfileOptions, capability: Capability) -> int:
    """How many sends may be under way at once: the profile's option within the connector's limit."""
    wanted: int = options["advanced"].parallel
    return max(1, min(wanted, capability.parallel))


@dataclass(slots=True)
class Budget:
    """How long a slice may work: ``seconds`` at most, and only ``courtesy`` seconds while other tenants wait."""

    seconds: float = 45.0
    courtesy: float = 4.0
    others_waiting: Callable[[], bool] = lambda: False
    started: float = field(default_factory=time.monotonic)
    _asked_at: float = 0.0
    _waiting: bool = False

    def spent(self) -> bool:
        """Whether the slice should end after what is under way. The waiting tenants are asked for once a second."""
        elapsed = time.monotonic() - self.started
        if elapsed >= self.seconds:
            return True
        if elapsed < self.courtesy:
            return False
        if time.monotonic() - self._asked_at >= 1:
            self._asked_at = time.monotonic()
            self._waiting = self.others_waiting()
        return self._waiting


@dataclass(slots=True, kw_only=True)
class RunContext:
    """One run with its profile, options, both connections and its links.

    ``stop`` answers whether a person asked to stop or the worker is shutting down. ``facts`` are the shop's, empty for
    a flow that does not use them and until ``await_facts``. ``memo`` keeps what a flow computed once per slice.
    ``empty_target``: the shop was listed when the slice began and had no product, so that new articles need not be
    looked for before they are created (only those whose earlier create may have happened unnoticed).
    """

    run: Run
    flow: Flow
    profile: Profile
    options: ProfileOptions
    erp: Connection
    shop: Connection
    linkbook: LinkBook
    budget: Budget
    stop: Callable[[], bool]
    clock: Callable[[], datetime] = utc_now
    facts: Mapping[str, str] = field(default_factory=dict)
    facts_read: Future[Mapping[str, str]] | None = None
    memo: dict[str, Any] = field(default_factory=dict)
    empty_target: bool = False
    closers: ExitStack = field(default_factory=ExitStack)

    def await_facts(self) -> None:
        """Waits for ``facts``, which are read while the first records are. Raises what reading them raised."""
        if self.facts_read is not None:
            self.facts = self.facts_read.result()

    def on_close(self, close: Callable[[], None]) -> None:
        """Calls ``close`` when the slice ends, however it ends."""
        self.closers.callback(close)

    @property
    def source(self) -> Connection:
        """The side that is read."""
        return self.erp if self.flow.direction is Direction.EXPORT else self.shop

    @property
    def target(self) -> Connection:
        """The side that is written."""
        return self.shop if self.flow.direction is Direction.EXPORT else self.erp

    @property
    def target_spec(self) -> ConnectorSpec:
        """The manifest of the side that is written."""
        return self.profile.shop_spec if self.flow.direction is Direction.EXPORT else self.profile.erp_spec

    @property
    def capability(self) -> Capability:
        """What the target can do with the flow's entity and aspect. Raises ``Misconfigured`` when it cannot."""
        found = self.target_spec.capability(self.flow.entity, self.flow.aspect)
        if found is None:
            raise Misconfigured(
                Problem(
                    "flow_not_supported",
                    "Le système à mettre à jour ne sait pas recevoir ce traitement.",
                    "Choisissez un autre traitement pour ce profil.",
                )
            )
        return found

    @property
    def batch_size(self) -> int:
        """Records per send: the profile's option within the connector's limit."""
        wanted: int = getattr(self.options["advanced"], self.flow.batch_option)
        return max(1, min(wanted, self.capability.batch))

    @property
    def parallel(self) -> int:
        """Sends at once: the profile's option within the connector's limit."""
        return sends_at_once(self.options, self.capability)

    def child(self, flow: Flow) -> RunContext:
        """The same run seen by a flow that provides missing references."""
        return dataclasses.replace(self, flow=flow)
