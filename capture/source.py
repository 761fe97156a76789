"""Captures as batches of decoded segments: files, directories of them, standard input.

    with Capture(["a.pcapng", "b.pcap.gz"]) as capture:
        for batch in capture.batches():
            work_on(batch.segments)
        for facts in capture.files:
            print(facts.path, facts.packets_count, facts.error)

Reading never raises halfway: a damaged or cut file ends early with `error` set on its FileFacts, and what
preceded the damage was delivered.
"""

from __future__ import annotations

import io
import math
import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from synsight.capture import formats
from synsight.capture.decode import EVERY, decode, named_counts, new_counters, new_rows, times_of
from synsight.capture.filters import FilterError, FrameFilter
from synsight.capture.links import link_name
from synsight.capture.reader import AHEAD_BATCHES, BATCH_FRAMES, Mark, Reader, Ring, Workspace
from synsight.capture.segment import SkipReason
from synsight.capture.streams import READ_ERRORS, Spool, Stream, decompressed, unpacked

if TYPE_CHECKING:
    from synsight.capture import tshark

STDIN = "-"
Spans = Sequence[tuple[int, int]]


class CaptureError(Exception):
    """Nothing can be read: one line that says what, where and what to do."""


@dataclass(slots=True)
class FileFacts:
    """One input as read so far. Complete once `batches()` has been exhausted."""

    path: str
    link_types: list[str] = field(default_factory=list)  # names, in order of appearance
    interfaces: list[str] = field(default_factory=list)  # names; "" where the capture gives none
    packets_count: int = 0
    tcp_segments_count: int = 0
    skipped: dict[str, int] = field(default_factory=dict)  # reason -> frames
    kernel_dropped_count: int | None = None  # None when the capture does not say
    start_ns: int | None = None  # earliest packet time
    end_ns: int | None = None  # latest packet time
    first_frame: int = 1  # number of the file's first frame among those of all files
    error: str | None = None  # why reading stopped early, without the path; None when read to the end
    converted_from: str | None = None  # the format that tshark converted while it was read
    _counters: np.ndarray = field(default_factory=new_counters, repr=False, compare=False)

    def count(self, earliest_ns: int, latest_ns: int, counters: np.ndarray) -> None:
        """Take in a batch: the times of its frames, and what `decode` has counted of them."""
        self.start_ns = earliest_ns if self.start_ns is None else min(self.start_ns, earliest_ns)
        self.end_ns = latest_ns if self.end_ns is None else max(self.end_ns, latest_ns)
        frames_count, segments_count = int(counters.sum()), int(counters[SkipReason.NONE])
        self.packets_count += frames_count
        self.tcp_segments_count += segments_count
        if segments_count < frames_count:
            self._counters += counters
            self.skipped = named_counts(self._counters)


class Batch(NamedTuple):
    """Some consecutive frames and their segments. The arrays are valid until the next batch is asked for."""

    data: np.ndarray  # uint8: the bytes that the offsets below count into
    frames: np.ndarray  # FRAME rows, every frame of the batch, chosen or not
    segments: np.ndarray  # SEGMENT rows of the chosen frames: TCP segments and markers, in frame order
    first_frame: int  # number of frames[0]
    steps_ns: tuple[int, int] | None = None  # the furthest back and ahead between their times, if asked for


@dataclass(slots=True)
class _Scanned:
    """A batch in the making: its segments are decoded by whichever thread has time."""

    data: np.ndarray
    frames: np.ndarray
    first_frame: int
    chosen: np.ndarray  # one byte per frame, or EVERY
    rows: np.ndarray  # to decode into
    verify: bool
    facts: FileFacts | None = None  # what counts the batch; None when it was counted before
    times: tuple[int, int, tuple[int, int]] | None = None  # earliest, latest, steps; None as above
    counters: np.ndarray = field(default_factory=new_counters)
    segments: np.ndarray | None = None

    def decode(self) -> np.ndarray:
        """The segments, now."""
        if self.segments is None:
            self.segments = decode(
                self.data, self.frames, self.first_frame, self.rows, self.counters, self.chosen, self.verify
            )
        return self.segments

    def finished(self) -> Batch:
        """The batch, decoded and counted."""
        segments = self.decode()
        if self.facts is None or self.times is None:
            return Batch(self.data, self.frames, segments, self.first_frame)
        earliest_ns, latest_ns, steps_ns = self.times
        self.facts.count(earliest_ns, latest_ns, self.counters)
        return Batch(self.data, self.frames, segments, self.first_frame, steps_ns)


Making = Generator[_Scanned, None, None]


class Part(NamedTuple):
    """A capture file, or one of a set, whose frames were numbered when it was written."""

    path: str
    open: Callable[[], BinaryIO | io.RawIOBase]  # the bytes from their start, seekable
    first_frame: int
    packets_count: int
    marks: list[Mark]
    header: formats.PcapHeader | None  # None for pcapng


