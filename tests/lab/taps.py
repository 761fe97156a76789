"""Captures at the three vantage points."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from .namespaces import Namespace

FLUSH_S = 0.3
"""How long tcpdump may need for frames that the kernel has already handed over."""


class Tap:
    """One tcpdump on one link."""

    def __init__(self, namespace: Namespace, link: str, path: Path, snaplen_bytes: int, keeps: str) -> None:
        """Begin to capture into `path` what the filter `keeps`; returns when tcpdump listens.

        Raises RuntimeError when it does not.
        """
        options = f"-i {link} -B 16384 --immediate-mode -U -n -s {snaplen_bytes} -Z root -w {path}"
        command = namespace.inside(["tcpdump", *options.split(), keeps])
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr
        self._says: IO[str] = self._process.stderr
        for line in self._says:
            if "listening on" in line:
                return
        raise RuntimeError(f"tcpdump did not start on {link}")

    def stop(self) -> None:
        """End the capture with everything in it; raises RuntimeError when the kernel dropped packets."""
        time.sleep(FLUSH_S)
        self._process.send_signal(signal.SIGINT)
        said = self._says.read()
        self._process.wait(timeout=10)
        if "\n0 packets dropped by kernel" not in "\n" + said:
            raise RuntimeError(f"tcpdump lost packets: {said}")

    def kill(self) -> None:
        """End it in any case."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
