"""The point of the connection test about pictures: the WordPress account and what it may do with the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.core.http import Answer
from connectors.core.problems import ConnectorError, Problem
from connectors.core.results import CheckItem, CheckState
from connectors.shops.woocommerce.media import account_problem
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.policy import VendorError

NAME = "Images"
ROUTE = "wp/v2/users/me"
"""Shows an account its own rights, and nothing else."""


def is_asked(options: WooCommerceOptions) -> bool:
    """Whether anything was filled in for pictures; most profiles need none of it."""
    return bool(options.media_user or options.media_password.get_secret_value())


def check_account(options: WooCommerceOptions, ask: Callable[[], Answer]) -> CheckItem:
    """What was found about the account; ``ask`` calls :data:`ROUTE` for it. Never raises."""
    if not (options.media_user and options.media_password.get_secret_value()):
        return _failed(_HALF)
    try:
        answer = ask()
        body: Any = answer.json() if answer.is_json else None
    except ConnectorError as error:
        return _failed(error.problem)
    problem = _refusal(answer, body) or _missing_right(body)
    if problem is not None:
        return _failed(problem)
    sentence = _MAY_DELETE if body["capabilities"].get("delete_others_posts") else _MAY_ADD
    return CheckItem(NAME, CheckState.OK, sentence, values={"user": options.media_user})


_MAY_ADD = "Le compte « %(user)s » peut déposer des images."
_MAY_DELETE = "Le compte « %(user)s » peut déposer et supprimer des images."


def _refusal(answer: Answer, body: Any) -> Problem | None:
    if answer.status < 300 and isinstance(body, dict):
        return None
    return account_problem(answer.status, VendorError.parse(body, answer.status)) or Problem(
        "media_closed",
        "WordPress ne répond pas sur les comptes et la médiathèque (code %(status)s).",
        "Une extension de sécurité bloque sans doute /wp-json/wp/v2/ : autorisez ce chemin.",
        answer.summary(),
        {"status": str(answer.status)},
    )


def _missing_right(body: Any) -> Problem | None:
    rights = body.get("capabilities")
    if isinstance(rights, dict) and rights.get("upload_files"):
        return None
    return account_problem(403, VendorError("rest_cannot_create", status=403))


def _failed(problem: Problem) -> CheckItem:
    return CheckItem.failed(NAME, problem)


_HALF = Problem(
    "media_account_half",
    "Pour les images, il faut l’identifiant WordPress et son mot de passe d’application : l’un des deux manque.",
    "Remplissez les deux, ou aucun si le profil n’exporte pas d’images.",
)
