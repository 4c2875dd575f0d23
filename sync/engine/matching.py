"""First contact of two existing catalogues: sure, ambiguous, only here, only there; approved before any write (P23)."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction

from connectors.canonical.catalog import Product
from connectors.canonical.keys import Entity
from connectors.core.problems import Problem
from connectors.core.query import Query
from connectors.core.texts import Text
from profiles.models import MatchState, Profile
from sync.engine import journal
from sync.engine.context import RunContext
from sync.engine.ending import Ended
from sync.engine.linkbook import LinkBook, LinkWrite
from sync.flows import registry
from sync.models import JournalEntry, LinkStatus, RunResult

SAMPLES = 300
"""Entries kept per class in the report that a person reads; the counts are complete."""

PRODUCTS_FLOW = "products"


@dataclass(frozen=True, slots=True)
class ShopObject:
    """A product of the shop as the matching sees it; ``children`` maps SKUs of its variants to their ids."""

    key: str
    reference: str
    name: str
    variable: bool
    children: dict[str, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """One article of the ERP with the product of the shop it surely is."""

    erp: Product
    shop: ShopObject


@dataclass(slots=True)
class MatchReport:
    """What two catalogues have in common. ``ambiguous`` holds an article with its candidates and the reason."""

    sure: list[Pair] = field(default_factory=list)
    ambiguous: list[tuple[Product, list[ShopObject], str]] = field(default_factory=list)
    only_erp: list[Product] = field(default_factory=list)
    only_shop: list[ShopObject] = field(default_factory=list)
    shop_total: int = 0
    linked: int = 0

    def document(self) -> dict[str, Any]:
        """The report as kept on the profile: complete counts, samples of each class."""
        return {
            "counts": {
                "sure": len(self.sure),
                "ambiguous": len(self.ambiguous),
                "only_erp": len(self.only_erp),
                "only_shop": len(self.only_shop),
                "linked": self.linked,
                "shop_total": self.shop_total,
            },
            "sure": [_pair_row(pair) for pair in self.sure[:SAMPLES]],
            "ambiguous": [_ambiguous_row(*entry) for entry in self.ambiguous[:SAMPLES]],
            "only_erp": [_erp_row(product) for product in self.only_erp[:SAMPLES]],
            "only_shop": [_shop_row(one) for one in self.only_shop[:SAMPLES]],
        }


def before_first_write(ctx: RunContext) -> Ended | None:
    """Stops a writing run of a profile whose catalogues were never matched; ``None`` lets the run go on.

    A shop without any product has nothing to be matched with: it is approved at once.
    """
    if ctx.flow.applies_match:
        return _apply_run(ctx)
    if ctx.run.dry or not ctx.flow.creates or ctx.profile.match_state == MatchState.APPROVED:
        return None
    if next(_shop_objects(ctx), None) is None:
        ctx.empty_target = True
        approve(ctx.profile)
        return None
    report = build(ctx)
    Profile.objects.filter(pk=ctx.profile.pk).update(match_state=MatchState.PENDING, match_report=report.document())
    return Ended(RunResult.APPROVAL, APPROVAL)


def approve(profile: Profile) -> None:
    """Opens the profile for writing."""
    Profile.objects.filter(pk=profile.pk).update(match_state=MatchState.APPROVED)
    profile.match_state = MatchState.APPROVED


def build(ctx: RunContext) -> MatchReport:
    """Compares both catalogues; reads both sides and writes nothing. Articles linked already are left out."""
    shop = list(_shop_objects(ctx))
    report = MatchReport(shop_total=len(shop))
    linked = dict(ctx.linkbook.linked_keys(Entity.PRODUCT))
    taken = set(linked.values())
    report.linked = len(linked)
    free = [one for one in shop if one.key not in taken]
    articles = [product for product in _erp_products(ctx) if product.key not in linked]
    _Matcher(free, report).run(articles)
    return report


def apply(linkbook: LinkBook, report: MatchReport) -> None:
    """Stores sure pairs as links and keeps ambiguous articles from being created, 500 at a time."""
    for chunk in _chunks(report.sure):
        writes = [write for pair in chunk for write in _link_writes(pair)]
        with transaction.atomic():
            linkbook.bind(writes, [])
    for entries in _chunks(report.ambiguous):
        writes = [_held_write(product) for product, _, _ in entries]
        with transaction.atomic():
            linkbook.bind(writes, [])


def _apply_run(ctx: RunContext) -> Ended:
    report = build(ctx)
    apply(ctx.linkbook, report)
    approve(ctx.profile)
    Profile.objects.filter(pk=ctx.profile.pk).update(match_report=report.document())
    counts = report.document()["counts"]
    sentence = "%(sure)s articles associés, %(ambiguous)s à décider, %(only_erp)s à créer."
    text = Text(sentence, {name: counts[name] for name in ("sure", "ambiguous", "only_erp")})
    JournalEntry.objects.bulk_create([journal.line(ctx.run, text)])
    return Ended(RunResult.SUCCESS)


class _Matcher:
    """Pairs articles with products of the shop by reference: exactly, then by a stated normal form."""

    def __init__(self, shop: list[ShopObject], report: MatchReport) -> None:
        self.report = report
        self.shop = shop
        self.exact: dict[str, list[ShopObject]] = {}
        self.normal: dict[str, list[ShopObject]] = {}
        for one in shop:
            for reference in {one.reference, *one.children} - {""}:
                self.exact.setdefault(reference, []).append(one)
                self.normal.setdefault(normal_form(reference), []).append(one)

    def run(self, articles: list[Product]) -> None:
        """Fills the report."""
        claims = Counter(one.key for product in articles for one in self._candidates(product)[0])
        met: set[str] = set()
        for product in articles:
            candidates, reason = self._candidates(product)
            met.update(one.key for one in candidates)
            if not candidates:
                self.report.only_erp.append(product)
            elif reason or len(candidates) > 1 or claims[candidates[0].key] > 1:
                self.report.ambiguous.append((product, candidates, reason or _SEVERAL))
            else:
                self.report.sure.append(Pair(product, candidates[0]))
        self.report.only_shop = [one for one in self.shop if one.key not in met]

    def _candidates(self, product: Product) -> tuple[list[ShopObject], str]:
        references = [product.reference, *(variant.reference for variant in product.variants)]
        exact = _unique(one for reference in references for one in self.exact.get(reference, ()))
        if exact:
            mixed = any(one.variable != product.is_variable for one in exact)
            return exact, _KINDS if mixed else ""
        near = _unique(one for reference in references for one in self.normal.get(normal_form(reference), ()))
        return near, _NEAR if near else ""


_SEVERAL = "Plusieurs articles portent la même référence."
_KINDS = "L’un a des variantes, l’autre non."
_NEAR = "Les références se ressemblent sans être identiques."

APPROVAL = Problem(
    "match_to_approve",
    "La boutique contient déjà des articles : validez d’abord leur rapprochement avec l’ERP.",
    "Ouvrez « Rapprochement », vérifiez les articles associés, puis validez. Rien n’a été modifié.",
)


def normal_form(reference: str) -> str:
    """Case, blanks, punctuation and leading zeros removed: equal normal forms are worth a question, never a link."""
    kept = "".join(letter for letter in reference.casefold() if letter.isalnum())
    return kept.lstrip("0") or kept


def _shop_objects(ctx: RunContext) -> Iterator[ShopObject]:
    for page in ctx.target.reader(Entity.PRODUCT).pages(Query(published_only=False)):
        for product in page.records:
            children = {variant.reference: variant.key for variant in product.variants if product.axes}
            yield ShopObject(
                key=product.key,
                reference=product.reference,
                name=product.name.get("", ""),
                variable=product.is_variable,
                children={reference: key for reference, key in children.items() if reference},
            )


def _erp_products(ctx: RunContext) -> Iterator[Product]:
    flow = registry.by_key(PRODUCTS_FLOW)
    query = dataclasses.replace(flow.query(ctx), with_price=False, with_stock=False)
    published_only = ctx.options["products"].published_only
    for page in ctx.source.reader(Entity.PRODUCT).pages(query):
        for product in page.records:
            if not product.dormant and (product.published or not published_only):
                yield product


def _link_writes(pair: Pair) -> Iterator[LinkWrite]:
    erp, shop = pair.erp, pair.shop
    label = erp.name.get("", "")
    yield LinkWrite(entity=Entity.PRODUCT, key=erp.key, remote_key=shop.key, reference=erp.reference, label=label)
    for variant in erp.variants:
        shop_key = shop.children.get(variant.reference, "") if erp.is_variable else shop.key
        if shop_key:
            yield LinkWrite(
                entity=Entity.VARIANT,
                key=variant.key,
                remote_key=shop_key,
                remote_parent=shop.key,
                reference=variant.reference,
                label=label,
            )


def _held_write(product: Product) -> LinkWrite:
    return LinkWrite(
        entity=Entity.PRODUCT,
        key=product.key,
        status=LinkStatus.AMBIGUOUS,
        reference=product.reference,
        label=product.name.get("", ""),
    )


def _unique(found: Iterable[ShopObject]) -> list[ShopObject]:
    return list({one.key: one for one in found}.values())


def _erp_row(product: Product) -> dict[str, str]:
    return {"key": product.key, "reference": product.reference, "name": product.name.get("", "")}


def _shop_row(one: ShopObject) -> dict[str, str]:
    return {"key": one.key, "reference": one.reference, "name": one.name}


def _pair_row(pair: Pair) -> dict[str, Any]:
    return {"erp": _erp_row(pair.erp), "shop": _shop_row(pair.shop)}


def _ambiguous_row(product: Product, candidates: list[ShopObject], reason: str) -> dict[str, Any]:
    return {"erp": _erp_row(product), "candidates": [_shop_row(one) for one in candidates[:20]], "reason": reason}


def _chunks(items: list[Any]) -> Iterator[list[Any]]:
    source = iter(items)
    while chunk := list(islice(source, 500)):
        yield chunk
