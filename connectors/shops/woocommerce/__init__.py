"""Shop WooCommerce over the REST API wc/v3: catalogue, stock and prices; orders, their progress and notifications."""

from connectors.canonical.keys import Side
from connectors.core.spec import ConnectorSpec
from connectors.shops.woocommerce.connection import CAPABILITIES, open_shop
from connectors.shops.woocommerce.lists import LABELS
from connectors.shops.woocommerce.options import WooCommerceOptions

SPEC = ConnectorSpec(
    key="woocommerce",
    label="WooCommerce",
    side=Side.SHOP,
    options=WooCommerceOptions,
    capabilities=CAPABILITIES,
    open=open_shop,
    choices=LABELS,
    kinds=("gescom", "compta"),
    summary="Boutique WordPress avec WooCommerce 3.5 ou plus récent, par son API REST (wc/v3).",
)
