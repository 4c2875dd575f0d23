"""Customer accounts."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from connectors.sandbox.woocommerce import metadata, php, schema, text, views
from connectors.sandbox.woocommerce.batch import register_resource
from connectors.sandbox.woocommerce.errors import WooError, no_trash
from connectors.sandbox.woocommerce.routing import Routes
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.wire import ITEM_METHODS, Call, Reply, created, links, paged

_ADDRESS = php.words("first_name last_name company address_1 address_2 city postcode country state")
_INTERNAL = re.compile(r"^_|^wp_|capabilities$|^billing_|^shipping_|session_tokens")


def address(values: dict[str, Any], *, billing: bool) -> dict[str, str]:
    """An address with all its fields, in the order of the API."""
    names = [*_ADDRESS, *(("email",) if billing else ()), "phone"]
    return {name: str(values.get(name) or "") for name in names}


def show(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    """A customer; meta data only for administrators."""
    mail = hashlib.sha256(row["email"].strip().lower().encode()).hexdigest()
    data = {
        "id": row["id"],
        "date_created": php.local(row["created"]),
        "date_created_gmt": php.gmt(row["created"]),
        "date_modified": php.local(row["modified"]),
        "date_modified_gmt": php.gmt(row["modified"]),
        "email": row["email"],
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "role": row["role"],
        "username": row["username"],
        "billing": address(row["billing"], billing=True),
        "shipping": address(row["shipping"], billing=False),
        "is_paying_customer": bool(row.get("is_paying_customer")),
        "avatar_url": f"https://secure.gravatar.com/avatar/{mail}?s=96&d=mm&r=g",
    }
    if call.user is None or call.user.administers:
        data["meta_data"] = views.meta(row["meta"])
    data["_links"] = links(call, f"/customers/{row['id']}", "/customers", _allowed(call, row))
    return data


def _allowed(call: Call, row: dict[str, Any]) -> tuple[str, ...]:
    """Only administrators delete accounts, and nobody the own one."""
    user = call.user
    deletes = user is None or (user.administers and user.id != row["id"])
    return ITEM_METHODS if deletes else ITEM_METHODS[:-1]


def by_email(store: WooStore, email: str) -> dict[str, Any] | None:
    """The account with this address, without regard to case."""
    wanted = email.strip().casefold()
    return next((row for row in store.customers if row["email"].casefold() == wanted), None)


def _find(call: Call, status: int = 404) -> dict[str, Any]:
    row = call.store.customers.get(call.number("id"))
    if row is None:
        raise WooError("woocommerce_rest_invalid_id", "Invalid resource ID.", status)
    return dict(row)


def _check_email(call: Call, email: str, own: int = 0) -> None:
    if not email:
        message = "Please provide a valid email address."
        raise WooError("registration-error-invalid-email", message, 400)
    if not schema.is_email(email):
        raise WooError("customer_invalid_email", "Invalid email address", 400)
    other = by_email(call.store, email)
    if other is not None and other["id"] != own:
        message = f"An account is already registered with {email}. Please log in or use a different email address."
        raise WooError("registration-error-email-exists", message, 400)


def _username(call: Call, email: str) -> str:
    taken = {row["username"].casefold() for row in call.store.customers}
    given = text.clean(call.get("username") or "")
    if given:
        if given.casefold() in taken:
            message = "An account is already registered with that username. Please choose another."
            raise WooError("registration-error-username-exists", message, 400)
        return given
    base = re.sub(r"[^a-z0-9._\-]", "", email.partition("@")[0].lower()) or "client"
    name, number = base, 2514
    while name.casefold() in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _apply(call: Call, row: dict[str, Any]) -> None:
    for name in ("first_name", "last_name"):
        if call.has(name):
            row[name] = text.clean(call.get(name, ""))
    for name in ("billing", "shipping"):
        given = call.get(name)
        if isinstance(given, dict):
            cleaned = {
                key: text.clean(value or "") for key, value in given.items() if key in {*_ADDRESS, "email", "phone"}
            }
            row[name] = {**row[name], **cleaned}
    if isinstance(call.get("meta_data"), list):
        kept = [
            one
            for one in call.get("meta_data")
            if isinstance(one, dict) and not _INTERNAL.search(str(one.get("key") or ""))
        ]
        row["meta"] = metadata.merge(row["meta"], kept, lambda: call.store.next_id("usermeta"))


def create(call: Call) -> Reply:
    """POST: only the e-mail address is needed; name and password are made up when missing."""
    call.request.pace_item()
    with call.store.lock:
        email = text.clean(call.get("email") or "")
        _check_email(call, email)
        row = blank(call.store.now())
        row |= {"email": email, "username": _username(call, email)}
        row["meta"] = [[call.store.next_id("usermeta"), "default_password_nag", "1"]]
        _apply(call, row)
        row["id"] = call.store.next_id("user")
        call.store.customers.put(row["id"], row)
        call.app.count(call.request, "customer created")
        call.app.changed("customer", "created", row["id"])
        return created(call, f"/customers/{row['id']}", show(call, row))


def blank(now: int) -> dict[str, Any]:
    """A new account."""
    return {
        "id": 0,
        "email": "",
        "username": "",
        "role": "customer",
        "first_name": "",
        "last_name": "",
        "billing": {},
        "shipping": {},
        "created": now,
        "modified": now,
        "meta": [],
        "is_paying_customer": False,
    }


def update(call: Call) -> Reply:
    """PUT, PATCH, POST on an id; addresses are partial, the user name is fixed, the role is not writable."""
    call.request.pace_item(key=call.params.get("id"))
    with call.store.lock:
        row = _find(call, 400)
        if call.get("username") and call.get("username") != row["username"]:
            raise WooError("woocommerce_rest_customer_invalid_argument", "Username isn't editable.", 400)
        if call.get("email"):
            email = text.clean(call.get("email"))
            _check_email(call, email, row["id"])
            row["email"] = email
        _apply(call, row)
        row["modified"] = call.store.now()
        call.store.customers.put(row["id"], row)
        call.app.count(call.request, "customer updated")
        call.app.changed("customer", "updated", row["id"])
        return Reply(show(call, row), allow=_allowed(call, row))


def _read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(show(call, _find(call)))


def _delete(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call)
        if not call.force:
            raise no_trash("Customers do")
        call.store.customers.drop(row["id"])
        call.app.changed("customer", "deleted", row["id"])
        return Reply(show(call, row))


def _list(call: Call) -> Reply:
    with call.store.lock:
        rows = [row for row in call.store.customers if _kept(call, row)]
        keys = {
            "id": lambda row: row["id"],
            "registered_date": lambda row: row["created"],
            "name": lambda row: (row["username"].casefold(), row["id"]),
        }
        rows.sort(key=keys["id"])
        key = keys.get(str(call.get("orderby", "name")), keys["name"])
        rows.sort(key=key, reverse=str(call.get("order", "asc")).lower() == "desc")
        return paged(call, rows, lambda row: show(call, row))


def _kept(call: Call, row: dict[str, Any]) -> bool:
    role = str(call.get("role", "customer"))
    if role != "all" and row["role"] != role:
        return False
    if call.get("email") and row["email"].casefold() != str(call.get("email")).casefold():
        return False
    included, excluded = call.integers("include"), call.integers("exclude")
    if (included and row["id"] not in included) or row["id"] in excluded:
        return False
    if call.get("search"):
        needle = text.strip_accents(str(call.get("search"))).casefold()
        hay = " ".join(str(row[name]) for name in ("username", "email", "first_name", "last_name"))
        return needle in text.strip_accents(hay).casefold()
    return True


def _downloads(call: Call) -> Reply:
    return Reply([], listed=True)


def register(routes: Routes) -> None:
    """Routes of customers."""
    register_resource(routes, "customers", listing=_list, read=_read, create=create, update=update, delete=_delete)
    routes.register(r"/wc/v3/customers/(?P<customer_id>[\d]+)/downloads", get=_downloads)
