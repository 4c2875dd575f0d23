"""The media library of WordPress: finding what we put there by its content, adding to it, taking away what is ours.

The slug of a medium of ours is made of the digest of its content. It is looked up before every upload, so that an
upload whose answer was lost, or the same picture of another product, never makes a second one.
"""

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from connectors.canonical.pictures import Picture
from connectors.core.http import Answer, LostAnswer
from connectors.core.http_body import FileBody
from connectors.core.media_folder import too_large
from connectors.core.ports import Runtime
from connectors.core.problems import (
    ConnectorError,
    CredentialsRefused,
    ItemRefused,
    Misconfigured,
    Problem,
    Transient,
    Uncertain,
)
from connectors.core.redaction import register_pair
from connectors.shops.woocommerce.api import Query, WooApi, basic_signer
from connectors.shops.woocommerce.lookup import settled
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.policy import VendorError, refusal

PREFIX = "atoosync-"
"""What the slug of every medium of ours begins with."""

_AT_ONCE = 50
_SLUG = re.compile(rf"{PREFIX}([0-9a-f]{{32}})(?:-\d+)?$")
_SIGNATURES: tuple[tuple[bytes, int, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "png", "image/png"),
    (b"\xff\xd8\xff", 0, "jpg", "image/jpeg"),
    (b"GIF8", 0, "gif", "image/gif"),
    (b"WEBP", 8, "webp", "image/webp"),
    (b"ftypavif", 4, "avif", "image/avif"),
)
"""First bytes of the formats that WordPress takes as pictures (``wp_attachment_is_image``), whatever their names."""


