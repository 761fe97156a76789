"""IPv4 and IPv6: options, fragments, extension headers, lengths that lie."""

from __future__ import annotations

import struct

import pytest
from synsight.capture.segment import Checksum, IpFlag

from tests.capture.frames import INNER, INNER6, decode_frame, decode_tcp, ends, ether, ip4, ip6, tcp, tcp6


def ether6(packet: bytes) -> bytes:
    return ether(packet, 0x86DD)


def extension(following: int, body: bytes = bytes(6)) -> bytes:
    return bytes([following, (len(body) + 2) // 8 - 1]) + body


def test_ipv4_fields_are_kept():
    row = decode_tcp(ether(ip4(tcp(), ttl=33)))
    assert ends(row) == INNER
    assert (row["ttl"], row["ip_id"], row["ip_flags"]) == (33, 0x1234, IpFlag.DF)


def test_ipv4_options_are_passed_over():
    assert decode_tcp(ether(ip4(tcp(b"x"), options=b"\x94\x04\0\0")))["checksum"] == Checksum.OK


def test_source_route_makes_the_checksum_unknowable():
    assert (
        decode_tcp(ether(ip4(tcp(), options=b"\x01\x83\x07\x04\x0a\x00\x00\x03")))["checksum"]
        == Checksum.UNKNOWN
    )


def test_first_fragment_is_decoded_and_marked():
    row = decode_tcp(ether(ip4(tcp(b"abcd"), fragment=0x2000)))
    assert row["ip_flags"] == IpFlag.MF
    assert row["checksum"] == Checksum.UNKNOWN
    assert row["payload_bytes"] == 4


def test_later_fragment_is_counted():
    assert decode_frame(ether(ip4(tcp(), fragment=0x2001)))[1] == {"ip-fragment": 1}


def test_total_length_zero_means_the_rest_of_the_frame():
    payload = bytes(3000)
    row = decode_tcp(ether(ip4(tcp(payload), total=0)))
    assert row["payload_bytes"] == 3000
    assert row["checksum"] == Checksum.OK


def test_padding_is_no_payload():
    row = decode_tcp(ether(ip4(tcp())) + bytes(6))
    assert row["payload_bytes"] == row["payload_captured_bytes"] == 0
    assert row["ip_flags"] == IpFlag.DF | IpFlag.PADDED


def test_snaplen_cut_keeps_the_length_on_the_wire():
    frame = ether(ip4(tcp(bytes(1000))))
    row = decode_tcp(frame[:96], wire_bytes=len(frame))
    assert (row["payload_bytes"], row["payload_captured_bytes"]) == (1000, 96 - 54)
    assert row["ip_flags"] == IpFlag.DF | IpFlag.SHORT
    assert row["checksum"] == Checksum.UNKNOWN


def test_cut_inside_the_tcp_header_is_truncated():
    frame = ether(ip4(tcp()))
    assert decode_frame(frame[:53], wire_bytes=len(frame))[1] == {"truncated": 1}


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"\x55" + ip4(tcp())[1:], "malformed-ip"),
        (b"\x44" + ip4(tcp())[1:], "malformed-ip"),
        (ip4(tcp(), total=19), "malformed-ip"),
        (ip4(tcp(), total=39), "malformed-tcp"),
        (ip4(b""), "malformed-tcp"),
        (ip4(bytes(8), 132), "other-ip-protocol"),
        (ip4(bytes(8), 58), "other-ip-protocol"),
        (ip4(bytes(8), 50), "other-ip-protocol"),
        (ip4(bytes(8), 0), "other-ip-protocol"),
    ],
)
def test_what_is_no_tcp_over_ipv4_is_counted(packet, reason):
    assert decode_frame(ether(packet))[1] == {reason: 1}


HEADERS = {
    "hop-by-hop": (0, extension(6)),
    "destination options": (60, extension(6)),
    "routing, none left": (43, extension(6, b"\x00\x00" + bytes(20))),
    "mobility": (135, extension(6)),
    "atomic fragment": (44, struct.pack(">BBHI", 6, 0, 0, 9)),
    "authentication": (51, struct.pack(">BBHII", 6, 4, 0, 1, 1) + bytes(12)),
    "three in a row": (0, extension(60) + extension(43) + extension(6, b"\x00\x00" + bytes(4))),
}


@pytest.mark.parametrize("name", HEADERS)
def test_extension_header_is_passed_over(name):
    following, headers = HEADERS[name]
    row = decode_tcp(ether6(ip6(headers + tcp6(b"hello"), following)))
    assert ends(row) == INNER6
    assert row["payload_bytes"] == 5
    assert row["checksum"] == Checksum.OK
    assert row["ttl"] == 57


def test_routing_with_segments_left_makes_the_checksum_unknowable():
    header = extension(6, b"\x00\x01" + bytes(20))
    assert decode_tcp(ether6(ip6(header + tcp6(), 43)))["checksum"] == Checksum.UNKNOWN


def test_home_address_makes_the_checksum_unknowable():
    header = extension(6, b"\x01\x02\x00\x00\xc9\x10" + bytes(16))
    assert decode_tcp(ether6(ip6(header + tcp6(), 60)))["checksum"] == Checksum.UNKNOWN


def test_ipv6_first_fragment_is_decoded_and_marked():
    row = decode_tcp(ether6(ip6(struct.pack(">BBHI", 6, 0, 1, 9) + tcp6(b"ab"), 44)))
    assert row["ip_flags"] == IpFlag.V6 | IpFlag.MF
    assert row["checksum"] == Checksum.UNKNOWN


def test_ipv6_later_fragment_is_counted():
    assert decode_frame(ether6(ip6(struct.pack(">BBHI", 6, 0, 8, 9) + tcp6(), 44)))[1] == {"ip-fragment": 1}


def test_jumbogram_length_comes_from_its_option():
    payload = bytes(70000)
    segment = tcp6(payload)
    jumbo = struct.pack(">BBBBI", 6, 0, 0xC2, 4, len(segment) + 8)
    row = decode_tcp(ether6(ip6(jumbo + segment, 0, length=0)))
    assert row["payload_bytes"] == 70000
    assert row["checksum"] == Checksum.OK


def test_ipv6_length_zero_means_the_rest_of_the_frame():
    assert decode_tcp(ether6(ip6(tcp6(b"hello"), length=0)))["payload_bytes"] == 5


@pytest.mark.parametrize("following", [59, 50, 132, 1])
def test_what_is_no_tcp_over_ipv6_is_counted(following):
    assert decode_frame(ether6(ip6(bytes(40), following)))[1] == {"other-ip-protocol": 1}
