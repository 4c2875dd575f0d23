"""Variations of one variable product: matched by stored key, then reference, then combination; never by position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.canonical.catalog import Product, Variant
from connectors.core.problems import Problem
from connectors.core.texts import Text, Value
from connectors.shops.woocommerce import expected
from connectors.shops.woocommerce.api import Body
from connectors.shops.woocommerce.batching import BatchSender, Row, RowAnswer
from connectors.shops.woocommerce.lookup import by_sku, settled
from connectors.shops.woocommerce.marks import Mark
from connectors.shops.woocommerce.merge import changed_fields, changed_meta, row_identity
from connectors.shops.woocommerce.outcome import Differences, readable
from connectors.shops.woocommerce.policy import GONE
from connectors.shops.woocommerce.render import ALL_PARTS, Wish, own_reference, sale_fields
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.text import decoded, normal_term

FIELDS = (
    "id,sku,status,regular_price,manage_stock,stock_quantity,stock_status,backorders,weight,global_unique_id,"
    "attributes,meta_data"
)


@dataclass(slots=True)
class VariationsResult:
    """What became of the variations of one product: shop ids by variant key, whether anything was written."""

    children: dict[str, str] = field(default_factory=dict)
    written: bool = False
    lost: bool = False
    failed: bool = False
    problems: list[tuple[str, Problem]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Family:
    """A product whose variations are to be written: its id in the shop, its axes there, and what is known of it."""

    product: Product
    parent_id: int
    axes: Sequence[Wish]
    option_names: Mapping[tuple[str, str], str]
    children: Mapping[str, str]
    parts: frozenset[str]
    fresh: bool = False

    @property
    def route(self) -> str:
        """Where its variations live."""
        return f"products/{self.parent_id}/variations"

    def combination(self, variant: Variant) -> frozenset[tuple[str, str]]:
        """The variant's attribute values in a form that can be compared with the shop's."""
        chosen = dict(variant.options)
        return frozenset(
            (wish.identity, normal_term(self.option_names.get((axis.name, chosen[axis.name]), "")).casefold())
            for axis, wish in zip(self.product.axes, self.axes, strict=True)
        )


def combination_of(row: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Attribute values of a variation of the shop."""
    return frozenset(
        (row_identity(item), normal_term(decoded(item.get("option"))).casefold())
        for item in row.get("attributes") or ()
    )