@dataclass(slots=True)
class _Input:
    """One file or standard input: how to open it, and what re-reading needs."""

    facts: FileFacts
    path: Path | None  # None for standard input
    spool: Spool | None = None
    readable: bool = True
    plain: bool = False  # not compressed: marks are file offsets
    marks: list[Mark] = field(default_factory=list)
    header: formats.PcapHeader | None = None
    part: Part | None = None
    conversion: tshark.Conversion | None = None

    def open(self) -> Any:
        """The raw bytes from their start, seekable. Raises OSError."""
        if self.part is not None:
            return self.part.open()
        if self.path is None:
            assert self.spool is not None
            return self.spool
        return open(self.path, "rb", buffering=0)

    def converting(self, packets: int | None = None) -> tshark.Conversion | None:
        """What tshark makes of a format that only it reads; None for others. Raises READ_ERRORS."""
        if self.conversion is not None:
            return None
        with self.open() as raw:
            stream, compressed = decompressed(raw)
            first = bytearray(formats.SNIFF_BYTES)
            name = formats.foreign(bytes(first[: stream.readinto(first) or 0]))
        if name is None:
            return None
        from synsight.capture import tshark  # what it needs takes longer to load than a small capture to read

        if tshark.path() is None:
            return None
        if self.path is not None and not compressed:
            return tshark.Conversion(open(self.path, "rb"), name, packets)
        with self.open() as raw:
            return tshark.Conversion(unpacked(decompressed(raw)[0]), name, packets)

    def convert(self) -> None:
        """From now on, read a format that only tshark reads through tshark. Raises READ_ERRORS."""
        if (converting := self.converting()) is not None:
            self.close()
            self.path = None
            self.conversion = converting
            self.spool = Spool(converting)

    def close(self) -> None:
        """Give up what was kept for reading again."""
        if self.spool is not None:
            self.spool.discard()
        if self.conversion is not None:
            self.conversion.close()

    def begin(self, first_frame: int) -> None:
        """Forget what an abandoned reading counted."""
        self.facts.first_frame = first_frame
        fresh = FileFacts(self.facts.path)
        for each in fields(FileFacts):
            if each.name not in ("path", "first_frame"):
                setattr(self.facts, each.name, getattr(fresh, each.name))


