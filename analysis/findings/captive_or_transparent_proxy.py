"""Something nearer than the server answered this port in its name.

Signature
    The SYN-ACK of one port comes from at least two routers nearer and in less than half the time of those of
    other ports of the same address.

Meaning
    A captive portal, a transparent proxy or a filter on the way takes connections to this port and answers
    them itself; what the program gets may be a page of that device (a login, a certificate of another name).

Confused with
    Published ports of one address that lead to different hosts: these differ in their last routers, hardly in
    time. syn-proxy: the handshake alone is somebody else's. reject-tcp-reset: the same with a refusal.

Dropped by
    Nobody dropped anything; what the connection says is that device's, not the server's.

Next
    What answers: the page, the certificate's name, compared with the same from another network.

Authority
    RFC 8952 section 1 (captive portals); RFC 3135 section 2 (devices that end connections for others).
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, hops, initial_ttl, seconds
from ..evidence.refusal import CLOCK_NS
from ..measures import Step, best_first, capture_at
from ..records import Fact
from ..result import Finding
from ..table import FlowTable

CODE = "captive-or-transparent-proxy"
PHASE = "handshake"
ASKS_CLEAN = True

NEARER_HOPS = 2
"""One router more or less is another path of equal cost."""

SOONER = 2
"""Ports of hosts side by side differ less."""

LOOKED_AT = 256
"""Connections of other ports that are compared; more would tell the same."""


def candidates(table: FlowTable) -> np.ndarray:
    """The address answers other ports from farther away."""
    ttl = np.where(table.has(Fact.HANDSHAKE), table.server("syn_ttl"), 0).astype(np.int16)
    known = np.where(ttl > 0, ttl, np.int16(255))
    if not len(table) or ttl.max() - known.min() < NEARER_HOPS:
        return np.zeros(len(table), bool)
    groups = table.ends.servers
    lowest = np.minimum.reduceat(known[groups.order], groups.starts)[groups.ids]
    return np.asarray((ttl > 0) & (ttl - lowest >= NEARER_HOPS))


def judge(case: Case) -> Finding | None:
    """This port's answer against the quickest of all ports farther away."""
    client, server = case.client, case.server
    took_ns = server.syn_ns - client.syn_ns
    if case.vantage in ("server", "both") or client.syn_repeat_count or server.synack_repeat_count:
        return None
    farther = _farther(case)
    if farther is None:
        return None
    port, ttl, usual_ns = farther
    if usual_ns < CLOCK_NS or took_ns * SOONER >= usual_ns:
        return None
    end, nearer = case.server_end, hops(ttl) - hops(server.syn_ttl)
    return Finding(
        CODE,
        PHASE,
        "info",
        0.7,
        f"a device {nearer} routers nearer than the server answered for {end}:"
        " a portal or a transparent proxy",
        (),
        evidence(
            (client.syn_frame, client.syn_ns, "SYN"),
            (
                server.syn_frame,
                server.syn_ns,
                f"SYN-ACK after {seconds(took_ns)}, TTL {server.syn_ttl}; port {port} answers after"
                f" {seconds(usual_ns)} with TTL {ttl}",
            ),
        ),
        next=best_first(
            (),
            Step(
                f"curl -sv http://{_host(end.ip)}:{end.port}/",
                f"from {case.client_end.ip}, and from another network",
            ),
            capture_at(case, "server", "does this connection arrive at all?"),
        ),
        authority="RFC 8952 section 1; RFC 3135 section 2",
    )


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _farther(case: Case) -> tuple[int, int, int] | None:
    """(port, TTL, delay) of the quickest SYN-ACK from farther away, of other ports of the address."""
    table, own = case.scene.table, case.server.syn_ttl
    rows = table.ends.servers.members(int(table.ends.servers.ids[case.index]))
    clean = table.has(Fact.HANDSHAKE)[rows] & (table.client("syn_repeat_count")[rows] == 0)
    rows = rows[clean & (table.ends.server_port[rows] != case.server_end.port)]
    found = []
    for row in rows[:LOOKED_AT].tolist():
        ttl = int(table.server("syn_ttl")[row])
        if initial_ttl(ttl) == initial_ttl(own) and hops(ttl) - hops(own) >= NEARER_HOPS:
            delay_ns = int(table.server("syn_ns")[row] - table.client("syn_ns")[row])
            found.append((delay_ns, int(table.ends.server_port[row]), ttl))
    if not found:
        return None
    delay_ns, port, ttl = min(found)
    return port, ttl, delay_ns
