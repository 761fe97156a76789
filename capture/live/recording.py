"""Frames to capture files while they are captured: one file, a rotated set, a ring, or a nameless spool.

`write` appends whole records and returns when the kernel has them: killing the process afterwards loses
nothing. Frames are numbered as they come, and `reread` gives them back under these numbers. As long as there
is one file, they are Wireshark's. In a rotated set they go on from file to file, as `synsight analyze FIRST
SECOND ...` counts; `files` says with which number each begins.
"""

from __future__ import annotations

import glob
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from synsight.capture.live.guard import Guard
from synsight.capture.live.records import Form, Interfaces, Pcap, Pcapng
from synsight.capture.pcapng import Section
from synsight.capture.reader import Mark
from synsight.capture.source import Batch, Capture, CaptureError, Part, Spans

MEBIBYTE = 1 << 20
PCAPNG_SUFFIXES = (".pcapng", ".ntar")
SPOOL_MB = 256
"""What a spool keeps; the oldest eighth is given up for new frames."""

_SPOOL_FILES = 8
_MARK_BYTES = MEBIBYTE  # reading again can begin once in so many bytes...
_MOST_MARKS = 4096  # ...or half as often, a quarter as often: a file has no more such places


@dataclass(slots=True)
class RecordedFile:
    """One file of a recording, as far as it has been written."""

    path: Path | None  # None: it has no name
    raw: io.FileIO
    first_frame: int  # number of its first frame
    frames_count: int = 0
    start_ns: int | None = None  # time of its first frame
    size_bytes: int = 0  # whole records only
    marks: list[Mark] = field(default_factory=list)
    mark_bytes: int = _MARK_BYTES

    def mark(self, section: Section | None) -> None:
        """Reading may begin where the file ends now, unless it may a little before."""
        if self.marks and self.size_bytes - self.marks[-1].offset < self.mark_bytes:
            return
        if len(self.marks) >= _MOST_MARKS:
            del self.marks[1::2]
            self.mark_bytes *= 2
        self.marks.append(Mark(self.frames_count, self.size_bytes, section))

    def reopened(self) -> io.FileIO:
        """The file from its start, for reading."""
        if self.path is not None:
            return open(self.path, "rb", buffering=0)
        raw = io.FileIO(
            os.dup(self.raw.fileno()), "rb"
        )  # shares its position with nobody: writing has its own
        raw.seek(0)
        return raw


