"""Both ends opened at the same time; there is no client and no server.

Signature
    SYN in both directions before any SYN-ACK, then SYN-ACK in both directions.

Meaning
    Two programs connect to each other from fixed ports: NAT hole punching, or peers that both dial. RFC
    9293 allows it and the result is one connection. "Client" is only who was seen first.

Confused with
    Two connections between swapped ports: those have other port numbers.

Dropped by
    Nobody.

Next
    Nothing.

Authority
    RFC 9293 section 3.5 figure 7.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, seconds
from ..records import Fact
from ..result import Finding
from ..table import FlowTable

CODE = "simultaneous-open"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """SYNs that crossed."""
    mask: np.ndarray = table.has(Fact.SIMULTANEOUS_OPEN)
    return mask


def judge(case: Case) -> Finding:
    """Crossed SYNs."""
    client, server = case.client, case.server
    apart = seconds(abs(server.syn_ns - client.syn_ns))
    end = "" if case.flow.established_ns else "; the handshake was not completed"
    return Finding(
        CODE,
        PHASE,
        "info",
        0.95,
        f"{case.client_end} and {case.server_end} opened at the same time, {apart} apart{end}",
        (),
        evidence(
            (client.syn_frame, client.syn_ns, f"SYN of {case.client_end}"),
            (server.syn_frame, server.syn_ns, f"SYN of {case.server_end}"),
        ),
        authority="RFC 9293 section 3.5",
    )
