"""The client answered the SYN-ACK with a reset.

Signature
    SYN, a SYN-ACK that acknowledges it, then RST from the client with the acknowledged number, and no ACK.

Meaning
    When the SYN-ACK came back, no socket waited for it any more: the application gave up sooner than the
    round trip, or the SYN did not come from the kernel's own sockets (a scanner, a raw-socket tool, a
    health check).

Confused with
    A port scan: one client, many ports, each reset at once. A firewall near the client that has no state
    for the SYN-ACK: the RST's TTL differs from the SYN's.

Dropped by
    The client's application or its host; the client's network when the RST's TTL is not the client's.

Next
    The application's connect timeout, compared with the delay of the SYN-ACK.

Authority
    RFC 9293 section 3.10.7.1: a segment to a closed socket is answered with RST, sequence number from its
    ACK field.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, hops, seconds
from ..measures import Step, best_first, capture_at
from ..records import Fact
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "client-rst-after-synack"
PHASE = "handshake"
SCAN_PORTS = 10
"""So many ports tried by one client, hardly any of them opened for good, is a scan."""

SCAN_SHARE = 0.9
"""Share of attempts that a scanner leaves unopened."""


def candidates(table: FlowTable) -> np.ndarray:
    """A RST of the client with the number after its SYN, and no ACK before it."""
    client, server = table.client, table.server
    mask: np.ndarray = (
        (client("syn_count") > 0)
        & (server("synack_count") > 0)
        & (server("stray_ack_count") == 0)
        & (client("rst_count") > 0)
        & (client("rst_seq") == client("iss") + np.uint32(1))
        & (table.flows["established_ns"] == 0)
        & ~table.has(Fact.SIMULTANEOUS_OPEN)
    )
    return mask


def judge(case: Case) -> Finding | None:
    """Given up, scanned, or reset by somebody else."""
    client, server = case.client, case.server
    if client.rst_ns < server.syn_ns:
        return None
    peer = case.scene.peers.client(case.index)
    tried = peer.ports_count
    unopened = peer.abandoned_count + peer.refused_count + peer.silent_count
    scan = tried >= SCAN_PORTS and unopened >= SCAN_SHARE * peer.attempts_count
    waited = seconds(server.syn_ns - client.syn_ns)
    if scan:
        found = f"{case.client_end.ip} found port {case.server_end.port} open"
        summary = f"{found} and reset: a scan of {tried} ports"
    else:
        summary = f"the client reset the SYN-ACK of {case.server_end}: nobody waited for it after {waited}"
    suspicion = _suspicion(case)
    return Finding(
        CODE,
        PHASE,
        "info" if scan else "error",
        0.9,
        summary,
        () if scan else suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"SYN, TTL {client.syn_ttl}"),
            (server.syn_frame, server.syn_ns, f"SYN-ACK, {waited} later"),
            (
                client.rst_frame,
                client.rst_ns,
                f"RST, sequence number of its ACK field, {seconds(client.rst_ns - server.syn_ns)} later,"
                f" TTL {client.rst_ttl}",
            ),
        ),
        () if scan else suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            Step(
                "strace -f -ttt -e trace=network,poll,close -p PID",
                f"on {case.client_end.ip}: is the program's connect timeout below {waited}?",
                frozenset({"client-app"}),
            ),
            capture_at(case, "client", "does the RST leave there?"),
        ),
        authority="RFC 9293 section 3.10.7.1",
    )


def _suspicion(case: Case) -> Suspicion:
    """The application, unless the RST comes from elsewhere."""
    client = case.client
    if hops(client.rst_ttl) != hops(client.syn_ttl):
        suspicion = Suspicion({"client-network": 0.6, "middlebox": 0.25, "client-host": 0.15})
        why = f"the RST has TTL {client.rst_ttl}, the client's SYN {client.syn_ttl}"
        suspicion.rule_out("client-app", why)
    elif case.vantage == "client":
        suspicion = Suspicion({"client-app": 0.8, "client-host": 0.2})
    else:
        suspicion = Suspicion({"client-app": 0.65, "client-host": 0.2, "client-network": 0.15})
    for side in ("server-host", "server-app", "server-network"):
        suspicion.rule_out(side, "the server answered the SYN")
    return suspicion
