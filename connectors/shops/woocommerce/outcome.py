"""Results of single items: outcomes, short redacted bodies, and what the shop did not keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connectors.core.problems import ConnectorError, ItemDeferred, Problem
from connectors.core.redaction import redact
from connectors.core.results import ItemResult, Outbound, Outcome
from connectors.core.texts import Text
from connectors.shops.woocommerce.batching import RowAnswer
from connectors.shops.woocommerce.marks import META_KEY, meta_value
from connectors.shops.woocommerce.policy import GONE
from connectors.shops.woocommerce.text import decoded, same_number

TEXT_MAX = 300
ITEMS_MAX = 50
Differences = dict[str, tuple[Any, Any]]
"""Field name to (value in the shop, value to be sent)."""
_ANSWERED = ("id", "sku", "type", "status", "name", "regular_price", "stock_quantity", "manage_stock", "error")


def short(value: Any) -> Any:
    """A redacted copy fit for the journal: long texts cut, long lists cut, nothing deeper than six levels."""
    cut = _cut(value)
    # One look at the whole text is far cheaper than one per field, and nearly always finds nothing.
    text = json.dumps(cut, ensure_ascii=False, default=str)
    return cut if redact(text) == text else redact(cut)


def _cut(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        if len(value) <= TEXT_MAX:
            return value
        # Redacted before it is cut: half a secret would not be recognised any more.
        return f"{redact(value[: 2 * TEXT_MAX])[:TEXT_MAX]}… ({TEXT_MAX} / {len(value)})"
    if value is None or isinstance(value, int):
        return value
    if depth > 6:
        return "…"
    if isinstance(value, dict | Mapping):  # asking for a dict first is what makes this fast
        return {str(name): _cut(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(item, depth + 1) for item in value[:ITEMS_MAX]]
    return str(value)


def received(body: Mapping[str, Any]) -> Any:
    """The part of an answer worth keeping."""
    return short({name: body[name] for name in _ANSWERED if name in body})


def readable(now: Mapping[str, Any], changes: Mapping[str, Any]) -> Differences:
    """Changes as a person compares them: field name to (value in the shop, value to be sent)."""
    shown: Differences = {}
    names = _names(now)
    for name, value in changes.items():
        if name == "meta_data":
            entries = [entry for entry in value if entry["key"] != META_KEY]
            shown.update(
                {
                    e["key"]: (_plain(meta_value(now.get(name), e["key"]), names), _plain(e["value"] or "", names))
                    for e in entries
                }
            )
        elif name != "id":
            shown[name] = (_plain(now.get(name), names), _plain(value, names))
    return shown


def _names(now: Mapping[str, Any]) -> dict[int, str]:
    """Names of the objects that the shop's answer shows in full."""
    rows = [row for name in ("categories", "brands", "attributes") for row in now.get(name) or ()]
    return {int(row["id"]): decoded(row.get("name")) for row in rows if isinstance(row, Mapping) and row.get("id")}


def _plain(value: Any, names: Mapping[int, str]) -> Any:
    if isinstance(value, str):
        return decoded(value)
    if isinstance(value, list | tuple):
        return ", ".join(str(_plain(item, names)) for item in value)
    if not isinstance(value, Mapping):
        return value
    if "id" not in value and "name" not in value:
        return ", ".join(f"{name} {item}" for name, item in value.items())
    number = int(value.get("id") or 0)
    label = decoded(value.get("name")) or names.get(number) or f"n° {number}"
    values = value.get("options") or value.get("option")
    return f"{label} : {_plain(values, names)}" if values else label


def refused_by(out: Outbound[Any], error: ConnectorError) -> ItemResult:
    """Result of an item that is refused or deferred before anything is sent."""
    outcome = Outcome.DEFERRED if isinstance(error, ItemDeferred) else Outcome.REFUSED
    return ItemResult(key=out.key, outcome=outcome, remote_key=out.remote_key, problem=error.problem)


def failed_row(out: Outbound[Any], answer: RowAnswer, problem: Problem) -> ItemResult:
    """Result of an item whose row was refused by the shop, or not answered."""
    outcome = Outcome.REFUSED
    if answer.failure is not None:
        outcome = Outcome.UNCERTAIN if answer.lost else Outcome.FAILED
        outcome = Outcome.REFUSED if answer.failure.code == "request_too_large" else outcome
    return ItemResult(
        key=out.key,
        outcome=outcome,
        remote_key=out.remote_key,
        problem=problem,
        gone=problem.code in GONE,
        sent=short(answer.row.body),
        received=received(answer.body),
        seconds=answer.seconds,
    )


def not_kept(sent: Mapping[str, Any], answer: Mapping[str, Any], reference: str) -> Problem | None:
    """The problem when the shop answered 200 without keeping a value that matters; ``None`` when all is there."""
    for name, label in _WATCHED.items():
        if name in sent and name in answer and not _kept(name, sent[name], answer[name]):
            return Problem(
                "value_not_kept",
                "La boutique a répondu sans erreur mais n’a pas gardé « %(field)s » de « %(reference)s »"
                " (envoyé : %(sent)s, gardé : %(kept)s).",
                "Une extension de la boutique modifie cette valeur, ou elle y est refusée ; vérifiez le produit.",
                values={
                    "field": label,
                    "reference": reference,
                    "sent": str(short(sent[name]))[:120],
                    "kept": str(short(answer[name]))[:120],
                },
            )
    return None


_WATCHED = {
    "sku": Text("référence"),
    "regular_price": Text("prix"),
    "tax_class": Text("classe de taxe"),
    "stock_quantity": Text("quantité"),
    "categories": Text("catégories"),
    "status": Text("état"),
    "type": Text("type"),
}


def _kept(name: str, sent: Any, kept: Any) -> bool:
    if name == "regular_price":
        return same_number(sent, kept)
    if name == "categories":
        wanted = {int(row["id"]) for row in sent}
        return not wanted or wanted <= {int(row["id"]) for row in kept or ()}
    if name == "sku":
        return decoded(sent) == decoded(kept)
    return bool(sent == kept)
