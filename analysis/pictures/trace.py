"""A shown connection's segments in sequence space, for the plot of sequence numbers over time."""

from __future__ import annotations

import numpy as np

from ...capture.segment import Flag
from ..case import Case
from ..records import REPEATS, Mark
from ..result import Trace

SAMPLED_ROWS = 400
"""Segments kept of a long connection by counting, evenly spread."""

REPEAT_ROWS = 200
"""Retransmissions and closed windows kept besides."""

NOTEWORTHY = np.uint32(REPEATS | Mark.ZERO_WINDOW | Mark.GAP)


def sampled(notes: np.ndarray, total: int, noteworthy_count: int) -> np.ndarray:
    """Mask of the rows to keep of a connection of `total` segments that has kept so many noteworthy ones."""
    stride = -(-total // SAMPLED_ROWS)
    kept = notes["ordinal"] % max(stride, 1) == 0
    places = np.flatnonzero(~kept & ((notes["marks"] & NOTEWORTHY) != 0))
    kept[places[: max(0, REPEAT_ROWS - noteworthy_count)]] = True
    return np.asarray(kept)


def trace_of(case: Case, rows: np.ndarray, notes: np.ndarray, total: int) -> Trace | None:
    """The kept SEGMENT rows, and what the tracker noted of each, as columns; None when none carries data."""
    real = (rows["kind"] == 0) & ((notes["marks"] & np.uint32(Mark.DUPLICATE)) == 0)
    rows, notes = rows[real], notes[real]
    if not rows["payload_bytes"].any():
        return None
    from_client = notes["side"] == case.flow.client_side
    bases = case.client.iss, case.server.iss
    acked = (rows["flags"] & int(Flag.ACK)) != 0
    acks = _relative(rows["ack"], np.where(from_client, bases[1], bases[0]))
    return Trace(
        tuple(rows["frame"].tolist()),
        tuple(rows["time_ns"].tolist()),
        tuple(from_client.tolist()),
        tuple(_relative(rows["seq"], np.where(from_client, bases[0], bases[1])).tolist()),
        tuple(rows["payload_bytes"].tolist()),
        tuple(ack if has else None for ack, has in zip(acks.tolist(), acked.tolist(), strict=True)),
        _windows(case, rows, from_client),
        tuple(((notes["marks"] & np.uint32(REPEATS)) != 0).tolist()),
        max(0, total - len(rows)),
    )


def _relative(numbers: np.ndarray, bases: np.ndarray) -> np.ndarray:
    """Offsets from the initial sequence numbers, modulo 2^32, within half the space on either side."""
    offsets = (numbers.astype(np.int64) - bases.astype(np.int64)) & 0xFFFFFFFF
    return np.where(offsets >= (1 << 32) - (1 << 16), offsets - (1 << 32), offsets)


def _windows(case: Case, rows: np.ndarray, from_client: np.ndarray) -> tuple[int | None, ...]:
    """Advertised windows in bytes: those of SYNs are never scaled (RFC 7323 section 2.2)."""
    own = case.client.wscale, case.server.wscale
    if bool(own[0]) and bool(own[1]):
        shifts = np.where(from_client, own[0] - 1, own[1] - 1)
    elif own[0] == own[1] and case.midstream:
        return (None,) * len(rows)
    else:
        shifts = np.zeros(len(rows), np.int64)
    opening = (rows["flags"] & int(Flag.SYN)) != 0
    return tuple((rows["window"].astype(np.int64) << np.where(opening, 0, shifts)).tolist())
