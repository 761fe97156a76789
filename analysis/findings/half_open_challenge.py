"""The server still held an older connection on these ports, and challenged the new SYN.

Signature
    The server answers a new SYN with an ACK that carries the older connection's numbers; the client resets
    that with the acknowledged number, sends its SYN again, and gets a SYN-ACK.

Meaning
    The client's end of the older connection is gone (crash, restart, silent close), its FIN or RST never
    reached the server, and the source port came round again. The challenge is how TCP finds out; it costs
    one round trip to one second. If the client's RST does not reach the server either, the port stays
    blocked.

Confused with
    synack-wrong-ack: there the wrong number comes in a SYN-ACK. A server in TIME-WAIT challenges the same
    way when the new SYN is not newer than the old connection.

Dropped by
    Nobody when it completes. When it does not: whatever drops the client's RST, often a stateful firewall
    that does not know the older connection.

Next
    Why the older connection was never closed; keepalives on the server would have found out.

Authority
    RFC 5961 section 4.2, RFC 9293 section 3.5.1 figure 10.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import SECOND, Case, evidence, seconds
from ..records import Fact
from ..result import Errno, Evidence, Finding
from ..silence import overdue
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
    """Completed or not."""
    client = case.client
    if case.flow.established_ns:
        # Without a RST it was no challenge: a late ACK of the older connection.
        return _completed(case) if client.rst_count else None
    if not overdue(case, client.syn_ns, client.syn_last_ns) or case.server.synack_count:
        return None
    if client.data_packets or not (client.rst_count or client.syn_repeat_count):
        return None  # the client has its answer: the capture missed the SYN-ACK
    suspicion = _suspicion(case)
    reset = "its RST changes nothing" if client.rst_count else "no RST is seen in answer"
    return Finding(
        CODE,
        PHASE,
        "error",
        0.85,
        f"{case.server_end} still holds an older connection on this port and challenges every SYN; {reset}",
        suspicion.suspects(),
        _evidence(case),
        suspicion.ruled_out(),
        Errno(client=errnos.attempt(case).errno),
        (
            f"ss -tn 'dport = :{case.client_end.port}'    # on {case.server_end.ip}: the older connection",
            f"tcpdump -ni any 'host {case.client_end.ip} and tcp[13] & 4 != 0'"
            f"    # on {case.server_end.ip}: does the RST arrive?",
        ),
        "RFC 5961 section 4.2, 10",
    )


def _completed(case: Case) -> Finding:
    took_ns = case.flow.established_ns - case.client.syn_ns
    slow = took_ns >= SLOW_NS
    return Finding(
        CODE,
        PHASE,
        "warning" if slow else "info",
        0.95,
        f"{case.server_end} still held an older connection here: the new one opened after {seconds(took_ns)}",
        Suspicion({"client-host": 0.5, "client-network": 0.3, "path": 0.2}).suspects() if slow else (),
        _evidence(case),
        next=(f"why was the older connection from {case.client_end} never closed? Keepalives find out",),
        authority="RFC 5961 section 4.2; RFC 9293 section 3.5.1",
    )


def _suspicion(case: Case) -> Suspicion:
    """The RST does not arrive, or was never sent."""
    if case.client.rst_count:
        sides = {"client-network": 0.4, "path": 0.2, "server-network": 0.4}
        if case.vantage == "server":
            sides = {"server-host": 1.0}
        elif case.vantage == "middle":
            del sides["client-network"]
        return Suspicion(sides)
    if case.vantage == "client":
        return Suspicion({"client-host": 1.0})
    return Suspicion({"client-network": 0.45, "client-host": 0.35, "path": 0.2})


def _evidence(case: Case) -> tuple[Evidence, ...]:
    client, server = case.client, case.server
    return evidence(
        (client.syn_frame, client.syn_ns, f"SYN, sequence number {client.iss}"),
        (server.first_frame, server.first_ns, "ACK without SYN, with numbers of another connection"),
        (client.rst_frame, client.rst_ns, f"RST, sequence number {client.rst_seq}: no such connection here"),
        (server.syn_frame, server.syn_ns, "SYN-ACK"),
    )
