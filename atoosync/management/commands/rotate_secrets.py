"""``manage.py rotate_secrets``: encrypts every stored secret with the first key of the ring."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from profiles.secrets import rotate


class Command(BaseCommand):
    """After it ends well, older keys may be removed from ``ATOOSYNC_SECRET_KEYS``. May be run again."""

    help = "Encrypts stored secrets again with the first key of ATOOSYNC_SECRET_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Says how many were encrypted again. Raises ``CommandError`` when one opens with no key of the ring."""
        try:
            count = rotate()
        except InvalidToken:
            raise CommandError(
                "A stored secret opens with no key of ATOOSYNC_SECRET_KEYS: keep the old keys."
            ) from None
        self.stdout.write(f"{count} secrets are encrypted with the first key.")
