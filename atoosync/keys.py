"""``python -m atoosync.keys``: fresh keys for a new installation, or a new first key for rotation.

Works without settings, because a production start without keys is refused.
"""

from __future__ import annotations

import secrets
import sys

from atoosync.guards import generate_key


def main() -> None:
    """Prints one ``NAME=value`` line per key; changes nothing."""
    sys.stdout.write(f"SECRET_KEY={secrets.token_urlsafe(50)}\nATOOSYNC_SECRET_KEYS={generate_key()}\n")


if __name__ == "__main__":
    main()
