"""The server's host answered the SYN with a reset: nothing listens on that port.

Signature
    RST with ACK, sequence number 0 (a SYN received, no socket), acknowledging the client's SYN exactly, with the
    server's usual TTL where another connection shows it, and no sooner than its round trip allows.

Meaning
    The SYN reached a live host, and its kernel refused it. The application is not running, or listens on another
    address or port. A local firewall rule that rejects with a reset on the server sends the same bytes.

Confused with
    reject-tcp-reset: a firewall on the way sends the same bytes; only its TTL, its delay, or another client that
    gets through to the same port tell it from the host.

Dropped by
    The server application (not listening); the server host's own firewall cannot be told from it.

Next
    On the server: `ss -ltn` for the port and the address it is bound to.

Authority
    RFC 9293 section 3.5.2 group 1 and section 3.10.7.1; Linux answers with sequence 0, window 0, no options.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, seconds
from ..records import Fact
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "port-closed"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """A SYN, no SYN-ACK, a RST from the server."""
    return (
        (table.client("syn_count") > 0)
        & (table.server("synack_count") == 0)
        & (table.server("rst_count") > 0)
        & ~table.has(Fact.SIMULTANEOUS_OPEN)
    )


def judge(case: Case) -> Finding | None:
    """The refusal, unless something says that a firewall sent it."""
    client, server = case.client, case.server
    if server.rst_form != 1:
        return None
    answered = case.scene.peers.server(case.server_end.ip)
    if answered.ttl and abs(answered.ttl - server.rst_ttl) >= 1:
        return None
    suspicion = Suspicion({"server-app": 0.85, "server-host": 0.15})
    suspicion.rule_out("path", "the answer came back")
    suspicion.rule_out("client-host", "its SYN arrived and was answered")
    delay_ns = server.rst_ns - client.syn_last_ns
    known = bool(answered.ttl)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.95 if known else 0.75,
        f"{case.server_end} refused the connection: nothing listens on port {case.server_end.port}",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, "SYN"),
            (
                server.rst_frame,
                server.rst_ns,
                f"RST, seq 0, acknowledges the SYN, {seconds(delay_ns)} later, TTL {server.rst_ttl}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client="ECONNREFUSED"),
        (f"ss -ltn 'sport = :{case.server_end.port}'    # on {case.server_end.ip}",),
        "RFC 9293 section 3.5.2, 3.10.7.1",
    )
