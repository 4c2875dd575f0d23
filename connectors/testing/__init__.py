"""Shipped for tests: contract suites, builders and in-memory connectors."""
