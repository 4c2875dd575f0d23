"""Articles on their way: checked, with their attributes, values and brand known in the shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.canonical.catalog import Product
from connectors.core.problems import Problem
from connectors.core.results import Outbound
from connectors.shops.woocommerce.api import Body
from connectors.shops.woocommerce.marks import Mark
from connectors.shops.woocommerce.render import Wish, check_product, linked_categories, parts_of
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.terms import Terms
from connectors.shops.woocommerce.text import normal_term


@dataclass(slots=True, eq=False)
class Plan:
    """One article on its way: what the shop must hold for it, and what was learnt meanwhile."""

    out: Outbound[Product]
    parts: frozenset[str]
    axes: list[Wish] = field(default_factory=list)
    features: list[Wish] = field(default_factory=list)
    extras: list[Wish] = field(default_factory=list)
    option_names: dict[tuple[str, str], str] = field(default_factory=dict)
    brands: tuple[int, ...] = ()
    categories: tuple[int, ...] = ()
    remote_id: int = 0
    created: bool = False
    written: bool = False
    sent: Body = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)
    problem: Problem | None = None
    seconds: float = 0.0

    @property
    def product(self) -> Product:
        """The article."""
        return self.out.record

    @property
    def reference(self) -> str:
        """Its reference, for sentences."""
        return self.out.record.reference

    def mark(self, previous: Mark) -> Mark:
        """The mark to leave on the product; what a part switched off set earlier stays noted."""
        categories = self.categories if "categories" in self.parts else previous.categories
        features = tuple(wish.identity for wish in self.features) if "features" in self.parts else previous.features
        return Mark(
            key=self.product.key,
            token=previous.token or self.out.token,
            categories=categories,
            features=features,
            brands=self.brands if "brand" in self.parts and self.brands else previous.brands,
        )


class Planner:
    """Makes plans. With the shop's :class:`TermBook`, missing attributes, values and brands are made on the way."""

    def __init__(self, shop: Shop, terms: Terms) -> None:
        self._shop = shop
        self._terms = terms

    def plan(self, out: Outbound[Product]) -> Plan:
        """The plan of an item. Raises ``ItemRefused``, ``ItemDeferred``, and whatever stops the run."""
        plan = Plan(out=out, parts=parts_of(out), remote_id=int(out.remote_key) if out.remote_key.isdecimal() else 0)
        check_product(out, self._shop.options, self._shop.facts)
        if "categories" in plan.parts:
            plan.categories = self._categories(out)
        self._axes(plan)
        if "features" in plan.parts:
            self._features(plan)
        if "brand" in plan.parts and plan.product.brand:
            self._brand(plan)
        return plan

    def _categories(self, out: Outbound[Product]) -> tuple[int, ...]:
        """Categories of the ERP, then those the shop alone knows."""
        found = [*linked_categories(out)]
        found += [self._shop.categories.find(one, out.record.reference) for one in out.record.shop_categories]
        return tuple(dict.fromkeys(found))

    def _axes(self, plan: Plan) -> None:
        for axis in plan.product.axes:
            attribute = self._terms.attribute(axis.name)
            used = [dict(variant.options)[axis.name] for variant in plan.product.variants]
            values = list(dict.fromkeys([value for value in axis.values if value in used] + used))
            terms = self._terms.values(attribute, values)
            plan.option_names.update({(axis.name, value): term.name for value, term in terms.items()})
            plan.axes.append(Wish(attribute.id, attribute.name, tuple(term.name for term in terms.values()), True))

    def _features(self, plan: Plan) -> None:
        taken = {wish.identity for wish in plan.axes}
        for feature in plan.product.features:
            values = [value for value in feature.values if value.strip()]
            if not values:
                continue
            own = self._shop.options.features_as == "local"
            wish = self._own(feature.name, values) if own else self._global(feature.name, values)
            if wish.identity not in taken:
                taken.add(wish.identity)
                plan.features.append(wish)

    def _own(self, name: str, values: Sequence[str]) -> Wish:
        return Wish(0, normal_term(name), tuple(dict.fromkeys(normal_term(value) for value in values)))

    def _global(self, name: str, values: Sequence[str]) -> Wish:
        attribute = self._terms.attribute(name)
        terms = self._terms.values(attribute, values)
        return Wish(attribute.id, attribute.name, tuple(dict.fromkeys(term.name for term in terms.values())))

    def _brand(self, plan: Plan) -> None:
        options = self._shop.options
        if options.brand_as == "none":
            return
        if options.brand_as == "brand" and self._shop.facts.has_brands:
            term = self._terms.brand(plan.product.brand, create=options.create_brands)
            plan.brands = (term.id,) if term else ()
            return
        wish = self._global(options.brand_attribute, [plan.product.brand])
        if wish.identity not in {other.identity for other in [*plan.axes, *plan.features]}:
            plan.extras.append(wish)
