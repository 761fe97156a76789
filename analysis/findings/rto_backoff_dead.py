"""One end repeated the same data again and again, and the other end never answered any more.

Signature
    The same left edge sent again at least four times over at least a second, and no segment at all from the
    other end since the first repeat; or several segments in turn, ten seconds after its last sign of life.

Meaning
    The other host is gone, or the path to it or back from it broke while the connection was open. Nothing
    tells the two ends: the sender goes on for about fifteen minutes, the receiver sees an idle connection.

Confused with
    zero-window-stall: the other end answers each probe. pmtu-blackhole: small segments still pass.
    icmp-soft-established: a router says why.

Dropped by
    The silent end's host or something on its side of the capture. In that host's own capture, where the
    segments are visible: that host.

Next
    Capture at the silent end: do the segments arrive?

Authority
    RFC 9293 section 3.8.3 (R2, at least 100 s); RFC 6298; Linux tcp_retries2 = 15: ETIMEDOUT after 924 s or
    more. Linux begins with a tail loss probe and a timeout of nearly equal length, then doubles.
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, evidence, other, seconds
from ..result import Errno, Finding
from ..table import FlowTable
from ..unheard import suspicion_of_silence, where_to_look

CODE = "rto-backoff-dead"
PHASE = "established"
SUPERSEDES = ("segment-loss-up", "segment-loss-down", "spurious-rto", "rst-app-abort")

REPEATS = 4
"""Three losses in a row happen on bad paths; four of the same segment, with no other sign of life, are no
chance."""

SPAN_NS = SECOND
"""Four repeats take Linux 1.6 s at its smallest timeout (200 ms)."""


LONG_NS = 10 * SECOND
"""Some stacks repeat several segments in turn: then their count says less than how long nothing came back."""


def candidates(table: FlowTable) -> np.ndarray:
    """Some end keeps repeating payload: the same segment without progress, or several for a long time."""
    same = (table.either("edge_count") >= REPEATS) & (table.either("edge_bytes") > 0)
    several = np.zeros(len(table), bool)
    for near, far in ((table.client, table.server), (table.server, table.client)):
        several |= (near("rto_count") >= REPEATS) & (near("edge_last_ns") - far("last_ns") >= LONG_NS)
    return np.asarray(same | several)


def stuck_sender(case: Case) -> str | None:
    """The end that repeats in vain while the other one is silent; None when there is none."""
    if case.scene.one_way:
        return None
    for side in ("client", "server"):
        half, peer = case.half(side), case.half(other(side))
        if not half.edge_bytes or not half.edge_count or not peer.packets or peer.zero_since_ns:
            continue
        same = half.edge_count >= REPEATS and half.edge_last_ns - half.edge_ns >= SPAN_NS
        several = half.rto_count >= REPEATS and half.edge_last_ns - peer.last_ns >= LONG_NS
        if (same and peer.last_ns <= half.edge_ns) or several:
            return side
    return None


def judge(case: Case) -> Finding | None:
    """Repeats into silence."""
    sender = stuck_sender(case)
    if sender is None:
        return None
    half, peer = case.half(sender), case.half(other(sender))
    suspicion = suspicion_of_silence(case, sender, half.edge_ns, half.advanced_ns - peer.last_ns)
    repeats = int(half.edge_count if half.edge_count >= REPEATS else half.rto_count)
    span = seconds(half.edge_last_ns - peer.last_ns)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.9,
        f"the {other(sender)} ({case.end(other(sender))}) fell silent: the {sender} repeated"
        f" {half.edge_bytes} bytes in vain for {span}",
        suspicion.suspects(),
        evidence(
            (peer.last_frame, peer.last_ns, f"last segment of the {other(sender)}"),
            (
                half.data_last_frame,
                half.data_last_ns,
                f"last of {repeats} repeats, {span} later, not answered",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{sender: "ETIMEDOUT"}),
        where_to_look(case, sender),
        "RFC 9293 section 3.8.3; ip-sysctl tcp_retries2",
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The acknowledgment."""
    sender = stuck_sender(case)
    return (other(sender), "no ACK") if sender else None
