"""One capture file as batches of FRAME rows: headers, chunks, what chunks carry over, and errors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from synsight.capture import _scan, formats, pcapng
from synsight.capture.segment import FRAME
from synsight.capture.streams import READ_ERRORS, Stream

CHUNK_BYTES = 2 * 1024 * 1024
"""Bytes per read: with fewer, captures of whole frames have too many batches; with more, what was read has
left the caches when it is decoded."""

BATCH_FRAMES = 12_288
"""Frames per batch, where a chunk holds more: some 2 MiB of rows. From 4 MiB on NumPy asks the kernel for
large pages, and ten packets would be given two megabytes."""

AHEAD_BATCHES = 3
"""Batches that may be in use or waiting while the next one is made: either thread is kept from running for a
while now and then, and the other should not stand still. More take memory not touched before."""

_HOST_BIG_ENDIAN = sys.byteorder == "big"


class Ring:
    """Up to `length` arrays used in turn, each made when its turn first comes: few packets take little."""

    def __init__(self, length: int, make: Callable[[], np.ndarray]) -> None:
        self._arrays = [make()]
        self._length = length
        self._make = make
        self._place = 0

    @property
    def current(self) -> np.ndarray:
        """The array whose turn it is."""
        return self._arrays[self._place]

    def turn(self) -> np.ndarray:
        """The next one, which the others outlast until all have had their turn."""
        self._place = (self._place + 1) % self._length
        if self._place == len(self._arrays):
            self._arrays.append(self._make())
        return self.current

    def replace(self, array: np.ndarray) -> None:
        """Have another array in the place of the current one."""
        self._arrays[self._place] = array


class Workspace:
    """Memory shared by all files of a capture: chunks and sets of rows, taken in turn.

    A batch that `hold` has marked stays untouched until `ahead` more have been.
    """

    def __init__(
        self, chunk_bytes: int | None = None, batch_frames: int | None = None, ahead: int | None = None
    ) -> None:
        length = (AHEAD_BATCHES if ahead is None else ahead) + 1
        self.chunks = Ring(length, partial(np.zeros, chunk_bytes or CHUNK_BYTES, np.uint8))
        self.frames = Ring(length, partial(np.zeros, batch_frames or BATCH_FRAMES, FRAME))
        self._chunk_held = False

    def hold(self) -> None:
        """What was scanned last is in use from now on."""
        self._chunk_held = True
        self.frames.turn()

    def next_chunk(self, start: int, stop: int, needed: int) -> int:
        """Move bytes [start, stop) of the chunk to the front of a free one; returns their count.

        A chunk that could not hold a record of `needed` bytes is made larger.
        """
        current = self.chunks.current
        if self._chunk_held:
            self.chunks.turn()
            self._chunk_held = False
        if len(self.chunks.current) < needed:
            self.chunks.replace(np.zeros(needed, np.uint8))
        self.chunks.current[: stop - start] = current[start:stop]
        return stop - start


class Mark(NamedTuple):
    """A place to start reading again: the record at `offset` is the file's frame number `frame` (from 0)."""

    frame: int
    offset: int
    section: pcapng.Section | None  # None for pcap


