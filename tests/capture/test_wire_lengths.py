"""Cut frames get the length back that their IP header tells."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from synsight.capture.segment import FRAME
from synsight.capture.wire_lengths import restore

from tests.capture.frames import ether, ip4, ip6, tcp, tcp6

V4, V6 = ip4(tcp(b"x" * 500)), ip6(tcp6(b"x" * 500))
ARP = ether(b"\x45" + b"\xff" * 400, 0x0806)


def lengths(packets: list[bytes], snaplen: int, link_type: int = 1) -> list[int]:
    """wire_bytes of packets cut at `snaplen`, as restored."""
    cut = [packet[:snaplen] for packet in packets]
    frames = np.zeros(len(cut), FRAME)
    sizes = np.array([len(packet) for packet in cut])
    frames["offset"] = np.cumsum(sizes) - sizes
    frames["captured_bytes"] = frames["wire_bytes"] = sizes
    frames["link_type"] = link_type
    restore(np.frombuffer(b"".join(cut), np.uint8), frames, snaplen)
    return frames["wire_bytes"].tolist()


@pytest.mark.parametrize("snaplen", [32, 64, 96])
def test_ethernet_with_and_without_tags(snaplen):
    one, two = struct.pack(">HH", 5, 0x0800), struct.pack(">HHHH", 5, 0x8100, 6, 0x86DD)
    packets = [ether(V4), ether(V6, 0x86DD), ether(one + V4, 0x8100), ether(two + V6, 0x88A8)]
    assert lengths(packets, snaplen) == [len(packet) for packet in packets]


def test_whole_frames_and_what_is_no_ip_stay():
    short = ether(ip4(tcp()))
    assert lengths([short, ARP, short + b"pad"], 96) == [len(short), 96, len(short) + 3]


def test_raw_packets():
    assert lengths([V4, V6, b"\x81" * 300], 60, 101) == [len(V4), len(V6), 60]


def test_cooked_packets():
    head = bytes(14)
    packets = [head + b"\x08\0" + V4, head + b"\x86\xdd" + V6]
    assert lengths(packets, 60, 113) == [len(packet) for packet in packets]


@pytest.mark.parametrize("link_type", [0, 1, 101, 113])
def test_too_few_bytes_tell_nothing(link_type):
    packets = [ether(V4), ether(struct.pack(">HH", 5, 0x0800) + V4, 0x8100)]
    for snaplen in range(1, 32):
        assert lengths(packets, snaplen, link_type) == [snaplen] * 2


def test_the_last_frame_is_not_read_beyond():
    packet = ether(struct.pack(">HHHH", 5, 0x8100, 6, 0x8100) + b"\x81\0" * 100, 0x88A8)
    assert lengths([packet], 32) == [32]
