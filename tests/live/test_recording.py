"""Recordings: whole at any moment, within their budget, never over somebody's file."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import synsight
from synsight.capture.decode import decode, new_counters, new_rows
from synsight.capture.live.recording import MEBIBYTE, Recording
from synsight.capture.segment import FRAME
from synsight.capture.source import Batch, Capture, CaptureError

from tests.capture.frames import ether, ip4, tcp
from tests.live.wire import needs_root

ETHERNET = [("eth0", 1)]
SECOND_NS = 1_000_000_000


def batch_of(packets: list[bytes], first_frame: int = 1, start_ns: int = 10**18, gap_ns: int = 1000) -> Batch:
    """A batch as LiveCapture gives them."""
    data = np.frombuffer(b"".join(packets), np.uint8)
    frames = np.zeros(len(packets), FRAME)
    sizes = np.array([len(packet) for packet in packets])
    frames["offset"] = np.cumsum(sizes) - sizes
    frames["captured_bytes"] = frames["wire_bytes"] = sizes
    frames["time_ns"] = start_ns + np.arange(len(packets)) * gap_ns
    frames["link_type"] = 1
    rows = new_rows(len(packets))
    return Batch(data, frames, decode(data, frames, first_frame, rows, new_counters()), first_frame)


def packets(count: int, first: int = 0, payload_bytes: int = 100) -> list[bytes]:
    return [
        ether(ip4(tcp(b"x" * (payload_bytes + number % 5), seq=first + number))) for number in range(count)
    ]


def fill(recording: Recording, count: int, together: int = 500, payload_bytes: int = 1000) -> None:
    """Write `count` frames with the sequence numbers 0, 1, ... in batches."""
    for first in range(0, count, together):
        size = min(together, count - first)
        recording.write(batch_of(packets(size, first, payload_bytes), first + 1, 10**18 + first * 1000))


def sequences(paths: list[Path]) -> list[int]:
    """Sequence numbers in files, in their order."""
    with Capture([*paths]) as capture:
        found = [number for batch in capture.batches() for number in batch.segments["seq"].tolist()]
        assert [facts.error for facts in capture.files] == [None] * len(paths)
    return found


def capinfos(path: Path) -> int:
    """Packets that Wireshark's reader finds; fails when it complains of anything."""
    if shutil.which("capinfos") is None and "CI" not in os.environ:
        pytest.skip("capinfos (of tshark's package) is not installed (CI has it)")
    done = subprocess.run(
        ["capinfos", "-Mc", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_a_recording_reads_back_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"it.{suffix}"
    recording = Recording(path, ETHERNET)
    fill(recording, 2345)
    assert recording.paths == [path]
    assert sequences([path]) == list(range(2345))  # before it is closed: nothing waits in a buffer
    recording.close()
    assert sequences([path]) == list(range(2345))
    assert capinfos(path) == 2345
    with Capture([path]) as capture:
        times = np.concatenate([batch.frames["time_ns"] for batch in capture.batches()])
    assert times.tolist() == [10**18 + number * 1000 for number in range(2345)]


def test_pcapng_holds_several_interfaces_and_what_they_dropped(tmp_path: Path) -> None:
    path = tmp_path / "it.pcapng"
    recording = Recording(path, [("eth0", 1), ("any", 113)], drops=lambda: [(10, 3), (5, 4)])
    batch = batch_of(packets(10))
    batch.frames["interface"][5:] = 1
    recording.write(batch)
    recording.close()
    with Capture([path]) as capture:
        frames = np.concatenate([batch.frames for batch in capture.batches()])
        facts = capture.files[0]
    assert frames["interface"].tolist() == [0] * 5 + [1] * 5
    assert frames["link_type"].tolist() == [1] * 5 + [113] * 5
    assert (facts.interfaces, facts.link_types) == (["eth0", "any"], ["EN10MB", "LINUX_SLL"])
    assert facts.kernel_dropped_count == 7
    assert capinfos(path) == 10


def test_pcap_refuses_a_second_interface(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"it\.pcap: a pcap file holds one interface; call it it\.pcapng"):
        Recording(tmp_path / "it.pcap", [("eth0", 1), ("any", 113)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rotate", [{}, {"rotate_mb": 1}, {"rotate_mb": 1, "keep": 4}, {"rotate_s": 0.001}])
def test_spans_are_given_back_with_their_frame_numbers(tmp_path: Path, rotate: dict[str, float]) -> None:
    recording = Recording(tmp_path / "it.pcapng", ETHERNET, **rotate)
    fill(recording, 9000)
    oldest = recording.oldest_frame
    assert oldest == 1 if "keep" not in rotate else oldest > 3000
    spans = [(1, 3), (4500, 4501), (6000, 6000), (8990, 20_000)]
    for closed in (False, True):
        if closed:
            recording.close()
        rows = np.concatenate([batch.segments.copy() for batch in recording.reread(spans)])
        expected = [1, 2, 3, 4500, 4501, 6000, *range(8990, 9001)]
        expected = [number for number in expected if number >= oldest]
        assert rows["frame"].tolist() == expected
        assert rows["seq"].tolist() == [number - 1 for number in expected]
    assert recording.error is None


def test_places_to_begin_reading_have_a_bound_and_lie_apart_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synsight.capture.live.recording._MOST_MARKS", 8)
    recording = Recording(tmp_path / "it.pcap", ETHERNET)
    (current,) = recording.files
    current.mark_bytes = MEBIBYTE // 8
    fill(recording, 9000, together=50)
    offsets = [mark.offset for mark in current.marks]
    assert 4 <= len(offsets) <= 8
    assert current.mark_bytes >= MEBIBYTE
    assert max(np.diff(offsets)) < 2 * current.mark_bytes
    rows = np.concatenate([batch.segments.copy() for batch in recording.reread([(1, 2), (7001, 7002)])])
    assert rows["seq"].tolist() == [0, 1, 7000, 7001]
    recording.close()


def test_a_spool_has_no_name_and_forgets_the_oldest() -> None:
    recording = Recording.spool(ETHERNET, limit_mb=16)
    fill(recording, 30_000)
    assert recording.paths == []
    assert 12 * MEBIBYTE < recording.size_bytes <= 16 * MEBIBYTE
    assert recording.oldest_frame > 10_000
    rows = np.concatenate([batch.segments.copy() for batch in recording.reread([(1, 30_000)])])
    assert rows["frame"].tolist() == list(range(recording.oldest_frame, 30_001))
    recording.close()


def test_rotated_names_sort_and_their_frames_follow_each_other(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "it.pcap", ETHERNET, rotate_mb=1)
    fill(recording, 5000)
    recording.close()
    names = [path.name for path in recording.paths]
    assert len(names) > 4
    assert sorted(names) == names == sorted(os.listdir(tmp_path))
    assert names[1].startswith("it_000002_20010909T014640Z")
    assert sequences(recording.paths) == list(range(5000))
    assert recording.files[0].first_frame == 1
    assert sum(each.frames_count for each in recording.files) == 5000


def test_rotation_by_time_is_by_packet_time(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "it.pcap", ETHERNET, rotate_s=10)
    recording.write(batch_of(packets(100), gap_ns=SECOND_NS))
    recording.close()
    assert [each.frames_count for each in recording.files] == [10] * 10
    assert sequences(recording.paths) == list(range(100))


def test_a_ring_never_exceeds_its_budget(tmp_path: Path) -> None:
    """Another thread adds up what is on disk all the while."""
    recording = Recording(tmp_path / "it.pcapng", ETHERNET, rotate_mb=1, keep=3, drops=lambda: [(1, 1)])
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.is_set():
            with os.scandir(tmp_path) as found:
                sizes = [size_of(each) for each in found]
            peak[0] = max(peak[0], sum(sizes))
            assert len(sizes) <= 3

    watcher = threading.Thread(target=watch)
    watcher.start()
    fill(recording, 60_000, together=4000)
    recording.close()
    done.set()
    watcher.join()
    assert MEBIBYTE < peak[0] <= 3 * MEBIBYTE
    assert len(recording.paths) == 3
    assert recording.deleted_count > 50
    assert sequences(recording.paths) == list(range(recording.oldest_frame - 1, 60_000))
    assert all(path.stat().st_size <= MEBIBYTE for path in recording.paths)


def size_of(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # deleted meanwhile
        return 0


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "it.pcap"
    path.write_text("somebody's")
    with pytest.raises(CaptureError, match=r"it\.pcap: exists already; name another file, or delete it"):
        Recording(path, ETHERNET)
    assert path.read_text() == "somebody's"
    path.write_text("")
    with pytest.raises(CaptureError, match="exists already"):
        Recording(path, ETHERNET)
    assert path.exists()
    earlier = tmp_path / "it_000007_20200101T000000Z.pcap"
    earlier.write_text("somebody's")
    with pytest.raises(CaptureError, match=r"it_000007_20200101T000000Z\.pcap: from an earlier capture"):
        Recording(path, ETHERNET, rotate_mb=1)
    assert sorted(os.listdir(tmp_path)) == ["it.pcap", earlier.name]


def test_what_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"no/it\.pcap: cannot be written: no such file or directory"):
        Recording(tmp_path / "no" / "it.pcap", ETHERNET)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"rotate_mb": 0.5}, "1 MiB or more"),
        ({"rotate_s": 0}, "more than 0 seconds"),
        ({"keep": 3}, "needs rotation"),
        ({"keep": 0, "rotate_mb": 1}, "1 or more"),
    ],
)
def test_limits_that_make_no_sense_are_refused(tmp_path: Path, limits: dict[str, float], words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        Recording(tmp_path / "it.pcap", ETHERNET, **limits)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.lab
@needs_root
@pytest.mark.parametrize("rotate", [{}, {"rotate_mb": 1}])
def test_a_full_disk_stops_the_recording_and_leaves_it_whole(
    small_disk: Path, rotate: dict[str, float]
) -> None:
    recording = Recording(small_disk / "it.pcap", ETHERNET, **rotate)
    fill(recording, 10_000)
    assert recording.error is not None
    assert recording.error.endswith("no space left on device; the analysis goes on")
    assert "\n" not in recording.error
    whole = sequences(recording.paths)
    assert whole == list(range(len(whole)))
    assert f"recording stopped after frame {len(whole)}:" in recording.error
    assert len(whole) > 3000
    recording.close()
    assert sum(capinfos(path) for path in recording.paths) == len(whole)
    rows = np.concatenate([batch.segments.copy() for batch in recording.reread([(1, 9), (9000, 9999)])])
    assert rows["frame"].tolist() == list(range(1, 10))


WRITER = """
import os, sys
from tests.live.test_recording import batch_of, packets, ETHERNET
from synsight.capture.live.recording import Recording
rotate = {"rotate_mb": 4, "keep": 3} if sys.argv[2] == "ring" else {}
recording = Recording(sys.argv[1], ETHERNET, **rotate)
made = packets(2000, 0, 1300)
number = 1
while True:
    batch = batch_of(made, number)
    recording.write(batch)
    if number == 1:
        print("writing", flush=True)
    number += 2000
"""


@pytest.mark.parametrize(("kind", "times"), [("one.pcap", 3), ("one.pcapng", 3), ("ring.pcap", 4)])
def test_a_killed_writer_leaves_whole_records(tmp_path: Path, kind: str, times: int) -> None:
    """Ten times in all, at moments drawn at random; it writes all the time."""
    root = Path(__file__).parents[2]
    for turn in range(times):
        folder = tmp_path / str(turn)
        folder.mkdir()
        command = [sys.executable, "-c", WRITER, str(folder / kind), kind.split(".")[0]]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root)
        assert writer.stdout is not None
        assert writer.stderr is not None
        assert writer.stdout.readline() == b"writing\n"
        delay_s = random.random() / 10
        threading.Event().wait(delay_s)
        writer.kill()
        assert writer.stderr.read() == b""  # ends when the guard, which has it too, has ended
        assert writer.wait() == -signal.SIGKILL
        paths = sorted(folder.iterdir())
        assert sum(capinfos(path) for path in paths) > 0, f"killed after {delay_s} s"
        result = synsight.analyze(*paths)
        assert [facts.error for facts in result.captures] == [None] * len(paths), f"killed after {delay_s} s"
        for path in paths:
            path.unlink()


KILLED_INSIDE = """
import os, signal, sys
from tests.live.test_recording import batch_of, packets, ETHERNET
from synsight.capture.live import recording
made = recording.Recording(sys.argv[1], ETHERNET, rotate_mb=1)
made.write(batch_of(packets(1500, 0, 1000)))  # two files: the guard must cut the second
def half(raw, at, content):
    os.pwrite(raw.fileno(), content[: len(content) // 2 + 3], at)
    os.kill(os.getpid(), signal.SIGKILL)
recording._written = half
made.write(batch_of(packets(300, 1500, 1000), 1501))
"""


def test_a_write_cut_by_the_kill_is_taken_back(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED_INSIDE, str(tmp_path / "it.pcap")], capture_output=True, cwd=root
    )
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, b"")
    assert sequences(sorted(tmp_path.iterdir())) == list(range(1500))


def test_a_recording_goes_on_when_its_guard_is_gone(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "it.pcap", ETHERNET, rotate_mb=1)
    assert recording._guard is not None
    assert recording._guard._process is not None
    recording._guard._process.kill()
    recording._guard._process.wait()
    fill(recording, 5000)
    recording.close()
    assert recording.error is None
    assert sequences(recording.paths) == list(range(5000))
