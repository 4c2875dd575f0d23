"""A made-up order, for the examples shown beside templates of texts."""

from __future__ import annotations

from collections.abc import Mapping

ORDER_SAMPLES: Mapping[str, str] = {
    "%CI": "42",
    "%CF": "John",
    "%CL": "DOE",
    "%CA": "WEB0000042",
    "%CK": "318",
    "%OI": "187",
    "%ON": "187",
    "%OD": "21/11/2026",
    "%OR": "XKBKNABJK",
    "%%": "%",
}
"""What each field of a template gives; ``%%`` is a percent sign."""
