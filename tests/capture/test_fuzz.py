"""Hostile bytes: nothing raises, nothing is read outside the frame, every frame is counted once."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synsight.capture.source import Capture

from tests.capture.frames import decode_frame, pcap
from tests.capture.test_links import LINKS
from tests.capture.test_scan import FRAMES, blocks
from tests.capture.test_tunnels import TUNNELS, TUNNELS6

SEEDS = [*LINKS.values(), *((1, frame) for frame in (*TUNNELS.values(), *TUNNELS6.values()))]
EDITS = st.lists(st.tuples(st.integers(0, 150), st.integers(0, 255)), min_size=1, max_size=6)


def edited(content: bytes, edits: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for position, value in edits:
        if position < len(changed):
            changed[position] = value
    return bytes(changed)


def check(packet: bytes, link_type: int, wire_bytes: int) -> None:
    rows, skipped = decode_frame(packet, link_type, wire_bytes)
    assert (rows["kind"] == 0).sum() + sum(skipped.values()) == 1
    for row in rows:
        end = int(row["payload_offset"]) + int(row["payload_captured_bytes"])
        assert 7 <= int(row["payload_offset"]) <= end <= 7 + len(packet)


@settings(max_examples=600, deadline=None)
@given(seed=st.sampled_from(SEEDS), edits=EDITS, cut=st.integers(0, 200), more=st.integers(0, 2000))
def test_mutated_frames_are_counted_once(seed, edits, cut, more):
    link_type, frame = seed
    packet = edited(frame, edits)[: max(len(frame) - cut, 0) if cut < 40 else None]
    check(packet, link_type, len(packet) + more)


@settings(max_examples=300, deadline=None)
@given(
    packet=st.binary(max_size=200),
    link_type=st.sampled_from(sorted({each for each, _ in SEEDS} | {7, 65535})),
)
def test_random_frames_are_counted_once(packet, link_type):
    check(packet, link_type, len(packet))


@pytest.mark.parametrize("content", [pcap(FRAMES), blocks("<"), blocks(">")], ids=["pcap", "little", "big"])
def test_mutated_files_never_raise(content):
    @settings(max_examples=300, deadline=None)
    @given(
        edits=st.lists(
            st.tuples(st.integers(0, min(len(content), 700)), st.integers(0, 255)), min_size=1, max_size=5
        ),
        cut=st.integers(0, 3000),
    )
    def run(edits: list[tuple[int, int]], cut: int) -> None:
        damaged = edited(content, edits)[: len(content) - cut if cut < len(content) else None]
        with Capture(["-"], stdin=io.BytesIO(damaged), read_ahead=False) as capture:
            for batch in capture.batches():
                ends = batch.frames["offset"].astype(int) + batch.frames["captured_bytes"]
                assert (ends <= len(batch.data)).all()
            facts = capture.files[0]
        assert facts.packets_count == facts.tcp_segments_count + sum(facts.skipped.values())
        assert "\n" not in (facts.error or "")

    run()


def test_many_interfaces_and_blocks_are_no_trouble():
    content = (
        blocks("<") + b"".join(struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20) for _ in range(3000)) + blocks("<")
    )
    with Capture(["-"], stdin=io.BytesIO(content)) as capture:
        assert sum(len(batch.frames) for batch in capture.batches()) == 6
        assert len(capture.files[0].interfaces) == 3002
