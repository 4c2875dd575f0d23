"""The media library: pictures announced by URL, by id, or uploaded."""

from __future__ import annotations

import base64
import mimetypes
import re
from typing import Any
from urllib.parse import quote, urlsplit

from connectors.sandbox.woocommerce import php, text, views
from connectors.sandbox.woocommerce.errors import WooError
from connectors.sandbox.woocommerce.records import Media
from connectors.sandbox.woocommerce.routing import Endpoint, Routes
from connectors.sandbox.woocommerce.wire import Call, Reply, paged

_EXTENSIONS = frozenset({"png", "jpg", "jpeg", "gif", "webp", "avif", "ico"})
_UPLOADS = "/wp-content/uploads"


def import_url(call: Call, src: Any, code: str) -> Media:
    """Take a picture over by its address. Nothing is fetched: the address itself decides, as recorded.

    A name holding `missing` plays the 404, one without a picture extension (or starting with `html`) the wrong type.
    Raises WooError with `code`.
    """
    address = str(src).strip()
    if not address or address.startswith("data:"):
        raise _unreachable(code, "", "No URL Provided.")
    if "://" not in address:
        raise _unreachable(code, "http://" + quote(address), "A valid URL was not provided.")
    parts = urlsplit(address)
    if not _allowed(call, parts.hostname or "", parts.port, parts.scheme):
        raise _unreachable(code, address, "A valid URL was not provided.")
    name = parts.path.rsplit("/", 1)[-1]
    if "missing" in name:
        raise _unreachable(code, address, "Not Found")
    if name.rpartition(".")[2].lower() not in _EXTENSIONS or "." not in name or name.startswith("html"):
        raise WooError(code, "Invalid image: Sorry, you are not allowed to upload this file type.", 400)
    return _add(call, text.file_name(parts.path), address)


def _unreachable(code: str, address: str, reason: str) -> WooError:
    return WooError(code, f"Error getting remote image {address}. Error: {reason}", 400)


def _allowed(call: Call, host: str, port: int | None, scheme: str) -> bool:
    if scheme not in {"http", "https"} or not host or host.endswith(".invalid"):
        return False
    ports = call.app.options.image_ports
    return ports is None or port is None or port in ports


def _add(call: Call, name: str, origin: str, content: bytes = b"") -> Media:
    store = call.store
    now = store.now()
    year, month = (php.local(now) or "")[:7].split("-")
    path = store.free_media_path(f"{_UPLOADS}/{year}/{month}", name)
    row = Media(
        id=store.next_id("post"),
        path=path,
        name=path.rsplit("/", 1)[-1],
        created=now,
        origin=origin,
        mime=mimetypes.guess_type(name)[0] or "application/octet-stream",
        content=base64.b64encode(content).decode(),
    )
    return store.media.put(row.id, row)


def resolve(call: Call, entry: Any, owner: int) -> int:
    """Media id for one entry of `images`: an id is reused, an address is imported once more at every write."""
    if not isinstance(entry, dict):
        raise WooError("woocommerce_product_image_upload_error", "Invalid image.", 400)
    number = php.intval(entry.get("id"))
    if number:
        media = call.store.media.get(number)
        if media is None:
            raise WooError("woocommerce_product_invalid_image_id", f"#{number} is an invalid image ID.", 400)
    else:
        media = import_url(call, entry.get("src", ""), "woocommerce_product_image_upload_error")
    _describe(call, media, entry)
    if media.parent is None and owner:
        media.parent = owner
    return media.id


def _describe(call: Call, media: Media, entry: dict[str, Any]) -> None:
    if entry.get("alt"):
        media.alt = text.clean(entry["alt"])
    if entry.get("name"):
        media.name = text.clean(entry["name"])
    call.store.media.touch(media.id)


def term_image(call: Call, entry: Any) -> dict[str, Any] | None:
    """Picture of a category or brand; None takes it away."""
    if not isinstance(entry, dict) or not (entry.get("id") or entry.get("src")):
        return None
    if entry.get("id"):
        media = call.store.media.get(php.intval(entry["id"]))
        if media is None:
            raise WooError("woocommerce_rest_invalid_image_id", f"#{entry['id']} is an invalid image ID.", 400)
    else:
        media = import_url(call, entry["src"], "woocommerce_rest_invalid_remote_image_url")
    _describe(call, media, entry)
    return {"id": media.id}


def shown_term_image(call: Call, stored: dict[str, Any] | None) -> dict[str, Any] | None:
    """Picture of a term as shown."""
    media = call.store.media.get(stored["id"]) if stored else None
    return views.image(media, call.home, shifted=False) if media else None


def _accounts_only(call: Call) -> None:
    if call.user is None:
        raise WooError("rest_not_logged_in", "You are not currently logged in.", 401)


def me(call: Call) -> Reply:
    """The account behind the credentials."""
    _accounts_only(call)
    user = call.user
    return Reply({"id": user.id, "name": user.login, "slug": user.login} if user else {})


def show_media(call: Call, row: Media) -> dict[str, Any]:
    """An entry of the media library."""
    return {
        "id": row.id,
        "date": php.local(row.created),
        "slug": row.name.rsplit(".", 1)[0],
        "post": row.parent,
        "source_url": call.home + row.path,
        "mime_type": row.mime,
        "alt_text": row.alt,
        "title": {"rendered": row.name},
    }


def media_list(call: Call) -> Reply:
    """The library, newest first."""
    _accounts_only(call)
    with call.store.lock:
        rows = sorted(call.store.media, key=lambda row: -row.id)
        return paged(call, rows, lambda row: show_media(call, row))


def media_create(call: Call) -> Reply:
    """Upload of bytes."""
    _accounts_only(call)
    match = re.search(r'filename="?([^";]+)', call.request.headers.get("content-disposition", ""))
    if match is None:
        raise WooError("rest_upload_no_content_disposition", "No Content-Disposition supplied.", 400)
    with call.store.lock:
        row = _add(call, text.file_name(match.group(1)), "", call.request.body)
        location = f"{call.home}/wp-json/wp/v2/media/{row.id}"
        return Reply(show_media(call, row), 201, [("Location", location)])


def core_batch(call: Call) -> Reply:
    """The batch route of WordPress itself does not know the keys of the shop."""
    _accounts_only(call)
    return Reply({"responses": []}, 207)


def register(routes: Routes) -> None:
    """Routes of WordPress core that a connector may touch."""
    routes.add(
        "/wp/v2/users/me", [Endpoint(["GET"], {}), Endpoint(["POST", "PUT", "PATCH"], {}), Endpoint(["DELETE"], {})]
    )
    routes.add("/wp/v2/media", [Endpoint(["GET"], {}), Endpoint(["POST"], {})])
    routes.add("/batch/v1", [Endpoint(["POST"], {})])
    routes.register("/wp/v2/users/me", get=me)
    routes.register("/wp/v2/media", get=media_list, create=media_create)
    routes.register("/batch/v1", create=core_batch)
