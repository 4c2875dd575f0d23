"""Secrets at rest: Fernet with a key ring, the first key encrypts, every key decrypts."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from profiles.models import Secret

_PREFIX = "v1:"


class SecretUnreadable(Exception):
    """No key of the ring opens this secret: it must be typed again, or the lost key put back."""


def seal(text: str) -> str:
    """Encrypts ``text`` with the first key of the ring; the result names its format."""
    return _PREFIX + _ring().encrypt(text.encode()).decode()


def unseal(ciphertext: str) -> str:
    """The inverse of :func:`seal`. Raises :class:`SecretUnreadable` when no key fits."""
    try:
        return _ring().decrypt(ciphertext.removeprefix(_PREFIX).encode()).decode()
    except InvalidToken:
        raise SecretUnreadable from None


def rotate() -> int:
    """Encrypts every stored secret again with the first key; returns how many. May be called any number of times.

    To replace a key: put the new one first, restart, run this, then remove the old one.
    """
    ring = _ring()
    count = 0
    for secret in Secret.objects.iterator():
        fresh = _PREFIX + ring.rotate(secret.ciphertext.removeprefix(_PREFIX).encode()).decode()
        Secret.objects.filter(pk=secret.pk, ciphertext=secret.ciphertext).update(ciphertext=fresh)
        count += 1
    return count


def _ring() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ATOOSYNC_SECRET_KEYS])
