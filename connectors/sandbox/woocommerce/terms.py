"""Categories, tags, brands, shipping classes, global attributes and their terms."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.woocommerce import media, php, product_list, text
from connectors.sandbox.woocommerce.batch import ItemHandlers, run_batch
from connectors.sandbox.woocommerce.errors import WooError, no_trash
from connectors.sandbox.woocommerce.records import Term
from connectors.sandbox.woocommerce.routing import Routes
from connectors.sandbox.woocommerce.store import BRAND, CATEGORY, SHIPPING_CLASS, TAG
from connectors.sandbox.woocommerce.wire import Call, Reply, created, links, paged


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """One kind of term: where it lives and which fields it shows."""

    name: str
    path: str
    fields: tuple[str, ...]
    hierarchical: bool = False


_TREE = ("id", "name", "slug", "parent", "description", "display", "image", "menu_order", "count")
_FLAT = ("id", "name", "slug", "description", "count")
_KINDS = (
    Taxonomy(CATEGORY, "/products/categories", _TREE, hierarchical=True),
    Taxonomy(BRAND, "/products/brands", _TREE, hierarchical=True),
    Taxonomy(TAG, "/products/tags", _FLAT),
    Taxonomy(SHIPPING_CLASS, "/products/shipping_classes", _FLAT),
)
_TERM_PATH = r"/products/attributes/(?P<attribute_id>[\d]+)/terms"


def attribute_taxonomy(call: Call) -> Taxonomy:
    """The taxonomy behind `/products/attributes/{id}/terms`. Raises WooError for an unknown attribute."""
    number = call.number("attribute_id")
    attribute = call.store.attributes.get(number)
    if attribute is None:
        raise WooError("woocommerce_rest_taxonomy_invalid", "Taxonomy does not exist.", 404, gone=True)
    fields = ("id", "name", "slug", "description", "menu_order", "count")
    return Taxonomy(attribute["slug"], f"/products/attributes/{number}/terms", fields)


def show(call: Call, kind: Taxonomy, term: Term) -> dict[str, Any]:
    """A term as the API shows it."""
    values: dict[str, Callable[[], Any]] = {
        "id": lambda: term.id,
        "name": lambda: term.name,
        "slug": lambda: term.slug,
        "parent": lambda: term.parent,
        "description": lambda: term.description,
        "display": lambda: term.display,
        "image": lambda: media.shown_term_image(call, term.image),
        "menu_order": lambda: term.menu_order,
        "count": lambda: count(call, term),
    }
    data = {name: values[name]() for name in kind.fields}
    up = {"up": f"{kind.path}/{term.parent}"} if term.parent else {}
    if call.in_batch and kind.path.endswith("/terms"):
        # A batch of attribute terms answers with the pattern of the route in its links (recorded).
        data["_links"] = links(call, f"{_TERM_PATH}/{term.id}", _TERM_PATH)
        data["_links"]["self"][0].pop("targetHints")
        return data
    data["_links"] = links(call, f"{kind.path}/{term.id}", kind.path, **up)
    return data


def count(call: Call, term: Term) -> int:
    """Number of published products under a term."""
    rows = call.store.products.rows
    ids = call.store.by_term.get(term.id, ())
    return sum(1 for one in ids if rows[one].status == "publish" and not rows[one].is_variation)


def _find(call: Call, kind: Taxonomy) -> Term:
    term = call.store.term(kind.name, call.number("id"))
    if term is None:
        raise WooError("woocommerce_rest_term_invalid", "Resource does not exist.", 404, gone=True)
    return term


def _check_parent(call: Call, kind: Taxonomy) -> int:
    parent = call.number("parent") if kind.hierarchical else 0
    if parent and call.store.term(kind.name, parent) is None:
        raise WooError("missing_parent", "Parent term does not exist.", 400)
    return parent


def _check_name(call: Call, kind: Taxonomy, name: str, parent: int) -> None:
    if not name:
        raise WooError("empty_term_name", "A name is required for this term.", 400)
    if len(name) > 200:
        raise WooError("db_insert_error", "Could not insert term into the database.", 400)
    for other in call.store.terms_of(kind.name):
        if other.name.casefold() == name.casefold() and other.parent == parent and not call.get("slug"):
            where = "with this parent" if kind.hierarchical else "in this taxonomy"
            message = f"A term with the name provided already exists {where}."
            raise WooError("term_exists", message, 400, {"resource_id": other.id})


def _slug(call: Call, kind: Taxonomy, name: str, parent: int) -> str:
    given = str(call.get("slug") or "")
    slug = text.slugify(given, keep_accents=True) if given else text.slugify(name)
    taken = {term.slug for term in call.store.terms_of(kind.name)}
    above = call.store.terms.get(parent)
    if slug in taken and above is not None:
        slug = f"{slug}-{above.slug}"
    candidate, number = slug or "term", 1
    while candidate in taken:
        number += 1
        candidate = f"{slug}-{number}"
    return candidate


def _write(call: Call, kind: Taxonomy, term: Term) -> None:
    if call.has("description"):
        term.description = text.clean(call.get("description", ""))
    if call.has("menu_order"):
        term.menu_order = call.number("menu_order")
    if call.has("display") and "display" in kind.fields:
        term.display = str(call.get("display", "default"))
    if call.has("image") and "image" in kind.fields:
        term.image = media.term_image(call, call.get("image"))


def _create(call: Call, kind: Taxonomy) -> Reply:
    store = call.store
    with store.lock:
        name = text.term_name(call.get("name", ""))
        parent = _check_parent(call, kind)
        _check_name(call, kind, name, parent)
    # Categories are stored without a lock: two equal ones sent at once may both pass the check above (recorded).
    time.sleep(call.app.options.race_window)
    call.request.pace_item()
    with store.lock:
        term = Term(0, kind.name, name, _slug(call, kind, name, parent), parent)
        _write(call, kind, term)
        term.id = store.next_id("term")
        store.put_term(term)
        call.app.count(call.request, f"{kind.name} created")
        return created(call, f"{kind.path}/{term.id}", show(call, kind, term))


def _update(call: Call, kind: Taxonomy) -> Reply:
    call.request.pace_item(key=call.params.get("id"))
    with call.store.lock:
        term = _find(call, kind)
        if call.has("parent") and kind.hierarchical:
            parent = _check_parent(call, kind)
            term.parent = 0 if parent in product_list.with_children(call.store, {term.id}) else parent
        if call.has("name") and call.get("name"):
            term.name = text.term_name(call.get("name"))
        _write(call, kind, term)
        if call.has("slug") and call.get("slug"):
            _change_slug(call, term)
        call.store.put_term(term)
        return Reply(show(call, kind, term))


def _change_slug(call: Call, term: Term) -> None:
    """A new slug is carried into the variations that chose the term."""
    old, term.slug = term.slug, text.slugify(str(call.get("slug")), keep_accents=True)
    for number in list(call.store.by_term.get(term.id, ())):
        for child in call.store.children.get(number, ()):
            options = call.store.products.rows[child].get("options", {})
            if options.get(term.taxonomy) == old:
                call.store.products.rows[child].extra["options"] = {**options, term.taxonomy: term.slug}
                call.store.products.touch(child)


def _read(call: Call, kind: Taxonomy) -> Reply:
    with call.store.lock:
        return Reply(show(call, kind, _find(call, kind)))


def _delete(call: Call, kind: Taxonomy) -> Reply:
    with call.store.lock:
        term = _find(call, kind)
        if not call.force:
            raise no_trash("Resource does")
        if kind.name == CATEGORY and term.id == int(call.store.setting("woocommerce_default_category") or 0):
            message = "Default product category cannot be deleted."
            raise WooError("woocommerce_rest_cannot_delete", message, 500)
        shown = show(call, kind, term)
        _forget(call, kind, term)
        for one in shown["_links"]["self"]:
            one.pop("targetHints", None)
        return Reply(shown, gone=True)


def _forget(call: Call, kind: Taxonomy, term: Term) -> None:
    store = call.store
    for child in store.terms_of(kind.name):
        if child.parent == term.id:
            child.parent = term.parent
            store.put_term(child)
    for number in list(store.by_term.get(term.id, ())):
        _take_off(call, number, term)
    store.drop_term(term)


def _take_off(call: Call, number: int, term: Term) -> None:
    from connectors.sandbox.woocommerce.store import keys_of

    product = call.store.products.rows[number]
    before = keys_of(product)
    default = int(call.store.setting("woocommerce_default_category") or 0)
    if term.id in product.categories:
        product.categories = [one for one in product.categories if one != term.id] or [default]
    for name in ("tags", "brands", "attribute_terms"):
        if term.id in product.get(name, ()):
            product.set(name, [one for one in product.get(name) if one != term.id], [])
    if product.get("shipping_class_id") == term.id:
        product.set("shipping_class_id", 0, 0)
    if product.get("attributes"):
        product.extra["attributes"] = [
            {**one, "terms": [t for t in one["terms"] if t != term.id]} for one in product.get("attributes")
        ]
    call.store.save(product, before)


def _list(call: Call, kind: Taxonomy) -> Reply:
    with call.store.lock:
        rows = [term for term in call.store.terms_of(kind.name) if _kept(call, term)]
        return paged(call, _ordered(call, rows), lambda term: show(call, kind, term))


def _kept(call: Call, term: Term) -> bool:
    included, excluded = call.integers("include"), call.integers("exclude")
    if (included and term.id not in included) or term.id in excluded:
        return False
    if call.get("search") and not _found(str(call.get("search")), term):
        return False
    if call.get("slug") and term.slug not in [str(one) for one in php.to_list(call.get("slug"))]:
        return False
    if call.query.get("parent") not in (None, "") and term.parent != call.number("parent"):
        return False
    if call.get("product") and call.number("product") not in call.store.by_term.get(term.id, ()):
        return False
    return not (call.flag("hide_empty") and not count(call, term))


def _found(needle: str, term: Term) -> bool:
    wanted = text.strip_accents(needle).casefold()
    return wanted in text.strip_accents(term.name).casefold() or wanted in term.slug


def _ordered(call: Call, rows: list[Term]) -> list[Term]:
    keys: dict[str, Callable[[Term], Any]] = {
        "id": lambda term: term.id,
        "slug": lambda term: term.slug,
        "count": lambda term: (count(call, term), term.id),
        "menu_order": lambda term: (term.menu_order, term.name.casefold()),
        "description": lambda term: term.description,
    }
    key = keys.get(str(call.get("orderby", "name")), lambda term: (text.strip_accents(term.name).casefold(), term.id))
    return sorted(rows, key=key, reverse=str(call.get("order", "asc")).lower() == "desc")


def _bind(kind: Taxonomy | None) -> dict[str, Callable[[Call], Reply]]:
    def of(call: Call) -> Taxonomy:
        return kind if kind is not None else attribute_taxonomy(call)

    return {
        "list": lambda call: _list(call, of(call)),
        "create": lambda call: _create(call, of(call)),
        "read": lambda call: _read(call, of(call)),
        "update": lambda call: _update(call, of(call)),
        "delete": lambda call: _delete(call, of(call)),
    }


def register(routes: Routes) -> None:
    """Routes of all kinds of terms."""
    for path, kind in [*((kind.path, kind) for kind in _KINDS), (_TERM_PATH, None)]:
        full = "/wc/v3" + path
        bound = _bind(kind)
        handlers = ItemHandlers(full, bound["create"], bound["update"], bound["delete"])
        routes.register(full, get=bound["list"], create=bound["create"])
        routes.register(full + r"/(?P<id>[\d]+)", get=bound["read"], edit=bound["update"], delete=bound["delete"])
        routes.register(full + "/batch", edit=_batcher(handlers))
    routes.register("/wc/v3/products/shipping_classes/slug-suggestion", get=_suggestion)


def _batcher(handlers: ItemHandlers) -> Callable[[Call], Reply]:
    return lambda call: run_batch(call, handlers)


def _suggestion(call: Call) -> Reply:
    return Reply(text.slugify(str(call.get("name", ""))))
