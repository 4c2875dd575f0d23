"""Django application ``sync``."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncConfig(AppConfig):
    """Configuration of the application ``sync``."""

    name = "sync"
    label = "sync"
    verbose_name = _("Synchronisations")

    def ready(self) -> None:
        """Tells the profiles what only this application knows of them. Several calls register it once."""
        from profiles import farewells, health
        from sync import notifications
        from sync.presentation import runs

        farewells.register(notifications.hooks_leave)
        health.register(runs.last_of_profiles)
