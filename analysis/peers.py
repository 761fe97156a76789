"""What other connections say about a server, a listener and a client (catalogue section J).

Counted over columns, and only when a rule asks: a capture without failures pays nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .grouping import Groups
from .records import Fact
from .table import FlowTable

NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Record:
    """Connection attempts of one group (a client, a server, a listener, a client with a listener)."""

    attempts_count: int = 0  # connections with a SYN
    answered_count: int = 0  # of these, with a SYN-ACK
    refused_count: int = 0  # with a RST and no SYN-ACK
    silent_count: int = 0  # with nothing at all back
    abandoned_count: int = 0  # with a SYN-ACK that the client reset without an ACK
    half_open_count: int = 0  # with a SYN-ACK that nothing followed from the client
    stalled_count: int = 0  # established, client data acknowledged, and nothing from the server's program
    first_answer_ns: int = 0  # first and last SYN-ACK
    last_answer_ns: int = 0
    first_silence_ns: int = 0  # first SYN of those with nothing back
    last_silence_ns: int = 0
    ttl: int = 0  # highest TTL of the group's SYN-ACKs (servers, listeners); 0 when none
    ttl_min: int = 0  # lowest; the same as `ttl` where one path leads to one host
    rtt_min_ns: int = 0  # quickest SYN to SYN-ACK
    servers_count: int = 0  # distinct addresses that were tried (clients only)
    ports_count: int = 0  # distinct (address, port) pairs that were tried (clients only)


SUMS = tuple(
    f"{name}_count"
    for name in ("attempts", "answered", "refused", "silent", "abandoned", "half_open", "stalled")
)
LASTS = ("last_answer_ns", "last_silence_ns", "ttl")
FIRSTS = ("first_answer_ns", "first_silence_ns", "ttl_min", "rtt_min_ns")
STALLED_NS = 1_000_000_000
"""A program that has not answered for less than this may just be thinking."""


class Group:
    """Records of all connections with something in common; `of` looks one up by any of its connections."""

    def __init__(
        self, groups: Groups, columns: dict[str, np.ndarray], distinct: dict[str, np.ndarray] | None = None
    ) -> None:
        self._ids = groups.ids
        self._columns: dict[str, np.ndarray] = {}
        self._found: dict[int, Record] = {}
        for name in SUMS:
            self._columns[name] = groups.counts(columns[name])
        for names, reduce in ((LASTS, np.maximum), (FIRSTS, np.minimum)):
            for name in names:
                self._columns[name] = reduce.reduceat(columns[name][groups.order], groups.starts)
        for name, ids in (distinct or {}).items():
            self._columns[name] = groups.distinct(ids)

    def of(self, row: int) -> Record:
        """The record of the group that connection number `row` belongs to."""
        number = int(self._ids[row])
        if number not in self._found:
            values = {name: int(column[number]) for name, column in self._columns.items()}
            self._found[number] = Record(
                **{name: 0 if value == NEVER else value for name, value in values.items()}
            )
        return self._found[number]


@dataclass(frozen=True)
class Peers:
    """Records of the connections that share an end with connection number `row`, itself among them."""

    table: FlowTable

    def listener(self, row: int) -> Record:
        """All connections to its server's address and port."""
        return self._listeners.of(row)

    def server(self, row: int) -> Record:
        """All connections to its server's address."""
        return self._servers.of(row)

    def client(self, row: int) -> Record:
        """All connections from its client's address."""
        return self._clients.of(row)

    def pair(self, row: int) -> Record:
        """All connections from its client's address to its server's address and port."""
        return self._pairs.of(row)

    @cached_property
    def _listeners(self) -> Group:
        return Group(self.table.ends.listeners, self._columns)

    @cached_property
    def _servers(self) -> Group:
        return Group(self.table.ends.servers, self._columns)

    @cached_property
    def _clients(self) -> Group:
        ends = self.table.ends
        tried = {"servers_count": ends.server, "ports_count": ends.listeners.ids}
        return Group(ends.clients, self._columns, tried)

    @cached_property
    def _pairs(self) -> Group:
        return Group(self.table.ends.pairs, self._columns)

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        return _columns(self.table)


def gather(table: FlowTable) -> Peers:
    """The records over a table; each kind is counted when it is first asked for."""
    return Peers(table)


def _columns(table: FlowTable) -> dict[str, np.ndarray]:
    """One value per connection for each thing that is counted."""
    client, server = table.client, table.server
    tried = client("syn_count") > 0
    answered = tried & (server("synack_count") > 0)
    silent = tried & (server("packets") == 0) & (table.flows["icmp_count"] == 0)
    spoken = (server("data_packets") > 0) | (server("fin_count") > 0) | (server("rst_count") > 0)
    acked = (client("data_packets") > 0) & (client("data_acked_ns") > client("data_ns"))
    clean = answered & (client("syn_repeat_count") == 0) & ~table.has(Fact.SIMULTANEOUS_OPEN)
    return {
        "attempts_count": tried,
        "answered_count": answered,
        "refused_count": tried & ~answered & (server("rst_count") > 0),
        "silent_count": silent,
        "abandoned_count": answered & (table.flows["established_ns"] == 0) & (client("rst_count") > 0),
        "half_open_count": answered & (table.flows["established_ns"] == 0) & (client("rst_count") == 0),
        "stalled_count": answered & acked & ~spoken & (table.end_ns - client("data_ns") >= STALLED_NS),
        "first_answer_ns": np.where(answered, server("syn_ns"), NEVER),
        "last_answer_ns": np.where(answered, server("syn_ns"), 0),
        "first_silence_ns": np.where(silent, client("syn_ns"), NEVER),
        "last_silence_ns": np.where(silent, client("syn_ns"), 0),
        "ttl": np.where(answered, server("syn_ttl"), 0).astype(np.int64),
        "ttl_min": np.where(answered, server("syn_ttl"), NEVER).astype(np.int64),
        "rtt_min_ns": np.where(clean, server("syn_ns") - client("syn_ns"), NEVER),
    }
