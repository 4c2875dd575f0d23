"""Variations of a product: create, update, delete, batch per parent, generate."""

from __future__ import annotations

import itertools
import time
from typing import Any

from connectors.sandbox.woocommerce import media, php, product_attributes, product_list, text, views
from connectors.sandbox.woocommerce.batch import ItemHandlers, run_batch
from connectors.sandbox.woocommerce.errors import FatalError, WooError, invalid_id
from connectors.sandbox.woocommerce.products import (
    clean_gtin,
    write_cost,
    write_item,
    write_meta,
    write_prices,
    write_shipping,
    write_stock,
    write_tax,
)
from connectors.sandbox.woocommerce.products import write_identity as write_product_identity
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.routing import Routes
from connectors.sandbox.woocommerce.wire import Call, Reply

_COLLECTION = r"/wc/v3/products/(?P<product_id>[\d]+)/variations"


def _write_options(call: Call, product: Product) -> None:
    """`attributes`: a global attribute counts by its id only, a local one by its name (recorded)."""
    parent = call.store.products.get(product.parent)
    known = {views.attribute_key(call.store, one): one for one in (parent.get("attributes", []) if parent else [])}
    options: dict[str, str] = {}
    for entry in call.items("attributes"):
        if not isinstance(entry, dict):
            continue
        definition = call.store.attributes.get(php.intval(entry.get("id")))
        key = definition["slug"] if definition else text.slugify(str(entry.get("name") or ""))
        if key not in known or (definition is None and known[key]["id"]):
            continue
        options[key] = _option(call, key, str(entry.get("option") or ""), taxonomy=definition is not None)
    product.set("options", {key: value for key, value in options.items() if value}, {})


def _option(call: Call, key: str, option: str, *, taxonomy: bool) -> str:
    if not taxonomy:
        return text.clean(option)
    term = product_attributes.find_term(call.store, key, option)
    return term.slug if term else text.slugify(option)


def _write_texts(call: Call, product: Product) -> None:
    if call.has("description"):
        product.set("description", text.filter_html(str(call.get("description", ""))), "")
    for name in ("virtual", "downloadable"):
        if call.has(name):
            product.set(name, php.truthy(call.get(name, False)), False)
    if call.has("menu_order"):
        product.set("menu_order", call.number("menu_order"), 0)
    if call.has("status") and call.get("status"):
        product.status = str(call.get("status"))


def _apply(call: Call, product: Product, *, creating: bool) -> None:
    _write_texts(call, product)
    # No lock of the reference here: what was checked before the work may be wrong by now (recorded race).
    if creating:
        _take_identity(call, product)
    else:
        write_product_identity(call, product, creating=False)
    write_prices(call, product)
    write_tax(call, product)
    write_stock(call, product)
    write_shipping(call, product)
    if call.has("attributes"):
        _write_options(call, product)
    write_meta(call, product)
    write_cost(call, product)
    _write_image(call, product)
    product.slug = ""


def _write_image(call: Call, product: Product) -> None:
    """An object with an id or an address sets the picture; anything else but null takes it off."""
    image = call.get("image")
    if image is None:
        return
    set_one = isinstance(image, dict) and (image.get("id") or "src" in image)
    product.set("images", [media.resolve(call, image, product.parent)] if set_one else [], [])


def _take_identity(call: Call, product: Product) -> None:
    product.sku = text.clean(call.get("sku", ""))
    product.gtin = clean_gtin(call.get("global_unique_id", ""))


def _find(call: Call) -> Product:
    product = call.store.products.get(call.number("id"))
    if product is None or not product.is_variation or product.parent != call.number("product_id"):
        raise invalid_id("woocommerce_rest_product_variation_invalid_id", gone=True)
    return product


def create(call: Call) -> Reply:
    """POST: checks the reference, works, then stores — two at once may both pass the check."""
    store = call.store
    with store.lock:
        parent = store.products.get(call.number("product_id"))
        if parent is None or parent.is_variation:
            raise FatalError
        probe = Product(id=0, kind="variation", parent=parent.id)
        write_product_identity(call, probe, creating=True)
    time.sleep(call.app.options.race_window)
    call.request.pace_item(sku=str(call.get("sku", "")))
    with store.lock:
        row = _new(call, parent)
        # The address really holds the pattern of the route instead of the parent (recorded).
        location = call.url(rf"/products/(?P<product_id>[\d]+)/variations/{row.id}")
        return Reply(views.variation(call, row), 201, [("Location", location)])


def _new(call: Call, parent: Product) -> Product:
    now = call.store.now()
    product = Product(
        id=0,
        kind="variation",
        parent=parent.id,
        created=now,
        modified=now,
        tax_class="parent",
    )
    row = write_item(call, product, _apply, creating=True)
    _parent_moved(call, parent)
    return row


def _parent_moved(call: Call, parent: Product) -> None:
    parent.modified = call.store.now()
    call.store.products.touch(parent.id)


def update(call: Call) -> Reply:
    """PUT, PATCH, POST on an id."""
    known = call.store.products.get(call.number("id"))
    call.request.pace_item(sku=known.sku if known else "", key=call.params.get("id"))
    with call.store.lock:
        return Reply(views.variation(call, write_item(call, _find(call), _apply, creating=False)))


def read(call: Call) -> Reply:
    """GET on an id."""
    with call.store.lock:
        return Reply(views.variation(call, _find(call)))


def delete(call: Call) -> Reply:
    """For good with force, to the trash without."""
    call.request.pace_item(key=call.params.get("id"))
    with call.store.lock:
        product = _find(call)
        shown = views.variation(call, product)
        if not call.force:
            product.status = "trash"
            call.store.products.touch(product.id)
        else:
            call.store.remove(product)
        call.app.count(call.request, "deleted")
        return Reply(shown, gone=call.force)


def generate(call: Call) -> Reply:
    """Make the missing combinations of the parent's options."""
    store = call.store
    with store.lock:
        parent = store.products.get(call.number("product_id"))
        if parent is None:
            raise WooError("woocommerce_rest_product_invalid_id", "Invalid product ID.", 404)
        used = [one for one in parent.get("attributes", []) if one["variation"]]
        keys = [views.attribute_key(store, one) for one in used]
        choices = [_slugs(call, one) for one in used]
        taken = [store.products.rows[one].get("options", {}) for one in store.children.get(parent.id, ())]
        missing = [dict(zip(keys, combo, strict=True)) for combo in itertools.product(*choices)]
        missing = [one for one in missing if one and one not in taken]
        for options in missing:
            _generated(call, parent, options)
        return Reply({"count": len(missing)})


def _slugs(call: Call, attribute: dict[str, Any]) -> list[str]:
    if not attribute["id"]:
        return list(attribute["options"])
    return [term.slug for one in attribute["terms"] if (term := call.store.terms.get(one))]


def _generated(call: Call, parent: Product, options: dict[str, str]) -> None:
    now = call.store.now()
    row = Product(
        id=call.store.next_id("post"), kind="variation", parent=parent.id, created=now, modified=now, tax_class="parent"
    )
    row.extra["options"] = options
    call.store.save(row, None)


def batch(call: Call) -> Reply:
    """Batch of one parent."""
    return run_batch(call, ItemHandlers(_COLLECTION, create, update, delete))


def register(routes: Routes) -> None:
    """Routes of variations."""
    routes.register(_COLLECTION, get=product_list.variations, create=create)
    routes.register(_COLLECTION + r"/(?P<id>[\d]+)", get=read, edit=update, delete=delete)
    routes.register(_COLLECTION + "/batch", edit=batch)
    routes.register(_COLLECTION + "/generate", create=generate)