class Recording:
    """Writes batches to `path`: pcapng when its suffix is .pcapng, else pcap.

    `interfaces`: (name, link type number) in the order of the frames' interface numbers; pcap holds one.
    `rotate_mb` (MiB) and `rotate_s` (seconds of packet time) begin another file before one exceeds them; then
    files are called `name_000001_20261122T031500Z.pcap` and so on. `keep` deletes the oldest first, so that
    there are never more. `drops` gives (received, dropped) per interface, which pcapng files end with.
    Raises CaptureError when a file is there already, or cannot be made.

    When writing fails (a full disk), the recording ends: `error` says so in one line, the file is cut to
    whole records, and further batches are ignored.
    """

    def __init__(
        self,
        path: str | Path | None,
        interfaces: Interfaces,
        *,
        snaplen: int = 262144,
        rotate_mb: float | None = None,
        rotate_s: float | None = None,
        keep: int | None = None,
        drops: Callable[[], Sequence[tuple[int, int]]] | None = None,
    ) -> None:
        self.error: str | None = None
        self.files: list[RecordedFile] = []
        self.deleted_count = 0
        self._base = None if path is None else Path(path)
        self._form = _form(self._base, interfaces, snaplen)
        self._limit_bytes = None if rotate_mb is None else int(rotate_mb * MEBIBYTE)
        self._limit_ns = None if rotate_s is None else int(rotate_s * 1e9)
        self._keep = keep
        self._drops = drops
        self._out = np.zeros(MEBIBYTE, np.uint8)
        self._next_frame = 1
        _check(self._base, rotate_mb, rotate_s, keep)
        self._guard = Guard() if self._base is not None else None
        try:
            self._begin_file(time.time_ns())
        except OSError as problem:
            self._release()
            there = isinstance(problem, FileExistsError)
            words = "exists already; name another file, or delete it"
            words = words if there else f"cannot be written: {_words(problem)}"
            raise CaptureError(f"{path or 'spool'}: {words}") from None

    @classmethod
    def spool(cls, interfaces: Interfaces, limit_mb: float = SPOOL_MB) -> Recording:
        """A recording without a name that keeps the newest `limit_mb` and is gone with the process."""
        return cls(None, interfaces, rotate_mb=limit_mb / _SPOOL_FILES, keep=_SPOOL_FILES)

    @property
    def paths(self) -> list[Path]:
        """Files that are there, oldest first."""
        return [each.path for each in self.files if each.path is not None]

    @property
    def oldest_frame(self) -> int:
        """Number of the first frame that is still there; those before it were given up."""
        return self.files[0].first_frame

    @property
    def size_bytes(self) -> int:
        """Of all files that are there."""
        return sum(each.size_bytes for each in self.files)

    def write(self, batch: Batch) -> None:
        """Append the frames of a batch; batches come in the order of their frames, none left out."""
        frames = batch.frames
        if self.error is not None or not len(frames):
            return
        ends = np.cumsum(self._form.sizes(frames))
        start = 0
        while start < len(frames) and self.error is None:
            stop = self._fitting(frames, ends, start)
            if stop == start:
                self._rotate(int(frames["time_ns"][start]))
                continue
            self._append(batch.data, frames[start:stop], ends[start:stop] - (ends[start - 1] if start else 0))
            start = stop

    def close(self) -> None:
        """End the file. Nothing can be written afterwards; what has a name can still be read again."""
        self._end_file()
        self._release()

    def reread(self, spans: Spans) -> Iterator[Batch]:
        """The segments of frames inside closed, sorted, disjoint ranges of frame numbers.

        Frames that were given up are left out. A file that cannot be read sets `error`.
        """
        parts = [self._part(each) for each in self.files if each.frames_count]
        if not parts:
            return
        with Capture(parts) as capture:
            yield from capture.batches(spans)
            unread = [f"{facts.path}: {facts.error}" for facts in capture.files if facts.error]
        if unread:
            self.error = self.error or unread[0]

    def _release(self) -> None:
        if self._guard is not None:
            self._guard.close()

    def _part(self, each: RecordedFile) -> Part:
        name = str(each.path or "spool")
        return Part(
            name, each.reopened, each.first_frame, each.frames_count, each.marks, self._form.pcap_header
        )

    def _fitting(self, frames: np.ndarray, ends: np.ndarray, start: int) -> int:
        """The first frame from `start` on that belongs into the next file."""
        current, stop, times = self.files[-1], len(frames), frames["time_ns"]
        if self._limit_bytes is not None:
            room = self._limit_bytes - current.size_bytes - self._form.trailer_bytes
            stop = int(np.searchsorted(ends, room + (ends[start - 1] if start else 0), "right"))
        if self._limit_ns is not None:
            began_ns = int(times[start]) if current.start_ns is None else current.start_ns
            late = np.flatnonzero(times[start:stop] >= began_ns + self._limit_ns)
            stop = start + int(late[0]) if len(late) else stop
        return stop

    def _append(self, data: np.ndarray, frames: np.ndarray, ends: np.ndarray) -> None:
        """Write some frames to the current file; `ends`: where each record ends behind what is there."""
        current = self.files[-1]
        if len(self._out) < ends[-1]:
            self._out = np.zeros(int(ends[-1]), np.uint8)
        size = self._form.pack(data, frames, self._out)
        if current.start_ns is None:
            current.start_ns = int(frames["time_ns"][0])
        current.mark(self._form.section)
        written, problem = _written(current.raw, current.size_bytes, self._out[:size].data)
        whole = len(frames) if problem is None else int(np.searchsorted(ends, written, "right"))
        current.frames_count += whole
        self._next_frame += whole
        self._grow(int(ends[whole - 1]) if whole else 0)
        if problem is not None:
            self._fail(problem)

    def _grow(self, count_bytes: int) -> None:
        """So many bytes more are whole."""
        current = self.files[-1]
        current.size_bytes += count_bytes
        if self._guard is not None:
            self._guard.declare(current.size_bytes)

    def _fail(self, problem: OSError) -> None:
        """Give up recording, leaving whole records."""
        current = self.files[-1]
        current.raw.truncate(current.size_bytes)
        self._tell(problem)

    def _tell(self, problem: OSError) -> None:
        """Nothing is recorded from now on."""
        name = self._base or "spool"
        self.error = (
            f"{name}: recording stopped after frame {self._next_frame - 1}: {_words(problem)}; "
            "the analysis goes on"
        )

    def _rotate(self, time_ns: int) -> None:
        self._end_file()
        if self._keep is not None:
            while len(self.files) >= self._keep:
                self._delete_oldest()
        try:
            self._begin_file(time_ns)
        except OSError as problem:
            self._tell(problem)

    def _delete_oldest(self) -> None:
        oldest = self.files.pop(0)
        self.deleted_count += 1
        oldest.raw.close()
        if oldest.path is not None:
            oldest.path.unlink(missing_ok=True)

    def _begin_file(self, time_ns: int) -> None:
        """Make the next file, with its header. Raises OSError, and leaves nothing then."""
        path = self._path(time_ns)
        if self._guard is None or path is None:
            raw = _made(path)
        else:
            self._guard.announce(path)
            try:
                raw = _made(path)
            except OSError:
                self._guard.withdraw()
                raise
            self._guard.watch(raw.fileno())
        _, problem = _written(raw, 0, self._form.header)
        if problem is not None:
            raw.close()
            if path is not None:
                path.unlink(missing_ok=True)
            raise problem
        self.files.append(RecordedFile(path, raw, self._next_frame))
        self._grow(len(self._form.header))

    def _end_file(self) -> None:
        """Write the statistics and close the current file, unless it has no name."""
        current = self.files[-1]
        if current.raw.closed:
            return
        if self.error is None and self._drops is not None:
            trailer = self._form.trailer(time.time_ns(), self._drops())
            written, problem = _written(current.raw, current.size_bytes, trailer)
            if problem is None:
                self._grow(written)
            else:
                self._fail(problem)
        if current.path is not None:
            current.raw.close()

    def _path(self, time_ns: int) -> Path | None:
        if self._base is None or (self._limit_bytes is None and self._limit_ns is None):
            return self._base
        stamp = datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y%m%dT%H%M%SZ")
        number = self.deleted_count + len(self.files) + 1
        return self._base.with_name(f"{self._base.stem}_{number:06d}_{stamp}{self._base.suffix}")


