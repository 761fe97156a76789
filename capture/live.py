"""Frames from network interfaces, as the same batches that files give.

    with LiveCapture(["eth0"], bpf="port 443") as capture:
        for batch in capture.batches():  # ends after stop(), or when no interface is left
            work_on(batch.segments)      # often empty: that is the caller's clock

libpcap (through pcapy-ng) opens the interfaces and filters in the kernel. A thread does nothing but empty
libpcap's rings into a bounded queue, so that a slow caller costs packets only once that queue and the rings
are full; what is lost then, the kernel counts.

Three things are lost on the way through pcapy-ng 2.1: nanoseconds (times are microseconds), the length on the
wire of a frame that a small snap length cut (its IP header gives it back), and LINUX_SLL2: the `any` device
gives LINUX_SLL, which does not say which interface a packet crossed.
"""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from types import TracebackType
from typing import Any

import numpy as np
import pcapy
from synsight.capture.decode import decode, named_counts, new_counters, new_rows
from synsight.capture.filters import FilterError, compile_program
from synsight.capture.links import link_name
from synsight.capture.privileges import no_permission
from synsight.capture.segment import FRAME, SEGMENT
from synsight.capture.source import Batch, CaptureError, FileFacts
from synsight.capture.wire_lengths import restore

SNAPLEN_BYTES = 262144
"""Whole frames: libpcap's own upper limit."""

BUFFER_MB = 64
"""Kernel ring per interface."""

BACKLOG_BYTES = 64 << 20
"""What may wait between the reading thread and the caller."""

RING_TIMEOUT_MS = 50
"""The kernel hands over a partly filled block of its ring after this long."""

TICK_S = 0.1
"""An empty batch comes when nothing else has for this long."""

DIRECTIONS = {"in": pcapy.PCAP_D_IN, "out": pcapy.PCAP_D_OUT}

_POLL_MS = 50
_BATCH_FRAMES = 4096
_BATCH_BYTES = 1 << 20  # larger ones leave the second-level cache before they are decoded
_BATCH_FRAMES_LEAST = 512
_STATS_EVERY_S = 0.5
_SETTLE_S = 2.5 * RING_TIMEOUT_MS / 1000
"""By then the kernel has handed over whatever had arrived."""

ANY = "any"
"""The device that stands for all interfaces (Linux)."""

_PERMISSION_ERRORS = (-8, -11)
_ACTIVATION_ERRORS = {  # libpcap pcap/pcap.h, PCAP_ERROR_*
    -5: "there is no such interface; `synsight interfaces` lists them",
    -9: "it is down; set it up first, or capture from `any`",
}


def open_interface(
    name: str, *, snaplen: int = SNAPLEN_BYTES, promiscuous: bool = True, buffer_mb: int = BUFFER_MB
) -> Any:
    """An activated pcapy-ng reader that never blocks. Raises CaptureError, which begins with the name."""
    try:
        reader = pcapy.create(name)
        reader.set_snaplen(snaplen)
        reader.set_promisc(promiscuous and name != ANY)
        reader.set_timeout(RING_TIMEOUT_MS)
        reader.set_buffer_size(buffer_mb << 20)
        status = reader.activate()
        if status >= 0:
            reader.setnonblock(1)
            return reader
    except pcapy.PcapError as problem:
        raise CaptureError(f"{name}: cannot be opened: {problem}") from None
    if status in _PERMISSION_ERRORS:
        raise CaptureError(no_permission(name))
    words = _ACTIVATION_ERRORS.get(status, f"libpcap says {status}; try another interface")
    raise CaptureError(f"{name}: cannot be opened: {words}")


@dataclass(frozen=True, slots=True)
class Drops:
    """Packets since the start, over all interfaces."""

    received: int  # passed the filter, those dropped afterwards included
    kernel_dropped: int  # for want of room in the ring: missing from the capture
    interface_dropped: int  # by the driver or the network card: nobody on this host saw them

    def __add__(self, other: Drops) -> Drops:
        return Drops(
            self.received + other.received,
            self.kernel_dropped + other.kernel_dropped,
            self.interface_dropped + other.interface_dropped,
        )


