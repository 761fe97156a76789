"""BPF: the same choice as libpcap's own interpreter, frame numbers untouched."""

from __future__ import annotations

import pcapy
import pytest
from synsight.capture import filters
from synsight.capture.source import Capture, CaptureError

from tests.capture.corpus import corpus_captures
from tests.capture.frames import enhanced, ether, interface, ip4, ip6, pcap, section, tcp, tcp6, udp

EXPRESSIONS = [
    "tcp",
    "udp port 53",
    "tcp port 80 and host 10.0.0.1",
    "not port 80",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "ip[8] < 64 or ip6",
    "portrange 1-1024",
    "greater 100",
    "len <= 60",
    "net 10.0.0.0/8 and not net 10.0.1.0/24",
    "ip proto 6 and ip[6:2] & 0x1fff = 0",
    "tcp[(tcp[12] >> 2):4] = 0x47455420",
    "icmp or icmp6 or arp",
    "ip[2:2] * 2 - 7 > 100 + 3 / 2",
    "ip[2:2] / ip[9] > 3",
    "ip[2:2] % 7 = 1",
    "ip[4:2] ^ 0xff00 > 30000",
    "vlan and tcp",
]

FRAMES = [ether(ip4(tcp(b"x" * n, dport=80 + n % 3, flags=n % 64))) for n in range(40)]
FRAMES += [ether(ip4(udp(b"q" * n, 53), 17)) for n in range(5)] + [
    ether(ip6(tcp6()), 0x86DD),
    b"",
    b"\x01" * 13,
]
FRAMES += [ether(b"\0\5\x08\0" + ip4(tcp()), 0x8100)] + [ether(ip4(tcp(b"GET /")))[:n] for n in range(60)]


def libpcap_choice(packets: list[bytes], link_type: int, expression: str) -> list[int]:
    program = pcapy.compile(link_type, 262144, expression, 1, 0)
    return [number for number, packet in enumerate(packets, 1) if program.filter(packet) != 0]


def our_choice(path: str, expression: str) -> list[int]:
    """Frames that the filter lets through, with or without a segment in them."""
    chosen: list[int] = []
    with Capture([path], bpf=expression) as capture:
        for batch in capture.batches():
            mask = capture._filter.choose(batch.data, batch.frames)
            chosen += [batch.first_frame + int(each) for each in mask.nonzero()[0]]
        facts = capture.files[0]
    assert facts.packets_count == facts.tcp_segments_count + sum(facts.skipped.values())
    assert facts.skipped.get("filtered", 0) == facts.packets_count - len(chosen)
    return chosen


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_filter_chooses_as_libpcap_does(tmp_path, expression):
    path = tmp_path / "it.pcap"
    path.write_bytes(pcap(FRAMES))
    assert our_choice(path, expression) == libpcap_choice(FRAMES, 1, expression)


@pytest.mark.corpus
@pytest.mark.parametrize("expression", EXPRESSIONS[:11])
def test_filter_chooses_as_libpcap_does_on_the_corpus(expression):
    compared = 0
    for path, row in corpus_captures():
        if row["fmt"] != "pcap" or row["linktypes"] != ["EN10MB"] or compared > 4000:
            continue
        packets = []
        with Capture([path]) as capture:
            for batch in capture.batches():
                for frame in batch.frames:
                    start = int(frame["offset"])
                    if frame["captured_bytes"] != frame["wire_bytes"]:
                        break
                    packets.append(bytes(batch.data[start : start + int(frame["captured_bytes"])]))
            if capture.files[0].packets_count != len(packets):
                continue
        assert our_choice(path, expression) == libpcap_choice(packets, 1, expression), path
        compared += len(packets)


def test_frames_keep_their_numbers_behind_a_filter(tmp_path):
    path = tmp_path / "it.pcap"
    path.write_bytes(pcap(FRAMES))
    with Capture([path], bpf="tcp port 81") as capture:
        numbers = [int(each) for batch in capture.batches() for each in batch.segments["frame"]]
        again = [int(each) for batch in capture.batches([(1, 20)]) for each in batch.segments["frame"]]
    assert numbers == list(range(2, 41, 3))
    assert again == [number for number in numbers if number <= 20]


def test_filter_is_compiled_for_each_link_type(tmp_path):
    path = tmp_path / "it.pcapng"
    packet = ip4(tcp(dport=81))
    path.write_bytes(
        section() + interface(1) + interface(101) + enhanced(ether(packet)) + enhanced(packet, number=1)
    )
    with Capture([path], bpf="tcp port 81") as capture:
        assert sum(len(batch.segments) for batch in capture.batches()) == 2


def test_invalid_filter_is_an_error_in_libpcaps_words(tmp_path):
    path = tmp_path / "it.pcap"
    path.write_bytes(pcap(FRAMES))
    with pytest.raises(CaptureError, match=r"filter 'tcp prt 80' is not valid .*syntax error") as caught:
        Capture([path], bpf="tcp prt 80")
    assert "\n" not in str(caught.value)


def test_filter_that_a_link_cannot_have_ends_the_file_with_an_error(tmp_path):
    path = tmp_path / "it.pcap"
    path.write_bytes(pcap([each[14:] for each in FRAMES[:5]], link_type=101))
    with Capture([path], bpf="ether host 02:00:00:00:00:01") as capture:
        assert list(capture.batches()) == []
        assert "RAW" in (capture.files[0].error or "")


@pytest.mark.parametrize(
    ("expression", "place"),
    [
        ("tcp prot 80", "at 'prot', character 5"),
        ("tcp port 80 or or tcp", "at 'or', character 16"),
        (") tcp", "at ')', character 1"),
        ("tcp[13 & 2 != 0", "at '!=', character 12"),
        ("host 10.0.0.1 and tcp ports 80", "at 'ports', character 23"),
        ("(tcp or udp) and not adn", "at 'adn', character 22"),
        ("port 80 443", "at '443', character 9"),
        ("tcp and", ": it ends too early"),
        ("host 10.0.0.1 and (port 80", ": it ends too early"),
        ("tcp[13] & 2 !=", ": it ends too early"),
    ],
)
def test_a_syntax_error_is_told_with_its_place(expression, place):
    with pytest.raises(CaptureError) as told:
        Capture(["x"], bpf=expression)
    assert str(told.value).endswith(
        f"is not valid for link type EN10MB: syntax error{' ' * (place[0] != ':')}{place}"
    )


@pytest.mark.parametrize(
    ("expression", "words"),
    [("port 99999", "illegal port number"), ("host 1.2.3.400", "invalid IPv4 address")],
)
def test_other_errors_are_libpcaps(expression, words):
    with pytest.raises(CaptureError, match=words):
        Capture(["x"], bpf=expression)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_beginning_of_a_valid_filter_makes_sense(expression):
    assert filters._place(expression, 1) == ": it ends too early"
