"""Frames to SEGMENT rows."""

from __future__ import annotations

import numpy as np
from synsight.capture import _decode
from synsight.capture.segment import FRAME, SEGMENT, SkipReason

SKIP_REASONS: tuple[str, ...] = tuple(reason.name.lower().replace("_", "-") for reason in SkipReason)
"""Why a frame gave no TCP segment; the first entry stands for none."""

EVERY = np.zeros(0, np.uint8)
"""`chosen` for all frames."""


_decode.check_layouts(np.zeros(1, FRAME), np.zeros(1, SEGMENT))


def decode(
    data: np.ndarray,
    frames: np.ndarray,
    first_frame: int,
    rows: np.ndarray,
    counters: np.ndarray,
    chosen: np.ndarray = EVERY,
    verify_checksums: bool = True,
) -> np.ndarray:
    """Decode `frames` (FRAME rows over the bytes `data`, uint8) into `rows`; returns the filled part.

    The result has one row per TCP segment and per marker (ICMP error or echo reply, ARP,
    neighbour discovery), in frame
    order. `first_frame` is the number of frames[0]. `rows` (SEGMENT) has at least as many rows as `frames`.
    `counters` (int64, one per SkipReason) are added to: the first counts TCP rows, the others skipped frames,
    and together they count every frame. `chosen` (uint8 per frame) leaves out the frames where it is 0; they
    count as `filtered`. No bytes raise; the GIL is released.
    """
    if frames.dtype != FRAME or rows.dtype != SEGMENT:
        raise TypeError(f"{frames.dtype} and {rows.dtype} are not FRAME and SEGMENT rows")
    count = _decode.decode(
        data, frames.view(np.uint8), chosen, first_frame, rows.view(np.uint8), counters, verify_checksums
    )
    return rows[:count]


def new_rows(count: int) -> np.ndarray:
    """An array of `count` SEGMENT rows to decode into."""
    return np.zeros(count, SEGMENT)


def new_counters() -> np.ndarray:
    """One zero per SkipReason."""
    return np.zeros(len(SkipReason), np.int64)


def named_counts(counters: np.ndarray) -> dict[str, int]:
    """How many frames were skipped, by reason; reasons that never came up are left out."""
    return {
        name: count
        for name, count in zip(SKIP_REASONS, counters.tolist(), strict=True)
        if count and name != SKIP_REASONS[0]
    }


def times_of(frames: np.ndarray) -> tuple[int, int, tuple[int, int]]:
    """Of at least one FRAME row, in ns: the lowest and the highest time, and the steps between neighbours.

    Of the steps the furthest back (at most 0) and the furthest ahead (at least 0).
    """
    return _decode.times_of(frames.view(np.uint8))
