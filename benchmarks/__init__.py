"""Synsight beside other analyzers, as ratios in one run: `python -m benchmarks`."""

from pathlib import Path

DATA = Path(__file__).parent / ".data"
"""Captures, peers and compiled programs; not under version control."""
