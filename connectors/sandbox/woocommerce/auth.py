"""Who calls: consumer keys as Basic or query parameters over https, OAuth 1.0a over either, application passwords."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote

from connectors.sandbox.httpd import Request
from connectors.sandbox.woocommerce.errors import WooError

_WINDOW = 15 * 60
_OAUTH = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
_ALGORITHMS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
MANAGERS = frozenset({"administrator", "shop_manager"})


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A consumer key of the shop. `permissions` is read, write or read_write; `role` the one of its owner."""

    consumer_key: str
    consumer_secret: str
    permissions: str
    role: str
    user_id: int


@dataclass(frozen=True, slots=True)
class User:
    """The caller once known."""

    id: int
    login: str
    role: str
    permissions: str = "read_write"

    @property
    def manages(self) -> bool:
        """Whether the account may work on the shop."""
        return self.role in MANAGERS

    @property
    def administers(self) -> bool:
        """Whether it also sees what only administrators see."""
        return self.role == "administrator"


def _refused(message: str, code: str = "woocommerce_rest_authentication_error") -> WooError:
    return WooError(code, message, 401)


def unknown_username() -> WooError:
    """A consumer key shown to a part of the site that knows only accounts."""
    message = "<strong>Error:</strong> Unknown username. Check again or try your email address."
    return WooError("invalid_username", message, 401)


class Authenticator:
    """Finds the caller of a request. Raises WooError where the shop refuses instead of treating it as anonymous.

    `roles` says what the accounts with an application password are, administrators by default. Their passwords count
    over http too, as on a WordPress whose environment is `local`.
    """

    def __init__(self, keys: dict[str, ApiKey], application_passwords: dict[str, str]) -> None:
        self._keys = keys
        self._passwords = application_passwords
        self.roles: dict[str, str] = {}
        self._nonces: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def caller(self, request: Request, *, api: bool) -> User | None:
        """The caller, None for anonymous; `api` says whether the URL itself names the shop's API."""
        basic = _basic(request)
        if basic and (account := self._account(*basic)):
            return account
        if not api:
            if basic:
                self._refuse_account(basic[0], request.scheme)
            return None
        if request.scheme == "https" and (user := self._over_tls(request, basic)):
            return user
        return self._oauth(request)

    def _account(self, login: str, password: str) -> User | None:
        expected = self._passwords.get(login)
        if expected and hmac.compare_digest(expected, password.replace(" ", "")):
            return User(1, login, self.roles.get(login, "administrator"))
        return None

    def _refuse_account(self, login: str, scheme: str) -> None:
        """Raises WooError for credentials that open no account; a shop key in clear is not even looked at."""
        if login.startswith("ck_"):
            if scheme == "https":
                raise unknown_username()
        elif login in self._passwords:
            raise _refused("The provided password is an invalid application password.", "incorrect_password")
        else:
            raise unknown_username()

    def _over_tls(self, request: Request, basic: tuple[str, str] | None) -> User | None:
        query = dict(request.query)
        pair = (query.get("consumer_key", ""), query.get("consumer_secret", "")) if "consumer_key" in query else basic
        key = self._keys.get(pair[0]) if pair else None
        if pair is None or key is None:
            return None
        if not hmac.compare_digest(key.consumer_secret, pair[1]):
            raise _refused("Consumer secret is invalid.")
        return _user(key)

    def _oauth(self, request: Request) -> User | None:
        query = dict(request.query)
        if not any(name in query for name in _OAUTH):
            return None
        missing = [name for name in _OAUTH if not query.get(name)]
        if missing:
            text = "Missing OAuth parameter" + ("s " if len(missing) > 1 else " ") + ", ".join(missing)
            raise _refused(text, "woocommerce_rest_authentication_missing_parameter")
        key = self._keys.get(query["oauth_consumer_key"])
        if key is None:
            raise _refused("Consumer key is invalid.")
        self._check_signature(request, query, key)
        self._check_once(query, key)
        return _user(key)

    @staticmethod
    def _check_signature(request: Request, query: dict[str, str], key: ApiKey) -> None:
        algorithm = _ALGORITHMS.get(query["oauth_signature_method"].upper())
        if algorithm is None:
            raise _refused("Invalid signature - signature method is invalid.")
        base = base_string(request)
        digest = hmac.new(f"{key.consumer_secret}&".encode(), base.encode(), algorithm).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), query["oauth_signature"].replace(" ", "+")):
            raise _refused("Invalid signature - provided signature does not match.")

    def _check_once(self, query: dict[str, str], key: ApiKey) -> None:
        # Real time on purpose: the clock of the shop may be moved by a test, the one of its clients may not.
        now = time.time()
        stamp = int(query["oauth_timestamp"]) if query["oauth_timestamp"].isdigit() else 0
        if abs(now - stamp) > _WINDOW:
            raise _refused("Invalid timestamp.")
        mark = (key.consumer_key, query["oauth_nonce"])
        with self._lock:
            if mark in self._nonces:
                raise _refused("Invalid nonce - nonce has already been used.")
            self._nonces[mark] = now
            if len(self._nonces) > 50_000:
                self._nonces = {one: at for one, at in self._nonces.items() if now - at < _WINDOW}


def base_string(request: Request) -> str:
    """The OAuth signature base: method, the address the shop believes in, sorted parameters.

    A parameter sent twice counts once, as PHP sees it: the public Python client does send them twice.
    """
    pairs = sorted((_encode(k), _encode(v)) for k, v in dict(request.query).items() if k != "oauth_signature")
    parameters = "&".join(f"{key}={value}" for key, value in pairs)
    return "&".join((request.method, _encode(request.origin + request.path), _encode(parameters)))


def _encode(text: str) -> str:
    return quote(text, safe="-._~")


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        login, _, password = base64.b64decode(token).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return login, password


def _user(key: ApiKey) -> User:
    return User(
        key.user_id, {1: "admin", 2: "shopmgr", 3: "lambda"}.get(key.user_id, "user"), key.role, key.permissions
    )


def check_permissions(user: User, method: str) -> None:
    """Refuse writes with a read-only key and reads with a write-only one."""
    if method in {"GET", "HEAD"} and user.permissions not in {"read", "read_write"}:
        raise _refused("The API key provided does not have read permissions.")
    if method in {"POST", "PUT", "PATCH", "DELETE"} and user.permissions not in {"write", "read_write"}:
        raise _refused("The API key provided does not have write permissions.")
