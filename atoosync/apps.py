"""Django application of the wiring: its management commands and system checks."""

from django.apps import AppConfig


class AtooSyncConfig(AppConfig):
    """Registers the system checks of the platform."""

    name = "atoosync"
    label = "atoosync"
    verbose_name = "Plateforme AtooSync"

    def ready(self) -> None:
        """Importing the module registers the checks; several calls register them once."""
        import atoosync.checks  # noqa: F401
