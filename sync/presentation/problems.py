"""Causes: one per problem code with all its victims, of one run and over all profiles (pitfall P33)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, Window
from django.db.models.functions import RowNumber

from profiles.models import Profile
from profiles.texts import said
from sync.flows import registry
from sync.models import JournalEntry, LinkState, Run, RunState
from sync.presentation.journal import BAD
from sync.presentation.places import Link, links_for

VICTIMS_SHOWN = 5
CAUSES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of a run: how many items it hit, the first of them, and where it is mended.

    ``sentence`` and ``advice`` are in the active language. The sentence is that of every victim when they agree;
    otherwise each victim shows its own (``differs``).
    """

    code: str
    sentence: str
    advice: str
    count: int
    outcome: str
    victims: list[JournalEntry]
    links: list[Link]
    differs: bool

    @property
    def retried(self) -> bool:
        """Whether a person sent its items again already."""
        return all(victim.retried for victim in self.victims)

    @property
    def more(self) -> int:
        """Victims beyond those shown."""
        return self.count - len(self.victims)


def causes_of(run: Run) -> list[Cause]:
    """Causes of a run, the most frequent first, with two queries however many items failed."""
    ranked = (
        JournalEntry.objects.filter(run=run, outcome__in=BAD)
        .order_by()
        .annotate(
            place=Window(RowNumber(), partition_by=F("code"), order_by="id"),
            total=Window(Count("*"), partition_by=F("code")),
        )
        .filter(place__lte=VICTIMS_SHOWN)
        .values_list("code", "id", "total")
    )
    totals: dict[str, int] = {}
    ids: dict[str, list[int]] = defaultdict(list)
    for code, pk, total in ranked:
        totals[code] = total
        ids[code].append(pk)
    codes = sorted(totals, key=lambda code: (-totals[code], code))[:CAUSES_SHOWN]
    rows = JournalEntry.objects.filter(pk__in=[pk for code in codes for pk in ids[code]]).defer("detail")
    by_code: dict[str, list[JournalEntry]] = defaultdict(list)
    for row in rows.order_by("pk"):
        by_code[row.code].append(row)
    return [_cause(code, totals[code], by_code[code], run.profile_id) for code in codes if by_code[code]]


def _cause(code: str, total: int, victims: list[JournalEntry], profile_id: int) -> Cause:
    first = victims[0]
    return Cause(
        code=code,
        sentence=said(first, "text"),
        advice=said(first, "advice"),
        count=total,
        outcome=first.outcome,
        victims=victims,
        links=links_for(code, profile_id),
        differs=len({victim.text for victim in victims}) > 1,
    )


@dataclass(slots=True)
class OpenProblem:
    """A cause that waits for a person, over all runs of a profile, in the active language."""

    profile: Profile
    code: str
    sentence: str
    advice: str
    count: int
    run_id: int
    flow: str
    at: datetime | None = None
    links: list[Link] = field(default_factory=list)


Group = tuple[int, str, str, str]  # profile, entity, aspect, code


def open_problems(profiles: Sequence[Profile]) -> list[OpenProblem]:
    """What needs a hand now: items held by their links, and items refused in the last reading of each flow.

    Both sources are merged by profile, entity, aspect and code; the larger count holds (an item refused when it was
    sent is in both). Five queries, whatever the number of runs and lines.
    """
    by_id = {profile.pk: profile for profile in profiles}
    latest = _latest_runs(by_id)
    held = {_group(row): row for row in _held(by_id)}
    lines = _gathered(_refused_lines(latest))
    samples = _samples(row["sample"] for row in lines.values())
    states = _states(row["sample"] for group, row in held.items() if group not in lines)
    found = []
    for group in held.keys() | lines.keys():
        problem = _open(by_id[group[0]], group, held.get(group), lines.get(group), samples, states)
        found.append(problem)
    return sorted(found, key=lambda one: (-one.count, one.profile.name, one.code))


@dataclass(frozen=True, slots=True)
class _Readings:
    """Runs whose refusals may still hold, by id; ``last`` are those after which their flow did not run again."""

    runs: dict[int, Run]
    last: set[int]


def _latest_runs(by_id: dict[int, Profile]) -> _Readings:
    """The last complete reading of each flow, and the runs since.

    A run that reads only what changed says nothing of the rest, so a flow that can do so goes back to its last full
    reading.
    """
    newest = (
        Run.objects.filter(profile_id__in=by_id, dry=False, state=RunState.FINISHED, read__gt=0, scope_key="")
        .order_by()
        .values("profile_id", "flow")
        .annotate(newest=Max("pk"), full=Max("pk", filter=Q(full=True)))
    )
    since, last = Q(), set()
    for row in newest:
        base = (row["full"] or row["newest"]) if _is_incremental(row["flow"]) else row["newest"]
        since |= Q(profile_id=row["profile_id"], flow=row["flow"], pk__gte=base)
        last |= {base} & {row["newest"]}
    if not since:
        return _Readings({}, set())
    bad = Q(refused__gt=0) | Q(failed__gt=0) | Q(deferred__gt=0)
    rows = Run.objects.filter(since, bad, state=RunState.FINISHED, dry=False).only("pk", "profile_id", "flow")
    return _Readings({run.pk: run for run in rows}, last)


