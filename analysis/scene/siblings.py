"""What the attempts at one port that fail have in common, and those that succeed have not (section J).

Two patterns tell where a SYN is dropped better than counts do. Silence for every client of one network and
for no other is a rule about addresses: an access list. Silence for some source ports of one client, however
often they ask, while others open at once and at the same time, is a choice by hash: one of several paths,
links or backends is broken (equal-cost multipath, RFC 2992). Silence on every port of a server for whatever
is new, while its older connections go on, is a table of connections that is full.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

import numpy as np

from ...capture.segment import address_text
from ..table import FlowTable
from .grouping import different

FEWEST = 3
"""So many silent ones, and so many answered: fewer fall into any pattern by chance."""

TRIES = 3
"""SYNs of one connection that all went unanswered: a path that loses one in four loses three in 64."""

PORTS = 2
"""Silence on one port is its listener's, or a rule's about that port."""

LOOKED_AT = 4096
"""Attempts at one port that are compared; later ones would tell the same."""


@dataclass(frozen=True)
class Siblings:
    """Patterns among the attempts at each port, found once per port and per pair."""

    table: FlowTable
    _networks: dict[int, str] = field(default_factory=dict, compare=False, repr=False)
    _clients: dict[int, int] = field(default_factory=dict, compare=False, repr=False)
    _ports: dict[int, str] = field(default_factory=dict, compare=False, repr=False)
    _half_open: dict[int, np.ndarray] = field(default_factory=dict, compare=False, repr=False)
    _new_only: dict[int, int] = field(default_factory=dict, compare=False, repr=False)

    def silent_network(self, row: int) -> str:
        """The network whose clients get no answer from the port that connection `row` was opened to.

        Empty when silence does not follow addresses.
        """
        number = int(self.table.ends.listeners.ids[row])
        if number not in self._networks:
            rows = self.table.ends.listeners.members(number)[:LOOKED_AT]
            self._networks[number] = self._network(rows)
        return self._networks[number]

    def silent_ports(self, row: int) -> str:
        """Which source ports of that client the port does not answer, in words; empty when all fare alike."""
        number = int(self.table.ends.pairs.ids[row])
        if number not in self._ports:
            rows = self.table.ends.pairs.members(number)[:LOOKED_AT]
            self._ports[number] = self._hashed(rows)
        return self._ports[number]

    def clients_count(self, row: int) -> int:
        """How many clients get no answer from that port, of those that are looked at."""
        number = int(self.table.ends.listeners.ids[row])
        if number not in self._clients:
            silent, _ = self._parted(self.table.ends.listeners.members(number)[:LOOKED_AT])
            self._clients[number] = len(different(self.table.ends.client[silent]))
        return self._clients[number]

    def half_open_count(self, row: int, since_ns: int, until_ns: int) -> int:
        """How many SYNs to that port were answered between these moments and never heard of again."""
        number = int(self.table.ends.listeners.ids[row])
        if number not in self._half_open:
            rows = self.table.ends.listeners.members(number)[:LOOKED_AT]
            self._half_open[number] = self._answered_in_vain(rows)
        first, last = np.searchsorted(self._half_open[number], (since_ns, until_ns))
        return int(last - first)

    def _answered_in_vain(self, rows: np.ndarray) -> np.ndarray:
        """When the SYN-ACKs were sent to which the client said nothing at all, ascending."""
        table = self.table
        answered = (table.client("syn_count")[rows] > 0) & (table.server("synack_count")[rows] > 0)
        waiting = (table.flows["established_ns"][rows] == 0) & (table.client("rst_count")[rows] == 0)
        return np.sort(table.server("syn_ns")[rows[answered & waiting]])

    def new_only(self, row: int) -> int:
        """How many ports of that server answer nobody new while older connections to it go on, or 0."""
        number = int(self.table.ends.servers.ids[row])
        if number not in self._new_only:
            rows = self.table.ends.servers.members(number)[:LOOKED_AT]
            self._new_only[number] = self._refusing(rows)
        return self._new_only[number]

    def _refusing(self, rows: np.ndarray) -> int:
        silent, _ = self._parted(rows)
        ports = different(self.table.ends.server_port[silent])
        if len(ports) < PORTS:
            return 0
        since_ns = self.table.client("syn_ns")[silent].min()
        begun_ns, said_ns = self.table.flows["start_ns"][rows], self.table.server("last_ns")[rows]
        old = (begun_ns < since_ns) & (said_ns > since_ns)
        new = (begun_ns >= since_ns) & (self.table.server("packets")[rows] > 0)
        return len(ports) if old.any() and not new.any() else 0

    def _parted(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(those with several SYNs and no answer, those with an answer)."""
        table = self.table
        asked = table.client("syn_count")[rows]
        silent = (asked > 1) & (table.server("packets")[rows] == 0) & (table.flows["icmp_count"][rows] == 0)
        answered = (asked > 0) & (table.server("synack_count")[rows] > 0)
        return rows[silent], rows[answered]

    def _network(self, rows: np.ndarray) -> str:
        silent, answered = self._parted(rows)
        ends = self.table.ends
        failing, served = different(ends.client[silent]), different(ends.client[answered])
        if len(failing) < FEWEST or len(served) < FEWEST or len(np.intersect1d(failing, served)):
            return ""
        network = _common(
            [self._address(row) for row in silent[np.unique(ends.client[silent], return_index=True)[1]]]
        )
        others = answered[np.unique(ends.client[answered], return_index=True)[1]]
        if network is None or any(self._address(row) in network for row in others):
            return ""
        return str(network)

    def _address(self, row: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        key = self.table.client_key[row]
        return ipaddress.ip_address(address_text(key["hi"], key["lo"]))

    def _hashed(self, rows: np.ndarray) -> str:
        silent, answered = self._parted(rows)
        client = self.table.client
        stubborn = silent[client("syn_count")[silent] >= TRIES]
        begun_ns = np.sort(client("syn_ns")[answered[client("syn_count")[answered] == 1]])
        if len(stubborn) < FEWEST or len(begun_ns) < FEWEST:
            return ""
        since = np.searchsorted(begun_ns, client("syn_ns")[stubborn])
        until = np.searchsorted(begun_ns, client("syn_last_ns")[stubborn])
        if not bool((until > since).all()):
            return ""  # others did not open while these asked: the port was away, not a path
        return f"{len(stubborn)} of {len(rows)} source ports"


def _common(
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The smallest network that holds all of them; None for a mixture of IPv4 and IPv6."""
    if len({address.version for address in addresses}) != 1:
        return None
    numbers = [int(address) for address in addresses]
    differing = 0
    for number in numbers:
        differing |= number ^ numbers[0]
    length = addresses[0].max_prefixlen - differing.bit_length()
    return ipaddress.ip_network((numbers[0], length), strict=False) if length else None
