"""Entry point of `python -m connectors.sandbox.woocommerce`."""

import sys

from connectors.sandbox.woocommerce.server import main

sys.exit(main())
