"""Plain frames and plain segments take a shortcut through the compiled loops; it must change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synsight.analysis.tracker import Tracker
from synsight.capture import _decode
from synsight.capture.decode import EVERY, new_counters, new_rows
from synsight.capture.segment import FRAME
from synsight.capture.source import Capture, CaptureError

from tests import corpus
from tests.ladder import parse_ladder

ROOT = Path(__file__).parent.parent
LAB = sorted((ROOT / "fixtures" / "lab").glob("*/*.pcap*"))


def decoded(data: np.ndarray, frames: np.ndarray, shortcut: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows and skip counters."""
    rows, counters = new_rows(len(frames)), new_counters()
    count = _decode.decode(
        data, frames.view(np.uint8), EVERY, 1, rows.view(np.uint8), counters, True, shortcut
    )
    return rows[:count], counters


def assert_same_rows(data: np.ndarray, frames: np.ndarray) -> None:
    quick, quick_counts = decoded(data, frames, True)
    slow, slow_counts = decoded(data, frames, False)
    assert quick.tobytes() == slow.tobytes()
    assert (quick_counts == slow_counts).all()


def assert_same_records(path: Path) -> int:
    """Both ways through a whole capture; returns how many segments it had."""
    quick, slow, segments_count = Tracker(), Tracker(shortcut=False), 0
    with Capture([path], read_ahead=False) as capture:
        for batch in capture.batches():
            assert_same_rows(batch.data, batch.frames)
            segments_count += len(batch.segments)
            notes = quick.feed(batch.segments).copy()
            assert notes.tobytes() == slow.feed(batch.segments).tobytes(), path
    count = quick.count
    assert count == slow.count
    assert quick.flows[:count].tobytes() == slow.flows[:count].tobytes(), path
    assert quick.halves[: 2 * count].tobytes() == slow.halves[: 2 * count].tobytes(), path
    return segments_count


@pytest.mark.parametrize("path", LAB, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_lab_captures(path: Path) -> None:
    assert_same_records(path)


@pytest.mark.corpus
def test_corpus_captures() -> None:
    place = corpus.folder()
    if place is None:
        pytest.skip("the corpus is not here; set SYNSIGHT_CORPUS to its folder")
    segments_count = 0
    for row in corpus.rows("captures"):
        try:
            segments_count += assert_same_records(place / "captures" / row["file"])
        except CaptureError:
            continue
    assert segments_count > 50_000


PLAIN = bytes.fromhex(
    "0202020202020404040404040800"
    "4500003c123440004006000a0a000102c0a80201"
    "9c400050000003e8000007d0801801f500000000"
    "0101080a0000000100000002"
    "474554202f2048540d0a"
)
PLAIN6 = (
    PLAIN[:12]
    + bytes.fromhex("86dd60000000002a0640")
    + bytes(15)
    + b"\1"
    + bytes.fromhex("20010db8000000000000000000000002")
    + PLAIN[34:]
)
EDITS = st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), max_size=4)


@pytest.mark.parametrize("seed", [PLAIN, PLAIN6], ids=["IPv4", "IPv6"])
@settings(max_examples=1500, deadline=None)
@given(edits=EDITS, cut=st.integers(0, len(PLAIN6)), more=st.integers(-70, 100), zeros=st.integers(0, 30))
def test_frames_that_are_almost_plain(seed, edits, cut, more, zeros):
    packet = bytearray(seed + bytes(zeros))
    for position, value in edits:
        packet[position] = value
    packet = packet[: max(len(packet) - cut, 0)]
    frames = np.zeros(1, FRAME)
    frames[0]["captured_bytes"] = len(packet)
    frames[0]["wire_bytes"] = max(len(packet) + more, 0)
    frames[0]["link_type"] = 1
    assert_same_rows(np.frombuffer(bytes(packet) or b"\0", np.uint8), frames)


@pytest.mark.parametrize("packet", [PLAIN, PLAIN6], ids=["IPv4", "IPv6"])
def test_the_shortcut_is_taken(packet: bytes) -> None:
    """A plain frame is written by it: it leaves the last two padding bytes of a row as they were."""
    frames = np.zeros(1, FRAME)
    frames[0]["captured_bytes"] = frames[0]["wire_bytes"] = len(packet)
    frames[0]["link_type"] = 1
    rows, counters = new_rows(1), new_counters()
    rows.view(np.uint8)[:] = 0xAA
    data = np.frombuffer(packet, np.uint8)
    raw = rows.view(np.uint8)
    assert _decode.decode(data, frames.view(np.uint8), EVERY, 1, raw, counters, True, True) == 1
    assert rows.tobytes()[-1] == 0xAA


@pytest.mark.parametrize("shortcut", [True, False], ids=["shortcut", "long way"])
def test_acknowledgments_are_believed_after_gigabytes(shortcut: bool) -> None:
    """5 GiB one way: sequence numbers pass the initial one again, and none of them lies below it."""
    opening = """# A megabyte, to be said five thousand times more.
        0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 14>
    +0.01  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 14>
    +0.01  > .   1:1(0) ack 1 win 65000
    +0.01  > P.  1:1048577(1048576) ack 1 win 65000
    +0.01  < .   1:1(0) ack 1048577 win 65000
    """
    opened = parse_ladder("\n".join(line.strip() for line in opening.splitlines())).rows
    rows = np.concatenate([opened, np.tile(opened[-2:], 5 * 1024)])
    data, acks = rows[len(opened) :: 2], rows[len(opened) + 1 :: 2]
    sent = (np.arange(1, len(data) + 1, dtype=np.uint64) << np.uint64(20)).astype(np.uint32)
    data["seq"] += sent
    acks["ack"] += sent
    rows["time_ns"] = rows["time_ns"][0] + np.arange(len(rows)) * 10_000_000
    rows["frame"] = np.arange(len(rows))
    rows["ip_id"] = np.arange(len(rows))
    tracker = Tracker(shortcut=shortcut)
    tracker.feed(rows)
    assert tracker.count == 1
    client, server = tracker.halves[:2]
    assert server["stray_ack_count"] == 0
    assert client["unique_bytes"] == (len(data) + 1) << 20
    assert client["una"] == client["nxt"]
    assert client["rtt_count"] == len(data) + 2  # the SYN gives one, too
