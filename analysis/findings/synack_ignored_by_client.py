"""The SYN-ACK arrives at the client, and the client goes on as if it had not.

Signature
    Seen on the client: SYN-ACKs that acknowledge its SYN, and no ACK and no RST; the SYN is repeated.

Meaning
    The server and the path work. The tap sits before the client's own firewall, so the client's host
    dropped what the capture shows: an input rule, reverse-path filtering, connection tracking, or a wrong
    checksum.

Confused with
    synack-unacked: the same connection seen from anywhere else.

Dropped by
    The client host; a device that damages the SYN-ACK, when its checksum is wrong.

Next
    The client's firewall counters and `nstat`.

Authority
    RFC 9293 section 3.10.7.3; Linux taps see a frame before the firewall does.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, seconds
from ..evidence.silence import dropping_synacks, overdue, still_waiting, unconfirmed
from ..measures import best_first, counters, firewall
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "synack-ignored-by-client"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """A SYN-ACK and nothing from the client after it."""
    return unconfirmed(table)


def judge(case: Case) -> Finding | None:
    """The ignored answer, where the tap is on the client."""
    client, server = case.client, case.server
    late = overdue(case, server.syn_ns, server.syn_last_ns) and still_waiting(case)
    if case.vantage != "client" or not late:
        return None
    damaged = server.bad_sum_count > 0
    suspicion = (
        Suspicion({"path": 1.0, "server-network": 1.0, "client-network": 1.0, "server-host": 0.5})
        if damaged
        else dropping_synacks(case)
    )
    why = f", {server.bad_sum_count} with a wrong checksum" if damaged else ""
    return Finding(
        CODE,
        PHASE,
        "error",
        0.95 if client.syn_count > 1 else 0.7,
        f"the SYN-ACK of {case.server_end} reached the client's host, which never acknowledged it{why}",
        suspicion.suspects(),
        evidence(
            (server.syn_frame, server.syn_ns, f"first of {server.synack_count} SYN-ACKs{why}"),
            (
                client.syn_last_frame if client.syn_last_ns > server.syn_ns else 0,
                client.syn_last_ns,
                f"the client repeats its SYN {seconds(client.syn_last_ns - server.syn_ns)} after that",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.attempt(case).errno),
        best_first(
            suspicion.suspects(),
            firewall(case, "client"),
            counters(case, "client", "TcpInCsumErrors", "TcpExtIPReversePathFilter"),
        ),
        "RFC 9293 section 3.10.7.3",
    )


def missing(case: Case) -> tuple[str, str]:
    """The third segment."""
    return ("client", "no ACK")
