"""What the tests of the Sage 100 connector share."""

from __future__ import annotations

import tempfile
from typing import Any

from connectors.core.ports import Runtime


def runtime_of(**changes: Any) -> Runtime:
    """What the host of these tests allows: companies in temporary folders, servers on loopback."""
    folders = (tempfile.gettempdir(), "/nulle")
    return Runtime(**{"local_files": folders, "allowed_addresses": ("127.0.0.1:*",), **changes})
