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
from collections.abc import Iterator, Sequence
from threading import Thread
from types import TracebackType

import numpy as np
from synsight.capture.decode import decode, new_counters, new_rows, times_of
from synsight.capture.links import link_name
from synsight.capture.live.merging import Backlog, Merger, Piece
from synsight.capture.live.tap import BATCH_FRAMES, BUFFER_MB, SETTLE_S, SNAPLEN_BYTES, Drops, Tap
from synsight.capture.segment import FRAME, SEGMENT
from synsight.capture.source import Batch, CaptureError, FileFacts

BACKLOG_BYTES = 64 << 20
"""What may wait between the reading thread and the caller."""

TICK_S = 0.1
"""An empty batch comes when nothing else has for this long."""

_POLL_MS = 50
_COUNT_EVERY_S = 0.5


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
        self._taps: list[Tap] = []
        self._thread: Thread | None = None
        self._abandoned = False
        try:
            for number, name in enumerate(dict.fromkeys(interfaces)):
                tap = Tap(name, number, snaplen, promiscuous, buffer_mb)
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
        self._rows = new_rows(BATCH_FRAMES)
        self._backlog = Backlog(BACKLOG_BYTES)
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
        merger = Merger() if len(taps) > 1 else None
        take_in = self._backlog.put if merger is None else merger.add
        try:
            while taps and not self._abandoned:
                _wait(taps)
                now_s = time.time()
                for tap in taps:
                    for piece in tap.take_all(now_s):
                        take_in(piece)
                if merger is not None:
                    self._put(merger.until(now_s - SETTLE_S))
                taps = [tap for tap in taps if not self._ended(tap, now_s)]
                if now_s - counted_s > _COUNT_EVERY_S or not taps:
                    counted_s = now_s
                    for tap in self._taps:
                        tap.count()
            if merger is not None:
                self._put(merger.until(None))
        except BaseException as problem:
            self._failure = problem
        finally:
            self._backlog.finish()

    def _put(self, piece: Piece | None) -> None:
        if piece is not None:
            self._backlog.put(piece)

    def _ended(self, tap: Tap, now_s: float) -> bool:
        """Whether nothing more is to be had, or wanted, from an interface; an early end is told."""
        if tap.error is not None and self._stop_at is None:
            gone = [f"{each.name} {each.error}" for each in self._taps if each.error]
            self.facts.error = "; ".join(gone)
        ends = [moment for moment in (tap.ends_at, self._stop_at and self._stop_at + SETTLE_S) if moment]
        return bool(ends) and now_s > min(ends)

    def _nothing(self) -> Batch:
        return Batch(np.zeros(0, np.uint8), np.zeros(0, FRAME), np.zeros(0, SEGMENT), self._next_frame)

    @property
    def _next_frame(self) -> int:
        return self.facts.packets_count + 1

    def _decoded(self, data: np.ndarray, frames: np.ndarray) -> Iterator[Batch]:
        if self._most is not None:
            frames = frames[: self._most - self.facts.packets_count]
        for start in range(0, len(frames), BATCH_FRAMES):
            part = frames[start : start + BATCH_FRAMES]
            first = self._next_frame
            counters = new_counters()
            segments = decode(data, part, first, self._rows, counters, verify_checksums=self._verify)
            self.facts.count(*times_of(part)[:2], counters)
            self.facts.kernel_dropped_count = self.drops().kernel_dropped
            yield Batch(data, part, segments, first)


def _wait(taps: Sequence[Tap]) -> None:
    """Until one of the interfaces has packets, or for _POLL_MS."""
    poll = select.poll()
    for tap in taps:
        poll.register(tap.descriptor, select.POLLIN)
    poll.poll(_POLL_MS)
