"""Django application ``billing``."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Configuration of the application ``billing``."""

    name = "billing"
    label = "billing"
    verbose_name = _("Unités et facturation")
