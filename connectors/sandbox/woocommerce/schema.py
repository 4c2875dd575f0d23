"""Checking of arguments as the WordPress REST server does it, from the argument lists of the route index."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.sandbox.woocommerce import php
from connectors.sandbox.woocommerce.errors import WooError

_EMAIL = re.compile(r"^[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+$")


class ArgumentError(Exception):
    """One value that does not fit: code, message and the details WordPress adds."""

    def __init__(self, code: str, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


def is_email(value: Any) -> bool:
    """Whether WordPress takes the text as an e-mail address."""
    return isinstance(value, str) and bool(_EMAIL.match(value))


def enumeration(values: list[Any]) -> str:
    """ "a, b, and c" as in the messages."""
    texts = [str(value) for value in values]
    if len(texts) <= 2:
        return " and ".join(texts)
    return ", ".join(texts[:-1]) + ", and " + texts[-1]


def check(params: dict[str, Any], args: dict[str, dict[str, Any]]) -> None:
    """Check all arguments of a call. Raises WooError with every bad parameter named."""
    missing = [name for name, arg in args.items() if arg.get("required") and params.get(name) is None]
    if missing:
        message = "Missing parameter(s): " + ", ".join(missing)
        raise WooError("rest_missing_callback_param", message, 400, {"params": missing})
    bad: dict[str, ArgumentError] = {}
    for name, arg in args.items():
        value = params.get(name)
        if value is None or "type" not in arg:
            continue
        try:
            check_value(value, arg, name)
        except ArgumentError as error:
            bad[name] = error
    if bad:
        raise _refusal(bad)


def _refusal(bad: dict[str, ArgumentError]) -> WooError:
    return WooError(
        "rest_invalid_param",
        "Invalid parameter(s): " + ", ".join(bad),
        400,
        {
            "params": {name: error.message for name, error in bad.items()},
            "details": {
                name: {"code": error.code, "message": error.message, "data": error.data} for name, error in bad.items()
            },
        },
    )


def _wrong_type(name: str, kind: Any) -> ArgumentError:
    shown = ",".join(kind) if isinstance(kind, list) else kind
    return ArgumentError("rest_invalid_type", f"{name} is not of type {shown}.", {"param": name})


def check_value(value: Any, arg: dict[str, Any], name: str) -> None:
    """Check one value against its schema. Raises ArgumentError."""
    kind = arg.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    fitting = next((one for one in kinds if _fits(value, one)), None)
    if fitting is None:
        raise _wrong_type(name, kind)
    if "enum" in arg and value not in arg["enum"] and str(value) not in map(str, arg["enum"]):
        raise ArgumentError("rest_not_in_enum", f"{name} is not one of {enumeration(arg['enum'])}.")
    if fitting == "array" and "items" in arg:
        for position, item in enumerate(php.to_list(value)):
            check_value(item, arg["items"], f"{name}[{position}]")
    if fitting == "object" and isinstance(value, dict):
        _check_properties(value, arg, name)
    if fitting in {"integer", "number"}:
        _check_bounds(value, arg, name)
    _check_format(value, arg)


def _check_properties(value: dict[str, Any], arg: dict[str, Any], name: str) -> None:
    for key, schema in (arg.get("properties") or {}).items():
        if value.get(key) is not None and schema.get("type") not in (None, "mixed"):
            check_value(value[key], schema, f"{name}[{key}]")


def _check_bounds(value: Any, arg: dict[str, Any], name: str) -> None:
    low, high = arg.get("minimum"), arg.get("maximum")
    number = float(value)
    if low is not None and high is not None and not low <= number <= high:
        text = f"{name} must be between {low} (inclusive) and {high} (inclusive)"
    elif low is not None and number < low:
        text = f"{name} must be greater than or equal to {low}"
    elif high is not None and number > high:
        text = f"{name} must be less than or equal to {high}"
    else:
        return
    raise ArgumentError("rest_out_of_bounds", text)


def _check_format(value: Any, arg: dict[str, Any]) -> None:
    if not isinstance(value, str):
        return
    if arg.get("format") == "date-time" and not php.is_date(value):
        raise ArgumentError("rest_invalid_date", "Invalid date.")
    if arg.get("format") == "email" and not is_email(value):
        raise ArgumentError("rest_invalid_email", "Invalid email address.")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return True
    return isinstance(value, str) and bool(re.fullmatch(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", value))


def _is_integer(value: Any) -> bool:
    return _is_number(value) and float(value) == int(float(value))


def _is_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return value in (0, 1)
    return isinstance(value, str) and value.lower() in {"true", "false", "0", "1"}


def _is_array(value: Any) -> bool:
    return not isinstance(value, dict) or not value


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) or value in ("", [])


_FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": _is_number,
    "boolean": _is_boolean,
    "array": _is_array,
    "object": _is_object,
    "null": lambda value: value is None or value == "",
}


def _fits(value: Any, kind: Any) -> bool:
    test = _FITS.get(str(kind))
    return True if test is None else bool(test(value))
