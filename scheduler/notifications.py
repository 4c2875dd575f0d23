"""Decides which finished runs are worth a mail, and hands the mails out (NOT-01, NOT-02).

Two steps, each safe to repeat and to run in two processes: :func:`decide` gives every finished run its notice, in one
transaction with the state of its flow; :func:`deliver` sends pending notices and tries again when the mail server is
away. A crash between them loses nothing; one after the server accepted a mail may send that mail twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.db import IntegrityError, transaction
from django.db.models import F, Min
from django.utils import timezone

from connectors.canonical.keys import Aspect, Direction, Entity
from connectors.core.logcontext import bind
from profiles.models import Profile
from profiles.sections import NotificationsSection
from scheduler import mails, watchdog
from scheduler.models import FlowWatch, Level, Notice, NoticeFloor, NoticeKind, NoticeState
from scheduler.options import notification_options
from scheduler.planning import Every, Recurrence, next_time
from sync.flows import registry
from sync.models import Run, RunResult, RunState
from sync.presentation.problems import causes_of

logger = logging.getLogger(__name__)

PER_ROUND = 500
NEWS_AGE = timedelta(days=1)
"""A run that ended longer ago is no news: nobody gets mails about it, whatever was switched on since."""

SETTLED = timedelta(minutes=10)
"""Runs asked for this recently may still appear with a smaller number than others that are visible already."""

RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360))
MAILS_PER_ROUND = 100

_LEVELS = {
    RunResult.SUCCESS: Level.GOOD,
    RunResult.PARTIAL: Level.PARTIAL,
    RunResult.FAILED: Level.FAILING,
    RunResult.QUOTA: Level.FAILING,
    RunResult.APPROVAL: Level.FAILING,
}
"""A run that a person stopped says nothing about its flow."""


# --- Deciding ----------------------------------------------------------------------------------------------------


def decide(now: datetime | None = None) -> int:
    """Gives every finished run that has none its notice, oldest end first; returns how many mails are to be sent."""
    moment = now or timezone.now()
    floor = _floor(moment)
    finished = Run.objects.filter(pk__gt=floor.run_id, state=RunState.FINISHED, dry=False, notice__isnull=True)
    rows = finished.select_related("profile__tenant").defer("cursor", "profile__match_report")
    options: dict[int, NotificationsSection] = {}
    count = 0
    for run in rows.order_by("ended_at", "pk")[:PER_ROUND]:
        if run.profile_id not in options:
            options[run.profile_id] = notification_options(run.profile)
        with bind(tenant=run.tenant_id, profile=run.profile_id, run=run.pk, flow=run.flow):
            count += _decide_one(run, options[run.profile_id], moment)
    _raise_floor(floor, moment)
    return count


def _decide_one(run: Run, options: NotificationsSection, now: datetime) -> bool:
    FlowWatch.objects.get_or_create(profile=run.profile, flow=run.flow)
    try:
        with transaction.atomic():
            watch = FlowWatch.objects.select_for_update(of=("self",)).get(profile=run.profile, flow=run.flow)
            verdict = judge(run, watch, options, is_news=run.ended_at is None or now - run.ended_at <= NEWS_AGE)
            Notice.objects.create(
                profile=run.profile, flow=run.flow, run=run, kind=verdict.kind, state=verdict.state, due_at=now
            )
            watch.save()
            return verdict.state == NoticeState.PENDING
    except IntegrityError:
        # Another process decided about this run in the meantime.
        return False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one finished run."""

    kind: NoticeKind
    state: NoticeState


_NOTHING = Verdict(NoticeKind.RUN, NoticeState.NONE)


def judge(run: Run, watch: FlowWatch, options: NotificationsSection, *, is_news: bool) -> Verdict:
    """Moves the state of a flow by one finished run (``watch`` is changed, not saved) and says what people hear.

    A flow that recovers is told whenever its fall was. Otherwise: by the boxes of the settings, on changes only (a new
    level, or a cause not named yet) when they say so; with a digest, only a first failure is told at once. Items that
    are still refused since an earlier run are no failure of this one.
    """
    level = _LEVELS.get(RunResult(run.result)) if run.result else None
    if level is None:
        return _NOTHING
    codes = _codes(run, level)
    if level != Level.GOOD and not codes and _met_again(run):
        if watch.level != Level.FAILING or not run.sent + run.unchanged:
            return _nothing_new(run, watch, options, is_news=is_news)
        level = Level.PARTIAL
    changed = level != watch.level or (level != Level.GOOD and not (watch.told and codes <= set(watch.causes)))
    # Refusals that are told stay told while they last; a flow that works again has recovered from its failure.
    was_down = (watch.told and watch.level == Level.FAILING) or watch.late_told
    recovered = (level != Level.FAILING and was_down) or (level == Level.GOOD and watch.told)
    verdict = _verdict(run, level, options, changed=changed, recovered=recovered) if is_news else _NOTHING
    _move(watch, level, codes, told=_tells_of_fall(verdict, level, options))
    return verdict


