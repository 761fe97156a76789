"""Keeps a recording whole when the process that writes it is killed in the middle of a write.

A write of many records can end at any byte when its process is killed, and no order of writes avoids that.
So a second, sleeping process shares the open file and hears of the writer's end; it cuts off what the writer
had not yet declared whole. See guard_process.py.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

PROCESS = Path(__file__).with_name("guard_process.py")
_SIZE = struct.Struct("=Q")


class Guard:
    """The writer's side. Where the other process cannot be started, nothing is guarded and all else works."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._count = 0
        if not hasattr(os, "memfd_create"):  # Linux has it
            return
        shared = os.memfd_create("synsight-guard")
        line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            os.truncate(shared, 2 * _SIZE.size)
            self._sizes = mmap.mmap(shared, 2 * _SIZE.size)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROCESS), str(theirs.fileno()), str(shared)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), shared),
                start_new_session=True,  # Ctrl-C in the terminal is not for it
            )
            self._line = line
        except OSError:
            line.close()
        finally:
            theirs.close()
            os.close(shared)

    def announce(self, path: Path) -> None:
        """This file is about to be made; it must not stay if nothing gets written to it."""
        self._count += 1
        if self._line is not None:
            _SIZE.pack_into(self._sizes, self._place, 0)
            self._send(os.fsencode(path.absolute()), [])

    def watch(self, descriptor: int) -> None:
        """The announced file has been made."""
        if self._line is not None:
            self._send(b"+", [descriptor])

    def withdraw(self) -> None:
        """The announced file could not be made: what is there is somebody else's."""
        if self._line is not None:
            self._send(b"-", [])

    def _send(self, words: bytes, descriptors: list[int]) -> None:
        assert self._line is not None
        try:
            socket.send_fds(self._line, [words], descriptors)
        except OSError:  # somebody ended the other process
            self._line.close()
            self._line = None

    def declare(self, size_bytes: int) -> None:
        """So much of the file is whole."""
        if self._line is not None:
            _SIZE.pack_into(self._sizes, self._place, size_bytes)

    def close(self) -> None:
        """Let the other process end; what has been declared stays."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._process is not None:
            self._process.wait()

    @property
    def _place(self) -> int:
        """Two sizes take turns, so that neither is ever taken for that of the file before."""
        return self._count % 2 * _SIZE.size
