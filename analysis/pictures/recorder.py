"""The second pass: the segments of the chosen connections, with what the tracker says of each, for pictures
and words.

The same tracker runs over the chosen connections' rows only. Of long connections the beginning, the end and
everything remarkable in between are kept; what is left out is counted.
"""

from __future__ import annotations

from collections import Counter, namedtuple
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...capture.segment import SEGMENT
from ..records import NOTE, Mark
from ..scene.grouping import among, different
from ..table import FlowTable
from ..tracker import Tracker
from .trace import NOTEWORTHY, sampled

HEAD_ROWS = 24
TAIL_ROWS = 24
MIDDLE_ROWS = 96
"""Rows kept of one connection: its first, its last, and remarkable ones between."""

EXCERPT_ROWS = 500
"""Of a long connection, so many first and last rows are shown to a dissector."""

ENDINGS = np.uint64((1 << 16) - 1)
"""Rows are told apart by these bits of their hash before the whole of it is compared."""

PAYLOAD_BYTES = 512
"""Kept of each shown segment's payload: enough for a ClientHello's server name."""

ORDINARY = int(Mark.WINDOW_UPDATE | Mark.DUP_ACK | Mark.OUT_OF_ORDER)


if TYPE_CHECKING:
    SegmentRow = Any
    NoteRow = Any
else:
    SegmentRow = namedtuple("SegmentRow", SEGMENT.names)
    NoteRow = namedtuple("NoteRow", NOTE.names)


class Recording(NamedTuple):
    """The kept rows of one connection, in capture order, as tuples of plain numbers."""

    rows: tuple[SegmentRow, ...]
    remarks: tuple[NoteRow, ...]
    payloads: tuple[bytes, ...]  # the first captured payload bytes of each row
    left_out_count: int
    sampled_rows: np.ndarray  # SEGMENT rows of the whole connection, evenly spread and the noteworthy ones
    sampled_remarks: np.ndarray  # the NOTE row of each


