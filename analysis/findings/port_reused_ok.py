"""The client's port was used again while the server remembered the last connection, and it worked.

Signature
    A new connection on the same addresses and ports within a minute after one that the server closed first,
    accepted at once.

Meaning
    The server's end was in TIME-WAIT and took the new SYN, because its sequence number or timestamp is
    newer. A SYN that is neither gets challenged or stays without an answer: worth knowing when some
    attempts of this client fail.

Confused with
    A repeated SYN: same sequence number. half-open-challenge: the older connection was still open.

Dropped by
    Nobody.

Next
    Nothing, unless attempts fail: then the client's pool of ports (or its NAT's) is too small.

Authority
    RFC 9293 section 3.10.7.4, RFC 6191; RFC 1122 section 4.2.2.13.
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, HalfRow, evidence, seconds
from ..records import Fact
from ..result import Finding
from ..table import FlowTable

CODE = "port-reused-ok"
PHASE = "handshake"
TIME_WAIT_NS = 60 * SECOND
"""Linux TCP_TIMEWAIT_LEN."""


def candidates(table: FlowTable) -> np.ndarray:
    """A complete handshake on ports whose last connection the server closed first, not long ago."""
    previous = table.flows["previous"].astype(np.int64) - 1
    before = np.maximum(previous, 0)
    if len(table) == 0:
        return np.zeros(0, bool)
    client_fin, server_fin = table.client("fin_ns")[before], table.server("fin_ns")[before]
    server_first = (server_fin > 0) & (client_fin > 0) & (server_fin < client_fin)
    soon = table.client("syn_ns") - table.flows["end_ns"][before] < TIME_WAIT_NS
    opened = table.has(Fact.HANDSHAKE) & (table.server("stray_ack_count") == 0)
    mask: np.ndarray = table.has(Fact.REUSED) & (previous >= 0) & server_first & soon & opened
    return mask


def judge(case: Case) -> Finding:
    """The reuse."""
    before = _previous_server(case)
    gap = seconds(case.client.syn_ns - before.last_ns)
    return Finding(
        CODE,
        PHASE,
        "info",
        0.9,
        f"{case.client_end} used its port again {gap} after {case.server_end} had closed, and was accepted",
        (),
        evidence(
            (before.fin_frame, before.fin_ns, "FIN of the server, which then keeps TIME-WAIT"),
            (case.client.syn_frame, case.client.syn_ns, f"SYN on the same ports, {gap} later"),
            (case.server.syn_frame, case.server.syn_ns, "SYN-ACK"),
        ),
        authority="RFC 9293 section 3.10.7.4; RFC 6191",
    )


def _previous_server(case: Case) -> HalfRow:
    return Case.of(case.scene, case.flow.previous - 1).server
