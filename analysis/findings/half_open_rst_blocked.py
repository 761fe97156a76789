"""The server holds an older connection on these ports, and the client's reset of it does not get through.

Signature
    The server answers the client's SYNs with ACKs that carry an older connection's numbers. The client's RST
    is not seen, or changes nothing; the SYNs go on and no SYN-ACK comes.

Meaning
    The server challenges a SYN that fits no state of its older connection (RFC 5961). The client answers with
    a RST that would end that connection, but something on the way drops it: a stateful firewall that has
    forgotten the older connection, or follows only the new one, holds the RST to be invalid. New connections
    fail on ports that were used before, until the server's keepalive or its program ends the old one.

Confused with
    half-open-challenge: the RST arrives and the connection opens. synack-wrong-ack: a SYN-ACK with a wrong
    number.

Dropped by
    Where the RST is visible: whatever lies from the tap towards the server. Where it is not: whatever lies
    between the client and the tap, its own host included.

Next
    The RST on both sides of the stateful device.

Authority
    RFC 5961 section 4.2 and section 10 (middleboxes that resend or drop challenges). Linux 6.18 sends the RST
    for each challenge and repeats the first SYN at once, then by its timer.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case
from ..evidence.silence import overdue
from ..measures import best_first, capture_at, middlebox, sockets
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion
from . import half_open_challenge

CODE = "half-open-rst-blocked"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """Challenged SYNs that came to nothing."""
    unopened = (table.flows["established_ns"] == 0) & (table.server("synack_count") == 0)
    return np.asarray(half_open_challenge.candidates(table) & unopened)


def judge(case: Case) -> Finding | None:
    """Challenges that do not end."""
    client = case.client
    if case.answers_unseen or not overdue(case, client.syn_ns, client.syn_last_ns):
        return None
    if client.data_packets or not (client.rst_count or client.syn_repeat_count):
        return None  # the client has its answer: the capture missed the SYN-ACK
    suspicion = _suspicion(case)
    reset = "its RST changes nothing" if client.rst_count else "no RST is seen in answer"
    return Finding(
        CODE,
        PHASE,
        "error",
        0.85,
        f"{case.server_end} still holds an older connection on this port and challenges every SYN; {reset}",
        suspicion.suspects(),
        half_open_challenge.evidence_of(case),
        suspicion.ruled_out(),
        Errno(client=errnos.attempt(case).errno),
        best_first(
            suspicion.suspects(),
            capture_at(case, "server", "does the client's RST arrive?"),
            capture_at(case, "client", "does its RST leave?"),
            sockets(case, "server", "the older connection: how old, whose process?"),
            middlebox(
                "conntrack -L -p tcp; nft list ruleset | grep -i invalid",
                "on firewalls between: what do they drop as invalid?",
            ),
        ),
        "RFC 5961 section 4.2, 10",
    )


def _suspicion(case: Case) -> Suspicion:
    """Whoever stands between the client's RST and the server, on the side of the tap where it is missing."""
    if case.client.rst_count:
        if case.vantage == "server":
            suspicion = Suspicion({"server-host": 1.0})
            suspicion.rule_out("path", "the RST is visible in this capture, taken on the server")
            return suspicion
        sides = {"path": 0.2, "server-network": 0.4}
        if case.vantage != "middle":
            sides["client-network"] = 0.4
        suspicion = Suspicion(sides)
        suspicion.rule_out("client-host", "its RST is visible")
        return suspicion
    if case.vantage == "client":
        return Suspicion({"client-host": 1.0})
    suspicion = Suspicion({"client-network": 0.45, "client-host": 0.35, "path": 0.2})
    suspicion.rule_out("server-host", "it challenges the SYN as RFC 5961 asks")
    return suspicion


def missing(case: Case) -> tuple[str, str]:
    """The answer."""
    return ("server", "no SYN-ACK")
