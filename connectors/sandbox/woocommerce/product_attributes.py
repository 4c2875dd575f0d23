"""Attributes of a product: global ones point to terms, local ones carry their own options."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.woocommerce import php, text
from connectors.sandbox.woocommerce.records import Product, Term
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.wire import Call


def write(call: Call, product: Product) -> None:
    """`attributes` (the whole new list) and `default_attributes`."""
    if call.has("attributes"):
        entries = [one for one in call.items("attributes") if isinstance(one, dict)]
        built = [made for one in entries if (made := _build(call.store, one)) is not None]
        product.set("attributes", built, [])
        product.set("attribute_terms", [term for one in built for term in one["terms"]], [])
    if call.has("default_attributes"):
        chosen = [_default(call.store, one) for one in call.items("default_attributes") if isinstance(one, dict)]
        product.set("default_attributes", [one for one in chosen if one], [])


def _build(store: WooStore, entry: dict[str, Any]) -> dict[str, Any] | None:
    options = [str(one) for one in _options(entry.get("options"))]
    number = php.intval(entry.get("id"))
    definition = store.attributes.get(number) if number else None
    name = text.clean(entry.get("name") or "")
    if (number and definition is None) or not options or (not number and not name):
        return None
    terms = [_term(store, definition["slug"], option).id for option in options] if definition else []
    return {
        "id": number,
        "name": "" if definition else name,
        "position": php.intval(entry.get("position")),
        "visible": php.truthy(entry.get("visible", False)),
        "variation": php.truthy(entry.get("variation", False)),
        "options": [] if definition else [text.clean(option) for option in options],
        "terms": list(dict.fromkeys(terms)),
    }


def _options(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [part.strip() for part in str(value or "").split("|") if part.strip()]


def find_term(store: WooStore, taxonomy: str, option: str) -> Term | None:
    """A term of an attribute by name or slug, without regard to case."""
    wanted, slug = text.term_name(option).casefold(), text.slugify(option)
    terms = store.terms_of(taxonomy)
    by_name = next((term for term in terms if term.name.casefold() == wanted), None)
    return by_name or next((term for term in terms if term.slug == slug), None)


def _term(store: WooStore, taxonomy: str, option: str) -> Term:
    found = find_term(store, taxonomy, option)
    if found is not None:
        return found
    taken = {term.slug for term in store.terms_of(taxonomy)}
    slug, number = text.slugify(option) or "term", 1
    while slug in taken:
        number += 1
        slug = f"{text.slugify(option)}-{number}"
    return store.put_term(Term(store.next_id("term"), taxonomy, text.term_name(option), slug))


def _default(store: WooStore, entry: dict[str, Any]) -> dict[str, Any] | None:
    number = php.intval(entry.get("id"))
    definition = store.attributes.get(number) if number else None
    option = str(entry.get("option") or "")
    if definition:
        return {"id": number, "name": definition["name"], "option": text.slugify(option)}
    name = text.clean(entry.get("name") or "")
    return {"id": 0, "name": name, "option": option} if name else None
