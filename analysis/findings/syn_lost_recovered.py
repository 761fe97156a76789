"""The first SYN got no answer, a later one did: the connection opened late.

Signature
    The same SYN (same sequence number) more than once before the first SYN-ACK, which comes no sooner after
    the last of them than the round trip allows.

Meaning
    A SYN or its answer was lost on the way, or the server's host dropped it while a queue was full. Opening
    took 1, 2, 3... seconds longer.

Confused with
    A slow answer: the SYN-ACK answers the first SYN and comes sooner after the repeat than a round trip;
    nothing was lost then. half-open-challenge: the server did answer, with an ACK. Seen from the server, a
    SYN-ACK for the first SYN means that the answer was lost (synack-unacked).

Dropped by
    Anything between the tap and the server's socket, for a moment; seen on the server, its host.

Next
    Many clients in the same second: a full queue on the server. Spread evenly: loss on the path.

Authority
    RFC 6298 section 2.1 and 5.7; Linux tcp_syn_linear_timeouts: 1, 1, 1, 1, 2, 4 s since kernel 6.5.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, seconds
from ..evidence.silence import COPY_NS, beside, dropping_syns
from ..measures import best_first, capture_at, counters, trace
from ..records import Fact
from ..result import Finding
from ..table import FlowTable

CODE = "syn-lost-recovered"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """A repeated SYN, and a SYN-ACK only after the repeat."""
    client, server = table.client, table.server
    mask: np.ndarray = (
        (client("syn_repeat_count") > 0)
        & (server("synack_count") > 0)
        & (server("syn_ns") > client("syn_last_ns"))
        & (client("syn_last_ns") - client("syn_ns") >= COPY_NS)
        & (server("stray_ack_count") == 0)
        & (table.flows["established_ns"] > 0)
        & ~table.has(Fact.SIMULTANEOUS_OPEN)
    )
    return mask


def judge(case: Case) -> Finding | None:
    """The delay, unless the answer was merely slow."""
    client, server = case.client, case.server
    answer_ns = server.syn_ns - client.syn_last_ns
    quickest_ns = client.rtt_min_ns or case.scene.peers.server(case.index).rtt_min_ns
    if answer_ns * 2 < quickest_ns:
        return None
    suspicion = dropping_syns(case)
    lost = client.syn_count - 1
    late = seconds(client.syn_last_ns - client.syn_ns)
    plural = "s" if lost > 1 else ""
    return Finding(
        CODE,
        PHASE,
        "warning",
        0.7 if answer_ns > 2 * quickest_ns > 0 else 0.9,
        f"{case.server_end} answered only SYN number {client.syn_count}: the connection opened {late} late",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"first SYN: {lost} SYN{plural} without an answer"),
            beside(case, suspicion),
            (client.syn_last_frame, client.syn_last_ns, f"SYN number {client.syn_count}"),
            (
                server.syn_frame,
                server.syn_ns,
                f"SYN-ACK, {seconds(answer_ns)} after the last SYN{suspicion.because}",
            ),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, "server", "do the first SYNs arrive?"),
            counters(case, "server", "TcpExtListenDrops", "TcpExtListenOverflows"),
            None if case.vantage in ("server", "both") else trace(case, "client", "where does loss begin?"),
        ),
        authority="RFC 6298 section 2.1; ip-sysctl tcp_syn_linear_timeouts",
    )
