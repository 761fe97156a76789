"""TCP fields, options and checksums; ICMP errors, ARP and neighbour discovery."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from synsight.capture.segment import Checksum, Flag, IpFlag, Kind, Option, PayloadClass, address_text

from tests.capture.frames import (
    CLIENT,
    CLIENT6,
    INNER,
    INNER6,
    MACS,
    SERVER,
    SERVER6,
    decode_frame,
    decode_tcp,
    ends,
    ether,
    ip4,
    ip6,
    pseudo_sum,
    tcp,
    tcp6,
)


def frame(payload: bytes = b"", **fields: int | bytes) -> bytes:
    return ether(ip4(tcp(payload, **fields)))


def test_header_fields_are_kept():
    row = decode_tcp(frame(sport=1, dport=65535, seq=0xFFFFFFFF, ack=7, flags=0x1FF, window=65535))
    assert (row["sport"], row["dport"], row["seq"], row["ack"]) == (1, 65535, 0xFFFFFFFF, 7)
    assert row["flags"] == 0x1FF
    assert row["flags"] & Flag.AE
    assert row["window"] == 65535
    assert (row["time_ns"], row["frame"], row["wscale"]) == (7, 1, 255)


def test_syn_options_are_kept():
    options = bytes.fromhex("020405b40402080a00000005000000090103 0307".replace(" ", "")) + b"\x01"
    row = decode_tcp(frame(flags=2, options=options))
    assert row["options"] == Option.MSS | Option.SACK_PERMITTED | Option.TIMESTAMP | Option.WSCALE
    assert (row["mss"], row["wscale"], row["tsval"], row["tsecr"]) == (1460, 7, 5, 9)


def test_usual_timestamp_is_kept():
    row = decode_tcp(frame(options=bytes.fromhex("0101080a0000000100000002")))
    assert (row["options"], row["tsval"], row["tsecr"]) == (Option.TIMESTAMP, 1, 2)


def test_two_sack_blocks_are_kept():
    row = decode_tcp(frame(options=b"\x05\x1a" + struct.pack(">6I", 1, 2, 3, 4, 5, 6)))
    assert row["sack_count"] == 3
    assert [row[name] for name in ("sack_left", "sack_right", "sack2_left", "sack2_right")] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "bit"),
    [
        (b"\x22\x02", Option.TFO),
        (b"\xfe\x04\xf9\x89", Option.TFO),
        (b"\x1e\x0c" + bytes(10), Option.MPTCP),
        (b"\x13\x12" + bytes(16), Option.MD5),
        (b"\x1d\x10" + bytes(14), Option.AO),
        (b"\x63\x04ab", Option.UNKNOWN),
        (b"\x02\x03\x05\x01", Option.MALFORMED),
        (b"\x08\x00\x00\x00", Option.MALFORMED),
        (b"\x08\x0a\x00\x00", Option.MALFORMED),
        (b"\x05\x09" + bytes(10), Option.MALFORMED),
        (b"\x01\x01\x01\x08", Option.MALFORMED),
    ],
)
def test_option_is_marked(options, bit):
    assert decode_tcp(frame(options=options))["options"] & bit


def test_options_cut_by_the_capture_are_not_malformed():
    whole = frame(options=bytes.fromhex("020405b40402080a000000050000000901030307"))
    for size in range(54, len(whole)):
        row = decode_tcp(whole[:size], wire_bytes=len(whole))
        assert not row["options"] & Option.MALFORMED


@pytest.mark.parametrize("size", [*range(40), 535, 1460, 8960])
def test_checksum_is_exact_for_every_length(size):
    payload = bytes((7 * each) & 255 for each in range(size))
    good = frame(payload)
    assert decode_tcp(good)["checksum"] == Checksum.OK
    bad = bytearray(good)
    bad[-1] ^= 0x10
    assert decode_tcp(bytes(bad))["checksum"] == Checksum.BAD
    assert decode_tcp(ether(ip6(tcp6(payload)), 0x86DD))["checksum"] == Checksum.OK


def test_checksum_left_to_the_card_is_partial():
    size = 20 + 5
    assert (
        decode_tcp(frame(b"hello", checksum=pseudo_sum(CLIENT, SERVER, size)))["checksum"] == Checksum.PARTIAL
    )
    assert decode_tcp(frame(b"hello", checksum=pseudo_sum(CLIENT, SERVER, 0)))["checksum"] == Checksum.PARTIAL


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", PayloadClass.NONE),
        (b"\x16\x03\x01\x02", PayloadClass.TLS_HANDSHAKE),
        (b"\x15\x03\x03\x00\x02", PayloadClass.TLS_ALERT),
        (b"\x17\x03\x03\x00\x02", PayloadClass.TLS_OTHER),
        (b"GET / HTTP/1.1", PayloadClass.HTTP_REQUEST),
        (b"DELETE /", PayloadClass.HTTP_REQUEST),
        (b"HTTP/1.1 200", PayloadClass.HTTP_RESPONSE),
        (b"SSH-2.0-x", PayloadClass.SSH),
        (b"\x16", PayloadClass.OTHER),
        (b"hello", PayloadClass.OTHER),
    ],
)
def test_payload_class_comes_from_the_first_bytes(payload, expected):
    assert decode_tcp(frame(payload))["payload_class"] == expected


def test_payload_on_port_53_is_dns():
    assert decode_tcp(frame(b"\x00\x20abcd", dport=53))["payload_class"] == PayloadClass.DNS


@pytest.mark.parametrize("offset", [0, 1, 4, 15])
def test_data_offset_that_cannot_be_is_malformed(offset):
    packet = bytearray(frame())
    packet[14 + 20 + 12] = offset << 4
    assert decode_frame(bytes(packet))[1] == {"malformed-tcp": 1}


def test_flow_hash_is_the_same_both_ways_and_differs_between_flows():
    there = decode_tcp(frame())
    back = decode_tcp(ether(ip4(tcp(sport=80, dport=40000), src=SERVER, dst=CLIENT)))
    assert there["flow_hash"] == back["flow_hash"]
    hashes = {int(decode_tcp(frame(sport=port))["flow_hash"]) for port in range(1, 2000)}
    assert len(hashes) == 1999
    assert len({value & 0xFFF for value in hashes}) > 1400  # about 4096 * (1 - e**-0.488)


def icmp(kind: int, code: int, rest: int, quoted: bytes) -> bytes:
    return struct.pack(">BBHI", kind, code, 0, rest) + quoted


@pytest.mark.parametrize(
    ("kind", "code", "rest", "mtu"), [(3, 1, 0, 0), (3, 4, 1400, 1400), (11, 0, 0, 0), (12, 0, 0, 0)]
)
def test_icmp_error_quotes_the_segment(kind, code, rest, mtu):
    quoted = ip4(tcp(b"x" * 30, seq=77), ttl=5)[: 20 + 8]
    rows, skipped = decode_frame(
        ether(ip4(icmp(kind, code, rest, quoted), 1, src="192.0.2.9", dst=CLIENT, ttl=60))
    )
    row = rows[0]
    assert skipped == {"icmp-error": 1}
    assert row["kind"] == Kind.ICMP_ERROR
    assert ends(row) == INNER
    assert address_text(row["via_hi"], row["via_lo"]) == "192.0.2.9"
    assert (row["icmp_type"], row["icmp_code"], row["mtu"], row["seq"]) == (kind, code, mtu, 77)
    assert (row["ttl"], row["via_ttl"]) == (5, 60)
    assert row["flow_hash"] == decode_tcp(frame())["flow_hash"]


def test_icmp_error_with_the_whole_segment_tells_flags_and_length():
    quoted = ip4(tcp(b"x" * 30, flags=0x02))
    row = decode_frame(ether(ip4(icmp(3, 13, 0, quoted), 1)))[0][0]
    assert (row["flags"], row["payload_bytes"]) == (0x02, 30)


@pytest.mark.parametrize(("kind", "rest", "mtu"), [(1, 0, 0), (2, 1280, 1280), (3, 0, 0), (4, 6, 0)])
def test_icmpv6_error_quotes_the_segment(kind, rest, mtu):
    packet = ip6(icmp(kind, 0, rest, ip6(tcp6(b"hi", seq=77))), 58, src="fd00::9")
    rows, skipped = decode_frame(ether(packet, 0x86DD))
    assert skipped == {"icmp-error": 1}
    assert ends(rows[0]) == INNER6
    assert (rows[0]["mtu"], rows[0]["seq"]) == (mtu, 77)
    assert rows[0]["ip_flags"] & IpFlag.V6
    assert address_text(rows[0]["via_hi"], rows[0]["via_lo"]) == "fd00::9"


@pytest.mark.parametrize(("kind", "seq"), [(4, 0), (5, 0x0A000009)])
def test_advice_of_a_router_gives_a_marker_row(kind, seq):
    message = icmp(kind, 1, 0x0A000009, ip4(bytes(8), 17))
    rows, skipped = decode_frame(ether(ip4(message, 1, src="192.0.2.9", dst=CLIENT, ttl=60)))
    assert skipped == {"icmp": 1}
    assert rows[0]["kind"] == Kind.ADVICE
    assert ends(rows[0])[::2] == (CLIENT, SERVER)
    assert address_text(rows[0]["via_hi"], rows[0]["via_lo"]) == "192.0.2.9"
    assert (rows[0]["icmp_type"], rows[0]["seq"], rows[0]["via_ttl"]) == (kind, seq, 60)


def test_an_ipv6_redirect_gives_a_marker_row():
    message = icmp(137, 0, 0, ip_address("fe80::7").packed + ip_address(SERVER6).packed)
    rows, skipped = decode_frame(ether(ip6(message, 58, src="fe80::9", dst=CLIENT6), 0x86DD))
    assert skipped == {"icmp": 1}
    assert rows[0]["kind"] == Kind.ADVICE
    assert ends(rows[0])[::2] == (CLIENT6, SERVER6)
    assert address_text(rows[0]["via_hi"], rows[0]["via_lo"]) == "fe80::9"


@pytest.mark.parametrize(
    "message",
    [
        icmp(5, 1, 0, ip4(bytes(8), 17)[:19]),
        icmp(4, 0, 0, bytes(28)),
        icmp(8, 0, 0, b"ping"),
        icmp(3, 3, 0, ip4(bytes(8), 17)),
        icmp(3, 1, 0, ip4(tcp(), fragment=0x2010)),
        icmp(3, 1, 0, b"\x45"),
        b"\x03\x01",
        b"",
    ],
)
def test_other_icmp_is_counted(message):
    rows, skipped = decode_frame(ether(ip4(message, 1)))
    assert len(rows) == 0
    assert sum(skipped.values()) == 1


def arp(operation: int) -> bytes:
    head = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation)
    return head + MACS[6:] + ip_address(CLIENT).packed + bytes(6) + ip_address(SERVER).packed


@pytest.mark.parametrize(("operation", "kind"), [(1, Kind.ARP_REQUEST), (2, Kind.ARP_REPLY)])
def test_arp_gives_a_marker_row(operation, kind):
    rows, skipped = decode_frame(ether(arp(operation), 0x0806))
    assert skipped == {"arp": 1}
    assert rows[0]["kind"] == kind
    assert ends(rows[0]) == (CLIENT, 0, SERVER, 0)
    assert rows[0]["src_mac"] == 0x020000000001


@pytest.mark.parametrize("payload", [arp(8), arp(1)[:20], b""])
def test_other_arp_is_counted(payload):
    rows, skipped = decode_frame(ether(payload, 0x0806))
    assert len(rows) == 0
    assert sum(skipped.values()) == 1


def test_neighbour_discovery_gives_marker_rows():
    target = ip_address(SERVER6).packed
    rows, skipped = decode_frame(ether(ip6(icmp(135, 0, 0, target), 58, dst="ff02::1:ff00:2"), 0x86DD))
    assert skipped == {"neighbour-discovery": 1}
    assert rows[0]["kind"] == Kind.ARP_REQUEST
    assert ends(rows[0]) == (CLIENT6, 0, SERVER6, 0)
    rows, _ = decode_frame(ether(ip6(icmp(136, 0, 0, target), 58, src="fe80::2", dst=CLIENT6), 0x86DD))
    assert rows[0]["kind"] == Kind.ARP_REPLY
    assert ends(rows[0]) == (SERVER6, 0, CLIENT6, 0)


def test_an_answer_to_ping_gives_a_marker_row():
    rows, skipped = decode_frame(ether(ip4(icmp(0, 0, 0, b"abcdefgh"), 1, src=SERVER, dst=CLIENT)))
    assert skipped == {"icmp": 1}
    assert rows[0]["kind"] == Kind.ECHO_REPLY
    assert ends(rows[0]) == (SERVER, 0, CLIENT, 0)
    rows, _ = decode_frame(ether(ip6(icmp(129, 0, 0, b"abcdefgh"), 58, src=SERVER6, dst=CLIENT6), 0x86DD))
    assert rows[0]["kind"] == Kind.ECHO_REPLY
    assert ends(rows[0]) == (SERVER6, 0, CLIENT6, 0)


@pytest.mark.parametrize(
    "frame", [ether(ip4(icmp(8, 0, 0, b"abcdefgh"), 1)), ether(ip6(icmp(128, 0, 0, b""), 58), 0x86DD)]
)
def test_a_ping_alone_says_nothing(frame):
    rows, skipped = decode_frame(frame)
    assert len(rows) == 0
    assert skipped == {"icmp": 1}
