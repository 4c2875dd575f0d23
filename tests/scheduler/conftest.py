"""A profile between two in-memory systems, and a real mail server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.conftest import Bench, bench, fake_connectors
from tests.scheduler.smtp_server import MailServer

__all__ = ["Bench", "bench", "fake_connectors"]


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    """Mails of the platform go to this server."""
    server = MailServer()
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.PUBLIC_URL = "https://sync.example.test"
    yield server
    server.stop()