def _met_again(run: Run) -> bool:
    """Whether all that went wrong in a run whose journal names no cause are items that earlier runs told of."""
    return run.refused + run.failed + run.deferred > 0


def _nothing_new(run: Run, watch: FlowWatch, options: NotificationsSection, *, is_news: bool) -> Verdict:
    """What people hear of a run that only met what they were told before: as of a good one, and no recovery."""
    late = watch.late_told
    verdict = _verdict(run, Level.GOOD, options, changed=False, recovered=late) if is_news else _NOTHING
    if watch.late_since is not None:
        watchdog.back(watch)
    return verdict


def _tells_of_fall(verdict: Verdict, level: Level, options: NotificationsSection) -> bool:
    """Whether the mail of a verdict tells people of a bad level, so that its end is worth a mail as well."""
    if verdict.state != NoticeState.PENDING:
        return False
    return verdict.kind == NoticeKind.RUN or (level == Level.PARTIAL and options.on_partial)


def _verdict(run: Run, level: Level, options: NotificationsSection, *, changed: bool, recovered: bool) -> Verdict:
    if recovered:
        return Verdict(NoticeKind.RECOVERED, NoticeState.PENDING)
    if not options.addresses:
        return _NOTHING
    if options.digest != "off":
        urgent = level == Level.FAILING and changed and options.on_failure
        return Verdict(NoticeKind.RUN, NoticeState.PENDING if urgent else NoticeState.WAITING)
    if run.created and (
        (options.on_orders and _imports(run.flow, Aspect.DATA))
        or (options.on_quotes and _imports(run.flow, Aspect.QUOTE))
    ):
        return Verdict(NoticeKind.RUN, NoticeState.PENDING)
    wanted = {Level.GOOD: options.on_success, Level.PARTIAL: options.on_partial, Level.FAILING: options.on_failure}
    if options.only_changes:
        wanted[Level.GOOD] = False
    if not wanted[level] or (options.only_changes and not changed):
        return _NOTHING
    return Verdict(NoticeKind.RUN, NoticeState.PENDING)


def _move(watch: FlowWatch, level: Level, codes: set[str], *, told: bool) -> None:
    if level == Level.GOOD:
        watch.causes, watch.told = [], False
    else:
        kept = set(watch.causes) if level == watch.level else set()
        watch.causes = sorted(kept | codes) if told else sorted(kept)
        watch.told = told or (watch.told and level == watch.level)
    watch.level = level
    if level != Level.FAILING and watch.late_since is not None:
        watchdog.back(watch)


def _codes(run: Run, level: Level) -> set[str]:
    """Codes of what went wrong in a run, that of the run itself among them."""
    if level == Level.GOOD:
        return set()
    found = {cause.code for cause in causes_of(run)} if run.refused + run.failed + run.deferred else set()
    return {code for code in (*found, run.message_code) if code}


def _imports(flow: str, aspect: Aspect) -> bool:
    """Whether a flow imports orders (``DATA``) or quotes (``QUOTE``)."""
    known = registry.all_flows().get(flow)
    return known is not None and (known.direction, known.entity, known.aspect) == (
        Direction.IMPORT,
        Entity.ORDER,
        aspect,
    )


def _floor(now: datetime) -> NoticeFloor:
    """The row below which nothing is looked for; at first use, old runs are left alone."""
    found: NoticeFloor | None = NoticeFloor.objects.first()
    if found is not None:
        return found
    first = Run.objects.filter(queued_at__gte=now - NEWS_AGE).aggregate(first=Min("pk"))["first"]
    newest = Run.objects.order_by("-pk").values_list("pk", flat=True).first()
    start = first - 1 if first else newest or 0
    return NoticeFloor.objects.get_or_create(pk=1, defaults={"run_id": start})[0]


