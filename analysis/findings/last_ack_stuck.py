"""The end that closes second repeats its FIN, and the first one never acknowledges it.

Signature
    One end's FIN is acknowledged, then the other end sends its own, at least four times over a second or
    more, and stays in LAST-ACK: no acknowledgment of it is seen, or those seen do not stop the repeats.

Meaning
    All data is through and the first end knows that nothing more comes; only the last acknowledgment is
    missing. The first end's host is gone, or something on the way has already forgotten the connection and
    drops what belongs to it.

Confused with
    fin-unacked: the repeated FIN is the first one. closing-stuck: the two FINs crossed.

Dropped by
    Seen from the tap, whatever lies towards the end that should acknowledge; or, when its acknowledgments
    are seen, whatever lies towards the one that repeats.

Next
    Did the first host restart, or does a NAT or firewall remove closing connections after 10 to 120 s?

Authority
    RFC 9293 section 3.3.2; nf_conntrack_tcp_timeout_close_wait, nf_conntrack_tcp_timeout_last_ack.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, other, seconds
from ..evidence.closing import FIN_REPEATS, SILENCE_NS, beyond_tap, closer_of, stands, unreliable
from ..measures import best_first, capture_at, firewall, middlebox
from ..result import Finding
from ..states import State
from ..table import FlowTable

CODE = "last-ack-stuck"
PHASE = "close"
SUPERSEDES = ("rto-backoff-dead",)


def candidates(table: FlowTable) -> np.ndarray:
    """Both FINs, and an end in LAST-ACK that repeats its own."""
    halves = table.halves
    stuck = (halves["fin_repeat_count"] >= FIN_REPEATS) & (halves["proven"] == State.LAST_ACK)
    other_closed = np.column_stack((halves["fin_count"][1::2] > 0, halves["fin_count"][0::2] > 0)).ravel()
    return np.asarray((stuck & other_closed).reshape(-1, 2).any(axis=1) & stands(table))


def judge(case: Case) -> Finding | None:
    """The repeats, and whether answers to them were seen."""
    closer = closer_of(case)
    if closer is None or unreliable(case):
        return None
    stuck = other(closer)
    first, second = case.half(closer), case.half(stuck)
    if second.proven != State.LAST_ACK or second.last_ns - second.fin_ns < SILENCE_NS:
        return None
    answered = bool(second.fin_acked_ns)
    suspicion = beyond_tap(case, stuck if answered else closer)
    spent = seconds(second.last_ns - second.fin_ns)
    why = "the acknowledgments do not reach it" if answered else f"{case.end(closer)} never acknowledges it"
    return Finding(
        CODE,
        PHASE,
        "warning",
        0.85,
        f"{case.end(stuck)} waits in LAST-ACK: it sent its FIN {second.fin_count} times in {spent}, {why}",
        suspicion.suspects(),
        evidence(
            (first.fin_frame, first.fin_ns, f"FIN of the {closer}"),
            (first.fin_acked_frame, first.fin_acked_ns, f"the {stuck} acknowledges it"),
            (second.fin_frame, second.fin_ns, f"first FIN of the {stuck}"),
            (
                second.fin_acked_frame,
                second.fin_acked_ns,
                f"the {closer} acknowledges it; the {stuck} repeats it",
            ),
            (second.last_frame, second.last_ns, f"repeat number {second.fin_repeat_count}"),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, stuck if answered else closer, "does it arrive?"),
            firewall(case, stuck if answered else closer),
            middlebox(
                "sysctl net.netfilter | grep tcp_timeout",
                "on firewalls between: how soon are closing connections forgotten?",
            ),
        ),
        authority="RFC 9293 section 3.3.2; nf_conntrack-sysctl",
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The last acknowledgment, when none was seen."""
    closer = closer_of(case)
    return (closer, "no ACK of the FIN") if closer and not case.half(other(closer)).fin_acked_ns else None
