"""The server still held an older connection on these ports, and challenged the new SYN.

Signature
    The server answers a new SYN with an ACK that carries the older connection's numbers; the client resets
    that with the acknowledged number, sends its SYN again, and gets a SYN-ACK.

Meaning
    The client's end of the older connection is gone (crash, restart, silent close), its FIN or RST never
    reached the server, and the source port came round again. The challenge is how TCP finds out; it costs
    one round trip to one second.

Confused with
    synack-wrong-ack: there the wrong number comes in a SYN-ACK. time-wait-challenge: the older connection was
    closed and waits. half-open-rst-blocked: it does not complete.

Dropped by
    Nobody: it completes. Whatever kept the end of the older connection from the server: the client's crash,
    its network.

Next
    Why the older connection was never closed; keepalives on the server would have found out.

Authority
    RFC 5961 section 4.2, RFC 9293 section 3.5.1 figure 10.
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, evidence, seconds
from ..measures import sockets
from ..records import Fact
from ..result import Evidence, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "half-open-challenge"
PHASE = "handshake"
SLOW_NS = SECOND // 2
"""A challenge that cost more than this was felt: the client waited for its own SYN timer."""


def candidates(table: FlowTable) -> np.ndarray:
    """The server's first segment in answer to a SYN is an ACK of something else."""
    client, server = table.client, table.server
    before = (server("synack_count") == 0) | (server("first_ns") < server("syn_ns"))
    mask: np.ndarray = (
        (client("syn_count") > 0)
        & (server("stray_ack_count") > 0)
        & before
        & ~table.has(Fact.MIDSTREAM)
        & ~table.has(Fact.SIMULTANEOUS_OPEN)
    )
    return mask


def judge(case: Case) -> Finding | None:
    """The detour, when the connection opened in the end and the older one had not been closed."""
    # Without a RST it was no challenge: a late ACK of the older connection.
    if not case.flow.established_ns or not case.client.rst_count or waiting_ns(case) is not None:
        return None
    return _completed(case)


def waiting_ns(case: Case) -> int | None:
    """When the server entered TIME-WAIT with the older connection, if it closed that first; else None."""
    table, previous = case.scene.table, int(case.flow.previous) - 1
    if previous < 0:
        return None
    server, client = (column[previous] for column in (table.server("fin_ns"), table.client("fin_ns")))
    if not server or not client or server > client:
        return None
    return int(table.flows["end_ns"][previous])


def _completed(case: Case) -> Finding:
    took_ns = case.flow.established_ns - case.client.syn_ns
    slow = took_ns >= SLOW_NS
    suspicion = Suspicion({"client-host": 0.5, "client-network": 0.3, "path": 0.2})
    return Finding(
        CODE,
        PHASE,
        "warning" if slow else "info",
        0.95,
        f"{case.server_end} still held an older connection here: the new one opened after {seconds(took_ns)}",
        suspicion.suspects() if slow else (),
        evidence_of(case),
        next=(sockets(case, "server", "timer:(keepalive) or none? Without, it keeps what vanished").text,),
        authority="RFC 5961 section 4.2; RFC 9293 section 3.5.1",
    )


def evidence_of(case: Case) -> tuple[Evidence, ...]:
    """SYN, challenge, RST, and what came of it."""
    client, server = case.client, case.server
    return evidence(
        (client.syn_frame, client.syn_ns, f"SYN, sequence number {client.iss}"),
        (server.first_frame, server.first_ns, "ACK without SYN, with numbers of another connection"),
        (client.rst_frame, client.rst_ns, f"RST, sequence number {client.rst_seq}: no such connection here"),
        (server.syn_frame, server.syn_ns, "SYN-ACK"),
    )
