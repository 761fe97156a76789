"""All connections as columns, turned so that the client is the client: what rules filter on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..capture.segment import within_one_host
from .records import Fact, Mark
from .scene.grouping import Ends, ends_of

TROUBLE = np.uint32(
    ~(
        Mark.KEEPALIVE
        | Mark.KEEPALIVE_ACK
        | Mark.WINDOW_UPDATE
        | Mark.WINDOW_FULL
        | Mark.DUP_ACK
        | Mark.OUT_OF_ORDER
        | Mark.NEW_FLOW
        | Mark.STATE
    )
    & 0xFFFFFFFF
)
"""Marks that a connection in good order does not carry."""

NEVER = int(np.iinfo(np.int64).max) // 4
"""Later than every capture, and still doubled without overflow."""

SIDES = {"both": slice(None), "client": slice(0, None, 2), "server": slice(1, None, 2)}
"""Rows of `halves`, where every client is the first end of its connection."""

OPENING = np.uint16(Fact.HANDSHAKE | Fact.SIMULTANEOUS_OPEN | Fact.MIDSTREAM)


@dataclass(frozen=True)
class FlowTable:
    """Columns over every connection; `flows` is FLOW, `halves` is HALF as the tracker lays them out."""

    flows: np.ndarray
    halves: np.ndarray
    end_ns: int  # last packet of the capture
    start_ns: int  # first packet of the capture
    _columns: dict[tuple[str, str], np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    worked_out: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What one rule has found out about all connections, for the next connection that asks."""

    def __len__(self) -> int:
        return len(self.flows)

    def client(self, name: str) -> np.ndarray:
        """A HALF column of the clients."""
        return self._column("client", name)

    def server(self, name: str) -> np.ndarray:
        """A HALF column of the servers."""
        return self._column("server", name)

    def both(self, name: str) -> np.ndarray:
        """A HALF column of both ends, side by side as in `halves`."""
        return self._column("both", name)

    def _column(self, side: str, name: str) -> np.ndarray:
        """Rules ask for the same columns again and again, and rows lie far apart: fetched once."""
        column = self._columns.get((side, name))
        if column is None:
            rows = self.halves[name]
            if side == "both" or not self._flipped:
                column = rows[SIDES[side]].copy()
            else:
                column = rows[self._places[side]]
            column.flags.writeable = False
            self._columns[side, name] = column
        return column

    def of(self, side: str, rows: np.ndarray, name: str) -> np.ndarray:
        """A HALF field of the clients or servers of some connections, too few to fetch the whole column."""
        second = self.flows["client_side"][rows]
        return np.asarray(self.halves[name][2 * rows + (second if side == "client" else 1 - second)])

    @cached_property
    def _flipped(self) -> bool:
        """Whether some client is the second end of its connection, which was seen from the middle on."""
        return bool(self.flows["client_side"].any())

    @cached_property
    def _places(self) -> dict[str, np.ndarray]:
        """Rows of `halves`, by side."""
        places, second = np.arange(len(self.halves)), self.flows["client_side"]
        return {"client": places[0::2] + second, "server": places[1::2] - second}

    def either(self, name: str) -> np.ndarray:
        """The larger of a HALF column's two values per connection."""
        return np.maximum(self.client(name), self.server(name))

    def has(self, fact: Fact) -> np.ndarray:
        """Connections with a Fact."""
        return (self._facts & np.uint16(fact)) != 0

    @cached_property
    def _facts(self) -> np.ndarray:
        return self.flows["facts"].copy()

    def marked(self, mark: int) -> np.ndarray:
        """Connections with some segment that carries one of the Mark bits."""
        return (self.flows["marks"] & np.uint32(mark)) != 0

    @cached_property
    def within_one_host(self) -> np.ndarray:
        """Connections of a host with itself."""
        flows = self.flows
        return np.asarray(within_one_host(flows["a_hi"], flows["a_lo"], flows["b_hi"], flows["b_lo"]))

    @cached_property
    def clean(self) -> np.ndarray:
        """Connections that opened and closed as the book says, with nothing repeated, missing or refused."""
        flows, fins, resets = self.flows, self.both("fin_count"), self.both("rst_count")
        closed = (fins[0::2] > 0) & (fins[1::2] > 0)
        unreset = (resets[0::2] == 0) & (resets[1::2] == 0)
        opened = (flows["facts"] & OPENING) == Fact.HANDSHAKE
        calm = (flows["marks"] & TROUBLE) == 0
        undisturbed = (flows["icmp_count"] == 0) & (flows["anomalies"] == 0) & (flows["previous"] == 0)
        undisturbed[flows["previous"][flows["previous"] > 0] - 1] = False  # its ports were used again
        return np.asarray(closed & unreset & opened & calm & undisturbed)

    @cached_property
    def reused_ns(self) -> np.ndarray:
        """When the ports of each connection began another one; NEVER where they did not."""
        again_ns = np.full(len(self), NEVER)
        later = np.flatnonzero(self.flows["previous"])
        again_ns[self.flows["previous"][later] - 1] = self.flows["start_ns"][later]
        return again_ns

    def subset(self, rows: np.ndarray) -> FlowTable:
        """The table of some connections, copied; `rows` are their numbers.

        Links to earlier connections on the same ports are kept where these are in the subset.
        """
        pairs = np.stack((2 * rows, 2 * rows + 1), axis=1).reshape(-1)
        flows = np.take(self.flows, rows)  # indexing copies structured rows many times more slowly
        places = np.zeros(len(self) + 1, np.uint32)
        places[rows + 1] = np.arange(1, len(rows) + 1)
        flows["previous"] = places[flows["previous"]]
        return FlowTable(flows, np.take(self.halves, pairs), self.end_ns, self.start_ns)

    @cached_property
    def server_key(self) -> np.ndarray:
        """Rows (address, address, port) of each connection's server, for grouping."""
        return self._key(1 - self.flows["client_side"])

    @cached_property
    def client_key(self) -> np.ndarray:
        """Rows (address, address, port) of each connection's client."""
        return self._key(self.flows["client_side"])

    @cached_property
    def ends(self) -> Ends:
        """Clients, servers and listeners as small numbers."""
        return ends_of(self.client_key, self.server_key)

    def _key(self, side: np.ndarray) -> np.ndarray:
        first = side == 0
        key = np.empty(len(self.flows), dtype=[("hi", "<u8"), ("lo", "<u8"), ("port", "<u2")])
        for name, a, b in (("hi", "a_hi", "b_hi"), ("lo", "a_lo", "b_lo"), ("port", "a_port", "b_port")):
            key[name] = np.where(first, self.flows[a], self.flows[b])
        return key
