"""Writing products: create, update, trash, delete, duplicate, batch."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from connectors.sandbox.woocommerce import media, metadata, php, pricing, product_attributes, product_list, text, views
from connectors.sandbox.woocommerce.batch import ItemHandlers, run_batch
from connectors.sandbox.woocommerce.errors import WooError, invalid_id
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.routing import Routes, resource
from connectors.sandbox.woocommerce.store import BRAND, CATEGORY, SHIPPING_CLASS, TAG, Keys, WooStore, keys_of
from connectors.sandbox.woocommerce.wire import Call, Reply, created

_KINDS = frozenset({"simple", "grouped", "external", "variable"})
_COPIED_TEXTS = ("external_url", "button_text", "purchase_note", "post_password")
_FLAGS = {"virtual": False, "downloadable": False, "featured": False, "sold_individually": False}
_ID_LISTS = ("upsell_ids", "cross_sell_ids", "grouped_products")


def draft_of(product: Product) -> Product:
    """A copy to work on, so that a refused write leaves nothing behind."""
    values = {field.name: getattr(product, field.name) for field in fields(product)}
    return replace(product, categories=list(product.categories), extra=dict(values["extra"]))


def separator(store: WooStore) -> str:
    """Decimal separator of the shop."""
    return str(store.setting("woocommerce_price_decimal_sep")) or "."


def check_sku(call: Call, product: Product, sku: str, *, creating: bool) -> None:
    """Refuse a reference in use; a trashed holder blocks only creates, and without telling its id (recorded)."""
    store = call.store
    holders = [one for one in store.by_sku.get(sku) if one != product.id]
    alive = [one for one in holders if store.products.rows[one].status != "trash"]
    if alive:
        number = 1
        while store.by_sku.get(f"{sku}-{number}"):
            number += 1
        data = {"resource_id": alive[0], "unique_sku": f"{sku}-{number}"}
        raise WooError("product_invalid_sku", "Invalid or duplicated SKU.", 400, data)
    if holders and creating:
        message = f"The product with SKU ({sku}) you are trying to insert is already present in the lookup table"
        raise WooError("woocommerce_rest_product_not_created", message, 400)


def check_gtin(call: Call, product: Product, gtin: str) -> None:
    """Refuse a GTIN in use."""
    holders = [one for one in call.store.by_gtin.get(gtin) if one != product.id]
    if holders:
        message = "Invalid or duplicated GTIN, UPC, EAN or ISBN."
        raise WooError("product_invalid_global_unique_id", message, 400, {"resource_id": holders[0]})


def write_identity(call: Call, product: Product, *, creating: bool) -> None:
    """sku and global_unique_id."""
    if call.has("sku"):
        product.sku = text.clean(call.get("sku", ""))
        if product.sku:
            check_sku(call, product, product.sku, creating=creating)
    if call.has("global_unique_id"):
        product.gtin = clean_gtin(call.get("global_unique_id", ""))
        if product.gtin:
            check_gtin(call, product, product.gtin)


def clean_gtin(value: Any) -> str:
    """Digits and dashes; letters are dropped without a word (recorded)."""
    return re.sub(r"[^0-9\-]", "", str(value))


def write_prices(call: Call, product: Product) -> None:
    """regular_price, sale_price and the dates of a sale; a sale above the regular price is dropped."""
    decimal = separator(call.store)
    if product.kind == "variable":
        product.regular = product.sale = ""
        return
    if call.has("regular_price"):
        product.regular = php.format_decimal(call.params.get("regular_price"), decimal)
    if call.has("sale_price"):
        product.sale = php.format_decimal(call.params.get("sale_price"), decimal)
    for name, key in (("date_on_sale_from", "sale_from"), ("date_on_sale_to", "sale_to")):
        if call.has(name):
            product.set(key, php.parse_date(call.get(name)))
        if call.has(f"{name}_gmt"):
            product.set(key, php.parse_date(call.get(f"{name}_gmt"), gmt=True))
    sale, regular = pricing.amount(product.sale), pricing.amount(product.regular)
    if sale is not None and regular is not None and sale >= regular:
        product.sale = ""


def write_stock(call: Call, product: Product) -> None:
    """Stock fields; a quantity counts only while stock is managed."""
    if call.has("manage_stock"):
        product.managed = php.truthy(call.get("manage_stock", False)) and call.get("manage_stock") != "parent"
    if call.has("backorders"):
        product.set("backorders", str(call.get("backorders", "no")), "no")
    if call.has("low_stock_amount"):
        value = call.get("low_stock_amount")
        product.set("low_stock_amount", None if value in (None, "") else php.intval(value))
    if call.has("stock_status") and call.get("stock_status"):
        product.stock_status = str(call.get("stock_status"))
    if product.managed and call.has("stock_quantity") and call.get("stock_quantity") is not None:
        product.stock = php.intval(call.get("stock_quantity"))
    elif product.managed and call.get("inventory_delta") is not None:
        product.stock = (product.stock or 0) + call.number("inventory_delta")
    pricing.settle_stock(product)


def write_shipping(call: Call, product: Product) -> None:
    """weight, dimensions, virtual, shipping class."""
    decimal = separator(call.store)
    if call.has("weight"):
        product.set("weight", php.format_decimal(call.get("weight", ""), decimal), "")
    sides = call.get("dimensions")
    if isinstance(sides, dict):
        known = dict(product.get("dimensions", {}))
        for side in ("length", "width", "height"):
            if side in sides:
                known[side] = php.format_decimal(sides[side], decimal)
        product.set("dimensions", known, {})
    if call.has("shipping_class"):
        wanted = str(call.get("shipping_class", ""))
        found = [term for term in call.store.terms_of(SHIPPING_CLASS) if term.slug == wanted and wanted]
        product.set("shipping_class_id", found[0].id if found else 0, 0)


def write_tax(call: Call, product: Product) -> None:
    """tax_status and tax_class; an unknown class becomes the standard one, a name its slug."""
    if call.has("tax_status"):
        product.set("tax_status", str(call.get("tax_status", "taxable")), "taxable")
    if call.has("tax_class"):
        slug = text.slugify(str(call.get("tax_class", "")))
        known = {row["slug"] for row in call.store.tax_classes} - {"standard"}
        if product.is_variation:
            known.add("parent")
        product.tax_class = slug if slug in known else ""


def write_meta(call: Call, product: Product) -> None:
    """meta_data; `_stock` really overwrites the stock, other own columns are swallowed."""
    given = call.get("meta_data")
    if not isinstance(given, list):
        return
    for item in given:
        if isinstance(item, dict) and item.get("key") == "_stock" and product.managed:
            product.stock = php.intval(item.get("value"))
            pricing.settle_stock(product)
    kept = [one for one in given if not (isinstance(one, dict) and one.get("key") in metadata.INTERNAL)]
    merged = metadata.merge(product.get("meta", []), kept, lambda: call.store.next_id("postmeta"))
    product.set("meta", merged, [])


def write_cost(call: Call, product: Product) -> None:
    """The cost price, where the shop has the feature."""
    cost = call.get("cost_of_goods_sold")
    if not (call.app.options.cost_of_goods and isinstance(cost, dict)):
        return
    values = cost.get("values") or [{}]
    product.set("cost", values[0].get("defined_value") if isinstance(values[0], dict) else None)


def _write_texts(call: Call, product: Product) -> None:
    if call.has("name"):
        product.name = text.filter_html(str(call.get("name", ""))).strip()
    for name in ("description", "short_description"):
        if call.has(name):
            product.set(name, text.filter_html(str(call.get(name, ""))), "")
    for name in _COPIED_TEXTS:
        if call.has(name):
            product.set(name, str(call.get(name, "")), "")
    for name, default in _FLAGS.items():
        if call.has(name):
            product.set(name, php.truthy(call.get(name, default)), default)
    for name in _ID_LISTS:
        if call.has(name):
            product.set(name, [php.intval(one) for one in call.items(name)], [])
    _write_numbers(call, product)


def _write_numbers(call: Call, product: Product) -> None:
    for name, default in (("menu_order", 0), ("download_limit", -1), ("download_expiry", -1)):
        if call.has(name):
            product.set(name, call.number(name, default), default)
    if call.has("catalog_visibility"):
        product.set("catalog_visibility", str(call.get("catalog_visibility", "visible")), "visible")
    if call.has("reviews_allowed"):
        product.set("reviews_allowed", php.truthy(call.get("reviews_allowed", True)), True)
    if call.has("downloads"):
        product.set("downloads", [one for one in call.items("downloads") if isinstance(one, dict)], [])
    if call.has("parent_id"):
        product.set("parent_group", call.number("parent_id"), 0)


def _write_status(call: Call, product: Product, *, creating: bool) -> None:
    if call.has("type") and call.get("type") in _KINDS:
        product.kind = str(call.get("type"))
    if call.has("status") and call.get("status"):
        product.status = str(call.get("status"))
    moment = php.parse_date(call.get("date_created"), gmt=True)
    moment = php.parse_date(call.get("date_created_gmt"), gmt=True) if moment is None else moment
    if moment is not None:
        product.created = moment
    if call.has("slug") and call.get("slug"):
        product.slug = call.store.free_slug(text.slugify(str(call.get("slug"))), product.id)
    elif creating:
        product.slug = call.store.free_slug(text.slugify(product.name)[:200] or "product", product.id)


def _ids(call: Call, name: str, taxonomy: str) -> list[int]:
    found = [php.intval(one.get("id")) if isinstance(one, dict) else 0 for one in call.items(name)]
    return [one for one in found if call.store.term(taxonomy, one)]


def _write_terms(call: Call, product: Product, *, creating: bool) -> None:
    default = int(call.store.setting("woocommerce_default_category") or 0)
    if call.has("categories"):
        product.categories = _ids(call, "categories", CATEGORY) or _keep_named(call, product, "categories", default)
    elif creating:
        product.categories = [default]
    if call.has("tags"):
        found = _ids(call, "tags", TAG)
        named_only = call.items("tags") and not any("id" in one for one in call.items("tags") if isinstance(one, dict))
        product.set("tags", product.get("tags", []) if named_only else found, [])
    if call.has("brands"):
        product.set("brands", _ids(call, "brands", BRAND), [])


def _keep_named(call: Call, product: Product, name: str, default: int) -> list[int]:
    named_only = call.items(name) and not any("id" in one for one in call.items(name) if isinstance(one, dict))
    return product.categories if named_only and product.categories else [default]


def _apply(call: Call, product: Product, *, creating: bool) -> None:
    _write_texts(call, product)
    if creating and not product.name:
        product.name = "Product"
    _write_status(call, product, creating=creating)
    write_identity(call, product, creating=creating)
    write_prices(call, product)
    write_tax(call, product)
    write_stock(call, product)
    write_shipping(call, product)
    _write_terms(call, product, creating=creating)
    product_attributes.write(call, product)
    write_meta(call, product)
    write_cost(call, product)
    if call.has("images"):
        product.set("images", [media.resolve(call, one, product.id) for one in call.items("images")], [])


def write_item(call: Call, product: Product, apply: Callable[..., None], *, creating: bool) -> Product:
    """Apply a write to a copy, store it, count it, tell the listeners. Raises WooError and then changes nothing."""
    store = call.store
    draft = draft_of(product)
    before: Keys | None = None if creating else keys_of(product)
    draft.modified = store.now()
    apply(call, draft, creating=creating)
    if draft.kind != "variable" and product.kind == "variable":
        delete_variations(store, product)
    if before is None:
        # Pictures got their ids while the fields were applied, the product gets its own afterwards (recorded).
        draft.id = store.next_id("post")
        store.save(draft, None)
    else:
        _move(product, draft)
        store.save(product, before)
    if creating and draft.sku:
        key = draft.sku.casefold()
        store.sku_created.put(key, int(store.sku_created.get(key) or 0) + 1)
    call.app.count(call.request, "created" if creating else "updated")
    call.app.changed("product", "created" if creating else "updated", draft.id)
    return draft if creating else product


def _move(product: Product, draft: Product) -> None:
    for field in fields(product):
        setattr(product, field.name, getattr(draft, field.name))


def delete_variations(store: WooStore, product: Product) -> None:
    """Remove all variations for good, as a change of type or a forced delete does."""
    for one in pricing.variations(store, product):
        store.remove(one)


def find(call: Call, status: int = 404) -> Product:
    """The product of the call. Raises WooError for unknown ids and for variations."""
    product = call.store.products.get(call.number("id"))
    if product is None:
        raise invalid_id("woocommerce_rest_product_invalid_id", status)
    return product


def _writable(call: Call) -> Product:
    product = find(call, 400)
    if product.is_variation:
        raise WooError(
            "woocommerce_rest_invalid_product_id",
            "To manipulate product variations you should use the "
            "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.",
            404,
        )
    return product


def create(call: Call) -> Reply:
    """POST on the collection. Two simultaneous creates of one reference: the lock lets one win."""
    if php.intval(call.params.get("id")):
        raise WooError("woocommerce_rest_product_exists", "Cannot create existing product.", 400)
    call.request.pace_item(sku=str(call.get("sku", "")))
    with call.store.lock:
        now = call.store.now()
        if call.get("sku"):
            check_sku(call, Product(id=0), text.clean(call.get("sku")), creating=True)
        row = write_item(call, Product(id=0, created=now, modified=now), _apply, creating=True)
        return created(call, f"/products/{row.id}", views.product(call, row))


def update(call: Call) -> Reply:
    """PUT, PATCH and POST on an id: partial update."""
    known = call.store.products.get(call.number("id"))
    call.request.pace_item(sku=known.sku if known else "", key=call.params.get("id"))
    with call.store.lock:
        row = write_item(call, _writable(call), _apply, creating=False)
        return Reply(views.product(call, row))


def read(call: Call) -> Reply:
    """GET on an id; a variation is shown here too."""
    with call.store.lock:
        return Reply(views.product(call, find(call)))


def delete(call: Call) -> Reply:
    """To the trash, or for good with force; the answer shows the product as it was."""
    call.request.pace_item(key=call.params.get("id"))
    with call.store.lock:
        product = find(call)
        shown = views.product(call, product)
        if call.force:
            delete_variations(call.store, product)
            _orphan_media(call, product)
            call.store.remove(product)
        else:
            _trash(call, product)
        call.app.count(call.request, "deleted" if call.force else "trashed")
        return Reply(shown)


def _orphan_media(call: Call, product: Product) -> None:
    """The pictures of a deleted product stay in the library, attached to nothing."""
    for row in call.store.media:
        if row.parent == product.id:
            row.parent = None
            call.store.media.touch(row.id)


def _trash(call: Call, product: Product) -> None:
    if product.status == "trash":
        raise WooError("woocommerce_rest_already_trashed", "The product has already been deleted.", 410)
    before = keys_of(product)
    product.status = "trash"
    product.modified = call.store.now()
    call.store.save(product, before)
    call.app.changed("product", "deleted", product.id)


def duplicate(call: Call) -> Reply:
    """A draft copy without the reference of the original."""
    with call.store.lock:
        source = find(call)
        now = call.store.now()
        copy = draft_of(source)
        copy.id, copy.name, copy.status = call.store.next_id("post"), f"{source.name} (Copy)", "draft"
        copy.sku = copy.gtin = ""
        copy.created = copy.modified = now
        copy.slug = call.store.free_slug(text.slugify(copy.name), copy.id)
        call.store.save(copy, None)
        return Reply(views.product(call, copy), 201)


def batch(call: Call) -> Reply:
    """Create, update, delete in this order, item by item."""
    return run_batch(call, ItemHandlers("/wc/v3/products", create, update, delete))


def listing(call: Call) -> Reply:
    """The product list."""
    return product_list.products(call)


def register(routes: Routes) -> None:
    """Routes of products."""
    collection, item, batched = resource("products")
    routes.register(collection, get=listing, create=create)
    routes.register(item, get=read, edit=update, delete=delete)
    routes.register(batched, edit=batch)
    routes.register(item + "/duplicate", create=duplicate)
