"""Packets and capture files as bytes, and shortcuts to read them back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import ip_address

import numpy as np
from synsight.capture.decode import decode, named_counts, new_counters, new_rows
from synsight.capture.segment import FRAME, address_text

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"
MACS = bytes.fromhex("020000000002") + bytes.fromhex("020000000001")


def sum16(data: bytes) -> int:
    """Ones'-complement sum of 16-bit big-endian words, folded."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo_sum(src: str, dst: str, size: int) -> int:
    """Folded sum of the TCP pseudo header."""
    return sum16(ip_address(src).packed + ip_address(dst).packed + struct.pack(">II", size, 6))


def tcp(
    payload: bytes = b"",
    *,
    sport: int = 40000,
    dport: int = 80,
    seq: int = 1000,
    ack: int = 2000,
    flags: int = 0x18,
    window: int = 512,
    options: bytes = b"",
    src: str = CLIENT,
    dst: str = SERVER,
    checksum: int | None = None,
) -> bytes:
    """A TCP segment with the right checksum, or the one given."""
    options += b"\0" * (-len(options) % 4)
    offset_flags = ((20 + len(options)) // 4) << 12 | flags

    def segment(value: int) -> bytes:
        fields = (sport, dport, seq, ack, offset_flags, window, value, 0)
        return struct.pack(">HHIIHHHH", *fields) + options + payload

    if checksum is None:
        bare = segment(0)
        checksum = ~sum16(struct.pack(">H", pseudo_sum(src, dst, len(bare))) + bare) & 0xFFFF
    return segment(checksum)


def tcp6(payload: bytes = b"", **fields: int) -> bytes:
    """`tcp` with a checksum over the IPv6 addresses."""
    return tcp(payload, src=CLIENT6, dst=SERVER6, **fields)


def ip4(
    payload: bytes,
    protocol: int = 6,
    *,
    src: str = CLIENT,
    dst: str = SERVER,
    fragment: int = 0x4000,
    options: bytes = b"",
    total: int | None = None,
    ttl: int = 64,
) -> bytes:
    options += b"\0" * (-len(options) % 4)
    header_bytes = 20 + len(options)
    total = header_bytes + len(payload) if total is None else total
    first = 0x40 | header_bytes // 4
    head = struct.pack(">BBHHHBBH", first, 0, total, 0x1234, fragment, ttl, protocol, 0)
    return head + ip_address(src).packed + ip_address(dst).packed + options + payload


def ip6(
    payload: bytes, following: int = 6, *, src: str = CLIENT6, dst: str = SERVER6, length: int | None = None
) -> bytes:
    length = len(payload) if length is None else length
    head = struct.pack(">IHBB", 6 << 28, length, following, 57)
    return head + ip_address(src).packed + ip_address(dst).packed + payload


def udp(payload: bytes, dport: int, sport: int = 50000) -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def ether(payload: bytes, kind: int = 0x0800) -> bytes:
    return MACS + struct.pack(">H", kind) + payload


def pcap(
    packets: Sequence[bytes],
    *,
    link_type: int = 1,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    start_s: int = 1_700_000_000,
    snaplen: int = 65535,
    fraction: int = 5,
) -> bytes:
    """A pcap file; packet i has the time `start_s` + i seconds and `fraction` of the file's unit."""
    parts = [struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, snaplen, link_type)]
    more = struct.pack(order + "IHBB", 1, 0, 0, 0) if magic == 0xA1B2CD34 else b""
    for number, packet in enumerate(packets):
        parts += [
            struct.pack(order + "IIII", start_s + number, fraction, len(packet), len(packet)),
            more,
            packet,
        ]
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += b"\0" * (-len(body) % 4)
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link_type: int = 1, order: str = "<", options: bytes = b"", snaplen: int = 0) -> bytes:
    return block(1, struct.pack(order + "HHI", link_type, 0, snaplen) + options, order)


def enhanced(
    packet: bytes, ticks: int = 1_700_000_000_000_000, number: int = 0, order: str = "<", options: bytes = b""
) -> bytes:
    """An Enhanced Packet Block."""
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet))
    return block(6, head + packet + b"\0" * (-len(packet) % 4) + options, order)


def decode_frame(
    packet: bytes, link_type: int = 1, wire_bytes: int | None = None
) -> tuple[np.ndarray, dict[str, int]]:
    """Rows of one frame and what was counted. The frame lies between guard bytes that must not be read."""
    guard = b"\xee" * 7
    data = np.frombuffer(guard + packet + guard, np.uint8).copy()
    frames = np.zeros(1, FRAME)
    frames["time_ns"], frames["offset"], frames["captured_bytes"] = 7, len(guard), len(packet)
    frames["wire_bytes"] = len(packet) if wire_bytes is None else wire_bytes
    frames["link_type"] = link_type
    counters = new_counters()
    rows = decode(data, frames, 1, new_rows(1), counters)
    return rows, named_counts(counters)


def decode_tcp(packet: bytes, link_type: int = 1, wire_bytes: int | None = None) -> np.void:
    """The one TCP row of a frame."""
    rows, skipped = decode_frame(packet, link_type, wire_bytes)
    assert skipped == {}
    assert len(rows) == 1
    assert rows[0]["kind"] == 0
    return rows[0]


def ends(row: np.void) -> tuple[str, int, str, int]:
    """(source, port, destination, port) of a row."""
    return (
        address_text(row["src_hi"], row["src_lo"]),
        int(row["sport"]),
        address_text(row["dst_hi"], row["dst_lo"]),
        int(row["dport"]),
    )


INNER = (CLIENT, 40000, SERVER, 80)
INNER6 = (CLIENT6, 40000, SERVER6, 80)
