"""The pages a shopper sees: home with search, categories, products. Only what is published and visible."""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from connectors.sandbox.httpd import Request, Response
from connectors.sandbox.woocommerce import php, pricing, shoppers, text, views
from connectors.sandbox.woocommerce.product_list import with_children
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.store import CATEGORY, WooStore

if TYPE_CHECKING:
    from connectors.sandbox.woocommerce.app import WooCommerceApp

_PER_PAGE = 24
_DELIVERY_FIELD = "_next_delivery_date"
_CSS = """
:root{--ink:#1f2933;--soft:#52606d;--line:#e4e7eb;--accent:#1d6f5c;--paper:#fff;--back:#f5f7fa}
*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back)}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
header{background:var(--paper);border-bottom:1px solid var(--line);position:sticky;top:0;z-index:1}
header div{max-width:1100px;margin:auto;padding:.8rem 1rem;display:flex;gap:1rem;align-items:center;flex-wrap:wrap}
header strong{font-size:1.2rem}header strong a{color:var(--ink)}form{margin-left:auto;display:flex;gap:.4rem}
input{padding:.45rem .7rem;border:1px solid #9aa5b1;border-radius:6px;font:inherit;min-width:14rem}
button{padding:.45rem .9rem;border:0;border-radius:6px;background:var(--accent);color:#fff;font:inherit;cursor:pointer}
main{max-width:1100px;margin:1.5rem auto;padding:0 1rem;display:grid;grid-template-columns:220px 1fr;gap:2rem}
h1{margin-top:0;line-height:1.25}nav ul{list-style:none;margin:.2rem 0;padding-left:.9rem}nav>ul{padding:0}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:1rem}
.card{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:.9rem;display:flex;
flex-direction:column;gap:.3rem}.card h2{font-size:1rem;margin:0}
.pic{height:120px;border-radius:6px;background:#eef2f5;display:grid;place-items:center;color:#9aa5b1;overflow:hidden}
.pic img{max-width:100%;max-height:120px}
main>*{min-width:0}article{overflow-x:auto}
article .pic,article .pic img{height:auto;max-height:320px}
.gallery{display:flex;flex-wrap:wrap;gap:8px;margin:8px 0}.gallery img{height:72px;border-radius:6px}
td img{height:36px;border-radius:4px;margin-right:8px;vertical-align:middle}
.price{font-weight:600}.price del{color:var(--soft);font-weight:400}.price ins{text-decoration:none}
.ref,.meta{color:var(--soft);font-size:.85rem}.stock{font-size:.85rem;color:#1d6f5c}.stock.out{color:#b3261e}
article{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:1.5rem}
table{border-collapse:collapse;width:100%;margin-top:1rem}th,td{border-bottom:1px solid var(--line);padding:.5rem;
text-align:left}.pages{display:flex;gap:1rem;margin-top:1.5rem}.empty{color:var(--soft)}
.demo{margin:0 0 1.2rem}.buy{margin:1.2rem 0 0;flex-wrap:wrap;align-items:end}.buy input{min-width:5rem;width:5rem}
select{padding:.45rem;border:1px solid #9aa5b1;border-radius:6px;font:inherit}
@media(max-width:720px){main{grid-template-columns:1fr}nav{order:2}h1{font-size:1.5rem}form{margin:0;width:100%}input{flex:1}}
"""


def page(store: WooStore, request: Request, path: str, query: dict[str, Any]) -> Response:
    """Answer a page of the shop; everything that is no page is a 404 in HTML."""
    parts = [part for part in path.split("/") if part]
    with store.lock:
        if parts[:2] == ["wp-content", "uploads"]:
            return _file(store, path)
        if not parts or parts[0] == "shop":
            return _home(store, query)
        if len(parts) == 2 and parts[0] == "product":
            return _product(store, parts[1])
        if len(parts) == 2 and parts[0] == "product-category":
            return _category(store, parts[1], query)
    return _page(store, "Page introuvable", "<p class='empty'>Cette page n’existe pas.</p>", status=404)


def _visible(row: Product) -> bool:
    shown = row.get("catalog_visibility", "visible") in {"visible", "catalog"}
    return row.status == "publish" and not row.is_variation and shown


