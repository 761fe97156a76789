"""An end that had closed answered late words with a reset.

Signature
    FIN, then a RST of the same end, because the other end still sent something. How much of it was lost is
    told; a TLS close_notify has 24 or 31 bytes.

Meaning
    The program closed completely instead of one direction only. What came later met no reader. Browsers and
    servers do this all day.

Confused with
    data-after-close and rst-no-socket: something that matters was lost.

Dropped by
    Nobody.

Next
    Nothing, unless the other end logs errors for it.

Authority
    RFC 9293 section 3.6.1; RFC 2525 section 2.17; RFC 8446 section 6.1 (close_notify).
"""

from __future__ import annotations

from ..case import Case, evidence, seconds
from ..evidence.resets import Reset, candidates, first_reset
from ..records import Known
from ..result import Finding
from . import rst_no_socket

CODE = "rst-after-fin"
PHASE = "close"

__all__ = ["CODE", "PHASE", "candidates", "judge"]


def judge(case: Case) -> Finding | None:
    """The first RST, if its sender had closed and nothing of weight was lost."""
    reset = first_reset(case)
    if reset is None or not _closed_before(reset) or rst_no_socket.judge(case) is not None:
        return None
    half = reset.half
    lost = (
        f"{reset.untaken_bytes} bytes of the {reset.to} were lost"
        if reset.untaken_bytes
        else "nothing was lost"
    )
    return Finding(
        CODE,
        PHASE,
        "info",
        0.9,
        f"the {reset.sender} closed and reset what came {seconds(half.rst_ns - half.fin_ns)} after; {lost}",
        (),
        evidence((half.fin_frame, half.fin_ns, "FIN"), (half.rst_frame, half.rst_ns, "RST of the same end")),
        authority="RFC 9293 section 3.6.1",
    )


def _closed_before(reset: Reset) -> bool:
    """FIN before RST, and no FIN of the other end taken yet (that is TIME-WAIT)."""
    return bool(reset.after_fin and not reset.peer.known & Known.FIN_ACKED)
