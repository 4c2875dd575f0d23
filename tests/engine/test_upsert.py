"""Rows written without the ORM are those that the ORM reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from connectors.canonical.keys import Aspect, Entity
from profiles.models import Profile
from sync.engine.linkbook import LinkBook, LinkWrite, StateWrite
from sync.engine.upsert import upsert
from sync.models import Link, LinkState, LinkStatus
from tests.engine.conftest import Bench

ODD = "100 % «coton»\t'\" %s %(a)s ; — œ"
LATER = datetime(2026, 11, 22, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=13)))


def _linked(key: str, **more: Any) -> LinkWrite:
    return LinkWrite(entity=Entity.PRODUCT, key=key, **more)


def _state(key: str, **more: Any) -> StateWrite:
    return StateWrite(entity=Entity.PRODUCT, key=key, aspect=Aspect.DATA, **more)


@pytest.fixture
def profile(bench: Bench) -> Profile:
    return bench.profile


@pytest.mark.covers("CAT-01")
def test_every_value_comes_back_as_it_was_written(profile: Profile) -> None:
    book = LinkBook(profile.pk)
    told = {"problem": [ODD, {"n": 3}], "advice": None}
    with transaction.atomic():
        book.bind(
            [_linked(ODD, remote_key="7", remote_parent="", reference=ODD, label=ODD, token="t", steps={"a": ODD})],
            [_state(ODD, problem=ODD, advice=ODD, told=told, attempts=3, not_before=LATER, run_id=2**40)],
        )
    link = Link.objects.get()
    assert (link.erp_key, link.shop_key, link.reference, link.label) == (ODD, "7", ODD, ODD)
    assert (link.status, link.token, link.steps) == (LinkStatus.LINKED, "t", {"a": ODD})
    assert abs(link.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    state = LinkState.objects.get(link=link)
    assert (state.aspect, state.problem, state.told, state.attempts) == ("data", ODD, told, 3)
    assert (state.not_before, state.run_id) == (LATER, 2**40)


@pytest.mark.covers("CAT-01")
def test_what_exists_is_changed_and_keeps_its_identity_and_its_first_day(profile: Profile) -> None:
    book = LinkBook(profile.pk)
    with transaction.atomic():
        book.bind([_linked("A", steps={"customer": "C1"})], [_state("A", sent_hash="1", told={"a": 1})])
    before = Link.objects.get()
    with transaction.atomic():
        book.bind([_linked("A", remote_key="7", steps=None, label="B")], [_state("A", sent_hash="2", told=None)])
    after = Link.objects.get()
    assert (after.pk, after.created_at, after.steps) == (before.pk, before.created_at, {"customer": "C1"})
    assert (after.shop_key, after.label) == ("7", "B")
    assert after.updated_at > before.updated_at
    assert list(LinkState.objects.values_list("sent_hash", "told")) == [("2", None)]


@pytest.mark.covers("CAT-01")
def test_a_remote_key_of_another_article_is_an_integrity_error_and_nothing_is_written(profile: Profile) -> None:
    book = LinkBook(profile.pk)
    with transaction.atomic():
        book.bind([_linked("A", remote_key="7")], [])
    with pytest.raises(IntegrityError), transaction.atomic():
        book.bind([_linked("B"), _linked("C", remote_key="7")], [])
    assert list(Link.objects.values_list("erp_key", flat=True)) == ["A"]


def test_thousands_of_rows_are_a_few_statements_and_none_is_no_statement(profile: Profile) -> None:
    book = LinkBook(profile.pk)
    with (
        CaptureQueriesContext(
            connection,
        ) as queries,
        transaction.atomic(),
    ):
        book.bind([_linked(f"K{number}") for number in range(1200)], [])
    assert sum("INSERT" in query["sql"] for query in queries.captured_queries) == 3
    assert Link.objects.count() == 1200
    with CaptureQueriesContext(connection) as queries:
        upsert(Link, ("label",), [], unique=("id",), update=("label",))
    assert not queries.captured_queries
