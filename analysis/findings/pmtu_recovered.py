"""A router said that segments were too large, and the sender made them smaller: path MTU discovery at work.

Signature
    ICMP "fragmentation needed" (ICMPv6 "packet too big") quoting one end, and that end's payload acknowledged
    later.

Meaning
    A link on the path takes less than the ends' own. It works as long as the ICMP error gets through.

Confused with
    pmtu-icmp-ignored: no progress afterwards. pmtu-blackhole: no ICMP error.

Dropped by
    Nobody.

Next
    To be rid of the first loss: clamp the MSS at the router, or lower the MTU of the sender's route.

Authority
    RFC 1191; RFC 8201.
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import address_text
from ..case import Case, evidence, other
from ..evidence.icmp import error_name
from ..result import Finding
from ..table import FlowTable

CODE = "pmtu-recovered"
PHASE = "established"
SUPERSEDES = ("segment-loss-up", "segment-loss-down", "spurious-rto", "icmp-soft-established")


def candidates(table: FlowTable) -> np.ndarray:
    """An ICMP error about a packet's size."""
    kind, code = table.flows["icmp_type"], table.flows["icmp_code"]
    return np.asarray(
        (table.flows["icmp_count"] > 0) & (((kind == 3) & (code == 4)) | ((kind == 2) & (code == 0)))
    )


def quoted_side(case: Case) -> str:
    """Whose segment the connection's first ICMP error quotes."""
    return "client" if case.flow.icmp_side == case.flow.client_side else "server"


def judge(case: Case) -> Finding | None:
    """The error, and progress after it."""
    flow, side = case.flow, quoted_side(case)
    half = case.half(side)
    if half.data_acked_ns <= flow.icmp_ns or (half.edge_count and half.edge_bytes > flow.icmp_mtu > 0):
        return None
    router = address_text(flow.icmp_via_hi, flow.icmp_via_lo)
    name = error_name(flow.icmp_type, flow.icmp_code, ":" in case.server_end.ip)
    return Finding(
        CODE,
        PHASE,
        "info",
        0.9,
        f"{router} told the {side} that segments are too large (MTU {flow.icmp_mtu}); they became smaller",
        (),
        evidence(
            (flow.icmp_frame, flow.icmp_ns, f"ICMP {name}, next-hop MTU {flow.icmp_mtu}, from {router}"),
            (half.data_last_frame, half.data_last_ns, f"last payload of the {side}; it was acknowledged"),
        ),
        next=(f"ip route get {case.end(other(side)).ip}    # on {case.end(side).ip}",),
        authority="RFC 1191 section 3; RFC 8201",
    )
