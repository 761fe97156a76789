"""One end closed with a RST instead of a FIN after the exchange was complete.

Signature
    A RST, no FIN of the same end before it, everything acknowledged in both directions, and nothing owed: the
    answer had come, or nothing had been asked.

Meaning
    Meant so: SO_LINGER of zero spares TIME-WAIT. Health checks of load balancers, load generators and some
    proxies close like this. Nothing was lost.

Confused with
    rst-app-abort: something was owed. close-with-unread: part of the request was not read.

Dropped by
    Nobody.

Next
    Nothing, unless the other end logs errors for it.

Authority
    RFC 9293 section 3.10.5 (ABORT).
"""

from __future__ import annotations

from .. import errnos
from ..case import Case, evidence
from ..evidence.resets import Reset, candidates, first_reset
from ..result import Errno, Finding

CODE = "rst-instead-of-fin"
PHASE = "close"

__all__ = ["CODE", "PHASE", "candidates", "judge"]


def judge(case: Case) -> Finding | None:
    """The first RST, if it only took the place of a FIN."""
    reset = first_reset(case)
    if reset is None or not _complete(reset):
        return None
    half = reset.half
    return Finding(
        CODE,
        PHASE,
        "info",
        0.8,
        f"the {reset.sender} ({case.end(reset.sender)}) closed with RST instead of FIN, all being said",
        (),
        evidence((half.rst_frame, half.rst_ns, "RST; everything had been acknowledged")),
        errno=Errno(**{reset.to: errnos.of_reset(reset)}),
        authority="RFC 9293 section 3.10.5",
    )


def _complete(reset: Reset) -> bool:
    """Nothing outstanding: all of it acknowledged, and the answer had come."""
    half, peer = reset.half, reset.peer
    silent = not half.data_packets and not peer.data_packets
    if half.fin_count or reset.kernel_gave_up or reset.untaken_bytes:
        return False
    return not reset.owed or (silent and reset.sender == "client")