def _page(store: WooStore, title: str, body: str, *, search: str = "", status: int = 200) -> Response:
    head = (
        f"<!DOCTYPE html><html lang='fr'><head><meta charset='utf-8'><title>{escape(title)} – Boutique</title>"
        f"<meta name='viewport' content='width=device-width,initial-scale=1'><style>{_CSS}</style></head><body>"
    )
    bar = (
        "<header><div><strong><a href='/'>Boutique de démonstration</a></strong>"
        "<form action='/' role='search'><input type='search' name='s' aria-label='Rechercher' "
        f"placeholder='Nom ou référence' value='{escape(search, quote=True)}'>"
        "<button>Rechercher</button></form></div></header>"
    )
    side = f"<nav aria-label='Catégories'><strong>Catégories</strong>{_tree(store, 0)}</nav>"
    main = f"<main>{side}<section><h1>{escape(title)}</h1>{body}</section></main>"
    return Response.html(f"{head}{bar}{main}</body></html>", status)


def _tree(store: WooStore, parent: int) -> str:
    rows = sorted(
        (term for term in store.terms_of(CATEGORY) if term.parent == parent), key=lambda t: (t.menu_order, t.name)
    )
    if not rows:
        return ""
    items = "".join(
        f"<li><a href='/product-category/{quote(term.slug, safe='%')}/'>{_plain(term.name)}</a> "
        f"<span class='meta'>({_amount_in(store, term.id)})</span>{_tree(store, term.id)}</li>"
        for term in rows
    )
    return f"<ul>{items}</ul>"


def _amount_in(store: WooStore, term: int) -> int:
    rows = store.products.rows
    ids = set().union(*(store.by_term.get(one, set()) for one in with_children(store, {term})))
    return sum(1 for one in ids if _visible(rows[one]))


def _plain(value: str) -> str:
    """Text of the shop (already HTML) as plain text, escaped again."""
    from html import unescape

    return escape(unescape(text.clean(value)))


def _home(store: WooStore, query: dict[str, Any]) -> Response:
    search = str(query.get("s") or "").strip()
    number = max(php.intval(query.get("paged", 1)), 1)
    if not search:
        start = (number - 1) * _PER_PAGE
        newest = store.by_date[::-1][start : start + _PER_PAGE]
        rows = [row for one in newest if _visible(row := store.products.rows[one])]
        body = _demonstration(rows) + _grid(store, rows) + _pager("/", "", number, len(store.by_date))
        return _page(store, "Nos produits", body)
    found = _search(store, search)
    shown = found[(number - 1) * _PER_PAGE : number * _PER_PAGE]
    title = f"Résultats pour « {search} »"
    body = _grid(store, shown) + _pager("/", f"s={quote(search)}&amp;", number, len(found))
    return _page(store, title, body, search=search)


def _search(store: WooStore, search: str) -> list[Product]:
    wanted = text.strip_accents(search).casefold()
    rows = store.products.rows
    exact = [rows[one] for one in store.by_sku.get(search)]
    hits = [rows[row.parent] if row.is_variation and row.parent in rows else row for row in exact]
    known = {row.id for row in hits}
    for number in reversed(store.by_date):
        row = rows[number]
        if row.id not in known and (wanted in row.sku.casefold() or wanted in text.strip_accents(row.name).casefold()):
            hits.append(row)
    return [row for row in hits if _visible(row)]


def _category(store: WooStore, slug: str, query: dict[str, Any]) -> Response:
    wanted = quote(slug, safe="-_").lower()
    term = next((one for one in store.terms_of(CATEGORY) if one.slug in (slug, wanted)), None)
    if term is None:
        return _page(store, "Catégorie introuvable", "<p class='empty'>Cette catégorie n’existe pas.</p>", status=404)
    ids = set().union(*(store.by_term.get(one, set()) for one in with_children(store, {term.id})))
    rows = [row for one in sorted(ids, reverse=True) if _visible(row := store.products.rows[one])]
    number = max(php.intval(query.get("paged", 1)), 1)
    shown = rows[(number - 1) * _PER_PAGE : number * _PER_PAGE]
    body = (f"<p>{_plain(term.description)}</p>" if term.description else "") + _grid(store, shown)
    body += _pager(f"/product-category/{quote(term.slug, safe='%')}/", "", number, len(rows))
    from html import unescape

    return _page(store, unescape(term.name), body)


