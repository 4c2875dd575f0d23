"""Management commands of ``billing``."""
