"""The innermost TCP segment wins, whatever it travels in."""

from __future__ import annotations

import struct

import pytest
from synsight.capture.segment import Checksum

from tests.capture.frames import (
    INNER,
    INNER6,
    decode_frame,
    decode_tcp,
    ends,
    ether,
    ip4,
    ip6,
    tcp,
    tcp6,
    udp,
)

V4, V6 = ip4(tcp(b"hello")), ip6(tcp6(b"hello"))
FRAME, FRAME6 = ether(V4), ether(V6, 0x86DD)


def outer(protocol: int, payload: bytes) -> bytes:
    return ether(ip4(payload, protocol, src="192.0.2.1", dst="192.0.2.2"))


def outer6(protocol: int, payload: bytes) -> bytes:
    return ether(ip6(payload, protocol, src="fd00::1", dst="fd00::2"), 0x86DD)


def gre(kind: int, payload: bytes, flags: int = 0) -> bytes:
    extra = bytes(4 * bin(flags & 0xB080).count("1"))
    return struct.pack(">HH", flags, kind) + extra + payload


def gtp(payload: bytes) -> bytes:
    return struct.pack(">BBHI", 0x30, 0xFF, len(payload), 7) + payload


def gtp_extended(payload: bytes) -> bytes:
    extension = struct.pack(">HBB", 1, 0, 0x85) + b"\x01\x00\x05\x00"
    return struct.pack(">BBHI", 0x34, 0xFF, len(payload) + 8, 7) + extension + payload


VXLAN = b"\x08\0\0\0\0\0\x64\0"
TUNNELS = {
    "4in4": outer(4, V4),
    "4in6": outer6(4, V4),
    "GRE": outer(47, gre(0x0800, V4)),
    "GRE with checksum, key and sequence": outer(47, gre(0x0800, V4, 0xB000)),
    "GRE over IPv6": outer6(47, gre(0x0800, V4)),
    "GRE with MPLS": outer(47, gre(0x8847, struct.pack(">I", 0x140) + V4)),
    "NVGRE": outer(47, gre(0x6558, FRAME, 0x2000)),
    "ERSPAN I": outer(47, gre(0x88BE, FRAME)),
    "ERSPAN II": outer(47, gre(0x88BE, bytes(8) + FRAME, 0x1000)),
    "ERSPAN III": outer(47, gre(0x22EB, bytes(12) + FRAME, 0x1000)),
    "ERSPAN III with a subheader": outer(47, gre(0x22EB, bytes(11) + b"\x01" + bytes(8) + FRAME, 0x1000)),
    "PPTP": outer(47, gre(0x880B, b"\xff\x03\x00\x21" + V4, 0x3001)),
    "PPTP with acknowledgment": outer(47, gre(0x880B, b"\x21" + V4, 0x3081)),
    "EoIP": outer(47, gre(0x6400, FRAME, 0x2001)),
    "WCCP": outer(47, gre(0x883E, bytes(4) + V4)),
    "MPLS in IP": outer(137, struct.pack(">I", 0x140) + V4),
    "EtherIP": outer(97, b"\x30\x00" + FRAME),
    "VXLAN": outer(17, udp(VXLAN + FRAME, 4789)),
    "VXLAN on the old Linux port": outer(17, udp(VXLAN + FRAME, 8472)),
    "VXLAN over IPv6": outer6(17, udp(VXLAN + FRAME, 4789)),
    "VXLAN-GPE": outer(17, udp(b"\x0c\0\0\x01" + bytes(4) + V4, 4790)),
    "GENEVE": outer(17, udp(struct.pack(">BBHI", 0, 0, 0x6558, 100 << 8) + FRAME, 6081)),
    "GENEVE with options": outer(17, udp(struct.pack(">BBHI", 2, 0, 0x6558, 0) + bytes(8) + FRAME, 6081)),
    "GENEVE without Ethernet": outer(17, udp(struct.pack(">BBHI", 0, 0, 0x0800, 0) + V4, 6081)),
    "GTP-U": outer(17, udp(gtp(V4), 2152)),
    "GTP-U with an extension header": outer(17, udp(gtp_extended(V4), 2152)),
    "MPLS in UDP": outer(17, udp(struct.pack(">I", 0x140) + V4, 6635)),
    "L2TP": outer(17, udp(struct.pack(">HHHH", 0x4002, 0, 1, 2) + b"\xff\x03\x00\x21" + V4, 1701)),
    "L2TP with sequence and offset": outer(
        17, udp(struct.pack(">HHHHHH", 0x0A02, 1, 2, 0, 0, 2) + b"xx" + b"\x00\x21" + V4, 1701)
    ),
    "authentication header": outer(51, struct.pack(">BBHII", 4, 4, 0, 1, 1) + bytes(12) + V4),
}
TUNNELS6 = {
    "6in4": outer(41, V6),
    "6in6": outer6(41, V6),
    "GRE": outer(47, gre(0x86DD, V6)),
    "VXLAN": outer(17, udp(VXLAN + FRAME6, 4789)),
    "GTP-U": outer(17, udp(gtp(V6), 2152)),
    "Teredo": outer(17, udp(bytes(8) + V6, 3544)),
    "AYIYA": outer(17, udp(b"\x42\x52\x11\x29" + bytes(4) + bytes(16) + bytes(20) + V6, 5072)),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnel_leads_to_the_inner_segment(name):
    row = decode_tcp(TUNNELS[name])
    assert ends(row) == INNER
    assert row["tunnel_depth"] == 1
    assert row["payload_bytes"] == 5
    assert row["checksum"] == Checksum.OK


@pytest.mark.parametrize("name", TUNNELS6)
def test_tunnel_leads_to_the_inner_ipv6_segment(name):
    row = decode_tcp(TUNNELS6[name])
    assert ends(row) == INNER6
    assert row["tunnel_depth"] == 1
    assert row["checksum"] == Checksum.OK


@pytest.mark.parametrize("frame", [*TUNNELS.values(), *TUNNELS6.values()])
def test_tunnel_cut_anywhere_is_counted_once(frame):
    for size in range(len(frame)):
        rows, skipped = decode_frame(frame[:size], 1, len(frame))
        assert (rows["kind"] == 0).sum() + sum(skipped.values()) == 1


def test_depth_counts_every_ip_header():
    frame = outer(17, udp(VXLAN + outer(17, udp(VXLAN + FRAME, 4789)), 4789))
    assert decode_tcp(frame)["tunnel_depth"] == 2


def test_endless_nesting_is_given_up():
    packet = V4
    for _ in range(40):
        packet = ip4(packet, 4)
    assert decode_frame(ether(packet))[1] == {"too-many-layers": 1}


@pytest.mark.parametrize(
    "payload",
    [
        udp(b"\x00" + bytes(60), 4789),
        udp(b"\xc0" + bytes(60), 6081),
        udp(struct.pack(">BBHI", 0x32, 1, 4, 0) + bytes(20), 2152),
        udp(bytes(60), 53),
        udp(b"", 4789),
    ],
)
def test_other_datagrams_on_tunnel_ports_are_udp(payload):
    assert decode_frame(outer(17, payload))[1] == {"udp": 1}


def test_bytes_behind_the_datagram_are_no_tunnel_content():
    datagram = struct.pack(">HHHH", 50000, 4789, 16, 0) + VXLAN + FRAME
    assert decode_frame(outer(17, datagram))[1] == {"malformed-ip": 1}
