"""The server's host drops SYNs because the program does not accept connections.

Signature
    Seen on the server: SYNs without an answer, while earlier connections to the same port are open, their
    data acknowledged by the kernel, and nothing ever comes from the program.

Meaning
    The queue of connections that wait for accept() is full. Linux then drops the SYN itself, in silence,
    also with tcp_abort_on_overflow. The program hangs, is overloaded, or its backlog is too short.

Confused with
    syn-unanswered by a firewall on the server: then no connection to the port opens at all. Seen from
    anywhere else it is syn-unanswered, with the application among the suspects.

Dropped by
    The server's application (not accepting); its host, whose queue is short.

Next
    The listening socket's queue: Recv-Q above Send-Q.

Authority
    Linux listen(2) backlog, somaxconn; TcpExtListenOverflows and TcpExtListenDrops count each one.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, seconds
from ..evidence.silence import at_server, overdue, stalled_others, unanswered
from ..measures import accept_queue, best_first, counters
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion
from . import syn_lost_recovered

CODE = "accept-queue-syn-drop"
PHASE = "handshake"
SUPERSEDES = ("syn-unanswered", "syn-lost-recovered")


def candidates(table: FlowTable) -> np.ndarray:
    """SYNs that were not answered, or not at first."""
    mask: np.ndarray = unanswered(table) | syn_lost_recovered.candidates(table)
    return mask


def judge(case: Case) -> Finding | None:
    """The full queue, where the tap is on the server and its program is seen to hang."""
    client, stalled = case.client, stalled_others(case)
    if not at_server(case) or not stalled or case.answers_unseen:
        return None
    if not overdue(case, client.syn_ns, client.syn_last_ns):
        return None
    opened = bool(case.flow.established_ns)
    after = seconds(client.syn_last_ns - client.syn_ns)
    suspicion = Suspicion({"server-app": 0.8, "server-host": 0.2})
    for side in ("path", "server-network", "client-network"):
        suspicion.rule_out(side, "the SYN is visible in this capture, taken on the server")
    plural, verb = ("s", "are") if stalled > 1 else ("", "is")
    return Finding(
        CODE,
        PHASE,
        "warning" if opened else "error",
        0.85,
        f"{case.server_end} drops SYNs: its accept queue is full, the program does not accept",
        suspicion.suspects(),
        evidence(
            (
                client.syn_frame,
                client.syn_ns,
                f"SYN; {stalled} other connection{plural} to the port {verb} open, and the program is mute",
            ),
            (
                client.syn_last_frame,
                client.syn_last_ns,
                f"SYN number {client.syn_count}, {after} after the first",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client=None if opened else errnos.attempt(case).errno),
        best_first(
            suspicion.suspects(),
            accept_queue(case),
            counters(case, "server", "TcpExtListenOverflows", "TcpExtListenDrops"),
        ),
        "listen(2); ip-sysctl somaxconn",
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The answer, when none came."""
    return None if case.server.synack_count else ("server", "no SYN-ACK")
