"""Setting groups and options of the shop."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.woocommerce.batch import ItemHandlers, run_batch
from connectors.sandbox.woocommerce.errors import WooError
from connectors.sandbox.woocommerce.routing import Routes, seed
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.wire import Call, Reply, links

_ALLOW = ("GET", "POST", "PUT", "PATCH")
_GROUP = r"/wc/v3/settings/(?P<group_id>[\w-]+)"
_CHOSEN = frozenset({"select", "radio"})


def install(store: WooStore) -> None:
    """Values of a French shop."""
    for group, options in seed("settings")["options"].items():
        for option in options:
            store.settings.put(f"{group}/{option[0]}", option[3])


def _options(group: str) -> list[list[Any]]:
    options = seed("settings")["options"].get(group)
    known = [row[0] for row in seed("settings")["groups"]]
    if options is None and group not in known:
        raise WooError("rest_setting_setting_group_invalid", "Invalid setting group.", 404)
    return options or []


def _choices(call: Call, listed: Any) -> dict[str, str]:
    if isinstance(listed, list):
        return {str(one): str(one) for one in listed}
    rows = seed("places")[listed]
    return {row[0]: row[1] for row in rows}


def _show(call: Call, group: str, option: list[Any], *, single: bool) -> dict[str, Any]:
    name, kind, default, _, listed, label, tip = option
    data: dict[str, Any] = {"id": name, "label": label, "description": label, "type": kind, "default": default}
    if listed is not None:
        data["options"] = _choices(call, listed)
        if name == "woocommerce_shipping_tax_class":
            slugs = [row["slug"] for row in call.store.tax_classes if row["slug"] != "standard"]
            data["options"] = {"inherit": "inherit", "": "Standard"} | {slug: slug for slug in slugs}
    if tip:
        data["tip"] = label
    data["value"] = call.store.settings.get(f"{group}/{name}")
    if single:
        data["group_id"] = group
    path = f"/settings/{group}"
    data["_links"] = links(call, f"{path}/{name}", path, _ALLOW)
    return data


def _find(call: Call) -> tuple[str, list[Any]]:
    group, name = str(call.get("group_id")), str(call.get("id"))
    for option in _options(group):
        if option[0] == name:
            return group, option
    raise WooError("rest_setting_setting_invalid", "Invalid setting.", 404)


def _groups(call: Call) -> Reply:
    rows = []
    for name, label, parent, inner in seed("settings")["groups"]:
        row = {"id": name, "label": label, "description": "", "parent_id": parent, "sub_groups": inner}
        row["_links"] = {"options": [{"href": call.url(f"/settings/{name}")}]}
        rows.append(row)
    return Reply(rows, listed=True)


def _group(call: Call) -> Reply:
    with call.store.lock:
        group = str(call.get("group_id"))
        return Reply([_show(call, group, one, single=False) for one in _options(group)], listed=True)


def _read(call: Call) -> Reply:
    with call.store.lock:
        group, option = _find(call)
        return Reply(_show(call, group, option, single=True))


def _update(call: Call) -> Reply:
    with call.store.lock:
        group, option = _find(call)
        value = call.params.get("value")
        call.store.settings.put(f"{group}/{option[0]}", _checked(call, option, value))
        return Reply(_show(call, group, option, single=True))


def _checked(call: Call, option: list[Any], value: Any) -> Any:
    allowed = True
    if option[1] == "checkbox":
        allowed = value in ("yes", "no")
    elif option[1] in _CHOSEN and option[4] is not None and option[0] != "woocommerce_shipping_tax_class":
        allowed = str(value) in _choices(call, option[4])
    if not allowed:
        raise WooError("rest_setting_value_invalid", "An invalid setting value was passed.", 400)
    return value if isinstance(value, list) else str(value if value is not None else "")


def _batch(call: Call) -> Reply:
    return run_batch(call, ItemHandlers(_GROUP, None, _update, None))


def register(routes: Routes) -> None:
    """Routes of settings."""
    routes.register("/wc/v3/settings", get=_groups)
    routes.register(_GROUP, get=_group)
    routes.register(_GROUP + "/batch", edit=_batch)
    routes.register(_GROUP + r"/(?P<id>[\w-]+)", get=_read, edit=_update)
