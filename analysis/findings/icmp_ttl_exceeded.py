"""The SYN ran out of hops: a routing loop.

Signature
    ICMP type 11 code 0 (ICMPv6 type 3 code 0) that quotes a SYN sent with an ordinary TTL, and no SYN-ACK.

Meaning
    Routers hand the packet to each other until its TTL is used up.

Confused with
    traceroute: sends SYNs with TTL 1, 2, 3... on purpose; such SYNs are left out.

Dropped by
    The path: routers that disagree; the one that sent the error is part of the loop.

Next
    A traceroute from the client: the routers that repeat.

Authority
    RFC 792; Linux: EHOSTUNREACH when the attempt ends.
"""

from __future__ import annotations

import numpy as np

from ..case import Case
from ..evidence import unreachable
from ..evidence.position import Place
from ..result import Finding
from ..table import FlowTable

CODE = "icmp-ttl-exceeded"
PHASE = "handshake"
KINDS = frozenset({(11, 0)})
KINDS6 = frozenset({(3, 0)})
PROBE_TTL = 30
"""traceroute stops at 30 hops; hosts start at 64 or more, and no path is 34 routers long before the tap."""


def candidates(table: FlowTable) -> np.ndarray:
    """A SYN with an ordinary TTL answered by time exceeded."""
    return unreachable.answered_by_icmp(table, KINDS, KINDS6) & (table.client("syn_ttl") > PROBE_TTL)


def judge(case: Case) -> Finding:
    """The loop, and one router in it."""
    via, server = unreachable.sender(case), case.server_end
    summary = f"the SYN to {server} ran out of hops at {via}: a routing loop"
    where = unreachable.place(case)
    weights = {side: weight * (3 if side == "path" else 1) for side, weight in where.weights.items()}
    weights.setdefault("path", 1.0)
    steps = (f"mtr -T -P {server.port} {server.ip}    # on {case.client_end.ip}: which routers repeat?",)
    return unreachable.finding(case, CODE, summary, Place(weights, where.why), steps, "RFC 792")
