"""What the ERP did with imported orders, told to the shop: status, tracking, document number, delivery date."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from connectors.canonical.keys import Aspect, Entity, Ref
from connectors.canonical.sales import OrderProgress
from connectors.core.problems import Misconfigured, Problem
from connectors.core.query import Query
from sync.engine.context import RunContext
from sync.flows.base import Excluded, Flow, Mapped
from sync.mapping.progress import further_statuses, only, shop_status


class _Progress(Flow):
    """Reads the documents of imported orders; each aspect has its own hash, so one refusal never blocks another."""

    entity: ClassVar[Entity] = Entity.ORDER
    read_aspect: ClassVar[Aspect | None] = Aspect.STATE
    lock: ClassVar[str] = "orders"
    uses_facts: ClassVar[bool] = False

    def query(self, ctx: RunContext) -> Query:
        """Which field holds the parcel number, and which of several documents decides."""
        section = ctx.options["progress"]
        return Query(tracking_field=section.tracking_field, least_advanced=section.retained == "least")

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The values of this aspect alone."""
        wanted = self.wanted(ctx, record)
        if isinstance(wanted, Excluded):
            return wanted
        return Mapped(
            ref=Ref(Entity.ORDER, record.web_number),
            record=wanted,
            label=record.piece,
            reference=record.web_number,
        )

    @abstractmethod
    def wanted(self, ctx: RunContext, progress: OrderProgress) -> OrderProgress | Excluded:
        """What the shop is told, or why it is told nothing."""


class ExportOrderStatus(_Progress):
    """Sets the shop's status by the table of stages."""

    key: ClassVar[str] = "order_status"
    label: ClassVar[str] = "Mettre à jour le statut des commandes"
    help: ClassVar[str] = "Fait suivre dans la boutique l’avancement des pièces de l’ERP : préparée, livrée, facturée."
    icon: ClassVar[str] = "signpost-split"
    aspect: ClassVar[Aspect] = Aspect.STATUS
    order: ClassVar[int] = 110

    def wanted(self, ctx: RunContext, progress: OrderProgress) -> OrderProgress | Excluded:
        """The status of the stage that was reached."""
        section = ctx.options["progress"]
        status = shop_status(progress, section)
        if not status:
            return Excluded("Aucun état prévu pour ce stade")
        return only(progress, status=status, further=further_statuses(status, section))


class ExportOrderTracking(_Progress):
    """Sends parcel numbers, with the status of an order that is on its way."""

    key: ClassVar[str] = "order_tracking"
    label: ClassVar[str] = "Envoyer les numéros de suivi"
    help: ClassVar[str] = "Transmet à la boutique le numéro de suivi et le transporteur saisis dans l’ERP."
    icon: ClassVar[str] = "truck"
    aspect: ClassVar[Aspect] = Aspect.TRACKING
    order: ClassVar[int] = 120

    def wanted(self, ctx: RunContext, progress: OrderProgress) -> OrderProgress | Excluded:
        """The parcel number, once there is one."""
        section = ctx.options["progress"]
        if not section.send_tracking:
            return Excluded("Envoi du numéro de suivi coupé par réglage")
        if not progress.tracking:
            return Excluded("Pas encore de numéro de suivi")
        return only(
            progress,
            tracking=progress.tracking,
            carrier=progress.carrier,
            status=section.tracking_status,
            further=further_statuses(section.tracking_status, section),
        )


class ExportOrderDocument(_Progress):
    """Sends the numbers of documents."""

    key: ClassVar[str] = "order_document"
    label: ClassVar[str] = "Envoyer les numéros de pièce"
    help: ClassVar[str] = "Transmet à la boutique le numéro du bon de commande et de la facture."
    icon: ClassVar[str] = "file-earmark-text"
    aspect: ClassVar[Aspect] = Aspect.DOCUMENT
    order: ClassVar[int] = 130

    def query(self, ctx: RunContext) -> Query:
        """As for the other values. Raises ``Misconfigured`` when a number is to go that orders are found by."""
        section = ctx.options["progress"]
        if section.send_number and section.replace_number and ctx.options["orders"].web_number == "number":
            raise Misconfigured(_NUMBER_IDENTIFIES)
        return super().query(ctx)

    def wanted(self, ctx: RunContext, progress: OrderProgress) -> OrderProgress | Excluded:
        """The piece and, later, the invoice."""
        section = ctx.options["progress"]
        if not section.send_number:
            return Excluded("Envoi du numéro de pièce coupé par réglage")
        shown = progress.piece if section.replace_number else ""
        return only(progress, piece=progress.piece, invoice=progress.invoice, reference=shown)


_NUMBER_IDENTIFIES = Problem(
    "order_number_identifies",
    "Le numéro de la commande est l’identifiant web de son document : il ne peut pas être remplacé.",
    "Ouvrez Suivi des commandes et décochez « Remplacer le numéro de la commande ».",
)


class ExportOrderDelivery(_Progress):
    """Sends delivery dates."""

    key: ClassVar[str] = "order_delivery"
    label: ClassVar[str] = "Envoyer les dates de livraison"
    help: ClassVar[str] = "Transmet à la boutique la date de livraison des pièces de l’ERP."
    icon: ClassVar[str] = "calendar-check"
    aspect: ClassVar[Aspect] = Aspect.DELIVERY
    order: ClassVar[int] = 140

    def wanted(self, ctx: RunContext, progress: OrderProgress) -> OrderProgress | Excluded:
        """The date, once there is one."""
        if not ctx.options["progress"].send_delivery_date:
            return Excluded("Envoi de la date de livraison coupé par réglage")
        if progress.delivery_on is None:
            return Excluded("Pas encore de date de livraison")
        return only(progress, delivery_on=progress.delivery_on)
