"""A firewall refused the SYN with a reset in the server's name.

Signature
    The bytes of a closed port's answer (RST with ACK, sequence number 0), but from nearer than
    the server: a TTL that says fewer hops than its SYN-ACKs have, or a delay below half of its quickest
    round trip; or the server answers the same SYN after the RST.

Meaning
    The SYN did not reach the server. A firewall's rule rejects it and pretends to be the server.

Confused with
    port-closed: identical bytes. Without another connection to the server there is nothing to compare with,
    and a reject rule on the server itself cannot be told from a closed port by any capture.

Dropped by
    The network in which the sender stands, going by its hops: near the client, near the server, or between.

Next
    The rules of the device at that distance; a capture on the server shows no SYN at all.

Authority
    RFC 9293 section 3.5.2; Linux, BSD and most firewalls reject with sequence number 0 and a TTL of their
    own.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, hops, seconds
from ..evidence.refusal import contradiction
from ..measures import best_first, capture_at, trace
from ..records import Fact
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "reject-tcp-reset"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """A RST of the form that answers a SYN."""
    mask: np.ndarray = (
        (table.client("syn_count") > 0)
        & (table.server("rst_form") == 1)
        & (table.flows["established_ns"] == 0)
        & ~table.has(Fact.SIMULTANEOUS_OPEN)
    )
    return mask


def judge(case: Case) -> Finding | None:
    """The refusal, when something says that it is not the server's."""
    client, server = case.client, case.server
    against = contradiction(case)
    if against is None:
        return None
    suspicion = Suspicion(against.weights)
    suspicion.rule_out("client-host", "its SYN left and was refused on the way")
    suspicion.rule_out("server-app", f"the RST is not the server's: {against.why}")
    away = hops(server.rst_ttl)
    told = f"RST, seq 0, {seconds(server.rst_ns - client.syn_last_ns)} after the SYN; {against.why}"
    return Finding(
        CODE,
        PHASE,
        "error",
        against.confidence,
        f"a firewall {away} hops away refused the connection to {case.server_end} in the server's name",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, "SYN"),
            (server.rst_frame, server.rst_ns, told),
            (server.syn_frame, server.syn_ns, f"SYN-ACK of the server itself, TTL {server.syn_ttl}"),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.refused(case, server.rst_ns, "ECONNREFUSED")),
        best_first(
            suspicion.suspects(),
            capture_at(case, "server", "no SYN arrives there?"),
            trace(case, "client", f"who stands {away} hops from the capture?"),
        ),
        "RFC 9293 section 3.5.2",
    )
