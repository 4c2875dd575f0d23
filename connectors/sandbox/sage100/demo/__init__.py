"""The demo merchant: « Vercors Équipement », an invented outdoor shop of about 300 articles around the sample."""

from datetime import date

from connectors.sandbox.sage100.dataset import Dataset, load_sample

from .customers import add_customers
from .lines import add_lines
from .orders import add_documents
from .pictures import add_pictures
from .settings import add_settings
from .shop import Shop
from .specials import PECULIAR, add_kits, add_specials

__all__ = ["PECULIAR", "demo_merchant"]


def demo_merchant(seed: int = 1, today: date | None = None) -> Dataset:
    """A fresh company. ``seed`` changes quantities and dates of change; articles, prices and peculiarities stay.

    With ``today`` the purchase orders are of the weeks before and due in the weeks after it; without, long overdue.
    """
    shop = Shop(load_sample(), seed)
    add_settings(shop)
    add_lines(shop)
    add_kits(shop)
    add_specials(shop)
    add_pictures(shop)
    add_customers(shop)
    add_documents(shop, today)
    shop.total_range_stock()
    return shop.dataset
