"""All connections as columns, turned so that the client is the client: what rules filter on without a loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .records import Fact


@dataclass(frozen=True)
class FlowTable:
    """Columns over every connection; `flows` is FLOW, `halves` is HALF as the tracker lays them out."""

    flows: np.ndarray
    halves: np.ndarray
    end_ns: int  # last packet of the capture
    start_ns: int  # first packet of the capture

    def __len__(self) -> int:
        return len(self.flows)

    @cached_property
    def client_index(self) -> np.ndarray:
        """Row of each connection's client in `halves`."""
        return 2 * np.arange(len(self.flows)) + self.flows["client_side"]

    @cached_property
    def server_index(self) -> np.ndarray:
        """Row of each connection's server in `halves`."""
        return 2 * np.arange(len(self.flows)) + 1 - self.flows["client_side"]

    def client(self, field: str) -> np.ndarray:
        """A HALF column of the clients."""
        return self.halves[field][self.client_index]

    def server(self, field: str) -> np.ndarray:
        """A HALF column of the servers."""
        return self.halves[field][self.server_index]

    def either(self, field: str) -> np.ndarray:
        """The larger of a HALF column's two values per connection."""
        return np.maximum(self.halves[field][0::2], self.halves[field][1::2])

    def has(self, fact: Fact) -> np.ndarray:
        """Connections with a Fact."""
        return (self.flows["facts"] & np.uint16(fact)) != 0

    def marked(self, mark: int) -> np.ndarray:
        """Connections with some segment that carries one of the Mark bits."""
        return (self.flows["marks"] & np.uint32(mark)) != 0

    @cached_property
    def server_key(self) -> np.ndarray:
        """Rows (address, address, port) of each connection's server, for grouping."""
        return self._key(1 - self.flows["client_side"])

    @cached_property
    def client_key(self) -> np.ndarray:
        """Rows (address, address, port) of each connection's client."""
        return self._key(self.flows["client_side"])

    def _key(self, side: np.ndarray) -> np.ndarray:
        first = side == 0
        key = np.empty(len(self.flows), dtype=[("hi", "<u8"), ("lo", "<u8"), ("port", "<u2")])
        for name, a, b in (("hi", "a_hi", "b_hi"), ("lo", "a_lo", "b_lo"), ("port", "a_port", "b_port")):
            key[name] = np.where(first, self.flows[a], self.flows[b])
        return key
