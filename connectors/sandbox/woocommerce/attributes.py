"""Global attributes."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.woocommerce import php, text
from connectors.sandbox.woocommerce.batch import register_resource
from connectors.sandbox.woocommerce.errors import WooError, no_trash
from connectors.sandbox.woocommerce.php import words
from connectors.sandbox.woocommerce.routing import Routes
from connectors.sandbox.woocommerce.wire import Call, Reply, created, links, unpaged

# Words WordPress keeps for its own queries.
_RESERVED = frozenset(
    words(
        "attachment attachment_id author author_name calendar cat category category__and category__in category__not_in "
        "category_name comments_per_page comments_popup cpage day debug error exact feed hour link_category m minute "
        "monthnum more name nav_menu nopaging offset order orderby p page page_id paged pagename pb perm post post__in "
        "post__not_in post_format post_mime_type post_status post_tag post_type posts posts_per_archive_page "
        "posts_per_page preview robots s search second sentence showposts static subpost "
        "subpost_id tag tag__and tag__in "
        "tag__not_in tag_id tag_slug__and tag_slug__in taxonomy tb term type w withcomments withoutcomments year"
    )
)


def _show(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    path = f"/products/attributes/{row['id']}"
    return {**row, "_links": links(call, path, "/products/attributes")}


def _find(call: Call) -> dict[str, Any]:
    row = call.store.attributes.get(call.number("id"))
    if row is None:
        raise WooError("woocommerce_rest_taxonomy_invalid", "Resource does not exist.", 404, gone=True)
    return dict(row)


def _refused(slug: str, why: str) -> WooError:
    return WooError("woocommerce_rest_cannot_create", f'Slug "{slug}" {why}, please.', 400)


def _checked_slug(call: Call, name: str, own: int = 0) -> str:
    slug = text.slugify(str(call.get("slug") or name)).removeprefix("pa_")
    if len(slug) > 28:
        raise _refused(slug, "is too long (28 characters max). Shorten it")
    if slug in _RESERVED:
        raise _refused(slug, "is not allowed because it is a reserved term. Change it")
    if any(row["slug"] == f"pa_{slug}" and row["id"] != own for row in call.store.attributes):
        raise _refused(slug, "is already in use. Change it")
    return f"pa_{slug}"


def _create(call: Call) -> Reply:
    call.request.pace_item()
    with call.store.lock:
        name = text.clean(call.get("name", ""))
        row = {
            "id": 0,
            "name": name,
            "slug": _checked_slug(call, name),
            "type": str(call.get("type", "select")),
            "order_by": str(call.get("order_by", "menu_order")),
            "has_archives": php.truthy(call.get("has_archives", False)),
        }
        row["id"] = call.store.next_id("attribute")
        call.store.attributes.put(row["id"], row)
        return created(call, f"/products/attributes/{row['id']}", _show(call, row))


def _update(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call)
        if call.get("name"):
            row["name"] = text.clean(call.get("name"))
        if call.get("slug"):
            _rename_taxonomy(call, row["slug"], _checked_slug(call, row["name"], row["id"]))
            row["slug"] = _checked_slug(call, row["name"], row["id"])
        for name in ("type", "order_by"):
            if call.get(name):
                row[name] = str(call.get(name))
        if call.has("has_archives"):
            row["has_archives"] = php.truthy(call.get("has_archives", False))
        call.store.attributes.put(row["id"], row)
        return Reply(_show(call, row))


def _rename_taxonomy(call: Call, old: str, new: str) -> None:
    store = call.store
    for term in store.terms_of(old):
        store.drop_term(term)
        term.taxonomy = new
        store.put_term(term)
        for parent in store.by_term.get(term.id, ()):
            for child in store.children.get(parent, ()):
                options = store.products.rows[child].get("options", {})
                if old in options:
                    renamed = {(new if key == old else key): value for key, value in options.items()}
                    store.products.rows[child].extra["options"] = renamed
                    store.products.touch(child)


def _read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(_show(call, _find(call)))


def _delete(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call)
        if not call.force:
            raise no_trash("Resource does")
        for term in call.store.terms_of(row["slug"]):
            call.store.drop_term(term)
        call.store.attributes.drop(row["id"])
        return Reply(_show(call, row))


def _list(call: Call) -> Reply:
    with call.store.lock:
        rows = sorted(call.store.attributes, key=lambda row: (row["name"].casefold(), row["id"]))
        return unpaged([_show(call, row) for row in rows])


def register(routes: Routes) -> None:
    """Routes of global attributes."""
    register_resource(
        routes, "products/attributes", listing=_list, read=_read, create=_create, update=_update, delete=_delete
    )
