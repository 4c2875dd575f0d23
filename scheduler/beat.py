"""The static beat table, read by the settings; entries as Celery's ``beat_schedule`` takes them.

Everything here is short and goes to the housekeeping lane. What people schedule is not here: ``tick`` finds it in rows
of our own (see :mod:`scheduler.trigger`). An entry that waited longer than ``expires`` seconds is dropped, so that a
lane that was away does not work off a pile of equal looks.
"""

from typing import Any


def _entry(task: str, seconds: float, *, expires: float) -> dict[str, Any]:
    return {"task": task, "schedule": seconds, "options": {"queue": "housekeeping", "expires": expires}}


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "reap-and-dispatch": {
        "task": "sync.tasks.reap_and_dispatch",
        "schedule": 3.0,
        "options": {"queue": "housekeeping", "expires": 10},
    },
    "shop-events": _entry("sync.tasks.handle_events", 3.0, expires=10),
    "hooks-after-saving": {**_entry("sync.tasks.hooks_check", 30.0, expires=30), "kwargs": {"saved_seconds": 120}},
    "hooks": _entry("sync.tasks.hooks_check", 3600.0, expires=1800),
    "scheduled-tasks": _entry("scheduler.tasks.tick", 20.0, expires=20),
    "late-flows": _entry("scheduler.tasks.watch", 60.0, expires=60),
    "notifications": _entry("scheduler.tasks.notify", 20.0, expires=20),
    "forgotten-reservations": _entry("scheduler.tasks.release_forgotten", 3600.0, expires=1800),
    "night-certificates": _entry("sync.tasks.night_certificates", 900.0, expires=900),
    "purge": _entry("scheduler.tasks.purge_old", 3600.0, expires=1800),
}
