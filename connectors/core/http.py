"""The only HTTP client: time-outs, size cap, address guard, retries of safe reads, pauses, redaction, hooks.

``request`` never repeats a write whose outcome is unknown: it raises ``Uncertain`` and leaves the look-up to the
connector. Statuses are judged by :mod:`connectors.core.http_policy`; bodies are parsed only after a look at their
content type.
"""

from __future__ import annotations

import errno
import json
import logging
import math
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote, urlencode, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from connectors.core.address_guard import AddressGuard, LookupTimedOut, NameUnknown
from connectors.core.http_body import encoded
from connectors.core.http_policy import Decision, HttpPolicy, Rule, http_date, retry_after
from connectors.core.ports import Runtime
from connectors.core.problems import (
    ConnectorError,
    CredentialsRefused,
    ItemRefused,
    Misconfigured,
    Problem,
    RateLimited,
    Transient,
    Uncertain,
)
from connectors.core.ratelimit import Throttle
from connectors.core.redaction import redact

logger = logging.getLogger("connectors.http")

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DETAIL_LENGTH = 400
CHUNK = 65536
LONGEST_DELAY = 3600.0


class Unreachable(Transient):
    """No connection was made: nothing was sent."""


class CertificateRefused(Misconfigured):
    """The certificate of the other side cannot be trusted."""


class LostAnswer(Uncertain):
    """The request left, its answer did not come back in full: it may have been carried out."""


class NoAnswer(Transient):
    """A read that got no usable answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Limits of one client; times are seconds, sizes bytes.

    ``read_attempts``: tries of a safe read. ``wait_attempts``: times a call is made again after a request to slow
    down. ``longest_pause``: a longer ``Retry-After`` is not waited for but handed to the engine. ``rate`` (calls per
    second, 0 = none) and ``burst`` feed the bucket ``rate_name``. ``foreign_redirects``: whether reads may be
    redirected to another host (they then go without credentials). ``deadline``: time of ``time.monotonic`` after which
    nothing is waited for any more.
    """

    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    connections: int = 4
    verify: bool | str = True
    max_body: int = 64 * 1024 * 1024
    read_attempts: int = 3
    wait_attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 60.0
    redirects: int = 4
    foreign_redirects: bool = False
    user_agent: str = "AtooSync/0.1"
    rate: float = 0.0
    burst: int = 4
    rate_name: str = ""
    deadline: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request on its way out; a signer returns a copy with credentials."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


