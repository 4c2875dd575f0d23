"""Benchmarks: what the engine takes, told as ratios to a plain client and to a bare reading of the same rows."""
