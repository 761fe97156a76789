"""The server answered the SYN, and its SYN-ACK was never acknowledged.

Signature
    SYN-ACKs (at least two, or one and a repeated SYN) and neither ACK nor RST from the client, seen
    anywhere but on the client. The client repeating its SYN shows that it is alive and does not get the
    answer.

Meaning
    The server works. Its answer is lost on the way back, or the client's ACK is.

Confused with
    A SYN flood or a scan: SYNs that are never repeated, from many addresses. synack-ignored-by-client: the
    same, seen on the client, where the SYN-ACK does arrive. syn-unanswered: the same, seen on the client,
    where it does not.

Dropped by
    The way back: the networks of both ends, the path, or the client's host; never the server's application.

Next
    The route from the server back to the client; a capture on the client.

Authority
    RFC 9293 section 3.10.7.4; Linux tcp_synack_retries: 5 repeats, given up after 63 s.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, seconds
from ..evidence.silence import dropping_synacks, listener, overdue, patient, still_waiting, unconfirmed
from ..measures import best_first, capture_at, firewall, route, trace
from ..result import Errno, Finding
from ..table import FlowTable

CODE = "synack-unacked"
PHASE = "handshake"
FLOOD_COUNT = 50
"""So many half-open connections to one port at a time are no coincidence."""


def candidates(table: FlowTable) -> np.ndarray:
    """A SYN-ACK and nothing from the client after it."""
    return unconfirmed(table)


def judge(case: Case) -> Finding | None:
    """The missing ACK, where the tap is not on the client."""
    client, server = case.client, case.server
    late = overdue(case, server.syn_ns, server.syn_last_ns) and (still_waiting(case) or bool(_crowd(case)))
    if case.vantage == "client" or case.answers_unseen or not late:
        return None
    suspicion = dropping_synacks(case)
    repeated = client.syn_count > 1
    if not repeated:
        suspicion.scale("client-host", 1.5, "the client does not repeat its SYN: gone, or never there")
    tail = "; the client keeps repeating its SYN" if repeated else _crowd(case)
    last = server.syn_last_frame if server.synack_count > 1 else 0
    times = f"{server.synack_count} times" if last else "once"
    since = seconds(case.since_ns(server.syn_last_ns))
    return Finding(
        CODE,
        PHASE,
        "error" if patient(case, server.syn_ns, server.synack_count) else "warning",
        0.9 if repeated else 0.6,
        f"the SYN-ACK of {case.server_end} was never acknowledged, sent {times}{tail}",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"SYN, {client.syn_count} in all"),
            (server.syn_frame, server.syn_ns, "first SYN-ACK"),
            (last, server.syn_last_ns, f"last of {server.synack_count} SYN-ACKs; then {since} of silence"),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.attempt(case).errno),
        best_first(
            suspicion.suspects(),
            capture_at(case, "client", "does the SYN-ACK arrive?"),
            route(case, "server", "is this the way that the SYN came?"),
            firewall(case, "client"),
            trace(case, "server", "how far do packets to the client come?"),
        ),
        "RFC 9293 section 3.10.7.4; ip-sysctl tcp_synack_retries",
    )


def _crowd(case: Case) -> str:
    """Words for many half-open connections at once, where the capture would show their ACKs."""
    port = listener(case)
    if port.half_open_count < FLOOD_COUNT or case.scene.traits.filtered:
        return ""
    return f"; with {port.half_open_count} half-open connections to the port this looks like a SYN flood"


def missing(case: Case) -> tuple[str, str]:
    """The third segment."""
    return ("client", "no ACK")
