"""The server took the connection but not the data that came with the SYN.

Signature
    A SYN with payload; the SYN-ACK acknowledges the SYN alone, and the client sends the same bytes again
    after it.

Meaning
    The server did not accept the Fast Open cookie: it was made with another key (other servers behind one
    address, a restart), is too old, or Fast Open is switched off there. Nothing is lost but the round trip
    that Fast Open was to save.

Confused with
    syn-option-blackhole: the SYN itself is not answered.

Dropped by
    Nobody: RFC 7413 lets a server ignore the data. The server's host decides.

Next
    The same key on all servers behind the address.

Authority
    RFC 7413 section 4.2.2; Linux tcp_fastopen_key. Linux 6.18 offers a new cookie in that SYN-ACK and sends
    the data with the third segment.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence
from ..measures import Step, best_first
from ..records import Offer
from ..result import Finding
from ..table import FlowTable

CODE = "tfo-data-ignored"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """Data in the SYN, and repeated data after a SYN-ACK."""
    client = table.client
    early = (client("syn_options") & np.uint16(Offer.DATA)) > 0
    answered = (table.server("synack_count") > 0) & (client("syn_repeat_count") == 0)
    return np.asarray(early & answered & (client("resend_count") > 0))


def judge(case: Case) -> Finding | None:
    """The ignored data, if what was repeated begins with it."""
    client, server = case.client, case.server
    if client.edge_seq and client.edge_seq != (client.iss + 1) & 0xFFFFFFFF:
        return None
    return Finding(
        CODE,
        PHASE,
        "info",
        0.9,
        f"{case.server_end} ignored the data in the SYN: its Fast Open cookie was not accepted",
        (),
        evidence(
            (client.syn_frame, client.syn_ns, "SYN with data and a Fast Open cookie"),
            (server.syn_frame, server.syn_ns, "SYN-ACK that acknowledges the SYN alone"),
            (case.flow.established_frame, case.flow.established_ns, "the client sends the same bytes again"),
        ),
        next=best_first(
            (),
            Step(
                "sysctl net.ipv4.tcp_fastopen net.ipv4.tcp_fastopen_key",
                f"on {case.server_end.ip} and every other server behind that address: the same key?",
            ),
        ),
        authority="RFC 7413 section 4.2.2",
    )
