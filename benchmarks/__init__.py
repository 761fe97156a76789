"""Synsight beside other analyzers, as ratios in one run: `python -m benchmarks`."""