class Reader:
    """Reads one stream from its start, or from a Mark; in the end `error` says why it stopped early."""

    def __init__(self, work: Workspace) -> None:
        self.error: str | None = None
        self.interfaces = pcapng.Interfaces()
        self.marks: list[Mark] = []
        self.frames_count = 0  # frames given out so far, counted from the file's start
        self._work = work
        self._header: formats.PcapHeader | None = None
        self._section: pcapng.Section | None = None
        self._scanner: _scan.PcapScanner | _scan.PcapngScanner | None = None
        self._offset = 0  # file offset of the chunk's first byte

    def start_at(self, mark: Mark) -> None:
        """Continue from a mark; the stream given to `batches` next must stand at its offset."""
        self.frames_count, self._offset = mark.frame, mark.offset
        if mark.section is not None:
            self._section = mark.section.snapshot()
            self._configure()

    def batches(self, stream: Stream) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(data, frames) pairs: bytes and FRAME rows into them; `Workspace.hold` keeps one past the next."""
        start = stop = 0
        needed = formats.PCAP_HEADER_BYTES
        while True:
            stop = self._work.next_chunk(start, stop, needed)
            start = 0
            size = self._fill(stream, stop)
            if size == 0:
                self._report_rest(stop)
                return
            stop += size
            if self._scanner is None:
                start = self._begin(stop)
                if self._scanner is None:
                    if self.error:
                        return
                    continue
            self.marks.append(Mark(self.frames_count, self._offset + start, self._snapshot()))
            while True:
                data, frames = self._work.chunks.current, self._work.frames.current
                count = self._scanner.scan(data, start, stop, frames)
                start, status = self._scanner.position, self._scanner.status
                if count:
                    self.frames_count += count
                    yield data, frames[:count]
                if status == _scan.BLOCK:
                    status, start = self._block(start, stop)
                if status == _scan.MORE:
                    needed = max(self._scanner.needed, needed)
                    break
                if status == _scan.CORRUPT:
                    self._report_corrupt(start)
                    return
            self._offset += start

    def _fill(self, stream: Stream, stop: int) -> int:
        """Read once behind the carried bytes; 0 at the end and after an error, which is noted."""
        try:
            return stream.readinto(self._work.chunks.current[stop:].data) or 0
        except READ_ERRORS as problem:
            self.error = (
                f"reading failed after frame {self.frames_count}: {problem or type(problem).__name__}"
            )
            return 0

    def _begin(self, stop: int) -> int:
        """Make the scanner from the file header; returns where the first record begins."""
        first = bytes(self._work.chunks.current[: min(stop, formats.SNIFF_BYTES)])
        if first[:4] == formats.PCAPNG_MAGIC:
            self._section = pcapng.new_section(_HOST_BIG_ENDIAN, 0)
            self._configure()
            return 0
        if len(first) >= 4 and not formats.is_capture(first):
            self.error = f"not a packet capture: {formats.describe(first)}"
            return 0
        if len(first) < formats.PCAP_HEADER_BYTES:
            return 0
        self.use_header(formats.pcap_header(first))
        return formats.PCAP_HEADER_BYTES

    def use_header(self, header: formats.PcapHeader) -> None:
        """Read pcap records as this file header says."""
        self._header = header
        self._scanner = _scan.PcapScanner(
            header.big_endian != _HOST_BIG_ENDIAN,
            header.nanosecond,
            header.modified,
            header.snaplen,
            header.link_type,
            header.version_minor,
        )

    @property
    def link_types(self) -> list[int]:
        """Link type numbers the file declares, in order, repeats left out."""
        if self._header is not None:
            return [self._header.link_type]
        return list(dict.fromkeys(self.interfaces.link_types))

    @property
    def header(self) -> formats.PcapHeader | None:
        """The pcap file header; None for pcapng."""
        return self._header

    def _configure(self) -> None:
        assert self._section is not None
        if not isinstance(self._scanner, _scan.PcapngScanner):
            self._scanner = _scan.PcapngScanner()
        section = self._section
        self._scanner.configure(section.big_endian != _HOST_BIG_ENDIAN, section.table, section.count)

    def _snapshot(self) -> pcapng.Section | None:
        return self._section.snapshot() if self._section is not None else None

    def _block(self, start: int, stop: int) -> tuple[int, int]:
        """Take in the block at `start`, no packet; returns a scan status and where the next block is."""
        assert self._section is not None
        assert isinstance(self._scanner, _scan.PcapngScanner)
        data = self._work.chunks.current
        head = bytes(data[start : start + 12])
        if head[:4] == formats.PCAPNG_MAGIC:
            return self._new_section(head, start, stop)
        length = self._scanner.needed
        block = bytes(data[start : start + length])
        if head[3 if self._section.big_endian else 0] == pcapng.INTERFACE_DESCRIPTION:
            pcapng.describe_interface(block, self._section, self.interfaces)
        else:
            pcapng.note_statistics(block, self._section, self.interfaces)
        self._configure()
        return _scan.FULL, start + length

    def _new_section(self, head: bytes, start: int, stop: int) -> tuple[int, int]:
        """Begin the section whose header block is at `start`; returns as `_block` does."""
        assert self._section is not None
        assert self._scanner is not None
        found = pcapng.section_length(head)
        if found is None or not 28 <= found[1] <= _scan.MAX_RECORD_BYTES:
            self._scanner.reason = _scan.BAD_LENGTH
            return _scan.CORRUPT, start
        big_endian, length = found
        length = (length + 3) & ~3
        if stop - start < length:
            self._scanner.needed = length
            return _scan.MORE, start
        self._section = pcapng.new_section(big_endian, self._section.first_number + self._section.count)
        self._configure()
        return _scan.FULL, start + length

    def _report_rest(self, left: int) -> None:
        """At the end of the stream: complain when a record, or the file header, is cut."""
        if self.error is not None:
            return
        if self._scanner is None:
            first = bytes(self._work.chunks.current[:left])
            if formats.is_capture(first):
                self.error = f"cut short inside the file header, after {left} bytes; copy the file again"
            else:
                self.error = f"not a packet capture: {formats.describe(first)}"
        elif left:
            self.error = (
                f"cut short inside a record at byte {self._offset}, after frame {self.frames_count}; "
                "what precedes it was read (was the capture still running, or the copy interrupted?)"
            )

    def _report_corrupt(self, start: int) -> None:
        assert self._scanner is not None
        reason = _scan.REASONS[self._scanner.reason]
        self.error = (
            f"damaged at byte {self._offset + start}, after frame {self.frames_count}: {reason}; "
            "what precedes it was read, the rest was not"
        )
