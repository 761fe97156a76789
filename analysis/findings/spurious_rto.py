"""Payload was sent again after a timeout although it had arrived.

Signature
    A repeat after a timeout, and a D-SACK of the receiver that says it had the bytes already, or an
    acknowledgment of them that passed the tap before the repeat.

Meaning
    The path became slower than the sender's timer allowed: a full buffer, a mobile handover, a late
    acknowledgment. Nothing was lost.

Confused with
    segment-loss-up, segment-loss-down: the repeat was needed.

Dropped by
    Nobody.

Next
    Nothing, unless it repeats: then compare round trips under load (bufferbloat).

Authority
    RFC 2883 section 4; RFC 3522; RFC 5682.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, HalfRow, evidence
from ..result import Finding
from ..table import FlowTable

CODE = "spurious-rto"
PHASE = "established"


def _needless(table: FlowTable, half: str) -> np.ndarray:
    column = getattr(table, half)
    reported = (column("rto_count") > 0) & (column("dsack_count") > 0)
    return np.asarray(reported | (column("spurious_count") > 1))


def candidates(table: FlowTable) -> np.ndarray:
    """Timeouts, and duplicates reported or seen."""
    return np.asarray(_needless(table, "client") | _needless(table, "server"))


def judge(case: Case) -> Finding | None:
    """The end with more needless repeats."""
    side = max(
        ("client", "server"), key=lambda name: case.half(name).dsack_count + case.half(name).spurious_count
    )
    half = case.half(side)
    if not (half.rto_count and half.dsack_count) and half.spurious_count < 2:
        return None
    return Finding(
        CODE,
        PHASE,
        "info",
        0.8,
        f"the {side} ({case.end(side)}) sent again what had arrived: {_known(half)}",
        (),
        evidence((half.data_last_frame, half.data_last_ns, _last(side, half))),
        authority="RFC 2883 section 4; RFC 5682",
    )


def _known(half: HalfRow) -> str:
    """How it is known that they had arrived."""
    parts = []
    if half.spurious_count:
        parts.append(f"{_count(half.spurious_count, 'segment')} acknowledged before the repeat")
    if half.dsack_count:
        parts.append(f"{_count(half.dsack_count, 'repeat')} reported as needless")
    return ", ".join(parts)


def _last(side: str, half: HalfRow) -> str:
    timeouts = f"; {_count(half.rto_count, 'repeat')} after a timeout in all" if half.rto_count else ""
    return f"last payload of the {side}{timeouts}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
