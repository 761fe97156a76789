"""The server's kernel answered the third segment of the handshake with a reset: its accept queue was full.

Signature
    SYN, SYN-ACK, ACK, then a RST without ACK from the server, numbered as that ACK acknowledged, before any
    other segment of the server.

Meaning
    The server had answered the SYN, and when the handshake was complete there was no room left for the
    connection: the queue of those that wait for accept() had filled up meanwhile, and the listener is told to
    say so (tcp_abort_on_overflow). A load balancer without a living server behind it, or one that forgot the
    handshake, sends the same bytes.

Confused with
    accept-queue-ack-drop: the same full queue, in silence. accept-queue-syn-drop: Linux drops the SYN itself
    when the queue is already full at that time, whatever tcp_abort_on_overflow says. rst-app-abort: the
    program accepted and reset, a RST with ACK. rst-no-socket: later, after data.

Dropped by
    The server's application, which does not accept fast enough; its host, whose queue is short; a balancer in
    the server's network.

Next
    The listening socket's queue, and how often it overflowed.

Authority
    Linux tcp_check_req and ip-sysctl tcp_abort_on_overflow, verified on 6.18: the RST has no ACK, sequence
    number from the ACK, window 0, and comes only when handshakes race for the last place.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, seconds
from ..evidence.resets import NO_SOCKET, first_reset
from ..evidence.silence import at_server, listener, stalled_others
from ..measures import accept_queue, best_first, capture_at, counters
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "accept-queue-rst"
PHASE = "handshake"
SUPERSEDES = ("rst-no-socket", "rst-instead-of-fin", "nat-timeout-rst", "half-open-dead-peer")


def candidates(table: FlowTable) -> np.ndarray:
    """A RST without ACK right after the SYN-ACK, and nothing else from the server."""
    server = table.server
    alone = server("packets") - server("duplicate_count") <= server("synack_count") + server("rst_count")
    refused = (server("rst_form") == NO_SOCKET) & (server("rst_seq") == server("iss") + np.uint32(1))
    opened = (table.flows["established_ns"] > 0) & (server("synack_count") > 0)
    return np.asarray(alone & refused & opened)


def judge(case: Case) -> Finding | None:
    """The refused place in the queue."""
    server, client, flow = case.server, case.client, case.flow
    reset = first_reset(case)
    if reset is None or reset.sender != "server" or client.fin_count or client.syn_ns == 0:
        return None
    after_ns, round_trip_ns = server.rst_ns - flow.established_ns, flow.established_ns - client.syn_ns
    if after_ns > 2 * round_trip_ns or abs(server.rst_ttl - server.syn_ttl) > 1:
        return None
    stalled = stalled_others(case)
    suspicion = _suspicion(case, stalled)
    port = listener(case)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.85 if stalled or at_server(case) else 0.7,
        f"{case.server_end} completed the handshake and reset it at once: its accept queue is full",
        suspicion.suspects(),
        evidence(
            (server.syn_frame, server.syn_ns, "SYN-ACK"),
            (
                flow.established_frame,
                flow.established_ns,
                f"ACK of the client; {port.stalled_count} of {port.answered_count} connections to the port"
                " wait for the program",
            ),
            (
                server.rst_frame,
                server.rst_ns,
                f"RST without ACK, {seconds(after_ns)} later, with the SYN-ACK's TTL",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.of_reset(reset)),
        best_first(
            suspicion.suspects(),
            accept_queue(case),
            counters(case, "server", "TcpExtListenOverflows", "TcpExtTCPReqQFullDrop"),
            capture_at(case, "server", "does the RST leave there?"),
        ),
        "ip-sysctl tcp_abort_on_overflow, somaxconn",
    )


def _suspicion(case: Case, stalled: int) -> Suspicion:
    sides = {"server-app": 0.45, "server-host": 0.35}
    if not at_server(case):
        sides["server-network"] = 0.2
    suspicion = Suspicion(sides)
    if stalled:
        suspicion.scale("server-app", 1.5, f"{stalled} other connections to the port wait for the program")
    suspicion.rule_out("path", "all three segments of the handshake arrived")
    suspicion.rule_out("client-app", "it was waiting for the connection")
    return suspicion