Signer = Callable[[Outgoing], Outgoing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. Header names are lower case. ``safe`` tells whether the request changed nothing."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    safe: bool = True

    def header(self, name: str) -> str:
        """A header's text, empty when absent."""
        return self.headers.get(name.lower(), "")

    @property
    def is_json(self) -> bool:
        """Whether the answer says it is JSON."""
        return "json" in self.header("content-type").lower()

    @property
    def text(self) -> str:
        """The body as text, for details; undecodable bytes are replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The parsed body, numbers with a fraction as ``Decimal``.

        Raises ``NoAnswer`` after a read and ``LostAnswer`` after a write when the answer is no JSON (a firewall's or
        a maintenance page), since a write may have been carried out behind it.
        """
        if not self.is_json:
            self._unusable("not_json", "Le système distant a répondu par une page web au lieu de données.")
        try:
            return json.loads(self.body.decode("utf-8-sig"), parse_float=Decimal)
        except ValueError:
            self._unusable("bad_json", "Le système distant a envoyé des données illisibles.")

    def _unusable(self, code: str, sentence: str) -> NoReturn:
        problem = Problem(
            code,
            sentence,
            "Un pare-feu, une extension de sécurité ou une page de maintenance répond à la place de l’application :"
            " autorisez l’adresse de cette plateforme, puis testez la connexion.",
            detail=self.summary(),
        )
        raise NoAnswer(problem) if self.safe else LostAnswer(problem)

    def summary(self) -> str:
        """Status, type and the beginning of the body, redacted, for the technical detail."""
        text = " ".join(redact(self.text[: 4 * DETAIL_LENGTH]).split())[:DETAIL_LENGTH]
        return f"{self.method} {redact(self.url)} → {self.status} {self.header('content-type')} {text}".strip()

    @property
    def server_time_text(self) -> str:
        """The server's own clock as it wrote it, empty when it did not."""
        return self.header("date")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One exchange as a hook sees it: redacted, ``status`` 0 when no answer came."""

    method: str
    url: str
    status: int
    seconds: float
    sent: Any = None
    received: str = ""
    error: str = ""


Hook = Callable[[Call], None]
T = TypeVar("T")


def query_text(query: Mapping[str, str | int] | None) -> str:
    """Query string with every reserved character encoded, blanks as ``%20`` (OAuth signatures depend on it)."""
    return urlencode({name: str(value) for name, value in (query or {}).items()}, quote_via=quote, safe="")


class HttpClient:
    """One client per connection; may be used from several threads."""

    def __init__(
        self,
        runtime: Runtime,
        settings: HttpSettings | None = None,
        *,
        policy: HttpPolicy | None = None,
        signer: Signer | None = None,
        hook: Hook | None = None,
    ) -> None:
        self.settings = settings or HttpSettings()
        self.policy = policy or HttpPolicy()
        self.throttle = Throttle(
            runtime,
            name=self.settings.rate_name,
            rate=self.settings.rate,
            burst=self.settings.burst,
            at_once=self.settings.connections,
        )
        self._signer = signer
        self._hook = hook
        self._session = _session(AddressGuard(runtime.allowed_addresses), self.settings)

    def __enter__(self) -> HttpClient:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connections."""
        self.close()

    def close(self) -> None:
        """Closes idle connections. May be called twice."""
        self._session.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        safe: bool | None = None,
        timeout: float | None = None,
        signed: bool = True,
    ) -> Answer:
        """Makes a call and returns the answer, whatever its status, unless it must be waited for or is unknown.

        ``body`` is sent as JSON, a ``FileBody`` as it is. ``safe``: may be repeated (default: reads only). ``signed``:
        with the credentials. Raises ``Unreachable`` (nothing sent), ``CertificateRefused``, ``AddressRefused``,
        ``RateLimited`` (told to wait longer than the ceiling), ``NoAnswer`` (a read failed for good), ``LostAnswer`` (a
        write may have happened), ``RunStopped``.
        """
        repeatable = method in SAFE_METHODS if safe is None else safe
        failures = waits = 0
        while True:
            try:
                answer = self.exchange(method, url, body=body, safe=repeatable, timeout=timeout, signed=signed)
                rule = self._judge(answer)
                if rule.decision is Decision.WAIT:
                    waits += 1
                    self._wait_as_told(answer, rule, waits)
                    continue
                if rule.decision is not Decision.UNKNOWN:
                    return answer
                problem = problem_of(answer, rule)
                raise LostAnswer(problem)
            except (LostAnswer, Unreachable) as error:
                failures += 1
                self._give_up_or_pause(error, repeatable, failures)

    def exchange(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        safe: bool = True,
        timeout: float | None = None,
        signed: bool = True,
    ) -> Answer:
        """One try, no retry: the answer whatever its status (connection tests use it directly).

        Raises ``Unreachable``, ``CertificateRefused``, ``AddressRefused``, ``LostAnswer``, ``RunStopped``.
        """
        outgoing = _outgoing(method, url, body)
        with self.throttle.room():
            return self._followed(outgoing, safe=safe, timeout=timeout, signed=signed)

    def _followed(self, outgoing: Outgoing, *, safe: bool, timeout: float | None, signed: bool) -> Answer:
        for _hop in range(self.settings.redirects + 1):
            self.throttle.enter()
            ready = self._signer(outgoing) if self._signer and signed else outgoing
            answer = self._observed(ready, safe=safe, timeout=timeout)
            target = self._redirect_target(outgoing, answer)
            if target is None:
                return answer
            signed = signed and _same_host(outgoing.url, target)
            outgoing = Outgoing(method=outgoing.method, url=target, headers=outgoing.headers, body=outgoing.body)
        return answer

    def _redirect_target(self, outgoing: Outgoing, answer: Answer) -> str | None:
        """Where a read should go next; ``None`` leaves the answer as it is, redirection included."""
        location = answer.header("location")
        if not 300 <= answer.status < 400 or not location or outgoing.method not in SAFE_METHODS:
            return None
        target = urljoin(outgoing.url, location)
        schemes = urlsplit(outgoing.url).scheme, urlsplit(target).scheme
        if schemes[1] != "https" and schemes[1] != schemes[0]:
            return None
        if not self.settings.foreign_redirects and not _same_host(outgoing.url, target):
            return None
        return target

    def _judge(self, answer: Answer) -> Rule:
        rule = self.policy.rule(answer.status)
        if rule.decision is Decision.WAIT and not answer.safe and answer.status >= 500:
            # Without Retry-After nothing tells whether the 503 came before or after the work.
            asked = retry_after(answer.header("retry-after"))
            return rule if asked is not None else Rule(Decision.UNKNOWN, rule.code, rule.sentence, rule.advice)
        return rule

    def _wait_as_told(self, answer: Answer, rule: Rule, waits: int) -> None:
        asked = retry_after(answer.header("retry-after"))
        delay = self._backoff(waits) if asked is None else asked
        if delay > self.settings.longest_pause or waits >= self.settings.wait_attempts:
            raise RateLimited(problem_of(answer, rule), delay=min(delay, LONGEST_DELAY))
        logger.info("pause of %.1f s asked for by %s", delay, redact(answer.url))
        self.throttle.pause(delay)

    def _give_up_or_pause(self, error: LostAnswer | Unreachable, repeatable: bool, failures: int) -> None:
        lost_write = isinstance(error, LostAnswer) and not repeatable
        if lost_write:
            raise error
        if failures >= self.settings.read_attempts:
            raise NoAnswer(error.problem) if isinstance(error, LostAnswer) else error
        self.throttle.sleep(self._backoff(failures))

    def _backoff(self, tries: int) -> float:
        return float(self.settings.first_pause * 2 ** (tries - 1) * random.uniform(0.75, 1.25))  # noqa: S311 (jitter)

    def _observed(self, outgoing: Outgoing, *, safe: bool, timeout: float | None) -> Answer:
        started = time.monotonic()
        try:
            answer = self._transfer(outgoing, safe, timeout, started)
        except ConnectorError as error:
            self._tell(outgoing, None, time.monotonic() - started, error.problem.code)
            raise
        self._tell(outgoing, answer, answer.seconds, "")
        return answer

    def _tell(self, outgoing: Outgoing, answer: Answer | None, seconds: float, error: str) -> None:
        status = answer.status if answer else 0
        logger.debug("%s %s → %s in %.3f s %s", outgoing.method, redact(outgoing.url), status, seconds, error)
        if self._hook is None:
            return
        self._hook(
            Call(
                method=outgoing.method,
                url=redact(outgoing.url),
                status=status,
                seconds=seconds,
                sent=redact(outgoing.body.decode(errors="replace")) if outgoing.body else None,
                received=redact(answer.text) if answer else "",
                error=error,
            )
        )

    def _transfer(self, outgoing: Outgoing, safe: bool, timeout: float | None, started: float) -> Answer:
        limit = min(timeout or self.settings.read_timeout, self.settings.deadline - started)
        if limit <= 0:
            raise NoAnswer(_problem("timed_out", "deadline", host=urlsplit(outgoing.url).hostname or ""))
        times = (min(self.settings.connect_timeout, limit), limit)
        prepared = self._session.prepare_request(
            requests.Request(outgoing.method, outgoing.url, headers=dict(outgoing.headers), data=outgoing.body)
        )
        try:
            with self._session.send(
                prepared, stream=True, timeout=times, verify=self.settings.verify, allow_redirects=False, proxies={}
            ) as response:
                body = self._body(response, min(started + times[0] + limit, self.settings.deadline))
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise classify(error, outgoing.url) from error
        return Answer(
            method=outgoing.method,
            url=outgoing.url,
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            seconds=time.monotonic() - started,
            safe=safe,
        )

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        pieces = bytearray()
        # read1 gives what is there: a chunk-wise read would wait for a full chunk and never look at the deadline.
        while piece := response.raw.read1(CHUNK, decode_content=True):
            pieces += piece
            if len(pieces) > self.settings.max_body:
                raise LostAnswer(_problem("answer_too_large", limit=str(self.settings.max_body // 1024**2)))
            if time.monotonic() > deadline:
                raise requests.ReadTimeout("the answer trickles in")
        return bytes(pieces)


def _outgoing(method: str, url: str, body: Any) -> Outgoing:
    data, headers = encoded(body)
    return Outgoing(method=method, url=url, headers={"Accept": "application/json", **headers}, body=data)


def _same_host(one: str, other: str) -> bool:
    return (urlsplit(one).hostname or "").lower() == (urlsplit(other).hostname or "").lower()


def problem_of(answer: Answer, rule: Rule) -> Problem:
    """The problem a rule makes of an answer; sentences may name ``%(status)s`` and ``%(target)s``."""
    values = {"status": str(answer.status), "target": redact(answer.header("location"))}
    return Problem(rule.code, rule.sentence, rule.advice, detail=answer.summary(), values=values)


def error_of(answer: Answer, rule: Rule) -> ConnectorError:
    """The exception for a refused answer, by the decision of its rule."""
    problem = problem_of(answer, rule)
    if rule.decision is Decision.CREDENTIALS:
        return CredentialsRefused(problem)
    return Misconfigured(problem) if rule.decision is Decision.SETTINGS else ItemRefused(problem)


# --- transport errors -------------------------------------------------------------------------------------------------

_TRANSPORT: Mapping[str, tuple[str, str]] = {
    "host_unknown": (
        "Le nom %(host)s n’existe pas.",
        "Vérifiez l’adresse : faute de frappe, nom de domaine expiré ou pas encore actif.",
    ),
    "connection_refused": (
        "La machine %(host)s refuse la connexion sur le port %(port)s.",
        "Vérifiez le port et que le service est démarré ; un pare-feu peut aussi bloquer cette plateforme.",
    ),
    "connect_timed_out": (
        "La machine %(host)s ne répond pas.",
        "Vérifiez l’adresse et le port ; un pare-feu bloque peut-être cette plateforme.",
    ),
    "unreachable": (
        "La machine %(host)s n’est pas joignable.",
        "Vérifiez l’adresse et la connexion du serveur.",
    ),
    "timed_out": (
        "%(host)s a accepté la connexion mais n’a pas répondu à temps.",
        "Le système distant est lent ou surchargé : réduisez la taille des lots ou augmentez le délai d’attente.",
    ),
    "connection_cut": (
        "%(host)s a coupé la connexion avant d’avoir répondu.",
        "Le système distant a redémarré ou un équipement réseau coupe les demandes longues.",
    ),
    "tls_expired": (
        "Le certificat de %(host)s est expiré.",
        "Renouvelez le certificat auprès de l’hébergeur du système distant.",
    ),
    "tls_hostname": (
        "Le certificat présenté n’est pas celui de %(host)s.",
        "Vérifiez le nom dans l’adresse (avec ou sans «www») ou faites établir un certificat pour ce nom.",
    ),
    "tls_untrusted": (
        "Le certificat de %(host)s n’est pas signé par une autorité reconnue.",
        "Installez un certificat reconnu ; à défaut, sur un réseau sûr, décochez «Vérifier le certificat».",
    ),
    "tls_failed": (
        "La connexion chiffrée avec %(host)s a échoué.",
        "Vérifiez que le port parle bien https ; sinon saisissez une adresse en http.",
    ),
    "answer_too_large": (
        "La réponse dépasse %(limit)s Mo.",
        "Réduisez la taille des lots dans les réglages de la connexion.",
    ),
    "bad_address": (
        "L’adresse n’est pas valable.",
        "Saisissez une adresse complète, par exemple https://boutique.example.",
    ),
}

# X509 verification results of OpenSSL (x509_vfy.h).
_CERTIFICATE_CODES = {10: "tls_expired", 9: "tls_expired", 62: "tls_hostname", 64: "tls_hostname"}


def _problem(code: str, detail: str = "", **values: str) -> Problem:
    sentence, advice = _TRANSPORT[code]
    return Problem(code, sentence, advice, detail=redact(detail)[:DETAIL_LENGTH], values=values)


def classify(error: Exception, url: str) -> ConnectorError:
    """The problem behind an exception of the transport, by cause and never by its text."""
    parts = urlsplit(url)
    values = {"host": parts.hostname or "", "port": str(parts.port or (443 if parts.scheme == "https" else 80))}
    code = _code_of(error)
    problem = _problem(code, str(error), **values)
    if code.startswith("tls_"):
        return CertificateRefused(problem)
    if code == "bad_address":
        return Misconfigured(problem)
    return LostAnswer(problem) if code in {"timed_out", "connection_cut"} else Unreachable(problem)


def _code_of(error: Exception) -> str:
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return "bad_address"
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return _tls_code(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "connect_timed_out"
    if _cause(error, NameResolutionError):
        return "host_unknown"
    refused = _cause(error, NewConnectionError)
    if refused is not None:
        return "connection_refused" if _errno(refused) == errno.ECONNREFUSED else "unreachable"
    late = requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, socket.timeout
    return "timed_out" if any(_cause(error, kind) for kind in late) else "connection_cut"


def _tls_code(error: Exception) -> str:
    certificate = _cause(error, ssl.SSLCertVerificationError)
    if certificate is None:
        return "tls_failed"
    return _CERTIFICATE_CODES.get(certificate.verify_code, "tls_untrusted")


def _cause(error: BaseException, kind: type[T]) -> T | None:
    return next((item for item in _chain(error) if isinstance(item, kind)), None)


def _errno(error: BaseException) -> int | None:
    return next((item.errno for item in _chain(error) if isinstance(item, OSError) and item.errno), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Every exception behind one: causes, contexts, arguments and urllib3's ``reason``."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        item = pending.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        pending += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]


# --- connections through the guard ------------------------------------------------------------------------------------


def _session(guard: AddressGuard, settings: HttpSettings) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["User-Agent"] = settings.user_agent
    session.cookies.set_policy(_NoCookies())
    adapter = _GuardedAdapter(guard, settings.connections)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    if settings.verify is False:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return session


class _NoCookies(DefaultCookiePolicy):
    """Keeps the shared session free of state between threads and calls."""

    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False

    def return_ok(self, cookie: Any, request: Any) -> bool:
        return False


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, guard: AddressGuard, connections: int) -> None:
        self._pools = _pool_classes(guard)
        super().__init__(pool_connections=4, pool_maxsize=connections, pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools


def _pool_classes(guard: AddressGuard) -> dict[str, type[HTTPConnectionPool]]:
    class GuardedHTTP(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(guard, self)

    class GuardedHTTPS(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(guard, self)

    class HTTPPool(HTTPConnectionPool):
        ConnectionCls = GuardedHTTP

    class HTTPSPool(HTTPSConnectionPool):
        ConnectionCls = GuardedHTTPS

    return {"http": HTTPPool, "https": HTTPSPool}


def _connect(guard: AddressGuard, connection: HTTPConnection) -> socket.socket:
    """Resolves once and connects to one of the addresses that passed; the Host header and SNI keep the name."""
    timeout = float(connection.timeout) if isinstance(connection.timeout, int | float) else 10.0
    host, port = connection.host, int(connection.port or 0)
    try:
        addresses = guard.addresses(host, port, timeout)
    except NameUnknown as error:
        raise NameResolutionError(host, connection, socket.gaierror(str(error))) from error
    except LookupTimedOut as error:
        raise ConnectTimeoutError(connection, str(error)) from error
    failure: OSError = OSError("no address")
    for address in addresses:
        try:
            return create_connection((address, port), timeout, socket_options=connection.socket_options)
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, f"{host} does not answer") from failure
    raise NewConnectionError(connection, f"cannot connect: {failure}") from failure


def clock_skew(answer: Answer, now: float) -> float | None:
    """Seconds by which the server's clock is ahead of ``now`` (UNIX time); ``None`` without a ``Date`` header."""
    moment = http_date(answer.server_time_text) if answer.server_time_text else None
    return None if moment is None else moment.timestamp() - now
