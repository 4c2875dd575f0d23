"""Calls to a WooCommerce REST API: signing, lists, single objects, batches."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth1 import SIGNATURE_TYPE_QUERY, ClientAuth

from connectors.core.http import Answer, Hook, HttpClient, HttpSettings, LostAnswer, Outgoing, Signer, query_text
from connectors.core.paging import Position, Slice, Step, walk_by_id
from connectors.core.ports import Runtime
from connectors.core.problems import Problem
from connectors.core.redaction import register_pair, register_secret
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.policy import HTTP_POLICY, refusal

Query = Mapping[str, str | int]
Body = dict[str, Any]

PAGE = 100
"""Rows per page and items per batch: the most WooCommerce takes."""


def basic_signer(key: str, secret: str) -> Signer:
    """Credentials in the Authorization header; WooCommerce reads them over https only."""
    value = "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
    return lambda outgoing: replace(outgoing, headers={**outgoing.headers, "Authorization": value})


def query_signer(key: str, secret: str) -> Signer:
    """Credentials in the query; WooCommerce reads them over https only."""
    text = query_text({"consumer_key": key, "consumer_secret": secret})
    return lambda outgoing: replace(outgoing, url=_with_query(outgoing.url, text))


def oauth_signer(key: str, secret: str) -> Signer:
    """One-legged OAuth 1.0a (HMAC-SHA1) in the query; works over http and https, the secret never leaves."""
    auth = ClientAuth(key, secret, signature_type=SIGNATURE_TYPE_QUERY)

    def sign(outgoing: Outgoing) -> Outgoing:
        url, _headers, _body = auth.sign(outgoing.method, outgoing.url, dict(outgoing.headers), b"")
        return replace(outgoing, url=url)

    return sign


def _with_query(url: str, text: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{text}"


def signer_for(options: WooCommerceOptions) -> Signer:
    """The way to authenticate that the settings ask for; over http only a signature counts."""
    key, secret = options.consumer_key.get_secret_value(), options.consumer_secret.get_secret_value()
    if options.sign_requests or not options.is_https:
        return oauth_signer(key, secret)
    return query_signer(key, secret) if options.key_in_query else basic_signer(key, secret)


class WooApi:
    """One shop's API. May be used from several threads."""

    def __init__(
        self,
        options: WooCommerceOptions,
        runtime: Runtime,
        *,
        hook: Hook | None = None,
        signer: Signer | None = None,
        settings: HttpSettings | None = None,
    ) -> None:
        self.options = options
        key, secret = options.consumer_key.get_secret_value(), options.consumer_secret.get_secret_value()
        register_secret(key)
        register_pair(key, secret)
        self.client = HttpClient(
            runtime,
            settings or http_settings(options),
            policy=HTTP_POLICY,
            signer=signer or signer_for(options),
            hook=hook,
        )

    def close(self) -> None:
        """Closes idle connections. May be called twice."""
        self.client.close()

    def url(self, route: str, query: Query | None = None) -> str:
        """Address of a route such as ``wc/v3/products``; needs pretty permalinks (keys count only there)."""
        text = query_text(query)
        return f"{self.options.url}/wp-json/{route}{'?' + text if text else ''}"

    def read(self, route: str, query: Query | None = None) -> Answer:
        """GET of a ``wc/v3`` route. Raises the problem behind any status that is no success."""
        answer = self.client.request("GET", self.url(f"wc/v3/{route}", query))
        if answer.status >= 300:
            raise refusal(answer)
        return answer

    def get(self, route: str, query: Query | None = None) -> Any:
        """The parsed body of a GET."""
        return self.read(route, query).json()

    def rows(self, route: str, query: Query | None = None) -> Slice:
        """One list: its rows and the announced total."""
        answer = self.read(route, query)
        body = answer.json()
        rows = tuple(row for row in body if isinstance(row, dict)) if isinstance(body, list) else ()
        total = answer.header("x-wp-total")
        return Slice(rows, int(total) if total.isdecimal() else None)

    def walk(
        self, route: str, query: Query | None = None, *, size: int = PAGE, start: Position | None = None
    ) -> Iterator[Step]:
        """Every row of a paged list once, by ascending id. Raises ``PagingBroken`` rather than end short."""
        fixed = {**(query or {}), "orderby": "id", "order": "asc"}

        def fetch(offset: int, count: int) -> Slice:
            return self.rows(route, {**fixed, "offset": offset, "per_page": count})

        return walk_by_id(fetch, size=size, start=start)

    def every(self, route: str, query: Query | None = None) -> list[Mapping[str, Any]]:
        """All rows of a paged list."""
        return [row for step in self.walk(route, query) for row in step.rows]

    def post(self, route: str, body: Any, query: Query | None = None) -> Any:
        """POST to a ``wc/v3`` route, never repeated here.

        Raises ``LostAnswer`` when the outcome is unknown, and the problem behind any status that is no success.
        """
        return self._posted(route, body, query).json()

    def _posted(self, route: str, body: Any, query: Query | None = None) -> Answer:
        answer = self.client.request("POST", self.url(f"wc/v3/{route}", query), body=body)
        if answer.status >= 300:
            raise refusal(answer)
        return answer

    def batch(self, route: str, verb: str, items: Sequence[Body]) -> tuple[list[Mapping[str, Any]], float]:
        """One batch call of at most 100 items: the answers in the order of the items, and the seconds the shop took.

        Errors of single items are inside the answers (``error``). Raises as :meth:`post`; an answer of another shape
        counts as lost.
        """
        answer = self._posted(f"{route}/batch", {verb: list(items)})
        body = answer.json()
        answers = body.get(verb) if isinstance(body, dict) else None
        if not isinstance(answers, list) or len(answers) != len(items):
            raise LostAnswer(
                Problem(
                    "bad_batch_answer",
                    "La boutique a répondu à un lot de façon incomplète.",
                    "Une extension modifie les réponses de l’API ; la demande sera vérifiée puis refaite.",
                    detail=f"{len(items)} items sent, {len(answers) if isinstance(answers, list) else 0} answers",
                )
            )
        return [one if isinstance(one, dict) else {} for one in answers], answer.seconds


def http_settings(options: WooCommerceOptions) -> HttpSettings:
    """Limits of the HTTP client by the settings of the shop."""
    host = (urlsplit(options.url).netloc or options.url).lower()
    return HttpSettings(
        connect_timeout=min(5.0, float(options.timeout)),
        read_timeout=float(options.timeout),
        connections=options.connections,
        verify=options.verify_tls,
        rate=float(options.requests_per_second),
        burst=max(1, options.requests_per_second),
        rate_name=f"woocommerce:{host}",
    )
