"""Models of the application, re-exported one by one. Link tables are reached through ``sync.engine.linkbook`` only."""

from sync.models.certificate import Certificate, CertificateState
from sync.models.cursor import Cursor
from sync.models.erasure import OrderBuyer
from sync.models.event import ProfileHook, ShopEvent
from sync.models.journal import JournalEntry, Level
from sync.models.link import Link, LinkState, LinkStatus
from sync.models.run import OUTCOME_COUNTERS, Run, RunResult, RunState, SliceState, Trigger

__all__ = [
    "OUTCOME_COUNTERS",
    "Certificate",
    "CertificateState",
    "Cursor",
    "JournalEntry",
    "Level",
    "Link",
    "LinkState",
    "LinkStatus",
    "OrderBuyer",
    "ProfileHook",
    "Run",
    "RunResult",
    "RunState",
    "ShopEvent",
    "SliceState",
    "Trigger",
]