_Piece = tuple[np.ndarray, np.ndarray]
"""Bytes, and FRAME rows into them."""


class _Tap:
    """One open interface."""

    def __init__(self, name: str, number: int, snaplen: int, promiscuous: bool, buffer_mb: int) -> None:
        """Open it. Raises CaptureError."""
        self.name = name
        self.number = number
        self.error: str | None = None  # why it gives no more packets
        self.ends_at: float | None = None  # until then, what it had before the error may still come
        self.drops = Drops(0, 0, 0)
        self._counted = (0, 0, 0)
        self._asked = _BATCH_FRAMES
        self._reader = open_interface(name, snaplen=snaplen, promiscuous=promiscuous, buffer_mb=buffer_mb)
        self._snaplen = snaplen
        self.link_type = int(self._reader.datalink())
        self.descriptor = int(self._reader.getfd())

    def choose(self, bpf: str | None, direction: str | None) -> None:
        """Set filter and direction. Raises CaptureError."""
        try:
            if bpf:
                compile_program(bpf, self.link_type)
                self._reader.setfilter(bpf)
            if direction:
                self._reader.setdirection(DIRECTIONS[direction])
        except FilterError as problem:
            raise CaptureError(str(problem)) from None
        except pcapy.PcapError as problem:
            raise CaptureError(f"{self.name}: {problem}") from None

    def take_all(self, now_s: float) -> Iterator[_Piece]:
        """The packets that have arrived by now, and few that came while these were read."""
        while True:
            asked, piece = self._asked, self._take()
            if piece is None:
                return
            yield piece
            if len(piece[1]) < asked or piece[1]["time_ns"][-1] >= now_s * 1e9:
                return

    def _take(self) -> _Piece | None:
        """The packets that are ready, as many as make a good batch at most; None when there are none."""
        try:
            data, meta = self._reader.next_batch(self._asked)
        except pcapy.PcapError as problem:
            if self.error is None:
                self.error, self.ends_at = _gone(str(problem)), time.time() + _SETTLE_S
            return None
        if not meta:
            return None
        rows = np.frombuffer(meta, np.uint32).reshape(-1, 4)
        fitting = _BATCH_BYTES * len(rows) // max(len(data), 1)
        self._asked = min(_BATCH_FRAMES, max(_BATCH_FRAMES_LEAST, fitting))
        taken = np.frombuffer(data, np.uint8), self._frames(rows)
        if self._snaplen < SNAPLEN_BYTES:
            restore(*taken, self._snaplen)
        return taken

    def _frames(self, meta: np.ndarray) -> np.ndarray:
        """FRAME rows of (seconds, microseconds, offset, length) rows."""
        frames = np.zeros(len(meta), FRAME)
        frames["time_ns"] = meta[:, 0].astype(np.int64) * 1_000_000_000 + meta[:, 1].astype(np.int64) * 1000
        frames["offset"] = meta[:, 2]
        frames["captured_bytes"] = frames["wire_bytes"] = meta[:, 3]
        frames["interface"] = self.number
        frames["link_type"] = self.link_type
        return frames

    def count(self) -> None:
        """Bring `drops` up to date; libpcap's counters have 32 bits."""
        try:
            now = self._reader.stats()
        except pcapy.PcapError:
            return
        grown = [(new - old) & 0xFFFFFFFF for new, old in zip(now, self._counted, strict=True)]
        self._counted = now
        self.drops += Drops(*grown)

    def close(self) -> None:
        self._reader.close()