def digest_of(content: bytes) -> str:
    """Identity of a content: 32 hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def format_of(content: bytes, name: str) -> tuple[str, str]:
    """Ending and media type of a picture by its first bytes. Raises ``ItemRefused`` for any other format."""
    for mark, place, ending, media_type in _SIGNATURES:
        if content[place : place + len(mark)] == mark:
            return ending, media_type
    raise ItemRefused(
        Problem(
            "picture_format",
            "L’image « %(file)s » n’est pas dans un format que la boutique accepte (JPEG, PNG, GIF, WebP ou AVIF).",
            "Enregistrez-la en JPEG ou en PNG. Les images de la boutique n’ont pas été touchées.",
            values={"file": name},
        )
    )


class MediaLibrary:
    """The library of one shop, reached with a WordPress account; may be used from several threads."""

    def __init__(self, options: WooCommerceOptions, runtime: Runtime) -> None:
        """Raises ``Misconfigured`` when the account is not filled in. Calls nothing."""
        self._options = options
        user, password = options.media_user, options.media_password.get_secret_value()
        if not (user and password):
            raise Misconfigured(NO_ACCOUNT)
        register_pair(user, password)
        self.api = WooApi(options, runtime, signer=basic_signer(user, password))
        self._known: dict[str, int] = {}
        self._busy: set[str] = set()
        self._changed = threading.Condition()

    def close(self) -> None:
        """Closes idle connections. May be called twice."""
        self.api.close()

    def check(self, picture: Picture) -> None:
        """Raises ``ItemRefused`` for a picture that is heavier than the shop takes, before any of it is read."""
        limit = self._options.media_max_mb * 1024 * 1024
        if picture.size > limit:
            raise too_large(picture.name, picture.size, limit)

    def find(self, digests: Collection[str]) -> dict[str, int]:
        """Media of ours by the digest of their content, as the library holds them now; absent ones are missing."""
        found: dict[str, int] = {}
        wanted = sorted(set(digests))
        for start in range(0, len(wanted), _AT_ONCE):
            slugs = ",".join(PREFIX + digest for digest in wanted[start : start + _AT_ONCE])
            for number, digest in self._rows({"slug": slugs}):
                found[digest] = min(number, found.get(digest, number))
        return found

    def ours(self, media: Collection[int]) -> dict[int, str]:
        """Those of these media that we put there, with the digest of their content."""
        found: dict[int, str] = {}
        wanted = sorted(set(media))
        for start in range(0, len(wanted), _AT_ONCE):
            listed = ",".join(map(str, wanted[start : start + _AT_ONCE]))
            found.update(self._rows({"include": listed}))
        return found

    def _rows(self, query: Mapping[str, str]) -> Iterator[tuple[int, str]]:
        answer = self._call("GET", "wp/v2/media", {**query, "per_page": 100, "_fields": "id,slug"})
        for row in answer.json():
            match = _SLUG.fullmatch(str(row.get("slug", "")))
            if match:
                yield int(row["id"]), match[1]

    def put(self, digest: str, picture: Picture, content: bytes, label: str) -> tuple[int, bool]:
        """The medium with this content, uploaded unless it is there. Tells whether it was uploaded.

        ``label`` describes it to those who cannot see it. Raises ``ItemRefused`` naming the file, ``Uncertain`` when
        nobody knows whether it was added, ``CredentialsRefused``.
        """
        with self._alone(digest):
            there = self._known.get(digest) or self.find([digest]).get(digest)
            number = there or self._upload(digest, picture, content, label)
            self._known[digest] = number
            return number, there is None

    def delete(self, number: int) -> None:
        """Deletes a medium with its file; one that is gone is fine. Raises what a call raises."""
        self._known = {digest: known for digest, known in self._known.items() if known != number}
        try:
            self._call("DELETE", f"wp/v2/media/{number}", {"force": "true"}, safe=True)
        except ItemRefused as error:
            if not error.problem.detail.startswith("rest_post_invalid_id"):
                raise

    @contextmanager
    def _alone(self, digest: str) -> Iterator[None]:
        """Keeps two threads from uploading the same content at once."""
        with self._changed:
            self._changed.wait_for(lambda: digest not in self._busy)
            self._busy.add(digest)
        try:
            yield
        finally:
            with self._changed:
                self._busy.discard(digest)
                self._changed.notify_all()

    def _upload(self, digest: str, picture: Picture, content: bytes, label: str) -> int:
        ending, media_type = format_of(content, picture.name)
        stem = PurePosixPath(picture.name).stem
        file = FileBody(content, f"{_plain(stem)}.{ending}", media_type)
        query = {"slug": PREFIX + digest, "title": stem, "alt_text": label, "_fields": "id,slug"}
        try:
            body = self._call("POST", "wp/v2/media", query, body=file).json()
        except LostAnswer as error:
            if "rest_upload" in error.problem.detail:
                raise _refused(picture, error) from error
            return self._after_loss(digest, picture, error)
        except ItemRefused as error:
            raise _refused(picture, error) from error
        return int(body["id"])

    def _after_loss(self, digest: str, picture: Picture, error: LostAnswer) -> int:
        """The shop may have taken it, or be about to. Raises ``Uncertain`` when it does not show up."""
        found: dict[str, int] = {}

        def look() -> int:
            found.update(self.find([digest]))
            return len(found)

        settled(look, 1, self.api.client.throttle, self._options.settle_seconds)
        if digest not in found:
            raise Uncertain(
                Problem(
                    "picture_lost",
                    "La boutique n’a pas répondu à l’envoi de l’image « %(file)s ».",
                    "L’image sera cherchée dans la médiathèque, puis renvoyée si elle n’y est pas.",
                    f"{error.problem.code}: {error.problem.detail}",
                    {"file": picture.name},
                )
            ) from error
        return found[digest]

    def _call(self, method: str, route: str, query: Query, *, body: Any = None, safe: bool | None = None) -> Answer:
        answer = self.api.client.request(method, self.api.url(route, query), body=body, safe=safe)
        if answer.status >= 300:
            raise _problem(answer)
        return answer


def _problem(answer: Answer) -> ConnectorError:
    vendor = VendorError.parse(answer.json(), answer.status) if answer.is_json else None
    refused = account_problem(answer.status, vendor)
    if refused is not None:
        return CredentialsRefused(refused)
    if vendor is None:
        return refusal(answer)
    problem = vendor.problem()
    return Transient(problem) if answer.status in (429, 503) else ItemRefused(problem)


def account_problem(status: int, vendor: VendorError | None) -> Problem | None:
    """What is wrong with the account, or ``None`` when the answer says nothing about it."""
    code = vendor.code if vendor else ""
    detail = f"{status} {code}"
    if (code in _RIGHTS and status != 401) or (code and status == 403):
        return Problem(
            "media_right_missing",
            "Le compte WordPress des images n’a pas le droit de modifier la médiathèque.",
            "Donnez-lui au moins le rôle d’auteur ; pour supprimer aussi des images, celui d’éditeur.",
            detail,
        )
    if code == "application_passwords_disabled":
        return Problem(
            "media_passwords_disabled",
            "Les mots de passe d’application sont désactivés dans ce WordPress.",
            "Une extension de sécurité les coupe, ou la boutique n’est pas en https : réactivez-les.",
            detail,
        )
    if code == "rest_not_logged_in" or code in _RIGHTS:
        return Problem(
            "media_header_lost",
            "La boutique ne reçoit pas le mot de passe d’application : elle traite la demande comme anonyme.",
            "L’hébergeur retire l’en-tête Authorization, ou la boutique n’est pas en https : faites-le corriger.",
            detail,
        )
    if status == 401:
        return Problem(
            "media_account_refused",
            "WordPress refuse l’identifiant ou le mot de passe d’application des images.",
            "Créez un mot de passe d’application dans WordPress › Comptes › Profil, et recopiez-le avec l’identifiant"
            " de ce compte. Le mot de passe de connexion ne convient pas.",
            detail,
        )
    return None


_RIGHTS = frozenset({"rest_cannot_create", "rest_cannot_delete", "rest_cannot_edit", "rest_forbidden"})

NO_ACCOUNT = Problem(
    "media_account_missing",
    "Le compte WordPress qui dépose les images n’est pas renseigné.",
    "Remplissez « Identifiant WordPress » et « Mot de passe d’application » dans la connexion à la boutique.",
)


def _refused(picture: Picture, error: ConnectorError) -> ItemRefused:
    # WordPress answers 500 to a file it does not take: that is its last word.
    told = error.problem.values.get("message") or error.problem.text()
    return ItemRefused(
        Problem(
            "picture_upload_refused",
            "La boutique refuse l’image « %(file)s » : %(message)s",
            "Ouvrez l’image et enregistrez-la en JPEG ou en PNG, moins lourde. Si toutes sont refusées, voyez avec"
            " l’hébergeur les limites de dépôt de fichiers.",
            error.problem.detail,
            {"file": picture.name, "message": told},
        )
    )


def _plain(stem: str) -> str:
    """A file name every host takes: ASCII letters, digits, dashes."""
    ascii_text = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", ascii_text).strip("-")[:80] or "image"
