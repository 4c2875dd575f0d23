"""ASGI entry point: ``uvicorn atoosync.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "atoosync.settings")

application = get_asgi_application()
