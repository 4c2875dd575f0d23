"""Calls that the recorder made without recording them, by the exchange they must precede.

They follow from what later answers show: products and orders that exist without a recorded create, ids that are gone,
options of the site that were switched. Each step is a function of the replay.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from tests.sandbox.recordings import Replay

Step = Callable[["Replay"], None]
DAY = "2026-11-21T"
DUPONT = {
    "first_name": "Jean",
    "last_name": "Dupont",
    "address_1": "12 rue",
    "city": "Lyon",
    "postcode": "69001",
    "country": "FR",
    "phone": "0478000000",
}
BILLING = {**DUPONT, "email": "jean.dupont@example.com"}


def at(clock: str) -> Step:
    """The site's time of the recording."""
    moment = datetime.fromisoformat(DAY + clock).replace(tzinfo=ZoneInfo("Europe/Paris")).timestamp()
    return lambda replay: replay.app.store.clock.freeze(moment)


def wind(sequence: str, number: int) -> Step:
    """The next id of a sequence."""
    return lambda replay: replay.wind(sequence, number)


def post(path: str, body: dict[str, Any], number: int, **sequences: int) -> Step:
    """A create that got this id."""

    def step(replay: Replay) -> None:
        replay.wind(replay.sequence(path), number)
        for name, first in sequences.items():
            replay.wind(name, first)
        replay.call("POST", path, body)

    return step


def put(path: str, body: dict[str, Any]) -> Step:
    """An update."""
    return lambda replay: replay.call("PUT", path, body)


def delete(path: str, *numbers: int) -> Step:
    """Deletes for good; what is not there is skipped."""

    def step(replay: Replay) -> None:
        for number in numbers:
            replay.call("DELETE", f"{path}/{number}", None, accept=(200, 404))

    return step


def mutate(op: str, number: int, **params: Any) -> Step:
    """A change made in the shop itself, with the id it got."""

    def step(replay: Replay) -> None:
        replay.wind("post", number)
        replay.app.mutate(op, params)

    return step


def option(**values: Any) -> Step:
    """Traits of the site."""

    def step(replay: Replay) -> None:
        for name, value in values.items():
            setattr(replay.app.options, name, value)

    return step


def fault(status: int, **more: Any) -> Step:
    """The next request meets a site in trouble."""
    rule = {"action": "status", "status": status, "times": 1, **more}
    return lambda replay: replay.shop.server.faults.add(rule) and None


def product(number: int, sku: str, price: str, **more: Any) -> Step:
    """A product of the recorder's making."""
    return post("/products", {"name": f"Produit {sku}", "sku": sku, "regular_price": price, **more}, number)


def managed(stock: int) -> dict[str, Any]:
    """Fields of a product with stock."""
    return {"manage_stock": True, "stock_quantity": stock}


def order(number: int, first_line: int, **more: Any) -> Step:
    """The order that several files start from."""
    body = {
        "payment_method": "bacs",
        "payment_method_title": "Virement",
        "billing": BILLING,
        "shipping": DUPONT,
        "line_items": [{"product_id": 71, "quantity": 2}, {"product_id": 72, "quantity": 1}],
        "shipping_lines": [{"method_id": "flat_rate", "method_title": "Colissimo", "total": "6.90"}],
        **more,
    }
    return post("/orders", body, number, order_item=first_line)


def separators(decimal: str, thousand: str) -> Step:
    """How the shop writes numbers."""

    def step(replay: Replay) -> None:
        replay.call("PUT", "/settings/general/woocommerce_price_decimal_sep", {"value": decimal})
        replay.call("PUT", "/settings/general/woocommerce_price_thousand_sep", {"value": thousand})

    return step


def disabled(number: int) -> Step:
    """A webhook that failed too often."""

    def step(replay: Replay) -> None:
        row = replay.app.store.webhooks.rows[number]
        replay.app.store.webhooks.put(
            number, {**row, "status": "disabled", "failures": 7, "modified": replay.app.store.now()}
        )

    return step


def modified(number: int, clock: str) -> Step:
    """The second changed while the recorded batch was at work."""

    def step(replay: Replay) -> None:
        at(clock)(replay)
        replay.app.store.orders.rows[number]["modified"] = replay.app.store.now()

    return step


def without_meta(number: int, key: str) -> Step:
    """A meta entry taken away."""

    def step(replay: Replay) -> None:
        row = replay.app.store.products.rows[number]
        row.extra["meta"] = [entry for entry in row.extra["meta"] if entry[1] != key]

    return step


