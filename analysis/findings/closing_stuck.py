"""Both ends closed at once and one acknowledgment never gets through.

Signature
    The two FINs crossed, one end acknowledged the other's and repeats its own (at least four in all, over a
    second or more): it stays in CLOSING.

Meaning
    All data is through. Segments travel in one direction only: the repeated FIN, or the acknowledgments of
    it, are lost every time.

Confused with
    simultaneous-close: both FINs are acknowledged. last-ack-stuck: one FIN came after the other was
    acknowledged.

Dropped by
    Where the acknowledgments are seen, whatever lies from the tap towards the end that repeats; where they
    are not, whatever lies towards the other one.

Next
    A filter that drops segments without data in one direction, or a firewall that has closed its entry
    already.

Authority
    RFC 9293 section 3.6 case 3.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, other, seconds
from ..evidence.closing import FIN_REPEATS, SILENCE_NS, beyond_tap, stands, unreliable
from ..measures import best_first, capture_at, middlebox
from ..result import Finding
from ..states import State
from ..table import FlowTable

CODE = "closing-stuck"
PHASE = "close"
SUPERSEDES = ("rto-backoff-dead",)


def candidates(table: FlowTable) -> np.ndarray:
    """An end in CLOSING that repeats its FIN."""
    halves = table.halves
    stuck = (halves["fin_repeat_count"] >= FIN_REPEATS) & (halves["proven"] == State.CLOSING)
    return np.asarray((stuck[0::2] | stuck[1::2]) & stands(table))


def judge(case: Case) -> Finding | None:
    """The repeats, and whether answers to them were seen."""
    stuck = _stuck(case)
    if stuck is None or unreliable(case):
        return None
    half, peer = case.half(stuck), case.half(other(stuck))
    if half.last_ns - half.fin_ns < SILENCE_NS:
        return None
    answered = bool(half.fin_acked_ns)
    suspicion = beyond_tap(case, stuck if answered else other(stuck))
    spent = seconds(half.last_ns - half.fin_ns)
    why = (
        "the acknowledgments are seen and do not reach it" if answered else "no acknowledgment of it is seen"
    )
    return Finding(
        CODE,
        PHASE,
        "warning",
        0.8,
        f"{case.end(stuck)} waits in CLOSING: it sent its FIN {half.fin_count} times in {spent}, {why}",
        suspicion.suspects(),
        evidence(
            (peer.fin_frame, peer.fin_ns, f"FIN of the {other(stuck)}"),
            (half.fin_frame, half.fin_ns, f"FIN of the {stuck}, sent before that one arrived"),
            (
                half.fin_acked_frame,
                half.fin_acked_ns,
                f"the {other(stuck)} acknowledges it; the {stuck} repeats it",
            ),
            (half.last_frame, half.last_ns, f"repeat number {half.fin_repeat_count}"),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, stuck if answered else other(stuck), "does it arrive?"),
            middlebox("nft list ruleset; conntrack -L -p tcp", "on firewalls between: what drops bare ACKs?"),
        ),
        authority="RFC 9293 section 3.6 case 3",
    )


def _stuck(case: Case) -> str | None:
    sides = [side for side in ("client", "server") if case.half(side).proven == State.CLOSING]
    return max(sides, key=lambda side: case.half(side).fin_repeat_count) if sides else None


def missing(case: Case) -> tuple[str, str] | None:
    """The acknowledgment, when none was seen."""
    stuck = _stuck(case)
    return (other(stuck), "no ACK of the FIN") if stuck and not case.half(stuck).fin_acked_ns else None
