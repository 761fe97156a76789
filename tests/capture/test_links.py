"""Every link type leads to the TCP segment behind it."""

from __future__ import annotations

import struct

import pytest
from synsight.capture.links import link_name
from synsight.capture.segment import Checksum, Direction

from tests.capture.frames import (
    INNER,
    INNER6,
    MACS,
    decode_frame,
    decode_tcp,
    ends,
    ether,
    ip4,
    ip6,
    tcp,
    tcp6,
)

PACKET, PACKET6 = ip4(tcp(b"hello")), ip6(tcp6(b"hello"))


def sll(packet_type: int, payload: bytes, kind: int = 0x0800) -> bytes:
    return struct.pack(">HHH", packet_type, 1, 6) + MACS[6:] + b"\0\0" + struct.pack(">H", kind) + payload


def sll2(packet_type: int, payload: bytes, kind: int = 0x0800) -> bytes:
    return struct.pack(">HHIHBB", kind, 0, 3, 1, packet_type, 6) + MACS[6:] + b"\0\0" + payload


def nflog(order: str) -> bytes:
    attribute = struct.pack(order + "HH", 8, 1) + b"\x08\x00\x01\x00"
    return b"\x02\x00\x00\x00" + attribute + struct.pack(order + "HH", 4 + len(PACKET), 9) + PACKET


SNAP = bytes.fromhex("aaaa03000000")
LINKS = {
    "ethernet": (1, ether(PACKET)),
    "802.1Q": (1, ether(b"\x00\x05\x08\x00" + PACKET, 0x8100)),
    "802.1ad": (1, ether(b"\x00\x05\x81\x00\x00\x06\x08\x00" + PACKET, 0x88A8)),
    "QinQ 0x9100": (1, ether(b"\x00\x05\x81\x00\x00\x06\x08\x00" + PACKET, 0x9100)),
    "802.1ah": (1, ether(b"\x00\x00\x00\x01" + ether(PACKET), 0x88E7)),
    "VN-Tag": (1, ether(b"\x80\x00\x00\x01\x08\x00" + PACKET, 0x8926)),
    "Cisco MetaData": (1, ether(b"\x01\x01\x00\x01\x00\x07\x08\x00" + PACKET, 0x8909)),
    "MPLS, one label": (1, ether(struct.pack(">I", 16 << 12 | 0x100 | 64) + PACKET, 0x8847)),
    "MPLS, two labels": (1, ether(struct.pack(">II", 16 << 12 | 64, 17 << 12 | 0x140) + PACKET, 0x8847)),
    "PPPoE": (1, ether(struct.pack(">BBHHH", 0x11, 0, 1, len(PACKET) + 2, 0x21) + PACKET, 0x8864)),
    "LLC SNAP": (1, ether(SNAP + b"\x08\x00" + PACKET, len(PACKET) + 8)),
    "LLC IP": (1, ether(b"\x06\x06\x03" + PACKET, len(PACKET) + 3)),
    "NULL little-endian": (0, struct.pack("<I", 2) + PACKET),
    "NULL big-endian": (0, struct.pack(">I", 2) + PACKET),
    "LOOP": (108, struct.pack(">I", 2) + PACKET),
    "RAW 101": (101, PACKET),
    "RAW 12": (12, PACKET),
    "RAW 14": (14, PACKET),
    "IPV4": (228, PACKET),
    "PPP": (9, b"\xff\x03\x00\x21" + PACKET),
    "PPP compressed protocol": (9, b"\x21" + PACKET),
    "PPP serial": (50, b"\x00\x21" + PACKET),
    "PPP with MPLS": (9, b"\xff\x03\x02\x81" + struct.pack(">I", 16 << 12 | 0x140) + PACKET),
    "PPP over Ethernet": (51, struct.pack(">BBHHH", 0x11, 0, 1, len(PACKET) + 2, 0x21) + PACKET),
    "PPP with direction": (166, b"\x01\x00\x21" + PACKET),
    "Cisco HDLC": (104, b"\x0f\x00\x08\x00" + PACKET),
    "FDDI": (10, b"\x50" + MACS + SNAP + b"\x08\x00" + PACKET),
    "ATM": (100, SNAP + b"\x08\x00" + PACKET),
    "IEEE 1394": (138, bytes(16) + b"\x08\x00" + PACKET),
    "InfiniBand": (242, bytes(40) + b"\x08\x00\x00\x00" + PACKET),
    "netANALYZER": (240, bytes(4) + ether(PACKET)),
    "Juniper": (178, b"MGC\x81\x00\x02ab" + ether(PACKET)),
    "NFLOG little-endian": (239, nflog("<")),
    "NFLOG big-endian": (239, nflog(">")),
    "ERF Ethernet": (197, bytes(8) + b"\x02" + bytes(9) + ether(PACKET)),
    "ERF with extension headers": (
        197,
        bytes(8) + b"\x82" + bytes(7) + b"\x80" + bytes(7) + bytes(8) + bytes(2) + ether(PACKET),
    ),
    "ERF IPv4": (197, bytes(8) + b"\x16" + bytes(7) + PACKET),
    "SLL": (113, sll(0, PACKET)),
    "SLL2": (276, sll2(0, PACKET)),
    "ENC": (109, struct.pack("<III", 2, 0, 0) + PACKET),
    "PFLOG": (117, bytes([61, 2]) + bytes(62) + PACKET),
    "802.11": (105, b"\x08\x02\x00\x00" + bytes(20) + SNAP + b"\x08\x00" + PACKET),
    "radiotap, QoS": (127, b"\0\0\x08\0" + bytes(4) + b"\x88\x01" + bytes(24) + SNAP + b"\x08\x00" + PACKET),
}


