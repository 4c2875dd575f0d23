"""Texts of a document made from a template: its reference and the label of its payment (ORD-03, PAY-01).

Fields are the ones users of the source product know: %CI %CF %CL %CA %CK %OI %ON %OD %OR; ``%%`` is a percent sign.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo

from connectors.canonical.sales import Order
from profiles.sections.order_samples import ORDER_SAMPLES

FIELDS: Mapping[str, str] = {
    "%CI": "Identifiant du client",
    "%CF": "Prénom du client",
    "%CL": "Nom du client",
    "%CA": "Numéro de compte du client",
    "%CK": "Numéro de panier",
    "%OI": "Identifiant de la commande",
    "%ON": "Numéro de la commande",
    "%OD": "Date de la commande",
    "%OR": "Référence de la commande",
}
"""Fields of a template with their French labels, in the order of a menu."""

_FIELD = re.compile(r"%(?:C[IFLAK]|O[INDR]|%)")
_CART = ("cart", "_cart_id", "cart_hash")
_REFERENCE = ("reference", "_order_reference", "order_key")


def fill(template: str, order: Order, *, account: str = "", timezone: tzinfo = UTC) -> str:
    """The template with the fields of the order; runs of blanks left by empty fields become one.

    ``account`` is the ERP's customer (%CA), ``timezone`` the shop's, in which %OD is a day. Unknown fields stay as
    typed, so that a person sees the mistake.
    """
    values = {
        "%CI": order.buyer.key,
        "%CF": order.billing.first_name,
        "%CL": order.billing.last_name or order.billing.company,
        "%CA": account,
        "%CK": _first(order, _CART),
        "%OI": order.key,
        "%ON": order.number,
        "%OD": f"{day_of(order.created_at, timezone):%d/%m/%Y}",
        "%OR": _first(order, _REFERENCE) or order.number,
        "%%": "%",
    }
    return _clean(_FIELD.sub(lambda found: values[found[0]], template))


def reference(template: str, order: Order, limit: int = 0, *, account: str = "", timezone: tzinfo = UTC) -> str:
    """The reference of a document, cut at the right of ``limit`` characters (0: not at all).

    A template should begin with what identifies the order.
    """
    text = fill(template, order, account=account, timezone=timezone)
    return text[:limit].rstrip() if limit else text


def example(template: str) -> str:
    """The template filled with a made-up order, for the live example beside the field."""
    return _clean(_FIELD.sub(lambda found: ORDER_SAMPLES[found[0]], template))


def unknown_fields(template: str) -> tuple[str, ...]:
    """What looks like a field but is none, to warn beside the field."""
    return tuple(found for found in re.findall(r"%[A-Z]{2}|%%", template) if found not in ORDER_SAMPLES)


def day_of(instant: datetime, timezone: tzinfo) -> date:
    """The day of an instant at the shop."""
    return instant.astimezone(timezone).date()


def _first(order: Order, names: tuple[str, ...]) -> str:
    return next((order.fields[name] for name in names if order.fields.get(name)), "")


def _clean(text: str) -> str:
    return " ".join(text.split())
