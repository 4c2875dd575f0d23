"""What an HTTP status means for the engine: one table, overridable per connector."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Decision(StrEnum):
    """What happens next after an answer."""

    ACCEPT = "accept"
    CREDENTIALS = "credentials"
    SETTINGS = "settings"
    REFUSE = "refuse"
    WAIT = "wait"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: the decision, the stable code, and the French sentence and advice."""

    decision: Decision
    code: str = ""
    sentence: str = ""
    advice: str = ""


ACCEPTED = Rule(Decision.ACCEPT)

_RULES: Mapping[int, Rule] = {
    400: Rule(
        Decision.REFUSE,
        "request_refused",
        "Le système distant a refusé la demande.",
        "Corrigez la donnée indiquée, puis relancez.",
    ),
    401: Rule(
        Decision.CREDENTIALS,
        "credentials_refused",
        "Le système distant refuse la clé ou le mot de passe.",
        "Vérifiez les identifiants dans le profil, puis testez la connexion.",
    ),
    403: Rule(
        Decision.CREDENTIALS,
        "right_missing",
        "La clé est reconnue, mais n’a pas le droit de faire cette opération.",
        "Donnez à la clé les droits de lecture et d’écriture, puis testez la connexion.",
    ),
    404: Rule(
        Decision.REFUSE,
        "not_found",
        "Le système distant ne connaît pas l’objet ou l’adresse demandés.",
        "Vérifiez que l’objet n’a pas été supprimé.",
    ),
    407: Rule(
        Decision.SETTINGS,
        "proxy_refused",
        "Un serveur mandataire demande une identification.",
        "Voyez avec l’hébergeur du système distant comment l’atteindre directement.",
    ),
    408: Rule(
        Decision.UNKNOWN,
        "timed_out",
        "Le système distant n’a pas répondu à temps.",
        "La demande sera refaite ; réduisez la taille des lots si cela se répète.",
    ),
    413: Rule(
        Decision.REFUSE,
        "request_too_large",
        "La demande est trop volumineuse pour le système distant.",
        "Réduisez la taille des lots dans les réglages de la connexion.",
    ),
    429: Rule(
        Decision.WAIT,
        "too_many_requests",
        "Le système distant demande de ralentir.",
        "Réduisez le nombre de demandes par seconde dans les réglages de la connexion.",
    ),
    500: Rule(
        Decision.UNKNOWN,
        "server_error",
        "Le système distant a rencontré une erreur interne.",
        "Consultez le journal d’erreurs du système distant ; la demande sera refaite.",
    ),
    502: Rule(
        Decision.UNKNOWN,
        "bad_gateway",
        "Le serveur web du système distant est en marche, mais son application ne répond pas.",
        "Attendez quelques minutes ; si cela dure, prévenez l’hébergeur.",
    ),
    503: Rule(
        Decision.WAIT,
        "unavailable",
        "Le système distant est momentanément indisponible (maintenance ou surcharge).",
        "Attendez la fin de la maintenance ; la demande sera refaite.",
    ),
    504: Rule(
        Decision.UNKNOWN,
        "gateway_timed_out",
        "Le serveur web du système distant n’a pas attendu la fin du traitement.",
        "Réduisez la taille des lots dans les réglages de la connexion.",
    ),
}

_REDIRECT = Rule(
    Decision.SETTINGS,
    "redirected",
    "L’adresse renvoie vers une autre adresse : %(target)s",
    "Saisissez dans le profil l’adresse vers laquelle la redirection mène.",
)
_CLIENT_ERROR = Rule(
    Decision.REFUSE,
    "request_refused",
    "Le système distant a refusé la demande (code %(status)s).",
    "Consultez le détail technique.",
)
_SERVER_ERROR = Rule(
    Decision.UNKNOWN,
    "server_error",
    "Le système distant a rencontré une erreur (code %(status)s).",
    "Attendez quelques minutes ; la demande sera refaite.",
)


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """Status to :class:`Rule`. ``rules`` override the common table for single statuses."""

    rules: Mapping[int, Rule] = field(default_factory=dict)

    def rule(self, status: int) -> Rule:
        """The rule of a status; every status has one."""
        found = self.rules.get(status) or _RULES.get(status)
        if found is not None:
            return found
        if status < 300:
            return ACCEPTED
        if status < 400:
            return _REDIRECT
        return _CLIENT_ERROR if status < 500 else _SERVER_ERROR


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds asked for by a ``Retry-After`` header: whole, decimal («1.5», seen on shops) or a date.

    ``None`` when the header is absent or unreadable; never negative.
    """
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        return _seconds_until(text, now or datetime.now(UTC))


def http_date(text: str) -> datetime | None:
    """An HTTP date as an aware time, ``None`` when unreadable."""
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds_until(text: str, now: datetime) -> float | None:
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())
