"""Django application ``sync``."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncConfig(AppConfig):
    """Configuration of the application ``sync``."""

    name = "sync"
    label = "sync"
    verbose_name = _("Synchronisations")
