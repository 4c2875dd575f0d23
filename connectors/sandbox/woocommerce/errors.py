"""Errors as WordPress answers them: a code, a message and `data.status`."""

from __future__ import annotations

from typing import Any

_CRASH = (
    '<p>There has been a critical error on this website.</p><p><a href="https://wordpress.org/documentation/article/'
    'faq-troubleshooting/">Learn more about troubleshooting WordPress.</a></p>'
)


class WooError(Exception):
    """One refusal. `data` is added to `data.status`, `raw_data` replaces it; `gone` hides the allowed methods."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        data: dict[str, Any] | None = None,
        raw_data: Any = None,
        *,
        gone: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.gone = gone
        self.data: Any = {"status": status, **(data or {})} if raw_data is None else raw_data

    def body(self) -> dict[str, Any]:
        """The error as it goes over the wire (and into a batch item)."""
        return {"code": self.code, "message": self.message, "data": self.data}


class FatalError(WooError):
    """PHP died on this input: 500 with the text of a site in trouble."""

    def __init__(self) -> None:
        super().__init__("internal_server_error", _CRASH, 500, gone=True)

    def body(self) -> dict[str, Any]:
        return {**super().body(), "additional_errors": []}


def no_route() -> WooError:
    """Unknown path or wrong method: WordPress knows no 405."""
    return WooError("rest_no_route", "No route was found matching the URL and request method.", 404)


def invalid_id(code: str, status: int = 404, message: str = "Invalid ID.", *, gone: bool = False) -> WooError:
    """An id that leads nowhere."""
    return WooError(code, message, status, gone=gone)


def no_trash(what: str = "Resource does") -> WooError:
    """Delete without force where there is no trash."""
    return WooError("woocommerce_rest_trash_not_supported", f"{what} not support trashing.", 501)
