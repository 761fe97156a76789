"""The server waits for data before it takes the connection (TCP_DEFER_ACCEPT).

Signature
    The client acknowledges the SYN-ACK at once and stays silent; the server repeats its SYN-ACK once, late
    (after 3 or 7 seconds, not after 1). When data comes, the server answers at once.

Meaning
    A setting of the listening socket (nginx `deferred`, Apache AcceptFilter): the application is not woken
    before the client speaks. The repeated SYN-ACK is the kernel's last question to a silent client.

Confused with
    third-ack-lost and accept-queue-ack-drop: repeats begin after one second.

Dropped by
    Nobody. A client that waits for the server to speak first would be dropped by this setting.

Next
    `ss -ltno` on the server; the listener's options.

Authority
    tcp(7) TCP_DEFER_ACCEPT.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, seconds
from ..evidence.confirmation import repeated, story
from ..result import Finding
from ..table import FlowTable

CODE = "tcp-defer-accept"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """One repeated SYN-ACK in a connection that the client acknowledged."""
    mask: np.ndarray = repeated(table) & (table.server("synack_repeat_count") == 1)
    return mask


def judge(case: Case) -> Finding | None:
    """The late repeat towards a silent client."""
    if story(case) != "deferred":
        return None
    server, flow = case.server, case.flow
    gap = seconds(server.syn_last_ns - server.syn_ns)
    return Finding(
        CODE,
        PHASE,
        "info",
        0.8,
        f"{case.server_end} waits for data before it accepts; its SYN-ACK came again after {gap} of silence",
        (),
        evidence(
            (flow.established_frame, flow.established_ns, "ACK of the client, in time"),
            (server.syn_last_frame, server.syn_last_ns, f"SYN-ACK again, {gap} after the first"),
        ),
        next=(f"ss -ltno 'sport = :{case.server_end.port}'    # on {case.server_end.ip}",),
        authority="tcp(7) TCP_DEFER_ACCEPT",
    )
