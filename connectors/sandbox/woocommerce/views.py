"""Products and variations as the API shows them, one function per field so that `_fields` costs only what it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.woocommerce import php, pricing, text
from connectors.sandbox.woocommerce.php import words
from connectors.sandbox.woocommerce.records import Media, Product
from connectors.sandbox.woocommerce.store import BRAND, CATEGORY, SHIPPING_CLASS, TAG, WooStore
from connectors.sandbox.woocommerce.wire import Call, links


@dataclass(slots=True)
class Shown:
    """A product on its way out. `edit` shows raw values, as answers to writes do."""

    store: WooStore
    product: Product
    home: str
    edit: bool = False
    cost: bool = False

    @property
    def parent(self) -> Product | None:
        """The parent of a variation."""
        return self.store.products.get(self.product.parent) if self.product.parent else None


Field = Callable[[Shown], Any]


def _extra(name: str, default: Any = "") -> Field:
    return lambda shown: shown.product.extra.get(name, default)


def _listed_terms(shown: Shown, ids: Iterable[int], taxonomy: str) -> list[dict[str, Any]]:
    terms = [term for one in ids if (term := shown.store.term(taxonomy, one))]
    return [{"id": t.id, "name": t.name, "slug": t.slug} for t in sorted(terms, key=lambda t: t.name.casefold())]


def image(media: Media, home: str, *, shifted: bool) -> dict[str, Any]:
    """One picture. On products the local dates are wrong by the zone offset (recorded), hence `shifted`."""
    local = php.local(media.created)
    if shifted:
        as_utc = php.parse_date(local, gmt=True)
        local = php.local(as_utc)
    return {
        "id": media.id,
        "date_created": local,
        "date_created_gmt": php.gmt(media.created),
        "date_modified": local,
        "date_modified_gmt": php.gmt(media.created),
        "src": home + media.path,
        "name": media.name,
        "alt": media.alt,
    }


def _images(shown: Shown) -> list[dict[str, Any]]:
    ids = shown.product.get("images", ())
    return [image(m, shown.home, shifted=True) for one in ids if (m := shown.store.media.get(one))]


def _one_image(shown: Shown) -> dict[str, Any] | None:
    """The picture of a variation; visitors see the parent's where it has none, so reads show that one too."""
    images = _images(shown)
    parent = shown.store.products.get(shown.product.parent)
    if not images and parent is not None and not shown.edit:
        ids = [one for one in parent.get("images", ()) if one in shown.store.media][:1]
        images = [image(shown.store.media.rows[one], shown.home, shifted=True) for one in ids]
    return images[0] if images else None


def _sale_date(name: str, *, gmt: bool) -> Field:
    convert = php.gmt if gmt else php.local
    return lambda shown: convert(shown.product.get(name))


def _html(name: str) -> Field:
    def show(shown: Shown) -> str:
        raw = str(shown.product.get(name, ""))
        return raw if shown.edit else text.paragraphs(raw)

    return show


def _dimensions(shown: Shown) -> dict[str, str]:
    own = shown.product.get("dimensions", {})
    parent = shown.parent.get("dimensions", {}) if shown.parent and not shown.edit else {}
    return {side: own.get(side) or parent.get(side, "") for side in ("length", "width", "height")}


def _weight(shown: Shown) -> str:
    own = str(shown.product.get("weight", ""))
    if own or shown.edit or shown.parent is None:
        return own
    return str(shown.parent.get("weight", ""))


def _tax_class(shown: Shown) -> str:
    own = shown.product.tax_class
    if own == "parent" and not shown.edit:
        return shown.parent.tax_class if shown.parent else ""
    return own


def _manages(shown: Shown) -> bool | str:
    product = shown.product
    if product.managed or shown.parent is None or shown.edit:
        return product.managed
    return "parent" if shown.parent.managed else False


def _quantity(shown: Shown) -> int | None:
    product = shown.product
    if product.managed or shown.parent is None or shown.edit:
        return product.stock
    return shown.parent.stock if shown.parent.managed else None


def _backorders(shown: Shown) -> str:
    return str(shown.product.get("backorders", "no"))


def _backordered(shown: Shown) -> bool:
    return shown.product.managed and _backorders(shown) != "no" and (shown.product.stock or 0) <= 0


def _purchasable(shown: Shown) -> bool:
    if shown.product.is_variation and shown.product.status != "publish":
        return False
    return pricing.price(shown.store, shown.product) != ""


