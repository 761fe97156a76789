"""Some frames of a capture as a small temporary pcapng, for programs that read files."""

from __future__ import annotations

import struct
import tempfile
from types import TracebackType

import numpy as np
from synsight.capture.source import Batch

_SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
_NANOSECONDS = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
"""Option if_tsresol 9, and the end of options (draft-ietf-opsawg-pcapng section 4.2)."""


class Excerpt:
    """Frames copied from batches, in the order they are added; the n-th frame (from 1) is `frames[n - 1]`."""

    def __init__(self) -> None:
        self.frames: list[int] = []  # their numbers in the capture
        self.times_ns: list[int] = []
        self._links: dict[int, int] = {}  # link type -> interface of the excerpt
        self._file = tempfile.NamedTemporaryFile(prefix="synsight-", suffix=".pcapng")  # noqa: SIM115
        self._file.write(_SECTION)

    def __enter__(self) -> Excerpt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def path(self) -> str:
        """The file, complete up to the frames added so far."""
        self._file.flush()
        return self._file.name

    def add(self, batch: Batch, numbers: np.ndarray) -> None:
        """Copy the frames of a batch that have these numbers, ascending."""
        data = batch.data
        for number in numbers.tolist():
            row = batch.frames[number - batch.first_frame]
            offset, captured = int(row["offset"]), int(row["captured_bytes"])
            at_ns = int(row["time_ns"])
            self._packet(
                self._interface(int(row["link_type"])),
                at_ns,
                data[offset : offset + captured].tobytes(),
                int(row["wire_bytes"]),
            )
            self.frames.append(number)
            self.times_ns.append(at_ns)

    def _interface(self, link_type: int) -> int:
        """Number of the interface that stands for a link type."""
        if link_type not in self._links:
            self._links[link_type] = len(self._links)
            self._block(1, struct.pack("<HHI", link_type, 0, 0) + _NANOSECONDS)
        return self._links[link_type]

    def _packet(self, interface: int, at_ns: int, frame: bytes, wire_bytes: int) -> None:
        """An enhanced packet block (section 4.3)."""
        time = at_ns & 0xFFFFFFFFFFFFFFFF
        head = struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(frame), wire_bytes)
        self._block(6, head + frame + bytes(-len(frame) % 4))

    def _block(self, kind: int, body: bytes) -> None:
        length = struct.pack("<I", len(body) + 12)
        self._file.write(struct.pack("<I", kind) + length + body + length)
