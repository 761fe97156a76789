"""The SYN was answered with a reset: nothing listens on that port, or a firewall says so.

Signature
    RST with ACK, sequence number 0 (a SYN received, no socket; whatever its window), acknowledging the
    client's SYN exactly, with the server's usual TTL where another connection shows it, and no sooner than
    its round trip allows.

Meaning
    The SYN reached a live host, and its kernel refused it. The application is not running, or listens on
    another address or port. A local firewall rule that rejects with a reset on the server sends the same
    bytes.

Confused with
    reject-tcp-reset: a firewall on the way sends the same bytes; only its TTL, its delay, or another client
    that gets through to the same port tell it from the host.

Dropped by
    The server application (not listening). The server host's own firewall cannot be told from it by any
    packet, a firewall in front of it only when its hops or its delay differ: no side gets more than half.

Next
    On the server: `ss -ltn` for the port and the address it is bound to.

Authority
    RFC 9293 section 3.5.2 group 1 and section 3.10.7.1; Linux answers with sequence 0, window 0, no
    options.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, seconds
from ..evidence.refusal import baseline, contradiction, farther
from ..measures import accept_queue, best_first, firewall
from ..records import Fact
from ..result import Errno, Evidence, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "port-closed"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """A SYN, no SYN-ACK, a RST from the server."""
    mask: np.ndarray = (
        (table.client("syn_count") > 0)
        & (table.server("synack_count") == 0)
        & (table.server("rst_count") > 0)
        & ~table.has(Fact.SIMULTANEOUS_OPEN)
    )
    return mask


def judge(case: Case) -> Finding | None:
    """The refusal, unless something says that a firewall sent it."""
    server = case.server
    if server.rst_form != 1 or contradiction(case):
        return None
    known = bool(baseline(case)[1])
    suspicion, confidence = _suspicion(case)
    return Finding(
        CODE,
        PHASE,
        "error",
        confidence if known else min(confidence, 0.75),
        f"{case.server_end} refused the connection: nothing listens on port {case.server_end.port}, or a"
        " firewall rejects it",
        suspicion.suspects(),
        _evidence(case),
        suspicion.ruled_out(),
        Errno(client=errnos.refused(case, server.rst_ns, "ECONNREFUSED")),
        best_first(
            suspicion.suspects(),
            accept_queue(case),
            firewall(case, "server", "a rule that rejects with tcp-reset?"),
        ),
        "RFC 9293 section 3.5.2, 3.10.7.1",
    )


def _suspicion(case: Case) -> tuple[Suspicion, float]:
    """The application; less surely so when the port answers others before and after."""
    suspicion = Suspicion({"server-app": 0.5, "server-host": 0.3, "server-network": 0.2})
    confidence = 0.95
    listener = case.scene.peers.listener(case.index)
    if listener.first_answer_ns and listener.first_answer_ns < case.server.rst_ns < listener.last_answer_ns:
        suspicion = Suspicion({"server-app": 0.45, "server-host": 0.27, "server-network": 0.28})
        confidence = 0.7
    suspicion.rule_out("path", "the answer came back")
    suspicion.rule_out("client-host", "its SYN arrived and was answered")
    if case.vantage == "server":
        suspicion.scale("server-host", 5 / 3, "a rule on the host sends the same bytes as a closed port")
        suspicion.rule_out("server-network", "the RST left from the server, where the capture was taken")
    return suspicion, confidence


def _evidence(case: Case) -> tuple[Evidence, ...]:
    client, server = case.client, case.server
    delay = seconds(server.rst_ns - client.syn_last_ns)
    told = f"RST, seq 0, acknowledges the SYN, {delay} later, TTL {server.rst_ttl}"
    lowest, highest, source, _ = baseline(case)
    if farther(case):
        distance = f"{farther(case)} hop" + ("" if farther(case) == 1 else "s")
        told += f"; {distance} behind what answers on {source}: the port leads to another host"
    elif highest:
        told += f", as in {source}" if lowest == highest else f", in the range {lowest}-{highest} of {source}"
    last = case.scene.peers.listener(case.index).last_answer_ns
    if last and last < client.syn_ns:
        told += f"; the port last answered {seconds(client.syn_ns - last)} before this SYN"
    return evidence((client.syn_frame, client.syn_ns, "SYN"), (server.rst_frame, server.rst_ns, told))
