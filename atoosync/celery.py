"""The Celery application: queues and limits come from the settings, the trace id travels with each message."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery, bootsteps
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun

from connectors.core import logcontext

TRACE_HEADER = "atoosync_trace"
logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "atoosync.settings")

app = Celery("atoosync")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Logging is set up by Django's settings; a connected receiver keeps Celery from replacing it."""


@before_task_publish.connect
def send_trace(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Puts the trace id of the request or task in progress into the message."""
    trace = logcontext.current().get("trace")
    if headers is not None and trace:
        headers.setdefault(TRACE_HEADER, trace)


@task_prerun.connect
def receive_trace(task_id: str = "", task: Any = None, **_: Any) -> None:
    """Binds the trace id of the message, or the id of the task when it was sent by nobody in particular."""
    trace = getattr(getattr(task, "request", None), TRACE_HEADER, None)
    logcontext.push(trace=trace or task_id, task=getattr(task, "name", ""))


@task_postrun.connect
def forget_trace(**_: Any) -> None:
    """Ends what :func:`receive_trace` bound."""
    logcontext.pop()


class HeartbeatStep(bootsteps.StartStopStep):
    """Writes the heartbeat of this worker every ten seconds; the main process does it, busy children or not."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None
        self._name = f"worker:{parent.hostname}"

    def start(self, parent: Any) -> None:
        """Called once by the worker when its timer runs."""
        from atoosync import heartbeats

        self._beat()
        self._timer = parent.timer.call_repeatedly(heartbeats.INTERVAL, self._beat)

    def stop(self, parent: Any) -> None:
        """Called once at an orderly end: the worker is gone, not silent."""
        from atoosync import heartbeats

        if self._timer is not None:
            self._timer.cancel()
        self._quietly(heartbeats.gone)

    def _beat(self) -> None:
        from atoosync import heartbeats

        self._quietly(heartbeats.beat)

    def _quietly(self, action: Any) -> None:
        import redis

        try:
            action(self._name)
        except (redis.RedisError, OSError) as error:
            logger.warning("worker heartbeat not written: %s", type(error).__name__)


app.steps["worker"].add(HeartbeatStep)
