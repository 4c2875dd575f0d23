"""Faults a stand-in plays on demand: rules that match requests and the misbehaviour they cause.

A rule is a JSON object (see `FaultRule.from_json`); the control API adds, lists and removes rules at run time.
The stand-in itself carries out the effects; this module only decides which rules fire for a request.
"""

from __future__ import annotations

import itertools
import random
import re
import threading
from dataclasses import dataclass, field
from typing import Any

ACTIONS = frozenset(
    {
        "latency",  # wait before the work: ms
        "status",  # answer status (429, 500, 502, 503…) without doing the work: status, retry_after, body
        "html",  # 200 with an HTML page instead of JSON: work (bool, default false)
        "cut_before",  # connection dropped, nothing done
        "cut_after",  # work done, connection dropped without an answer
        "slow_after",  # work done, the answer comes ms later
        "item_error",  # the matching item of a batch is refused: sku or id, code, message, status
        "item_slow",  # the matching item of a batch takes ms more: sku or id
        "truncate",  # a list holds fewer rows than its headers announce: keep or drop
        "ignore_param",  # query parameters are not seen: params
        "mutate",  # a change made by somebody else, before or after the request: when, op, and what op needs
    }
)


class FaultError(ValueError):
    """The rule sent to the control API makes no sense."""


@dataclass(slots=True)
class FaultRule:
    """One rule. `nth` counts the matching requests from 1; `times` limits how often it fires (None: for ever)."""

    id: int
    action: str
    params: dict[str, Any] = field(default_factory=dict)
    method: str = ""
    path: str = ""
    sku: str = ""
    nth: tuple[int, ...] = ()
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    seen: int = 0
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random)

    @classmethod
    def from_json(cls, number: int, data: Any) -> FaultRule:
        """Build a rule. Raises FaultError on unknown actions or wrong types."""
        if not isinstance(data, dict) or data.get("action") not in ACTIONS:
            raise FaultError(f"action must be one of {', '.join(sorted(ACTIONS))}")
        nth = data.get("nth", [])
        try:
            re.compile(str(data.get("path", "")))
            ranks = tuple(int(n) for n in (nth if isinstance(nth, list) else [nth]))
            known = {"action", "method", "path", "sku", "nth", "times", "probability", "seed"}
            rule = cls(
                id=number,
                action=str(data["action"]),
                params={key: value for key, value in data.items() if key not in known},
                method=str(data.get("method", "")).upper(),
                path=str(data.get("path", "")),
                sku=str(data.get("sku", "")),
                nth=ranks,
                times=None if data.get("times") is None else int(data["times"]),
                probability=float(data.get("probability", 1.0)),
                seed=int(data.get("seed", 0)),
            )
        except (TypeError, ValueError, re.error) as error:
            raise FaultError(f"rule not understood: {error}") from error
        rule.dice.seed(rule.seed)
        return rule

    def to_json(self) -> dict[str, Any]:
        """The rule with its counters, as the control API shows it."""
        return {
            "id": self.id,
            "action": self.action,
            "method": self.method,
            "path": self.path,
            "sku": self.sku,
            "nth": list(self.nth),
            "times": self.times,
            "probability": self.probability,
            "seed": self.seed,
            "seen": self.seen,
            "fired": self.fired,
            **self.params,
        }

    def per_item(self) -> bool:
        """Whether `sku` picks an item of a batch instead of the request."""
        return self.action in {"item_error", "item_slow"}

    def matches(self, method: str, path: str, skus: frozenset[str]) -> bool:
        """Whether the rule looks at this request at all."""
        if self.method and method not in self.method.split("|"):
            return False
        if self.path and not re.search(self.path, path):
            return False
        return not self.sku or self.sku.casefold() in skus

    def fires(self) -> bool:
        """Count a matching request and say whether the rule acts on it."""
        self.seen += 1
        if self.times is not None and self.fired >= self.times:
            return False
        if self.nth and self.seen not in self.nth:
            return False
        if self.probability < 1.0 and self.dice.random() >= self.probability:
            return False
        self.fired += 1
        return True


class FaultBook:
    """The rules in force. Thread-safe."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, data: Any) -> FaultRule:
        """Add a rule given as JSON. Raises FaultError."""
        with self._lock:
            rule = FaultRule.from_json(next(self._numbers), data)
            self._rules.append(rule)
            return rule

    def remove(self, number: int | None = None) -> int:
        """Remove one rule, or all of them. Returns how many went away."""
        with self._lock:
            before = len(self._rules)
            self._rules = [] if number is None else [rule for rule in self._rules if rule.id != number]
            return before - len(self._rules)

    def rules(self) -> list[FaultRule]:
        """The rules in force, oldest first."""
        with self._lock:
            return list(self._rules)

    def match(self, method: str, path: str, skus: frozenset[str]) -> list[FaultRule]:
        """The rules that act on this request; counters move."""
        with self._lock:
            return [rule for rule in self._rules if rule.matches(method, path, skus) and rule.fires()]
