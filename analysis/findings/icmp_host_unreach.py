"""A router answered the SYN with ICMP host or network unreachable.

Signature
    ICMP type 3 code 0, 1, 6 or 7 (ICMPv6 type 1 code 0, 2 or 3) that quotes the client's SYN, and no
    SYN-ACK.

Meaning
    Host unreachable: the last router asked for the server's link address and nobody answered; the host is
    down, absent, or on another network. Linux routers say so after three requests, 3 s after the first SYN.
    Network unreachable: that router has no route.

Confused with
    icmp-admin-prohib: a rule, with the same errno on IPv4. arp-no-reply: the same absence, seen on the
    server's link.

Dropped by
    Host unreachable: the server's network or the host that is not there. Network unreachable: the network
    in which the router stands.

Next
    The neighbour table and the routes of that router.

Authority
    RFC 792, RFC 1812 section 5.2.7.1, RFC 4443 section 3.1; Linux: EHOSTUNREACH, for code 0 ENETUNREACH.
"""

from __future__ import annotations

import numpy as np

from ..case import Case
from ..evidence import unreachable
from ..evidence.icmp import misses_host
from ..evidence.position import Place
from ..result import Finding
from ..table import FlowTable

CODE = "icmp-host-unreach"
PHASE = "handshake"
KINDS = frozenset({(3, 0), (3, 1), (3, 6), (3, 7)})
KINDS6 = frozenset({(1, 0), (1, 2), (1, 3)})


def candidates(table: FlowTable) -> np.ndarray:
    """A SYN answered by host or network unreachable."""
    return unreachable.answered_by_icmp(table, KINDS, KINDS6)


def judge(case: Case) -> Finding:
    """The absence, and who tells of it."""
    via, server = unreachable.sender(case), case.server_end.ip
    steps: tuple[str, ...]
    if _host_missing(case):
        summary = f"{via} cannot reach {server}: no host answers for that address"
        neighbour = f"ip neigh show {server}    # on {via}: FAILED or INCOMPLETE?"
        steps = (neighbour, f"ping -c 3 {server}    # from {via}: is it up and on that network?")
    else:
        summary = f"{via} has no route to {server}"
        steps = (f"ip route get {server}    # on {via}",)
    return unreachable.finding(case, CODE, summary, _place(case), steps, "RFC 792; RFC 1812 section 5.2.7.1")


def _host_missing(case: Case) -> bool:
    return misses_host(case.flow.icmp_type, case.flow.icmp_code, unreachable.v6(case))


def _place(case: Case) -> Place:
    """Only the last router misses a host; when that one stands at the client, both are on one network."""
    where = unreachable.place(case)
    if not _host_missing(case) or "client-host" in where.weights:
        return where
    if where.weights.get("client-network", 0) > 0.5:
        return Place({"client-network": 0.55, "server-host": 0.25, "server-network": 0.2}, where.why)
    return Place({"server-network": 0.5, "server-host": 0.5}, f"only the last router knows; {where.why}")
