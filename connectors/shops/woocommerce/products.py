"""Writer of articles: simple and variable products with their variations, attributes, categories and brand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from connectors.canonical.catalog import Product
from connectors.core.problems import ConnectorError, Consequence, ItemDeferred, ItemRefused, Problem
from connectors.core.results import Action, Found, ItemResult, Outbound, Outcome
from connectors.core.texts import Text, Value
from connectors.shops.woocommerce import expected
from connectors.shops.woocommerce.api import PAGE, Body
from connectors.shops.woocommerce.batching import BatchSender, Row, RowAnswer
from connectors.shops.woocommerce.defaults import move_defaults
from connectors.shops.woocommerce.lookup import Holder, by_sku, settled
from connectors.shops.woocommerce.marks import Mark, empty_entry
from connectors.shops.woocommerce.merge import (
    changed_fields,
    changed_meta,
    merged_attributes,
    merged_brands,
    merged_categories,
    new_attributes,
    unmoved,
)
from connectors.shops.woocommerce.outcome import (
    Differences,
    failed_row,
    not_kept,
    readable,
    received,
    refused_by,
    short,
)
from connectors.shops.woocommerce.plans import Plan, Planner
from connectors.shops.woocommerce.render import (
    ALL_PARTS,
    ON_SALE,
    is_active,
    is_sold_out,
    product_fields,
    seo_meta,
    status_after,
    status_at_creation,
)
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.states import StateWriter
from connectors.shops.woocommerce.terms import KnownTerms
from connectors.shops.woocommerce.text import decoded
from connectors.shops.woocommerce.variations import Family, VariationsResult, VariationWriter, match

FIELDS = (
    "id,name,type,status,sku,description,short_description,regular_price,manage_stock,stock_quantity,stock_status,"
    "backorders,weight,dimensions,tax_class,global_unique_id,categories,brands,attributes,meta_data"
)


class ProductWriter:
    """Writes articles; ``send`` may be called from several threads with disjoint batches."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._variations = VariationWriter(shop)

    def find(self, batch: Sequence[Outbound[Product]]) -> dict[str, Found]:
        """What bears the article's reference, letter case included; ``hidden`` for what sits in the trash."""
        holders = by_sku(self._shop.api, [out.record.reference for out in batch])
        found: dict[str, Found] = {}
        for out in batch:
            holder = _ours(holders.get(out.record.reference, ()), out.record.key)
            if holder is not None:
                found[out.key] = Found(
                    remote_key=str(holder.id),
                    label=decoded(holder.name),
                    children=self._children(out.record, holder),
                    hidden=holder.trashed,
                )
        return found

    def _children(self, product: Product, holder: Holder) -> dict[str, str]:
        if not product.is_variable:
            return {} if holder.type == "variable" else {product.variants[0].key: str(holder.id)}
        if holder.type != "variable":
            return {}
        try:
            plan = Planner(self._shop, KnownTerms(self._shop.terms)).plan(Outbound(product, Action.UPDATE, product.key))
        except ItemRefused:
            return {}
        rows = self._variations.current(holder.id)
        return {key: str(row["id"]) for key, row in match(self._family(plan, holder.id), rows).items()}

    def send(self, batch: Sequence[Outbound[Product]]) -> Iterator[ItemResult]:
        """Creates and updates; a create whose reference exists already as ours becomes an update.

        Items are results as soon as known. Articles without variations come first, then one parent after the other.
        """
        plans: list[Plan] = []
        for out in batch:
            plan = self._planned(out)
            if isinstance(plan, ItemResult):
                yield plan
            else:
                plans.append(plan)
        adopted: list[Plan] = []
        for plan in self._create([plan for plan in plans if plan.out.action is Action.CREATE], adopted):
            yield from self._finish(plan, fresh=plan.created)
        updates = [plan for plan in plans if plan.out.action is Action.UPDATE]
        for start in range(0, len(updates + adopted), PAGE):
            yield from self._update((updates + adopted)[start : start + PAGE])

    def compare(self, batch: Sequence[Outbound[Product]]) -> dict[str, Differences]:
        """What an update would change, read now and nothing written; refused items and creates are absent.

        Variations show as ``reference.field``; a new one as ``reference`` from nothing to its values.
        """
        plans: list[Plan] = []
        for out in batch:
            if out.action is Action.UPDATE:
                with suppress(ItemRefused, ItemDeferred):
                    plans.append(Planner(self._shop, KnownTerms(self._shop.terms)).plan(out))
        found: dict[str, Differences] = {}
        for start in range(0, len(plans), PAGE):
            page = plans[start : start + PAGE]
            current = self._current([plan.remote_id for plan in page])
            for plan in page:
                now = current.get(plan.remote_id)
                if now is not None and _type_problem(plan, now) is None:
                    found[plan.out.key] = self._differences(plan, now)
        return found

    def _differences(self, plan: Plan, now: Mapping[str, Any]) -> Differences:
        shown = readable(now, self._changes(plan, now))
        if plan.product.is_variable:
            family = self._family(plan, plan.remote_id, fresh=now.get("type") != "variable")
            shown.update(self._variations.compare(family))
        return shown

    def retire(self, batch: Sequence[Outbound[Product]]) -> Iterator[ItemResult]:
        """Takes products out of sale without deleting them."""
        yield from StateWriter(self._shop).hide([(out, out.remote_key) for out in batch])

    # --- plans ---------------------------------------------------------------------------------------------------

    def _planned(self, out: Outbound[Product]) -> Plan | ItemResult:
        """The plan of an item, its attributes and brand made in the shop; or its result when it is refused."""
        try:
            return Planner(self._shop, self._shop.terms).plan(out)
        except ConnectorError as error:
            if error.consequence not in (Consequence.REFUSED, Consequence.DEFERRED):
                raise
            return refused_by(out, error)

    # --- creates -------------------------------------------------------------------------------------------------

    def _create(self, plans: Sequence[Plan], adopted: list[Plan]) -> Iterator[Plan]:
        """Yields the plans that are created or refused; those whose reference is already ours go to ``adopted``."""
        rows = [Row(self._new(plan), subject=plan, name=plan.reference) for plan in plans]
        blocked: list[RowAnswer] = []
        for answer in BatchSender(self._shop.api, self._shop.creates).send("products", "create", rows, self._recovered):
            plan: Plan = answer.row.subject
            plan.sent, plan.answer, plan.seconds = answer.row.body, answer.body, answer.seconds
            if answer.found:
                plan.remote_id, plan.created = int(answer.body["id"]), True
                adopted.append(plan)
            elif answer.error is not None and answer.error.problem().code in ("sku_taken", "sku_blocked"):
                blocked.append(answer)
            elif answer.error is not None or answer.failure is not None:
                yield self._failed(plan, answer)
            else:
                plan.remote_id, plan.created, plan.written = int(answer.body["id"]), True, True
                plan.problem = not_kept(plan.sent, answer.body, plan.reference)
                yield plan
        yield from self._adopt(blocked, adopted)

    def _new(self, plan: Plan) -> Body:
        product, shop = plan.product, self._shop
        body = product_fields(product, ALL_PARTS, shop.options, shop.facts)
        if not body.get("global_unique_id"):
            body.pop("global_unique_id", None)
        body["type"] = "variable" if product.is_variable else "simple"
        body["status"] = status_at_creation(is_active(product), shop.options)
        if product.slug:
            body["slug"] = product.slug
        if plan.categories:
            body["categories"] = [{"id": one} for one in plan.categories]
        if plan.brands:
            body["brands"] = [{"id": one} for one in plan.brands]
        attributes = new_attributes(plan.axes, [*plan.features, *plan.extras])
        if attributes:
            body["attributes"] = attributes
        body["meta_data"] = [plan.mark(Mark()).entry(), *self._seo(plan)]
        if is_sold_out(product) and shop.options.new_status in ON_SALE:
            body["meta_data"].append(empty_entry(True))
        body["meta_data"] += self._expected(plan, ())
        return body

    def _expected(self, plan: Plan, meta_data: Any) -> list[Body]:
        """Meta entries of the next delivery of a plain article; those of variations are their own."""
        if plan.product.is_variable or "quantity" not in plan.parts:
            return []
        return expected.entries(plan.product.variants[0].stock, meta_data, self._shop.options)

    def _seo(self, plan: Plan) -> list[dict[str, Any]]:
        return seo_meta(plan.product) if self._shop.has_yoast and "seo" in plan.parts else []

    def _recovered(self, lost: Sequence[Row]) -> Mapping[Row, Mapping[str, Any]]:
        """Which creates of a lost call were carried out: looked up by reference until the shop is quiet."""
        found: dict[Row, Mapping[str, Any]] = {}

        def look() -> int:
            missing = [row for row in lost if row not in found]
            holders = by_sku(self._shop.api, [row.subject.reference for row in missing], trash=False)
            for row in missing:
                holder = _ours(holders.get(row.subject.reference, ()), row.subject.product.key)
                if holder is not None and holder.mark.token == row.subject.out.token:
                    found[row] = {"id": holder.id, "sku": holder.sku, "type": holder.type, "status": holder.status}
            return len(found)

        settled(look, len(lost), self._shop.api.client.throttle, self._shop.options.settle_seconds)
        return found

    def _adopt(self, blocked: Sequence[RowAnswer], adopted: list[Plan]) -> Iterator[Plan]:
        """Sorts creates refused for their reference: our own object is adopted, any other holder is named."""
        if not blocked:
            return
        holders = by_sku(self._shop.api, [answer.row.subject.reference for answer in blocked])
        for answer in blocked:
            plan: Plan = answer.row.subject
            candidates = holders.get(plan.reference, [])
            holder = _ours(candidates, plan.product.key)
            if holder is None or holder.trashed or holder.parent_id:
                plan.problem = self._blocked_by(answer, plan, candidates)
                yield plan
                continue
            plan.remote_id = holder.id
            plan.created = bool(plan.out.token) and holder.mark.token == plan.out.token
            if not plan.created and plan.out.parts:
                plan.parts = plan.out.parts
            adopted.append(plan)

    def _blocked_by(self, answer: RowAnswer, plan: Plan, holders: Sequence[Holder]) -> Problem:
        assert answer.error is not None  # noqa: S101
        if any(holder.trashed for holder in holders):
            return Problem(
                "sku_in_trash",
                "Un produit de la corbeille de la boutique (numéro %(number)s) tient la référence « %(reference)s ».",
                "Restaurez ce produit ou supprimez-le définitivement dans WooCommerce, puis relancez.",
                detail=answer.error.code,
                values={"reference": plan.reference, "number": str(holders[0].id)},
            )
        problem = answer.error.problem(plan.reference)
        if not holders:
            return problem
        held: dict[str, Value] = {"name": decoded(holders[0].name), "number": holders[0].id}
        label = Text(" : « %(name)s » (numéro %(number)s)", held)
        taken = replace(answer.error, code="product_invalid_sku").problem(plan.reference)
        return replace(taken, values={**taken.values, "holder": label})

    def _failed(self, plan: Plan, answer: RowAnswer) -> Plan:
        problem = answer.failure or (answer.error.problem(plan.reference) if answer.error else None)
        plan.problem = problem
        if answer.failure is not None:
            plan.answer = {"lost": answer.lost}
        return plan

    # --- updates -------------------------------------------------------------------------------------------------

    def _update(self, plans: Sequence[Plan]) -> Iterator[ItemResult]:
        """Reads the products in one call, sends what differs in batches, then handles the variations."""
        if not plans:
            return
        current = self._current([plan.remote_id for plan in plans])
        rows: list[Row] = []
        quiet: list[Plan] = []
        for plan in plans:
            now = current.get(plan.remote_id)
            plan.problem = _type_problem(plan, now)
            if plan.problem is not None or now is None:
                yield self._absent(plan, now)
                continue
            changes = self._changes(plan, now)
            if changes:
                rows.append(Row({"id": plan.remote_id, **changes}, subject=plan, name=plan.reference))
            else:
                quiet.append(plan)
        for plan in quiet:
            yield from self._finish(plan, fresh=False)
        for answer in BatchSender(self._shop.api, self._shop.updates).send("products", "update", rows):
            yield from self._updated(answer, current[answer.row.subject.remote_id])

    def _updated(self, answer: RowAnswer, before: Mapping[str, Any]) -> Iterator[ItemResult]:
        plan: Plan = answer.row.subject
        plan.sent, plan.answer, plan.seconds = answer.row.body, answer.body, answer.seconds
        problem = answer.failure or (answer.error.problem(plan.reference) if answer.error else None)
        if problem is not None:
            yield failed_row(replace(plan.out, remote_key=str(plan.remote_id)), answer, problem)
            return
        plan.written = not unmoved(before, answer.body, plan.sent)
        plan.problem = not_kept(plan.sent, answer.body, plan.reference)
        yield from self._finish(plan, fresh=False)

    def _current(self, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        """Products by id as they are now; those of the trash come with their status, deleted ones not at all."""
        found: dict[int, Mapping[str, Any]] = {}
        for query in ({}, {"status": "trash"}):
            missing = [one for one in dict.fromkeys(ids) if one and one not in found]
            if missing:
                wanted = {"include": ",".join(map(str, missing)), "context": "edit", "_fields": FIELDS, **query}
                found.update({int(row["id"]): row for row in self._shop.api.every("products", wanted)})
        return found

    def _absent(self, plan: Plan, now: Mapping[str, Any] | None) -> ItemResult:
        problem = plan.problem or Problem(
            "product_gone",
            "Le produit lié à « %(reference)s » n’existe plus dans la boutique.",
            "Relancez « Exporter les articles » pour le recréer, ou supprimez le lien.",
            values={"reference": plan.reference},
        )
        return ItemResult(
            key=plan.out.key,
            outcome=Outcome.REFUSED,
            remote_key=str(plan.remote_id or ""),
            problem=problem,
            gone=now is None,
            url=self._shop.product_url(plan.remote_id) if now is not None else "",
        )

    def _changes(self, plan: Plan, now: Mapping[str, Any]) -> Body:
        product, shop = plan.product, self._shop
        mark = Mark.parse(now.get("meta_data"))
        wanted = product_fields(product, plan.parts, shop.options, shop.facts)
        if "state" in plan.parts:
            wanted["status"] = status_after(str(now.get("status")), is_active(product), shop.options)
        if product.is_variable and now.get("type") != "variable":
            wanted |= {"type": "variable", "manage_stock": False}
        changes = changed_fields(now, wanted)
        lists = {
            "attributes": merged_attributes(
                now.get("attributes"),
                mark,
                [*plan.axes, *plan.extras],
                plan.features if "features" in plan.parts else None,
                clear=shop.options.clear_attributes,
                spared=self._brand_attribute(),
            ),
            "categories": merged_categories(now.get("categories"), mark, plan.categories)
            if "categories" in plan.parts
            else None,
            "brands": merged_brands(now.get("brands"), mark, plan.brands) if plan.brands else None,
        }
        changes.update({name: value for name, value in lists.items() if value is not None})
        entries = self._seo(plan)
        if "status" in changes:
            entries.append(empty_entry(is_sold_out(product) and now.get("status") in ON_SALE))
        meta = changed_meta(now.get("meta_data"), plan.mark(mark), entries)
        meta += self._expected(plan, now.get("meta_data"))
        return {**changes, "meta_data": meta} if meta else changes

    def _brand_attribute(self) -> str:
        """Name of the attribute that holds the brand, if one does."""
        options = self._shop.options
        is_brand = options.brand_as == "brand" and self._shop.facts.has_brands
        return "" if is_brand or options.brand_as == "none" else options.brand_attribute

    # --- results -------------------------------------------------------------------------------------------------

    def _finish(self, plan: Plan, *, fresh: bool) -> Iterator[ItemResult]:
        """The variations where there are any, then the result of the item."""
        if plan.remote_id and not plan.product.is_variable:
            yield self._result(plan, VariationsResult(children={plan.product.variants[0].key: str(plan.remote_id)}))
            return
        if not plan.remote_id or plan.problem is not None:
            yield self._result(plan, VariationsResult())
            return
        result = self._variations.write(self._family(plan, plan.remote_id, fresh=fresh))
        if self._shop.options.default_in_stock and result.written:
            refused = move_defaults(self._shop, [plan.remote_id])
            result.problems.extend((plan.reference, problem) for problem in refused.values())
        yield self._result(plan, result)

    def _family(self, plan: Plan, parent_id: int, *, fresh: bool = False) -> Family:
        return Family(plan.product, parent_id, plan.axes, plan.option_names, plan.out.children, plan.parts, fresh)

    def _result(self, plan: Plan, variations: VariationsResult) -> ItemResult:
        written = plan.written or plan.created or variations.written
        problem = plan.problem
        outcome = self._outcome(plan, variations, written)
        if problem is None and variations.problems:
            problem = _of_variants(plan, variations.problems)
        return ItemResult(
            key=plan.out.key,
            outcome=outcome,
            remote_key=str(plan.remote_id or ""),
            children=variations.children,
            problem=problem,
            written=written,
            url=self._shop.product_url(plan.remote_id) if plan.remote_id else "",
            sent=short(plan.sent),
            received=received(plan.answer),
            seconds=plan.seconds,
        )

    def _outcome(self, plan: Plan, variations: VariationsResult, written: bool) -> Outcome:
        if plan.problem is not None:
            if plan.problem.code == "row_not_answered":
                return Outcome.UNCERTAIN
            return Outcome.REFUSED
        if variations.lost:
            return Outcome.UNCERTAIN
        if variations.problems:
            return Outcome.FAILED if variations.failed else Outcome.REFUSED
        if plan.created:
            return Outcome.CREATED
        return Outcome.UPDATED if written else Outcome.UNCHANGED


def _ours(holders: Sequence[Holder], key: str) -> Holder | None:
    """The holder that may be this article: not claimed by another article; living ones before trashed ones."""
    candidates = [holder for holder in holders if holder.mark.belongs_to(key) and not holder.parent_id]
    candidates.sort(key=lambda holder: (holder.mark.key != key, holder.trashed, holder.id))
    return candidates[0] if candidates else None


def _of_variants(plan: Plan, problems: Sequence[tuple[str, Problem]]) -> Problem:
    """One problem for the article out of those of its variations: the first one, and how many there are."""
    _name, first = problems[0]
    detail = "; ".join(f"{variant}: {problem.code}" for variant, problem in problems)
    return replace(first, detail=f"{first.detail} [{detail}]".strip())


def _type_problem(plan: Plan, now: Mapping[str, Any] | None) -> Problem | None:
    if now is None:
        return None
    if now.get("status") == "trash":
        return Problem(
            "product_in_trash",
            "Le produit lié à « %(reference)s » est dans la corbeille de la boutique.",
            "Restaurez-le dans WooCommerce, ou videz la corbeille pour qu’il soit recréé.",
            values={"reference": plan.reference},
        )
    kind = str(now.get("type"))
    if kind == "variable" and not plan.product.is_variable:
        return Problem(
            "type_change_refused",
            "« %(reference)s » n’a plus de gamme dans l’ERP, mais son produit a des variations dans la boutique.",
            "Le transformer supprimerait ses variations pour toujours : faites-le dans WooCommerce si c’est voulu.",
            values={"reference": plan.reference},
        )
    if kind not in ("simple", "variable"):
        return Problem(
            "type_foreign",
            "Le produit lié à « %(reference)s » est d’un type que l’export ne gère pas (%(type)s).",
            "Liez l’article à un produit simple ou variable.",
            values={"reference": plan.reference, "type": kind},
        )
    return None
