"""Round trips grow to many times the path's own: packets wait in a queue.

Signature
    An end sends a stream of full-sized segments, and its round trips, over ten samples or more of segments
    sent once, are on average at least four times the shortest one and a tenth of a second longer.

Meaning
    The sender fills the queue before the slowest link, and every packet, its own and others', waits behind
    it (bufferbloat); or a radio link holds packets back. Nothing is lost: it is slow, and whatever shares the
    link is slow as well.

Confused with
    Delayed acknowledgments: a receiver may hold back the acknowledgment of a single segment by up to half a
    second (RFC 1122 section 4.2.3.2), but not that of a stream; so only streams are judged. slow-app: the
    waiting is between segments, not between a segment and its acknowledgment.

Dropped by
    Nobody. The wait is between the capture and the receiver, or on the way back: either network, the path, or
    the receiving host, when it is slow to take packets from its card.

Next
    Ping while the transfer runs, and while it does not; then the queue of the slowest link.

Authority
    RFC 7567 (queue management); RFC 8290 (FQ-CoDel); RFC 6298 section 2 (round-trip samples), Karn's rule.
"""

from __future__ import annotations

import numpy as np

from ..case import MS, Case, HalfRow, evidence, other, seconds
from ..measures import PROBED, RECALLED, Step, best_first, capture_at
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "jitter-or-queue"
PHASE = "established"
ASKS_CLEAN = True

SAMPLES = 10
"""Fewer round trips may all fall into one disturbance."""

TIMES = 4
"""A busy but well-managed link doubles the round trip; this is more than managed queues allow."""

WAIT_NS = 100 * MS
"""What a person notices, and twenty times the standing queue that CoDel aims at (RFC 8289: 5 ms)."""

STREAM_SEGMENTS = 4
"""Full-sized segments for each round-trip sample: a window of them is under way at once, so no acknowledgment
is delayed for want of a second segment."""

REPEATS_SHARE = 0.25
"""Repeats per sample; with more, what is timed is the repair of losses."""


def candidates(table: FlowTable) -> np.ndarray:
    """Ends with many samples, long ones on average, and much data."""
    count, total = table.both("rtt_count").astype(np.int64), table.both("rtt_sum_ns")
    ends = np.flatnonzero((count >= SAMPLES) & (total >= count * WAIT_NS))
    count, total, least = count[ends], total[ends], table.halves["rtt_min_ns"][ends]
    waits = (total >= count * TIMES * least) & (total >= count * (least + WAIT_NS))
    found = np.zeros(len(table), bool)
    found[ends[waits] // 2] = True
    return found


def judge(case: Case) -> Finding | None:
    """The end whose stream waits longest."""
    waiting = [side for side in ("client", "server") if _waits(case.half(side))]
    if not waiting or case.answers_unseen:
        return None
    sender = max(waiting, key=lambda side: _mean_ns(case.half(side)))
    half, receiver = case.half(sender), other(sender)
    suspicion = _suspicion(case, sender)
    mean, least = seconds(_mean_ns(half)), seconds(half.rtt_min_ns)
    return Finding(
        CODE,
        PHASE,
        "warning",
        0.6,
        f"round trips to the {receiver} ({case.end(receiver)}) grow from {least} to {mean} on average while "
        f"the {sender} sends: packets wait in a queue",
        suspicion.suspects(),
        evidence(
            (half.data_frame, half.data_ns, f"first payload of the {sender}"),
            (
                half.data_last_frame,
                half.data_last_ns,
                f"{half.rtt_count} round trips: {least} at best, {mean} on average; "
                f"{int(half.unique_bytes)} bytes sent",
            ),
        ),
        suspicion.ruled_out(),
        next=_next(case, sender, suspicion),
        authority="RFC 7567",
    )


def _mean_ns(half: HalfRow) -> float:
    return float(half.rtt_sum_ns / half.rtt_count) if half.rtt_count else 0.0


def _waits(half: HalfRow) -> bool:
    """Whether a stream of this end waits: long round trips, full segments, few repeats."""
    if half.rtt_count < SAMPLES or not half.max_payload_bytes or not half.rtt_min_ns:
        return False
    mean_ns, least_ns = _mean_ns(half), half.rtt_min_ns
    repeats = half.rto_count + half.fast_count + half.tlp_count
    stream = half.unique_bytes >= STREAM_SEGMENTS * half.rtt_count * min(
        half.max_payload_bytes, half.mss or 536
    )
    calm = repeats <= REPEATS_SHARE * half.rtt_count and not half.zero_window_count
    return bool(mean_ns >= TIMES * least_ns and mean_ns >= least_ns + WAIT_NS and stream and calm)


def _suspicion(case: Case, sender: str) -> Suspicion:
    """Whatever lies between the tap and the receiver and back."""
    receiver = other(sender)
    sides = {"path": 1.0, f"{receiver}-network": 1.0, f"{sender}-network": 1.0, f"{receiver}-host": 0.4}
    if case.vantage in ("middle", receiver):
        sides.pop(f"{sender}-network")
    if case.vantage == receiver:
        sides = {f"{receiver}-host": 1.0}
    suspicion = Suspicion(sides)
    suspicion.rule_out(f"{receiver}-app", "acknowledgments are its kernel's, and its window stayed open")
    return suspicion


def _next(case: Case, sender: str, suspicion: Suspicion) -> tuple[str, ...]:
    receiver = other(sender)
    far = case.end(receiver).ip
    return best_first(
        suspicion.suspects(),
        capture_at(case, receiver, "does it acknowledge at once?"),
        Step(
            f"ping -i 0.2 -c 50 {far}",
            f"from {case.end(sender).ip}, with and without the transfer: does it grow?",
            frozenset({"path", f"{sender}-network", f"{receiver}-network"}),
            PROBED,
        ),
        Step(
            "tc -s qdisc",
            "on the router before the slowest link: backlog; fq_codel or cake there",
            frozenset({f"{sender}-network"}),
            RECALLED,
        ),
    )
