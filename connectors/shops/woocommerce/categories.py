"""Writer of the category tree: found by name under the parent, made one batch per level, never in parallel."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.canonical.catalog import Category
from connectors.canonical.keys import Entity, Ref
from connectors.core.problems import ItemDeferred, ItemRefused, NotSupported, Problem
from connectors.core.results import Action, Found, ItemResult, Outbound, Outcome
from connectors.core.texts import Text
from connectors.shops.woocommerce.api import Body
from connectors.shops.woocommerce.batching import BatchSender, Row, RowAnswer
from connectors.shops.woocommerce.lookup import settled
from connectors.shops.woocommerce.outcome import Differences, failed_row, readable, received, refused_by, short
from connectors.shops.woocommerce.render import base_text
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.text import decoded, normal_term, term_problem

ROUTE = "products/categories"
RECENT_SECONDS = 2.0
"""Age up to which a tree read by a look-up serves the sending that follows it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A category of the shop."""

    id: int
    name: str
    parent: int
    menu_order: int = 0

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Node:
        """Reads a row of the list, names as people read them."""
        return cls(int(row["id"]), decoded(row["name"]), int(row.get("parent") or 0), int(row.get("menu_order") or 0))


class Tree:
    """The shop's categories by parent and name."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.by_id = {node.id: node for node in nodes}
        self._named: dict[tuple[int, str], Node] = {}
        for node in nodes:
            self._named.setdefault((node.parent, normal_term(node.name)), node)

    def find(self, parent: int, name: str) -> Node | None:
        """The category of exactly this name under this parent."""
        return self._named.get((parent, normal_term(name)))