def _raise_floor(floor: NoticeFloor, now: datetime) -> None:
    settled = Run.objects.filter(queued_at__lt=now - SETTLED).order_by("-pk").values_list("pk", flat=True).first()
    live = Run.objects.exclude(state=RunState.FINISHED).aggregate(first=Min("pk"))["first"]
    undecided = Run.objects.filter(pk__gt=floor.run_id, state=RunState.FINISHED, dry=False, notice__isnull=True)
    waiting = undecided.aggregate(first=Min("pk"))["first"]
    limits = [pk - 1 for pk in (live, waiting) if pk is not None]
    if settled is None:
        return
    NoticeFloor.objects.filter(pk=floor.pk, run_id__lt=min([settled, *limits])).update(run_id=min([settled, *limits]))


# --- Digests -----------------------------------------------------------------------------------------------------


def gather(now: datetime | None = None) -> int:
    """Makes one mail of the waiting notices of every profile whose digest is due; returns how many mails."""
    moment = now or timezone.now()
    waiting = Notice.objects.filter(state=NoticeState.WAITING).order_by()
    firsts = {row["profile"]: row["first"] for row in waiting.values("profile").annotate(first=Min("created_at"))}
    profiles = Profile.objects.filter(pk__in=firsts).select_related("tenant").defer("match_report")
    return sum(_gather_one(profile, firsts[profile.pk], moment) for profile in profiles)


def digest_due(options: NotificationsSection, profile: Profile, first: datetime) -> datetime:
    """When the digest goes out that holds a notice of ``first``; at once when digests were switched off since."""
    if options.digest == "off":
        return first
    start = first.astimezone(profile.tenant.zone).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    rule = Recurrence(
        start=(start - timedelta(days=1)).replace(hour=options.digest_hour, fold=0),
        every=Every.WEEK,
        weekdays=frozenset({1}) if options.digest == "weekly" else frozenset(range(1, 8)),
    )
    return next_time(rule, first, profile.tenant.zone) or first


def _gather_one(profile: Profile, first: datetime, now: datetime) -> int:
    if digest_due(notification_options(profile), profile, first) > now:
        return 0
    with transaction.atomic():
        rows = Notice.objects.select_for_update(of=("self",)).filter(profile=profile, state=NoticeState.WAITING)
        ids = list(rows.values_list("pk", flat=True))
        if not ids:
            return 0
        digest = Notice.objects.create(profile=profile, kind=NoticeKind.DIGEST, due_at=now)
        Notice.objects.filter(pk__in=ids).update(state=NoticeState.SENT, digest=digest, sent_at=now)
    return 1


# --- Sending -----------------------------------------------------------------------------------------------------


def deliver(now: datetime | None = None) -> int:
    """Sends pending notices and returns how many left; a mail server that is away is tried again, five times."""
    moment = now or timezone.now()
    rows = Notice.objects.filter(state=NoticeState.PENDING, due_at__lte=moment)
    pending = list(rows.select_related("profile__tenant", "run__profile").order_by("due_at", "pk")[:MAILS_PER_ROUND])
    return _send_all(pending, moment) if pending else 0


def _send_all(pending: Iterable[Notice], now: datetime) -> int:
    sent = 0
    for notice in pending:
        if not _claim(notice, now):
            continue
        with bind(tenant=notice.profile.tenant_id, profile=notice.profile_id, run=notice.run_id, flow=notice.flow):
            sent += _send(notice, now)
    return sent


def _claim(notice: Notice, now: datetime) -> bool:
    """Takes one attempt; the next is due later, also when this process dies before it could say how it went."""
    wait = RETRIES[min(notice.attempts, len(RETRIES) - 1)]
    row = Notice.objects.filter(pk=notice.pk, state=NoticeState.PENDING, attempts=notice.attempts)
    return bool(row.update(attempts=F("attempts") + 1, due_at=now + wait))


def _send(notice: Notice, now: datetime) -> bool:
    row = Notice.objects.filter(pk=notice.pk)
    try:
        left = mails.send(notice)
    except (OSError, SMTPException) as error:
        given_up = notice.attempts + 1 > len(RETRIES)
        logger.warning(
            "a notification could not be sent",
            extra={"notice": notice.pk, "error": type(error).__name__, "given_up": given_up},
        )
        if given_up:
            row.update(state=NoticeState.FAILED)
        return False
    row.update(state=NoticeState.SENT if left else NoticeState.NONE, sent_at=now if left else None)
    return left
