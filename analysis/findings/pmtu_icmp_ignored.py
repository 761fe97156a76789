"""A router said that segments were too large, and the sender kept sending them.

Signature
    ICMP "fragmentation needed" (ICMPv6 "packet too big") quoting one end, and after it three or more repeats
    of a segment that is larger than the MTU it names, without progress.

Meaning
    The sender's host never got the error (its own firewall drops ICMP, or a device between the capture and
    the host does), or does not believe it (the quoted numbers were rewritten on the way).

Confused with
    pmtu-recovered: smaller segments follow. pmtu-blackhole: no ICMP error in the capture.

Dropped by
    In the sender's own capture: that host. Elsewhere: that host, or what lies between the capture and it.

Next
    On the sender: is the path's MTU learned (`ip route get`)? Which rule drops ICMP?

Authority
    RFC 1191 section 6.1; RFC 5927 section 7 (checks before believing).
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import address_text
from .. import errnos
from ..case import Case, evidence, other
from ..measures import best_first, capture_at, firewall, route
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion
from . import pmtu_recovered

CODE = "pmtu-icmp-ignored"
PHASE = "established"
SUPERSEDES = (
    "pmtu-blackhole",
    "rto-backoff-dead",
    "segment-loss-up",
    "segment-loss-down",
    "icmp-soft-established",
)

REPEATS = 3
SMALLEST_HEADERS_BYTES = 40
"""IPv4 and TCP without options: what an MTU leaves less than."""


def candidates(table: FlowTable) -> np.ndarray:
    """An ICMP error about a packet's size, and repeats without progress."""
    return pmtu_recovered.candidates(table) & (table.either("edge_count") >= REPEATS)


def judge(case: Case) -> Finding | None:
    """Repeats of a segment that the error says cannot pass."""
    flow, side = case.flow, pmtu_recovered.quoted_side(case)
    half = case.half(side)
    larger = half.edge_bytes > flow.icmp_mtu - SMALLEST_HEADERS_BYTES
    if half.edge_count < REPEATS or not larger or half.edge_last_ns <= flow.icmp_ns:
        return None
    router = address_text(flow.icmp_via_hi, flow.icmp_via_lo)
    sides = {f"{side}-host": 1.0}
    if case.vantage != side:
        sides |= {f"{side}-network": 1.0, "path": 0.5}
    suspicion = Suspicion(sides)
    suspicion.rule_out(f"{other(side)}-host", "the segments do not get so far")
    return Finding(
        CODE,
        PHASE,
        "error",
        0.9,
        f"the {side} ({case.end(side)}) repeats {half.edge_bytes} bytes although {router} named an MTU of"
        f" {flow.icmp_mtu}",
        suspicion.suspects(),
        evidence(
            (flow.icmp_frame, flow.icmp_ns, f"ICMP from {router}: too large, MTU {flow.icmp_mtu}"),
            (
                half.data_last_frame,
                half.data_last_ns,
                f"the same {half.edge_bytes} bytes, {half.edge_count} repeats",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{side: errnos.timed_out(case, half, half.edge_count)}),
        best_first(
            suspicion.suspects(),
            capture_at(case, side, "does the ICMP error arrive? (filter: icmp)"),
            route(case, side, f"does it show mtu {flow.icmp_mtu}?"),
            firewall(case, side, "is ICMP dropped?"),
        ),
        "RFC 1191 section 6.1; RFC 5927 section 7",
    )
