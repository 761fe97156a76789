"""Data is sent again although it was acknowledged: the acknowledgments are lost on the way back.

Signature
    One end repeats the same bytes at least three times although the capture has seen their acknowledgment
    pass, and the other end answers the repeats.

Meaning
    The acknowledgments pass the tap and do not reach the sender: the way back loses packets where the way
    there does not. A sender whose acknowledgments were only late repeats once or twice, until a D-SACK tells
    it better.

Confused with
    spurious-rto: a delay, not a loss; the repeats soon stop. A capture that misses the answers: then none
    follows the repeats. segment-loss-up and segment-loss-down: the data itself is lost.

Dropped by
    Whatever lies between the tap and the end that repeats; in a capture taken there, that host itself.

Next
    Capture at that end: do the acknowledgments arrive?

Authority
    RFC 9293 section 3.8.1; RFC 2883 section 4; RFC 5682.
"""

from __future__ import annotations

import numpy as np

from ..case import MS, Case, evidence, other, seconds
from ..evidence.closing import beyond_tap
from ..evidence.losses import UNTRUSTED_DROPS
from ..measures import best_first, capture_at, trace
from ..result import Finding
from ..table import FlowTable

CODE = "ack-path-loss"
PHASE = "established"
SUPERSEDES = ("spurious-rto", "rto-backoff-dead")

REPEATS = 3
"""One timeout comes too early now and then (RFC 5682); three for bytes already acknowledged do not."""

SPAN_NS = 600 * MS
"""The same bytes for so long: Linux repeats after 200 ms at least, then after 400 ms."""


def candidates(table: FlowTable) -> np.ndarray:
    """Some end repeats what had been acknowledged."""
    return np.asarray(table.either("spurious_count") >= REPEATS)


def judge(case: Case) -> Finding | None:
    """The end that does not get its acknowledgments."""
    sender = max(("client", "server"), key=lambda side: case.half(side).spurious_count)
    half, peer = case.half(sender), case.half(other(sender))
    if case.answers_unseen or case.scene.drop_ratio > UNTRUSTED_DROPS:
        return None
    span_ns = half.edge_last_ns - half.edge_ns
    answered = peer.last_ns > half.edge_ns and peer.idle_ack_count + half.dsack_count >= REPEATS - 1
    if half.spurious_count < REPEATS or span_ns < SPAN_NS or not answered:
        return None
    suspicion = beyond_tap(case, sender)
    return Finding(
        CODE,
        PHASE,
        "warning",
        0.7,
        f"acknowledgments do not reach the {sender} ({case.end(sender)}): it repeated"
        f" {half.spurious_count} times what had been acknowledged",
        suspicion.suspects(),
        evidence(
            (peer.last_frame, peer.last_ns, f"last acknowledgment of the {other(sender)}"),
            (
                half.data_last_frame,
                half.data_last_ns,
                f"{half.spurious_count} repeats, the last ones within {seconds(span_ns)}",
            ),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, sender, "do the acknowledgments arrive?"),
            trace(case, other(sender), "where does the way back lose packets?"),
        ),
        authority="RFC 9293 section 3.8.1; RFC 2883 section 4",
    )
