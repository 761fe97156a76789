"""Both ends answer each other's acknowledgments without end.

Signature
    At least 50 bare acknowledgments of either end that repeat the last one and acknowledge nothing, ten or
    more a second, and no new data.

Meaning
    Each end takes the other's segments for unacceptable and says so with an ACK, which is unacceptable to the
    other one. The two disagree about sequence numbers: a device rewrites them in one direction only, or lost
    its table, or somebody injected data that one end took for the other's.

Confused with
    Duplicate acknowledgments after a loss: one direction only, with SACK blocks. Keepalives: seconds apart.

Dropped by
    A middlebox that changes sequence numbers; no end can cause it alone.

Next
    The same segments on both sides of the device: are the numbers the same?

Authority
    RFC 9293 section 3.10.7.4 (an unacceptable segment is answered with ACK); RFC 5961 section 7 and Linux
    tcp_challenge_ack_limit, tcp_invalid_ratelimit (500 ms) bound it on today's kernels.
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, evidence, seconds
from ..measures import best_first, capture_at, counters
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "challenge-ack-storm"
PHASE = "established"

LEAST = 50
"""Repeated answers to a burst of losses end long before."""

RATE_PER_S = 10
"""Linux answers an invalid segment every 500 ms at most; ten a second is another stack, or several."""


def candidates(table: FlowTable) -> np.ndarray:
    """Many bare acknowledgments without news, from both ends."""
    client, server = table.client("idle_ack_count"), table.server("idle_ack_count")
    return np.asarray((client >= LEAST) & (server >= LEAST))


def judge(case: Case) -> Finding | None:
    """The storm, if nothing else moves."""
    client, server = case.client, case.server
    calm_ns = max(client.advanced_ns, server.advanced_ns)
    span_ns = min(client.last_ns, server.last_ns) - calm_ns
    count = min(client.idle_ack_count, server.idle_ack_count)
    if span_ns <= 0 or count * SECOND < RATE_PER_S * span_ns:
        return None
    suspicion = Suspicion({"middlebox": 0.4, "client-network": 0.2, "server-network": 0.2, "path": 0.2})
    suspicion.rule_out("client-app", "its kernel answers, not the program")
    suspicion.rule_out("server-app", "its kernel answers, not the program")
    return Finding(
        CODE,
        PHASE,
        "error",
        0.75,
        f"{case.client_end} and {case.server_end} answer each other's ACKs without end: {count} from either"
        f" within {seconds(span_ns)}",
        suspicion.suspects(),
        evidence(
            (
                client.last_frame,
                client.last_ns,
                f"client: ack {client.ack_last}, next byte {client.nxt}",
            ),
            (
                server.last_frame,
                server.last_ns,
                f"server: ack {server.ack_last}, next byte {server.nxt}",
            ),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, "client", "are the sequence numbers the same there? (add -S)"),
            capture_at(case, "server", "are the sequence numbers the same there? (add -S)"),
            counters(case, "server", "TcpExtTCPChallengeACK", "TcpExtTCPACKSkippedSeq"),
        ),
        authority="RFC 9293 section 3.10.7.4; RFC 5961 section 7",
    )
