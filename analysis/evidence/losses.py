"""Payload that was lost and sent again while the connection went on: how much, on which side of the tap, who.

A repeat whose original the tap saw (HALF.resend_count) was lost after the tap, or its acknowledgment was; a
repeat that fills a gap (HALF.fill_count) was lost before it. At the sender's own tap nothing can be lost
before it but by the capture itself; at the receiver's nothing after it but by the receiving host.
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, HalfRow, evidence, other, seconds
from ..measures import COUNTED, Step, best_first, capture_at, trace
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

NOTICED_COUNT = 2
"""One lost segment is nothing to tell."""

NOTICED_RATIO = 0.01
"""TCP slows down to a fraction of the path's speed when it loses more (RFC 5681; Mathis et al. 1997)."""

MATERIAL_COUNT = 3
STALL_NS = SECOND
"""A segment that took this long to get through was lost more than once, or timed as in RFC 6298 (1 s)."""

UNTRUSTED_DROPS = 0.02
"""When the capture itself missed more of what was acknowledged, its gaps say nothing about the network."""


def lost_count(half: HalfRow) -> int:
    """Repeats of payload that were needed and got through.

    Those that the peer reported as duplicates (RFC 2883) were not needed; those of a segment that is still
    being repeated are for rto-backoff-dead to tell, once there are enough.
    """
    pending = half.edge_count if half.edge_bytes else 0
    return max(
        0, int(half.rto_count + half.fast_count + half.tlp_count) - int(half.dsack_count) - int(pending)
    )


def candidates(table: FlowTable, half: str) -> np.ndarray:
    """Connections in which payload of `half` (client, server) was repeated often enough to be told."""
    column = getattr(table, half)
    repeats = column("rto_count").astype(np.int64) + column("fast_count") + column("tlp_count")
    lost = repeats - column("dsack_count")
    often = (lost >= NOTICED_COUNT) & (lost > NOTICED_RATIO * column("data_packets"))
    stalled = (repeats > 0) & (column("edge_last_ns") - column("edge_ns") >= STALL_NS)
    return np.asarray(often | stalled)


def judge(case: Case, code: str, sender: str) -> Finding | None:
    """Loss of payload sent by `sender`: a warning when it is material, else info; None when it is little."""
    half = case.half(sender)
    lost = lost_count(half)
    stall_ns = int(half.edge_last_ns - half.edge_ns) if half.edge_last_ns else 0
    stalled = lost > 0 and stall_ns >= STALL_NS and not half.edge_count
    ratio = lost / half.data_packets if half.data_packets else 0.0
    if case.answers_unseen or case.scene.drop_ratio > UNTRUSTED_DROPS:
        return None
    if not stalled and (lost < NOTICED_COUNT or ratio <= NOTICED_RATIO):
        return None
    suspicion = _suspicion(case, sender)
    if suspicion is None:
        return None
    material = stalled or lost >= MATERIAL_COUNT
    where = "before" if half.fill_count > half.resend_count else "after"
    waited = f", one of them not through for {seconds(stall_ns)}" if stalled else ""
    return Finding(
        code,
        "established",
        "warning" if material else "info",
        0.6 if case.scene.drop_ratio > 0.001 else 0.8,
        f"{lost} of {half.data_packets} segments of the {sender} ({case.end(sender)}) were lost and repeated"
        f"{waited}",
        suspicion.suspects(),
        evidence(
            (half.data_frame, half.data_ns, f"first payload of the {sender}"),
            (
                half.data_last_frame,
                half.data_last_ns,
                f"{_repeats(half)}; most were lost {where} the capture",
            ),
        ),
        suspicion.ruled_out(),
        next=_next(case, sender, suspicion),
        authority="RFC 9293 section 3.8.1; RFC 6298; RFC 8985",
    )


def _repeats(half: HalfRow) -> str:
    """What was repeated, by kind: `2 repeats after a timeout, 1 fast repeat`."""
    kinds = (
        (half.rto_count, "repeat{} after a timeout"),
        (half.fast_count, "fast repeat{}"),
        (half.tlp_count, "tail loss probe{}"),
    )
    return ", ".join(f"{count} {words.format('' if count == 1 else 's')}" for count, words in kinds if count)


def _suspicion(case: Case, sender: str) -> Suspicion | None:
    """Who lost them, by which side of the tap; None when only the capture can have."""
    half, receiver = case.half(sender), other(sender)
    before = half.fill_count > half.resend_count
    if before and case.vantage == sender:
        return None
    if not before and case.vantage == receiver:
        return Suspicion({f"{receiver}-host": 1.0, "path": 1.0, f"{sender}-network": 0.5})
    sides = {"path": 1.0}
    if before or case.vantage != "middle":
        sides[f"{sender}-network"] = 0.7
    if not before or case.vantage != "middle":
        sides[f"{receiver}-network"] = 0.7
    suspicion = Suspicion(sides)
    suspicion.rule_out(f"{receiver}-app", "applications lose no segments")
    return suspicion


def _next(case: Case, sender: str, suspicion: Suspicion) -> tuple[str, ...]:
    receiver = other(sender)
    return best_first(
        suspicion.suspects(),
        capture_at(case, receiver, "do the lost segments arrive?"),
        trace(case, sender, "where does loss begin?"),
        Step(
            "ip -s link; ethtool -S eth0 | grep -iE 'drop|err|crc'",
            f"on {case.end(receiver).ip}: does its card drop?",
            frozenset({f"{receiver}-host"}),
            COUNTED,
        ),
    )
