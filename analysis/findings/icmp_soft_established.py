"""An ICMP error quoted a connection that was open.

Signature
    Destination unreachable or time exceeded (not "too large") quoting a segment sent after the handshake.

Meaning
    A router could not or would not deliver that segment. On an open connection the error is soft: TCP goes on
    and tells the application only if it gives up later. When nothing is acknowledged afterwards, it says why
    the connection died; before three seconds of repeats it may yet recover, and that is an even guess.

Confused with
    icmp-host-unreach, icmp-admin-prohib: the same errors in answer to a SYN are final. pmtu-recovered: "too
    large".

Dropped by
    Whoever sent the error: the host at the other end, or a router on the way to it.

Next
    On the router that sent it: route, neighbour table, rules.

Authority
    RFC 9293 section 3.9.2.2; RFC 1122 section 4.2.3.9; RFC 5927 section 5. Linux keeps it as sk_err_soft.
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import address_text
from .. import errnos
from ..case import Case, HalfRow, evidence, other
from ..evidence.icmp import errno_name, error_name
from ..evidence.silence import PATIENCE_NS
from ..evidence.unheard import told_by_router
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion
from . import pmtu_recovered, rto_backoff_dead

CODE = "icmp-soft-established"
PHASE = "established"

REPEATS = 2
"""Repeats without progress after the error: more than one segment met the trouble."""

SURE, UNSURE = 0.9, 0.5
"""Confidence; the lower one as long as the next repeat may still get through."""


def candidates(table: FlowTable) -> np.ndarray:
    """An ICMP error, not about size, on a connection that had opened."""
    opened = (table.flows["established_ns"] > 0) & (table.flows["icmp_ns"] > table.flows["established_ns"])
    return np.asarray((table.flows["icmp_count"] > 0) & opened & ~pmtu_recovered.candidates(table))


def judge(case: Case) -> Finding | None:
    """The error; an error of ours when the connection died of it."""
    flow, side = case.flow, pmtu_recovered.quoted_side(case)
    half, peer = case.half(side), case.half(other(side))
    v6 = ":" in case.server_end.ip
    router = address_text(flow.icmp_via_hi, flow.icmp_via_lo)
    name = error_name(flow.icmp_type, flow.icmp_code, v6)
    died = half.edge_count >= REPEATS and peer.last_ns < flow.icmp_ns and half.last_ns >= flow.icmp_ns
    failed = died and errnos.timed_out(case, half, half.edge_count)
    lost = died and _given_up(case, side)
    told = told_by_router(case, side)
    suspicion = Suspicion(told.weights if died and told else {})
    outcome = "and nothing has come back since" if died else "and it went on"
    return Finding(
        CODE,
        PHASE,
        _severity(half, lost) if died else "info",
        SURE if lost or not died else UNSURE,
        f"{router} said '{name}' about the {side}'s segments on the open connection, {outcome}",
        suspicion.suspects(),
        evidence((flow.icmp_frame, flow.icmp_ns, f"ICMP {name} from {router}, {flow.icmp_count} in all")),
        suspicion.ruled_out(),
        Errno(**{side: errno_name(flow.icmp_type, flow.icmp_code, v6)}) if failed else Errno(),
        (f"ip route get {case.end(other(side)).ip}; ip neigh; nft list ruleset    # on {router}",)
        if died
        else (),
        "RFC 9293 section 3.9.2.2; RFC 5927 section 5",
    )


def _given_up(case: Case, side: str) -> bool:
    """Whether the trouble outlasted what heals by itself: repeats in vain, or the sender's own RST."""
    half, silent_ns = case.half(side), case.half(other(side)).last_ns
    long = half.edge_last_ns - silent_ns >= PATIENCE_NS
    return bool(long or half.rst_count or rto_backoff_dead.stuck_sender(case) == side)


def _severity(half: HalfRow, lost: bool) -> str:
    """That the connection died is for rto-backoff-dead to tell, once it has been repeated often enough."""
    return "error" if lost and half.edge_count < rto_backoff_dead.REPEATS else "warning"