class Capture:
    """One or several inputs read as one, in the order of their first packets.

    `paths`: files, directories (the capture files directly in them) or `-` for standard input (`stdin`, or
    the process's own), which is copied to a nameless temporary file while it is read; or Parts, and nothing
    but Parts, in their order, of which spans can be read without a first reading. Compression is
    recognised by content. `bpf`: a libpcap filter; frames that it leaves out keep their numbers and count as
    `filtered`. Raises CaptureError when the filter is not valid or no input can be opened; an input that
    cannot be opened beside others that can has its `error` set.
    """

    def __init__(
        self,
        paths: Sequence[str | Path | Part],
        bpf: str | None = None,
        stdin: BinaryIO | None = None,
        *,
        verify_checksums: bool = True,
        read_ahead: bool = True,
    ) -> None:
        self._work = Workspace()
        self._rows = Ring(AHEAD_BATCHES + 1, partial(new_rows, BATCH_FRAMES))
        self._verify = verify_checksums
        self._read_ahead = read_ahead
        self._stdin = stdin
        self._frames_read = 0
        self._complete = False
        try:
            self._filter = FrameFilter(bpf) if bpf else None
        except FilterError as problem:
            raise CaptureError(str(problem)) from None
        self._inputs = [found for path in paths for found in self._find(path)]
        self._complete = bool(self._inputs) and all(one.part for one in self._inputs)
        if not self._inputs:
            raise CaptureError("no capture was given; name a file, a directory or - for standard input")
        if not any(one.readable for one in self._inputs):
            facts = self._inputs[0].facts
            more = f" (and {len(self._inputs) - 1} more)" if len(self._inputs) > 1 else ""
            raise CaptureError(f"{facts.path}: {facts.error}{more}")
        if len(self._inputs) > 1 and not self._complete:
            self._inputs.sort(key=self._first_time)

    @property
    def files(self) -> list[FileFacts]:
        """Facts of every input, in reading order."""
        return [one.facts for one in self._inputs]

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the copy of standard input. Batches cannot be asked for afterwards."""
        for one in self._inputs:
            one.close()

    def batches(self, spans: Spans | None = None) -> Iterator[Batch]:
        """All batches in order; facts are counted the first time this is exhausted.

        `spans`: only the segments of frames inside these closed, sorted, disjoint ranges of frame numbers,
        for a second reading; batches without any are left out, and uncompressed inputs are sought through.
        """
        if spans is not None and not self._complete:
            for _ in self.batches():
                pass
        produced = self._produce() if spans is None else self._produce_spans(spans)
        with closing(_ahead(produced) if self._read_ahead else produced) as making:
            for scanned in making:
                yield scanned.finished()
        if spans is None:
            self._complete = True

    def _find(self, path: str | Path | Part) -> list[_Input]:
        """The inputs that a path stands for; unreadable ones have their error set."""
        if isinstance(path, Part):
            facts = FileFacts(path.path, packets_count=path.packets_count, first_frame=path.first_frame)
            return [_Input(facts, None, plain=True, marks=path.marks, header=path.header, part=path)]
        text = str(path)
        if text == STDIN:
            return [_Input(FileFacts("-"), None, Spool(self._stdin or sys.stdin.buffer))]
        path = Path(path)
        try:
            if path.is_fifo() or path.is_char_device():  # `<(...)` of a shell: it can be opened only once
                return [_Input(FileFacts(text), None, Spool(open(path, "rb", buffering=0)))]
            if not path.is_dir():
                with open(path, "rb"):
                    return [_Input(FileFacts(text), path)]
            inside = sorted(each for each in path.iterdir() if each.is_file() and _holds_capture(each))
        except OSError as problem:
            words = problem.strerror or str(problem)
            advice = "check the path" if isinstance(problem, FileNotFoundError) else "check its permissions"
            return [
                _Input(
                    FileFacts(text, error=f"cannot be opened: {words.lower()}; {advice}"),
                    path,
                    readable=False,
                )
            ]
        if not inside:
            facts = FileFacts(text, error="no pcap or pcapng file in this directory")
            return [_Input(facts, path, readable=False)]
        return [_Input(FileFacts(str(each)), each) for each in inside]

    def _first_time(self, one: _Input) -> float:
        """Time of the first packet, for sorting; last for what has none or cannot be read twice."""
        if not one.readable or one.path is None:
            return math.inf
        work = Workspace(chunk_bytes=1 << 17, batch_frames=1, ahead=1)
        try:
            if (converting := one.converting(packets=1)) is not None:
                with closing(converting) as converted:
                    return _first_of(converted, work)
            with one.open() as raw:
                return _first_of(decompressed(raw)[0], work)
        except READ_ERRORS:
            return math.inf

    def _produce(self) -> Making:
        """The first reading: every frame of every input, counted."""
        if self._complete:
            last = self._inputs[-1].facts
            yield from self._produce_spans([(1, last.first_frame + last.packets_count - 1)])
            return
        self._frames_read = 0
        for one in self._inputs:
            if one.readable:
                one.begin(self._frames_read + 1)
                yield from self._first_reading(one)

    def _first_reading(self, one: _Input) -> Making:
        facts = one.facts
        reader = Reader(self._work)
        try:
            one.convert()
            facts.converted_from = one.conversion.name if one.conversion else None
            with one.open() as raw:
                stream, compressed = decompressed(raw)
                for data, frames in reader.batches(stream):
                    if self._read_ahead:
                        self._work.hold()
                    scanned = self._scanned(data, frames, self._frames_read + 1)
                    scanned.facts, scanned.times = facts, times_of(frames)
                    self._frames_read += len(frames)
                    yield scanned
                one.plain = not compressed
        except FilterError as problem:
            reader.error = str(problem)
        except READ_ERRORS as problem:
            reader.error = (
                f"reading failed after frame {reader.frames_count}: {problem or type(problem).__name__}"
            )
        finally:
            _conclude(facts, reader)
        one.marks, one.header = reader.marks, reader.header

    def _scanned(
        self, data: np.ndarray, frames: np.ndarray, first_frame: int, chosen: np.ndarray = EVERY
    ) -> _Scanned:
        """A batch whose segments will lie in the next set of rows."""
        if self._filter is not None:
            passing = self._filter.choose(data, frames)
            chosen = passing if chosen is EVERY else chosen & passing
        return _Scanned(data, frames, first_frame, chosen, self._rows.turn(), self._verify)

    def _produce_spans(self, spans: Spans) -> Making:
        """A further reading: only the frames inside spans, nothing counted."""
        bounds = np.array(spans, np.int64).reshape(-1, 2)
        for one in self._inputs:
            first = one.facts.first_frame
            last = first + one.facts.packets_count - 1
            inside = bounds[(bounds[:, 1] >= first) & (bounds[:, 0] <= last)]
            if len(inside):
                yield from self._second_reading(one, inside)

    def _second_reading(self, one: _Input, bounds: np.ndarray) -> Making:
        try:
            with one.open() as raw:
                for data, frames, first in self._wanted(one, raw, bounds):
                    chosen = _inside(bounds, first, len(frames))
                    if not chosen.any():
                        continue
                    if self._read_ahead:
                        self._work.hold()
                    yield self._scanned(data, frames, first, chosen)
        except READ_ERRORS as problem:
            one.facts.error = one.facts.error or f"reading a second time failed: {problem}"

    def _wanted(
        self, one: _Input, raw: Any, bounds: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """Batches up to the last frame wanted, with their first frame's number; marks let it skip."""
        first_frame = one.facts.first_frame
        wanted = bounds - first_frame  # frames of this file, from 0
        position = 0
        while True:
            left = wanted[wanted[:, 1] >= position]
            if not len(left):
                return
            target = max(int(left[0, 0]), position)
            reader, stream = self._placed(one, raw, target)
            for data, frames in reader.batches(stream):
                position = reader.frames_count
                yield data, frames, first_frame + position - len(frames)
                left = wanted[wanted[:, 1] >= position]
                if not len(left):
                    return
                if one.plain and _mark_before(one.marks, int(left[0, 0])).frame > position:
                    break  # a later chunk holds it: seek there
            else:
                return

    def _placed(self, one: _Input, raw: Any, target: int) -> tuple[Reader, Stream]:
        """A reader and stream that will give the file's frame `target` (from 0) soon."""
        reader = Reader(self._work)
        if not one.plain or not one.marks:
            stream, _ = decompressed(raw)
            return reader, stream
        mark = _mark_before(one.marks, target)
        raw.seek(mark.offset)
        if one.header is not None:
            reader.use_header(one.header)
        reader.start_at(mark)
        return reader, raw


