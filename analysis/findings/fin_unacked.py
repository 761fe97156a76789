"""One end closes, repeats its FIN, and the other end never acknowledges it.

Signature
    A FIN at least four times (the first and three repeats over a second or more), everything before it
    acknowledged, and nothing at all from the other end since.

Meaning
    The connection worked until the close; then the other host, or the way to it, went silent. The closer
    stays in FIN-WAIT-1 and its kernel gives up after about eight repeats.

Confused with
    rto-backoff-dead: data is unacknowledged, too. A closed window in front of the FIN: zero-window-stall.
    last-ack-stuck: the other end had closed first.

Dropped by
    Whatever lies from the tap towards the silent end. Taken on that end the capture decides: the FIN
    arrived, so its host dropped it.

Next
    Is the silent host up and does the path work? Capture there at the same time.

Authority
    RFC 9293 section 3.3.2; Linux tcp_orphan_retries (0 means 8), ip-sysctl.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, other, seconds
from ..evidence.closing import FIN_REPEATS, SILENCE_NS, beyond_tap, closer_of, stands, unreliable
from ..measures import best_first, capture_at, firewall, sockets, trace
from ..result import Finding
from ..table import FlowTable

CODE = "fin-unacked"
PHASE = "close"
SUPERSEDES = ("rto-backoff-dead",)


def candidates(table: FlowTable) -> np.ndarray:
    """A repeated FIN without acknowledgment, and none from the other end."""
    halves = table.halves
    lonely = (halves["fin_repeat_count"] >= FIN_REPEATS) & (halves["fin_acked_ns"] == 0)
    quiet = halves["fin_count"] == 0
    return np.asarray(((lonely[0::2] & quiet[1::2]) | (lonely[1::2] & quiet[0::2])) & stands(table))


def judge(case: Case) -> Finding | None:
    """The repeats, when the other end is silent and only the FIN is outstanding."""
    closer = closer_of(case)
    if closer is None or unreliable(case):
        return None
    first, second = case.half(closer), case.half(other(closer))
    outstanding_count = (first.fin_seq - first.una) & 0xFFFFFFFF
    if outstanding_count != 1 or second.zero_since_ns or first.last_ns - second.last_ns < SILENCE_NS:
        return None
    silent, end = other(closer), case.end(other(closer))
    suspicion = beyond_tap(case, silent)
    spent = seconds(first.last_ns - first.fin_ns)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.9,
        f"{end} fell silent: it never acknowledged the FIN of {case.end(closer)}, sent "
        f"{first.fin_count} times in {spent}",
        suspicion.suspects(),
        evidence(
            (second.last_frame, second.last_ns, f"last segment of the {silent}"),
            (first.fin_frame, first.fin_ns, f"first FIN of the {closer}; all its data was acknowledged"),
            (first.last_frame, first.last_ns, f"repeat number {first.fin_repeat_count}"),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, silent, "does the FIN arrive?"),
            firewall(case, silent) if case.vantage == silent else None,
            trace(case, closer),
            sockets(case, closer, "how long has it been waiting in FIN-WAIT-1?"),
        ),
        authority="RFC 9293 section 3.3.2; ip-sysctl tcp_orphan_retries",
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The acknowledgment of the FIN."""
    closer = closer_of(case)
    return (other(closer), "no ACK of the FIN") if closer else None
