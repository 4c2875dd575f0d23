"""Contract suites: a connector inherits them, supplies fixtures, and proves that it keeps the promises of its ports.

What a connector does not declare is skipped by its capability, never by hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import pytest

from connectors.canonical.base import Record, content_hash
from connectors.canonical.keys import Aspect, Entity
from connectors.core.capabilities import Capability, Verb
from connectors.core.ports import Connection, Reader, Writer
from connectors.core.problems import ConnectorError
from connectors.core.query import Query
from connectors.core.results import CheckState, Cursor, ItemResult, Outbound, Outcome
from connectors.core.spec import ConnectorSpec

Opened = AbstractContextManager[Connection]


class CheckContract:
    """Promises of ``Connection.check``. Supply ``healthy`` and ``failures``."""

    check_seconds: ClassVar[float] = 10.0

    @pytest.fixture
    def healthy(self) -> Connection:
        """An open connection to a system in good order."""
        raise NotImplementedError

    @pytest.fixture
    def failures(self) -> Mapping[str, Callable[[], Opened]]:
        """Failure's code to a way of opening a connection that has it."""
        raise NotImplementedError

    def test_a_system_in_good_order_passes(self, healthy: Connection) -> None:
        report = healthy.check()
        assert report.ok, [item for item in report.items if item.state is CheckState.ERROR]
        assert report.items
        assert all(item.name and item.sentence for item in report.items)

    def test_each_failure_has_its_own_code_sentence_and_advice(
        self, failures: Mapping[str, Callable[[], Opened]]
    ) -> None:
        sentences: dict[str, str] = {}
        for code, opened in failures.items():
            started = time.monotonic()
            with opened() as connection:
                report = connection.check()
            assert time.monotonic() - started < self.check_seconds, code
            errors = [item for item in report.items if item.state is CheckState.ERROR]
            assert [item.code for item in errors] == [code], (code, report.items)
            assert not report.ok
            assert errors[0].advice_text(), code
            assert "%(" not in errors[0].text() + errors[0].advice_text(), code
            sentences[code] = errors[0].text()
        assert len(set(sentences.values())) == len(sentences)

    def test_the_check_can_be_repeated(self, healthy: Connection) -> None:
        assert healthy.check().ok
        assert healthy.check().ok


_STEP_BY_STEP = {(Entity.ORDER, Aspect.DATA), (Entity.ORDER, Aspect.QUOTE), (Entity.CUSTOMER, Aspect.DATA)}


class SpecContract:
    """Promises of the manifest. Supply ``spec`` and ``healthy``."""

    spec: ClassVar[ConnectorSpec]

    @pytest.fixture
    def healthy(self) -> Connection:
        """An open connection to a system in good order."""
        raise NotImplementedError

    def test_every_declared_reader_and_writer_exists(self, healthy: Connection) -> None:
        for (entity, aspect), capability in self.spec.capabilities.items():
            if Verb.READ in capability.verbs:
                assert healthy.reader(entity, aspect) is not None
            if (entity, aspect) in _STEP_BY_STEP and hasattr(healthy, "sales"):
                assert healthy.sales() is healthy.sales()  # documents and customers are created step by step
            elif capability.verbs & {Verb.CREATE, Verb.UPDATE}:
                assert healthy.writer(entity, aspect) is not None

    def test_what_is_not_declared_is_refused(self, healthy: Connection) -> None:
        for entity in Entity:
            for aspect in Aspect:
                if (entity, aspect) not in self.spec.capabilities:
                    with pytest.raises(ConnectorError):
                        healthy.writer(entity, aspect)

    def test_every_declared_list_can_be_read(self, healthy: Connection) -> None:
        for name in self.spec.choices:
            choices = healthy.choices(name)
            assert len({choice.key for choice in choices}) == len(choices), name
            assert all(choice.label for choice in choices), name

    def test_an_unknown_list_is_refused(self, healthy: Connection) -> None:
        with pytest.raises(ConnectorError):
            healthy.choices("no-such-list")

    def test_the_options_are_complete(self) -> None:
        infos = self.spec.options.infos()
        for info in infos.values():
            assert info.label, info.name
            assert info.help, info.name
            assert info.group, info.name
            assert set(info.visible_if) <= set(infos), info.name

    def test_the_connection_may_be_closed_twice(self, healthy: Connection) -> None:
        healthy.close()
        healthy.close()


