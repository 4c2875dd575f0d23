"""Reference lists of a WooCommerce shop, read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from connectors.core.problems import NotSupported, Problem
from connectors.core.results import Choice
from connectors.shops.woocommerce.order_lines import names
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.text import decoded, number_text

LABELS: Mapping[str, str] = {
    "tax_classes": "Classes de taxe",
    "tax_rates": "Taux de taxe",
    "categories": "Catégories",
    "attributes": "Attributs",
    "tags": "Étiquettes",
    "shipping_classes": "Classes de livraison",
    "payment_methods": "Moyens de paiement",
    "shipping_methods": "Modes de livraison",
    "order_statuses": "États de commande",
    "currencies": "Devises",
    "countries": "Pays",
    "brands": "Marques",
    "languages": "Langues",
}


def read_list(shop: Shop, name: str) -> list[Choice]:
    """The entries of one list. Raises ``NotSupported`` for a name that is not declared."""
    loader = _LOADERS.get(name)
    if loader is None:
        raise NotSupported(Problem("list_unknown", "WooCommerce n’a pas de liste « %(name)s ».", values={"name": name}))
    return loader(shop)


def _tax_classes(shop: Shop) -> list[Choice]:
    rows = shop.api.rows("taxes/classes", {"_fields": "slug,name"}).rows
    rates = _rates(shop)
    return [
        Choice(str(row["slug"]), decoded(row["name"]), {"rates": ", ".join(rates.get(str(row["slug"]), []))})
        for row in rows
    ]


def _rates(shop: Shop) -> dict[str, list[str]]:
    """Rates of each class in words, so that a person sees which class is the 20 % one."""
    found: dict[str, list[str]] = {}
    for row in shop.api.every("taxes", {"_fields": "id,class,country,rate"}):
        rate = str(row.get("rate") or "").rstrip("0").rstrip(".").replace(".", ",") or "0"
        found.setdefault(str(row.get("class")), []).append(f"{row.get('country') or '*'} {rate} %")
    return found


def _tax_rates(shop: Shop) -> list[Choice]:
    """Percentages, each once: rates are deleted and made again in shops, percentages stay.

    Rates of one place that count together (their priorities differ) at one percentage also come by themselves, under
    their code and percentage as orders bear them: each of them needs a tax of its own.
    """
    found: dict[Decimal, list[str]] = {}
    places: dict[tuple[Decimal, str, str], dict[str, str]] = {}
    for row in shop.api.every("taxes", {"_fields": "id,country,state,name,rate,priority"}):
        percent = Decimal(str(row.get("rate") or 0))
        name, country, state = decoded(row.get("name")), str(row.get("country") or ""), str(row.get("state") or "")
        found.setdefault(percent, []).append(f"{name} {country}".strip())
        code = "-".join(part for part in (country, state, name, str(row.get("priority") or "")) if part).upper()
        places.setdefault((percent, country, state), {})[code] = f"{name} {country}".strip()
    several = {
        f"{code} {number_text(percent)}": f"{number_text(percent).replace('.', ',')} % {name}"
        for (percent, _, _), codes in places.items()
        if percent and len({code.rpartition("-")[2] for code in codes}) > 1
        for code, name in codes.items()
    }
    return [
        *(
            Choice(
                number_text(percent), f"{number_text(percent).replace('.', ',')} % ({', '.join(dict.fromkeys(names))})"
            )
            for percent, names in sorted(found.items(), reverse=True)
        ),
        *(Choice(key, label) for key, label in sorted(several.items())),
    ]


def _categories(shop: Shop) -> list[Choice]:
    rows = shop.api.every("products/categories", {"_fields": "id,name,parent,count"})
    names = {int(row["id"]): decoded(row["name"]) for row in rows}
    parents = {int(row["id"]): int(row.get("parent") or 0) for row in rows}
    choices = [
        Choice(str(number), _path(number, names, parents), {"parent": str(parents[number] or "")}) for number in names
    ]
    return sorted(choices, key=lambda choice: choice.label.casefold())


def _path(number: int, names: Mapping[int, str], parents: Mapping[int, int]) -> str:
    path = [names[number]]
    while (number := parents.get(number, 0)) in names and len(path) < 20:
        path.insert(0, names[number])
    return " › ".join(path)


def _terms(route: str) -> Callable[[Shop], list[Choice]]:
    def load(shop: Shop) -> list[Choice]:
        rows = shop.api.every(route, {"_fields": "id,name,slug"})
        return [Choice(str(row["id"]), decoded(row["name"]), {"slug": str(row.get("slug", ""))}) for row in rows]

    return load


def _attributes(shop: Shop) -> list[Choice]:
    rows = shop.api.rows("products/attributes", {"_fields": "id,name,slug"}).rows
    return [Choice(str(row["id"]), decoded(row["name"]), {"slug": str(row.get("slug", ""))}) for row in rows]


def _shipping_classes(shop: Shop) -> list[Choice]:
    rows = shop.api.every("products/shipping_classes", {"_fields": "id,name,slug"})
    return [Choice(str(row["slug"]), decoded(row["name"]), {"id": str(row["id"])}) for row in rows]


def _payment_methods(shop: Shop) -> list[Choice]:
    """Means of payment of the shop, then those that custom fields of orders stand for, and marketplaces."""
    rows = shop.api.rows("payment_gateways", {"_fields": "id,title,method_title,enabled"}).rows
    choices = [
        Choice(
            str(row["id"]),
            decoded(row.get("title")) or decoded(row.get("method_title")) or str(row["id"]),
            {"enabled": "yes" if row.get("enabled") else "no"},
        )
        for row in rows
    ]
    known = {choice.key for choice in choices}
    fields = [method for _, method in shop.options.other_payments]
    named = dict.fromkeys([*fields, *names(shop.options.marketplaces)])
    return choices + [Choice(name, name, {"enabled": "yes"}) for name in named if name not in known]


def _shipping_methods(shop: Shop) -> list[Choice]:
    """Methods of every zone first (what orders carry), then the kinds known to the shop."""
    choices: list[Choice] = []
    for zone in shop.api.rows("shipping/zones", {"_fields": "id,name"}).rows:
        fields = {"_fields": "instance_id,title,method_id,enabled"}
        for row in shop.api.rows(f"shipping/zones/{zone['id']}/methods", fields).rows:
            key = f"{row['method_id']}:{row['instance_id']}"
            choices.append(Choice(key, f"{decoded(row['title'])} ({decoded(zone['name'])})", {"zone": str(zone["id"])}))
    kinds = shop.api.rows("shipping_methods", {"_fields": "id,title"}).rows
    return choices + [Choice(str(row["id"]), decoded(row["title"])) for row in kinds]


def _order_statuses(shop: Shop) -> list[Choice]:
    """Own statuses of the shop included; older versions have no list of their own but report totals by status."""
    for route in ("orders/statuses", "reports/orders/totals"):
        answer = shop.api.client.request("GET", shop.api.url(f"wc/v3/{route}"))
        if answer.status == 200:
            return [Choice(str(row["slug"]), decoded(row["name"])) for row in answer.json()]
    return []


def _coded(route: str) -> Callable[[Shop], list[Choice]]:
    def load(shop: Shop) -> list[Choice]:
        rows = shop.api.rows(route, {"_fields": "code,name"}).rows
        return [Choice(str(row["code"]), decoded(row["name"])) for row in rows]

    return load


def _brands(shop: Shop) -> list[Choice]:
    return _terms("products/brands")(shop) if shop.facts.has_brands else []


def _languages(shop: Shop) -> list[Choice]:
    texts: Mapping[str, Any] = shop.facts.texts
    locale = str(texts.get("language", ""))
    code = locale.partition("_")[0]
    return [Choice(code, f"{_LANGUAGES.get(code, code)} ({locale})", {"locale": locale})] if code else []


_LANGUAGES = {
    "fr": "Français",
    "en": "Anglais",
    "de": "Allemand",
    "es": "Espagnol",
    "it": "Italien",
    "nl": "Néerlandais",
}

_LOADERS: Mapping[str, Callable[[Shop], list[Choice]]] = {
    "tax_classes": _tax_classes,
    "tax_rates": _tax_rates,
    "categories": _categories,
    "attributes": _attributes,
    "tags": _terms("products/tags"),
    "shipping_classes": _shipping_classes,
    "payment_methods": _payment_methods,
    "shipping_methods": _shipping_methods,
    "order_statuses": _order_statuses,
    "currencies": _coded("data/currencies"),
    "countries": _coded("data/countries"),
    "brands": _brands,
    "languages": _languages,
}
