"""The connector keeps the promises of the ports (inherited suites), against the stand-in over a socket."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from connectors.canonical.catalog import Category, ProductState
from connectors.canonical.keys import Aspect, Entity, Ref
from connectors.canonical.pictures import Picture, ProductPictures
from connectors.core.ports import Connection, Runtime
from connectors.core.results import Action, ItemResult, Outbound
from connectors.sandbox import png
from connectors.sandbox.woocommerce import WooCommerceSandbox, serve_woocommerce
from connectors.shops.woocommerce import SPEC
from connectors.shops.woocommerce.connection import WooConnection
from connectors.testing.contract import CheckContract, ReaderContract, SpecContract, WriterContract
from tests.connectors.web_server import local_runtime
from tests.connectors.woocommerce.support import (
    categories,
    connect,
    create,
    linked,
    options_of,
    price,
    send,
    simple,
    stock,
    update,
    variable,
)


class TestSpec(SpecContract):
    pytestmark = pytest.mark.covers("SYS-06", "PRF-05", "PRF-09")
    spec = SPEC

    @pytest.fixture
    def healthy(self, connection: WooConnection) -> Connection:
        return connection


class TestCheck(CheckContract):
    pytestmark = pytest.mark.covers("PRF-04")

    @pytest.fixture
    def healthy(self, connection: WooConnection) -> Connection:
        return connection

    @pytest.fixture
    def failures(self, shop: WooCommerceSandbox, free_port: int) -> Iterator[Mapping[str, Callable[[], Any]]]:
        with ExitStack() as stack:
            tls = stack.enter_context(serve_woocommerce(tls=True))

            def opened(runtime: Runtime | None = None, **changes: Any) -> Callable[[], Any]:
                return lambda: SPEC.open(options_of(shop, **changes), runtime or local_runtime())

            def keyed(key: Any) -> Callable[[], Any]:
                return opened(consumer_key=key.consumer_key, consumer_secret=key.consumer_secret)

            yield {
                "connection_refused": opened(url=f"http://127.0.0.1:{free_port}"),
                "address_refused": opened(runtime=Runtime()),
                "tls_untrusted": opened(url=tls.url),
                "secret_wrong": opened(consumer_secret="cs_faux"),
                "key_unknown": opened(consumer_key="ck_inconnue"),
                "key_read_only": keyed(shop.read_only_key),
                "key_write_only": keyed(shop.write_only_key),
                "key_without_rights": keyed(shop.customer_key),
                "wrong_folder": opened(url=f"{shop.url}/sous-dossier"),
            }


class TestProductReader(ReaderContract):
    pytestmark = pytest.mark.covers("CAT-01", "SYS-06")
    entity = Entity.PRODUCT

    @pytest.fixture
    def expected_keys(self, shop: WooCommerceSandbox, connection: WooConnection) -> Collection[str]:
        shop.seed(count=130, prefix="ART-")
        results = send(connection, [create(variable("VAR"))])
        assert results["VAR"].remote_key
        return {str(one) for one, row in shop.store.products.rows.items() if not row.is_variation}


class TestStockReader(ReaderContract):
    pytestmark = pytest.mark.covers("STK-05")
    entity = Entity.VARIANT
    aspect = Aspect.STOCK

    @pytest.fixture
    def expected_keys(self, shop: WooCommerceSandbox, connection: WooConnection) -> Collection[str]:
        shop.seed(count=120, prefix="ART-")
        results = send(connection, [create(variable("VAR"))])
        parent = results["VAR"].remote_key
        return {str(one) for one in shop.store.products.rows} - {parent}


class TestProductWriter(WriterContract):
    pytestmark = pytest.mark.covers("CAT-01", "CAT-12", "SYS-06")
    spec = SPEC
    entity = Entity.PRODUCT

    @pytest.fixture
    def fresh(self, connection: WooConnection) -> Sequence[Outbound[Any]]:
        references = categories(connection, ("Meubles", ""), ("Chaises", "Meubles"))
        records = [
            simple("A-1", categories=("Meubles", "Chaises"), description={"": "<p>Un & deux</p>"}, brand="Dupont"),
            simple("A-2", name={"": "Vis & écrou <M8>"}),
            variable("V-1", categories=("Chaises",)),
            variable("V-2"),
        ]
        return [create(record, references=references) for record in records]

    def changed(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        record = replace(out.record, name={"": f"{out.record.name['']} (nouveau)"})
        return update(record, result, references=out.references)

    def same(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return update(out.record, result, references=out.references)

    def gone(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return update(out.record, result, references=out.references, remote_key="999999")


class TestCategoryWriter(WriterContract):
    pytestmark = pytest.mark.covers("CAT-07")
    spec = SPEC
    entity = Entity.CATEGORY

    @pytest.fixture
    def fresh(self, connection: WooConnection) -> Sequence[Outbound[Any]]:
        records = [
            Category(key="1", name={"": "Vis & écrous"}),
            Category(key="2", name={"": "Inox"}, parent="1", level=2),
            Category(key="3", name={"": "Extérieur"}),
            Category(key="4", name={"": "Inox"}, parent="3", level=2),
        ]
        return [Outbound(record, Action.CREATE, record.key) for record in records]

    def test_a_repeated_create_makes_no_second_object(self, writer: Any, fresh: Sequence[Outbound[Any]]) -> None:
        first = {result.key: result.remote_key for result in writer.send(fresh)}
        again = {result.key: result for result in writer.send(fresh)}
        assert {key: result.remote_key for key, result in again.items()} == first
        assert not any(result.written for result in again.values())

    def changed(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        record = replace(out.record, name={"": f"{out.record.name['']} bis"})
        return Outbound(record, Action.UPDATE, out.key, remote_key=result.remote_key, references=self._parents)

    def same(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return Outbound(out.record, Action.UPDATE, out.key, remote_key=result.remote_key)

    def gone(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return Outbound(out.record, Action.UPDATE, out.key, remote_key="999999")

    @property
    def _parents(self) -> Mapping[Ref, str]:
        return {}

    def test_p11_an_object_that_is_gone_is_reported_and_the_others_go_on(
        self, writer: Any, fresh: Sequence[Outbound[Any]]
    ) -> None:
        results = {result.key: result for result in writer.send(fresh)}
        after = {
            result.key: result
            for result in writer.send(
                [
                    self.gone(fresh[1], results["2"]),
                    *(self.changed(out, results[out.key]) for out in (fresh[0], fresh[2])),
                ]
            )
        }
        assert after["2"].gone
        assert after["1"].written
        assert after["3"].written


class _LevelContract(WriterContract):
    spec = SPEC
    entity = Entity.VARIANT
    reads_before_writing = False

    def record(self, key: str, product: str, reference: str, value: int) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def fresh(self, connection: WooConnection) -> Sequence[Outbound[Any]]:
        results = send(connection, [create(simple("A-1")), create(simple("A-2")), create(variable("V-1"))])
        outs = [linked(self.record("A-1", "A-1", "A-1", 11), results["A-1"].remote_key)]
        outs.append(linked(self.record("A-2", "A-2", "A-2", 12), results["A-2"].remote_key))
        for number, (key, remote) in enumerate(results["V-1"].children.items(), 1):
            outs.append(
                linked(self.record(key, "V-1", f"V-1-{number}", 20 + number), remote, results["V-1"].remote_key)
            )
        return outs

    def changed(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        record = self.record(out.record.key, out.record.product_key, out.record.reference, 99)
        return linked(record, out.remote_key, out.remote_parent)

    def same(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return out

    def gone(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return linked(out.record, "999999")


class TestStockWriter(_LevelContract):
    pytestmark = pytest.mark.covers("STK-01")
    aspect = Aspect.STOCK

    def record(self, key: str, product: str, reference: str, value: int) -> Any:
        return stock(key, value, product, reference)


class TestPriceWriter(_LevelContract):
    pytestmark = pytest.mark.covers("PRI-01")
    aspect = Aspect.PRICE

    def record(self, key: str, product: str, reference: str, value: int) -> Any:
        return price(key, f"{value}.50", product, reference)


class TestStateWriter(WriterContract):
    pytestmark = pytest.mark.covers("CAT-06")
    spec = SPEC
    entity = Entity.PRODUCT
    aspect = Aspect.STATE

    @pytest.fixture
    def fresh(self, connection: WooConnection) -> Sequence[Outbound[Any]]:
        results = send(connection, [create(simple(key)) for key in ("A-1", "A-2", "A-3")])
        return [linked(ProductState(key=key, reference=key, active=False), results[key].remote_key) for key in results]

    def changed(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return linked(replace(out.record, active=True), out.remote_key)

    def same(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return out

    def gone(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return linked(out.record, "999999")


class TestPictureWriter(WriterContract):
    pytestmark = pytest.mark.covers("CAT-14", "SYS-06")
    spec = SPEC
    entity = Entity.PRODUCT
    aspect = Aspect.PICTURES

    @pytest.fixture
    def connection(self, shop: WooCommerceSandbox) -> Iterator[WooConnection]:
        opened = connect(shop, media_user=shop.media_user, media_password=shop.application_password)
        yield opened
        opened.close()

    @pytest.fixture
    def writer(self, connection: WooConnection) -> Any:
        writer: Any = connection.writer(self.entity, self.aspect)
        writer.read_from(lambda source: png.picture((int(source), 20, 30), size=8))
        return writer

    @pytest.fixture
    def fresh(self, connection: WooConnection) -> Sequence[Outbound[Any]]:
        made = send(connection, [create(simple(f"P-{number}")) for number in range(3)])
        return [self._out(key, result.remote_key, number) for number, (key, result) in enumerate(made.items())]

    def _out(self, key: str, remote_key: str, number: int) -> Outbound[Any]:
        picture = Picture(source=str(number), name=f"{number}.png", size=100, version=str(number))
        record = ProductPictures(key=key, reference=key, pictures=(picture,))
        return Outbound(record=record, action=Action.UPDATE, key=key, remote_key=remote_key)

    def changed(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return self._out(out.key, result.remote_key, 100 + int(out.record.pictures[0].source))

    def same(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return out

    def gone(self, out: Outbound[Any], result: ItemResult) -> Outbound[Any]:
        return self._out(out.key, "999999", 200)
