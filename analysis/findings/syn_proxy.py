"""The handshake was answered by somebody else than the data.

Signature
    The server's SYN-ACK and its first payload differ in where they come from: two or more hops, and what
    follows stays with the payload. Or the SYN-ACK advertises a window of zero, which no listening socket
    does.

Meaning
    A SYN proxy, load balancer, PEP or VPN gateway completes the handshake and connects to the server
    afterwards. That the connection opened says nothing about the server; what happens afterwards does.

Confused with
    A route that changes: it does so at some moment of a connection, hardly ever between SYN-ACK and first
    payload. A slow application delays its data, but its kernel's bare acknowledgments come at the pace of the
    handshake.

Dropped by
    Nobody. What fails later fails behind that device.

Next
    The same address from behind the device; its list of servers.

Authority
    RFC 3135 section 2; RFC 4987 section 3.4.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, hops, seconds
from ..records import Fact
from ..result import Finding
from ..table import FlowTable

CODE = "syn-proxy"
PHASE = "handshake"
ASKS_CLEAN = True

HOPS = 2
"""One hop more or less is another path of equal cost."""


def candidates(table: FlowTable) -> np.ndarray:
    """The SYN-ACK's TTL is none of the TTLs of the server's data."""
    server = table.server
    handshake = table.has(Fact.HANDSHAKE) & (server("data_packets") > 0)
    data, first = table.flows["reply_ttl"].astype(np.int16), server("syn_ttl").astype(np.int16)
    moved = (np.abs(data - first) >= HOPS) & (server("data_ttl") == data)
    shut = (server("syn_window") == 0) & (server("synack_count") > 0)
    two_levels = (server("ttl_min") == np.minimum(data, first)) & (
        server("ttl_max") == np.maximum(data, first)
    )
    return np.asarray((handshake & moved & two_levels) | shut)


def judge(case: Case) -> Finding | None:
    """The two senders behind one address."""
    client, server = case.client, case.server
    if case.vantage in ("server", "both") or server.synack_repeat_count:
        return None
    if server.syn_window == 0:
        return _shut(case)
    nearer = hops(case.flow.reply_ttl) - hops(server.syn_ttl)
    port = case.scene.peers.listener(case.index)
    if port.ttl != port.ttl_min and nearer < 0:
        return None
    opened = seconds(server.syn_ns - client.syn_ns)
    where = "before the server" if nearer > 0 else "behind the address"
    return Finding(
        CODE,
        PHASE,
        "info",
        0.75,
        f"another host {abs(nearer)} hops {where} answered the SYN to {case.server_end}: that it opened says"
        " nothing about the server",
        (),
        evidence(
            (server.syn_frame, server.syn_ns, f"SYN-ACK, TTL {server.syn_ttl}, {opened} after the SYN"),
            (server.data_frame, server.data_ns, f"first payload, TTL {case.flow.reply_ttl}"),
        ),
        authority="RFC 3135 section 2; RFC 4987 section 3.4",
    )


def _shut(case: Case) -> Finding:
    """A SYN-ACK with a closed window: whoever sent it has nobody behind it yet."""
    client, server = case.client, case.server
    opened = server.reopened_ns or 0
    after = f"it opened {seconds(opened - server.syn_ns)} later" if opened else "it has not opened since"
    return Finding(
        CODE,
        PHASE,
        "info",
        0.85,
        f"a SYN proxy answered in the name of {case.server_end}: the handshake says nothing about the server",
        (),
        evidence(
            (client.syn_frame, client.syn_ns, "SYN"),
            (server.syn_frame, server.syn_ns, f"SYN-ACK with a window of zero; {after}"),
        ),
        authority="RFC 4987 section 3.4; Linux nf_synproxy, verified on 6.18",
    )
