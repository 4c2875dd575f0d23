"""The connection test: point by point, each failure with its own code, French sentence and advice."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn
from urllib.parse import urlsplit

from connectors.core.http import Answer, HttpSettings, clock_skew
from connectors.core.ports import Runtime
from connectors.core.problems import ConnectorError, Problem, Transient
from connectors.core.results import CheckItem, CheckReport, CheckState
from connectors.shops.woocommerce import check_media
from connectors.shops.woocommerce.api import Query, WooApi, basic_signer, http_settings, oauth_signer
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.policy import VendorError
from connectors.shops.woocommerce.shop import read_facts, root_url

TOTAL_SECONDS = 9.5
CALL_SECONDS = 4.0
CLOCK_WINDOW = 15 * 60
"""Seconds by which a signature's time may be off (recorded)."""
OLDEST = (3, 5)


class CheckFailed(Exception):
    """A point of the test failed: the points behind it make no sense any more."""


@dataclass(slots=True)
class Probe:
    """The answer of one try, or the problem that prevented it."""

    answer: Answer | None = None
    problem: Problem | None = None

    @property
    def status(self) -> int:
        """Status of the answer, 0 without one."""
        return self.answer.status if self.answer else 0

    @property
    def body(self) -> Any:
        """The parsed answer, ``None`` when there is none that can be parsed."""
        if self.answer is None or not self.answer.is_json:
            return None
        try:
            return self.answer.json()
        except ConnectorError:
            return None

    @property
    def error(self) -> VendorError | None:
        """WooCommerce's error, if that is what came."""
        return VendorError.parse(self.body, self.status) if self.status >= 300 else None


@dataclass(slots=True)
class _Findings:
    items: list[CheckItem] = field(default_factory=list)

    def ok(self, name: str, sentence: str, **values: str) -> None:
        self.items.append(CheckItem(name, CheckState.OK, sentence, values=values))

    def warn(self, name: str, code: str, sentence: str, advice: str, detail: str = "", **values: str) -> None:
        self.items.append(CheckItem(name, CheckState.WARNING, sentence, advice, detail, code, values))

    def fail(self, name: str, code: str, sentence: str, advice: str, detail: str = "", **values: str) -> NoReturn:
        self.items.append(CheckItem(name, CheckState.ERROR, sentence, advice, detail, code, values))
        raise CheckFailed(code)

    def fail_with(self, name: str, problem: Problem) -> NoReturn:
        self.items.append(CheckItem.failed(name, problem))
        raise CheckFailed(problem.code)


