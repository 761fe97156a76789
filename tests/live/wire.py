"""A wire to capture from: one namespace, two ends of a veth pair, and a socket that sends into one end."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from synsight.capture.live.live_capture import LiveCapture
from synsight.capture.source import Batch

from tests.capture.frames import ether, ip4, tcp
from tests.lab.namespaces import Namespace

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 and "CI" not in os.environ, reason="network namespaces need root (CI has it)"
)
_numbers = itertools.count()


class Wire:
    """`left` and `right` (and `left2`, `right2`): what is sent at the left arrives at the right."""

    def __init__(self, pairs: int = 2) -> None:
        self.namespace = Namespace(f"synlive-{os.getpid()}-{next(_numbers)}")
        quiet = ("net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6")
        self.namespace.set_sysctls(dict.fromkeys(quiet, 1))
        self.namespace.ip("link set lo up")
        for suffix in ("", "2")[:pairs]:
            self.namespace.ip(
                f"link add left{suffix} type veth peer name right{suffix}",
                f"link set left{suffix} up",
                f"link set right{suffix} up",
            )
        self._sockets: dict[str, socket.socket] = {}

    def capture(self, *interfaces: str, **options: object) -> LiveCapture:
        """A LiveCapture made inside the namespace; it stays there."""
        return self.namespace.call(lambda: LiveCapture(interfaces, **options))  # type: ignore[arg-type]

    def send(self, frames: Sequence[bytes], link: str = "left") -> None:
        """Put frames on the wire."""
        if link not in self._sockets:
            made = self.namespace.socket(socket.AF_PACKET, socket.SOCK_RAW)
            made.bind((link, 0))
            self._sockets[link] = made
        for frame in frames:
            self._sockets[link].send(frame)

    def delete(self) -> None:
        for each in self._sockets.values():
            each.close()
        self.namespace.delete()


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    try:
        yield made
    finally:
        made.delete()


def numbered(count: int, first: int = 0, payload_bytes: int = 100) -> list[bytes]:
    """Frames whose sequence numbers count from `first`."""
    return [ether(ip4(tcp(b"x" * payload_bytes, seq=first + number))) for number in range(count)]


def later(delay_s: float, work: object) -> threading.Timer:
    """Run `work` in another thread after a while."""
    timer = threading.Timer(delay_s, work)  # type: ignore[arg-type]
    timer.daemon = True
    timer.start()
    return timer


def collect(capture: LiveCapture, enough: int, patience_s: float = 20.0) -> tuple[list[Batch], np.ndarray]:
    """Batches until `enough` frames came, then to the end; copies, and all segments as one array.

    Stops the capture, and fails, when they do not come.
    """
    batches, segments, count = [], [], 0
    give_up = time.monotonic() + patience_s
    for batch in capture.batches():
        batches.append(
            Batch(batch.data.copy(), batch.frames.copy(), batch.segments.copy(), batch.first_frame)
        )
        segments.append(batch.segments.copy())
        count += len(batch.frames)
        if count >= enough or time.monotonic() > give_up:
            capture.stop()
    assert count >= enough, f"{count} of {enough} frames came: {capture.facts}"
    return batches, np.concatenate(segments)
