"""The installed tshark: where it is, its version, and what it makes of formats that only it reads."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from typing import IO

from synsight.capture.formats import TSHARK_ADVICE

PROGRAM = "tshark"

_ENDED_S = 5.0
"""A process that was asked to end gets so long before it is killed."""


def path() -> str | None:
    """Where tshark is; None when it is not installed."""
    return shutil.which(PROGRAM)


def version() -> str:
    """`TShark (Wireshark) 4.0.17`, as the program says it. Raises OSError when it cannot be run."""
    program = path()
    if program is None:
        raise FileNotFoundError(TSHARK_ADVICE)
    try:
        said = subprocess.run([program, "--version"], capture_output=True, check=True, timeout=30).stdout
    except subprocess.SubprocessError as problem:
        raise OSError(f"{program} --version failed: {problem}") from None
    return cleaned(said.decode(errors="replace").partition("\n")[0]).partition(" (Git")[0].rstrip(".")


def cleaned(text: str) -> str:
    """One line without control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class Conversion:
    """A capture in a foreign format as a stream of pcapng bytes, made by tshark while it is read.

    `source` is an open, seekable file at its start; it is closed with the conversion. `name` says what it
    looks like. `packets` limits how many are converted (None: all). Reading raises OSError, with what tshark
    said, when it fails.
    """

    def __init__(self, source: IO[bytes], name: str, packets: int | None = None) -> None:
        program = path()
        if program is None:
            raise FileNotFoundError(TSHARK_ADVICE)
        limit = [] if packets is None else ["-c", str(packets)]
        self.name = name
        self._source = source
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - until `close`
        self._process = subprocess.Popen(
            [program, "-n", "-r", "-", "-F", "pcapng", *limit, "-w", "-"],
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )

    def readinto(self, buffer: memoryview, /) -> int:
        """As many bytes as there are, 0 at the end."""
        data = self.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read1(self, size: int, /) -> bytes:
        """At most `size` bytes; empty at the end."""
        assert self._process.stdout is not None
        data: bytes = self._process.stdout.read1(size)  # type: ignore[attr-defined]
        if not data and self._process.wait() != 0:
            raise OSError(f"it looks like {self.name}, but tshark says: {self._complaint()}")
        return data

    read = read1

    def close(self) -> None:
        """End tshark, when it has not ended yet."""
        assert self._process.stdout is not None
        if not self._said.closed:
            self._process.stdout.close()
            self._process.terminate()
            try:
                self._process.wait(_ENDED_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._said.close()
            self._source.close()

    def _complaint(self) -> str:
        """The last line that tshark wrote to its standard error."""
        self._said.seek(0)
        lines = self._said.read(1 << 16).decode(errors="replace").splitlines()
        words = [cleaned(line) for line in lines if line.strip()]
        code = self._process.returncode
        return words[-1].removeprefix("tshark: ") if words else f"it ended with status {code}"
