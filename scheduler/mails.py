"""Texts of notifications, in the language and time zone of the tenant, and their sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import Count, Min
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from connectors.core.texts import Text
from profiles.models import Membership, Role
from profiles.sections import NotificationsSection
from profiles.texts import rendered, said
from scheduler.attachments import journal_attachment
from scheduler.models import Notice, NoticeKind
from scheduler.options import notification_options
from scheduler.watchdog import late_problem
from sync.models import JournalEntry, Run, RunResult
from sync.presentation.journal import BAD
from sync.presentation.problems import causes_of
from sync.presentation.runs import duration
from sync.templatetags.sync_ui import flow_label, run_counts

CAUSES_SHOWN = 12
SUBJECT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One cause in a mail: never one line per item (pitfall P33)."""

    sentence: str
    advice: str
    count: int


@dataclass(slots=True)
class FlowSummary:
    """What the runs of one flow did in the period of a digest."""

    flow: str
    runs: int = 0
    good: int = 0
    partial: int = 0
    failed: int = 0
    created: int = 0
    updated: int = 0
    units: int = 0


def send(notice: Notice) -> bool:
    """Sends one notice; False when nobody is left to write to. Raises ``OSError`` and ``SMTPException``.

    Waits for the mail server at most ``EMAIL_TIMEOUT`` seconds per exchange.
    """
    options = notification_options(notice.profile)
    recipients = options.addresses or _owners_for(notice)
    if not recipients:
        return False
    tenant = notice.profile.tenant
    with translation.override(tenant.language), timezone.override(tenant.zone):
        message = _message(notice, options, recipients)
    return bool(message.send())


def _owners_for(notice: Notice) -> list[str]:
    """A standstill must reach somebody: without recipients, the owners hear of it, and of its end."""
    if notice.kind not in (NoticeKind.LATE, NoticeKind.RECOVERED):
        return []
    owners = Membership.objects.for_tenant(notice.profile.tenant).filter(role=Role.OWNER, user__is_active=True)
    return list(owners.order_by("pk").values_list("user__email", flat=True))


def _message(notice: Notice, options: NotificationsSection, recipients: Sequence[str]) -> EmailMultiAlternatives:
    build = {NoticeKind.LATE: _late, NoticeKind.DIGEST: _digest}.get(NoticeKind(notice.kind), _run)
    template, result, context = build(notice)
    context |= {"profile": notice.profile, "tenant": notice.profile.tenant, "settings_link": _settings_link(notice)}
    message = EmailMultiAlternatives(
        subject=_subject(notice, options, result),
        body=render_to_string(f"scheduler/mail/{template}.txt", context),
        to=list(recipients),
        # Mail servers and people on holiday need not answer a machine.
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"scheduler/mail/{template}.html", context), "text/html")
    if notice.run is not None and options.attach_journal != "no":
        message.attach(*journal_attachment(notice.run, options.attach_journal))
    return message


def _subject(notice: Notice, options: NotificationsSection, result: str) -> str:
    """The subject with its placeholders filled in; only those are replaced, and it stays one line."""
    flow = _("résumé") if notice.kind == NoticeKind.DIGEST else flow_label(notice.flow)
    when = notice.run.ended_at if notice.run is not None and notice.run.ended_at else notice.created_at
    date = formats.date_format(timezone.localtime(when), "SHORT_DATETIME_FORMAT")
    text = options.subject or "AtooSync · {profil} · {traitement} : {resultat}"
    for names, value in (
        (("profil", "profile"), notice.profile.name),
        (("traitement", "flow"), flow),
        (("resultat", "result"), result),
        (("date",), date),
    ):
        for name in names:
            text = text.replace(f"{{{name}}}", value)
    return " ".join(text.split())[:SUBJECT_LIMIT]


def _link(name: str, *args: Any) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name, args=args)}"


def _settings_link(notice: Notice) -> str:
    return _link("profiles:settings", notice.profile_id, NotificationsSection.section)


def _run(notice: Notice) -> tuple[str, str, dict[str, Any]]:
    run = notice.run
    if run is None:
        raise ValueError("A notice about a run needs the run.")
    recovered = notice.kind == NoticeKind.RECOVERED
    result = str(RunResult(run.result).label)
    context = {
        "run": run,
        "result": result,
        "flow": flow_label(run.flow),
        "recovered": recovered,
        "duration": duration(run),
        "counts": run_counts(run),
        "message": said(run, "message") if run.message_code else "",
        "advice": said(run, "advice"),
        "causes": _causes_of_run(run),
        "link": _link("sync:run", run.pk),
    }
    return "run", str(_("retour à la normale")) if recovered else result.lower(), context


def _causes_of_run(run: Run) -> list[Line]:
    if not run.refused + run.failed + run.deferred:
        return []
    return [Line(cause.sentence, cause.advice, cause.count) for cause in causes_of(run)]


def _late(notice: Notice) -> tuple[str, str, dict[str, Any]]:
    problem = late_problem(notice.flow, Text.loads(notice.values.get("reason")))
    context = {
        "sentence": rendered(problem.said),
        "since": datetime.fromisoformat(notice.values["since"]),
        "last": Run.objects.filter(profile=notice.profile, flow=notice.flow, dry=False).order_by("-pk").first(),
        "link": _link("scheduler:list"),
    }
    return "late", str(_("en retard")), context


def _digest(notice: Notice) -> tuple[str, str, dict[str, Any]]:
    runs = Run.objects.filter(notice__digest=notice).order_by("ended_at", "pk").defer("cursor")
    rows = list(runs)
    flows: dict[str, FlowSummary] = {}
    for run in rows:
        _add(flows.setdefault(run.flow, FlowSummary(flow_label(run.flow))), run)
    failed = sum(one.failed for one in flows.values())
    count = len(rows)
    result = _("%(count)s exécutions, %(failed)s en échec") % {"count": count, "failed": failed}
    context = {
        "flows": list(flows.values()),
        "since": rows[0].ended_at if rows else notice.created_at,
        "until": rows[-1].ended_at if rows else notice.created_at,
        "causes": _causes_of_runs([run.pk for run in rows]),
        "link": _link("sync:run_list_profile", notice.profile_id),
    }
    return "digest", result, context


def _add(summary: FlowSummary, run: Run) -> None:
    summary.runs += 1
    summary.good += run.result == RunResult.SUCCESS
    summary.partial += run.result == RunResult.PARTIAL
    summary.failed += run.result in (RunResult.FAILED, RunResult.QUOTA, RunResult.APPROVAL)
    summary.created += run.created
    summary.updated += run.updated
    summary.units += run.units


def _causes_of_runs(run_ids: Sequence[int]) -> list[Line]:
    """Causes over all runs of a digest, an item that failed in several of them counted once."""
    rows = JournalEntry.objects.filter(run_id__in=run_ids, outcome__in=BAD).order_by().values("code")
    counted = list(rows.annotate(items=Count("item_key", distinct=True), sample=Min("pk")).order_by("-items", "code"))
    samples = JournalEntry.objects.only("text", "advice", "told").in_bulk(
        [row["sample"] for row in counted[:CAUSES_SHOWN]]
    )
    return [
        Line(said(samples[row["sample"]], "text"), said(samples[row["sample"]], "advice"), row["items"])
        for row in counted[:CAUSES_SHOWN]
    ]
