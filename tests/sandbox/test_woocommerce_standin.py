"""The stand-in as a tool: server, keys, faults, latency, file, control API, races, webhooks, shop pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from woocommerce import API

from connectors.sandbox.woocommerce import WooCommerceSandbox, serve_woocommerce

pytestmark = pytest.mark.covers("SYS-06")


@pytest.fixture
def shop() -> Iterator[WooCommerceSandbox]:
    with serve_woocommerce() as running:
        yield running


def client(shop: WooCommerceSandbox, **more: Any) -> API:
    options = {"version": "wc/v3", "timeout": 20, **more}
    return API(url=shop.url, consumer_key=shop.consumer_key, consumer_secret=shop.consumer_secret, **options)


def control(shop: WooCommerceSandbox, method: str, path: str, body: Any = None) -> Any:
    answer = requests.request(method, shop.control_url + path, json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_public_python_client_works_over_plain_http(shop: WooCommerceSandbox) -> None:
    api = client(shop)
    made = api.post("products", {"name": "Chaise & co", "sku": "A1", "regular_price": "12,50"})
    assert made.status_code == 201
    assert made.json()["name"] == "Chaise &amp; co"
    assert made.json()["regular_price"] == "12.50"
    found = api.get("products", params={"sku": "a1", "_fields": "id,sku"})
    assert found.json() == [{"id": made.json()["id"], "sku": "A1"}]


def test_basic_counts_only_over_tls(shop: WooCommerceSandbox) -> None:
    pair = (shop.consumer_key, shop.consumer_secret)
    plain = requests.get(f"{shop.url}/wp-json/wc/v3/products", auth=pair, timeout=10)
    assert (plain.status_code, plain.json()["code"]) == (401, "woocommerce_rest_cannot_view")
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    with serve_woocommerce(tls=True) as secure:
        answer = requests.get(f"{secure.url}/wp-json/wc/v3/products", auth=pair, verify=False, timeout=10)  # noqa: S501
        assert answer.status_code == 200


def test_keys_without_the_right_are_refused(shop: WooCommerceSandbox) -> None:
    def status(key: Any, method: str) -> int:
        api = API(url=shop.url, consumer_key=key.consumer_key, consumer_secret=key.consumer_secret, version="wc/v3")
        answer = api.get("products") if method == "GET" else api.post("products", {"name": "x"})
        return int(answer.status_code)

    assert status(shop.read_only_key, "GET") == 200
    assert status(shop.read_only_key, "POST") == 401
    assert status(shop.write_only_key, "GET") == 401
    assert status(shop.customer_key, "GET") == 403
    assert status(shop.manager_key, "POST") == 201


def test_each_fault_shows_on_the_wire(shop: WooCommerceSandbox) -> None:
    api = client(shop)
    rules = [
        {"action": "status", "status": 429, "retry_after": 2, "nth": 1},
        {"action": "status", "status": 503, "nth": 2},
        {"action": "html", "nth": 3},
    ]
    control(shop, "POST", "faults", rules)
    first, second, third, fourth = (api.get("products") for _ in range(4))
    assert (first.status_code, first.headers["Retry-After"]) == (429, "2")
    assert (second.status_code, second.headers.get("Retry-After")) == (503, None)
    assert second.headers["Content-Type"].startswith("text/html")
    assert (third.status_code, third.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    assert fourth.json() == []
    shown = control(shop, "GET", "faults")["faults"]
    assert [rule["fired"] for rule in shown] == [1, 1, 1]
    assert control(shop, "DELETE", f"faults/{shown[0]['id']}") == {"removed": 1}
    assert control(shop, "DELETE", "faults") == {"removed": 2}


def test_p08_cut_after_the_work_leaves_the_product_behind(shop: WooCommerceSandbox) -> None:
    api = client(shop)
    control(shop, "POST", "faults", {"action": "cut_after", "method": "POST", "times": 1})
    with pytest.raises(requests.exceptions.ConnectionError):
        api.post("products", {"name": "Coupé", "sku": "CUT"})
    assert control(shop, "GET", "inspect?sku=CUT")["created_times"] == 1
    again = api.post("products", {"name": "Coupé", "sku": "CUT"})
    assert (again.status_code, again.json()["code"]) == (400, "product_invalid_sku")
    assert shop.server.log.entries()[0]["outcome"] == "cut"


@pytest.mark.parametrize("reset", [True, False])
def test_cut_before_the_work_does_nothing(shop: WooCommerceSandbox, reset: bool) -> None:
    shop.server.faults.add({"action": "cut_before", "method": "POST", "reset": reset})
    with pytest.raises(requests.exceptions.ConnectionError):
        client(shop).post("products", {"name": "Rien", "sku": "NO"})
    assert shop.app.inspect({"sku": "NO"})["products"] == []


def test_slow_after_lets_the_client_go_but_the_work_is_done(shop: WooCommerceSandbox) -> None:
    shop.server.faults.add({"action": "slow_after", "method": "POST", "ms": 900})
    with pytest.raises(requests.exceptions.ReadTimeout):
        client(shop, timeout=0.3).post("products", {"name": "Lent", "sku": "SLOW"})
    assert shop.app.inspect({"sku": "SLOW"})["created_times"] == 1


def test_a_batch_goes_on_after_the_client_left(shop: WooCommerceSandbox) -> None:
    shop.server.latency.item_ms = 20
    items = [{"name": f"P{n}", "sku": f"B-{n}"} for n in range(30)]
    with pytest.raises(requests.exceptions.ReadTimeout):
        client(shop, timeout=0.2).post("products/batch", {"create": items})
    early = len(shop.store.by_id)
    assert 0 < early < 30
    deadline = time.monotonic() + 5
    while len(shop.store.by_id) < 30 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(shop.store.by_id) == 30


def test_item_faults_hit_only_their_item(shop: WooCommerceSandbox) -> None:
    shop.server.faults.add(
        {"action": "item_error", "sku": "BAD", "code": "db_error", "message": "Panne", "status": 500}
    )
    shop.server.faults.add({"action": "item_slow", "sku": "LATE", "ms": 300})
    started = time.monotonic()
    answer = client(shop).post("products/batch", {"create": [{"sku": "OK"}, {"sku": "BAD"}, {"sku": "LATE"}]}).json()
    assert time.monotonic() - started >= 0.3
    assert [item.get("sku") for item in answer["create"]] == ["OK", None, "LATE"]
    assert answer["create"][1] == {
        "id": 0,
        "error": {"code": "db_error", "message": "Panne", "data": {"status": 500}},
    }


def test_lists_can_lie_about_their_length_and_parameters(shop: WooCommerceSandbox) -> None:
    shop.seed(count=25)
    api = client(shop)
    shop.server.faults.add({"action": "truncate", "keep": 4, "nth": 1})
    shop.server.faults.add({"action": "ignore_param", "params": ["page"], "nth": 2})
    short = api.get("products", params={"per_page": 10})
    assert (len(short.json()), short.headers["X-WP-Total"]) == (4, "25")
    blind = api.get("products", params={"per_page": 10, "page": 3, "_fields": "id"}).json()
    first = api.get("products", params={"per_page": 10, "_fields": "id"}).json()
    assert blind == first


def test_pages_drift_while_they_are_read(shop: WooCommerceSandbox) -> None:
    shop.seed(count=20)
    api = client(shop)
    shop.server.faults.add({"action": "mutate", "op": "insert", "count": 2, "when": "after", "nth": 1})
    one = [row["id"] for row in api.get("products", params={"page": 1, "_fields": "id"}).json()]
    two = [row["id"] for row in api.get("products", params={"page": 2, "_fields": "id"}).json()]
    assert len(set(one) & set(two)) == 2


def test_mutations_of_other_people(shop: WooCommerceSandbox) -> None:
    shop.seed(skus=["A"], stock=10)
    control(shop, "POST", "clock", {"advance": 3600})
    before = control(shop, "GET", "inspect?sku=A")["products"][0]
    silent = control(shop, "POST", "mutate", {"op": "stock", "sku": "A", "quantity": 3})
    assert (silent["stock_quantity"], silent["date_modified_gmt"]) == (3, before["date_modified_gmt"])
    sold = control(shop, "POST", "mutate", {"op": "sale", "sku": "A", "quantity": 2})
    assert sold["stock_quantity"] == 1
    assert sold["date_modified_gmt"] > before["date_modified_gmt"]
    edited = control(shop, "POST", "mutate", {"op": "edit", "sku": "A", "set": {"regular_price": "9.90", "sku": "B"}})
    assert (edited["sku"], edited["regular_price"]) == ("B", "9.90")
    assert client(shop).get("products", params={"sku": "B", "_fields": "price"}).json() == [{"price": "9.90"}]


def test_control_api_refuses_nonsense(shop: WooCommerceSandbox) -> None:
    for path, body in (("faults", {"action": "explode"}), ("mutate", {"op": "sale", "sku": "none"}), ("clock", [])):
        answer = requests.post(shop.control_url + path, json=body, timeout=5)
        assert answer.status_code == 400
        assert answer.json()["error"]
    assert requests.get(shop.control_url + "nowhere", timeout=5).status_code == 404


def test_latency_and_connection_limit(shop: WooCommerceSandbox) -> None:
    control(shop, "POST", "latency", {"request_ms": 120, "item_ms": 10, "max_connections": 2})
    api = client(shop)
    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        assert [one.status_code for one in pool.map(lambda _: api.get("products"), range(6))] == [200] * 6
    assert time.monotonic() - started >= 3 * 0.12
    assert control(shop, "GET", "requests")["totals"]["busy_at_most"] == 2
    started = time.monotonic()
    api.post("products/batch", {"create": [{"name": str(n)} for n in range(20)]})
    assert time.monotonic() - started >= 0.12 + 20 * 0.01


def test_request_log_counts_without_secrets(shop: WooCommerceSandbox) -> None:
    api = client(shop)
    api.post("products/batch", {"create": [{"sku": "X"}, {"sku": "Y"}], "delete": [999]})
    api.get("products", params={"sku": "X"})
    seen = control(shop, "GET", "requests")
    assert seen["totals"]["calls"] == {"POST products/batch": 1, "GET products": 1}
    assert seen["totals"]["item_writes"] == {"created": 2}
    assert seen["requests"][0]["items"] == 3
    assert json.loads(seen["requests"][0]["body"])["create"][0] == {"sku": "X"}
    shown = json.dumps(seen)
    assert shop.consumer_key not in shown
    assert 'oauth_signature"' not in shown


def test_reset_gives_a_fresh_shop(shop: WooCommerceSandbox) -> None:
    shop.seed(count=5)
    shop.server.faults.add({"action": "latency", "ms": 1})
    control(shop, "POST", "reset")
    assert control(shop, "GET", "inspect")["products"] == 0
    assert control(shop, "GET", "faults") == {"faults": []}
    assert client(shop).get("taxes/classes").json()[0]["slug"] == "standard"


def test_one_reference_is_created_once_under_simultaneous_creates(shop: WooCommerceSandbox) -> None:
    api = client(shop)
    shop.server.latency.item_ms = 10
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: api.post("products", {"name": "R", "sku": "RACE"}), range(4)))
    assert sorted(one.status_code for one in answers) == [201, 400, 400, 400]
    assert shop.app.inspect({"sku": "RACE"})["created_times"] == 1


def test_variations_and_categories_have_no_such_lock(shop: WooCommerceSandbox) -> None:
    api = client(shop)
    parent = api.post("products", {"name": "V", "type": "variable", "sku": "V"}).json()["id"]
    shop.server.latency.item_ms = 50
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: api.post(f"products/{parent}/variations", {"sku": "V-1"}), range(4)))
        list(pool.map(lambda _: api.post("products/categories", {"name": "Même"}), range(4)))
    assert shop.app.inspect({})["duplicate_skus"] == {"v-1": 4}
    assert shop.app.inspect({})["terms"]["product_cat"] == 5


def test_state_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "shop.sqlite"
    with serve_woocommerce(state_file=file) as shop:
        api = client(shop)
        number = api.post("products", {"name": "Durable", "sku": "KEEP", "regular_price": "5"}).json()["id"]
        category = api.post("products/categories", {"name": "Gardée"}).json()["id"]
        api.put(f"products/{number}", {"categories": [{"id": category}]})
        gone = api.post("products", {"name": "Parti", "sku": "GONE"}).json()["id"]
        api.delete(f"products/{gone}", params={"force": True})
    with serve_woocommerce(state_file=file) as shop:
        api = client(shop)
        kept = api.get("products", params={"category": category}).json()
        assert [(row["id"], row["sku"], row["price"]) for row in kept] == [(number, "KEEP", "5")]
        assert shop.app.inspect({"sku": "KEEP"})["created_times"] == 1
        assert shop.app.inspect({"sku": "GONE"})["products"] == []
        assert api.post("products", {"name": "Suivant"}).json()["id"] > gone


def test_command_line_prints_keys_and_stops_on_sigterm(tmp_path: Path) -> None:
    file = tmp_path / "cli.sqlite"
    command = [sys.executable, "-m", "connectors.sandbox.woocommerce", "--items", "3", "--state", str(file)]
    for expected in (3, 4):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        assert about["products"] == expected
        api = API(about["url"], about["consumer_key"], about["consumer_secret"], version="wc/v3")
        assert api.post("products", {"name": "En plus"}).status_code == 201
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        process.stdout.close()


def test_lists_stay_cheap_with_many_products(shop: WooCommerceSandbox) -> None:
    shop.seed(count=30_000, prefix="BIG-")
    api = client(shop)
    api.get("products", params={"per_page": 100, "page": 2, "_fields": "id"})
    started = time.monotonic()
    for page in (1, 100, 299):
        params = {"per_page": 100, "page": page, "orderby": "id", "order": "asc", "_fields": "id,sku,stock_quantity"}
        answer = api.get("products", params=params)
        assert (len(answer.json()), answer.headers["X-WP-Total"]) == (100, "30000")
    skus = ",".join(f"BIG-{n:06d}" for n in range(1, 101))
    assert len(api.get("products", params={"sku": skus, "per_page": 100, "_fields": "id"}).json()) == 100
    assert time.monotonic() - started < 1.0


class _Receiver(http.server.BaseHTTPRequestHandler):
    """Collects what the shop delivers; answers with the status of the path's last part."""

    received: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        self.send_response(500 if self.path.endswith("500") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    received: list[tuple[str, dict[str, str], bytes]] = []
    handler = type("_Bound", (_Receiver,), {"received": received})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()


@pytest.mark.covers("ORD-15")
def test_webhooks_come_late_once_and_signed(shop: WooCommerceSandbox, receiver: Any) -> None:
    address, received = receiver
    api = client(shop)
    shop.app.options.webhook_delay = 3600.0
    product = api.post("products", {"name": "W", "sku": "W", "regular_price": "10"}).json()["id"]
    hook = {"topic": "order.updated", "delivery_url": f"{address}/hook", "secret": "s3cret"}
    assert api.post("webhooks", {"name": "H", **hook}).status_code == 201
    order = api.post("orders", {"line_items": [{"product_id": product, "quantity": 2}]}).json()["id"]
    api.put(f"orders/{order}", {"status": "processing"})
    deadline = time.monotonic() + 5
    while not received and time.monotonic() < deadline:
        time.sleep(0.02)
    assert received[0][2].startswith(b"webhook_id=")
    assert "x-wc-webhook-signature" not in received[0][1]
    assert shop.app.dispatcher.flush() == 1
    _, headers, body = received[1]
    expected = base64.b64encode(hmac.new(b"s3cret", body, hashlib.sha256).digest()).decode()
    assert headers["x-wc-webhook-signature"] == expected
    assert headers["x-wc-webhook-topic"] == "order.updated"
    assert (json.loads(body)["id"], json.loads(body)["status"]) == (order, "processing")
    assert "_links" not in json.loads(body)


@pytest.mark.covers("ORD-15")
def test_a_webhook_that_keeps_failing_is_switched_off(shop: WooCommerceSandbox, receiver: Any) -> None:
    address, received = receiver
    api = client(shop)
    shop.app.options.webhook_delay = 3600.0
    hook = api.post("webhooks", {"topic": "product.created", "delivery_url": f"{address}/500", "secret": "x"}).json()
    for number in range(8):
        api.post("products", {"name": f"P{number}"})
        shop.app.dispatcher.flush()
    assert api.get(f"webhooks/{hook['id']}").json()["status"] == "disabled"
    assert sum(1 for _, headers, _ in received if "x-wc-webhook-topic" in headers) == 7


@pytest.mark.covers("ORD-15")
def test_a_shopper_orders_and_the_stock_falls(shop: WooCommerceSandbox) -> None:
    shop.seed(skus=["O"], stock=5, price="10.00")
    made = control(shop, "POST", "mutate", {"op": "checkout", "items": [{"sku": "O", "quantity": 2}]})
    order = client(shop).get(f"orders/{made['id']}").json()
    assert (order["status"], order["created_via"], order["date_paid"]) == ("on-hold", "store-api", None)
    assert (order["total"], order["total_tax"], order["shipping_total"]) == ("32.28", "5.38", "6.90")
    assert shop.app.inspect({"sku": "O"})["products"][0]["stock_quantity"] == 3
    control(shop, "POST", "mutate", {"op": "order_status", "id": made["id"], "status": "cancelled"})
    assert shop.app.inspect({"sku": "O"})["products"][0]["stock_quantity"] == 5


def test_storefront_shows_what_is_for_sale_and_escapes_it(shop: WooCommerceSandbox) -> None:
    api = client(shop)
    category = api.post("products/categories", {"name": "Été & <b>jardin</b>"}).json()
    given = {"regular_price": "10.00", "categories": [{"id": category["id"]}], "manage_stock": True}
    api.post("products", {"name": "Banc <script>alert(1)</script>", "sku": 'B"1', "stock_quantity": 4, **given})
    api.post("products", {"name": "Caché", "sku": "HID", "catalog_visibility": "hidden", **given})
    api.post("products", {"name": "Brouillon", "sku": "DRA", "status": "draft", **given})
    home = requests.get(shop.url, timeout=5)
    assert home.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert "<script>" not in home.text
    assert "B&quot;1" in home.text
    assert "En stock : 4" in home.text
    assert "10,00" in home.text
    assert "Caché" not in home.text
    assert "Brouillon" not in home.text
    listed = requests.get(f"{shop.url}/product-category/{category['slug']}/", timeout=5)
    assert "data-sku" in listed.text
    assert "Résultats" in requests.get(shop.url, params={"s": 'B"1'}, timeout=5).text
    assert requests.get(f"{shop.url}/product/brouillon/", timeout=5).status_code == 404


def test_storefront_lets_five_shoppers_order_at_once(shop: WooCommerceSandbox) -> None:
    api = client(shop)
    address = f"{shop.url}/commandes-de-demonstration/"
    given = {"regular_price": "10.00", "manage_stock": True, "stock_quantity": 50}
    api.post("products", {"name": "Seul", "sku": "A-0", **given})
    refused = requests.post(address, timeout=10)
    assert (refused.status_code, "exportez d’abord" in refused.text) == (400, True)
    for place in range(1, 14):
        api.post("products", {"name": f"Article {place}", "sku": f"A-{place}", **given})
    assert "commandes de démonstration" in requests.get(shop.url, timeout=5).text
    assert requests.post(address, timeout=10).status_code == 201
    orders = api.get("orders", params={"per_page": 100}).json()
    payments = sorted((order["payment_method"], order["status"]) for order in orders)
    assert payments == [
        ("bacs", "on-hold"),
        ("card", "processing"),
        ("card", "processing"),
        ("cheque", "on-hold"),
        ("cod", "processing"),
    ]
    assert len({item["sku"] for order in orders for item in order["line_items"]}) == 10


def test_storefront_product_page_lists_variants(shop: WooCommerceSandbox) -> None:
    api = client(shop)
    attribute = {"name": "Taille", "options": ["S", "M"], "variation": True, "visible": True}
    parent = api.post("products", {"name": "Pull", "type": "variable", "sku": "P", "attributes": [attribute]}).json()
    for size, stock in (("S", 3), ("M", 0)):
        option = [{"name": "Taille", "option": size}]
        given = {"sku": f"P-{size}", "regular_price": "20", "manage_stock": True, "stock_quantity": stock}
        assert api.post(f"products/{parent['id']}/variations", {**given, "attributes": option}).status_code == 201
    page = requests.get(f"{shop.url}/product/pull/", timeout=5).text
    assert "data-sku='P-S'" in page
    assert "Rupture de stock" in page
    assert "Taille" in page
