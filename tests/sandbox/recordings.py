"""Replays recorded exchanges of a real WooCommerce shop against the stand-in and says what differs.

`python -m tests.sandbox.recordings` prints the report. The recordings are found through ATOOSYNC_CONTRACTS or in the
folder `../shared/contracts` beside the repository.

Ids, meta ids and the time are forced to those of the recording (the number sequences and the clock of the stand-in are
wound before each call), so that everything else can be compared value by value. Some calls of the recorder were not
recorded (cleaning up, preparing orders); they are listed in `HIDDEN` and sent by the replay itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import ssl
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from connectors.sandbox.httpd import SandboxServer
from connectors.sandbox.woocommerce import WooCommerceSandbox
from connectors.sandbox.woocommerce.app import WooCommerceApp
from tests.sandbox.recordings_hidden import HIDDEN

ROOT = Path(__file__).resolve().parents[2]
EXCEPTIONS = Path(__file__).with_name("woocommerce_exceptions.toml")
RECORDED_HOMES = (
    "https://127.0.0.1:18443",
    "http://127.0.0.1:18080",
    "https://127.0.0.1:18080",
    "http://127.0.0.1:18443",
)
SECRETS = {str(n) * 40: f"cs_{str(n) * 40}" for n in range(1, 6)}
PARIS = ZoneInfo("Europe/Paris")
HEADERS = ("X-WP-Total", "X-WP-TotalPages", "Allow", "Location", "Retry-After")

# Values that no second shop can repeat; only their type is compared.
GENERATED = re.compile(
    r"(^date_|_gmt$|^order_key$|^cart_hash$|^avatar_url$|^payment_url$|^related_ids$|^receipt_url$|^expiration_date$"
    r"|^customer_ip_address$|^customer_user_agent$|^generated_slug$|^refunded_by$)"
)
# Texts of the interface: their wording is of no use to a connector and is not copied into the stand-in.
PROSE = frozenset({"description", "tip", "label", "method_description", "placeholder", "note", "instructions"})


def contracts() -> Path | None:
    """Folder of the WooCommerce recordings, None where there is none."""
    base = Path(os.environ.get("ATOOSYNC_CONTRACTS") or ROOT.parent / "shared" / "contracts")
    folder = base / "woocommerce" / "exchanges"
    return folder if folder.is_dir() else None


@dataclass
class Outcome:
    """One exchange replayed: `problems` is empty when it was reproduced."""

    key: str
    title: str
    problems: list[str] = field(default_factory=list)

    @property
    def reproduced(self) -> bool:
        """Whether status, error, shape and values were those of the recording."""
        return not self.problems


@dataclass
class Answer:
    """What the stand-in answered."""

    status: int
    headers: dict[str, str]
    body: Any


class Replay:
    """One shop, reachable over https and http like the recorded one, through which all files go in order."""

    def __init__(self) -> None:
        self.shop = WooCommerceSandbox(bare=True, tls=True)
        self.app: WooCommerceApp = self.shop.app
        self.app.options.image_ports = frozenset({80, 443, 8080, 18095, 18080})
        self.app.options.race_window = 0.0
        self.app.options.webhook_delay = None
        self.app.store.clock.freeze(datetime(2026, 11, 21, 18, 50, tzinfo=UTC).timestamp())
        self.app.reset()
        self.plain = SandboxServer(self.app)
        self.plain.trust_forwarded_proto = True
        self.meta_ids: dict[int, int] = {}
        self.outcomes: list[Outcome] = []

    def __enter__(self) -> Replay:
        self.shop.start()
        self.plain.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.plain.stop()
        self.shop.stop()

    @property
    def homes(self) -> tuple[str, ...]:
        """Addresses of the stand-in."""
        host, ports = self.plain.host, (self.shop.server.port, self.plain.port)
        return tuple(f"{scheme}://{host}:{port}" for scheme in ("https", "http") for port in ports)

    def run(self, folder: Path) -> list[Outcome]:
        """Replay every file in order."""
        for file in sorted(folder.glob("*.json")):
            self._file(file)
        return self.outcomes

    def _file(self, file: Path) -> None:
        exchanges = json.loads(file.read_text(encoding="utf-8"))["exchanges"]
        for place, exchange in enumerate(exchanges):
            key = f"{file.stem[:2]}-{place:02d}"
            for step in HIDDEN.get(key, ()):
                step(self)
            if exchange.get("request") and exchange.get("response"):
                self.outcomes.append(self._one(key, exchange))

    def call(self, method: str, path: str, body: Any, accept: tuple[int, ...] = (200, 201)) -> Any:
        """A call of the replay itself, with the key of the recordings."""
        query = {"force": "true"} if method == "DELETE" else {}
        request = {"method": method, "path": "/wp-json/wc/v3" + path, "query": query, "scheme": "https", "body": body}
        request["headers"] = {"Authorization": "Basic base64(consumer_key:consumer_secret)"}
        answer = self.send(request, "")
        assert answer.status in accept, (method, path, answer)
        return answer.body

    def wind(self, sequence: str, number: int) -> None:
        """Make the next number of a sequence this one."""
        with self.app.store.lock:
            self.app.store.sequences.put(sequence, number - 1)

    @staticmethod
    def sequence(path: str) -> str:
        """Which sequence numbers the resource at `path`."""
        return _sequence(path)

    def _one(self, key: str, exchange: dict[str, Any]) -> Outcome:
        outcome = Outcome(key, exchange["title"])
        recorded, request = exchange["response"], exchange["request"]
        self._force_ids(request, recorded)
        self._set_clock(recorded)
        answer = self.send(request, exchange["title"])
        comparison = Comparison(self, "truncated" in exchange)
        outcome.problems = comparison.run(request, recorded, answer)
        return outcome

    def _force_ids(self, request: dict[str, Any], recorded: dict[str, Any]) -> None:
        if request["method"] == "GET" or recorded["status"] >= 300:
            return
        for sequence, ids in _new_ids(request["path"], recorded.get("body")).items():
            fresh = [one for one in ids if not _known(self.app, sequence, one)]
            if fresh:
                with self.app.store.lock:
                    self.app.store.sequences.put(sequence, min(fresh) - 1)

    def _set_clock(self, recorded: dict[str, Any]) -> None:
        moment = _moment(recorded.get("body"))
        if moment is not None:
            self.app.store.clock.freeze(moment)

    def send(self, request: dict[str, Any], title: str) -> Answer:
        """Send a recorded request, signed or authorised anew."""
        secure = request.get("scheme") != "http"
        server = self.shop.server if secure else self.plain
        query = [(name, str(value)) for name, value in (request.get("query") or {}).items()]
        query = _sku_list(query)
        path = quote(request["path"], safe="/")
        if any(name.startswith("oauth_") for name, _ in query):
            query = self._signed(request["method"], server, path, query, title)
        headers, body = self._payload(request)
        context = ssl._create_unverified_context() if secure else None  # noqa: S323  (certificate made at start)
        connection: http.client.HTTPConnection
        if context:
            connection = http.client.HTTPSConnection(server.host, server.port, context=context, timeout=30)
        else:
            connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
        try:
            connection.request(request["method"], path + ("?" + urlencode(query) if query else ""), body, headers)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        return Answer(response.status, dict(response.getheaders()), _decoded(raw, response.headers.get("Content-Type")))

    def _payload(self, request: dict[str, Any]) -> tuple[dict[str, str], bytes | None]:
        headers = {name: str(value) for name, value in (request.get("headers") or {}).items()}
        match = re.match(r"Basic base64\((.*)\)$", headers.get("Authorization", ""))
        if match:
            pair = match.group(1).replace("consumer_key:consumer_secret", f"ck_{'1' * 40}:cs_{'1' * 40}")
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        headers["User-Agent"] = "python-requests/2.34.2"
        if request.get("body") == "body of 200050 bytes not kept":
            request = {**request, "body": {"name": "T", "description": "x" * 200_000}}
        if "raw_body" in request:
            return headers, _raw_bytes(str(request["raw_body"]))
        if request.get("body") is None:
            return headers, None
        headers.setdefault("Content-Type", "application/json")
        return headers, json.dumps(self._with_meta_ids(request["body"])).encode()

    def _with_meta_ids(self, body: Any) -> Any:
        if isinstance(body, dict) and isinstance(body.get("meta_data"), list):
            meta = [
                {**one, "id": self.meta_ids.get(one["id"], one["id"])} if isinstance(one, dict) and "id" in one else one
                for one in body["meta_data"]
            ]
            return {**body, "meta_data": meta}
        return body

    def _signed(
        self, method: str, server: SandboxServer, path: str, query: list[tuple[str, str]], title: str
    ) -> list[tuple[str, str]]:
        params = dict(query)
        wanted = params.pop("oauth_signature", None)
        params["oauth_timestamp"] = str(int(time.time()) - (1000 if "1000 s old" in title else 0))
        if "oauth_nonce" in params:
            params["oauth_nonce"] = hashlib.sha1(os.urandom(16)).hexdigest()  # noqa: S324  (a nonce)
        host = "www.example.test" if "another host" in title else f"{server.host}:{server.port}"
        signature = _signature(method, f"http{'s' if server.tls else ''}://{host}{path}", params)
        params["oauth_signature"] = str(wanted) if "wrong signature" in title else signature
        if "used twice" in title:
            first = {"method": method, "path": path, "query": params, "scheme": "https" if server.tls else "http"}
            self._once(first, server)
        return list(params.items())

    @staticmethod
    def _once(request: dict[str, Any], server: SandboxServer) -> None:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
        connection.request("GET", request["path"] + "?" + urlencode(request["query"]))
        connection.getresponse().read()
        connection.close()


def _signature(method: str, address: str, params: dict[str, str]) -> str:
    def encode(text: str) -> str:
        return quote(text, safe="-._~")

    joined = "&".join(f"{encode(k)}={encode(v)}" for k, v in sorted(params.items()))
    base = "&".join((method, encode(address), encode(joined)))
    secret = SECRETS.get(params["oauth_consumer_key"].removeprefix("ck_"), "cs_none")
    kind = hashlib.sha256 if params["oauth_signature_method"] == "HMAC-SHA256" else hashlib.sha1
    return base64.b64encode(hmac.new(f"{secret}&".encode(), base.encode(), kind).digest()).decode()


def _sku_list(query: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The recorder shortened one list of 300 references."""
    return [
        (name, ",".join(f"X{n:04d}" for n in range(300)) if "(300 entries, cut)" in value else value)
        for name, value in query
    ]


