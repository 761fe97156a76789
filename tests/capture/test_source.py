"""Inputs: compression, standard input, directories, rotated sets, second readings, what cannot be opened."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import dpkt
import lz4.frame
import numpy as np
import pytest
import zstandard
from synsight.capture import reader, source
from synsight.capture.source import Capture, CaptureError

from tests.capture.frames import enhanced, ether, interface, ip4, pcap, section, tcp

FRAMES = [ether(ip4(tcp(seq=number))) for number in range(1000)]
CONTENT = pcap(FRAMES)
COMPRESS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4.frame.compress,
}


def sequence(capture: Capture, spans: list[tuple[int, int]] | None = None) -> list[tuple[int, int]]:
    """(frame, seq) of every TCP segment."""
    found = []
    for batch in capture.batches(spans):
        rows = batch.segments
        found += list(zip(rows["frame"].tolist(), rows["seq"].tolist(), strict=True))
    return found


ALL = [(number + 1, number) for number in range(1000)]


@pytest.mark.parametrize("name", COMPRESS)
def test_compression_is_recognised_by_content(tmp_path, name):
    path = tmp_path / "no-suffix"
    path.write_bytes(COMPRESS[name](CONTENT))
    with Capture([path]) as capture:
        assert sequence(capture) == ALL
        assert capture.files[0].error is None
        assert sequence(capture, [(10, 12), (990, 2000)]) == ALL[9:12] + ALL[989:]


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd", "lz4"])
def test_compressed_members_follow_each_other(tmp_path, name):
    path = tmp_path / "it"
    middle = len(CONTENT) // 2
    path.write_bytes(COMPRESS[name](CONTENT[:middle]) + COMPRESS[name](CONTENT[middle:]))
    with Capture([path]) as capture:
        assert sequence(capture) == ALL


def test_compression_inside_compression(tmp_path):
    path = tmp_path / "it"
    path.write_bytes(gzip.compress(zstandard.ZstdCompressor().compress(CONTENT)))
    with Capture([path]) as capture:
        assert sequence(capture) == ALL


@pytest.mark.parametrize("name", COMPRESS)
def test_cut_compressed_file_gives_what_precedes(tmp_path, name):
    path = tmp_path / "it"
    noise = np.random.default_rng(1).integers(0, 256, 200_000, np.uint8).tobytes()
    whole = COMPRESS[name](pcap([*FRAMES, noise, *FRAMES]))
    for size in (3, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with Capture([path]) as capture:
            count = len(sequence(capture))
            assert capture.files[0].error is not None or count == 2000
            assert "\n" not in (capture.files[0].error or "")


@pytest.mark.parametrize("name", COMPRESS)
def test_damaged_compressed_file_never_raises(tmp_path, name):
    path = tmp_path / "it"
    whole = bytearray(COMPRESS[name](CONTENT))
    for position in range(len(whole) // 3, len(whole), max(len(whole) // 40, 1)):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        with Capture([path]) as capture:
            sequence(capture)


@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input_can_be_read_again(wrap):
    with Capture(["-"], stdin=io.BytesIO(wrap(CONTENT))) as capture:
        assert sequence(capture) == ALL
        assert sequence(capture, [(500, 501)]) == ALL[499:501]
        assert sequence(capture, [(1, 1)]) == ALL[:1]
        assert sequence(capture) == ALL
        facts = capture.files[0]
    assert (facts.path, facts.packets_count, facts.error) == ("-", 1000, None)


def test_pipe_is_read_as_it_comes():
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb", buffering=0) as pipe:
            for start in range(0, len(CONTENT), 777):
                pipe.write(CONTENT[start : start + 777])

    thread = threading.Thread(target=write)
    thread.start()
    with open(reading, "rb") as pipe, Capture(["-"], stdin=pipe) as capture:
        assert sequence(capture) == ALL
    thread.join()


def test_rotated_set_is_read_in_time_order_with_running_frame_numbers(tmp_path):
    (tmp_path / "a.pcap").write_bytes(pcap(FRAMES[600:], start_s=3000))
    (tmp_path / "b.pcap.gz").write_bytes(gzip.compress(pcap(FRAMES[:300], start_s=1000)))
    pcapng = section() + interface() + b"".join(enhanced(each, 2000 * 10**6) for each in FRAMES[300:600])
    (tmp_path / "c.pcapng").write_bytes(pcapng)
    (tmp_path / "notes.txt").write_text("not a capture")
    (tmp_path / "empty.pcap").write_bytes(b"")
    with Capture([tmp_path]) as capture:
        assert sequence(capture) == ALL
        assert [Path(each.path).name for each in capture.files] == ["b.pcap.gz", "c.pcapng", "a.pcap"]
        assert [each.first_frame for each in capture.files] == [1, 301, 601]
        assert (
            sequence(capture, [(299, 302), (601, 601), (1000, 1000)])
            == ALL[298:302] + ALL[600:601] + ALL[999:]
        )


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_second_reading_seeks_to_what_is_wanted(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(reader, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(reader, "BATCH_FRAMES", 16)
    path = tmp_path / "it"
    if kind == "pcap":
        path.write_bytes(CONTENT)
    else:
        half = [section() + interface(options=b"") + b"".join(map(enhanced, FRAMES[:500]))]
        half += [
            section(">") + interface(order=">") + b"".join(enhanced(each, order=">") for each in FRAMES[500:])
        ]
        path.write_bytes(b"".join(half))
    with Capture([path]) as capture:
        assert sequence(capture) == ALL
        facts = capture.files[0]
        before = (facts.packets_count, facts.tcp_segments_count, dict(facts.skipped))
        for spans in (
            [(1, 1)],
            [(1000, 1000)],
            [(3, 700)],
            [(1, 2), (40, 41), (499, 502), (980, 5000)],
            [(2000, 3000)],
            [],
        ):
            wanted = [row for row in ALL if any(first <= row[0] <= last for first, last in spans)]
            assert sequence(capture, spans) == wanted
        assert (facts.packets_count, facts.tcp_segments_count, dict(facts.skipped)) == before


def test_spans_asked_for_first_read_everything_before(tmp_path):
    path = tmp_path / "it.pcap"
    path.write_bytes(CONTENT)
    with Capture([path]) as capture:
        assert sequence(capture, [(7, 8)]) == ALL[6:8]
        assert capture.files[0].packets_count == 1000


@pytest.mark.parametrize("read_ahead", [False, True])
def test_leaving_early_is_clean(tmp_path, monkeypatch, read_ahead):
    path = tmp_path / "it.pcap"
    path.write_bytes(pcap(FRAMES * 20))
    before = threading.active_count()
    with Capture([path], read_ahead=read_ahead) as capture:
        batches = capture.batches()
        next(batches)
        batches.close()
        assert threading.active_count() == before
        assert len(sequence(capture)) == 20_000
        assert capture.files[0].packets_count == 20_000


def test_giving_up_after_the_last_batch_was_made_is_no_complete_reading(tmp_path):
    path = tmp_path / "it.pcap"
    path.write_bytes(pcap(FRAMES * 30))  # three batches: all of them fit ahead
    with Capture([path]) as capture:
        batches = capture.batches()
        next(batches)
        time.sleep(0.05)
        batches.close()
        assert len(sequence(capture)) == capture.files[0].packets_count == 30_000


def test_whoever_has_time_decodes(tmp_path, monkeypatch):
    path = tmp_path / "it.pcap"
    path.write_bytes(pcap(FRAMES * 100))
    decoders = []

    def decode(*arguments):
        decoders.append(threading.current_thread().name)
        return decode_frames(*arguments)

    decode_frames = source.decode
    monkeypatch.setattr(source, "decode", decode)
    with Capture([path]) as capture:
        for batch in capture.batches():
            assert batch.segments["frame"].tolist() == list(
                range(batch.first_frame, batch.first_frame + len(batch.frames))
            )
            time.sleep(0.02)  # the other thread is ahead from now on
        facts = capture.files[0]
        assert (facts.packets_count, facts.tcp_segments_count, facts.skipped) == (100_000, 100_000, {})
    assert decoders[0] == threading.current_thread().name  # which waited for it
    assert decoders.count("synsight-read") >= 5


@pytest.mark.parametrize("read_ahead", [False, True])
def test_batch_stays_valid_until_the_next_is_asked_for(tmp_path, read_ahead):
    path = tmp_path / "it.pcap"
    path.write_bytes(pcap(FRAMES * 100))
    expected = 0
    with Capture([path], read_ahead=read_ahead) as capture:
        for batch in capture.batches():
            assert batch.first_frame == expected + 1
            for _ in range(3):
                assert batch.segments["seq"].tolist() == [
                    number % 1000 for number in range(expected, expected + len(batch.segments))
                ]
            first = int(batch.frames["offset"][0])
            assert bytes(batch.data[first : first + 54]) == FRAMES[expected % 1000]
            expected += len(batch.frames)
    assert expected == 100_000


@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_batch_of_a_second_reading_outlives_the_chunks_passed_over(tmp_path, monkeypatch, wrap):
    monkeypatch.setattr(reader, "CHUNK_BYTES", 2048)
    path = tmp_path / "it"
    path.write_bytes(wrap(CONTENT))
    with Capture([path]) as capture:
        assert len(sequence(capture)) == 1000
        for batch in capture.batches([(number, number) for number in (1, 300, 600, 990)]):
            time.sleep(0.05)  # the next one is being made meanwhile
            row = batch.segments[0]
            frame = batch.frames[int(row["frame"]) - batch.first_frame]
            first = int(frame["offset"])
            assert bytes(batch.data[first : first + 54]) == FRAMES[int(row["seq"])]
            assert row["frame"] == row["seq"] + 1


def test_records_longer_than_a_read_leave_the_last_batch_alone(monkeypatch):
    monkeypatch.setattr(reader, "CHUNK_BYTES", 2048)
    big = ether(ip4(tcp(bytes(60_000), seq=1)))
    content = pcap([FRAMES[0], big, FRAMES[2]])
    expected = [FRAMES[0], big, FRAMES[2]]
    with Capture(["-"], stdin=io.BytesIO(content)) as capture:
        for batch in capture.batches():
            time.sleep(0.05)
            for row in batch.segments:
                first = int(batch.frames[int(row["frame"]) - batch.first_frame]["offset"])
                size = int(batch.frames[int(row["frame"]) - batch.first_frame]["captured_bytes"])
                assert bytes(batch.data[first : first + size]) == expected[int(row["frame"]) - 1]


def test_named_pipe_is_read_like_standard_input(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    thread = threading.Thread(target=path.write_bytes, args=(CONTENT,))
    thread.start()
    with Capture([path]) as capture:
        assert sequence(capture) == ALL
        assert sequence(capture, [(3, 4)]) == ALL[2:4]
        assert capture.files[0].path == str(path)
    thread.join()


def test_missing_file_is_an_error_of_one_line(tmp_path):
    with pytest.raises(
        CaptureError, match=r"nowhere\.pcap: cannot be opened: no such file or directory; check"
    ) as caught:
        Capture([tmp_path / "nowhere.pcap"])
    assert "\n" not in str(caught.value)


def test_directory_without_captures_is_an_error(tmp_path):
    with pytest.raises(CaptureError, match="no pcap or pcapng file"):
        Capture([tmp_path])


def test_nothing_given_is_an_error():
    with pytest.raises(CaptureError, match="no capture was given"):
        Capture([])


def test_missing_file_beside_a_readable_one_is_noted(tmp_path):
    path = tmp_path / "it.pcap"
    path.write_bytes(CONTENT)
    with Capture([tmp_path / "nowhere.pcap", path]) as capture:
        assert sequence(capture) == ALL
        assert [each.error is None for each in capture.files] == [True, False]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_an_error(tmp_path):
    path = tmp_path / "it.pcap"
    path.write_bytes(CONTENT)
    path.chmod(0)
    with pytest.raises(CaptureError, match="permission denied"):
        Capture([path])


def test_file_truncated_while_it_is_read_does_not_kill(tmp_path):
    path = tmp_path / "it.pcap"
    path.write_bytes(pcap(FRAMES * 200))
    with Capture([path], read_ahead=False) as capture:
        batches = capture.batches()
        next(batches)
        os.truncate(path, 1000)
        for _ in batches:
            pass
        assert capture.files[0].error is not None


def test_importing_the_segment_type_does_not_read_libpcap():
    code = "import sys, synsight.capture.segment; assert 'pcapy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_batch_says_how_far_its_times_go_back_and_ahead(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for at in (5.0, 9.0, 8.75, 8.75, 8.8):
            writer.writepkt(bytes(60), at)
    with Capture([path]) as capture:
        steps_ns = [batch.steps_ns or (0, 0) for batch in capture.batches()]
        assert min(steps_ns)[0] == -250_000_000
        assert max(ahead for _, ahead in steps_ns) == 4_000_000_000
        assert (capture.files[0].start_ns, capture.files[0].end_ns) == (5_000_000_000, 9_000_000_000)
