"""Measurements of the pages on large data; called by ``manage.py bench``."""
