"""What other connections say about a server, a listener and a client (catalogue section J).

Counted once over all connections, without a Python loop over them; rules ask by key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..capture.segment import address_halves
from .table import FlowTable


@dataclass(frozen=True)
class Record:
    """Connection attempts of one group (a client, a server, a listener)."""

    attempts_count: int = 0  # connections with a SYN
    answered_count: int = 0  # of these, with a SYN-ACK
    refused_count: int = 0  # with a RST and no SYN-ACK
    silent_count: int = 0  # with nothing at all back
    last_answer_ns: int = 0
    first_silence_ns: int = 0
    ttl: int = 0  # TTL of the group's SYN-ACKs (servers, listeners); 0 when none
    rtt_min_ns: int = 0  # quickest SYN to SYN-ACK
    stalled_count: int = 0  # established, client data acknowledged, and no data from the server


NOTHING = Record()


@dataclass(frozen=True)
class Peers:
    """Records by listener (address and port), by server address and by client address."""

    listeners: dict[tuple[int, int, int], Record]
    servers: dict[tuple[int, int], Record]
    clients: dict[tuple[int, int], Record]

    def listener(self, ip: str, port: int) -> Record:
        """All connections to one address and port."""
        return self.listeners.get((*address_halves(ip), port), NOTHING)

    def server(self, ip: str) -> Record:
        """All connections to one address."""
        return self.servers.get(address_halves(ip), NOTHING)

    def client(self, ip: str) -> Record:
        """All connections from one address."""
        return self.clients.get(address_halves(ip), NOTHING)


def gather(table: FlowTable) -> Peers:
    """Count over the table. Cost: a few array passes and one dict entry per distinct group."""
    columns = _columns(table)
    server, client = table.server_key, table.client_key
    return Peers(
        _group(server[["hi", "lo", "port"]], columns),
        _group(server[["hi", "lo"]], columns),
        _group(client[["hi", "lo"]], columns),
    )


def _columns(table: FlowTable) -> dict[str, np.ndarray]:
    """One value per connection for each thing that is counted."""
    tried = table.client("syn_count") > 0
    answered = tried & (table.server("synack_count") > 0)
    refused = tried & ~answered & (table.server("rst_count") > 0)
    silent = tried & (table.server("packets") == 0) & (table.flows["icmp_count"] == 0)
    server_data = table.server("data_packets") > 0
    client_acked = (table.client("data_packets") > 0) & (table.client("data_acked_ns") > table.client("data_ns"))
    clean = answered & (table.client("syn_repeat_count") == 0)
    round_trip = np.where(clean, table.server("syn_ns") - table.client("syn_ns"), np.iinfo(np.int64).max)
    return {
        "attempts": tried,
        "answered": answered,
        "refused": refused,
        "silent": silent,
        "answer_ns": np.where(answered, table.server("syn_ns"), 0),
        "silence_ns": np.where(silent, table.client("syn_ns"), np.iinfo(np.int64).max),
        "ttl": np.where(answered, table.server("syn_ttl"), 0),
        "rtt_ns": round_trip,
        "stalled": answered & client_acked & ~server_data,
    }


def _group(key: np.ndarray, columns: dict[str, np.ndarray]) -> dict[tuple[int, ...], Record]:
    """Records of equal keys."""
    if len(key) == 0:
        return {}
    order = np.argsort(key, order=key.dtype.names, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sums = {
        name: np.add.reduceat(columns[name][order].astype(np.int64), starts)
        for name in ("attempts", "answered", "refused", "silent", "stalled")
    }
    last = {name: np.maximum.reduceat(columns[name][order], starts) for name in ("answer_ns", "ttl")}
    first = {name: np.minimum.reduceat(columns[name][order], starts) for name in ("silence_ns", "rtt_ns")}
    never = np.iinfo(np.int64).max
    return {
        tuple(int(part) for part in name): Record(
            int(sums["attempts"][i]),
            int(sums["answered"][i]),
            int(sums["refused"][i]),
            int(sums["silent"][i]),
            int(last["answer_ns"][i]),
            0 if first["silence_ns"][i] == never else int(first["silence_ns"][i]),
            int(last["ttl"][i]),
            0 if first["rtt_ns"][i] == never else int(first["rtt_ns"][i]),
            int(sums["stalled"][i]),
        )
        for i, name in enumerate(ordered[starts].tolist())
    }