def images(number: int) -> list[Step]:
    """A product whose pictures were imported several times before file 06."""
    one, two = ({"src": f"http://127.0.0.1:18095/img/{n}.png"} for n in (1, 2))
    path = f"/products/{number}"
    return [
        wind("post", 55),
        lambda replay: replay.call("POST", "/products", {"name": "Images", "images": [one, two]}),
        wind("post", 58),
        put(path, {"images": [one]}),
        wind("post", 59),
        put(path, {"images": [one, two]}),
        wind("post", 62),
        put(path, {"images": [one]}),
        delete("/products", number),
    ]


def variable(number: int, sku: str, variations: list[tuple[int, str, str, int]]) -> list[Step]:
    """A variable product with one local attribute and its variations (id, sku, price, stock)."""
    options = [one[1] for one in variations]
    attribute = {"name": "Option", "variation": True, "visible": True, "options": options}
    body = {"name": f"Produit {sku}", "type": "variable", "sku": sku, "attributes": [attribute]}
    steps = [post("/products", body, number)]
    for child, name, price, stock in variations:
        given = {"sku": name, "regular_price": price, "attributes": [{"name": "Option", "option": name}]}
        steps.append(post(f"/products/{number}/variations", {**given, **managed(stock)}, child))
    return steps


def _terms() -> list[Step]:
    """The product of file 20 whose term is renamed and deleted."""
    attribute = {"id": 2, "variation": True, "visible": True, "options": ["Ocre", "Noir"]}
    body = {"name": "Termes", "type": "variable", "sku": "TERM", "attributes": [attribute]}
    child = "/products/1540/variations"
    return [
        post("/products/attributes/2/terms", {"name": "Ocre"}, 86),
        post("/products/attributes/2/terms", {"name": "Noir"}, 90),
        post("/products", body, 1540),
        post(child, {"sku": "TERM-O", "attributes": [{"id": 2, "option": "Ocre"}]}, 1541),
        post(child, {"sku": "TERM-N", "attributes": [{"id": 2, "option": "Noir"}]}, 1542),
        wind("term", 87),
    ]


def _webhooks() -> list[Step]:
    topics = [
        "order.updated",
        "order.deleted",
        "order.restored",
        "product.created",
        "product.updated",
        "product.deleted",
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "coupon.created",
    ]
    address = "http://127.0.0.1:18095/hook?"
    return [
        post("/webhooks", {"name": f"T {topic}", "topic": topic, "delivery_url": address + topic}, number)
        for number, topic in enumerate(topics, 3)
    ]


def _brands() -> list[Step]:
    names = {68: "Atelier Dupont", 70: "Bosch", 71: "Makita", 72: "Legrand", 73: "Aigle", 74: "Zodiac"}
    made = [post("/products/brands", {"name": name}, number) for number, name in names.items()]
    more = {"brands": [{"id": 68}], "meta_data": [{"key": "_erp_ref", "value": "ART0001"}], **managed(20)}
    return [delete("/products/brands", 27), *made, product(330, "ART0001", "284.41", **more)]


def _fill(total: int) -> Step:
    """Products until the list counts `total`, the newest being 705."""

    def step(replay: Replay) -> None:
        store = replay.app.store
        replay.wind("post", 800)
        with store.lock:
            missing = total - 1 - len(store.by_id)
        replay.shop.seed(count=missing, prefix="FILL-")
        for row in store.products:
            if row.sku.startswith("FILL-"):
                row.created -= 86400
        store.reindex()
        replay.wind("post", 705)
        replay.call("POST", "/products", {"name": "Dernier"})

    return step


