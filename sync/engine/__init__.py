"""The engine: read, map, compare, send, record. It knows capabilities, never the name of a connector."""
