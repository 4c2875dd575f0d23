"""Webhooks: registration watched and mended, and deliveries verified on their raw bytes.

The shop delivers once, late, without a second try, and switches a webhook off silently after some failures in a row
(recorded: the seventh). It never shows the secret again, so the name of a webhook carries a fingerprint of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectors.canonical.keys import Entity
from connectors.core.events import Change, Event, Hook, HooksReport, HookState, NotificationRefused
from connectors.core.http import LostAnswer
from connectors.core.problems import ConnectorError, ItemRefused, Misconfigured, Problem, Transient
from connectors.shops.woocommerce.api import Body, WooApi
from connectors.shops.woocommerce.text import decoded

TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored")
"""What we subscribe to. «Deleted» tells of the trash; deletes for good and returns from the trash by status
are not notified (recorded)."""
OPTIONAL = frozenset({"order.deleted", "order.restored"})
"""Topics a shop may lack without harm: polling sees the rest."""
_NAME = re.compile(r"^AtooSync (?P<topic>[a-z_.]+) \[(?P<mark>[0-9a-f]{8})\]$")
_FIELDS = "id,name,status,topic,delivery_url"
_ENTITIES = {"order": Entity.ORDER, "customer": Entity.CUSTOMER, "product": Entity.PRODUCT}
_PING_MAX = 100


@dataclass(frozen=True, slots=True)
class _Registered:
    """A webhook of ours as the shop shows it."""

    id: str
    topic: str
    status: str
    url: str
    mark: str

    def state(self, url: str, mark: str) -> HookState:
        """How it stands, given where it should deliver and with which secret."""
        if self.url != url or self.mark != mark:
            return HookState.OUTDATED
        known = {state.value: state for state in (HookState.ACTIVE, HookState.PAUSED)}
        return known.get(self.status, HookState.DISABLED)


class Webhooks:
    """Our webhooks of one shop: those named by us whose address has the path of ours.

    The path identifies the profile, so that a platform that moved to another host finds its webhooks again and two
    platforms leave each other's alone.
    """

    def __init__(self, api: WooApi) -> None:
        self._api = api

    def ensure(self, delivery_url: str, secret: str) -> HooksReport:
        """Makes what is missing, mends what is off or outdated, removes doubles; writes nothing else."""
        mark = fingerprint(secret)
        created: list[str] = []
        mended: list[str] = []
        unsupported: list[str] = []
        ours = self._ours(delivery_url)
        removed = sum(self._delete(double.id) for topic in TOPICS for double in _of(ours, topic)[1:])
        for topic in TOPICS:
            found = next(iter(_of(ours, topic)), None)
            if found is None:
                (created if self._create(topic, delivery_url, secret) else unsupported).append(topic)
            elif found.state(delivery_url, mark) is not HookState.ACTIVE:
                self._mend(found, delivery_url, secret)
                mended.append(topic)
        hooks = self._hooks(delivery_url, mark, without=unsupported)
        return HooksReport(
            hooks=hooks,
            created=tuple(created),
            mended=tuple(mended),
            removed=removed,
            unsupported=tuple(unsupported),
        )

    def state(self, delivery_url: str, secret: str) -> HooksReport:
        """How our webhooks stand now."""
        return HooksReport(hooks=self._hooks(delivery_url, fingerprint(secret)))

    def remove(self, delivery_url: str) -> int:
        """Deletes our webhooks; returns how many."""
        return sum(self._delete(one.id) for one in self._ours(delivery_url))

    def _hooks(self, url: str, mark: str, without: Sequence[str] = ()) -> tuple[Hook, ...]:
        ours = self._ours(url)
        hooks = []
        for topic in TOPICS:
            found = next(iter(_of(ours, topic)), None)
            if found is not None:
                hooks.append(Hook(topic=topic, state=found.state(url, mark), id=found.id))
            elif topic not in without:
                hooks.append(Hook(topic=topic, state=HookState.MISSING))
        return tuple(hooks)

    def _ours(self, delivery_url: str) -> list[_Registered]:
        found = []
        for row in self._api.every("webhooks", {"status": "all", "_fields": _FIELDS}):
            name = _NAME.match(decoded(row.get("name")))
            url = decoded(row.get("delivery_url"))
            if name is not None and _place(url) == _place(delivery_url):
                topic, status = str(row.get("topic") or ""), str(row.get("status") or "")
                found.append(_Registered(str(row["id"]), topic, status, url, name["mark"]))
        return found

    def _create(self, topic: str, url: str, secret: str) -> bool:
        """Whether the shop has the topic now. An answer that was lost is looked up, never repeated blindly."""
        body = {**_body(topic, url, secret), "topic": topic}
        try:
            self._api.post("webhooks", body)
        except LostAnswer as error:
            if not _of(self._ours(url), topic):
                raise Transient(error.problem) from error
        except ItemRefused as error:
            if topic in OPTIONAL and "invalid_topic" in error.problem.detail:
                return False
            raise _unregistered(error, topic) from error
        return True

    def _mend(self, hook: _Registered, url: str, secret: str) -> None:
        try:
            self._api.post(f"webhooks/{hook.id}", _body(hook.topic, url, secret))
        except LostAnswer as error:
            raise Transient(error.problem) from error
        except ItemRefused as error:
            raise _unregistered(error, hook.topic) from error

    def _delete(self, number: str) -> int:
        """Deletes for good. One that is gone already is as good as deleted."""
        url = self._api.url(f"wc/v3/webhooks/{number}", {"force": "true"})
        answer = self._api.client.request("DELETE", url, safe=True)
        return 1 if answer.status == 200 else 0


def _of(hooks: Sequence[_Registered], topic: str) -> list[_Registered]:
    """Webhooks of a topic, the oldest first."""
    return sorted((one for one in hooks if one.topic == topic), key=lambda one: int(one.id))


def _body(topic: str, url: str, secret: str) -> Body:
    name = f"AtooSync {topic} [{fingerprint(secret)}]"
    return {"name": name, "delivery_url": url, "secret": secret, "status": "active"}


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.path.rstrip("/"), parts.query


def fingerprint(secret: str) -> str:
    """Eight signs that tell two secrets apart and give nothing away of a random one."""
    return hashlib.blake2b(secret.encode(), digest_size=4, person=b"atoosync-hook").hexdigest()


def _unregistered(error: ConnectorError, topic: str) -> Misconfigured:
    return Misconfigured(
        Problem(
            "webhook_not_registered",
            "La boutique refuse d’enregistrer le webhook « %(topic)s ».",
            "Vérifiez l’adresse publique de cette plateforme et les droits de la clé. Les commandes restent lues à"
            " intervalles réguliers.",
            detail=f"{error.problem.code}: {error.problem.detail}",
            values={"topic": topic},
        )
    )


def verify(headers: Mapping[str, str], body: bytes, secret: str) -> Change | None:
    """The change a delivery tells of; ``None`` for a ping or a topic we do not follow. Pure.

    A ping is an unsigned form post of the webhook's number (recorded): nothing is done on it. Raises
    ``NotificationRefused`` for everything else whose signature does not hold, and for a signed body without an id.
    """
    given = {name.lower(): value for name, value in headers.items()}
    signature = given.get("x-wc-webhook-signature", "")
    if not signature and _is_ping(given, body):
        return None
    if not secret or not hmac.compare_digest(signature.encode("utf-8", "replace"), signature_of(body, secret)):
        raise _rejected(
            "webhook_forged",
            "Une notification a été refusée : sa signature n’est pas celle de la boutique.",
            "Si cela se répète, réenregistrez les notifications du profil : leur secret n’est plus le même.",
        )
    resource, _, event = given.get("x-wc-webhook-topic", "").partition(".")
    entity = _ENTITIES.get(resource)
    if entity is None or event not in {one.value for one in Event}:
        return None
    return Change(
        entity=entity,
        key=_key(body),
        event=Event(event),
        delivery=given.get("x-wc-webhook-delivery-id", "")[:64],
        subscription=given.get("x-wc-webhook-id", "")[:20],
    )


def signature_of(body: bytes, secret: str) -> bytes:
    """What the shop puts into the signature header for a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def _is_ping(headers: Mapping[str, str], body: bytes) -> bool:
    if not headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return False
    pairs = parse_qsl(body.decode("ascii", "replace")) if len(body) <= _PING_MAX else []
    return [name for name, value in pairs if value.isdecimal()] == ["webhook_id"] and len(pairs) == 1


def _key(body: bytes) -> str:
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    number = value.get("id") if isinstance(value, dict) else None
    if isinstance(number, bool) or not isinstance(number, int) or number <= 0:
        raise _rejected(
            "webhook_unreadable",
            "Une notification de la boutique est illisible.",
            "Une extension de la boutique modifie ses webhooks ; les commandes restent lues à intervalles réguliers.",
        )
    return str(number)


def _rejected(code: str, sentence: str, advice: str) -> NotificationRefused:
    return NotificationRefused(Problem(code, sentence, advice))
