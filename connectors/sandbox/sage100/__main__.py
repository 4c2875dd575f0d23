"""``python -m connectors.sandbox.sage100``."""

import sys

from .cli import main

sys.exit(main())