def _raw_bytes(raw: str) -> bytes:
    if raw.startswith("b'"):
        # A long body was cut, in the middle of an escape and without its closing quote.
        inner = re.sub(r"\\?\.\.\. \(\d+ bytes, cut\)$", "", raw[2:]).removesuffix("'")
        return inner.encode("latin-1", "replace").decode("unicode_escape", "replace").encode("latin-1", "replace")
    return raw.encode()


def _decoded(raw: bytes, kind: str | None) -> Any:
    if kind and "json" in kind and raw:
        return json.loads(raw)
    return raw.decode("utf-8", "replace")


def _sequence(path: str) -> str:
    """Which number sequence gives the ids of a resource."""
    for part, name in (
        ("/notes", "note"),
        ("/terms", "term"),
        ("/products/attributes", "attribute"),
        ("/products/categories", "term"),
        ("/products/tags", "term"),
        ("/products/brands", "term"),
        ("/products/shipping_classes", "term"),
        ("/taxes", "tax_rate"),
        ("/customers", "user"),
        ("/webhooks", "webhook"),
        ("/methods", "zone_method"),
        ("/shipping/zones", "zone"),
    ):
        if part in path:
            return name
    return "post"


def _new_ids(path: str, body: Any) -> dict[str, list[int]]:
    """Ids that the recorded answer shows, by number sequence."""
    found: dict[str, list[int]] = {}
    rows: list[Any] = [body]
    if isinstance(body, dict):
        rows += [one for one in body.get("create") or () if isinstance(one, dict)]
    for row in rows:
        if not isinstance(row, dict):
            continue
        if isinstance(row.get("id"), int) and row["id"]:
            found.setdefault(_sequence(path), []).append(row["id"])
        images = [*(row.get("images") or []), row.get("image")]
        found.setdefault("post", []).extend(
            one["id"] for one in images if isinstance(one, dict) and isinstance(one.get("id"), int) and one["id"]
        )
        for name in ("line_items", "shipping_lines", "fee_lines", "tax_lines", "coupon_lines"):
            lines = row.get(name)
            found.setdefault("order_item", []).extend(
                one["id"] for one in lines or () if isinstance(one, dict) and "id" in one
            )
        found.setdefault("post", []).extend(
            one["id"] for one in row.get("refunds") or () if isinstance(one, dict) and one.get("id")
        )
    return found


