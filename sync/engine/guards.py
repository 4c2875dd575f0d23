"""Stops a run on a refused access, on repeated absence, on a flood of refusals and on repeated defects."""

from __future__ import annotations

import logging

from connectors.core.problems import Misconfigured, Problem, Transient
from sync.engine.context import RunContext
from sync.engine.items import Batch

logger = logging.getLogger(__name__)

REFUSED_SAMPLE = 100
"""Items sent before the share of refused ones is judged."""

TRANSIENT_LIMIT = 3
"""Batches in a row that the other side could not take before the slice gives up for now."""


class Guards:
    """Counts what goes wrong in one slice; each method raises when the run must stop."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self._bugs = 0
        self._transients = 0
        self._sent = 0
        self._refused = 0

    def batch(self, batch: Batch, *, sent: int, refused: int) -> None:
        """Judges a batch after it was recorded."""
        self._sent += sent
        self._refused += refused
        if batch.error is not None and not isinstance(batch.error, Transient):
            raise batch.error
        self._transients = self._transients + 1 if batch.error is not None else 0
        if batch.error is not None and self._transients >= TRANSIENT_LIMIT:
            raise batch.error
        if batch.bug is not None:
            self.bug(batch.bug)
        else:
            self._bugs = 0
        self._watch_refusals()

    def bug(self, error: Exception) -> None:
        """Counts a defect met by an item or a batch; ten in a row (by default) stop the run."""
        logger.error("an item met a defect", exc_info=error)
        self._bugs += 1
        if self._bugs >= self.ctx.options["advanced"].bug_limit:
            raise Misconfigured(
                Problem(
                    "too_many_bugs",
                    "Trop d’erreurs internes de suite : le traitement a été arrêté.",
                    "Transmettez le journal au support.",
                    detail=f"{type(error).__name__}: {error}",
                )
            ) from error

    def _watch_refusals(self) -> None:
        limit: int = self.ctx.options["advanced"].refused_limit_percent
        if self._sent >= REFUSED_SAMPLE and self._refused * 100 > limit * self._sent:
            raise Misconfigured(
                Problem(
                    "too_many_refused",
                    "La boutique refuse plus de %(limit)s %% des articles : le traitement a été arrêté.",
                    "Lisez la cause des refus ci-dessous ; un réglage est sans doute à revoir.",
                    values={"limit": str(limit)},
                )
            )
