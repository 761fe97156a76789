"""What other connections say about a server, a listener and a client (catalogue section J).

Counted over columns, and only when a rule asks: a capture without failures pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..records import Fact
from ..table import FlowTable
from .grouping import Ends, Groups, ends_of
from .siblings import Siblings

NEVER = int(np.iinfo(np.int64).max)


class Counted:
    """A field of a Record: worked out for all groups when it is first asked of one."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, record: Record, owner: type) -> int:
        return record.group.value(self._name, record.number)


class Record:
    """Connection attempts of one group (a client, a server, a listener, a client with a listener)."""

    __slots__ = ("group", "number")

    def __init__(self, group: Group, number: int) -> None:
        self.group, self.number = group, number

    attempts_count = Counted()  # connections with a SYN
    answered_count = Counted()  # of these, with a SYN-ACK
    refused_count = Counted()  # with a RST and no SYN-ACK
    silent_count = Counted()  # with nothing at all back
    abandoned_count = Counted()  # with a SYN-ACK that the client reset without an ACK
    half_open_count = Counted()  # with a SYN-ACK that nothing followed from the client
    stalled_count = Counted()  # established, client data acknowledged, and nothing from the server's program
    first_answer_ns = Counted()  # first and last SYN-ACK
    last_answer_ns = Counted()
    first_silence_ns = Counted()  # first SYN of those with nothing back
    last_silence_ns = Counted()
    ttl = Counted()  # highest TTL of the group's SYN-ACKs (servers, listeners); 0 when none
    ttl_min = Counted()  # lowest; the same as `ttl` where one path leads to one host
    rtt_min_ns = Counted()  # quickest SYN to SYN-ACK
    servers_count = Counted()  # distinct addresses that were tried (clients only)
    ports_count = Counted()  # distinct (address, port) pairs that were tried (clients only)
    end_ns = Counted()  # last segment of any


SUMS = tuple(
    f"{name}_count"
    for name in ("attempts", "answered", "refused", "silent", "abandoned", "half_open", "stalled")
)
"""What a group has the sum of."""
LASTS = ("last_answer_ns", "last_silence_ns", "ttl", "end_ns")
"""What a group has the largest of; of the rest, the smallest."""
STALLED_NS = 1_000_000_000
"""A program that has not answered for less than this may just be thinking."""


class Group:
    """Records of all connections with something in common; `of` looks one up by any of its connections.

    `distinct`: numbers per connection of which each group's different ones are counted.
    """

    def __init__(
        self, groups: Groups, columns: dict[str, np.ndarray], distinct: dict[str, np.ndarray] | None = None
    ) -> None:
        self._groups = groups
        self._columns = columns
        self._distinct = distinct or {}
        self._worked_out: dict[str, np.ndarray] = {}

    def of(self, row: int) -> Record:
        """The record of the group that connection number `row` belongs to."""
        return Record(self, int(self._groups.ids[row]))

    def value(self, name: str, number: int) -> int:
        """A field of group number `number`'s Record; 0 for times that never were and what is not counted."""
        if name not in self._worked_out:
            self._worked_out[name] = self._work_out(name)
        value = int(self._worked_out[name][number])
        return 0 if value == NEVER else value

    def _work_out(self, name: str) -> np.ndarray:
        if name in self._distinct:
            return self._groups.distinct(self._distinct[name])
        if name in self._columns:
            return _summed(self._groups, name, self._columns[name])
        return np.zeros(len(self._groups), np.int64)


@dataclass(frozen=True)
class Attempts:
    """What is counted: a row per connection, or per several of one client to one listener."""

    clients: np.ndarray  # rows (hi, lo, port); the port is not looked at
    servers: np.ndarray
    columns: dict[str, np.ndarray]

    @staticmethod
    def of(table: FlowTable) -> Attempts:
        """One row per connection."""
        return Attempts(table.client_key, table.server_key, _columns(table))

    @staticmethod
    def joined(several: Iterable[Attempts]) -> Attempts:
        """All rows, those of the first before those of the next."""
        parts = tuple(several)
        return Attempts(
            np.concatenate([part.clients for part in parts]),
            np.concatenate([part.servers for part in parts]),
            {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
        )

    def __len__(self) -> int:
        return len(self.clients)

    @property
    def ends(self) -> Ends:
        """Clients, servers and listeners as small numbers."""
        return ends_of(self.clients, self.servers)

    def folded(self, most: int) -> Attempts:
        """One row per client and listener: of all of them the `most` that were active last.

        What the others were answered stays known of their listeners, again of the `most` last active ones:
        a row each, of a client without an address.
        """
        pairs = self._summed()
        if len(pairs) <= most:
            return pairs
        order = np.argsort(pairs.columns["end_ns"], kind="stable")
        others = pairs._taken(order[:-most])
        nobody = np.zeros_like(others.clients)
        listeners = Attempts(nobody, others.servers, others.columns)._summed()
        lately = np.argsort(listeners.columns["end_ns"], kind="stable")[-most:]
        return Attempts.joined((pairs._taken(np.sort(order[-most:])), listeners._taken(np.sort(lately))))

    def _summed(self) -> Attempts:
        """One row per client and listener."""
        pairs = self.ends.pairs
        rows = pairs.first_rows
        summed = {name: _summed(pairs, name, values) for name, values in self.columns.items()}
        return Attempts(self.clients[rows], self.servers[rows], summed)

    def _taken(self, rows: np.ndarray) -> Attempts:
        columns = {name: each[rows] for name, each in self.columns.items()}
        return Attempts(self.clients[rows], self.servers[rows], columns)


@dataclass(frozen=True)
class Peers:
    """Records of the connections that share an end with connection number `row`, itself among them.

    `past` counts connections that have left the table.
    """

    table: FlowTable
    past: Attempts | None = None

    @cached_property
    def siblings(self) -> Siblings:
        """Patterns among the attempts at one port."""
        return Siblings(self.table)

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
        return Group(self._ends.listeners, self._columns)

    @cached_property
    def _servers(self) -> Group:
        return Group(self._ends.servers, self._columns)

    @cached_property
    def _clients(self) -> Group:
        tried = {"servers_count": self._ends.server, "ports_count": self._ends.listeners.ids}
        return Group(self._ends.clients, self._columns, tried)

    @cached_property
    def _pairs(self) -> Group:
        return Group(self._ends.pairs, self._columns)

    @cached_property
    def _attempts(self) -> Attempts:
        """The table's connections first, so that they keep their numbers."""
        now = Attempts.of(self.table)
        return now if self.past is None else Attempts.joined((now, self.past))

    @cached_property
    def _ends(self) -> Ends:
        return self.table.ends if self.past is None else self._attempts.ends

    @property
    def _columns(self) -> dict[str, np.ndarray]:
        return self._attempts.columns


def gather(table: FlowTable, past: Attempts | None = None) -> Peers:
    """The records over a table; each kind is counted when it is first asked for."""
    return Peers(table, past)


def _summed(groups: Groups, name: str, values: np.ndarray) -> np.ndarray:
    """One value per group: the sum, the last or the first one."""
    if name in SUMS:
        return groups.sums(values)
    reduce = np.maximum if name in LASTS else np.minimum
    return np.asarray(reduce.reduceat(values[groups.order], groups.starts))


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
        "end_ns": table.flows["end_ns"],
        "rtt_min_ns": np.where(clean, server("syn_ns") - client("syn_ns"), NEVER),
    }
