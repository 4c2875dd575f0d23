"""Writer of «sold or not sold»: status of products only; creates nothing, deletes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.canonical.catalog import ProductState
from connectors.core.problems import Problem
from connectors.core.results import Found, ItemResult, Outbound, Outcome
from connectors.shops.woocommerce.api import PAGE
from connectors.shops.woocommerce.batching import BatchSender, Row, RowAnswer
from connectors.shops.woocommerce.outcome import Differences, failed_row, not_kept, received, short
from connectors.shops.woocommerce.render import ON_SALE
from connectors.shops.woocommerce.shop import Shop


class StateWriter:
    """Publishes and hides products. A product already in the wanted state is left alone and costs nothing."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def find(self, batch: Sequence[Outbound[ProductState]]) -> dict[str, Found]:
        """Nothing: states are written on linked products only."""
        return {}

    def send(self, batch: Sequence[Outbound[ProductState]]) -> Iterator[ItemResult]:
        """One result per item; unlinked and deleted products are refused."""
        yield from self._write([(out, out.remote_key, out.record.active) for out in batch])

    def compare(self, batch: Sequence[Outbound[ProductState]]) -> dict[str, Differences]:
        """Present and wanted status of the products whose status would change; nothing is written."""
        statuses = self._statuses([out.remote_key for out in batch if out.remote_key.isdecimal()])
        found: dict[str, Differences] = {}
        for out in batch:
            status = statuses.get(out.remote_key, "")
            if _obstacle(out, out.remote_key, status) is None:
                same = (status in ON_SALE) is out.record.active
                found[out.key] = {} if same else {"status": (status, self._wanted(active=out.record.active))}
        return found

    def _wanted(self, *, active: bool) -> str:
        return "publish" if active else self._shop.options.inactive_status

    def retire(self, batch: Sequence[Outbound[ProductState]]) -> Iterator[ItemResult]:
        """Hides the products."""
        yield from self.hide([(out, out.remote_key) for out in batch])

    def hide(self, pairs: Sequence[tuple[Outbound[Any], str]]) -> Iterator[ItemResult]:
        """Hides products given by their shop key."""
        yield from self._write([(out, remote, False) for out, remote in pairs])

    def _write(self, items: Sequence[tuple[Outbound[Any], str, bool]]) -> Iterator[ItemResult]:
        for start in range(0, len(items), PAGE):
            yield from self._write_page(items[start : start + PAGE])

    def _write_page(self, items: Sequence[tuple[Outbound[Any], str, bool]]) -> Iterator[ItemResult]:
        statuses = self._statuses([remote for _out, remote, _active in items if remote.isdecimal()])
        rows: list[Row] = []
        for out, remote, active in items:
            status = statuses.get(remote, "")
            problem = _obstacle(out, remote, status)
            if problem is not None:
                yield ItemResult(
                    key=out.key,
                    outcome=Outcome.REFUSED,
                    remote_key=remote,
                    problem=problem,
                    gone=problem.code == "product_gone",
                )
            elif (status in ON_SALE) is active:
                yield ItemResult(
                    key=out.key, outcome=Outcome.UNCHANGED, remote_key=remote, url=self._shop.product_url(remote)
                )
            else:
                body = {"id": int(remote), "status": self._wanted(active=active)}
                rows.append(Row(body, subject=out, name=_reference(out)))
        for answer in BatchSender(self._shop.api, self._shop.updates).send("products", "update", rows):
            yield self._result(answer)

    def _statuses(self, ids: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for query in ({}, {"status": "trash"}):
            missing = [one for one in dict.fromkeys(ids) if one not in found]
            if missing:
                wanted = {"include": ",".join(missing), "_fields": "id,status", **query}
                found.update({str(row["id"]): str(row["status"]) for row in self._shop.api.every("products", wanted)})
        return found

    def _result(self, answer: RowAnswer) -> ItemResult:
        out: Outbound[Any] = answer.row.subject
        reference = _reference(out)
        problem = answer.failure or (answer.error.problem(reference) if answer.error else None)
        if problem is not None:
            return failed_row(out, answer, problem)
        kept = not_kept(answer.row.body, answer.body, reference)
        return ItemResult(
            key=out.key,
            outcome=Outcome.UPDATED if kept is None else Outcome.REFUSED,
            remote_key=str(answer.row.body["id"]),
            problem=kept,
            written=kept is None,
            url=self._shop.product_url(answer.row.body["id"]),
            sent=short(answer.row.body),
            received=received(answer.body),
            seconds=answer.seconds,
        )


def _reference(out: Outbound[Any]) -> str:
    return str(getattr(out.record, "reference", "") or out.key)


def _obstacle(out: Outbound[Any], remote: str, status: str) -> Problem | None:
    values: Mapping[str, str] = {"reference": _reference(out)}
    if not remote.isdecimal():
        return Problem(
            "not_linked",
            "« %(reference)s » n’est pas dans la boutique : son état ne peut pas être changé.",
            "Exportez d’abord l’article.",
            values=dict(values),
        )
    if not status:
        return Problem(
            "product_gone",
            "Le produit lié à « %(reference)s » n’existe plus dans la boutique.",
            "Relancez « Exporter les articles » pour le recréer, ou supprimez le lien.",
            values=dict(values),
        )
    if status == "trash":
        return Problem(
            "product_in_trash",
            "Le produit lié à « %(reference)s » est dans la corbeille de la boutique.",
            "Restaurez-le dans WooCommerce, ou videz la corbeille pour qu’il soit recréé.",
            values=dict(values),
        )
    return None
