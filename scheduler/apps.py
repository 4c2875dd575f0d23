"""Django application ``scheduler``."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SchedulerConfig(AppConfig):
    """Configuration of the application ``scheduler``."""

    name = "scheduler"
    label = "scheduler"
    verbose_name = _("Tâches planifiées")