def _pager(path: str, query: str, number: int, total: int) -> str:
    last = max(-(-total // _PER_PAGE), 1)
    parts = []
    if number > 1:
        parts.append(f"<a rel='prev' href='{path}?{query}paged={number - 1}'>← Page précédente</a>")
    parts.append(f"<span class='meta'>Page {number} sur {last} – {total} produit{'s' if total > 1 else ''}</span>")
    if number < last:
        parts.append(f"<a rel='next' href='{path}?{query}paged={number + 1}'>Page suivante →</a>")
    return f"<div class='pages'>{''.join(parts)}</div>"


def _grid(store: WooStore, rows: list[Product]) -> str:
    if not rows:
        return "<p class='empty'>Aucun produit à afficher.</p>"
    return "<div class='grid'>" + "".join(_card(store, row) for row in rows) + "</div>"


def _card(store: WooStore, row: Product) -> str:
    return (
        f"<div class='card' data-sku='{escape(row.sku, quote=True)}'>{_picture(store, row)}"
        f"<h2><a href='/product/{quote(row.slug)}/'>{_plain(row.name)}</a></h2>"
        f"<span class='ref'>{escape(row.sku)}</span>{_price(store, row)}{_stock(store, row)}</div>"
    )


def _pictures(store: WooStore, row: Product) -> list[str]:
    """The pictures of a product or variation that are still in the library, as elements of a page."""
    found = [media for one in row.get("images", []) if (media := store.media.get(one))]
    return [
        f"<img src='{escape(media.path if media.content else media.origin, quote=True)}'"
        f" alt='{escape(media.alt, quote=True)}'>"
        for media in found
    ]


def _picture(store: WooStore, row: Product) -> str:
    shown = _pictures(store, row)
    if not shown:
        return "<div class='pic' aria-hidden='true'>sans image</div>"
    return f"<div class='pic'>{shown[0]}</div>"


def _gallery(store: WooStore, row: Product) -> str:
    further = _pictures(store, row)[1:]
    return f"<div class='gallery'>{''.join(further)}</div>" if further else ""


def _price(store: WooStore, row: Product) -> str:
    shown = pricing.price_html(store, row)
    return f"<span class='price'>{shown or 'Prix sur demande'}</span>"


def _stock(store: WooStore, row: Product) -> str:
    return _availability(store, row) + _delivery(row)


def _delivery(row: Product) -> str:
    """What the theme makes of its custom field: the day in French words, or whatever else is in there."""
    value = next((str(entry[2] or "") for entry in row.get("meta", ()) if entry[1] == _DELIVERY_FIELD), "")
    if not value:
        return ""
    with suppress(ValueError):
        value = date.fromisoformat(value).strftime("%d/%m/%Y")
    return f" <span class='stock'>Réapprovisionnement prévu le {escape(value)}</span>"


def _availability(store: WooStore, row: Product) -> str:
    state = pricing.stock_status(store, row)
    if state == "outofstock":
        return "<span class='stock out'>Rupture de stock</span>"
    if state == "onbackorder":
        return "<span class='stock'>Disponible sur commande</span>"
    if row.managed and row.stock is not None:
        return f"<span class='stock'>En stock : {row.stock}</span>"
    return "<span class='stock'>En stock</span>"


def _product(store: WooStore, slug: str) -> Response:
    number = store.slugs.get(slug)
    row = store.products.get(number) if number else None
    if row is None or row.status != "publish" or row.is_variation:
        return _page(store, "Produit introuvable", "<p class='empty'>Ce produit n’est pas en vente.</p>", status=404)
    from html import unescape

    terms = [term for one in row.categories if (term := store.terms.get(one))]
    crumbs = ", ".join(
        f"<a href='/product-category/{quote(term.slug, safe='%')}/'>{_plain(term.name)}</a>" for term in terms
    )
    body = (
        f"<article>{_picture(store, row)}{_gallery(store, row)}<p class='ref'>Référence : {escape(row.sku) or '—'}</p>"
        f"<p>{_price(store, row)} {_stock(store, row)}</p><p class='meta'>Catégories : {crumbs}</p>"
        f"{text.filter_html(row.get('short_description', ''))}{text.filter_html(row.get('description', ''))}"
        f"{_features(store, row)}{_variants(store, row)}{_buy(store, row)}</article>"
    )
    return _page(store, unescape(row.name), body)


def _buy(store: WooStore, row: Product) -> str:
    """A form that orders one piece, of one variant where there are several."""
    variants = [one for one in pricing.variations(store, row) if one.status == "publish" and one.sku]
    skus = [one.sku for one in variants] if variants else [row.sku]
    if not any(skus):
        return ""
    options = "".join(f"<option>{escape(sku)}</option>" for sku in skus)
    return (
        "<form class='buy' method='post' action='/commander/'><label>Référence "
        f"<select name='sku'>{options}</select></label> "
        "<label>Quantité <input name='quantity' type='number' min='1' max='99' value='1'></label> "
        "<button>Commander</button></form>"
    )


def ordered(app: WooCommerceApp, request: Request) -> Response:
    """Places the order of the form, paid by bank transfer, and thanks the shopper."""
    fields = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    quantity = fields.get("quantity", "1")
    item = {"sku": fields.get("sku", ""), "quantity": int(quantity) if quantity.isdecimal() else 1}
    try:
        placed = app.mutate("checkout", {"items": [item]})
    except ValueError as error:
        return _page(app.store, "Commande refusée", f"<p class='empty'>{escape(str(error))}</p>", status=400)
    thanks = f"Commande n° {placed['id']} enregistrée, total {escape(str(placed['total']))} €. Merci !"
    return _page(app.store, "Merci pour votre commande", f"<article><p>{thanks}</p></article>", status=201)


def _demonstration(rows: list[Product]) -> str:
    """A form that lets several shoppers order at once, where there is something to order."""
    if not rows:
        return ""
    return (
        "<form class='demo' method='post' action='/commandes-de-demonstration/'>"
        f"<button>Passer {shoppers.DEMONSTRATION} commandes de démonstration</button></form>"
    )


def demonstrated(app: WooCommerceApp) -> Response:
    """Places one order per invented shopper and lists them."""
    try:
        placed = shoppers.place_all(app)
    except ValueError as error:
        return _page(app.store, "Commandes refusées", f"<p class='empty'>{escape(str(error))}</p>", status=400)
    rows = "".join(
        f"<tr><td>n° {order['id']}</td><td>{escape(order['status'])}</td><td>{escape(str(order['total']))} €</td></tr>"
        for order in placed
    )
    table = f"<table><thead><tr><th>Commande</th><th>État</th><th>Total</th></tr></thead><tbody>{rows}</tbody></table>"
    return _page(app.store, "Commandes enregistrées", f"<article>{table}</article>", status=201)


def _features(store: WooStore, row: Product) -> str:
    lines: list[tuple[str, str]] = []
    if row.gtin:
        lines.append(("Code-barres", row.gtin))
    if row.get("weight"):
        lines.append(("Poids", f"{row.get('weight')} {store.setting('woocommerce_weight_unit')}"))
    sides = row.get("dimensions", {})
    if any(sides.values()):
        lines.append(("Dimensions", " × ".join(sides[s] for s in ("length", "width", "height") if sides.get(s))))
    lines.extend(_feature(store, one) for one in row.get("attributes", ()) if one["visible"])
    cells = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in lines)
    return f"<table>{cells}</table>" if cells else ""


def _feature(store: WooStore, attribute: dict[str, Any]) -> tuple[str, str]:
    definition = store.attributes.get(attribute["id"]) if attribute["id"] else None
    if definition is None:
        return attribute["name"], ", ".join(attribute["options"])
    names = [term.name for one in attribute["terms"] if (term := store.terms.get(one))]
    return definition["name"], ", ".join(names)


def _variants(store: WooStore, row: Product) -> str:
    rows = [one for one in pricing.variations(store, row) if one.status == "publish"]
    if not rows:
        return ""
    lines = "".join(
        f"<tr data-sku='{escape(one.sku, quote=True)}'><td>{''.join(_pictures(store, one)[:1])}"
        f"{_plain(views.variation_name(store, one))}</td>"
        f"<td>{escape(one.sku)}</td><td>{_price(store, one)}</td><td>{_stock(store, one)}</td></tr>"
        for one in rows
    )
    head = "<tr><th>Variante</th><th>Référence</th><th>Prix</th><th>Disponibilité</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{lines}</tbody></table>"


def _file(store: WooStore, path: str) -> Response:
    for media in store.media:
        if media.path == path and media.content:
            return Response(200, base64.b64decode(media.content), [("Content-Type", media.mime)])
    return Response.html("<html><head><title>404 Not Found</title></head></html>", 404)
