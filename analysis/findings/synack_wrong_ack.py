"""The SYN-ACK acknowledges something that the client never sent.

Signature
    A SYN-ACK whose acknowledgment number is not the client's initial sequence number plus one, answered by
    the client with RST whose sequence number is that wrong acknowledgment.

Meaning
    Whoever answered has another SYN in mind: a firewall that rewrites sequence numbers in one direction
    only, a SYN proxy that lost its state, or a delayed answer to an older attempt from the same port.

Confused with
    half-open-challenge: an ACK without SYN, from an older connection that still lives.

Dropped by
    Most often a stateful device on the server's side of the path.

Next
    The same handshake captured on both ends: are the numbers the same?

Authority
    RFC 9293 section 3.10.7.3: an unacceptable acknowledgment in SYN-SENT is answered with RST.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, seconds
from ..evidence.silence import overdue
from ..measures import best_first, capture_at, sockets
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "synack-wrong-ack"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """The server's first segment is a SYN-ACK, and some acknowledgment of the server is stray."""
    server = table.server
    mask: np.ndarray = (
        (table.client("syn_count") > 0)
        & (table.client("rst_count") > 0)
        & (server("synack_count") > 0)
        & (server("stray_ack_count") > 0)
        & (server("first_ns") == server("syn_ns"))
    )
    return mask


def judge(case: Case) -> Finding | None:
    """The wrong number, taken from the client's RST."""
    client, server = case.client, case.server
    expected = (client.iss + 1) & 0xFFFFFFFF
    if client.rst_form != 2 or client.rst_seq == expected or client.rst_ns < server.syn_ns:
        return None
    opened = bool(case.flow.established_ns)
    if not opened and not overdue(case, client.syn_ns, client.syn_last_ns):
        return None
    suspicion = Suspicion({"server-network": 0.5, "path": 0.2, "server-host": 0.2, "client-network": 0.1})
    suspicion.rule_out("client-app", "the client's kernel refuses the answer as RFC 9293 tells it to")
    end = f"; it opened {seconds(case.flow.established_ns - client.syn_ns)} after the SYN" if opened else ""
    return Finding(
        CODE,
        PHASE,
        "warning" if opened else "error",
        0.85,
        f"{case.server_end} acknowledged {client.rst_seq} where the client's SYN needs {expected}{end}",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"SYN, sequence number {client.iss}"),
            (server.syn_frame, server.syn_ns, f"SYN-ACK that acknowledges {client.rst_seq}"),
            (client.rst_frame, client.rst_ns, f"the client resets with sequence number {client.rst_seq}"),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, "server", "are the sequence numbers the same there? (add -S)"),
            sockets(case, "server", "does it hold an older connection on these ports?"),
        ),
        authority="RFC 9293 section 3.10.7.3",
    )
