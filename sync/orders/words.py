"""What the life of an order says: lines of the journal and problems a person acts upon."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from connectors.canonical.sales import DocumentTotals, SalesDocument
from connectors.core.problems import Problem
from connectors.core.texts import Text, Value, joined
from sync.mapping.order_payments import overpaid
from sync.mapping.rounding import cents
from sync.orders.steps import Act, Event, Lived

STAGES: Mapping[str, Text] = {
    "open": Text("ouverte"),
    "preparation": Text("en préparation"),
    "delivery": Text("livrée"),
    "invoice": Text("facturée"),
    "posted": Text("comptabilisée"),
}
_TOLD: Mapping[Event, tuple[str, str, str]] = {
    Event.EDITED: (
        "order_changed_after_import",
        "La commande a changé dans la boutique après son import ; sa pièce %(piece)s (%(stage)s) n’a pas été "
        "corrigée : boutique %(shop)s, ERP %(erp)s.",
        "Comparez la commande et sa pièce, corrigez dans l’ERP ce qui peut l’être, puis "
        "cliquez sur « Traité » dans la page de la commande.",
    ),
    Event.REFUNDED: (
        "order_refunded_after_import",
        "Le remboursement %(key)s de la commande n’est pas dans l’ERP ; sa pièce %(piece)s (%(stage)s) n’a pas été "
        "touchée : boutique %(shop)s, ERP %(erp)s.",
        "Faites l’avoir ou corrigez la pièce dans l’ERP, puis cliquez sur « Traité » dans la page de la commande.",
    ),
    Event.UNREFUNDED: (
        "order_refund_removed",
        "Le remboursement %(key)s de la commande a été supprimé dans la boutique ; sa pièce %(piece)s (%(stage)s) en "
        "tient peut-être encore compte.",
        "Vérifiez la pièce et l’avoir dans l’ERP, puis cliquez sur « Traité » dans la page de la commande.",
    ),
    Event.CANCELLED: (
        "order_cancelled_after_import",
        "La commande a été annulée dans la boutique après son import ; sa pièce %(piece)s (%(stage)s) n’a pas été "
        "touchée.",
        "Arrêtez la préparation ou faites l’avoir dans l’ERP, puis cliquez sur « Traité » dans la page de la commande.",
    ),
    Event.RESUMED: (
        "order_resumed_after_import",
        "La commande annulée a été reprise dans la boutique ; sa pièce %(piece)s (%(stage)s) n’a pas été touchée.",
        "Remettez la pièce en préparation dans l’ERP si elle doit partir, puis "
        "cliquez sur « Traité » dans la page de la commande.",
    ),
    Event.PAID: (
        "order_paid_after_import",
        "La commande a été payée après son import ; le règlement n’a pas été ajouté à sa pièce %(piece)s (%(stage)s).",
        "Saisissez le règlement dans l’ERP, puis cliquez sur « Traité » dans la page de la commande.",
    ),
}
_DELETED = (
    "order_deleted_after_import",
    "La commande a été supprimée dans la boutique après son import ; sa pièce %(piece)s (%(stage)s) n’a pas été "
    "touchée.",
    "Si la suppression est voulue, arrêtez la préparation ou faites l’avoir dans l’ERP, puis cliquez sur « Traité » "
    "dans la page de la commande.",
)
"""What is said of a cancelled order that the shop does not even have any more."""
_DONE: Mapping[tuple[Event, Act], str] = {
    (Event.EDITED, Act.AMEND): "Modifiée dans la boutique : pièce %(piece)s corrigée.",
    (Event.REFUNDED, Act.AMEND): "Remboursement %(key)s retiré de la pièce %(piece)s.",
    (Event.REFUNDED, Act.CREDIT): "Remboursement %(key)s : avoir %(piece)s.",
    (Event.CANCELLED, Act.CREDIT): "Annulée dans la boutique : avoir %(piece)s.",
    (Event.CANCELLED, Act.HOLD): "Annulée dans la boutique : pièce %(piece)s mise en attente.",
    (Event.PAID, Act.AMEND): "Payée après l’import : règlement ajouté à la pièce %(piece)s.",
}

VANISHED = Problem(
    "document_vanished",
    "La pièce de cette commande n’existe plus dans l’ERP.",
    "Si elle y a été supprimée exprès, ne faites rien. Sinon, réinitialisez la commande pour l’importer à nouveau.",
)
HAND_CHANGED = Problem(
    "document_changed_by_hand",
    "Le total de la pièce a été changé dans l’ERP : elle n’est pas corrigée par-dessus.",
)
PAYMENT_CHANGED = Problem(
    "payment_changed",
    "Le montant de ce paiement a changé dans la boutique depuis qu’il est dans l’ERP.",
)
PAYMENT_TOO_MUCH = Problem(
    "payment_exceeds_rest",
    "Ce paiement dépasse ce qui reste à régler sur la pièce.",
)
REFUND_SETTLED = Problem(
    "refund_settled_by_hand",
    "Une personne a déjà traité le remboursement %(key)s : ce qui reste à créditer n’est pas connu.",
)
NOT_EQUAL = Problem(
    "document_not_equal",
    "La pièce ne tient pas encore la commande telle qu’elle est maintenant.",
)


def overpaid_notes(document: SalesDocument | None) -> tuple[Text, ...]:
    """What is said of deposits that exceed their document; nothing when they do not."""
    excess = overpaid(document) if document is not None else Decimal(0)
    if not excess:
        return ()
    sentence = (
        "Trop-perçu de %(amount)s : le règlement est celui que la boutique a reçu ; "
        "l’excédent reste au crédit du client."
    )
    return (Text(sentence, {"amount": cents(excess)}),)


def done_text(done: Lived, *, deleted: bool = False) -> Text:
    """The journal line of something that was done. ``deleted``: to an order that the shop no longer has."""
    text = "Supprimée dans la boutique : pièce %(piece)s mise en attente." if deleted else _DONE[done.event, done.act]
    return Text(text, {"piece": done.piece, "key": done.key})


def told_problem(
    event: Event,
    key: str,
    held: DocumentTotals,
    stage: str,
    total: Decimal,
    reason: Problem | None,
    *,
    deleted: bool = False,
) -> Problem:
    """What a person is told about an event, with both states and, where something was tried, why it was not done.

    ``deleted``: the shop no longer has the order.
    """
    code, sentence, advice = _DELETED if deleted else _TOLD[event]
    values: dict[str, Value] = {
        "key": key,
        "piece": held.piece,
        "stage": STAGES[stage],
        "shop": cents(total),
        "erp": cents(held.gross),
    }
    return problem_of(code, joined(Text(sentence, values), reason.said if reason else ""), Text(advice))


def problem_of(code: str, sentence: Text, advice: Text) -> Problem:
    """A problem told in texts that have their values already."""
    return Problem(code, "%(told)s", "%(advice)s" if advice else "", values={"told": sentence, "advice": advice})


def to_transform(held: DocumentTotals) -> Problem:
    """A quote that the buyer accepted: the ERP makes an order of it, never we."""
    return Problem(
        "quote_accepted",
        "Le devis %(piece)s est accepté dans la boutique ; il est encore un devis dans l’ERP.",
        "Transformez-le en bon de commande dans l’ERP : rien n’est créé une seconde fois, et son règlement suit avec "
        "« Importer les commandes ».",
        values={"piece": held.piece},
    )
