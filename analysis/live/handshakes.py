"""How long handshakes took, as a histogram that can be added up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..records import Fact
from ..table import FlowTable

BOUNDS_US = (
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000,
)  # fmt: skip
"""Upper edges, each inclusive; one more bucket holds what is longer. A lost SYN costs a second."""


@dataclass(frozen=True)
class Delays:
    """First SYN to the ACK of its SYN-ACK, repeats included, of every handshake seen whole."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_US) + 1)  # per bucket, not cumulative
    sum_us: int = 0

    def __add__(self, other: Delays) -> Delays:
        pairs = zip(self.counts, other.counts, strict=True)
        return Delays(tuple(a + b for a, b in pairs), self.sum_us + other.sum_us)


def delays(table: FlowTable) -> Delays:
    """The handshakes of one table; simultaneous opens have no client to measure from."""
    whole = table.has(Fact.HANDSHAKE) & ~table.has(Fact.SIMULTANEOUS_OPEN)
    took_us = (table.flows["established_ns"][whole] - table.client("syn_ns")[whole]) // 1000
    buckets = np.searchsorted(np.array(BOUNDS_US), took_us, "left")
    counts = np.bincount(buckets, minlength=len(BOUNDS_US) + 1)
    return Delays(tuple(counts.tolist()), int(took_us.sum()))
