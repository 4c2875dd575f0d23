"""Documents of the ERP to what the shop is told about an order."""

from __future__ import annotations

from dataclasses import replace

from connectors.canonical.sales import OrderProgress
from profiles.sections import OrdersSection, ProgressSection
from sync.mapping.order_terms import Sections

ORDER, PREPARATION, DELIVERY, INVOICE, POSTED = "order", "preparation", "delivery", "invoice", "posted"


def shop_status(progress: OrderProgress, options: ProgressSection) -> str:
    """The shop's status for the state of the documents; empty leaves the order as it is.

    A stage without a status of its own takes that of the stage before it, so that an invoice also counts as delivered.
    """
    if progress.partial and options.partial_status:
        return options.partial_status
    stages = (
        (PREPARATION, options.preparation_status),
        (DELIVERY, options.delivery_status),
        (INVOICE, options.invoice_status),
        (POSTED, options.posted_status),
    )
    found = ""
    for stage, status in stages:
        if _rank(progress.state) < _rank(stage):
            break
        found = status or found
    return found


def gives_status(options: Sections) -> bool:
    """Whether orders get any status from here, at their import or as their documents advance."""
    orders: OrdersSection = options["orders"]
    progress: ProgressSection = options["progress"]
    return any((*orders.statuses_after.values(), *_chain(progress)))


def _chain(options: ProgressSection) -> tuple[str, ...]:
    return (
        options.preparation_status,
        options.partial_status,
        options.delivery_status,
        options.tracking_status if options.send_tracking else "",
        options.invoice_status,
        options.posted_status,
    )


def further_statuses(status: str, options: ProgressSection) -> tuple[str, ...]:
    """Statuses that come after this one in the chain, which «never back» keeps; none when going back is allowed.

    The last place of a status counts where several stages give the same.
    """
    if not (status and options.forward_only):
        return ()
    chain = _chain(options)
    place = max((index for index, one in enumerate(chain) if one == status), default=len(chain))
    return tuple(dict.fromkeys(one for one in chain[place + 1 :] if one and one != status))


def _rank(state: str) -> int:
    return (ORDER, PREPARATION, DELIVERY, INVOICE, POSTED).index(state)


def only(progress: OrderProgress, **kept: object) -> OrderProgress:
    """The same order with nothing but the values of one aspect, so that the others never change its hash."""
    bare = OrderProgress(key=progress.key, web_number=progress.web_number, state=progress.state)
    return replace(bare, state="", **kept)  # type: ignore[arg-type]