def _sku(shown: Shown) -> str:
    # A variation without a reference of its own is shown with the one of its parent (recorded).
    if shown.product.sku or shown.edit or shown.parent is None:
        return shown.product.sku
    return shown.parent.sku


def _shipping_class(shown: Shown) -> str:
    term = shown.store.term(SHIPPING_CLASS, shown.product.get("shipping_class_id", 0))
    return term.slug if term else ""


def _attribute(shown: Shown, attribute: dict[str, Any]) -> dict[str, Any]:
    definition = shown.store.attributes.get(attribute["id"]) if attribute["id"] else None
    options = list(attribute["options"])
    if definition is not None:
        options = sorted(
            (t.name for one in attribute["terms"] if (t := shown.store.terms.get(one))),
            key=lambda name: name.casefold(),
        )
    return {
        "id": attribute["id"],
        "name": definition["name"] if definition else attribute["name"],
        "slug": definition["slug"] if definition else attribute["name"],
        "position": attribute["position"],
        "visible": attribute["visible"],
        "variation": attribute["variation"],
        "options": options,
    }


def _attributes(shown: Shown) -> list[dict[str, Any]]:
    if shown.product.is_variation:
        return chosen(shown.store, shown.product)
    ordered = sorted(shown.product.get("attributes", ()), key=lambda one: one["position"])
    return [_attribute(shown, one) for one in ordered]


def chosen(store: WooStore, product: Product) -> list[dict[str, Any]]:
    """The options of a variation, as far as the parent still has the attribute."""
    parent = store.products.get(product.parent)
    options: dict[str, str] = product.get("options", {})
    result: list[dict[str, Any]] = []
    ordered = sorted(parent.get("attributes", ()) if parent else (), key=lambda one: one["position"])
    for attribute in ordered:
        key = attribute_key(store, attribute)
        value = options.get(key)
        if value is None or not attribute["variation"]:
            continue
        definition = store.attributes.get(attribute["id"]) if attribute["id"] else None
        result.append(
            {
                "id": attribute["id"],
                "name": definition["name"] if definition else attribute["name"],
                "slug": key,
                "option": option_name(store, key, value) if definition else value,
            }
        )
    return result


def attribute_key(store: WooStore, attribute: dict[str, Any]) -> str:
    """Key of an attribute inside its variations: the taxonomy, or the slug of a local name."""
    definition = store.attributes.get(attribute["id"]) if attribute["id"] else None
    return str(definition["slug"]) if definition else text.slugify(attribute["name"])


def option_name(store: WooStore, taxonomy: str, slug: str) -> str:
    """Name of a term by its slug, the slug itself when the term is gone."""
    return next((t.name for t in store.terms_of(taxonomy) if t.slug == slug), slug)


def _default_attributes(shown: Shown) -> list[dict[str, Any]]:
    return [dict(one) for one in shown.product.get("default_attributes", ())]


def _variations(shown: Shown) -> list[int]:
    if shown.product.kind != "variable":
        return []
    return list(shown.store.children.get(shown.product.id, ()))


def variation_name(store: WooStore, product: Product) -> str:
    """ "S, Rouge"."""
    return ", ".join(one["option"] for one in chosen(store, product))


def _name(shown: Shown) -> str:
    if not shown.product.is_variation:
        return shown.product.name
    return full_name(shown.store, shown.product)


def full_name(store: WooStore, product: Product) -> str:
    """Name of a product; for a variation the name of the parent and the options."""
    if not product.is_variation:
        return product.name
    parent = store.products.get(product.parent)
    options = variation_name(store, product)
    return f"{parent.name if parent else ''} - {options}" if options else (parent.name if parent else "")


def permalink(shown: Shown) -> str:
    """Address of the product page."""
    if not shown.product.is_variation:
        return f"{shown.home}/product/{shown.product.slug}/"
    parent = shown.parent
    keys = [attribute_key(shown.store, one) for one in (parent.get("attributes", ()) if parent else ())]
    options = shown.product.get("options", {})
    query = "&".join(f"attribute_{key}={options[key]}" for key in keys if options.get(key))
    return f"{shown.home}/product/{parent.slug if parent else ''}/" + (f"?{query}" if query else "")


