"""Live frames know whether this host sent them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from synsight.capture.live.hardware import mark_directions, own_address
from synsight.capture.segment import FRAME, Direction

from ..capture.frames import ether, ip4, tcp
from .wire import Wire, needs_root

OURS, OTHER, THIRD = (bytes.fromhex(f"02000000000{digit}") for digit in "123")


def directions(*frames: bytes) -> list[Direction]:
    rows = np.zeros(len(frames), FRAME)
    lengths = np.array([len(frame) for frame in frames])
    rows["offset"] = np.cumsum(lengths) - lengths
    rows["captured_bytes"] = lengths
    mark_directions(np.frombuffer(b"".join(frames), np.uint8), rows, np.frombuffer(OURS, np.uint8))
    return [Direction(number) for number in rows["direction"].tolist()]


def test_the_own_address_tells_what_was_sent_and_what_received() -> None:
    kind = b"\x08\x00"
    assert directions(OTHER + OURS + kind, OURS + OTHER + kind, OTHER + THIRD + kind, OURS[:3]) == [
        Direction.OUT,
        Direction.IN,
        Direction.UNKNOWN,
        Direction.UNKNOWN,
    ]


def test_loopback_and_what_is_no_interface_have_no_address() -> None:
    assert own_address("lo") is None
    assert own_address("nosuch") is None


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire(1)
    yield made
    made.delete()


@pytest.mark.lab
@needs_root
def test_segments_of_a_live_capture_carry_the_direction(wire: Wire) -> None:
    own = wire.namespace.call(lambda: own_address("right"))
    assert own is not None
    towards = own.tobytes() + OTHER + ether(ip4(tcp()))[12:]
    capture = wire.capture("right")
    wire.send([towards, ether(ip4(tcp()))])
    found: list[int] = []
    for batch in capture.batches():
        found += batch.segments["direction"].tolist()
        if len(found) == 2:
            capture.stop()
    capture.close()
    assert found == [Direction.IN, Direction.UNKNOWN]
