"""What other connections say about a server, a listener and a client (catalogue section J).

Counted over columns, and only when a rule asks: a capture without failures pays nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np

from ..capture.segment import address_halves
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
    clients_count: int = 0  # distinct addresses that tried
    servers_count: int = 0  # distinct addresses that were tried
    ports_count: int = 0  # distinct (address, port) pairs that were tried


NOTHING = Record()
SUMS = tuple(
    f"{name}_count"
    for name in ("attempts", "answered", "refused", "silent", "abandoned", "half_open", "stalled")
)
LASTS = ("last_answer_ns", "last_silence_ns", "ttl")
FIRSTS = ("first_answer_ns", "first_silence_ns", "ttl_min", "rtt_min_ns")
STALLED_NS = 1_000_000_000
"""A program that has not answered for less than this may just be thinking."""

DISTINCT = ("clients_count", "servers_count", "ports_count")


class Group:
    """Records of all connections with equal keys; `find` is a binary search."""

    def __init__(self, keys: tuple[np.ndarray, ...], columns: dict[str, np.ndarray]) -> None:
        ids, order, starts = _numbered(keys)
        self._keys = tuple(key[order][starts] for key in keys)
        self._columns: dict[str, np.ndarray] = {}
        self._found: dict[tuple[int, ...], Record] = {}
        if len(starts) == 0:
            return
        for name in SUMS:
            self._columns[name] = np.add.reduceat(columns[name][order].astype(np.int64), starts)
        for name in LASTS:
            self._columns[name] = np.maximum.reduceat(columns[name][order], starts)
        for name in FIRSTS:
            self._columns[name] = np.minimum.reduceat(columns[name][order], starts)
        for name in DISTINCT:
            self._columns[name] = _distinct(ids, columns[name], len(starts))

    def find(self, *key: int) -> Record:
        """The record of a key, NOTHING when nothing was tried."""
        if key not in self._found:
            self._found[key] = self._search(key)
        return self._found[key]

    def _search(self, key: tuple[int, ...]) -> Record:
        left, right = 0, len(self._keys[0])
        for column, part in zip(self._keys, key, strict=True):
            wanted = column.dtype.type(part)
            within = column[left:right]
            left, right = (
                left + int(np.searchsorted(within, wanted, "left")),
                left + int(np.searchsorted(within, wanted, "right")),
            )
        if left == right:
            return NOTHING
        values = {field.name: int(self._columns[field.name][left]) for field in fields(Record)}
        return Record(**{name: 0 if value == NEVER else value for name, value in values.items()})


@dataclass(frozen=True)
class Peers:
    """Records by listener (address and port), by server address, by client address, and by pairs of these."""

    table: FlowTable

    def listener(self, ip: str, port: int) -> Record:
        """All connections to one address and port."""
        return self._listeners.find(*_halves(ip), port)

    def server(self, ip: str) -> Record:
        """All connections to one address."""
        return self._servers.find(*_halves(ip))

    def client(self, ip: str) -> Record:
        """All connections from one address."""
        return self._clients.find(*_halves(ip))

    def pair(self, client_ip: str, server_ip: str, port: int) -> Record:
        """All connections from one address to one address and port."""
        return self._pairs.find(*_halves(client_ip), *_halves(server_ip), port)

    @cached_property
    def _listeners(self) -> Group:
        return Group(_parts(self.table.server_key), self._columns)

    @cached_property
    def _servers(self) -> Group:
        return Group(_parts(self.table.server_key)[:2], self._columns)

    @cached_property
    def _clients(self) -> Group:
        return Group(_parts(self.table.client_key)[:2], self._columns)

    @cached_property
    def _pairs(self) -> Group:
        return Group(_parts(self.table.client_key)[:2] + _parts(self.table.server_key), self._columns)

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        return _columns(self.table)


@lru_cache(1 << 12)
def _halves(ip: str) -> tuple[int, int]:
    high, low = address_halves(ip)
    return int(high), int(low)


def gather(table: FlowTable) -> Peers:
    """The records over a table; each kind is counted when it is first asked for."""
    return Peers(table)


def _parts(key: np.ndarray) -> tuple[np.ndarray, ...]:
    return key["hi"], key["lo"], key["port"]


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
        "clients_count": _numbered(_parts(table.client_key)[:2])[0],
        "servers_count": _numbered(_parts(table.server_key)[:2])[0],
        "ports_count": _numbered(_parts(table.server_key))[0],
    }


def _numbered(keys: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(number of its key for each row, rows in order of the keys, where in that order each key begins)."""
    order = np.lexsort(keys[::-1])
    if len(order) == 0:
        return order, order, order
    changes = np.zeros(len(order), bool)
    changes[0] = True
    for key in keys:
        ordered = key[order]
        changes[1:] |= ordered[1:] != ordered[:-1]
    ids = np.empty(len(order), np.int64)
    ids[order] = np.cumsum(changes) - 1
    return ids, order, np.flatnonzero(changes)


def _distinct(ids: np.ndarray, others: np.ndarray, groups: int) -> np.ndarray:
    """How many different values of `others` each group has."""
    width = int(others.max()) + 1
    pairs = np.sort(ids * width + others)
    firsts = np.concatenate(([True], pairs[1:] != pairs[:-1]))
    return np.bincount(pairs[firsts] // width, minlength=groups)