HIDDEN: dict[str, list[Step]] = {
    "02-58": [put("/products/21", {"regular_price": "95.00"})],
    "02-84": [post("/products", {"name": "Autre"}, 27)],
    "03-00": [delete("/products", 22, 23, 24, 25), put("/products/21", {"sku": "CH-001"})],
    "03-43": [put("/products/21", {"categories": [{"id": 17}]})],
    "04-27": [delete("/products/31/variations", 36, 38)],
    "04-48": [put("/products/31/variations/32", {"status": "publish"})],
    "06-00": images(57),
    "07-05": [at("20:01:22")],
    "08-00": [
        at("20:02:31"),
        delete("/products", 44, 45, 46, 47, 48, 49, 50, 51, 54),
        product(71, "O-20", "49.90", **managed(100)),
        product(72, "O-10", "12.50", tax_class="taux-intermediaire", **managed(100)),
        product(73, "O-55", "7.35", tax_class="reduced-rate", **managed(100)),
        product(74, "O-0", "100.00", tax_class="zero-rate", **managed(100)),
        product(75, "O-VIRT", "15.00", virtual=True),
    ],
    "08-09": [wind("post", 80)],
    "09-00": [
        at("20:03:05"),
        product(100, "R-20", "9.99"),
        product(101, "R-55", "3.33", tax_class="reduced-rate"),
        product(102, "R-10", "1.15", tax_class="taux-intermediaire"),
    ],
    "09-22": [order(110, 105, line_items=[{"product_id": 100, "quantity": 1}], shipping_lines=[])],
    "10-00": [at("20:03:59"), order(112, 109)],
    "10-20": [at("20:04:10"), order(114, 114), wind("note", 24)],
    "10-39": [at("20:04:18"), order(115, 119)],
    "10-45": [put("/orders/115", {"status": "completed"})],
    "10-46": [at("20:04:19"), order(116, 126, set_paid=True)],
    "10-64": [order(124, 136)],
    "10-72": [at("20:04:22"), order(125, 140), order(126, 145)],
    "11-00": [modified(125, "20:04:23")],
    "12-00": [
        at("20:05:54"),
        wind("order_item", 150),
        mutate(
            "checkout",
            127,
            items=[{"sku": "O-20", "quantity": 1}, {"sku": "O-55", "quantity": 3}],
            customer_note="Laisser chez le gardien",
        ),
        at("20:05:55"),
        wind("note", 46),
        mutate(
            "checkout",
            128,
            items=[{"sku": "O-20", "quantity": 4}, {"sku": "O-10", "quantity": 2}],
            coupons=["REMISE10"],
            payment_method="cod",
            shipping={"first_name": "Paul", "address_1": "1 place Royale"},
        ),
        at("20:05:56"),
        mutate("checkout", 129, items=[{"sku": "O-0", "quantity": 2}], payment_method="cheque"),
    ],
    "12-06": [
        at("20:05:57"),
        wind("order_item", 165),
        put("/settings/tax/woocommerce_prices_include_tax", {"value": "yes"}),
        mutate(
            "checkout",
            130,
            items=[{"sku": "O-20", "quantity": 3}, {"sku": "O-55", "quantity": 7}],
            coupons=["REMISE10"],
            payment_method="cod",
        ),
        put("/settings/tax/woocommerce_prices_include_tax", {"value": "no"}),
    ],
    "13-04": _webhooks(),
    "13-09": [delete("/webhooks", 1)],
    "13-33": [disabled(15)],
    "14-05": [
        post(
            "/products/batch",
            {"create": [{"name": f"Abandon {n}", "sku": f"ABD-{n}", "regular_price": "1"} for n in range(60)]},
            244,
        )
    ],
    "14-07": [wind("post", 306)],
    "16-00": [
        put("/products/71", {"status": "publish"}),
        delete("/products", *range(244, 330)),
        delete("/orders", 306),
        delete("/customers", 6, 7, 8),
    ],
    "17-00": _brands(),
    "17-19": [without_meta(330, "groups-read")],
    "18-00": [fault(503, retry_after=600)],
    "18-02": [option(cost_of_goods=True)],
    "18-05": [option(cost_of_goods=False), fault(502)],
    "18-06": [_fill(207)],
    "19-00": [
        *variable(692, "VAR029", [(698, "VAR029-L-ROU", "48.90", 14)]),
        *variable(699, "VAR030", [(702, "VAR030-L-BLE", "49.90", 6), (703, "VAR030-L-ROU", "49.90", 6)]),
    ],
    "20-02": variable(524, "VAR001", [(525, "VAR001-A", "10", 1)]),
    "20-06": [delete("/webhooks", *range(1, 16))],
    "20-07": _terms(),
    "20-15": [
        product(1539, "DRAFT", "110.13"),
        mutate("checkout", 1543, items=[{"sku": "DRAFT"}], draft=True),
        at("20:30:31"),
        order(1544, 9000, set_paid=True),
    ],
    "20-18": [
        at("20:30:33"),
        post("/orders/1544/refunds", {"amount": "1.00", "api_refund": False}, 1545),
    ],
    "20-22": [product(1547, "DEC", "1"), separators(".", ",")],
    "20-27": [separators(",", " ")],
    "20-29": [product(1548, "DEC2", "1"), separators(",", ".")],
}
