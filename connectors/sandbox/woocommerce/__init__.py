"""A WooCommerce shop to test against: REST API wc/v3 over a socket, faithful to recordings of version 9.9.5.

    with serve_woocommerce() as shop:
        shop.url, shop.consumer_key, shop.consumer_secret, shop.control_url

On the command line: `python -m connectors.sandbox.woocommerce --port 8080 --items 50`.
"""

from connectors.sandbox.woocommerce.server import WooCommerceSandbox, main, serve_woocommerce

__all__ = ["WooCommerceSandbox", "main", "serve_woocommerce"]