def meta(entries: Iterable[list[Any]]) -> list[dict[str, Any]]:
    """Meta entries as shown."""
    return [{"id": number, "key": key, "value": value} for number, key, value in entries]


def _meta(shown: Shown) -> list[dict[str, Any]]:
    return meta(shown.product.get("meta", ()))


def _cost(shown: Shown) -> dict[str, Any]:
    cost = shown.product.get("cost")
    value = {"defined_value": cost, "effective_value": cost if cost is not None else 0}
    return {"values": [value], "total_value": value["effective_value"]}


_COMMON: dict[str, Field] = {
    "date_created": lambda shown: php.local(shown.product.created),
    "date_created_gmt": lambda shown: php.gmt(shown.product.created),
    "date_modified": lambda shown: php.local(shown.product.modified),
    "date_modified_gmt": lambda shown: php.gmt(shown.product.modified),
    "sku": _sku,
    "global_unique_id": lambda shown: shown.product.gtin,
    "price": lambda shown: pricing.price(shown.store, shown.product),
    "regular_price": lambda shown: shown.product.regular if shown.product.kind != "variable" else "",
    "sale_price": lambda shown: shown.product.sale if shown.product.kind != "variable" else "",
    "date_on_sale_from": _sale_date("sale_from", gmt=False),
    "date_on_sale_from_gmt": _sale_date("sale_from", gmt=True),
    "date_on_sale_to": _sale_date("sale_to", gmt=False),
    "date_on_sale_to_gmt": _sale_date("sale_to", gmt=True),
    "on_sale": lambda shown: pricing.on_sale(shown.store, shown.product),
    "status": lambda shown: shown.product.status,
    "purchasable": _purchasable,
    "virtual": _extra("virtual", False),
    "downloadable": _extra("downloadable", False),
    "downloads": _extra("downloads", []),
    "download_limit": _extra("download_limit", -1),
    "download_expiry": _extra("download_expiry", -1),
    "tax_status": _extra("tax_status", "taxable"),
    "tax_class": _tax_class,
    "manage_stock": _manages,
    "stock_quantity": _quantity,
    "stock_status": lambda shown: pricing.stock_status(shown.store, shown.product),
    "backorders": _backorders,
    "backorders_allowed": lambda shown: _backorders(shown) != "no",
    "backordered": _backordered,
    "low_stock_amount": _extra("low_stock_amount", None),
    "weight": _weight,
    "dimensions": _dimensions,
    "shipping_class": _shipping_class,
    "shipping_class_id": _extra("shipping_class_id", 0),
    "attributes": _attributes,
    "menu_order": _extra("menu_order", 0),
    "meta_data": _meta,
    "permalink": permalink,
    "description": _html("description"),
}

_PRODUCT_ONLY: dict[str, Field] = {
    "id": lambda shown: shown.product.id,
    "name": _name,
    "slug": lambda shown: (
        text.slugify(full_name(shown.store, shown.product)) if shown.product.is_variation else shown.product.slug
    ),
    "type": lambda shown: shown.product.kind,
    "featured": _extra("featured", False),
    "catalog_visibility": _extra("catalog_visibility", "visible"),
    "short_description": _html("short_description"),
    "total_sales": lambda shown: (
        str(shown.product.get("total_sales", 0)) if shown.product.is_variation else shown.product.get("total_sales", 0)
    ),
    "external_url": _extra("external_url"),
    "button_text": _extra("button_text"),
    "sold_individually": _extra("sold_individually", False),
    "shipping_required": lambda shown: not shown.product.get("virtual", False),
    "shipping_taxable": lambda shown: (
        not shown.product.get("virtual", False) and shown.product.get("tax_status", "taxable") != "none"
    ),
    "reviews_allowed": lambda shown: shown.product.get("reviews_allowed", not shown.product.is_variation),
    "average_rating": lambda shown: "0" if shown.edit else "0.00",
    "rating_count": lambda shown: 0,
    "upsell_ids": _extra("upsell_ids", []),
    "cross_sell_ids": _extra("cross_sell_ids", []),
    "parent_id": lambda shown: shown.product.parent,
    "purchase_note": _extra("purchase_note"),
    "categories": lambda shown: _listed_terms(shown, shown.product.categories, CATEGORY),
    "brands": lambda shown: _listed_terms(shown, shown.product.get("brands", ()), BRAND),
    "tags": lambda shown: _listed_terms(shown, shown.product.get("tags", ()), TAG),
    "images": _images,
    "default_attributes": _default_attributes,
    "variations": _variations,
    "grouped_products": _extra("grouped_products", []),
    "price_html": lambda shown: pricing.price_html(shown.store, shown.product),
    "related_ids": lambda shown: [],
    "has_options": lambda shown: shown.product.kind == "variable",
    "post_password": _extra("post_password"),
}

