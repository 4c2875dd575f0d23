"""Bulk look-up and writes of links: the only module that writes the link tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from django.db import IntegrityError, connection
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.utils import timezone

from connectors.canonical.keys import Aspect, Direction, Entity
from sync.engine.upsert import upsert
from sync.models import Link, LinkState, LinkStatus

_CHUNK = 500
T = TypeVar("T")


class LinkView(NamedTuple):
    """What the engine needs to know of one link and one aspect, read in bulk.

    A named tuple: tens of thousands of them are made per run, most of them only to be compared with one hash.
    """

    link_id: int
    entity: str
    key: str
    remote_key: str
    remote_parent: str
    status: str
    token: str
    sent_hash: str = ""
    held_hash: str = ""
    outcome: str = ""
    problem_code: str = ""
    attempts: int = 0
    not_before: datetime | None = None
    run_id: int = 0

    @property
    def is_untouched(self) -> bool:
        """Whether this aspect was never sent, nor tried; what was forgotten on demand is to be sent again."""
        return not (self.sent_hash or self.held_hash or self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkWrite:
    """New identity of one link. ``remote_key`` empty keeps what is stored, and so do ``steps`` that are ``None``."""

    entity: Entity
    key: str
    remote_key: str = ""
    remote_parent: str = ""
    status: LinkStatus = LinkStatus.LINKED
    reference: str = ""
    label: str = ""
    token: str = ""
    steps: Mapping[str, str] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateWrite:
    """New state of one aspect of one link, found by entity and key."""

    entity: Entity
    key: str
    aspect: Aspect
    sent_hash: str = ""
    held_hash: str = ""
    outcome: str = ""
    problem_code: str = ""
    problem: str = ""
    advice: str = ""
    told: Mapping[str, Any] | None = None
    attempts: int = 0
    not_before: datetime | None = None
    run_id: int = 0


class LinkBook:
    """The links of one profile. Every method works on many links in a few statements.

    A *key* belongs to the side that is read, a *remote key* to the side that is written: exports read the ERP and write
    the shop, imports the other way round.
    """

    def __init__(self, profile_id: int, direction: Direction = Direction.EXPORT) -> None:
        self.profile_id = profile_id
        exports = direction is Direction.EXPORT
        self.near, self.far = ("erp_key", "shop_key") if exports else ("shop_key", "erp_key")

    def lookup(self, entity: Entity, aspect: Aspect, keys: Collection[str]) -> dict[str, LinkView]:
        """Links by key with the state of one aspect; keys without a link are absent."""
        statement, listed = _lookup_statement(connection.vendor, self.near, self.far)
        with connection.cursor() as cursor:
            cursor.execute(statement, [aspect.value, self.profile_id, entity.value, listed(list(keys))])
            return {row[2]: LinkView._make(row) for row in map(_with_zone, cursor.fetchall())}

    def remote_keys(self, entity: Entity, keys: Collection[str]) -> dict[str, str]:
        """Remote keys of the linked objects among ``keys``."""
        found: dict[str, str] = {}
        for chunk in _chunks(sorted(keys)):
            rows = self._rows(entity, **{f"{self.near}__in": chunk}).filter(status=LinkStatus.LINKED)
            found.update((key, remote or "") for key, remote in rows.values_list(self.near, self.far))
        return found

    def owners(self, entity: Entity, remote_keys: Collection[str]) -> dict[str, str]:
        """Keys that remote objects already belong to, by remote key."""
        found: dict[str, str] = {}
        for chunk in _chunks(sorted({key for key in remote_keys if key})):
            rows = self._rows(entity, **{f"{self.far}__in": chunk})
            found.update((remote or "", key or "") for remote, key in rows.values_list(self.far, self.near))
        return found

    def steps(self, entity: Entity, keys: Collection[str]) -> dict[str, dict[str, str]]:
        """What creations in several steps have done so far, by key."""
        found: dict[str, dict[str, str]] = {}
        for chunk in _chunks(sorted(keys)):
            rows = self._rows(entity, **{f"{self.near}__in": chunk}).exclude(steps={})
            found.update((key or "", steps) for key, steps in rows.values_list(self.near, "steps"))
        return found

    def children(self, product_keys: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Variant links of products given as ERP key to shop key: ERP key to (variant key to shop key)."""
        by_shop = {shop: erp for erp, shop in product_keys.items() if shop}
        found: dict[str, dict[str, str]] = {}
        for chunk in _chunks(sorted(by_shop)):
            rows = Link.objects.filter(
                profile_id=self.profile_id,
                entity=Entity.VARIANT,
                shop_parent__in=chunk,
                status=LinkStatus.LINKED,
            )
            for erp_key, shop_key, parent in rows.values_list("erp_key", "shop_key", "shop_parent"):
                found.setdefault(by_shop[parent], {})[erp_key or ""] = shop_key or ""
        return found

    def due(self, entity: Entity, aspect: Aspect, now: datetime) -> list[str]:
        """Keys whose retry clock has run out, oldest first."""
        rows = LinkState.objects.filter(
            link__profile_id=self.profile_id, link__entity=entity, aspect=aspect, not_before__lte=now
        ).order_by("not_before")
        return list(rows.values_list(f"link__{self.near}", flat=True))

    def accounted(self, entity: Entity, aspect: Aspect, run_id: int) -> set[str]:
        """Keys that a run has accounted for and that are not done: what it may read again, to count them no more."""
        rows = self._with_state(aspect).filter(Q(("state__run_id", run_id)), entity=entity)
        waiting = Q(status=LinkStatus.CREATING) | Q(("state__not_before__isnull", False))
        return {key or "" for key in rows.filter(waiting).values_list(self.near, flat=True)}

    def account(self, entity: Entity, aspect: Aspect, keys: Collection[str], run_id: int) -> None:
        """Notes that a run has accounted for these keys; nothing else of their state changes. Part of the caller's
        transaction. Keys without a link are left out."""
        for chunk in _chunks(sorted(keys)):
            ids = self._rows(entity, **{f"{self.near}__in": chunk}).values_list("pk", flat=True)
            rows = [LinkState(link_id=pk, aspect=aspect, run_id=run_id) for pk in ids]
            LinkState.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["link", "aspect"], update_fields=["run_id"]
            )

    def held(self, entity: Entity, aspect: Aspect) -> list[str]:
        """Keys that are refused or failed now, for «retry all failed»."""
        rows = LinkState.objects.filter(link__profile_id=self.profile_id, link__entity=entity, aspect=aspect).exclude(
            held_hash=""
        )
        return list(rows.values_list(f"link__{self.near}", flat=True))

    def open_intents(self, entity: Entity, aspect: Aspect, now: datetime) -> list[str]:
        """Keys whose create may have happened without being recorded, except those that wait for their clock."""
        waits = Q(("state__not_before__gt", now))
        rows = self._with_state(aspect).filter(entity=entity, status=LinkStatus.CREATING).exclude(waits)
        return list(rows.order_by("pk").values_list(self.near, flat=True))

    def unfinished(self, entity: Entity, aspect: Aspect, keys: Collection[str]) -> set[str]:
        """Those of ``keys`` whose create may have happened unrecorded, or whose last content was refused or failed."""
        found: set[str] = set()
        held = Q(state__isnull=False) & ~Q(state__held_hash="")
        for chunk in _chunks(sorted(keys)):
            rows = self._with_state(aspect).filter(entity=entity, **{f"{self.near}__in": chunk})
            found.update(
                key or "" for key in rows.filter(Q(status=LinkStatus.CREATING) | held).values_list(self.near, flat=True)
            )
        return found

    def linked_keys(self, entity: Entity) -> Iterator[tuple[str, str]]:
        """Every linked pair (key, remote key), streamed."""
        rows = self._rows(entity, status=LinkStatus.LINKED)
        for key, remote in rows.order_by("pk").values_list(self.near, self.far).iterator(chunk_size=2000):
            yield key or "", remote or ""

    def linked_count(self, entity: Entity) -> int:
        """How many objects are linked."""
        return self._rows(entity, status=LinkStatus.LINKED).count()

    def intend(self, writes: Sequence[LinkWrite]) -> None:
        """Stores intents before creates; must be committed before the call to the shop."""
        self._upsert(writes)

    def bind(self, links: Sequence[LinkWrite], states: Sequence[StateWrite]) -> None:
        """Writes identities, then states. Part of the caller's transaction.

        A shop key that already belongs to another ERP key raises ``IntegrityError``: two articles never share one
        product of the shop.
        """
        self._drop_replaced_variants(links)
        self._upsert(links)
        self._write_states(states)

    def forget(self, entity: Entity, keys: Collection[str]) -> int:
        """Deletes links, so that the objects are looked for, and created if absent, at the next run."""
        deleted = 0
        for chunk in _chunks(sorted(keys)):
            rows = self._rows(entity, **{f"{self.near}__in": chunk})
            deleted += rows.delete()[1].get("sync.Link", 0)
        return deleted

    def forget_labels(self, entity: Entity, keys: Collection[str]) -> None:
        """Removes the names of objects whose personal data must not be kept."""
        for chunk in _chunks(sorted(keys)):
            self._rows(entity, **{f"{self.near}__in": chunk}).exclude(label="").update(label="")

    def release_holds(self, entity: Entity, aspect: Aspect, keys: Collection[str]) -> None:
        """Lets held items be sent again at the next run, as a person asked."""
        for chunk in _chunks(sorted(keys)):
            self._states(entity, aspect, chunk).update(held_hash="", not_before=None, attempts=0)

    def forget_sent(self, aspect: Aspect, entity: Entity | None = None, *, since: datetime | None = None) -> int:
        """Forgets what was last sent (``since`` a moment, else ever), so that it is sent again. Returns how many."""
        rows = LinkState.objects.filter(link__profile_id=self.profile_id, aspect=aspect)
        if entity is not None:
            rows = rows.filter(link__entity=entity)
        if since is not None:
            rows = rows.filter(touched_at__gte=since).exclude(sent_hash="")
        return rows.update(sent_hash="")

    def forget_sent_of(self, entity: Entity, aspect: Aspect, keys: Collection[str]) -> None:
        """Forgets what was last sent of these keys, so that they are sent again."""
        for chunk in _chunks(sorted(keys)):
            self._states(entity, aspect, chunk).update(sent_hash="")

    def settle(self, entity: Entity, aspect: Aspect, key: str, steps: Mapping[str, str]) -> None:
        """A person dealt with what a link was held for: its content counts as sent, its steps become these."""
        self._rows(entity, **{self.near: key}).update(steps=dict(steps), updated_at=timezone.now())
        held = self._states(entity, aspect, [key]).filter(not_before=None).exclude(held_hash="")
        held.update(
            sent_hash=F("held_hash"), held_hash="", outcome="", problem_code="", problem="", advice="", told=None,
            attempts=0, not_before=None,
        )  # fmt: skip

    def _drop_replaced_variants(self, links: Sequence[LinkWrite]) -> None:
        """A range value deleted and made again in the ERP has a new key but keeps its variant in the shop."""
        variants = [link for link in links if link.entity is Entity.VARIANT and link.remote_key]
        for chunk in _chunks(variants):
            Link.objects.filter(
                profile_id=self.profile_id,
                entity=Entity.VARIANT,
                shop_key__in=[link.remote_key for link in chunk],
                shop_parent__in={link.remote_parent for link in chunk},
            ).exclude(erp_key__in=[link.key for link in chunk]).delete()

    def _rows(self, entity: Entity, **where: Any) -> QuerySet[Link]:
        rows: QuerySet[Link] = Link.objects.filter(profile_id=self.profile_id, entity=entity, **where)
        return rows

    def _states(self, entity: Entity, aspect: Aspect, keys: list[str]) -> QuerySet[LinkState]:
        where = {f"link__{self.near}__in": keys}
        rows: QuerySet[LinkState] = LinkState.objects.filter(
            link__profile_id=self.profile_id, link__entity=entity, aspect=aspect, **where
        )
        return rows

    def _with_state(self, aspect: Aspect) -> QuerySet[Link]:
        links: QuerySet[Link] = Link.objects.filter(profile_id=self.profile_id)
        return links.annotate(state=FilteredRelation("states", condition=Q(states__aspect=aspect)))

    def _upsert(self, writes: Sequence[LinkWrite]) -> None:
        now = timezone.now()
        groups: dict[tuple[str, ...], list[LinkWrite]] = {}
        for write in writes:
            identity = (self.far, "shop_parent") if write.remote_key else ()
            steps = () if write.steps is None else ("steps",)
            groups.setdefault((*identity, *steps, *_FIELDS), []).append(write)
        for fields, group in groups.items():
            rows = [self._row(write, now) for write in group]
            unique = ("profile", "entity", self.near)
            upsert(Link, (*unique, *self._values), rows, unique=unique, update=fields)

    @property
    def _values(self) -> tuple[str, ...]:
        return (self.far, "shop_parent", "reference", "label", "status", "token", "steps", "created_at", "updated_at")

    def _row(self, write: LinkWrite, now: datetime) -> tuple[Any, ...]:
        return (
            self.profile_id,
            str(write.entity),
            write.key,
            write.remote_key or None,
            write.remote_parent,
            write.reference[:200],
            write.label[:250],
            str(write.status),
            write.token,
            dict(write.steps or {}),
            now,
            now,
        )

    def _write_states(self, states: Sequence[StateWrite]) -> None:
        if not states:
            return
        ids = self._ids({(state.entity, state.key) for state in states})
        now = timezone.now()
        rows = [
            (
                ids[(state.entity, state.key)],
                str(state.aspect),
                state.sent_hash,
                state.held_hash,
                str(state.outcome),
                state.problem_code,
                state.problem,
                state.advice,
                state.told,
                state.attempts,
                state.not_before,
                state.run_id,
                now,
            )
            for state in states
        ]
        unique = ("link", "aspect")
        upsert(LinkState, (*unique, *_STATE_FIELDS), rows, unique=unique, update=_STATE_FIELDS)

    def _ids(self, wanted: set[tuple[Entity, str]]) -> dict[tuple[Entity, str], int]:
        ids: dict[tuple[Entity, str], int] = {}
        for entity in {entity for entity, _ in wanted}:
            for chunk in _chunks(sorted(key for owner, key in wanted if owner is entity)):
                rows = self._rows(entity, **{f"{self.near}__in": chunk})
                ids.update(((entity, key or ""), pk) for key, pk in rows.values_list(self.near, "pk"))
        missing = wanted - ids.keys()
        if missing:
            raise IntegrityError(f"state without link: {sorted(missing)[:3]}")
        return ids


