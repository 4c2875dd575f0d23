"""Django application ``profiles``."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProfilesConfig(AppConfig):
    """Configuration of the application ``profiles``."""

    name = "profiles"
    label = "profiles"
    verbose_name = _("Profils")
