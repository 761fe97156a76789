"""The connection table around the compiled loop: feed it SEGMENT rows, read FLOW and HALF rows.

Memory is bounded by connections, not by packets. Past `max_flows` the oldest half-open connections (a SYN and
nothing back) are forgotten first, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from synsight.capture.segment import SEGMENT

from . import _tracker
from .records import FLOW, HALF, NOTE
from .services import service_table
from .states import packed

FIRST_CAPACITY = 1 << 17
"""Rows of untouched zeros cost no memory; growing costs a copy."""

CACHE_LINE = 64

_tracker.check_layouts(*(np.zeros(1, dtype) for dtype in (SEGMENT, NOTE, FLOW, HALF)))


@dataclass
class Tracker:
    """Connections seen so far.

    `flows[:count]` and `halves[:2 * count]` are valid; `halves[2 * i + side]` belongs to `flows[i]`. With
    `attempt_ns`, an attempt without any answer ends after that time and what follows on its ports is another
    connection, which is Zeek's policy (`tcp_attempt_delay`, 5 s); here an attempt lasts as long as its SYNs.
    """

    max_flows: int = 1 << 20
    attempt_ns: int = 0
    shortcut: bool = True  # off, every segment takes the long way to the same records: for comparison
    count: int = 0
    evicted_count: int = 0
    homeless_count: int = 0  # of the last rows, those that belong to no connection
    flows: np.ndarray = field(default_factory=lambda: _zeros(FIRST_CAPACITY, FLOW))
    halves: np.ndarray = field(default_factory=lambda: _zeros(2 * FIRST_CAPACITY, HALF))
    slots: np.ndarray = field(default_factory=lambda: np.zeros(4 * FIRST_CAPACITY, np.uint32))
    notes: np.ndarray = field(default_factory=lambda: np.zeros(1 << 12, NOTE))
    cells: np.ndarray = field(default_factory=packed)
    services: np.ndarray = field(default_factory=service_table)
    _raw: tuple[np.ndarray, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._look()

    def _look(self) -> None:
        """Notes, flows and halves as bytes, which the loop takes: after each change, not with each batch."""
        self._raw = tuple(rows.view(np.uint8) for rows in (self.notes, self.flows, self.halves))

    def feed(self, segments: np.ndarray) -> np.ndarray:
        """Apply SEGMENT rows in capture order; returns their NOTE rows, valid until the next call."""
        self.homeless_count = 0
        if len(segments) == 0:
            return self.notes[:0]
        if segments.dtype != SEGMENT:
            raise TypeError(f"rows of {segments.dtype} are no SEGMENT rows")
        if self.count > self.max_flows:
            self._evict()
        self._make_room(len(segments))
        self.count, self.homeless_count = _tracker.track(
            segments.view(np.uint8), *self._raw,
            self.slots, self.cells, self.services, self.count, self.attempt_ns, self.shortcut,
        )  # fmt: skip
        return self.notes[: len(segments)]

    def _make_room(self, incoming: int) -> None:
        """Room for a new connection per incoming row."""
        needed = self.count + incoming
        if len(self.notes) < incoming:
            self.notes = np.zeros(incoming, NOTE)
            self._look()
        if len(self.flows) < needed:
            capacity = max(needed, 2 * self.count)
            self.flows = _grown(self.flows, capacity, self.count)
            self.halves = _grown(self.halves, 2 * capacity, 2 * self.count)
            self._look()
        if len(self.slots) < 2 * needed:
            size = len(self.slots)
            while size < 4 * needed:
                size *= 2
            self.slots = np.zeros(size, np.uint32)
            _tracker.rebuild(self.flows.view(np.uint8), self.slots, self.count)

    def _evict(self) -> None:
        """Forget the older half of the half-open connections, or the oldest tenth when there are none."""
        flows, halves = self.flows[: self.count], self.halves[: 2 * self.count]
        half_open = (halves["packets"][0::2] == 0) | (halves["packets"][1::2] == 0)
        candidates = np.flatnonzero(half_open)
        if len(candidates) < self.count // 10:
            candidates = np.arange(self.count)
            dropped = candidates[np.argsort(flows["end_ns"], kind="stable")[: self.count // 10]]
        else:
            order = np.argsort(flows["end_ns"][candidates], kind="stable")
            dropped = candidates[order[: len(candidates) // 2 + 1]]
        keep = np.ones(self.count, bool)
        keep[dropped] = False
        self.evicted_count += len(dropped)
        self.keep(keep)

    def keep(self, keep: np.ndarray) -> None:
        """Forget all but the marked connections (a bool each), in order; links to forgotten ones are cut."""
        places = np.cumsum(keep, dtype=np.uint32)
        previous = self.flows["previous"][: self.count]
        linked = previous > 0
        moved = np.where(keep[previous[linked] - 1], places[previous[linked] - 1], 0)
        self.flows["previous"][: self.count][linked] = moved
        staying = np.flatnonzero(keep)
        pairs = np.stack((2 * staying, 2 * staying + 1), axis=1).reshape(-1)
        self.flows = _gathered(self.flows, staying)
        self.halves = _gathered(self.halves, pairs)
        self._look()
        self.count = len(staying)
        self.slots = np.zeros(len(self.slots), np.uint32)
        _tracker.rebuild(self.flows.view(np.uint8), self.slots, self.count)


def _zeros(count: int, dtype: np.dtype) -> np.ndarray:
    """Zeroed rows that begin on a cache line."""
    raw = np.zeros(count * dtype.itemsize + CACHE_LINE, np.uint8)
    start = -raw.__array_interface__["data"][0] % CACHE_LINE
    return raw[start : start + count * dtype.itemsize].view(dtype)


def _grown(rows: np.ndarray, capacity: int, used: int) -> np.ndarray:
    """A zeroed array of `capacity` rows that begins with the first `used` of `rows`."""
    larger = _zeros(capacity, rows.dtype)
    larger[:used] = rows[:used]
    return larger


def _gathered(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A zeroed array of the same capacity that begins with the rows at `places`, copied once."""
    chosen = _zeros(len(rows), rows.dtype)
    np.take(rows, places, out=chosen[: len(places)], mode="clip")  # else NumPy copies through a buffer
    return chosen


def history_text(flow: np.void) -> str:
    """Zeek's history letters of a FLOW row."""
    words = np.array([flow["history0"], flow["history1"], flow["history2"], flow["history3"]], dtype="<u8")
    return bytes(words.tobytes()[: int(flow["history_length"])]).decode("ascii", "replace")
