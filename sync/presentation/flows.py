"""Cards of the synchronisation page: each flow with its last run and what is still missing before it may start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from connectors.canonical.keys import Direction, Entity
from connectors.core.options import is_visible
from profiles import options_store
from profiles.models import Profile
from profiles.services import MissingOption
from sync import services
from sync.flows.base import Flow
from sync.models import Run
from sync.presentation.places import settings_address
from sync.presentation.runs import last_runs, read_since

_EMPTY: tuple[object, ...] = (None, "", [], (), {})


@dataclass(frozen=True, slots=True)
class ChecklistEntry:
    """A setting that must be filled in before a flow may start, with the address of its field."""

    label: str
    section_title: str
    help: str
    address: str


@dataclass(slots=True)
class FlowCard:
    """One card: the flow, its last run, its live run, its checklist, and since when changes are read."""

    flow: Flow
    last: Run | None
    live: Run | None
    missing: list[ChecklistEntry] = field(default_factory=list)
    since: datetime | None = None

    @property
    def may_start(self) -> bool:
        """Whether nothing is missing and no run of this flow lives."""
        return not self.missing and self.live is None

    @property
    def may_resend_since(self) -> bool:
        """Whether the day since when changes are read may be set back."""
        return services.may_resend_since(self.flow)


@dataclass(frozen=True, slots=True)
class CardGroup:
    """Cards that belong together, under a heading."""

    title: str
    cards: list[FlowCard] = field(default_factory=list)


def grouped(found: Iterable[FlowCard]) -> list[CardGroup]:
    """The cards by what they carry: goods to the shop, sales to the ERP, news of sales to the shop; no empty group."""
    goods = CardGroup(_("Catalogue vers la boutique"))
    sales = CardGroup(_("Ventes vers l’ERP"))
    news = CardGroup(_("Suivi des ventes"))
    for card in found:
        exported = news if card.flow.entity is Entity.ORDER else goods
        (sales if card.flow.direction is Direction.IMPORT else exported).cards.append(card)
    return [group for group in (goods, sales, news) if group.cards]


def cards(profile: Profile, live: Sequence[Run]) -> list[FlowCard]:
    """Cards of a profile in their order, with a fixed number of queries. Raises ``LookupError`` without a connector."""
    flows = services.available_flows(profile)
    missing = missing_by_flow(profile, flows)
    last = last_runs(profile)
    since = read_since(profile)
    alive = {run.flow: run for run in live if run.profile_id == profile.pk and not run.dry}
    return [
        FlowCard(
            flow=flow,
            last=last.get(flow.key),
            live=alive.get(flow.key),
            missing=[entry_of(profile, option) for option in missing[flow.key]],
            since=since.get(flow.key),
        )
        for flow in flows
    ]


def missing_by_flow(profile: Profile, flows: Iterable[Flow]) -> dict[str, list[MissingOption]]:
    """What ``profiles.services.missing_options`` answers for each flow, reading the settings once for all of them."""
    stored = options_store.stored(profile)
    held = options_store.secrets_set(profile)
    found: dict[str, list[MissingOption]] = {flow.key: [] for flow in flows}
    for name, section in options_store.sections_of(profile).items():
        infos = section.infos()
        values = {key: info.default for key, info in infos.items() if not info.is_secret and not info.required}
        values.update(stored.get(name, {}))
        for info in infos.values():
            empty = values.get(info.name) in _EMPTY and (name, info.name) not in held
            if not empty or not is_visible(info, values):
                continue
            for key in found:
                if info.is_needed_by(key):
                    found[key].append(MissingOption(name, section.title, info))
    return found


def entry_of(profile: Profile, option: MissingOption) -> ChecklistEntry:
    """One entry of the checklist."""
    return ChecklistEntry(
        label=option.info.label,
        section_title=option.section_title,
        help=option.info.help,
        address=settings_address(profile.pk, option.section, option.info.name),
    )
