"""Payload of the server was lost on its way to the client and sent again.

Signature
    At least two segments (and more than 1 % of them) of the server were repeated after a timeout, duplicate
    acknowledgments or a probe, and not reported as duplicates by the other end; or one took over a second.
    Three or more, or such a stall, make it a warning.

Meaning
    The path drops segments, or is so full that they are dropped. The connection survived and was slower for
    it.

Confused with
    spurious-rto: they had arrived. rto-backoff-dead: nothing gets through any more. reordering: a gap that
    fills within the round trip. Segments missing in the capture only: their acknowledgment shows that.

Dropped by
    Seen and repeated: between the capture and the client. Filling a gap: between the server and the capture.
    At the receiving host's own capture, seen and repeated: that host, or its acknowledgments were lost.

Next
    Two captures at the same time show between which points it is.

Authority
    RFC 9293 section 3.8.1; RFC 6298; RFC 8985.
"""

from __future__ import annotations

import numpy as np

from ..case import Case
from ..evidence import losses
from ..result import Finding
from ..table import FlowTable

CODE = "segment-loss-down"
PHASE = "established"


def candidates(table: FlowTable) -> np.ndarray:
    """Repeated payload of the server."""
    return losses.candidates(table, "server")


def judge(case: Case) -> Finding | None:
    """Loss on the way down."""
    return losses.judge(case, CODE, "server")