class ReaderContract:
    """Promises of a reader.

    Supply the fixtures ``connection`` (its system holds at least two pages of records) and ``expected_keys``.
    """

    entity: ClassVar[Entity]
    aspect: ClassVar[Aspect] = Aspect.DATA
    query: ClassVar[Query] = Query()

    @pytest.fixture
    def expected_keys(self) -> Collection[str]:
        """Keys of all records the query gives."""
        raise NotImplementedError

    @pytest.fixture
    def reader(self, connection: Connection) -> Reader[Any]:
        """The reader under test."""
        return connection.reader(self.entity, self.aspect)

    def test_every_record_is_read_exactly_once(self, reader: Reader[Any], expected_keys: Collection[str]) -> None:
        keys = [record.key for page in reader.pages(self.query) for record in page.records]
        assert len(keys) == len(set(keys))
        assert set(keys) == set(expected_keys)

    def test_reading_twice_gives_the_same_content(self, reader: Reader[Any]) -> None:
        assert self._hashes(reader) == self._hashes(reader)

    def test_a_reading_resumes_after_any_page(self, reader: Reader[Any], expected_keys: Collection[str]) -> None:
        pages = list(reader.pages(self.query))
        seen: set[str] = set()
        for page in pages[:-1]:
            seen |= {record.key for record in page.records}
            cursor = Cursor.loads(page.cursor.dumps())
            rest = {record.key for later in reader.pages(self.query, since=cursor) for record in later.records}
            assert seen | rest == set(expected_keys)
            assert not seen & rest

    def test_keys_limit_the_reading_and_unknown_ones_are_absent(
        self, reader: Reader[Any], expected_keys: Collection[str]
    ) -> None:
        some = sorted(expected_keys)[:3]
        read = [r.key for page in reader.pages(self.query, keys=[*some, "99999999"]) for r in page.records]
        assert sorted(read) == some
        assert [r for page in reader.pages(self.query, keys=[]) for r in page.records] == []

    def test_all_keys_are_what_exists_now(self, reader: Reader[Any], expected_keys: Collection[str]) -> None:
        keys = list(reader.all_keys())
        assert len(keys) == len(set(keys))
        assert set(keys) == set(expected_keys)

    def _hashes(self, reader: Reader[Any]) -> dict[str, str]:
        return {record.key: content_hash(record) for page in reader.pages(self.query) for record in page.records}


