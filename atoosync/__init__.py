"""Project package: wiring only, no business rule.

The Celery application is imported here so that ``.delay()`` finds it in every process that imports Django settings;
without this line Celery silently falls back to AMQP on port 5672.
"""

from atoosync.celery import app as celery_app

__all__ = ("celery_app",)
