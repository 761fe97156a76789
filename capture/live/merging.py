"""Between the thread that reads interfaces and whoever works on packets: a bounded queue, and time order."""

from __future__ import annotations

from collections import deque
from threading import Condition

import numpy as np

Piece = tuple[np.ndarray, np.ndarray]
"""Bytes, and FRAME rows into them, at least one."""


class Backlog:
    """Pieces on their way from the reading thread to the caller, bounded in bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._pieces: deque[Piece] = deque()
        self._changed = Condition()
        self._abandoned = False
        self._finished = False

    @property
    def finished(self) -> bool:
        """Nothing waits and nothing will come."""
        return self._finished and not self._pieces

    def put(self, piece: Piece) -> None:
        """Add a piece; waits while there is no room."""
        with self._changed:
            while self._bytes > self._limit and not self._abandoned:
                self._changed.wait()
            self._pieces.append(piece)
            self._bytes += piece[0].nbytes + piece[1].nbytes
            self._changed.notify_all()

    def get(self, timeout_s: float) -> Piece | None:
        """The oldest piece; None when none came in time."""
        with self._changed:
            if not self._pieces and not self._finished:
                self._changed.wait(timeout_s)
            if not self._pieces:
                return None
            piece = self._pieces.popleft()
            self._bytes -= piece[0].nbytes + piece[1].nbytes
            self._changed.notify_all()
            return piece

    def abandon(self) -> None:
        """The caller takes no more."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()

    def finish(self) -> None:
        """No more pieces will be put."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()


class Merger:
    """Puts the pieces of several interfaces into the order of their times.

    An interface that was emptied at some time gives nothing older than that, less the time that the kernel
    may keep a partly filled block. So long frames wait.
    """

    def __init__(self) -> None:
        self._held: list[Piece] = []

    def add(self, piece: Piece) -> None:
        """Take a piece in; the pieces of one interface come in the order of their times."""
        self._held.append(piece)

    def until(self, settled_s: float | None) -> Piece | None:
        """What came before a time, in order; everything when it is None."""
        limit_ns = np.iinfo(np.int64).max if settled_s is None else int(settled_s * 1e9)
        ready, waiting = [], []
        for data, frames in self._held:
            place = int(np.searchsorted(frames["time_ns"], limit_ns))
            if place:
                ready.append((data, frames[:place]))
            if place < len(frames):
                waiting.append((data, frames[place:]))
        self._held = waiting
        return _merged(ready) if ready else None


def _merged(pieces: list[Piece]) -> Piece:
    """One piece with the frames of several, by time."""
    data = np.concatenate([data for data, _ in pieces])
    frames = np.concatenate([frames for _, frames in pieces])
    starts = np.cumsum([0, *(len(data) for data, _ in pieces[:-1])])
    frames["offset"] += np.repeat(starts, [len(frames) for _, frames in pieces]).astype(np.uint32)
    return data, frames[np.argsort(frames["time_ns"], kind="stable")]