class ConnectionCheck:
    """One test of one set of options. Its only write is an empty batch, which changes nothing (recorded)."""

    def __init__(self, options: WooCommerceOptions, runtime: Runtime) -> None:
        self._options = options
        self._runtime = runtime
        self._deadline = time.monotonic() + TOTAL_SECONDS
        settings = replace(
            http_settings(options),
            connect_timeout=CALL_SECONDS,
            read_timeout=CALL_SECONDS,
            read_attempts=1,
            rate=0.0,
            deadline=self._deadline,
        )
        self._settings: HttpSettings = settings
        self._api = WooApi(options, runtime, settings=settings)
        self._found = _Findings()
        self._root: Mapping[str, Any] = {}
        self._facts: Mapping[str, str] = {}

    def run(self) -> CheckReport:
        """The report; never raises for anything the other side does."""
        try:
            self._address()
            self._clock_and_key()
            self._write_right()
            self._account()
            self._shop()
            self._pictures()
        except CheckFailed:
            pass
        except ConnectorError as error:
            self._unfinished(error)
        finally:
            self._api.close()
        return CheckReport(tuple(self._found.items), dict(self._facts))

    def _unfinished(self, error: ConnectorError) -> None:
        self._found.items.append(CheckItem.failed("Test", error.problem))

    # --- calls ---------------------------------------------------------------------------------------------------

    def _try(self, method: str, url: str, *, body: Any = None, signed: bool = True, api: WooApi | None = None) -> Probe:
        left = self._deadline - time.monotonic()
        if left <= 0.2:
            return Probe(
                problem=Problem(
                    "check_timed_out",
                    "La boutique est trop lente : le test n’a pas pu se terminer en 10 secondes.",
                    "Réessayez ; si cela se répète, voyez avec l’hébergeur de la boutique.",
                )
            )
        client = (api or self._api).client
        try:
            answer = client.exchange(method, url, body=body, signed=signed, timeout=min(CALL_SECONDS, left))
        except ConnectorError as error:
            return Probe(problem=error.problem)
        return Probe(answer=answer)

    def _get(self, route: str, query: Query | None = None) -> Probe:
        return self._try("GET", self._api.url(f"wc/v3/{route}", query))

    # --- address, WordPress, WooCommerce -------------------------------------------------------------------------

    def _address(self) -> None:
        probe = self._try("GET", root_url(self._options.url), signed=False)
        name = "Adresse"
        if probe.problem is not None:
            self._found.fail_with(name, probe.problem)
        assert probe.answer is not None  # noqa: S101 (fail_with raised)
        self._redirection(probe.answer)
        self._outage(probe.answer)
        body = probe.body
        if probe.status == 200 and isinstance(body, dict) and "namespaces" in body:
            self._root = body
            shop = str(body.get("name") or urlsplit(self._options.url).hostname)
            self._found.ok(name, "La boutique « %(shop)s » répond.", shop=shop)
            self._namespaces(body)
            return
        if probe.error is not None and probe.status in (401, 403):
            # An extension hides the public index; what matters is whether the key opens wc/v3.
            self._found.warn(
                name,
                "index_hidden",
                "WordPress répond, mais une extension de sécurité cache le sommaire de son API.",
                "Sans gravité si la suite du test réussit.",
                probe.answer.summary(),
            )
            return
        self._no_wordpress(probe.answer)

    def _redirection(self, answer: Answer) -> None:
        target = answer.header("location")
        asked = urlsplit(self._options.url)
        landed = urlsplit(target) if 300 <= answer.status < 400 else urlsplit(answer.url)
        if landed.netloc and (landed.scheme, landed.netloc) != (asked.scheme, asked.netloc):
            address = f"{landed.scheme}://{landed.netloc}{asked.path}"
            self._found.fail(
                "Adresse",
                "redirected",
                "L’adresse saisie renvoie vers %(address)s : les envois seraient perdus en route.",
                "Saisissez %(address)s comme adresse de la boutique.",
                answer.summary(),
                address=address,
            )

    def _outage(self, answer: Answer) -> None:
        """Answers that say nothing about WordPress: maintenance, firewall, PHP down."""
        detail = answer.summary()
        if answer.status == 503:
            self._found.fail(
                "Adresse",
                "shop_in_maintenance",
                "La boutique est en maintenance (code 503).",
                "Attendez la fin de la mise à jour de WordPress, puis testez à nouveau.",
                detail,
            )
        if answer.status in (502, 504) or (answer.status == 500 and not answer.is_json):
            self._found.fail(
                "Adresse",
                "shop_down",
                "Le serveur web répond, mais pas WordPress (code %(status)s).",
                "Prévenez l’hébergeur de la boutique : PHP ou la base de données sont arrêtés.",
                detail,
                status=str(answer.status),
            )
        if answer.status in (403, 406, 409, 415, 429, 503) and not answer.is_json:
            self._found.fail(
                "Adresse",
                "firewall",
                "Un pare-feu ou une extension de sécurité bloque cette plateforme (code %(status)s).",
                "Autorisez l’adresse de cette plateforme et le chemin /wp-json/ dans le pare-feu de la boutique.",
                detail,
                status=str(answer.status),
            )

    def _no_wordpress(self, answer: Answer) -> None:
        plain = self._try("GET", f"{self._options.url}/?rest_route=/", signed=False)
        if isinstance(plain.body, dict) and "namespaces" in plain.body:
            self._wrong_path(str(plain.body.get("home") or ""))
            self._found.fail(
                "Adresse",
                "plain_permalinks",
                "WordPress utilise des permaliens « simples », avec lesquels les clés de WooCommerce ne sont pas lues.",
                "Dans WordPress › Réglages › Permaliens, choisissez « Titre de la publication ».",
            )
        if answer.status == 200 and not answer.is_json:
            self._found.fail(
                "Adresse",
                "not_json",
                "L’adresse répond par une page web au lieu des données de WordPress.",
                "Vérifiez l’adresse. Si c’est la bonne, un pare-feu, une page d’attente ou une extension bloque"
                " /wp-json/ : autorisez l’adresse de cette plateforme.",
                answer.summary(),
            )
        self._found.fail(
            "Adresse",
            "not_wordpress",
            "Aucune boutique WordPress n’a été trouvée à cette adresse (code %(status)s).",
            "Vérifiez l’adresse, sous-dossier compris, et que l’API REST de WordPress n’est pas désactivée.",
            answer.summary(),
            status=str(answer.status),
        )

    def _wrong_path(self, home: str) -> None:
        """WordPress answers for any folder below its own: the home address tells which one is right."""
        if home and urlsplit(home).path.strip("/") != urlsplit(self._options.url).path.strip("/"):
            self._found.fail(
                "Adresse",
                "wrong_folder",
                "WordPress répond, mais la boutique se trouve à l’adresse %(address)s.",
                "Saisissez %(address)s comme adresse de la boutique.",
                address=home,
            )

    def _namespaces(self, body: Mapping[str, Any]) -> None:
        names = {str(name) for name in body.get("namespaces") or ()}
        if "wc/v3" in names:
            self._found.ok("WooCommerce", "WooCommerce est installé et son API est active.")
            return
        if names & {"wc/v1", "wc/v2"}:
            self._found.fail(
                "WooCommerce",
                "woocommerce_too_old",
                "Cette version de WooCommerce n’a pas l’API attendue (wc/v3).",
                "Mettez WooCommerce à jour (version 3.5 ou plus récente).",
            )
        self._found.fail(
            "WooCommerce",
            "woocommerce_missing",
            "WordPress répond, mais WooCommerce n’y est pas installé ou pas activé.",
            "Activez l’extension WooCommerce, ou saisissez l’adresse du bon site.",
        )

    # --- the key -------------------------------------------------------------------------------------------------

    def _clock_and_key(self) -> None:
        probe = self._get("system_status", {"_fields": "environment,settings,security"})
        if probe.status != 200 or not isinstance(probe.body, dict):
            self._refused(probe)
        products = self._get("products", {"per_page": 1, "_fields": "id"})
        if products.status != 200:
            self._refused(products)
        self._skew(probe)
        self._found.ok("Clé API", "La boutique accepte la clé.")
        self._found.ok("Lecture", "Les produits sont lisibles.")
        self._version(probe.body)

    def _skew(self, probe: Probe) -> None:
        skew = clock_skew(probe.answer, time.time()) if probe.answer else None
        if skew is not None and abs(skew) > CLOCK_WINDOW / 3:
            self._found.warn(
                "Horloge",
                "clock_differs",
                "L’horloge de la boutique et celle de la plateforme diffèrent de %(minutes)s minutes.",
                "Mettez les deux machines à l’heure (NTP) : au-delà de 15 minutes, les demandes signées sont refusées.",
                minutes=f"{abs(skew) / 60:.0f}",
            )

    def _refused(self, probe: Probe) -> None:
        """Tells the reasons of a refusal apart, by behaviour first and by the message last (it is translated)."""
        name = "Clé API"
        if probe.problem is not None:
            self._found.fail_with(name, probe.problem)
        assert probe.answer is not None  # noqa: S101
        self._outage(probe.answer)
        error = probe.error
        if error is None:
            self._found.fail(
                name,
                "not_json",
                "La boutique a répondu par une page web au lieu de données.",
                "Un pare-feu ou une extension de sécurité intervient : autorisez l’adresse de cette plateforme.",
                probe.answer.summary(),
            )
        assert error is not None  # noqa: S101
        if probe.status == 403:
            self._found.fail(
                name,
                "key_without_rights",
                "La clé est valable, mais son compte n’a pas le droit de gérer la boutique.",
                "Créez la clé pour un compte administrateur (et non un compte client).",
                probe.answer.summary(),
            )
        self._missing_piece(error, name, probe.answer.summary())
        if error.code == "woocommerce_rest_authentication_error":
            self._authentication_error(probe, error)
        if error.code.startswith("woocommerce_rest_cannot"):
            self._not_recognised(probe)
        self._found.fail_with(name, error.problem())

    def _missing_piece(self, error: VendorError, name: str, detail: str) -> None:
        if error.code == "rest_no_route":
            self._found.fail(
                name,
                "route_missing",
                "La boutique ne connaît pas la fonction demandée de l’API.",
                "Mettez WooCommerce à jour et vérifiez qu’il est activé.",
                detail,
            )
        if error.code == "woocommerce_rest_authentication_missing_parameter":
            self._found.fail(
                name,
                "signature_incomplete",
                "La boutique n’a pas reçu la signature complète.",
                "Un équipement réseau modifie les adresses : utilisez une adresse en https.",
                detail,
            )

    def _authentication_error(self, probe: Probe, error: VendorError) -> None:
        """A key that is known but refused: right missing, secret wrong, or (signed) key, signature, clock, nonce."""
        write = self._empty_batch()
        if write.status == 200:
            self._found.fail(
                "Lecture",
                "key_write_only",
                "La clé n’a que le droit d’écriture : rien ne peut être lu.",
                "Dans WooCommerce › Réglages › Avancé › API REST, remplacez « Écriture » par « Lecture/Écriture ».",
            )
        assert probe.answer is not None  # noqa: S101
        detail = probe.answer.summary()
        signed = self._options.sign_requests or not self._options.is_https
        if signed:
            self._signature_error(error, probe.answer, detail)
        self._found.fail(
            "Clé API",
            "secret_wrong",
            "La clé client est connue de la boutique, mais le secret ne correspond pas.",
            "Recopiez le secret client sans blanc ni retour à la ligne, ou créez une nouvelle clé.",
            detail,
        )

    def _signature_error(self, error: VendorError, answer: Answer, detail: str) -> None:
        skew = clock_skew(answer, time.time()) or 0.0
        if abs(skew) > CLOCK_WINDOW or re.search(r"timestamp|horodat", error.message, re.IGNORECASE):
            self._found.fail(
                "Horloge",
                "clock_wrong",
                "La boutique refuse l’heure de la signature : les horloges diffèrent de plus de 15 minutes.",
                "Mettez à l’heure (NTP) le serveur de la boutique et celui de la plateforme.",
                detail,
            )
        if re.search(r"consumer key|clé", error.message, re.IGNORECASE):
            self._unknown_key(detail)
        home = str(self._root.get("home") or self._root.get("url") or "")
        if home and _site(home) != _site(self._options.url):
            self._found.fail(
                "Adresse",
                "home_url_differs",
                "La signature est refusée car la boutique se croit à l’adresse %(address)s.",
                "Saisissez %(address)s, ou corrigez l’adresse dans WordPress › Réglages › Général.",
                detail,
                address=home,
            )

    def _not_recognised(self, probe: Probe) -> None:
        """The answer an anonymous visitor gets: the key is unknown, or the header never arrived.

        A signed request settles it without putting the secret into any log.
        """
        assert probe.answer is not None  # noqa: S101
        detail = probe.answer.summary()
        key, secret = (
            self._options.consumer_key.get_secret_value(),
            self._options.consumer_secret.get_secret_value(),
        )
        api = WooApi(self._options, self._runtime, settings=self._settings, signer=oauth_signer(key, secret))
        signed = self._try("GET", self._api.url("wc/v3/products", {"per_page": 1, "_fields": "id"}), api=api)
        api.close()
        if signed.status == 200:
            self._found.fail(
                "Clé API",
                "header_ignored",
                "La clé est bonne, mais la boutique ne reçoit pas l’en-tête qui la porte (hébergeur qui le retire, ou"
                " site qui ne se sait pas en https).",
                "Cochez « Signer les demandes » dans les réglages avancés de la connexion, ou demandez à l’hébergeur de"
                " transmettre l’en-tête Authorization.",
                detail,
            )
        self._unknown_key(detail)

    def _unknown_key(self, detail: str) -> None:
        self._found.fail(
            "Clé API",
            "key_unknown",
            "La boutique ne connaît pas cette clé client.",
            "Vérifiez la clé (elle commence par « ck_ ») et qu’elle n’a pas été révoquée dans WooCommerce › Réglages ›"
            " Avancé › API REST.",
            detail,
        )

    # --- rights, account, version --------------------------------------------------------------------------------

    def _empty_batch(self) -> Probe:
        return self._try("POST", self._api.url("wc/v3/products/batch"), body={})

    def _write_right(self) -> None:
        probe = self._empty_batch()
        if probe.status == 200 and probe.body is not None:
            self._found.ok("Écriture", "Les produits sont modifiables.")
            return
        if probe.problem is not None:
            self._found.fail_with("Écriture", probe.problem)
        assert probe.answer is not None  # noqa: S101
        if probe.error is None:
            self._found.fail(
                "Écriture",
                "write_blocked",
                "Un pare-feu ou une extension bloque les écritures (code %(status)s).",
                "Autorisez la méthode POST sur /wp-json/wc/v3/ pour l’adresse de cette plateforme.",
                probe.answer.summary(),
                status=str(probe.status),
            )
        if probe.status == 401:
            self._found.fail(
                "Écriture",
                "key_read_only",
                "La clé n’a que le droit de lecture : rien ne peut être envoyé.",
                "Dans WooCommerce › Réglages › Avancé › API REST, remplacez « Lecture » par « Lecture/Écriture ».",
                probe.answer.summary(),
            )
        self._found.fail(
            "Écriture",
            "key_without_rights",
            "Le compte de la clé n’a pas le droit de modifier les produits.",
            "Créez la clé pour un compte administrateur.",
            probe.answer.summary(),
        )

    def _account(self) -> None:
        """A shop manager's key works, but hides meta data of customers: administrators see them (recorded)."""
        probe = self._get("customers", {"per_page": 1, "role": "all", "_fields": "id,meta_data"})
        rows = probe.body if probe.status == 200 and isinstance(probe.body, list) else []
        if rows and isinstance(rows[0], dict) and "meta_data" not in rows[0]:
            self._found.warn(
                "Compte de la clé",
                "key_shop_manager",
                "La clé est celle d’un gestionnaire de boutique : certaines données des clients restent cachées.",
                "Préférez une clé d’administrateur. Les articles, stocks et prix fonctionnent sans cela.",
            )

    def _pictures(self) -> None:
        if not check_media.is_asked(self._options):
            return
        user, password = self._options.media_user, self._options.media_password.get_secret_value()
        api = WooApi(self._options, self._runtime, settings=self._settings, signer=basic_signer(user, password))
        left = max(0.2, min(CALL_SECONDS, self._deadline - time.monotonic()))
        try:
            url = api.url(check_media.ROUTE, {"context": "edit", "_fields": "id,capabilities"})
            item = check_media.check_account(self._options, lambda: api.client.exchange("GET", url, timeout=left))
        finally:
            api.close()
        self._found.items.append(item)

    def _version(self, status: Mapping[str, Any]) -> None:
        environment = status.get("environment") or {}
        version = str(environment.get("version") or "")
        numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
        if numbers and numbers < OLDEST:
            self._found.fail(
                "Version",
                "woocommerce_too_old",
                "WooCommerce %(version)s est trop ancien.",
                "Mettez WooCommerce à jour (version 3.5 ou plus récente).",
                version=version,
            )
        wordpress = str(environment.get("wp_version") or "?")
        self._found.ok(
            "Version", "WooCommerce %(version)s, WordPress %(wordpress)s.", version=version, wordpress=wordpress
        )

    def _shop(self) -> None:
        try:
            self._facts = read_facts(self._api).texts
        except Transient as error:
            self._found.warn(
                "Réglages",
                "shop_slow",
                "La connexion fonctionne, mais la boutique est trop lente pour lire ses réglages en 10 secondes.",
                "Voyez avec l’hébergeur de la boutique ; prévoyez de petits lots.",
                error.problem.detail,
            )
            return
        if self._facts.get("stock_managed") == "no":
            self._found.warn(
                "Stocks",
                "stock_not_managed",
                "La gestion des stocks est désactivée dans la boutique : les quantités ne seraient pas gardées.",
                "Activez-la dans WooCommerce › Réglages › Produits › Inventaire.",
            )
        currency = self._facts["currency"]
        if self._facts["prices_include_tax"] == "yes":
            self._found.ok("Prix", "La boutique attend des prix TTC en %(currency)s.", currency=currency)
        else:
            self._found.ok("Prix", "La boutique attend des prix HT en %(currency)s.", currency=currency)


def _site(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port


def run_check(options: WooCommerceOptions, runtime: Runtime) -> CheckReport:
    """Tests a connection with these options; answers within 10 seconds."""
    return ConnectionCheck(options, runtime).run()
