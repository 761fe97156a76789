"""The receiver opened its window again, and the sender does not know.

Signature
    A window of zero, then one that is open, and the other end goes on with probes (two or more, the last at
    least 200 ms after the window opened) and sends nothing new, although each answer shows the open window.

Meaning
    The update, and the answers to the probes, pass the tap and do not reach the sender. Updates are not
    acknowledged, so a lost one is repaired only by the next probe; a way back that loses everything leaves
    the connection standing still.

Confused with
    zero-window-stall: the window is still closed. keepalive-ok: the same bytes when nothing waits to be sent;
    keepalives come a second or more apart and did not begin as probes of a closed window.

Dropped by
    Whatever lies between the tap and the end that probes.

Next
    Capture at that end: does the update arrive?

Authority
    RFC 9293 section 3.8.6.1.
"""

from __future__ import annotations

import numpy as np

from ..case import MS, Case, evidence, other, seconds
from ..closing import beyond_tap
from ..measures import best_first, capture_at, trace
from ..result import Finding
from ..table import FlowTable

CODE = "window-update-lost"
PHASE = "established"
SUPERSEDES = ("zero-window-stall",)
"""The window had been closed, but what stands still now stands still for the lost update."""

WAIT_NS = 200 * MS
"""Linux's smallest probe timer (the retransmission timeout)."""

PROBES = 2
"""The first may cross the update on its way."""


def candidates(table: FlowTable) -> np.ndarray:
    """Probes of a closed window, then more of the same bytes after it opened."""
    mask = np.zeros(len(table), bool)
    for near, far in ((table.client, table.server), (table.server, table.client)):
        probed = (near("probe_count") > 0) & (near("keepalive_count") >= PROBES)
        mask |= probed & (far("reopened_ns") > 0) & (near("advanced_ns") < far("reopened_ns"))
    return mask


def judge(case: Case) -> Finding | None:
    """The end that still probes."""
    for sender in ("client", "server"):
        half, peer = case.half(sender), case.half(other(sender))
        late_ns = half.last_ns - peer.reopened_ns
        if not half.probe_count or half.keepalive_count < PROBES or not peer.reopened_ns:
            continue
        if half.advanced_ns > peer.reopened_ns or peer.zero_since_ns or late_ns < WAIT_NS:
            continue
        if case.vantage == sender or case.answers_unseen or half.fin_count:
            continue
        suspicion = beyond_tap(case, sender)
        return Finding(
            CODE,
            PHASE,
            "warning",
            0.7,
            f"the {sender} ({case.end(sender)}) still probes a window that opened {seconds(late_ns)} ago",
            suspicion.suspects(),
            evidence(
                (peer.last_frame, peer.last_ns, f"the {other(sender)}'s window: {peer.window_bytes} bytes"),
                (half.last_frame, half.last_ns, f"{half.keepalive_count} probes since it opened"),
            ),
            suspicion.ruled_out(),
            next=best_first(
                suspicion.suspects(),
                capture_at(case, sender, "does the window update arrive?"),
                trace(case, other(sender), "where does the way back lose packets?"),
            ),
            authority="RFC 9293 section 3.8.6.1",
        )
    return None