@pytest.mark.parametrize("name", LINKS)
def test_link_leads_to_the_segment(name):
    link_type, frame = LINKS[name]
    row = decode_tcp(frame, link_type)
    assert ends(row) == INNER
    assert row["payload_bytes"] == row["payload_captured_bytes"] == 5
    assert row["checksum"] == Checksum.OK
    assert row["tunnel_depth"] == 0


@pytest.mark.parametrize("name", LINKS)
def test_link_cut_anywhere_counts_as_truncated_or_shows_the_segment(name):
    link_type, frame = LINKS[name]
    for size in range(len(frame)):
        rows, skipped = decode_frame(frame[:size], link_type, len(frame))
        assert (rows["kind"] == 0).sum() + sum(skipped.values()) == 1
        if len(rows):
            assert rows[0]["ip_flags"] & 16


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (1, ether(PACKET6, 0x86DD)),
        (229, PACKET6),
        (101, PACKET6),
        (9, b"\xff\x03\x00\x57" + PACKET6),
        (113, sll(4, PACKET6, 0x86DD)),
        *[(0, struct.pack("<I", family) + PACKET6) for family in (10, 23, 24, 28, 30)],
    ],
)
def test_link_leads_to_ipv6(link_type, frame):
    row = decode_tcp(frame, link_type)
    assert ends(row) == INNER6
    assert row["checksum"] == Checksum.OK


@pytest.mark.parametrize("make", [(113, sll), (276, sll2)])
@pytest.mark.parametrize(
    ("packet_type", "direction"),
    [(0, Direction.IN), (2, Direction.IN), (3, Direction.UNKNOWN), (4, Direction.OUT)],
)
def test_cooked_packet_type_tells_the_direction(make, packet_type, direction):
    link_type, cooked = make
    row = decode_tcp(cooked(packet_type, PACKET), link_type)
    assert row["direction"] == direction
    assert row["src_mac"] == 0x020000000001


def test_ethernet_addresses_are_kept():
    row = decode_tcp(ether(PACKET))
    assert (row["src_mac"], row["dst_mac"]) == (0x020000000001, 0x020000000002)


@pytest.mark.parametrize(
    ("frame", "link_type", "reason"),
    [
        (ether(b"\x01\x02", 0x88CC), 1, "not-ip"),
        (ether(b"\x42\x42\x03" + bytes(40), 43), 1, "not-ip"),
        (ether(b"\x00\x00\x10\x40" + bytes(40), 0x8847), 1, "truncated-no"),
        (b"\x01", 1, "malformed-link"),
        (bytes(60), 9999, "unknown-link-type"),
        (struct.pack("<I", 7) + PACKET, 0, "not-ip"),
    ],
)
def test_what_is_no_ip_is_counted(frame, link_type, reason):
    rows, skipped = decode_frame(frame, link_type)
    assert len(rows) == 0
    assert sum(skipped.values()) == 1
    if reason != "truncated-no":
        assert skipped == {reason: 1}


def test_link_names_are_those_of_tcpdump_org():
    assert [link_name(number) for number in (1, 0, 113, 276, 4242)] == [
        "EN10MB",
        "NULL",
        "LINUX_SLL",
        "LINUX_SLL2",
        "LINKTYPE_4242",
    ]