def _ahead(batches: Making) -> Making:
    """The same batches, made by another thread, AHEAD_BATCHES ahead of the one that is used.

    That thread decodes them, too, unless the one that asks for them has nothing else to do.
    """
    ready: SimpleQueue[_Scanned | BaseException | None] = SimpleQueue()
    free: SimpleQueue[bool] = SimpleQueue()  # a ticket per batch that may be made; False: stop

    def make() -> None:
        try:
            while free.get():
                batch = next(batches, None)
                if batch is not None and not ready.empty():
                    batch.decode()
                ready.put(batch)
                if batch is None:
                    return
        except BaseException as problem:
            ready.put(problem)
        finally:
            batches.close()

    for _ in range(AHEAD_BATCHES):
        free.put(True)
    thread = Thread(target=make, name="synsight-read", daemon=True)
    thread.start()
    try:
        while (batch := ready.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
            free.put(True)
    finally:
        _drain(free)
        thread.join()


def _drain(free: SimpleQueue[bool]) -> None:
    """Take back the tickets that were not used, so that the stop sign behind them is seen."""
    with suppress(Empty):
        while True:
            free.get_nowait()
    free.put(False)


def _first_of(stream: Stream, work: Workspace) -> float:
    """Time of a stream's first packet; infinity when it has none."""
    return next((float(frames["time_ns"][0]) for _, frames in Reader(work).batches(stream)), math.inf)


def _holds_capture(path: Path) -> bool:
    """Whether a file in a directory is a capture, perhaps compressed."""
    try:
        with open(path, "rb", buffering=0) as raw:
            buffer = bytearray(formats.SNIFF_BYTES)
            stream, _ = decompressed(raw)
            first = bytes(buffer[: stream.readinto(buffer) or 0])
            return formats.is_capture(first) or formats.foreign(first) is not None
    except READ_ERRORS:
        return os.access(path, os.R_OK) is False and path.suffix in (".pcap", ".pcapng", ".cap")


def _conclude(facts: FileFacts, reader: Reader) -> None:
    """Put what the reader learned into the facts."""
    facts.link_types = list(dict.fromkeys(link_name(number) for number in reader.link_types))
    facts.interfaces = list(reader.interfaces.names)
    if reader.interfaces.dropped:
        facts.kernel_dropped_count = sum(reader.interfaces.dropped.values())
    facts.error = reader.error


def _inside(bounds: np.ndarray, first: int, count: int) -> np.ndarray:
    """One byte per frame from number `first` on: 1 inside a closed range of `bounds`."""
    edges = np.zeros(count + 1, np.int64)
    near = bounds[(bounds[:, 1] >= first) & (bounds[:, 0] < first + count)] - first
    np.add.at(edges, np.clip(near[:, 0], 0, count), 1)
    np.add.at(edges, np.clip(near[:, 1] + 1, 0, count), -1)
    return (np.cumsum(edges[:-1]) > 0).astype(np.uint8)


def _mark_before(marks: list[Mark], frame: int) -> Mark:
    """The last mark at or before a frame of the file (from 0)."""
    low, high = 0, len(marks) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if marks[middle].frame <= frame:
            low = middle
        else:
            high = middle - 1
    return marks[low]
