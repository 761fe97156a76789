"""The server answered from a SYN cookie, and the connection goes without window scaling and SACK.

Signature
    A SYN that offers window scaling and SACK but no timestamps, a SYN-ACK with neither, while many SYNs to
    the same port stay half open.

Meaning
    The queue of half-open connections was full, so the server's kernel kept nothing about this one and wrote
    what it could into its sequence number. Without timestamps there is no room for window scaling and SACK:
    the connection works, but large transfers over long paths are slow, and every loss costs more.

Confused with
    A device that strips options does so always: then no connection to the port has them, crowd or not.

Dropped by
    Nobody. The server's host is overloaded with SYNs.

Next
    Whose SYNs fill the queue; timestamps on the clients.

Authority
    RFC 4987 section 3.6; Linux tcp_syncookies, verified on 6.18: the SYN-ACK has an MSS option only.
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import Option
from ..case import Case, evidence
from ..evidence.silence import listener
from ..measures import best_first, counters
from ..result import Finding
from ..table import FlowTable

CODE = "syn-cookie-degraded"
PHASE = "handshake"
ASKS_CLEAN = True

CROWD_COUNT = 20
"""Linux sends cookies from tcp_max_syn_backlog half-open connections on, and listen() seldom allows fewer."""

LOST = np.uint16(Option.WSCALE | Option.SACK_PERMITTED)


def candidates(table: FlowTable) -> np.ndarray:
    """Window scaling and SACK offered, neither taken, and no timestamps that could carry them."""
    client, server = table.client("syn_options"), table.server("syn_options")
    offered = ((client & LOST) == LOST) & ((client & np.uint16(Option.TIMESTAMP)) == 0)
    refused = ((server & LOST) == 0) & (table.server("synack_count") > 0)
    return np.asarray(offered & refused & (table.flows["established_ns"] > 0))


def judge(case: Case) -> Finding | None:
    """The poorer connection, if the port is crowded with half-open ones."""
    crowd = listener(case).half_open_count
    if crowd < CROWD_COUNT:
        return None
    client, server = case.client, case.server
    return Finding(
        CODE,
        PHASE,
        "info",
        0.8,
        f"{case.server_end} answered from a SYN cookie: no window scaling and no SACK on this connection",
        (),
        evidence(
            (client.syn_frame, client.syn_ns, "SYN that offers window scaling and SACK, no timestamps"),
            (
                server.syn_frame,
                server.syn_ns,
                f"SYN-ACK with neither; {crowd} connections to the port are half open",
            ),
        ),
        next=best_first((), counters(case, "server", "TcpExtSyncookiesSent", "TcpExtTCPReqQFullDoCookies")),
        authority="RFC 4987 section 3.6; ip-sysctl tcp_syncookies",
    )