_FIELDS = ("reference", "label", "status", "token", "updated_at")
_STATE_FIELDS = (
    "sent_hash", "held_hash", "outcome", "problem_code", "problem", "advice", "told", "attempts", "not_before",
    "run_id", "touched_at",
)  # fmt: skip
_VIEW_COLUMNS = (
    "l.id, l.entity, l.{near}, COALESCE(l.{far}, ''), l.shop_parent, l.status, l.token, COALESCE(s.sent_hash, ''), "
    "COALESCE(s.held_hash, ''), COALESCE(s.outcome, ''), COALESCE(s.problem_code, ''), COALESCE(s.attempts, 0), "
    "s.not_before, COALESCE(s.run_id, 0)"
)
_NOT_BEFORE = LinkView._fields.index("not_before")


@cache
def _lookup_statement(vendor: str, near: str, far: str) -> tuple[str, Callable[[Sequence[str]], Any]]:
    """The look-up of a list of keys handed over as one value, and what turns the keys into that value.

    Written out because it runs once per page of every run: with one marker per key, building the statement costs more
    than running it.
    """
    array = vendor == "postgresql"
    among = "= ANY(%s)" if array else "IN (SELECT value FROM json_each(%s))"
    links, states = Link._meta.db_table, LinkState._meta.db_table
    columns = _VIEW_COLUMNS.format(near=near, far=far)
    statement = (
        f"SELECT {columns} FROM {links} l "  # noqa: S608  # names of columns and tables, none from outside
        f"LEFT JOIN {states} s ON s.link_id = l.id AND s.aspect = %s "
        f"WHERE l.profile_id = %s AND l.entity = %s AND l.{near} {among}"
    )
    return statement, list if array else json.dumps


def _with_zone(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with an aware date: SQLite gives it in UTC without saying so."""
    moment = row[_NOT_BEFORE]
    if moment is None or moment.tzinfo is not None:
        return row
    return (*row[:_NOT_BEFORE], moment.replace(tzinfo=UTC), *row[_NOT_BEFORE + 1 :])


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    source = iter(items)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk
