"""Binds every module of routes to the table."""

from __future__ import annotations

from connectors.sandbox.woocommerce import (
    attributes,
    coupons,
    customers,
    media,
    orders,
    products,
    reference,
    refunds,
    settings,
    shipping,
    taxes,
    terms,
    variations,
    webhooks,
)
from connectors.sandbox.woocommerce.routing import Routes

_MODULES = (
    reference,
    settings,
    taxes,
    shipping,
    terms,
    attributes,
    products,
    variations,
    media,
    coupons,
    customers,
    orders,
    refunds,
    webhooks,
)


def register(routes: Routes) -> None:
    """Register all handlers."""
    for module in _MODULES:
        module.register(routes)
