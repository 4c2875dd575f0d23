"""Page of the match report: counts, samples of each class, and what was decided since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.canonical.keys import Entity
from profiles.models import Profile
from sync.models import Link, LinkStatus, Run, RunState

ROWS_SHOWN = 50
CLASSES = ("sure", "ambiguous", "only_erp", "only_shop")


@dataclass(frozen=True, slots=True)
class Question:
    """An article that resembles several products of the shop, its candidates, and the decision if there is one."""

    erp: Mapping[str, str]
    candidates: list[Mapping[str, str]]
    reason: str
    chosen: str
    is_new: bool

    @property
    def is_open(self) -> bool:
        """Whether a person still has to decide."""
        return not self.chosen and not self.is_new


@dataclass(frozen=True, slots=True)
class MatchView:
    """The report as the page shows it; ``run`` is the live run that applies it, if any."""

    counts: Mapping[str, int]
    rows: list[Mapping[str, Any]]
    shown: str
    questions: list[Question]
    run: Run | None

    @property
    def is_empty(self) -> bool:
        """Whether no report was made yet."""
        return not self.counts

    @property
    def open_questions(self) -> int:
        """Questions of the report that still wait."""
        return sum(question.is_open for question in self.questions)

    @property
    def total(self) -> int:
        """Entries of the class shown, beyond the samples too."""
        return self.counts.get(self.shown, 0)


def match_view(profile: Profile, shown: str) -> MatchView:
    """The report of a profile, with two queries."""
    report = profile.match_report
    name = shown if shown in CLASSES else "ambiguous" if report.get("ambiguous") else "sure"
    live = Run.objects.filter(profile=profile, flow="match").exclude(state=RunState.FINISHED).first()
    return MatchView(
        counts=report.get("counts", {}),
        rows=list(report.get(name, [])) if name != "ambiguous" else [],
        shown=name,
        questions=_questions(profile, report.get("ambiguous", [])),
        run=live,
    )


def _questions(profile: Profile, rows: list[Mapping[str, Any]]) -> list[Question]:
    keys = [row["erp"]["key"] for row in rows]
    links = {
        key: (status, shop_key or "")
        for key, status, shop_key in Link.objects.filter(
            profile=profile, entity=Entity.PRODUCT, erp_key__in=keys
        ).values_list("erp_key", "status", "shop_key")
    }
    applied = profile.match_state == "approved"
    return [_question(row, links.get(row["erp"]["key"]), applied=applied) for row in rows]


def _question(row: Mapping[str, Any], link: tuple[str, str] | None, *, applied: bool) -> Question:
    status, shop_key = link or ("", "")
    return Question(
        erp=row["erp"],
        candidates=list(row["candidates"]),
        reason=row["reason"],
        chosen=shop_key if status == LinkStatus.LINKED else "",
        is_new=applied and (link is None or status in (LinkStatus.WANTED, LinkStatus.CREATING)),
    )
