"""What a request carries: JSON, or a file as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FileBody:
    """A file sent as it is under a plain ASCII ``name``; logs tell its size, never its bytes."""

    content: bytes
    name: str
    media_type: str


def encoded(body: Any) -> tuple[bytes | None, dict[str, str]]:
    """The bytes of a body and the headers that describe it; anything but a file is sent as JSON."""
    if body is None:
        return None, {}
    if isinstance(body, FileBody):
        return body.content, {
            "Content-Type": body.media_type,
            "Content-Disposition": f'attachment; filename="{body.name}"',
        }
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return data, {"Content-Type": "application/json"}