class LiveCapture:
    """Packets of one or several interfaces from now on, in the order of their times.

    `bpf`: a libpcap filter, run by the kernel. `snaplen`: bytes kept of each frame. `buffer_mb`: the kernel's
    ring, for each interface. `direction`: "in" or "out", else both. `count`: of what comes, only so many
    packets are given. Promiscuous mode is on by default, as tcpdump has it; `any` has none. Nothing of this
    needs privileges after the object was made: give them up before `batches`. Raises CaptureError.
    """

    def __init__(
        self,
        interfaces: Sequence[str],
        bpf: str | None = None,
        *,
        snaplen: int = SNAPLEN_BYTES,
        promiscuous: bool = True,
        buffer_mb: int = BUFFER_MB,
        direction: str | None = None,
        count: int | None = None,
        verify_checksums: bool = True,
    ) -> None:
        if not interfaces:
            raise CaptureError("no interface was given; `synsight interfaces` lists them")
        self._taps: list[_Tap] = []
        self._thread: Thread | None = None
        self._abandoned = False
        try:
            for number, name in enumerate(dict.fromkeys(interfaces)):
                tap = _Tap(name, number, snaplen, promiscuous, buffer_mb)
                self._taps.append(tap)
                tap.choose(bpf, direction)
        except CaptureError:
            self.close()
            raise
        self.facts = FileFacts(", ".join(tap.name for tap in self._taps))
        self.facts.interfaces = [tap.name for tap in self._taps]
        self.facts.link_types = list(dict.fromkeys(link_name(tap.link_type) for tap in self._taps))
        self.facts.kernel_dropped_count = 0
        self._verify = verify_checksums
        self._most = count
        self._counters = new_counters()
        self._rows = new_rows(_BATCH_FRAMES)
        self._backlog = _Backlog(BACKLOG_BYTES)
        self._stop_at: float | None = None
        self._failure: BaseException | None = None

    @property
    def files(self) -> list[FileFacts]:
        """The one input, as `Capture.files` has it; counted up to the batch that was given last."""
        return [self.facts]

    @property
    def interfaces(self) -> list[tuple[str, int]]:
        """(name, link type number) in the order of the frames' interface numbers."""
        return [(tap.name, tap.link_type) for tap in self._taps]

    def __enter__(self) -> LiveCapture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the reading thread, wherever `batches` stands, and close the interfaces."""
        self._end_reading()
        for tap in self._taps:
            tap.close()

    def stop(self) -> None:
        """End `batches` once what has arrived by now has been given; for signal handlers and any thread."""
        if self._stop_at is None:
            self._stop_at = time.time()

    def drops(self) -> Drops:
        """Counters of all interfaces, half a second old at most."""
        return sum((tap.drops for tap in self._taps), Drops(0, 0, 0))

    def counts(self) -> list[tuple[int, int]]:
        """(received, dropped by the kernel) of each interface, as pcapng's statistics have them."""
        return [(tap.drops.received, tap.drops.kernel_dropped) for tap in self._taps]

    def batches(self) -> Iterator[Batch]:
        """All packets from now on, and an empty batch when none came for TICK_S. Can be asked for once."""
        self._thread = Thread(target=self._drain, name="synsight-live", daemon=True)
        self._thread.start()
        try:
            while True:
                piece = self._backlog.get(TICK_S)
                if piece is None:
                    if self._backlog.finished:
                        break
                    yield self._nothing()
                else:
                    yield from self._decoded(*piece)
            if self._failure is not None:
                raise self._failure
        finally:
            self._end_reading()
            self.facts.kernel_dropped_count = self.drops().kernel_dropped

    def _end_reading(self) -> None:
        self._abandoned = True
        if self._thread is not None:
            self._backlog.abandon()
            self._thread.join()

    def _drain(self) -> None:
        """The reading thread: rings to backlog, until stopped or nothing is left to read."""
        taps, counted_s = list(self._taps), 0.0
        merger = _Merger() if len(taps) > 1 else None
        take_in = self._backlog.put if merger is None else merger.add
        try:
            while taps and not self._abandoned:
                _wait(taps)
                now_s = time.time()
                for tap in taps:
                    for piece in tap.take_all(now_s):
                        take_in(piece)
                if merger is not None:
                    self._put(merger.until(now_s - _SETTLE_S))
                taps = [tap for tap in taps if not self._ended(tap, now_s)]
                if now_s - counted_s > _STATS_EVERY_S or not taps:
                    counted_s = now_s
                    for tap in self._taps:
                        tap.count()
            if merger is not None:
                self._put(merger.until(None))
        except BaseException as problem:
            self._failure = problem
        finally:
            self._backlog.finish()

    def _put(self, piece: _Piece | None) -> None:
        if piece is not None:
            self._backlog.put(piece)

    def _ended(self, tap: _Tap, now_s: float) -> bool:
        """Whether nothing more is to be had, or wanted, from an interface; an early end is told."""
        if tap.error is not None and self._stop_at is None:
            gone = [f"{each.name} {each.error}" for each in self._taps if each.error]
            self.facts.error = "; ".join(gone)
        ends = [moment for moment in (tap.ends_at, self._stop_at and self._stop_at + _SETTLE_S) if moment]
        return bool(ends) and now_s > min(ends)

    def _nothing(self) -> Batch:
        return Batch(np.zeros(0, np.uint8), np.zeros(0, FRAME), np.zeros(0, SEGMENT), self._next_frame)

    @property
    def _next_frame(self) -> int:
        return self.facts.packets_count + 1

    def _decoded(self, data: np.ndarray, frames: np.ndarray) -> Iterator[Batch]:
        if self._most is not None:
            frames = frames[: self._most - self.facts.packets_count]
        for start in range(0, len(frames), _BATCH_FRAMES):
            part = frames[start : start + _BATCH_FRAMES]
            first = self._next_frame
            segments = decode(data, part, first, self._rows, self._counters, verify_checksums=self._verify)
            self.facts.count(part, self._counters)
            self.facts.skipped = named_counts(self._counters)
            self.facts.kernel_dropped_count = self.drops().kernel_dropped
            yield Batch(data, part, segments, first)


