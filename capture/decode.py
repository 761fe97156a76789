"""Frames to SEGMENT rows."""

from __future__ import annotations

import numpy as np
from synsight.capture import _decode
from synsight.capture.segment import SEGMENT, SkipReason

SKIP_REASONS: tuple[str, ...] = tuple(reason.name.lower().replace("_", "-") for reason in SkipReason)
"""Why a frame gave no TCP segment; the first entry stands for none."""

EVERY = np.zeros(0, np.uint8)
"""`chosen` for all frames."""


def decode(
    data: np.ndarray,
    frames: np.ndarray,
    first_frame: int,
    rows: np.ndarray,
    skipped: np.ndarray,
    chosen: np.ndarray = EVERY,
    verify_checksums: bool = True,
) -> np.ndarray:
    """Decode `frames` (FRAME rows over the bytes `data`, uint8) into `rows`; returns the filled part.

    The result has one row per TCP segment and per marker (ICMP error, ARP, neighbour discovery), in frame
    order. `first_frame` is the number of frames[0]. `rows` (SEGMENT) has at least as many rows as `frames`.
    `skipped` (int64, one per SKIP_REASONS) is added to, so that frames = TCP rows + what was added. `chosen`
    (uint8 per frame) leaves out the frames where it is 0; they count as `filtered`. No bytes raise; the GIL
    is released.
    """
    return rows[: _decode.decode(data, frames, chosen, first_frame, rows, skipped, verify_checksums)]


def new_rows(count: int) -> np.ndarray:
    """An array of `count` SEGMENT rows to decode into."""
    return np.zeros(count, SEGMENT)


def new_counters() -> np.ndarray:
    """One zero per skip reason."""
    return np.zeros(len(SKIP_REASONS), np.int64)


def named_counts(counters: np.ndarray) -> dict[str, int]:
    """The counters that are not zero, by reason."""
    return {name: int(count) for name, count in zip(SKIP_REASONS, counters, strict=True) if count}
