"""Records and blocks: byte orders, clocks, sections, and files that are cut or damaged."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from synsight.capture import reader, tshark
from synsight.capture.source import Capture, FileFacts

from tests.capture.frames import block, enhanced, ether, interface, ip4, option, pcap, section, tcp

FRAMES = [ether(ip4(tcp(b"x" * size, seq=size))) for size in (0, 1, 2, 3, 1460)]
NS = 10**9
START_NS = 1_700_000_000 * NS


def read(path: Path, content: bytes) -> tuple[np.ndarray, FileFacts]:
    """All frames and the facts of one file."""
    path.write_bytes(content)
    with Capture([path]) as capture:
        frames = [batch.frames.copy() for batch in capture.batches()]
        facts = capture.files[0]
    assert facts.packets_count == facts.tcp_segments_count + sum(facts.skipped.values())
    assert facts.packets_count == sum(len(each) for each in frames)
    return (np.concatenate(frames) if frames else np.zeros(0, reader.FRAME)), facts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it.pcap"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit_ns"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1), (0xA1B2CD34, 1000)])
def test_pcap_in_either_byte_order_and_unit(path, order, magic, unit_ns):
    frames, facts = read(path, pcap(FRAMES, order=order, magic=magic))
    assert facts.error is None
    assert frames["time_ns"].tolist() == [START_NS + each * NS + 5 * unit_ns for each in range(5)]
    assert frames["captured_bytes"].tolist() == [len(each) for each in FRAMES]
    assert facts.link_types == ["EN10MB"]
    assert facts.tcp_segments_count == 5
    assert (facts.start_ns, facts.end_ns) == (frames["time_ns"][0], frames["time_ns"][-1])
    assert facts.kernel_dropped_count is None


def test_pcap_frame_check_sequence_bits_are_no_link_type(path):
    assert read(path, pcap(FRAMES, link_type=0x54000001))[1].link_types == ["EN10MB"]


def test_pcap_snaplen_zero_is_unlimited(path):
    frames, facts = read(path, pcap([bytes(300_000)], snaplen=0))
    assert facts.error is None
    assert frames["captured_bytes"].tolist() == [300_000]


def test_record_larger_than_the_chunk_is_read(path, monkeypatch):
    monkeypatch.setattr(reader, "CHUNK_BYTES", 4096)
    frames, facts = read(path, pcap([*FRAMES, bytes(60_000), *FRAMES]))
    assert facts.error is None
    assert len(frames) == 11
    assert facts.tcp_segments_count == 10


def test_records_across_chunks_are_carried(path, monkeypatch):
    whole, _ = read(path, pcap(FRAMES * 50))
    for size in (1600, 1601, 2048, 4099):
        monkeypatch.setattr(reader, "CHUNK_BYTES", size)
        parts, facts = read(path, pcap(FRAMES * 50))
        assert facts.error is None
        for name in ("time_ns", "captured_bytes", "wire_bytes"):
            assert parts[name].tolist() == whole[name].tolist()


def test_pcap_record_too_long_is_damage(path):
    content = pcap(FRAMES[:2]) + struct.pack("<IIII", 1, 1, 300_000, 300_000) + bytes(400_000)
    _, facts = read(path, content)
    assert facts.packets_count == 2
    assert facts.error is not None
    assert f"byte {len(pcap(FRAMES[:2]))}" in facts.error
    assert "after frame 2" in facts.error


def blocks(order: str) -> bytes:
    """A pcapng with all kinds of blocks."""
    resolution, direction = option(9, b"\x09", order), option(2, struct.pack(order + "I", 2), order)
    drops = option(4, struct.pack(order + "Q", 9), order) + option(5, struct.pack(order + "Q", 3), order)
    statistics = struct.pack(order + "III", 0, 0, 0) + drops + option(7, struct.pack(order + "Q", 4), order)
    old = struct.pack(order + "HHIIII", 0, 0, 0, 7000, len(FRAMES[2]), len(FRAMES[2])) + FRAMES[2]
    return b"".join(
        [
            section(order),
            interface(order=order, options=option(2, b"eth0", order) + resolution + option(0, b"", order)),
            block(4, b"\0\0\0\0", order),  # name resolution
            block(0x0BAD, struct.pack(order + "I", 1) + b"custom..", order),
            block(10, b"secrets!", order),
            enhanced(FRAMES[0], 5 * NS, order=order, options=option(1, b"hi", order) + direction),
            block(3, struct.pack(order + "I", len(FRAMES[1])) + FRAMES[1], order),
            block(2, old, order),
            block(5, statistics, order),
        ]
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_in_either_byte_order(path, order):
    frames, facts = read(path, blocks(order))
    assert facts.error is None
    assert facts.interfaces == ["eth0"]
    assert facts.kernel_dropped_count == 7
    assert frames["time_ns"].tolist() == [5 * NS, 5 * NS, 7000]
    assert frames["direction"].tolist() == [2, 0, 0]
    assert facts.tcp_segments_count == 3


def test_pcapng_sections_of_both_orders_number_interfaces_on(path):
    frames, facts = read(path, blocks("<") + blocks(">"))
    assert facts.error is None
    assert facts.interfaces == ["eth0", "eth0"]
    assert frames["interface"].tolist() == [0, 0, 0, 1, 1, 1]
    assert facts.kernel_dropped_count == 14


def test_pcapng_interfaces_keep_their_own_link_type_and_clock(path):
    many = [interface(options=option(9, bytes([n]))) for n in (0, 3, 6, 9, 12)]
    content = section() + b"".join(many) + interface(101, options=option(9, b"\x8a"))
    content += interface(101, options=option(14, struct.pack("<q", -2)))
    packets = [enhanced(FRAMES[0], 10**n, i) for i, n in enumerate((0, 3, 6, 9, 12))]
    packets += [enhanced(FRAMES[0][14:], 3 * 512, 5), enhanced(FRAMES[0][14:], 5_000_000, 6)]
    frames, facts = read(path, content + b"".join(packets))
    assert frames["time_ns"].tolist() == [NS] * 5 + [3 * NS // 2, 3 * NS]
    assert frames["link_type"].tolist() == [1] * 5 + [101, 101]
    assert facts.link_types == ["EN10MB", "RAW"]
    assert facts.tcp_segments_count == 7


@pytest.mark.parametrize("exponent", [10, 31, 34, 40, 63])
def test_pcapng_power_of_two_clocks(path, exponent):
    content = section() + interface(options=option(9, bytes([0x80 | exponent])))
    frames, _ = read(path, content + enhanced(FRAMES[0], 1 << exponent | 1 << (exponent - 1)))
    assert frames["time_ns"].tolist() == [(1 << exponent | 1 << (exponent - 1)) * NS >> exponent]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (block(6, struct.pack("<IIIII", 7, 0, 0, 4, 4) + b"abcd"), "not described"),
        (block(6, struct.pack("<IIIII", 0, 0, 0, 400, 400) + b"abcd"), "longer than its block"),
        (block(6, b"abcd"), "length"),
        (struct.pack("<II", 6, 0) + bytes(40), "length"),
        (struct.pack("<II", 6, 0xFFFFFFF0) + bytes(40), "length"),
        (struct.pack("<II", 9, 16) + bytes(4) + struct.pack("<I", 20), "differ"),
        (b"\n\r\r\n" + bytes(24), "length"),
    ],
)
def test_pcapng_damage_stops_with_what_and_where(path, damage, words):
    before = section() + interface() + enhanced(FRAMES[0])
    _, facts = read(path, before + damage + enhanced(FRAMES[1]))
    assert facts.packets_count == 1
    assert facts.error is not None
    assert words in facts.error
    assert f"byte {len(before)}" in facts.error


@pytest.mark.parametrize("content", [pcap(FRAMES[:3]), blocks("<") + blocks(">")], ids=["pcap", "pcapng"])
def test_file_cut_at_any_byte_gives_what_precedes_and_says_so(path, content):
    whole = read(path, content)[1].packets_count
    counts = []
    for size in range(len(content) + 1):
        frames, facts = read(path, content[:size])
        counts.append(len(frames))
        assert facts.error is None or "\n" not in facts.error
    assert counts == sorted(counts)
    assert set(counts) == set(range(whole + 1))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"snoop\0\0\0" + bytes(20), "snoop"),
        (b"\x7fELF" + bytes(40), "ELF"),
        (b"PK\x03\x04" + bytes(40), "zip"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b'{"a": 1}', "JSON"),
        (b"hello, world\n", "text"),
        (bytes(257) + b"ustar" + bytes(50), "tar"),
        (bytes(8) + struct.pack(">BBHHH", 2, 0, 94, 0, 78) + bytes(80), "ERF"),
        (b"\x01\x02\x03\x04\x05\x06\x00", "not recognised (it begins 01 02 03"),
        (b"\xd4\xc3\xb2\xa1\x02", "cut short inside the file header"),
    ],
)
def test_what_is_no_capture_is_named(path, content, words, monkeypatch):
    monkeypatch.setattr(tshark, "path", lambda: None)
    frames, facts = read(path, content)
    assert len(frames) == 0
    assert facts.error is not None
    assert words in facts.error
