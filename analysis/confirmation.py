"""SYN-ACKs repeated although the client has acknowledged: what the server did with the third segment."""

from __future__ import annotations

import numpy as np

from .case import SECOND, Case
from .records import Fact
from .silence import PATIENCE_NS, at_server, stalled_others
from .table import FlowTable

REPEAT_NS = SECOND // 2
"""SYN-ACKs closer together than this were doubled on the way, not repeated by a timer (it starts at 1 s)."""

DEFERRED_NS = 5 * SECOND // 2
"""The first timed repeat comes after 1 s. When it comes after 3 s or 7 s, earlier ones were held back."""


def repeated(table: FlowTable) -> np.ndarray:
    """A repeated SYN-ACK, and an ACK (or data) of the client."""
    mask: np.ndarray = (
        (table.server("synack_repeat_count") > 0)
        & (table.client("syn_count") > 0)
        & (table.flows["established_ns"] > 0)
        & ~table.has(Fact.SIMULTANEOUS_OPEN)
    )
    return mask


def story(case: Case) -> str:
    """`deferred`, `ack-dropped` (seen on the server), `ack-lost`, or `` when it is none of these."""
    client, server, established_ns = case.client, case.server, case.flow.established_ns
    if server.syn_last_ns - server.syn_ns < REPEAT_NS or server.rst_count:
        return ""
    if established_ns > server.syn_last_ns:
        # Repeated before any ACK was seen. A client that lacked the SYN-ACK would have repeated its SYN.
        quiet = client.syn_repeat_count == 0 and case.vantage != "client"
        return "ack-lost" if quiet else ""
    if server.synack_repeat_count <= client.syn_repeat_count:
        return ""  # each repeated SYN is answered with a SYN-ACK of its own
    silent = client.data_packets == 0 or client.data_ns > server.syn_last_ns
    late = server.synack_repeat_count == 1 and server.syn_last_ns - server.syn_ns >= DEFERRED_NS
    if late and silent and (confirmed(case) or not overdue(case)):
        return "deferred"
    if not confirmed(case) and not overdue(case):
        return ""
    return "ack-dropped" if at_server(case) or stalled_others(case) else "ack-lost"


def confirmed(case: Case) -> bool:
    """Whether the server went on: it sent something other than SYN-ACKs."""
    server = case.server
    return bool(server.packets - server.duplicate_count > server.synack_count + server.rst_count)


def overdue(case: Case) -> bool:
    """Whether the client's data has waited too long; without data, nothing the client wants is late."""
    client = case.client
    return client.data_packets > 0 and case.since_ns(client.data_ns) >= PATIENCE_NS
