"""«Activer ou désactiver les articles»."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any, ClassVar

from connectors.canonical.catalog import Inactive, ProductState
from connectors.canonical.keys import Aspect, Entity, Ref
from connectors.core.problems import Misconfigured, Problem
from connectors.core.query import Query
from connectors.core.results import Cursor, Page
from sync.engine.context import RunContext
from sync.flows.base import Excluded, Flow, Mapped

_PAGE = 500


class ExportState(Flow):
    """Takes articles out of sale and puts them back, as the ERP says; never creates nor deletes."""

    key: ClassVar[str] = "state"
    label: ClassVar[str] = "Activer ou désactiver les articles"
    help: ClassVar[str] = "Retire de la vente les articles en sommeil ou non publiés, et remet les autres en vente."
    icon: ClassVar[str] = "toggle-on"
    entity: ClassVar[Entity] = Entity.PRODUCT
    aspect: ClassVar[Aspect] = Aspect.STATE
    lock: ClassVar[str] = "catalogue"
    order: ClassVar[int] = 70

    def query(self, ctx: RunContext) -> Query:
        """Every article, dormant and unpublished ones too."""
        return Query(published_only=True, include_dormant=True)

    def pages(
        self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        """Articles of the ERP, then those of the shop that the ERP no longer has."""
        self._brake(ctx, keys)
        yield from super().pages(ctx, since=since, keys=keys)
        if keys is None and ctx.options["products"].missing_action != "none":
            yield from self._missing_pages(ctx)

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """Whether the article should be on sale, under the profile's rules."""
        section = ctx.options["state"]
        if record.reason is Inactive.MISSING and ctx.options["products"].missing_action == "report":
            return Excluded("Disparu de l’ERP, encore dans la boutique")
        if not record.active and not self._disables(section, record):
            return Excluded("Gardé en vente par réglage")
        if record.active and not section.reactivate:
            return Excluded("Réactivation coupée par réglage")
        return Mapped(
            ref=Ref(Entity.PRODUCT, record.key),
            record=ProductState(key=record.key, reference=record.reference, active=record.active),
            label=record.reference,
            reference=record.reference,
        )

    def _disables(self, section: Any, record: ProductState) -> bool:
        switches = {
            Inactive.DORMANT: section.disable_dormant,
            Inactive.UNPUBLISHED: section.disable_unpublished,
            Inactive.MISSING: True,
        }
        return bool(record.reason and switches[record.reason])

    def _missing_pages(self, ctx: RunContext) -> Iterator[Page[Any]]:
        known = set(self.reader(ctx).all_keys())
        if not known:
            return
        gone = (key for key, _ in ctx.linkbook.linked_keys(Entity.PRODUCT) if key not in known)
        while chunk := list(islice(gone, _PAGE)):
            yield Page(records=tuple(map(_missing, chunk)), cursor=Cursor(after="missing"))

    def _brake(self, ctx: RunContext, keys: Collection[str] | None) -> None:
        """Refuses to start when too large a share of the shop would be taken out of sale at once (pitfall P11)."""
        linked = ctx.linkbook.linked_count(Entity.PRODUCT)
        if keys is not None or not linked or ctx.run.retry:
            return
        known = set(self.reader(ctx).all_keys())
        lost = sum(1 for key, _ in ctx.linkbook.linked_keys(Entity.PRODUCT) if key not in known)
        if not known:
            raise Misconfigured(EMPTY)
        limit = ctx.options["state"].brake_percent
        if lost * 100 > limit * linked and ctx.options["products"].missing_action == "disable":
            raise Misconfigured(
                Problem(
                    "mass_removal",
                    "%(lost)s articles sur %(linked)s ont disparu de l’ERP : rien n’a été désactivé.",
                    "Vérifiez que le profil lit la bonne société. Si c’est voulu, relancez avec « Relancer malgré le "
                    "frein », ou augmentez le frein dans Activation.",
                    values={"lost": str(lost), "linked": str(linked)},
                )
            )


def _missing(key: str) -> ProductState:
    return ProductState(key=key, reference=key, active=False, reason=Inactive.MISSING)


EMPTY = Problem(
    "source_empty",
    "L’ERP n’a donné aucun article : rien n’a été désactivé.",
    "Vérifiez la connexion à l’ERP et les droits de lecture sur les articles.",
)
