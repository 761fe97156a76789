"""The server's host got the client's ACK and dropped it: the accept queue was full.

Signature
    The ACK is visible on the server (or other connections to the port are open and hear nothing from the
    program), the server still repeats its SYN-ACK at 1, 3, 7... seconds, and the client's data is not
    acknowledged. With SYN cookies there is one SYN-ACK only. When the server has given up, it resets.

Meaning
    Between the SYN and the ACK the listening socket's queue filled up, because the program does not accept.
    The client believes that it is connected.

Confused with
    third-ack-lost: the ACK does not reach the server. tcp-defer-accept: one repeat, late, and data is
    answered at once.

Dropped by
    The server's application, which does not accept; its host, whose queue is short.

Next
    The listening socket's queue.

Authority
    Linux tcp_abort_on_overflow=0: the ACK is ignored; somaxconn and the backlog of listen() size the queue.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, seconds
from ..evidence.confirmation import confirmed, cookie, expired, repeated, story, unconfirmed_data
from ..evidence.silence import at_server, stalled_others
from ..measures import accept_queue, best_first, counters
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "accept-queue-ack-drop"
PHASE = "handshake"
SUPERSEDES = ("rto-backoff-dead", "rst-no-socket", "half-open-dead-peer", "accept-queue-rst")


def candidates(table: FlowTable) -> np.ndarray:
    """A repeated SYN-ACK in a connection that the client acknowledged."""
    return np.asarray(repeated(table) | unconfirmed_data(table))


def judge(case: Case) -> Finding | None:
    """The dropped ACK."""
    if story(case) != "ack-dropped":
        return None
    server, flow, client = case.server, case.flow, case.client
    suspicion = Suspicion({"server-app": 0.7, "server-host": 0.3})
    if not at_server(case):
        suspicion = Suspicion({"server-app": 0.4, "server-host": 0.2, "server-network": 0.2, "path": 0.2})
    else:
        suspicion.rule_out("path", "the ACK is visible on the server")
    opened = confirmed(case)
    after = seconds(server.syn_last_ns - server.syn_ns)
    stalled = stalled_others(case)
    beside = f"; {stalled} other connections to the port wait for the program" if stalled else ""
    return Finding(
        CODE,
        PHASE,
        "warning" if opened else "error",
        0.75,
        f"{case.server_end} ignored the client's ACK{_then(case)}: its accept queue is full",
        suspicion.suspects(),
        evidence(
            (flow.established_frame, flow.established_ns, f"ACK of the client{beside}"),
            (
                server.syn_last_frame,
                server.syn_last_ns,
                f"SYN-ACK number {server.synack_count}, {after} after the first"
                if server.synack_count > 1
                else "SYN-ACK; it is never repeated: a SYN cookie",
            ),
            (server.rst_frame, server.rst_ns, "RST without ACK: the server has given up the handshake"),
            (client.data_frame, client.data_ns, f"data of the client, repeated {client.rto_count} times"),
        ),
        suspicion.ruled_out(),
        Errno(client="ECONNRESET" if expired(case) else None),
        next=best_first(
            suspicion.suspects(),
            accept_queue(case),
            counters(case, "server", "TcpExtListenOverflows", "TcpExtListenDrops"),
        ),
        authority="ip-sysctl tcp_abort_on_overflow, somaxconn",
    )


def _then(case: Case) -> str:
    """What the server did instead."""
    return " and all its data" if cookie(case) else " and repeated its SYN-ACK"
