"""Nothing came back for the client's SYN.

Signature
    The same SYN at least twice (or once with three seconds of silence after it), no segment from the server and
    no ICMP error before the capture ended.

Meaning
    Either the SYN did not reach the server's socket, or the answer did not come back to the place of the capture.
    Taken on the server, the capture decides: a SYN that is visible there and gets no answer was dropped by that
    host (firewall, reverse-path filter, full queue), because the tap sits before all of these.

Confused with
    handshake-truncated: one SYN right before the capture ends. accept-queue-syn-drop: the same bytes, but other
    connections to the port are open and get no data. synack-unacked: seen from the server the answer exists.

Dropped by
    From the client: anything from its network to the server's host; other connections move the weights. From the
    server: the server host.

Next
    Capture on the server at the same time; what it shows splits the suspects in two.

Authority
    RFC 9293 section 3.8.3; Linux tcp_syn_retries: 6 repeats, 131 s (127 s before kernel 6.5).
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, evidence, seconds
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "syn-unanswered"
PHASE = "handshake"
PATIENCE_NS = 3 * SECOND
"""A live server answers within the first retry or two; three seconds cover satellite links and a lost SYN."""


def candidates(table: FlowTable) -> np.ndarray:
    """SYNs and nothing back."""
    return (
        (table.client("syn_count") > 0)
        & (table.server("packets") == 0)
        & (table.flows["icmp_count"] == 0)
    )


def judge(case: Case) -> Finding | None:
    """Silence after repeats, or after a long enough wait."""
    client = case.client
    waited_ns = case.since_ns(client.syn_ns)
    if case.scene.one_way or waited_ns < SECOND or (client.syn_count < 2 and waited_ns < PATIENCE_NS):
        return None
    suspicion = _suspicion(case)
    span = seconds(client.syn_last_ns - client.syn_ns)
    times = f"{client.syn_count} times in {span}" if client.syn_count > 1 else "once"
    return Finding(
        CODE,
        PHASE,
        "error",
        0.95 if client.syn_count > 1 else 0.7,
        f"{case.server_end} never answered: the client's SYN was sent {times}",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"first SYN, TTL {client.syn_ttl}"),
            (
                client.syn_last_frame if client.syn_count > 1 else 0,
                client.syn_last_ns,
                f"last of {client.syn_count} SYNs; the capture goes on for {seconds(case.since_ns(client.syn_last_ns))}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client="ETIMEDOUT"),
        _next(case),
        "RFC 9293 section 3.8.3; ip-sysctl tcp_syn_retries",
    )


def _suspicion(case: Case) -> Suspicion:
    """Weights by vantage point, then by what other connections show (catalogue section J)."""
    if case.vantage == "server":
        suspicion = Suspicion({"server-host": 1.0})
        for side in ("client-app", "client-host", "client-network", "path", "server-network"):
            suspicion.rule_out(side, "the SYN is visible in this capture, taken on the server")
        return suspicion
    sides = {"path": 1.0, "server-network": 1.5, "server-host": 1.5}
    if case.vantage in ("client", "unknown", "both"):
        sides["client-network"] = 1.0
    suspicion = Suspicion(sides)
    peers = case.scene.peers
    listener = peers.listener(case.server_end.ip, case.server_end.port)
    server = peers.server(case.server_end.ip)
    client = peers.client(case.client_end.ip)
    if client.answered_count:
        suspicion.scale("client-network", 0.3, "the same client gets answers from other servers")
    if listener.answered_count:
        suspicion.scale("server-host", 1.5, "the same port answers other connections")
        suspicion.scale("path", 0.6, "the same port answers other connections")
    elif server.answered_count or server.refused_count:
        suspicion.scale("path", 0.2, "the same server answers on other ports")
        suspicion.scale("client-network", 0.5, "the same server answers on other ports")
    return suspicion


def _next(case: Case) -> tuple[str, ...]:
    server, client = case.server_end, case.client_end
    capture = f"tcpdump -ni any 'host {client.ip} and tcp port {server.port}'    # on {server.ip}: does the SYN arrive?"
    counters = "nstat -az TcpExtListenDrops TcpExtListenOverflows TcpExtIPReversePathFilter"
    if case.vantage == "server":
        return (f"nft list ruleset; iptables -nvL INPUT    # on {server.ip}: which rule counts the SYNs?", counters)
    return (capture, counters + f"    # on {server.ip}")


def missing(case: Case) -> tuple[str, str]:
    """The answer."""
    return ("server", "no SYN-ACK")