class WriterContract:
    """Promises of a writer.

    Supply the fixtures ``connection`` (to an empty system) and ``fresh``, and the methods below; the spec says what
    is skipped.
    """

    spec: ClassVar[ConnectorSpec]
    entity: ClassVar[Entity]
    aspect: ClassVar[Aspect] = Aspect.DATA
    reads_before_writing: ClassVar[bool] = True
    """Whether an update that changes nothing is noticed by the connector itself."""

    @pytest.fixture
    def fresh(self, connection: Connection) -> Sequence[Outbound[Any]]:
        """Items to create; for a writer that only updates, items whose objects exist."""
        raise NotImplementedError

    def changed(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        """An update of a written item with other content."""
        raise NotImplementedError

    def same(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        """An update of a written item with the same content."""
        raise NotImplementedError

    def gone(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        """An update of an object which does not exist."""
        raise NotImplementedError

    @property
    def capability(self) -> Capability:
        """What the connector declares of the writer under test."""
        found = self.spec.capability(self.entity, self.aspect)
        assert found is not None
        return found

    @pytest.fixture
    def writer(self, connection: Connection) -> Writer[Any]:
        """The writer under test."""
        return connection.writer(self.entity, self.aspect)

    def test_one_result_per_item(self, writer: Writer[Any], fresh: Sequence[Outbound[Any]]) -> None:
        results = list(writer.send(fresh))
        assert sorted(result.key for result in results) == sorted(out.key for out in fresh)
        for result in results:
            assert result.outcome in (Outcome.CREATED, Outcome.UPDATED), result
            assert result.written
            assert result.remote_key
            assert result.problem is None

    def test_an_empty_batch_gives_nothing(self, writer: Writer[Any]) -> None:
        assert list(writer.send([])) == []
        assert dict(writer.find([])) == {}

    def test_what_was_created_is_found_by_our_reference(
        self, writer: Writer[Any], fresh: Sequence[Outbound[Any]]
    ) -> None:
        self._needs(Verb.CREATE)
        self._needs(Verb.FIND)
        assert dict(writer.find(fresh)) == {}
        written = {result.key: result.remote_key for result in writer.send(fresh)}
        assert {key: found.remote_key for key, found in writer.find(fresh).items()} == written

    def test_a_repeated_create_makes_no_second_object(
        self, writer: Writer[Any], fresh: Sequence[Outbound[Any]]
    ) -> None:
        self._needs(Verb.CREATE)
        first = {result.key: result.remote_key for result in writer.send(fresh)}
        assert {result.key: result.remote_key for result in writer.send(fresh)} == first

    def test_an_update_with_the_same_content_writes_nothing(
        self, writer: Writer[Any], fresh: Sequence[Outbound[Any]]
    ) -> None:
        if not self.reads_before_writing:
            pytest.skip("the writer does not read before it writes: the engine's hashes decide")
        results = {result.key: result for result in writer.send(fresh)}
        again = [self.same(out, results[out.key]) for out in fresh]
        assert all(difference == {} for difference in writer.compare(again).values())
        for result in writer.send(again):
            assert result.outcome is Outcome.UNCHANGED, result
            assert not result.written

    def test_an_update_changes_and_the_comparison_foretells_it(
        self, writer: Writer[Any], fresh: Sequence[Outbound[Any]]
    ) -> None:
        results = {result.key: result for result in writer.send(fresh)}
        updates = [self.changed(out, results[out.key]) for out in fresh]
        foretold = writer.compare(updates)
        assert set(foretold) == {out.key for out in updates}
        assert all(foretold[out.key] for out in updates)
        for result in writer.send(updates):
            assert result.outcome is Outcome.UPDATED, result
            assert result.written
        if self.reads_before_writing:
            assert all(difference == {} for difference in writer.compare(updates).values())

    def test_p11_an_object_that_is_gone_is_reported_and_the_others_go_on(
        self, writer: Writer[Any], fresh: Sequence[Outbound[Any]]
    ) -> None:
        results = {result.key: result for result in writer.send(fresh)}
        lost = self.gone(fresh[0], results[fresh[0].key])
        others = [self.changed(out, results[out.key]) for out in fresh[1:]]
        after = {result.key: result for result in writer.send([lost, *others])}
        assert after[lost.key].gone
        assert after[lost.key].problem is not None
        assert not after[lost.key].written
        assert all(after[out.key].outcome is Outcome.UPDATED for out in others)

    def test_sent_and_received_are_plain_values(self, writer: Writer[Any], fresh: Sequence[Outbound[Any]]) -> None:
        for result in writer.send(fresh):
            assert _is_plain(result.sent)
            assert _is_plain(result.received)

    def _needs(self, verb: Verb) -> None:
        if verb not in self.capability.verbs:
            pytest.skip(f"{self.spec.key} does not declare {verb} for {self.entity}/{self.aspect}")


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, str | int | bool)


def records_of(reader: Reader[Any], query: Query | None = None) -> list[Record]:
    """Every record of a reading."""
    return [record for page in reader.pages(query or Query()) for record in page.records]