def _form(path: Path | None, interfaces: Interfaces, snaplen: int) -> Form:
    """The format that a path asks for. Raises CaptureError when it cannot hold these interfaces."""
    if path is None or path.suffix.lower() in PCAPNG_SUFFIXES:
        return Pcapng(interfaces, snaplen)
    if len(interfaces) > 1:
        raise CaptureError(
            f"{path}: a pcap file holds one interface; call it {path.with_suffix('.pcapng').name}"
        )
    return Pcap(interfaces[0][1], snaplen)


def _check(base: Path | None, rotate_mb: float | None, rotate_s: float | None, keep: int | None) -> None:
    """Raises CaptureError for limits that make no sense, and for a set that is there already."""
    rotated = rotate_mb is not None or rotate_s is not None
    if rotate_mb is not None and rotate_mb < 1:
        raise CaptureError("files are rotated at 1 MiB or more")
    if rotate_s is not None and rotate_s <= 0:
        raise CaptureError("files are rotated after more than 0 seconds")
    if keep is not None and (keep < 1 or not rotated):
        raise CaptureError("keeping some files only (1 or more) needs rotation by size or time")
    if base is None or not rotated:
        return
    there = sorted(
        base.parent.glob(
            f"{glob.escape(base.stem)}_[0-9][0-9][0-9][0-9][0-9][0-9]_*{glob.escape(base.suffix)}"
        )
    )
    if there:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise CaptureError(f"{there[0]}{more}: from an earlier capture; name another file, or delete these")


def _made(path: Path | None) -> io.FileIO:
    """A new empty file, readable and writable. Raises OSError."""
    if path is None:
        return tempfile.TemporaryFile(prefix="synsight-", buffering=0)  # type: ignore[return-value]
    return io.FileIO(path, "xb+")


def _written(raw: io.FileIO, at: int, content: bytes | memoryview) -> tuple[int, OSError | None]:
    """Write at a position; returns how many bytes were written, and why not all."""
    written, content = 0, memoryview(content)
    try:
        while written < len(content):
            written += os.pwrite(raw.fileno(), content[written:], at + written)
    except OSError as problem:
        return written, problem
    return written, None


def _words(problem: OSError) -> str:
    return (problem.strerror or str(problem)).lower()
