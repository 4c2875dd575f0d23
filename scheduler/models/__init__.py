"""Models of the application, re-exported one by one."""

from scheduler.models.notice import Notice, NoticeFloor, NoticeKind, NoticeState
from scheduler.models.schedule import REPEATS, WINDOWS, Schedule, TriggerOutcome
from scheduler.models.watch import FlowWatch, Level

__all__ = [
    "REPEATS",
    "WINDOWS",
    "FlowWatch",
    "Level",
    "Notice",
    "NoticeFloor",
    "NoticeKind",
    "NoticeState",
    "Schedule",
    "TriggerOutcome",
]
