"""The receiver opened its window again, and the sender does not know.

Signature
    A window of zero and probes of it, then an open window, and two or more probes still, before anything new
    is sent, although each answer shows the open window.

Meaning
    The update, and the answers to the probes, pass the tap and do not reach the sender. Updates are not
    acknowledged, so a lost one is repaired only by the next probe; a way back that loses everything leaves
    the connection standing still.

Confused with
    zero-window-stall: the window is still closed. keepalive-ok: the same bytes, but they did not begin as
    probes of a closed window.

Dropped by
    Whatever lies between the tap and the end that probes.

Next
    Capture at that end: does the update arrive?

Authority
    RFC 9293 section 3.8.6.1.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, other, seconds
from ..evidence.closing import beyond_tap
from ..measures import best_first, capture_at, trace
from ..result import Finding
from ..table import FlowTable

CODE = "window-update-lost"
PHASE = "established"
OVERSHADOWS = ("zero-window-stall",)
"""The window had been closed, but what stands still now stands still for the lost update."""

PROBES = 2
"""The first may cross the update on its way."""


def candidates(table: FlowTable) -> np.ndarray:
    """Probes of a window that is open."""
    return np.asarray(table.either("late_probe_count") >= PROBES)


def judge(case: Case) -> Finding | None:
    """The end that probes an open window."""
    for sender in ("client", "server"):
        half, peer = case.half(sender), case.half(other(sender))
        if half.late_probe_count < PROBES or case.answers_unseen:
            continue
        stands = half.advanced_ns < peer.reopened_ns and not peer.zero_since_ns
        late = f" that opened {seconds(half.last_ns - peer.reopened_ns)} ago" if stands else " that was open"
        suspicion = beyond_tap(case, sender)
        return Finding(
            CODE,
            PHASE,
            "warning",
            0.7,
            f"the {sender} ({case.end(sender)}) {'still probes' if stands else 'probed'} a window{late}:"
            f" {half.late_probe_count} probes",
            suspicion.suspects(),
            evidence(
                (peer.last_frame, peer.last_ns, f"the {other(sender)}'s window: {peer.window_bytes} bytes"),
                (half.last_frame, half.last_ns, f"{half.late_probe_count} probes of the open window"),
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
