"""A device on the way had forgotten the idle connection and swallowed what came later.

Signature
    After 30 s or more without traffic one end repeats the same payload at least four times, and nothing comes
    back; but a new connection of the same client to the same port is answered after that.

Meaning
    Firewalls, address translators and load balancers keep a connection only for so long without traffic
    (350 s and 240 s at large clouds). This one drops what belongs to nothing it knows; both ends still
    believe that the connection is open, and only the one that speaks ever finds out.

Confused with
    rto-backoff-dead: without the pause, or without a new connection that works. A host that had forgotten the
    connection would answer with RST: half-open-dead-peer. nat-timeout-rst: the device says so.

Dropped by
    A device in one of the two networks or between them; the capture shows only beyond which point. In the
    silent end's own capture the segments would be missing.

Next
    Capture at the silent end: the late segments do not arrive. Then the idle timeouts of the devices between,
    and keepalives more often than that.

Authority
    RFC 5382 REQ-5 (2 h 4 min at least); nf_conntrack_tcp_timeout_established and nf_conntrack_tcp_loose.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, other, seconds
from ..evidence.unheard import idle_limits, keepalives_sooner, swallowed
from ..measures import best_first, capture_at, sockets
from ..result import Errno, Finding
from ..table import FlowTable
from . import rto_backoff_dead

CODE = "nat-timeout-silent"
PHASE = "established"
SUPERSEDES = ("rto-backoff-dead", *rto_backoff_dead.SUPERSEDES)


def candidates(table: FlowTable) -> np.ndarray:
    """Payload repeated in vain."""
    return rto_backoff_dead.candidates(table)


def judge(case: Case) -> Finding | None:
    """Repeats into silence after a pause, while a new connection is answered."""
    sender = rto_backoff_dead.stuck_sender(case)
    if sender is None:
        return None
    half, silent = case.half(sender), other(sender)
    peer = case.half(silent)
    idle_ns = half.advanced_ns - peer.last_ns
    suspicion = swallowed(case, sender, half.advanced_ns, idle_ns)
    if suspicion is None or half.fin_count or peer.fin_count:
        return None
    quiet = seconds(idle_ns)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.75,
        f"a device on the way had forgotten the connection to {case.server_end} after {quiet} without"
        f" traffic: what the {sender} sent then vanished, and a new connection works",
        suspicion.suspects(),
        evidence(
            (
                peer.last_frame,
                peer.last_ns,
                f"last segment of the {silent}, {quiet} before the {sender} speaks",
            ),
            (
                half.data_last_frame,
                half.data_last_ns,
                f"last of {half.edge_count} repeats, not answered{suspicion.because}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{sender: errnos.timed_out(case, half, half.edge_count)}),
        best_first(
            suspicion.suspects(),
            capture_at(case, silent, "do the late segments arrive?"),
            idle_limits(quiet),
            sockets(case, silent, "does it still have the connection?"),
            keepalives_sooner(case, sender, quiet),
        ),
        "RFC 5382 REQ-5",
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The acknowledgment."""
    return rto_backoff_dead.missing(case)