class VariationWriter:
    """Writes variations, one parent at a time: the shop does not protect them against simultaneous creates."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def current(self, parent_id: int) -> list[Mapping[str, Any]]:
        """Every variation of a product, private ones too."""
        query = {"context": "edit", "_fields": FIELDS}
        return self._shop.api.every(f"products/{parent_id}/variations", query)

    def write(self, family: Family) -> VariationsResult:
        """Makes the shop's variations those of the product; what the ERP does not know any more turns private."""
        result = VariationsResult()
        rows = [] if family.fresh else self.current(family.parent_id)
        pairs = match(family, rows)
        self._free_references(family, pairs, result)
        changes = list(self._updates(family, pairs)) + list(self._withdrawals(family, rows, pairs))
        for variant in family.product.variants:
            if variant.key in pairs:
                result.children[variant.key] = str(pairs[variant.key]["id"])
        for answer in BatchSender(self._shop.api, self._shop.updates).send(family.route, "update", changes):
            self._note(result, answer)
        missing = [variant for variant in family.product.variants if variant.key not in pairs]
        self._create(family, missing, result)
        return result

    def compare(self, family: Family) -> Differences:
        """What :meth:`write` would change, read now; nothing is written."""
        rows = [] if family.fresh else self.current(family.parent_id)
        pairs = match(family, rows)
        shown: Differences = {}
        for row in [*self._updates(family, pairs), *self._withdrawals(family, rows, pairs)]:
            before = next(one for one in rows if int(one["id"]) == row.body["id"])
            for name, values in readable(before, row.body).items():
                shown[f"{row.name}.{name}"] = values
        for variant in family.product.variants:
            if variant.key not in pairs:
                shown[variant.reference or variant.key] = ("", ", ".join(value for _axis, value in variant.options))
        return shown

    def _create(self, family: Family, variants: Iterable[Variant], result: VariationsResult) -> None:
        rows = [
            Row(self._new(family, variant), subject=variant, name=variant.reference or variant.key)
            for variant in variants
        ]

        def recover(lost: Sequence[Row]) -> Mapping[Row, Mapping[str, Any]]:
            return self._recovered(family, lost)

        sender = BatchSender(self._shop.api, self._shop.creates)
        for answer in sender.send(family.route, "create", rows, recover):
            self._note(result, answer, created=True)

    def _recovered(self, family: Family, lost: Sequence[Row]) -> dict[Row, Mapping[str, Any]]:
        """Which variations of a lost create exist: the shop is left to finish before it is asked for the last time."""
        variants = [row.subject for row in lost]
        found: dict[str, Mapping[str, Any]] = {}

        def look() -> int:
            found.update(match(family, self.current(family.parent_id), variants))
            return len(found)

        settled(look, len(lost), self._shop.api.client.throttle, self._shop.options.settle_seconds)
        return {row: found[row.subject.key] for row in lost if row.subject.key in found}

    def _new(self, family: Family, variant: Variant) -> Body:
        body = sale_fields(variant, ALL_PARTS, self._shop.facts)
        if not body.get("global_unique_id"):
            body.pop("global_unique_id", None)
        reference = own_reference(family.product, variant)
        if reference:
            body["sku"] = reference
        body["status"] = "publish" if variant.active else "private"
        body["attributes"] = self._attributes(family, variant)
        body["meta_data"] = [Mark(key=variant.key).entry(), *expected.entries(variant.stock, (), self._shop.options)]
        return body

    def _attributes(self, family: Family, variant: Variant) -> list[Body]:
        chosen = dict(variant.options)
        return [
            {"id": wish.id, "option": family.option_names[(axis.name, chosen[axis.name])]}
            for axis, wish in zip(family.product.axes, family.axes, strict=True)
        ]

    def _updates(self, family: Family, pairs: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
        for variant in family.product.variants:
            row = pairs.get(variant.key)
            if row is None:
                continue
            changes = self._changes(family, variant, row)
            if changes:
                yield Row({"id": int(row["id"]), **changes}, subject=variant, name=variant.reference or variant.key)

    def _changes(self, family: Family, variant: Variant, row: Mapping[str, Any]) -> Body:
        wanted = sale_fields(variant, family.parts, self._shop.facts)
        wanted["sku"] = own_reference(family.product, variant)
        if "state" in family.parts:
            wanted["status"] = "publish" if variant.active else "private"
        # A variation without a reference of its own shows its parent's (recorded).
        shown = {**row, "sku": "" if row.get("sku") == family.product.reference else row.get("sku")}
        changes = changed_fields(shown, wanted)
        if combination_of(row) != family.combination(variant):
            changes["attributes"] = self._attributes(family, variant)
        meta = changed_meta(row.get("meta_data"), Mark(key=variant.key), ())
        if "quantity" in family.parts:
            meta += expected.entries(variant.stock, row.get("meta_data"), self._shop.options)
        return {**changes, "meta_data": meta} if meta else changes

    def _withdrawals(
        self, family: Family, rows: Sequence[Mapping[str, Any]], pairs: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[Row]:
        """Our variations which the ERP does not know any more; foreign ones are nobody's business."""
        kept = {int(row["id"]) for row in pairs.values()}
        known = {variant.key for variant in family.product.variants}
        ours = {remote for key, remote in family.children.items() if key not in known}
        for row in rows:
            mark = Mark.parse(row.get("meta_data"))
            withdrawn = (mark.key and mark.key not in known) or str(row["id"]) in ours
            if withdrawn and int(row["id"]) not in kept and row.get("status") != "private":
                yield Row({"id": int(row["id"]), "status": "private"}, name=str(row.get("sku") or row["id"]))

    def _free_references(self, family: Family, pairs: Mapping[str, dict[str, Any]], result: VariationsResult) -> None:
        """Empties references that two variations swap, since the shop refuses one that another still bears."""
        borne = {str(row.get("sku") or "").casefold(): int(row["id"]) for row in pairs.values() if row.get("sku")}
        blocked: dict[int, Row] = {}
        for variant in family.product.variants:
            row = pairs.get(variant.key)
            wanted = own_reference(family.product, variant).casefold()
            holder = borne.get(wanted)
            if wanted and holder is not None and (row is None or int(row["id"]) != holder):
                blocked[holder] = Row({"id": holder, "sku": ""}, name=variant.reference)
        for answer in BatchSender(self._shop.api, self._shop.updates).send(
            family.route, "update", list(blocked.values())
        ):
            if answer.error is None and answer.failure is None:
                result.written = True
        for row in pairs.values():
            if int(row["id"]) in blocked:
                row["sku"] = ""

    def _note(self, result: VariationsResult, answer: RowAnswer, *, created: bool = False) -> None:
        variant: Variant | None = answer.row.subject
        name = answer.row.name
        if answer.failure is not None:
            result.failed = True
            result.lost = result.lost or answer.lost
            result.problems.append((name, answer.failure))
            return
        if answer.error is not None:
            problem = self._explained(answer, name)
            result.problems.append((name, problem))
            if variant is not None and problem.code in GONE:
                result.children.pop(variant.key, None)
            return
        result.written = True
        if variant is not None and created:
            result.children[variant.key] = str(answer.body["id"])

    def _explained(self, answer: RowAnswer, name: str) -> Problem:
        """The problem of one variation; who holds its reference is worth a look-up."""
        assert answer.error is not None  # noqa: S101
        problem = answer.error.problem(name)
        if problem.code != "sku_taken" or "sku" not in answer.row.body:
            return problem
        holders = by_sku(self._shop.api, [answer.row.body["sku"]]).get(answer.row.body["sku"], [])
        if not holders:
            return problem
        held: dict[str, Value] = {"name": decoded(holders[0].name), "number": holders[0].id}
        label = Text(" : « %(name)s » (numéro %(number)s)", held)
        return Problem(
            problem.code, problem.sentence, problem.advice, problem.detail, {**problem.values, "holder": label}
        )


def match(
    family: Family, rows: Sequence[Mapping[str, Any]], variants: Sequence[Variant] | None = None
) -> dict[str, dict[str, Any]]:
    """Variations of the shop by variant key, each used once: stored link, our mark, reference, combination."""
    wanted = list(family.product.variants if variants is None else variants)
    free = {int(row["id"]): dict(row) for row in rows}
    pairs: dict[str, dict[str, Any]] = {}

    def take(variant: Variant, number: int | None) -> None:
        if number is not None and number in free and variant.key not in pairs:
            pairs[variant.key] = free.pop(number)

    for variant in wanted:
        linked = family.children.get(variant.key, "")
        take(variant, int(linked) if linked.isdecimal() else None)
    for variant in wanted:
        take(variant, _only(free, lambda row, key=variant.key: Mark.parse(row.get("meta_data")).key == key))
    for variant in wanted:
        reference = own_reference(family.product, variant)
        if reference:
            take(variant, _only(free, lambda row, sku=reference: row.get("sku") == sku))
    for variant in wanted:
        combination = family.combination(variant)
        take(variant, _only(free, lambda row, wish=combination: combination_of(row) == wish and not _foreign(row)))
    return pairs


def _foreign(row: Mapping[str, Any]) -> bool:
    return bool(Mark.parse(row.get("meta_data")).key)


def _only(rows: Mapping[int, Mapping[str, Any]], test: Any) -> int | None:
    """The id of the only row that passes; two candidates are a guess and count as none."""
    found = [number for number, row in rows.items() if test(row)]
    return found[0] if len(found) == 1 else None