class Recorder:
    """Collects rows of the connections `chosen` (indices into `table`).

    Their rows are looked for in so many frames `around` what the table says, too.
    """

    def __init__(self, table: FlowTable, chosen: list[int], around: int = 0) -> None:
        flows = table.flows[chosen]
        self._totals = {
            (int(row["flow_hash"]), int(row["first_frame"])): (index, int(row["packets"]))
            for index, row in zip(chosen, flows, strict=True)
        }
        self._hashes = different(flows["flow_hash"])
        self._endings = np.zeros(int(ENDINGS) + 1, bool)  # nearly every other row has others
        self._endings[self._hashes & ENDINGS] = True
        first = np.maximum(flows["first_frame"].astype(np.int64) - around, 1)
        self._spans = _merged(first, np.maximum(flows["last_frame"], flows["icmp_frame"]) + np.uint64(around))
        self._tracker = Tracker()
        self._numbers: dict[int, tuple[int, int] | None] = {}
        self._parts: dict[int, list[tuple[np.ndarray, np.ndarray, list[bytes]]]] = {}
        self._remarkable: dict[int, int] = {}
        self._samples: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        self._noteworthy: Counter[int] = Counter()
        self._frames: dict[int, list[np.ndarray]] = {}

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Closed ranges of frame numbers that have to be read again."""
        return self._spans

    def feed(self, segments: np.ndarray, data: np.ndarray) -> np.ndarray:
        """Rows of one batch, in order; `data` is the buffer that their payload offsets count into.

        Returns the numbers of the frames, ascending, that a dissector should see of the chosen connections.
        """
        hashes = segments["flow_hash"]
        likely = np.flatnonzero(self._endings[hashes & ENDINGS])
        rows = np.take(segments, likely[among(hashes[likely], self._hashes)])
        if len(rows) == 0:
            return np.zeros(0, np.uint64)
        notes = self._tracker.feed(rows)
        numbers = notes["flow"].copy()
        frames = []
        for number in sorted(set(numbers.tolist())):
            found = self._lookup(number) if number >= 0 else None
            if found is not None:
                mine = np.flatnonzero(numbers == number)
                chosen, remarks = np.take(rows, mine), np.take(notes, mine)
                self._keep(found, chosen, remarks, data)
                frames.append(self._excerpted(found, chosen, remarks))
        return different(np.concatenate(frames)) if frames else np.zeros(0, np.uint64)

    def excerpts(self) -> dict[int, tuple[set[int], bool]]:
        """Connection index -> its frames that a dissector saw, and whether some between were left out."""
        totals = dict(self._totals.values())
        return {
            index: ({frame for part in parts for frame in part.tolist()}, totals[index] > 2 * EXCERPT_ROWS)
            for index, parts in self._frames.items()
        }

    def recordings(self) -> dict[int, Recording]:
        """Connection index -> what was kept of it."""
        result = {}
        totals = dict(self._totals.values())
        for index, parts in self._parts.items():
            rows = tuple(SegmentRow._make(row) for part in parts for row in part[0].tolist())
            remarks = tuple(NoteRow._make(note) for part in parts for note in part[1].tolist())
            payloads = tuple(payload for part in parts for payload in part[2])
            kept = sum(row.kind == 0 for row in rows)
            samples, notes = (_joined(each) for each in zip(*self._samples[index], strict=True))
            left_out = max(0, totals[index] - kept)
            result[index] = Recording(rows, remarks, payloads, left_out, samples, notes)
        return result

    def _lookup(self, number: int) -> tuple[int, int] | None:
        """(index in the table, segments in all) of a connection of this pass's tracker."""
        if number not in self._numbers:
            row = self._tracker.flows[number]
            self._numbers[number] = self._totals.get((int(row["flow_hash"]), int(row["first_frame"])))
        return self._numbers[number]

    def _excerpted(self, found: tuple[int, int], rows: np.ndarray, notes: np.ndarray) -> np.ndarray:
        """Frame numbers of both ends of a connection's rows, and of what ICMP says of it."""
        index, total = found
        near = (notes["ordinal"] < EXCERPT_ROWS) | (notes["ordinal"] >= max(0, total - EXCERPT_ROWS))
        frames = rows["frame"][near | (rows["kind"] != 0)].copy()
        self._frames.setdefault(index, []).append(frames)
        return frames

    def _keep(self, found: tuple[int, int], rows: np.ndarray, notes: np.ndarray, data: np.ndarray) -> None:
        index, total = found
        self._sample(index, total, rows, notes)
        ends = (
            (notes["ordinal"] < HEAD_ROWS)
            | (notes["ordinal"] >= max(0, total - TAIL_ROWS))
            | (rows["kind"] != 0)
        )
        remarkable = ~ends & ((notes["marks"] & np.uint32(~ORDINARY & 0xFFFFFFFF)) != 0)
        room = MIDDLE_ROWS - self._remarkable.get(index, 0)
        places = np.flatnonzero(remarkable)
        self._remarkable[index] = self._remarkable.get(index, 0) + min(room, len(places))
        remarkable[places[max(0, room) :]] = False
        kept = ends | remarkable
        chosen = rows[kept].copy()
        if len(chosen):
            payloads = [_payload(row, data) for row in chosen]
            self._parts.setdefault(index, []).append((chosen, notes[kept].copy(), payloads))

    def _sample(self, index: int, total: int, rows: np.ndarray, notes: np.ndarray) -> None:
        mask = sampled(notes, total, self._noteworthy[index])
        self._noteworthy[index] += int(((notes["marks"][mask] & NOTEWORTHY) != 0).sum())
        self._samples.setdefault(index, []).append((rows[mask], notes[mask]))


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Rows one behind the other, as bytes: NumPy compares the fields of structured arrays one by one."""
    return np.concatenate([part.view(np.uint8) for part in parts]).view(parts[0].dtype)


def _payload(row: np.void, data: np.ndarray) -> bytes:
    length = min(int(row["payload_captured_bytes"]), PAYLOAD_BYTES)
    offset = int(row["payload_offset"])
    return data[offset : offset + length].tobytes() if length else b""


def _merged(first: np.ndarray, last: np.ndarray) -> list[tuple[int, int]]:
    """Sorted, disjoint closed ranges that cover all given ones."""
    spans: list[tuple[int, int]] = []
    for left, right in sorted(zip(first.tolist(), last.tolist(), strict=True)):
        if spans and left <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(spans[-1][1], right))
        else:
            spans.append((left, right))
    return spans
