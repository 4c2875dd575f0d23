"""Options of the flows, one section per file. Forms, API, defaults and validation derive from these."""

from connectors.core.options import OptionsSection
from profiles.sections.advanced import AdvancedSection
from profiles.sections.categories import CategoriesSection
from profiles.sections.media import MediaSection
from profiles.sections.notifications import NotificationsSection
from profiles.sections.order_articles import OrderArticlesSection
from profiles.sections.order_changes import OrderChangesSection
from profiles.sections.order_customers import OrderCustomersSection
from profiles.sections.order_taxes import OrderTaxesSection
from profiles.sections.orders import OrdersSection
from profiles.sections.payments import PaymentsSection
from profiles.sections.prices import PricesSection
from profiles.sections.products import ProductsSection
from profiles.sections.progress import ProgressSection
from profiles.sections.prospects import ProspectsSection
from profiles.sections.state import StateSection
from profiles.sections.stock import StockSection

FLOW_SECTIONS: tuple[type[OptionsSection], ...] = (
    ProductsSection,
    CategoriesSection,
    PricesSection,
    StockSection,
    StateSection,
    MediaSection,
    OrdersSection,
    OrderTaxesSection,
    OrderArticlesSection,
    OrderCustomersSection,
    PaymentsSection,
    OrderChangesSection,
    ProgressSection,
    ProspectsSection,
    NotificationsSection,
    AdvancedSection,
)

__all__ = [
    "FLOW_SECTIONS",
    "AdvancedSection",
    "CategoriesSection",
    "MediaSection",
    "NotificationsSection",
    "OrderArticlesSection",
    "OrderChangesSection",
    "OrderCustomersSection",
    "OrderTaxesSection",
    "OrdersSection",
    "PaymentsSection",
    "PricesSection",
    "ProductsSection",
    "ProgressSection",
    "ProspectsSection",
    "StateSection",
    "StockSection",
]
