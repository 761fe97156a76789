"""One network interface, opened through libpcap (pcapy-ng): packets as FRAME rows, counters, and its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pcapy
from synsight.capture.filters import FilterError, compile_program
from synsight.capture.links import link_type_of
from synsight.capture.live.hardware import mark_directions, own_address
from synsight.capture.live.merging import Piece
from synsight.capture.live.privileges import no_permission
from synsight.capture.segment import FRAME
from synsight.capture.source import CaptureError
from synsight.capture.wire_lengths import restore

SNAPLEN_BYTES = 262144
"""Whole frames: libpcap's own upper limit."""

BUFFER_MB = 64
"""Kernel ring per interface."""

RING_TIMEOUT_MS = 50
"""The kernel hands over a partly filled block of its ring after this long..."""

SETTLE_S = 2.5 * RING_TIMEOUT_MS / 1000
"""...and has handed over whatever had arrived by then after this long."""

DIRECTIONS = {"in": pcapy.PCAP_D_IN, "out": pcapy.PCAP_D_OUT}

BATCH_FRAMES = 4096
_BATCH_BYTES = 1 << 20  # larger ones leave the second-level cache before they are decoded
_BATCH_FRAMES_LEAST = 512

ANY = "any"
"""The device that stands for all interfaces (Linux)."""

LINKTYPE_ETHERNET = 1  # tcpdump.org/linktypes.html

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


class Tap:
    """One open interface."""

    def __init__(self, name: str, number: int, snaplen: int, promiscuous: bool, buffer_mb: int) -> None:
        """Open it. Raises CaptureError."""
        self.name = name
        self.number = number
        self.error: str | None = None  # why it gives no more packets
        self.ends_at: float | None = None  # until then, what it had before the error may still come
        self.drops = Drops(0, 0, 0)
        self._counted = (0, 0, 0)
        self._asked = BATCH_FRAMES
        self._reader = open_interface(name, snaplen=snaplen, promiscuous=promiscuous, buffer_mb=buffer_mb)
        self._snaplen = snaplen
        self._own = own_address(name)
        self.link_type = link_type_of(int(self._reader.datalink()))
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

    def take_all(self, now_s: float) -> Iterator[Piece]:
        """The packets that have arrived by now, and few that came while these were read."""
        while True:
            asked, piece = self._asked, self._take()
            if piece is None:
                return
            yield piece
            if len(piece[1]) < asked or piece[1]["time_ns"][-1] >= now_s * 1e9:
                return

    def _take(self) -> Piece | None:
        """The packets that are ready, as many as make a good batch at most; None when there are none."""
        try:
            data, meta = self._reader.next_batch(self._asked)
        except pcapy.PcapError as problem:
            if self.error is None:
                self.error, self.ends_at = _gone(str(problem)), time.time() + SETTLE_S
            return None
        if not meta:
            return None
        rows = np.frombuffer(meta, np.uint32).reshape(-1, 4)
        fitting = _BATCH_BYTES * len(rows) // max(len(data), 1)
        self._asked = min(BATCH_FRAMES, max(_BATCH_FRAMES_LEAST, fitting))
        taken = np.frombuffer(data, np.uint8), self._frames(rows)
        if self._snaplen < SNAPLEN_BYTES:
            restore(*taken, self._snaplen)
        if self._own is not None and self.link_type == LINKTYPE_ETHERNET:
            mark_directions(*taken, self._own)
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


def _gone(problem: str) -> str:
    if "went down" in problem:
        return "went down or was removed; the capture of it ends there"
    return f"gives no more packets: {problem}"
