"""The capture ended while the handshake still had time.

Signature
    A SYN without an answer, or a SYN-ACK without an ACK, younger than its own first retry when the capture
    ends.

Meaning
    Nothing. The answer may have come right after the capture stopped.

Confused with
    syn-unanswered, synack-unacked: the same, but the end had time to repeat itself.

Dropped by
    Nobody that this capture could name.

Next
    Capture longer: past the first retries, five seconds after the last connection attempt.

Authority
    RFC 6298 section 2.1: the first retry comes after one second.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, seconds
from ..evidence.silence import PATIENCE_NS, overdue, unanswered, unconfirmed
from ..result import Finding
from ..table import FlowTable

CODE = "handshake-truncated"
PHASE = "capture"


def candidates(table: FlowTable) -> np.ndarray:
    """Handshakes that wait for an answer at the end of the capture."""
    asked = unanswered(table) & (table.end_ns - table.client("syn_ns") < PATIENCE_NS)
    answered = unconfirmed(table) & (table.end_ns - table.server("syn_ns") < PATIENCE_NS)
    mask: np.ndarray = asked | answered
    return mask


def judge(case: Case) -> Finding | None:
    """Too young to be called unanswered."""
    client, server = case.client, case.server
    half, what = (server, "SYN-ACK") if server.synack_count else (client, "SYN")
    if case.answers_unseen or overdue(case, half.syn_ns, half.syn_last_ns):
        return None
    left = seconds(case.since_ns(half.syn_ns))
    return Finding(
        CODE,
        PHASE,
        "info",
        0.95,
        f"the capture ended {left} after the {what}: whether {case.server_end} was reached is open",
        (),
        evidence((half.syn_frame, half.syn_ns, f"{what}; the capture ends {left} later")),
        next=(
            f"tcpdump -ni any -w longer.pcap 'host {case.server_end.ip} and tcp port {case.server_end.port}'"
            "    # where this was taken: until five seconds after the last attempt",
        ),
        authority="RFC 6298 section 2.1",
    )