_PRODUCT_ORDER = words(
    "id name slug permalink date_created date_created_gmt date_modified date_modified_gmt type status featured "
    "catalog_visibility description short_description sku price regular_price sale_price date_on_sale_from "
    "date_on_sale_from_gmt date_on_sale_to date_on_sale_to_gmt on_sale purchasable total_sales virtual downloadable "
    "downloads download_limit download_expiry external_url button_text tax_status tax_class manage_stock "
    "stock_quantity backorders backorders_allowed backordered low_stock_amount sold_individually weight dimensions "
    "shipping_required shipping_taxable shipping_class shipping_class_id reviews_allowed average_rating rating_count "
    "upsell_ids cross_sell_ids parent_id purchase_note categories brands tags images attributes default_attributes "
    "variations grouped_products menu_order price_html related_ids meta_data stock_status has_options post_password "
    "global_unique_id"
)
_VARIATION_ORDER = words(
    "id type date_created date_created_gmt date_modified date_modified_gmt description permalink sku global_unique_id "
    "price regular_price sale_price date_on_sale_from date_on_sale_from_gmt date_on_sale_to date_on_sale_to_gmt "
    "on_sale status purchasable virtual downloadable downloads download_limit download_expiry tax_status tax_class "
    "manage_stock stock_quantity stock_status backorders backorders_allowed backordered low_stock_amount weight "
    "dimensions shipping_class shipping_class_id image attributes menu_order meta_data name parent_id"
)

_ALL: dict[str, Field] = {**_COMMON, **_PRODUCT_ONLY}
PRODUCT_FIELDS: dict[str, Field] = {name: _ALL[name] for name in _PRODUCT_ORDER}
_VARIATION: dict[str, Field] = {
    **_ALL,
    "image": _one_image,
    "name": lambda shown: variation_name(shown.store, shown.product),
}
VARIATION_FIELDS: dict[str, Field] = {name: _VARIATION[name] for name in _VARIATION_ORDER}


def _select(call: Call, fields: dict[str, Field], shown: Shown) -> dict[str, Any]:
    wanted = call.fields()
    if wanted is None:
        return {name: field(shown) for name, field in fields.items()}
    heads = {name.partition(".")[0] for name in wanted}
    return {name: field(shown) for name, field in fields.items() if name in heads}


def product(call: Call, row: Product) -> dict[str, Any]:
    """A product (or a variation looked at through `/products`)."""
    shown = Shown(call.store, row, call.home, call.editing, call.app.options.cost_of_goods)
    data = _select(call, PRODUCT_FIELDS, shown)
    if call.method in {"POST", "PUT", "PATCH", "DELETE"} and call.fields() is None:
        data["permalink_template"] = f"{call.home}/product/%pagename%/"
        data["generated_slug"] = row.slug
    if shown.cost and _asked(call, "cost_of_goods_sold"):
        data["cost_of_goods_sold"] = _cost(shown)
    if call.fields() is None or not _plain_list(call):
        up = {"up": f"/products/{row.parent}"} if row.parent else {}
        data["_links"] = links(call, f"/products/{row.id}", "/products", **up)
    return data


def variation(call: Call, row: Product) -> dict[str, Any]:
    """A variation under its parent."""
    shown = Shown(call.store, row, call.home, call.editing, call.app.options.cost_of_goods)
    data = _select(call, VARIATION_FIELDS, shown)
    if shown.cost and _asked(call, "cost_of_goods_sold"):
        data["cost_of_goods_sold"] = _cost(shown)
    if call.fields() is None or not _plain_list(call):
        base = f"/products/{row.parent}"
        data["_links"] = links(call, f"{base}/variations/{row.id}", f"{base}/variations", up=base)
    return data


def _asked(call: Call, name: str) -> bool:
    wanted = call.fields()
    return wanted is None or name in wanted


def _plain_list(call: Call) -> bool:
    """A GET on a collection, where `_fields` drops the links."""
    return call.method in {"GET", "HEAD"} and not call.route.endswith("}")
