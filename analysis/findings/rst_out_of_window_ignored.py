"""A reset came in the name of one end, and the connection went on: it was forged or stale, and failed.

Signature
    A RST, and after it segments of both ends, without another RST in answer.

Meaning
    Its sequence number was not the one that the receiver expected, or it never arrived. Since RFC 5961 a
    receiver challenges such a RST with an ACK instead of obeying. Blind attackers and devices that come too
    late cause it; so does a delayed RST of an earlier connection on the same ports.

Confused with
    rst-injected: the forged RST that worked.

Dropped by
    Nobody: the exchange went on.

Next
    Nothing, unless it repeats.

Authority
    RFC 5961 section 3.2.
"""

from __future__ import annotations

from ..case import Case, evidence
from ..evidence.forgery import contradictions
from ..evidence.resets import Reset, candidates, reset_of
from ..result import Finding

CODE = "rst-out-of-window-ignored"
PHASE = "established"

__all__ = ["CODE", "PHASE", "candidates", "judge"]


def judge(case: Case) -> Finding | None:
    """A RST that both ends outlived."""
    for side in ("client", "server"):
        reset = reset_of(case, side)
        if reset is not None and reset.survived:
            return _finding(case, reset)
    return None


def _finding(case: Case, reset: Reset) -> Finding:
    half = reset.half
    expected = "the number expected" if half.rst_seq == half.rst_peer_ack else "not the number expected"
    against = contradictions(reset)
    reasons = "; ".join((expected, *against.strong, *against.weak))
    return Finding(
        CODE,
        PHASE,
        "info",
        0.9,
        f"a RST in the name of the {reset.sender} ({case.end(reset.sender)}) was ignored: it went on",
        (),
        evidence(
            (half.rst_frame, half.rst_ns, f"RST: {reasons}"),
            (reset.peer.last_frame, reset.peer.last_ns, f"the {reset.to} still sends"),
        ),
        authority="RFC 5961 section 3.2",
    )