def _gone(problem: str) -> str:
    if "went down" in problem:
        return "went down or was removed; the capture of it ends there"
    return f"gives no more packets: {problem}"


def _wait(taps: Sequence[_Tap]) -> None:
    """Until one of the interfaces has packets, or for _POLL_MS."""
    poll = select.poll()
    for tap in taps:
        poll.register(tap.descriptor, select.POLLIN)
    poll.poll(_POLL_MS)


class _Backlog:
    """Pieces on their way from the reading thread to the caller, bounded in bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._pieces: deque[_Piece] = deque()
        self._changed = Condition()
        self._abandoned = False
        self._finished = False

    @property
    def finished(self) -> bool:
        """Nothing waits and nothing will come."""
        return self._finished and not self._pieces

    def put(self, piece: _Piece) -> None:
        """Add a piece; waits while there is no room."""
        with self._changed:
            while self._bytes > self._limit and not self._abandoned:
                self._changed.wait()
            self._pieces.append(piece)
            self._bytes += piece[0].nbytes + piece[1].nbytes
            self._changed.notify_all()

    def get(self, timeout_s: float) -> _Piece | None:
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


class _Merger:
    """Puts the pieces of several interfaces into the order of their times.

    An interface that was emptied at some time gives nothing older than that, less the time that the kernel
    may keep a partly filled block. So long frames wait.
    """

    def __init__(self) -> None:
        self._held: list[_Piece] = []

    def add(self, piece: _Piece) -> None:
        """Take a piece in; the pieces of one interface come in the order of their times."""
        self._held.append(piece)

    def until(self, settled_s: float | None) -> _Piece | None:
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


def _merged(pieces: list[_Piece]) -> _Piece:
    """One piece with the frames of several, by time."""
    data = np.concatenate([data for data, _ in pieces])
    frames = np.concatenate([frames for _, frames in pieces])
    starts = np.cumsum([0, *(len(data) for data, _ in pieces[:-1])])
    frames["offset"] += np.repeat(starts, [len(frames) for _, frames in pieces]).astype(np.uint32)
    return data, frames[np.argsort(frames["time_ns"], kind="stable")]