class CategoryWriter:
    """Writes categories. The shop lets two simultaneous creates make twins (recorded): one lock per connection."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._looked: tuple[float, Tree] | None = None

    def tree(self) -> Tree:
        """The whole tree, read now."""
        rows = self._shop.api.every(ROUTE, {"_fields": "id,name,parent,menu_order"})
        return Tree([Node.parse(row) for row in rows])

    def _recent_tree(self) -> Tree:
        """The tree a look-up of the same batch has just read, once; else read now."""
        looked, self._looked = self._looked, None
        if looked is not None and time.monotonic() - looked[0] < RECENT_SECONDS:
            return looked[1]
        return self.tree()

    def find(self, batch: Sequence[Outbound[Category]]) -> dict[str, Found]:
        """Categories of this name under the linked parent; parents inside the batch are found first."""
        tree = self.tree()
        self._looked = (time.monotonic(), tree)
        found: dict[str, Found] = {}
        ids: dict[str, int] = {}
        for out in _by_level(batch):
            parent = _parent_id(out, ids)
            node = tree.find(parent, base_text(out.record.name) or "") if parent is not None else None
            if node is not None:
                found[out.key] = Found(str(node.id), node.name)
                ids[out.record.key] = node.id
        return found

    def send(self, batch: Sequence[Outbound[Category]]) -> Iterator[ItemResult]:
        """One result per item, level after level, so that parents of the same batch come first."""
        with self._shop.category_lock:
            ids: dict[str, int] = {out.record.key: int(out.remote_key) for out in batch if out.remote_key.isdecimal()}
            tree = self._recent_tree()
            levels: dict[int, list[Outbound[Category]]] = {}
            for out in _by_level(batch):
                levels.setdefault(out.record.level, []).append(out)
            for outs in levels.values():
                yield from self._send_level(outs, tree, ids)

    def compare(self, batch: Sequence[Outbound[Category]]) -> dict[str, Differences]:
        """Names, parents and positions that an update would change; nothing is written."""
        tree = self.tree()
        ids = {out.record.key: int(out.remote_key) for out in batch if out.remote_key.isdecimal()}
        found: dict[str, Differences] = {}
        for out in batch:
            parent = _parent_id(out, ids)
            node = tree.by_id.get(ids.get(out.record.key, 0))
            if out.action is Action.UPDATE and node is not None and parent is not None:
                row = self._change(out, parent, tree)
                now = {"name": node.name, "parent": node.parent, "menu_order": node.menu_order}
                found[out.key] = {} if isinstance(row, ItemResult) else readable(now, row.body)
        return found

    def retire(self, batch: Sequence[Outbound[Category]]) -> Iterator[ItemResult]:
        """A category cannot be hidden in WooCommerce. Raises ``NotSupported``."""
        raise NotSupported(Problem("not_supported", "WooCommerce ne sait pas désactiver une catégorie."))

    def _send_level(self, outs: Sequence[Outbound[Category]], tree: Tree, ids: dict[str, int]) -> Iterator[ItemResult]:
        creates: list[Row] = []
        updates: list[Row] = []
        for out in outs:
            try:
                parent = self._checked_parent(out, ids)
            except (ItemRefused, ItemDeferred) as error:
                yield refused_by(out, error)
                continue
            if out.action is Action.CREATE:
                creates.append(Row(self._new(out, parent), subject=out, name=base_text(out.record.name) or out.key))
                continue
            row = self._change(out, parent, tree)
            if isinstance(row, ItemResult):
                yield row
            else:
                updates.append(row)
        sender = BatchSender(self._shop.api, self._shop.updates)
        try:
            for answer in sender.send(ROUTE, "create", creates, self._recovered):
                yield self._created(answer, ids)
            for answer in sender.send(ROUTE, "update", updates):
                yield self._updated(answer)
        finally:
            self._shop.categories.forget()

    def _checked_parent(self, out: Outbound[Category], ids: Mapping[str, int]) -> int:
        problem = term_problem(base_text(out.record.name) or "", Text("catégorie"))
        if problem is not None:
            raise ItemRefused(problem)
        parent = _parent_id(out, ids)
        if parent is None:
            raise ItemDeferred(
                Problem(
                    "parent_not_linked",
                    "La catégorie « %(name)s » attend sa catégorie parente, qui n’est pas encore dans la boutique.",
                    "Elle suivra au prochain envoi des catégories.",
                    values={"name": base_text(out.record.name) or out.key},
                )
            )
        return parent

    def _new(self, out: Outbound[Category], parent: int) -> Body:
        body: Body = {"name": normal_term(base_text(out.record.name) or ""), "parent": parent}
        if out.record.position > 0:
            body["menu_order"] = out.record.position
        return body

    def _change(self, out: Outbound[Category], parent: int, tree: Tree) -> Row | ItemResult:
        name = normal_term(base_text(out.record.name) or "")
        node = tree.by_id.get(int(out.remote_key)) if out.remote_key.isdecimal() else None
        if node is None:
            problem = Problem(
                "category_gone",
                "La catégorie liée à « %(name)s » n’existe plus dans la boutique.",
                "Relancez l’export des catégories pour la recréer.",
                values={"name": name},
            )
            return ItemResult(
                key=out.key, outcome=Outcome.REFUSED, remote_key=out.remote_key, problem=problem, gone=True
            )
        changes: Body = {}
        if self._shop.options.rename_categories and normal_term(node.name) != name:
            changes["name"] = name
        if node.parent != parent:
            changes["parent"] = parent
        if out.record.position > 0 and node.menu_order != out.record.position:
            changes["menu_order"] = out.record.position
        if not changes:
            return ItemResult(
                key=out.key,
                outcome=Outcome.UNCHANGED,
                remote_key=out.remote_key,
                url=self._shop.category_url(out.remote_key),
            )
        return Row({"id": node.id, **changes}, subject=out, name=name)

    def _recovered(self, lost: Sequence[Row]) -> dict[Row, Mapping[str, Any]]:
        """Which categories of a lost create exist by now."""
        found: dict[Row, Mapping[str, Any]] = {}

        def look() -> int:
            tree = self.tree()
            for row in lost:
                node = tree.find(row.body["parent"], row.body["name"])
                if node is not None:
                    found[row] = {"id": node.id, "name": node.name, "parent": node.parent}
            return len(found)

        settled(look, len(lost), self._shop.api.client.throttle, self._shop.options.settle_seconds)
        return found

    def _created(self, answer: RowAnswer, ids: dict[str, int]) -> ItemResult:
        out: Outbound[Category] = answer.row.subject
        if answer.error is not None and answer.error.code == "term_exists" and answer.error.resource_id:
            return self._adopted(answer, answer.error.resource_id, ids)
        problem = answer.failure or (answer.error.problem(answer.row.name) if answer.error else None)
        if problem is not None:
            return failed_row(out, answer, problem)
        ids[out.record.key] = int(answer.body["id"])
        return self._result(answer, int(answer.body["id"]), Outcome.CREATED, written=True)

    def _adopted(self, answer: RowAnswer, number: int, ids: dict[str, int]) -> ItemResult:
        """A category that exists already is ours if it bears the name under the wanted parent."""
        out: Outbound[Category] = answer.row.subject
        node = Node.parse(self._shop.api.get(f"{ROUTE}/{number}", {"_fields": "id,name,parent,menu_order"}))
        same = normal_term(node.name).casefold() == normal_term(answer.row.body["name"]).casefold()
        if not same or node.parent != answer.row.body["parent"]:
            assert answer.error is not None  # noqa: S101
            return failed_row(out, answer, answer.error.problem(answer.row.name))
        ids[out.record.key] = node.id
        return self._result(answer, node.id, Outcome.UNCHANGED, written=False)

    def _updated(self, answer: RowAnswer) -> ItemResult:
        out: Outbound[Category] = answer.row.subject
        problem = answer.failure or (answer.error.problem(answer.row.name) if answer.error else None)
        if problem is not None:
            return failed_row(out, answer, problem)
        wanted = answer.row.body.get("parent")
        if wanted is not None and int(answer.body.get("parent") or 0) != wanted:
            # A parent inside the category's own branch is set to the top without a word (recorded).
            loop = Problem(
                "category_loop",
                "La catégorie « %(name)s » ne peut pas être placée sous l’une de ses sous-catégories.",
                "Déplacez d’abord la sous-catégorie dans la boutique, ou corrigez l’arborescence de l’ERP.",
                values={"name": answer.row.name},
            )
            return failed_row(out, answer, loop)
        return self._result(answer, int(answer.row.body["id"]), Outcome.UPDATED, written=True)

    def _result(self, answer: RowAnswer, number: int, outcome: Outcome, *, written: bool) -> ItemResult:
        return ItemResult(
            key=answer.row.subject.key,
            outcome=outcome,
            remote_key=str(number),
            written=written,
            url=self._shop.category_url(number),
            sent=short(answer.row.body),
            received=received(answer.body),
            seconds=answer.seconds,
        )


def _by_level(batch: Sequence[Outbound[Category]]) -> list[Outbound[Category]]:
    return sorted(batch, key=lambda out: (out.record.level, out.record.position))


def _parent_id(out: Outbound[Category], ids: Mapping[str, int]) -> int | None:
    """Shop id of the parent: 0 at the top, ``None`` when it has no link yet."""
    parent = out.record.parent
    if not parent:
        return 0
    remote = out.references.get(Ref(Entity.CATEGORY, parent), "")
    return int(remote) if remote.isdecimal() else ids.get(parent)