def _known(app: WooCommerceApp, sequence: str, number: int) -> bool:
    store = app.store
    if sequence == "order_item":
        return number in store.order_item_ids()
    tables = {
        "post": (store.products, store.media, store.coupons, store.orders, store.refunds),
        "term": (store.terms,),
        "attribute": (store.attributes,),
        "tax_rate": (store.tax_rates,),
        "user": (store.customers,),
        "zone": (store.zones,),
        "webhook": (store.webhooks,),
        "note": (store.notes,),
    }.get(sequence, ())
    if sequence == "zone_method":
        return any(row["id"] == number for zone in store.zones for row in zone["methods"])
    return any(number in table for table in tables)


def _moment(body: Any) -> float | None:
    """The time at which the recorded answer was given, as far as it shows."""
    if isinstance(body, dict):
        for name in ("create", "update"):
            if isinstance(body.get(name), list) and body[name]:
                return _moment(body[name][0])
        for name in ("date_modified_gmt", "date_modified", "date_created_gmt"):
            value = body.get(name)
            if isinstance(value, str):
                zone = UTC if name.endswith("_gmt") else PARIS
                return datetime.fromisoformat(value).replace(tzinfo=zone).timestamp()
    return None


class Comparison:
    """Compares one recorded answer with the one of the stand-in."""

    def __init__(self, replay: Replay, partial: bool) -> None:
        self.replay = replay
        self.partial = partial
        self.problems: list[str] = []

    def run(self, request: dict[str, Any], recorded: dict[str, Any], answer: Answer) -> list[str]:
        """All differences as texts."""
        if recorded["status"] != answer.status:
            self.problems.append(f"status {answer.status} instead of {recorded['status']}: {str(answer.body)[:160]}")
            return self.problems
        self._headers(recorded.get("headers") or {}, answer.headers)
        body = recorded.get("body")
        if isinstance(body, str) and not str(recorded["headers"].get("Content-Type", "")).startswith(
            "application/json"
        ):
            return self.problems
        if request["method"] != "HEAD":
            self._value("", body, answer.body)
        return self.problems

    def _headers(self, recorded: dict[str, str], actual: dict[str, str]) -> None:
        for name in HEADERS:
            wanted, got = self._plain(recorded.get(name)), self._plain(actual.get(name))
            if wanted != got:
                self.problems.append(f"header {name}: {got!r} instead of {wanted!r}")
        for rel in ("next", "prev"):
            wanted, got = (self._link(headers.get("Link", ""), rel) for headers in (recorded, actual))
            if wanted != got:
                self.problems.append(f"Link {rel}: {got!r} instead of {wanted!r}")

    def _link(self, header: str, rel: str) -> Any:
        match = re.search(rf'<([^>]*)>; rel="{rel}"', header)
        return self._plain(match.group(1)) if match else None

    def _plain(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for home in (*RECORDED_HOMES, *self.replay.homes):
            value = value.replace(home, "HOME")
        return value

    def _value(self, where: str, wanted: Any, got: Any) -> None:
        name = where.rpartition(".")[2].split("[")[0]
        if re.search(r"_hash\]\.value$", where):
            self._same_type(where, wanted, got)
            return
        if _cut_by_recorder(wanted):
            return
        if self.partial and isinstance(wanted, list) and isinstance(got, dict):
            self._value(where, sorted(wanted), sorted(got))
        elif isinstance(wanted, dict) and isinstance(got, dict):
            self._object(where, wanted, got)
        elif isinstance(wanted, list) and isinstance(got, list):
            self._list(where, name, wanted, got)
        elif GENERATED.search(name) or (name in PROSE and isinstance(wanted, str)):
            self._same_type(where, wanted, got)
        elif not _equal(name, self._plain(wanted), self._plain(got)):
            self.problems.append(f"{where}: {got!r} instead of {wanted!r}"[:220])

    def _same_type(self, where: str, wanted: Any, got: Any) -> None:
        if type(wanted) is not type(got):
            self.problems.append(f"{where}: {type(got).__name__} instead of {type(wanted).__name__}")

    def _object(self, where: str, wanted: dict[str, Any], got: dict[str, Any]) -> None:
        wanted, got = _measured(wanted, got), dict(got)
        missing = [key for key in wanted if key not in got and not (self.partial and wanted[key] is None)]
        extra = [key for key in got if key not in wanted] if not self.partial else []
        if missing or extra:
            self.problems.append(f"{where or 'body'}: missing {missing}, extra {extra}")
        choices = where.endswith(".options") or ".options." in where
        for key, value in wanted.items():
            if key in got and not (choices and isinstance(value, str)):
                self._value(f"{where}.{key}", value, got[key])

    def _list(self, where: str, name: str, wanted: list[Any], got: list[Any]) -> None:
        if name == "meta_data":
            self._meta(where, wanted, got)
            return
        if GENERATED.search(name):
            return
        if self.partial and len(wanted) == 1 and isinstance(wanted[0], int) and got and isinstance(got[0], dict):
            # The recorder kept only the number of rows.
            self._value(f"{where} rows", wanted[0], len(got))
            return
        marks = [one for one in wanted if isinstance(one, str) and one.startswith("...")]
        if not self.partial and len(wanted) != len(got):
            self.problems.append(f"{where}: {len(got)} rows instead of {len(wanted)}")
            return
        rows = [one for one in wanted if one not in marks]
        if self.partial and len(rows) > len(got):
            self.problems.append(f"{where}: {len(got)} rows instead of at least {len(rows)}")
            return
        for place, (one, other) in enumerate(zip(rows, self._aligned(rows, got), strict=False)):
            self._value(f"{where}[{place}]", one, other)

    @staticmethod
    def _aligned(wanted: list[Any], got: list[Any]) -> list[Any]:
        """Rows in the recorded order where both show the same ids: rows of one second have no order of their own."""
        if not all(isinstance(one, dict) and isinstance(one.get("id"), int) for one in [*wanted, *got]):
            return got
        by_id = {one["id"]: one for one in got}
        if {one["id"] for one in wanted} != set(by_id) or len(by_id) != len(got):
            return got
        return [by_id[one["id"]] for one in wanted]

    def _meta(self, where: str, wanted: list[Any], got: list[Any]) -> None:
        actual = {one["key"]: one for one in got}
        for one in wanted:
            other = actual.pop(one["key"], None)
            if other is None:
                self.problems.append(f"{where}: no meta {one['key']}")
                continue
            if "id" in one and isinstance(one["id"], int):
                self.replay.meta_ids[one["id"]] = other["id"]
            self._value(f"{where}[{one['key']}].value", one.get("value"), other.get("value"))
        if actual:
            self.problems.append(f"{where}: meta {sorted(actual)} more than recorded")


def _measured(wanted: dict[str, Any], got: dict[str, Any]) -> dict[str, Any]:
    """Entries that the recorder computed (lengths of texts, list of keys) are computed for the answer as well."""
    for key in wanted:
        name, _, what = key.rpartition("_")
        if what == "length" and isinstance(got.get(name), str):
            got[key] = len(got[name])
    if isinstance(wanted.get("keys"), list):
        got["keys"] = sorted(key for key in got if key not in {"keys", "_links"})
    return wanted


def _cut_by_recorder(wanted: Any) -> bool:
    return isinstance(wanted, str) and bool(re.fullmatch(r"\(.*(cut|list).*\)", wanted))


def _equal(name: str, wanted: Any, got: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(got, bool) or wanted is None or got is None:
        return wanted is got
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return abs(wanted - got) < 1e-9
    if isinstance(wanted, str) and isinstance(got, str):
        return _settled(name, wanted) == _settled(name, got)
    return bool(wanted == got)


def _settled(name: str, value: str) -> str:
    """A text without the numbers that depend on what else the recorded shop held."""
    if name in {"slug", "permalink", "src", "name", "source_url", "username"}:
        return re.sub(r"-\d+(?=$|/|\.\w+$)", "", re.sub(r"-\d+(?=\.\w+$)", "", value))
    return value


def expected_failures() -> dict[str, str]:
    """Exchanges that are not reproduced on purpose, with the reason."""
    data = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    return {key: str(value) for key, value in data.get("not_reproduced", {}).items()}


def replay_all(folder: Path) -> list[Outcome]:
    """Replay every recorded exchange."""
    with Replay() as replay:
        return replay.run(folder)


def _report(outcomes: list[Outcome]) -> Iterator[str]:
    good = sum(one.reproduced for one in outcomes)
    yield f"{len(outcomes)} exchanges, {good} reproduced, {100 * good / len(outcomes):.1f} %"
    known = expected_failures()
    for one in outcomes:
        if not one.reproduced:
            yield f"{one.key} {one.title}: {known.get(one.key, 'NOT LISTED')}"
            yield from (f"    {problem}" for problem in one.problems[:6])


def main() -> int:
    """Print the report."""
    folder = contracts()
    if folder is None:
        sys.stdout.write("No recordings found; set ATOOSYNC_CONTRACTS.\n")
        return 1
    sys.stdout.write("\n".join(_report(replay_all(folder))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
