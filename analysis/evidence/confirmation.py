"""SYN-ACKs repeated although the client has acknowledged: what the server did with the third segment."""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case
from ..records import Fact
from ..table import FlowTable
from .resets import NO_SOCKET
from .silence import PATIENCE_NS, at_server, listener, stalled_others

REPEAT_NS = SECOND // 2
"""SYN-ACKs closer together than this were doubled on the way, not repeated by a timer (it starts at 1 s)."""

DEFERRED_NS = 5 * SECOND // 2
"""The first timed repeat comes after 1 s. When it comes after 3 s or 7 s, earlier ones were held back."""


IGNORED = 3
"""So many SYN-ACKs and as many segments of the client, always past each other: no chance loss."""


def unconfirmed_data(table: FlowTable) -> np.ndarray:
    """One SYN-ACK is all that the server ever sent, and the client's data is repeated."""
    alone = (table.server("packets") == 1) & (table.server("synack_count") == 1)
    return np.asarray(alone & (table.client("edge_count") >= IGNORED) & (table.flows["established_ns"] > 0))


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
    if cookie(case):
        return "ack-dropped"
    if server.syn_last_ns - server.syn_ns < REPEAT_NS or (server.rst_count and not expired(case)):
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
    ignored = server.synack_repeat_count >= IGNORED and client.edge_count >= IGNORED
    return "ack-dropped" if at_server(case) or stalled_others(case) or ignored else "ack-lost"


def expired(case: Case) -> bool:
    """Whether the server's RST answers data for a handshake that it has given up: it never had the ACK."""
    server = case.server
    late = server.rst_form == NO_SOCKET and server.rst_ns > server.syn_last_ns
    return bool(late and server.rst_seq == (server.iss + 1) & 0xFFFFFFFF and not confirmed(case))


def cookie(case: Case) -> bool:
    """Whether a server that keeps nothing (SYN cookies) ignores the ACK: one SYN-ACK, and the data in vain.

    Seen on the server, or where no connection to the port ever had a word from its program.
    """
    client, server = case.client, case.server
    alone = server.packets - server.duplicate_count == server.synack_count == 1
    if not alone or client.edge_count < IGNORED or client.edge_last_ns - client.edge_ns < SECOND:
        return False
    return at_server(case) or (listener(case).answered_count > 1 and mute(case))


def mute(case: Case) -> bool:
    """Whether no connection to the port shows any payload of its program."""
    table = case.scene.table
    groups = table.ends.listeners
    if "spoken" not in table.worked_out:
        table.worked_out["spoken"] = groups.sums(table.server("data_packets") > 0)
    return int(table.worked_out["spoken"][groups.ids[case.index]]) == 0


def confirmed(case: Case) -> bool:
    """Whether the server went on: it sent something other than SYN-ACKs."""
    server = case.server
    return bool(server.packets - server.duplicate_count > server.synack_count + server.rst_count)


def overdue(case: Case) -> bool:
    """Whether the client's data has waited too long; without data, nothing the client wants is late."""
    client = case.client
    return client.data_packets > 0 and case.since_ns(client.data_ns) >= PATIENCE_NS
