"""Problems named by what happens next (retry, wait, fix the data, fix the settings, find out)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from connectors.core.texts import Text, Value


class Consequence(StrEnum):
    """What the engine does about a problem."""

    REFUSED = "refused"
    DEFERRED = "deferred"
    RETRY = "retry"
    STOP = "stop"
    UNCERTAIN = "uncertain"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that went wrong, in words its reader can act on.

    ``code`` is stable and names the cause (one card per code on the run page); what follows a point tells apart causes
    that are mended at different places of one table (``tax_unmapped.C20``). ``sentence`` says in French what
    happened, ``advice`` what to do. ``detail`` is technical, already redacted. ``values`` fill the translatable
    ``sentence`` and ``advice`` (``%(name)s``); one that is a :class:`Text` is translated like a sentence.
    """

    code: str
    sentence: str
    advice: str = ""
    detail: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def said(self) -> Text:
        """The sentence with its values, for readers of any language."""
        return Text(self.sentence, self.values)

    @property
    def advised(self) -> Text:
        """The advice with its values, for readers of any language."""
        return Text(self.advice, self.values)

    def text(self) -> str:
        """The French sentence with its values filled in."""
        return str(self.said)

    def advice_text(self) -> str:
        """The French advice with its values filled in."""
        return str(self.advised)


class ConnectorError(Exception):
    """Base of everything a connector raises. Carries a :class:`Problem`."""

    consequence: ClassVar[Consequence] = Consequence.BUG

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.text()} {problem.detail}".strip())
        self.problem = problem


class ItemRefused(ConnectorError):
    """The other side refuses this item as it is; not sent again until its content changes or a person asks."""

    consequence = Consequence.REFUSED


class ItemDeferred(ConnectorError):
    """The item waits for another one that must be linked first."""

    consequence = Consequence.DEFERRED


class Transient(ConnectorError):
    """Nothing is wrong with the item; the call is tried again later."""

    consequence = Consequence.RETRY

    def __init__(self, problem: Problem, *, delay: float | None = None) -> None:
        super().__init__(problem)
        self.delay = delay


class RateLimited(Transient):
    """The other side asks for a pause of ``delay`` seconds."""


class Misconfigured(ConnectorError):
    """The run cannot go on: address, version, right or setting. The profile is flagged."""

    consequence = Consequence.STOP


class CredentialsRefused(Misconfigured):
    """Key, password or signature refused."""


class NotSupported(ConnectorError):
    """The connector does not declare what was asked of it."""

    consequence = Consequence.STOP


class Uncertain(ConnectorError):
    """A write may have happened: look before anything else."""

    consequence = Consequence.UNCERTAIN


class ConnectorBug(ConnectorError):
    """Everything unexpected, wrapped once by the engine's guard."""

    consequence = Consequence.BUG
