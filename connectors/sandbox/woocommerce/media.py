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
_ITEM = r"/wp/v2/media/(?P<id>[\d]+)"


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


def _may(call: Call, what: str, code: str, text: str) -> None:
    """Accounts from the role of author on upload; editors delete what others uploaded. Raises WooError."""
    if call.user is None:
        raise WooError(code, text, 401)
    if what not in capabilities(call.user.role):
        raise WooError(code, text, 400 if code == "rest_cannot_create" else 403)


def capabilities(role: str) -> dict[str, bool]:
    """What an account may do with the library, as its own entry shows it when edited."""
    rights = {"subscriber": (), "author": ("upload_files",)}.get(role, ("upload_files", "delete_others_posts"))
    return {"read": True, **dict.fromkeys(rights, True)}


def me(call: Call) -> Reply:
    """The account behind the credentials."""
    _accounts_only(call)
    user = call.user
    if user is None:
        return Reply({})
    shown: dict[str, Any] = {"id": user.id, "name": user.login, "slug": user.login}
    if call.get("context") == "edit":
        shown |= {"username": user.login, "roles": [user.role], "capabilities": capabilities(user.role)}
    return Reply(shown)


def show_media(call: Call, row: Media) -> dict[str, Any]:
    """An entry of the media library."""
    return {
        "id": row.id,
        "date": php.local(row.created),
        "slug": _slug(row),
        "post": row.parent,
        "source_url": call.home + row.path,
        "mime_type": row.mime,
        "alt_text": row.alt,
        "title": {"rendered": row.name},
    }


def _slug(row: Media) -> str:
    return row.slug or text.slugify(_stem(row))


def _stem(row: Media) -> str:
    return row.path.rsplit("/", 1)[-1].rpartition(".")[0]


def media_list(call: Call) -> Reply:
    """The library, newest first; `slug` and `include` take several values."""
    _accounts_only(call)
    slugs, numbers = call.items("slug"), call.integers("include")
    with call.store.lock:
        rows = sorted(call.store.media, key=lambda row: -row.id)
        if "slug" in call.query:
            rows = [row for row in rows if _slug(row) in slugs]
        if numbers:
            rows = [row for row in rows if row.id in numbers]
        return paged(call, rows, lambda row: show_media(call, row))


def _require_picture(name: str, content: bytes) -> None:
    """WordPress looks at the first bytes and at the ending of the name, and answers 500 to what it does not take."""
    known = any(content[at : at + len(mark)] == mark for mark, at in _SIGNATURES)
    if not known or name.rpartition(".")[2] not in _EXTENSIONS:
        raise WooError("rest_upload_sideload_error", "Sorry, you are not allowed to upload this file type.", 500)


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", 0),
    (b"\xff\xd8\xff", 0),
    (b"GIF8", 0),
    (b"WEBP", 8),
    (b"ftypavif", 4),
)


def media_create(call: Call) -> Reply:
    """Upload of bytes; what describes the file comes in the query."""
    _may(call, "upload_files", "rest_cannot_create", "Sorry, you are not allowed to create posts as this user.")
    match = re.search(r'filename="?([^";]+)', call.request.headers.get("content-disposition", ""))
    if match is None:
        raise WooError("rest_upload_no_content_disposition", "No Content-Disposition supplied.", 400)
    if not call.request.body:
        raise WooError("rest_upload_no_data", "No data supplied.", 400)
    name = text.file_name(match.group(1))
    _require_picture(name, call.request.body)
    call.request.pace_item(key=name)
    with call.store.lock:
        row = _add(call, name, "", call.request.body)
        row.slug = _free_slug(call, str(call.get("slug") or _slug(row)).lower())
        row.name = text.clean(call.get("title", "")) or _stem(row)
        row.alt = text.clean(call.get("alt_text", ""))
        call.store.media.touch(row.id)
        call.app.count(call.request, "created")
        location = f"{call.home}/wp-json/wp/v2/media/{row.id}"
        return Reply(show_media(call, row), 201, [("Location", location)])


def _free_slug(call: Call, wanted: str) -> str:
    taken = {_slug(row) for row in call.store.media if row.slug}
    slug, number = wanted, 2
    while slug in taken:
        slug, number = f"{wanted}-{number}", number + 1
    return slug


def _medium(call: Call) -> Media:
    row = call.store.media.get(call.number("id"))
    if row is None:
        raise WooError("rest_post_invalid_id", "Invalid post ID.", 404)
    return row


def media_read(call: Call) -> Reply:
    """One entry."""
    _accounts_only(call)
    with call.store.lock:
        return Reply(show_media(call, _medium(call)))


def media_delete(call: Call) -> Reply:
    """For good, with its file; without force it is refused, since media have no trash."""
    with call.store.lock:
        row = _medium(call)
        _may(call, "delete_others_posts", "rest_cannot_delete", "Sorry, you are not allowed to delete this post.")
        if not call.force:
            sentence = "The post does not support trashing. Set 'force=true' to delete."
            raise WooError("rest_trash_not_supported", sentence, 501)
        shown = show_media(call, row)
        call.store.media.drop(row.id)
        call.store.media_paths.discard(row.path)
        call.app.count(call.request, "deleted")
        return Reply({"deleted": True, "previous": shown}, gone=True)


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
    routes.add(_ITEM, [Endpoint(["GET"], {}), Endpoint(["DELETE"], {})])
    routes.add("/batch/v1", [Endpoint(["POST"], {})])
    routes.register("/wp/v2/users/me", get=me)
    routes.register("/wp/v2/media", get=media_list, create=media_create)
    routes.register(_ITEM, get=media_read, delete=media_delete)
    routes.register("/batch/v1", create=core_batch)
