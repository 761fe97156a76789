"""Bytes of a capture: files, standard input kept for re-reading, compressed content, as one kind of stream.

A stream has `readinto(buffer) -> int` (bytes written, 0 at the end) and `close()`; a stream may give fewer
bytes than asked for. What is compressed is not unpacked to disk, but for what tshark has to convert.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol, cast

from synsight.capture import formats

_INPUT_BYTES = 1 << 16
_OUTPUT_BYTES = 1 << 20
_MAGIC_BYTES = 6

READ_ERRORS: tuple[type[BaseException], ...] = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    RuntimeError,
)
"""What reading damaged compressed content or a failing disk can raise."""


class Stream(Protocol):
    """What the scanner reads from."""

    def readinto(self, buffer: Any, /) -> int | None: ...

    def close(self) -> None: ...


class Readable(Protocol):
    """What can be copied while it is read: `read1`, where there is one, is used instead of `read`."""

    def read(self, size: int, /) -> bytes | None: ...


class Prefixed:
    """A stream whose first bytes were read already."""

    def __init__(self, first: bytes, rest: Stream) -> None:
        self._first = first
        self._rest = rest

    def readinto(self, buffer: Any, /) -> int:
        if not self._first:
            return self._rest.readinto(buffer) or 0
        size = min(len(self._first), len(buffer))
        buffer[:size] = self._first[:size]
        self._first = self._first[size:]
        return size

    def close(self) -> None:
        self._rest.close()


class Spool:
    """Standard input, copied to a temporary file as it is read so that it can be read again, from any place.

    The file has no name in the file system; it is gone after `discard`, or when the process ends.
    """

    def __init__(self, source: Readable) -> None:
        import tempfile

        self._source = source
        self._copy = tempfile.TemporaryFile(prefix="synsight-", buffering=0)  # noqa: SIM115 - until `discard`
        self._size = 0  # bytes in the copy
        self._at = 0  # where the next read begins
        self._read: Callable[[int], bytes | None] = getattr(source, "read1", source.read)

    def __enter__(self) -> Spool:
        self._at = 0
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def readinto(self, buffer: Any, /) -> int:
        """What was copied before first, then what the source still gives."""
        if self._at < self._size:
            self._copy.seek(self._at)
            size = self._copy.readinto(memoryview(buffer)[: self._size - self._at])
        else:
            data = self._read(len(buffer)) or b""
            size = len(data)
            self._copy.seek(self._size)
            self._copy.write(data)
            buffer[:size] = data
            self._size += size
        self._at += size
        return size

    def seek(self, offset: int) -> int:
        """Read from this byte on, which has been read before."""
        self._at = offset
        return offset

    def close(self) -> None:
        """Nothing: the copy outlives a reading."""

    def discard(self) -> None:
        self._copy.close()


class Decompressor:
    """Decompressed bytes of a stream, in pieces of at most 1 MiB, over all members of a multi-member file."""

    def __init__(self, source: Stream, make: Callable[[], Any]) -> None:
        self._source = source
        self._make = make
        self._engine = make()
        self._piece = memoryview(bytearray(_INPUT_BYTES))
        self._waiting = b""
        self._started = False  # the member being read has had input

    def readinto(self, buffer: Any, /) -> int:
        limit = min(len(buffer), _OUTPUT_BYTES)
        while True:
            if self._engine.eof:
                self._waiting = self._engine.unused_data or self._fill()
                self._waiting = self._waiting.lstrip(
                    b"\0"
                )  # padding between members, as gzip and tape writers leave
                if not self._waiting:
                    return 0
                if formats.compression(self._waiting) is None and len(self._waiting) >= 6:
                    return 0  # trailing rubbish, as gzip(1) ignores it
                self._engine = self._make()
            elif not self._waiting and getattr(self._engine, "needs_input", True):
                self._waiting = self._fill()
                if not self._waiting:
                    raise EOFError("the compressed data ends too early")
            data = self._engine.decompress(self._waiting, limit)
            self._waiting = getattr(self._engine, "unconsumed_tail", b"")
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _fill(self) -> bytes:
        size = self._source.readinto(self._piece) or 0
        return bytes(self._piece[:size])

    def close(self) -> None:
        self._source.close()


class _ZstdStream:
    """Decompressed bytes of Zstandard frames."""

    def __init__(self, source: Stream) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            cast(Any, _Raw(source)), read_size=_INPUT_BYTES, read_across_frames=True
        )
        self._source = source

    def readinto(self, buffer: Any, /) -> int:
        try:
            size: int = self._reader.readinto(memoryview(buffer)[:_OUTPUT_BYTES])
        except self._error as problem:
            raise ValueError(str(problem)) from None
        return size

    def close(self) -> None:
        self._source.close()


class _Raw(io.RawIOBase):
    """A Stream with `read`, for libraries that want one."""

    def __init__(self, source: Stream) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        return self._source.readinto(buffer) or 0


def _lz4_engine() -> Any:
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor()


_ENGINES: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
    "lz4": _lz4_engine,
}


def decompressed(source: Stream) -> tuple[Stream, bool]:
    """The stream behind up to two layers of compression, and whether there was any. Raises READ_ERRORS."""
    stream, compressed = source, False
    for _ in range(2):
        first = _first_bytes(stream)
        stream = Prefixed(first, stream)
        name = formats.compression(first)
        if name is None:
            break
        compressed = True
        stream = _ZstdStream(stream) if name == "zstd" else Decompressor(stream, _ENGINES[name])
    return stream, compressed


def unpacked(stream: Stream) -> BinaryIO:
    """The rest of a stream in a nameless temporary file, at its start. Raises READ_ERRORS."""
    import tempfile

    copy = tempfile.TemporaryFile(prefix="synsight-")  # noqa: SIM115 - the caller closes it
    piece = memoryview(bytearray(_OUTPUT_BYTES))
    while size := stream.readinto(piece) or 0:
        copy.write(piece[:size])
    copy.seek(0)
    return cast(BinaryIO, copy)


def _first_bytes(source: Stream) -> bytes:
    """Enough bytes to tell a compression, or all there are."""
    collected = bytearray()
    piece = bytearray(formats.SNIFF_BYTES)
    while len(collected) < _MAGIC_BYTES:
        size = source.readinto(memoryview(piece)) or 0
        if not size:
            break
        collected += piece[:size]
    return bytes(collected)