def _is_incremental(key: str) -> bool:
    flow = registry.all_flows().get(key)
    return flow is not None and flow.incremental


def _held(by_id: dict[int, Profile]) -> list[dict[str, Any]]:
    rows = LinkState.objects.filter(link__profile_id__in=by_id).exclude(held_hash="").exclude(problem_code="")
    grouped = rows.order_by().values("link__profile_id", "link__entity", "aspect", "problem_code")
    counted = grouped.annotate(count=Count("pk"), sample=Min("pk"), at=Max("touched_at"), run=Max("run_id"))
    return [
        {
            "profile_id": row["link__profile_id"],
            "entity": row["link__entity"],
            "aspect_name": row["aspect"],
            "code": row["problem_code"],
            "count": row["count"],
            "sample": row["sample"],
            "at": row["at"],
            "run": row["run"],
        }
        for row in counted
    ]


def _refused_lines(latest: _Readings) -> list[dict[str, Any]]:
    """Refused items by run and cause, without those that a person sent again or that a later run wrote about."""
    if not latest.runs:
        return []
    newer = JournalEntry.objects.filter(
        profile_id=OuterRef("profile_id"),
        entity=OuterRef("entity"),
        item_key=OuterRef("item_key"),
        pk__gt=OuterRef("pk"),
        run__flow=OuterRef("run__flow"),
        run__dry=False,
    )
    rows = JournalEntry.objects.filter(run_id__in=latest.runs, outcome__in=BAD, retried=False)
    if latest.runs.keys() - latest.last:
        rows = rows.filter(Q(run_id__in=latest.last) | ~Exists(newer))
    counted = rows.order_by().values("run_id", "code").annotate(count=Count("pk"), sample=Min("pk"))
    return [{**row, **_identity(latest.runs[row["run_id"]])} for row in counted]


def _gathered(rows: list[dict[str, Any]]) -> dict[Group, dict[str, Any]]:
    """One row per cause: runs of one flow add up, and of several flows over the same items the worst counts."""
    by_flow: dict[tuple[Group, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: int(row["run_id"])):
        before = by_flow.get((_group(row), row["flow"]))
        by_flow[_group(row), row["flow"]] = {**row, "count": row["count"] + (before["count"] if before else 0)}
    ranked = sorted(by_flow.items(), key=lambda pair: int(pair[1]["count"]))
    return {group: row for (group, _flow), row in ranked}


def _identity(run: Run) -> dict[str, Any]:
    try:
        flow = registry.by_key(run.flow)
    except LookupError:
        return {"profile_id": run.profile_id, "entity": run.flow, "aspect_name": "", "flow": run.flow}
    return {
        "profile_id": run.profile_id,
        "entity": flow.entity.value,
        "aspect_name": flow.aspect.value,
        "flow": run.flow,
    }


def _group(row: dict[str, Any]) -> Group:
    return row["profile_id"], row["entity"], row["aspect_name"], row["code"]


def _samples(ids: Iterable[int]) -> dict[int, JournalEntry]:
    wanted = list(ids)
    return JournalEntry.objects.only("text", "advice", "told", "at", "run_id").in_bulk(wanted) if wanted else {}


def _states(ids: Iterable[int]) -> dict[int, LinkState]:
    wanted = list(ids)
    return LinkState.objects.only("problem", "advice", "told").in_bulk(wanted) if wanted else {}


def _open(
    profile: Profile,
    group: Group,
    held: dict[str, Any] | None,
    line: dict[str, Any] | None,
    samples: dict[int, JournalEntry],
    states: dict[int, LinkState],
) -> OpenProblem:
    sample = samples.get(line["sample"]) if line else None
    state = states.get(held["sample"]) if held else None
    return OpenProblem(
        profile=profile,
        code=group[3],
        sentence=said(sample, "text") if sample else said(state, "problem") if state else "",
        advice=said(sample, "advice") if sample else said(state, "advice") if state else "",
        count=max(held["count"] if held else 0, line["count"] if line else 0),
        run_id=line["run_id"] if line else held["run"] if held else 0,
        flow=line["flow"] if line else _flow_of(group),
        at=sample.at if sample else held["at"] if held else None,
        links=links_for(group[3], profile.pk),
    )


def _flow_of(group: Group) -> str:
    flows = registry.all_flows().values()
    found = (flow.key for flow in flows if (flow.entity.value, flow.aspect.value) == group[1:3] and not flow.hidden)
    return next(found, "")
