"""Server time of the three heaviest pages with 1,000 runs and 1,000,000 journal lines, on PostgreSQL.

Works in a tenant of its own inside the current database and removes every row afterwards, also after a failure.
"""

from __future__ import annotations

import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connectors import registry
from connectors.canonical.keys import Side
from profiles.models import Membership, Profile, Role, Tenant, User
from sync.models import JournalEntry, Link, LinkState, Run

RUNS = 1_000
LINES = 1_000_000
PROFILES = 4
BIG_RUN_LINES = 100_000
LINKS = 50_000
LIMIT_MS = 150.0
ROUNDS = 9
BACKEND = "django.contrib.auth.backends.ModelBackend"


class NeedsPostgreSQL(Exception):
    """The figures are those of PostgreSQL; another database would prove nothing."""


@dataclass(frozen=True, slots=True)
class _World:
    """The rows that pages are asked for."""

    tenant: Tenant
    user: User
    profiles: list[Profile]


def run(json: bool = False, *, runs: int = RUNS, lines: int = LINES) -> dict[str, Any]:
    """Measures and returns the figures: milliseconds (median and worst) and queries per page, with few and many rows.

    ``ok`` tells whether every median is below ``limit_ms`` and no page needs more queries with more rows. Without
    ``json`` it says on stderr what it does, because filling the tables takes half a minute. Raises
    :class:`NeedsPostgreSQL`.
    """
    if connection.vendor != "postgresql":
        raise NeedsPostgreSQL("manage.py bench pages needs a PostgreSQL database (DATABASE_URL).")
    with _world() as world:
        _say(json, "measuring with 20 runs and 2,000 lines")
        _fill(world, runs=20, lines=2_000, big=500, links=200)
        small = _measure(world, _big_run(world))
        _say(json, f"filling in {runs:,} runs and {lines:,} lines")
        _fill(world, runs=runs - 20, lines=lines - 2_000, big=min(BIG_RUN_LINES, lines // 10), links=LINKS)
        _say(json, "measuring")
        large = _measure(world, _big_run(world))
    pages = {name: {**large[name], "queries_with_few_rows": small[name]["queries"]} for name in large}
    constant = all(page["queries"] == page["queries_with_few_rows"] for page in pages.values())
    return {
        "runs": runs,
        "lines": lines,
        "limit_ms": LIMIT_MS,
        "pages": pages,
        "constant_queries": constant,
        "ok": constant and all(page["median_ms"] < LIMIT_MS for page in pages.values()),
    }


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        sys.stderr.write(f"{text}…\n")


@contextmanager
def _world() -> Iterator[_World]:
    mark = uuid.uuid4().hex[:12]
    tenant = Tenant.objects.create(name=f"Bench {mark}")
    user = User.objects.create_user(email=f"bench-{mark}@example.invalid", password=uuid.uuid4().hex)
    try:
        Membership.objects.create(user=user, tenant=tenant, role=Role.OWNER)
        erp, shop = (registry.all_of(side)[0].key for side in (Side.ERP, Side.SHOP))
        profiles = [
            Profile.objects.create(tenant=tenant, name=f"Profil {n}", erp=erp, shop=shop) for n in range(PROFILES)
        ]
        yield _World(tenant, user, profiles)
    finally:
        _remove(tenant, user)


def _remove(tenant: Tenant, user: User) -> None:
    JournalEntry.objects.filter(run__tenant=tenant).delete()
    LinkState.objects.filter(link__profile__tenant=tenant).delete()
    Link.objects.filter(profile__tenant=tenant).delete()
    Run.objects.filter(tenant=tenant).delete()
    user.delete()
    tenant.delete()


def _big_run(world: _World) -> int:
    """The run with the most lines, a tenth of them failed for five causes."""
    manual = Run.objects.filter(tenant=world.tenant, trigger="manual").order_by("-pk")
    newest: int = manual.values_list("pk", flat=True)[0]
    return newest


def _fill(world: _World, *, runs: int, lines: int, big: int, links: int) -> None:
    _add_runs(world, runs)
    each = max(1, (lines - big) // runs)
    _add_lines(world, each, failed_every=50)
    chosen = Run.objects.create(
        tenant=world.tenant, profile=world.profiles[0], flow="products", lock="catalogue", trigger="manual",
        state="finished", slice_state="idle", result="partial", started_at=timezone.now() - timedelta(minutes=9),
        ended_at=timezone.now(), full=True, read=big, updated=big - big // 10, refused=big // 10, units=big,
    )  # fmt: skip
    _add_lines_of(chosen.pk, world.profiles[0].pk, big, failed_every=10)
    _add_links(world.profiles[0].pk, links)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sync_run, sync_journalentry, sync_link, sync_linkstate")


def _add_runs(world: _World, count: int) -> None:
    now = timezone.now()
    flows = ("products", "stock", "prices", "categories", "state")
    rows = []
    for n in range(count):
        ended = now - timedelta(hours=8 * (count - n))
        rows.append(
            Run(
                tenant=world.tenant, profile=world.profiles[n % PROFILES], flow=flows[n % len(flows)], lock="stock",
                trigger="schedule", state="finished", slice_state="idle", result="partial" if n % 9 == 0 else "success",
                queued_at=ended, started_at=ended - timedelta(minutes=4), ended_at=ended, read=1_000, created=10,
                updated=970, refused=20, units=980, message="10 créés, 970 mis à jour, 20 refusés.",
            )
        )  # fmt: skip
    Run.objects.bulk_create(rows, batch_size=1_000)


def _add_lines(world: _World, each: int, *, failed_every: int) -> None:
    ids = Run.objects.filter(tenant=world.tenant, journal__isnull=True).values_list("pk", "profile_id")
    for pk, profile_id in ids:
        _add_lines_of(pk, profile_id, each, failed_every=failed_every)


_LINES_SQL = """
INSERT INTO sync_journalentry (run_id, profile_id, at, level, entity, item_key, reference, label, shop_key, url,
    outcome, code, text, advice, detail, attempts, milliseconds, retried)
SELECT %(run)s, %(profile)s, now(),
    CASE WHEN n %% %(every)s = 0 THEN 'error' ELSE 'success' END, 'product', 'ART' || n, 'ART' || n,
    'Article de mesure numéro ' || n, n::text, '',
    CASE WHEN n %% %(every)s = 0 THEN 'refused' ELSE 'updated' END,
    CASE WHEN n %% %(every)s = 0 THEN 'cause_' || (n / %(every)s) %% 5 ELSE '' END,
    CASE WHEN n %% %(every)s = 0 THEN 'La boutique refuse cet article.' ELSE 'Mis à jour dans la boutique.' END, '',
    '{"sent": {"name": "Article de mesure", "regular_price": "12.90"}, "received": {"id": 1}}'::jsonb, 1, 120, false
FROM generate_series(1, %(count)s) AS n
"""


def _add_lines_of(run_id: int, profile_id: int, count: int, *, failed_every: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LINES_SQL, {"run": run_id, "profile": profile_id, "count": count, "every": failed_every})


_LINKS_SQL = """
WITH made AS (
    INSERT INTO sync_link (profile_id, entity, erp_key, shop_key, shop_parent, reference, label, status, token,
        steps, created_at, updated_at)
    SELECT %(profile)s, 'variant', 'L' || %(count)s || '-' || n, %(count)s || '-' || n, '', 'L' || n, '', 'linked', '',
        '{}'::jsonb, now(), now()
    FROM generate_series(1, %(count)s) AS n
    RETURNING id
)
INSERT INTO sync_linkstate (link_id, aspect, sent_hash, held_hash, outcome, problem_code, problem, advice, attempts,
    run_id, touched_at)
SELECT id, 'stock', 'sent', CASE WHEN id %% 100 = 0 THEN 'held' ELSE '' END,
    CASE WHEN id %% 100 = 0 THEN 'refused' ELSE 'updated' END,
    CASE WHEN id %% 100 = 0 THEN 'held_' || id %% 3 ELSE '' END, '', '', 0, 0, now()
FROM made
"""


def _add_links(profile_id: int, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LINKS_SQL, {"profile": profile_id, "count": count})


def _measure(world: _World, big_run: int) -> dict[str, dict[str, Any]]:
    client = _client(world.user)
    try:
        pages = {
            "dashboard": reverse("sync:dashboard"),
            "runs": reverse("sync:run_list"),
            "runs_filtered": f"{reverse('sync:run_list')}?resultat=partial&message=mis",
            "run": reverse("sync:run", args=[big_run]),
            "run_failed_items": f"{reverse('sync:run', args=[big_run])}?resultat=refused",
            "item": reverse("sync:item", args=[world.profiles[0].pk, "product", "ART50"]),
        }
        return {name: _timed(client, address) for name, address in pages.items()}
    finally:
        client.logout()


def _client(user: User) -> Client:
    host = next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"), "localhost")
    client = Client(SERVER_NAME=host, HTTP_HOST=host)
    client.force_login(user, backend=BACKEND)
    return client


def _timed(client: Client, address: str) -> dict[str, Any]:
    secure = bool(settings.SECURE_SSL_REDIRECT)
    client.get(address, secure=secure)  # templates are compiled once per process
    with CaptureQueriesContext(connection) as queries:
        client.get(address, secure=secure)
    count = len(queries)  # the next request empties the log
    spent = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        status = client.get(address, secure=secure).status_code
        spent.append((time.perf_counter() - started) * 1000)
        if status != 200:
            raise RuntimeError(f"{address} answered {status}")
    return {
        "median_ms": round(statistics.median(spent), 1),
        "worst_ms": round(max(spent), 1),
        "queries": count,
    }
