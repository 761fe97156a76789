"""SEGMENT: one observed TCP header, or one marker that concerns TCP, as a fixed-width row.

Everything after decode speaks this type: files, live interfaces, ladders in tests. A row is the
*innermost* TCP segment of a frame (`tunnel_depth` says how many encapsulations were peeled), or

* an ICMP error that quotes a TCP segment: the address, port and sequence fields are the *quoted*
  segment's, `via_hi/via_lo` is the address that sent the error;
* an ARP or neighbour-discovery message: `src`/`dst` are the sender and target protocol addresses;
* an ICMP echo reply: `src` answers the ping of `dst`;
* advice, an ICMP redirect or source quench: `via` gives it to `src` about its packets to `dst`, and `seq` is
  the better gateway's IPv4 address (redirects of IPv4 only).

Absent values are zero unless the field's line says otherwise.
"""

from __future__ import annotations

import ipaddress
from enum import IntEnum, IntFlag
from typing import Any, TypeVar

import numpy as np

FRAME = np.dtype(
    [
        ("time_ns", "<i8"),  # nanoseconds since the epoch, as the capture says
        ("offset", "<u4"),  # where the frame's first byte lies in the batch's buffer, bytes
        ("captured_bytes", "<u4"),  # bytes present in the buffer
        ("wire_bytes", "<u4"),  # bytes the frame had on the wire
        ("interface", "<u2"),  # index among the capture's interfaces (pcapng); 0 for pcap
        ("link_type", "<u2"),  # LINKTYPE_ number of tcpdump.org
        ("direction", "u1"),  # a Direction, from pcapng epb_flags; the link header may add it later
    ],
    align=True,
)

SEGMENT = np.dtype(
    [
        # What the tracker asks of every row: the first 96 bytes.
        ("time_ns", "<i8"),  # nanoseconds since the epoch
        ("frame", "<u8"),  # frame number, counted from 1 as Wireshark does, across files in reading order
        ("flow_hash", "<u8"),  # hash of both (address, port) pairs, the same for both directions
        ("src_hi", "<u8"),  # source address, first 8 bytes as a big-endian number; IPv4 is ::ffff:a.b.c.d
        ("src_lo", "<u8"),  # source address, last 8 bytes
        ("dst_hi", "<u8"),  # destination address, first 8 bytes
        ("dst_lo", "<u8"),  # destination address, last 8 bytes
        ("seq", "<u4"),  # sequence number, raw
        ("ack", "<u4"),  # acknowledgment number, raw (meaningful when ACK is set)
        ("payload_bytes", "<u4"),  # TCP payload on the wire, from the IP length (not from what was captured)
        ("tsval", "<u4"),  # timestamp option value (RFC 7323); valid when Option.TIMESTAMP
        ("tsecr", "<u4"),  # timestamp echo reply
        ("sport", "<u2"),  # source port
        ("dport", "<u2"),  # destination port
        ("flags", "<u2"),  # the 12 TCP flag bits, FIN = 1 (RFC 9293 section 3.1)
        ("window", "<u2"),  # window field as sent, not scaled
        ("options", "<u2"),  # Option bits: which options were present
        ("ip_id", "<u2"),  # IPv4 identification; 0 for IPv6
        ("kind", "u1"),  # a Kind
        ("ttl", "u1"),  # TTL or hop limit of the packet (of the quoted packet for ICMP errors)
        ("sack_count", "u1"),  # number of SACK blocks
        ("checksum", "u1"),  # a Checksum
        ("direction", "u1"),  # a Direction relative to the capturing host
        ("ip_flags", "u1"),  # IpFlag bits
        ("wscale", "u1"),  # window scale shift (RFC 7323); 255 when absent
        ("via_ttl", "u1"),  # ICMP errors: TTL of the error itself
        # The rest.
        ("via_hi", "<u8"),  # ICMP errors: who sent the error, first 8 bytes
        ("via_lo", "<u8"),  # ICMP errors: who sent the error, last 8 bytes
        ("src_mac", "<u8"),  # link-layer source, 48 bits; 0 where the link has none
        ("dst_mac", "<u8"),  # link-layer destination, 48 bits
        ("payload_offset", "<u4"),  # where the captured payload begins in the batch's buffer
        ("payload_captured_bytes", "<u4"),  # how much of it is in the buffer
        ("sack_left", "<u4"),  # first SACK block, left edge; valid when sack_count > 0
        ("sack_right", "<u4"),  # first SACK block, right edge (one past the last byte)
        ("sack2_left", "<u4"),  # second SACK block (RFC 2883: tells a D-SACK inside a larger block)
        ("sack2_right", "<u4"),
        ("mss", "<u2"),  # MSS option; 0 when absent
        ("mtu", "<u2"),  # ICMP fragmentation-needed / packet-too-big: next-hop MTU
        ("interface", "<u2"),  # index among the capture's interfaces
        ("icmp_type", "u1"),  # ICMP errors: type as on the wire (ICMPv6 when ip_flags has V6)
        ("icmp_code", "u1"),  # ICMP errors: code
        ("tunnel_depth", "u1"),  # IP headers peeled before this one
        ("payload_class", "u1"),  # a PayloadClass, from the first captured bytes
    ],
    align=True,
)


class Kind(IntEnum):
    """What a SEGMENT row observed."""

    TCP = 0
    ICMP_ERROR = 1  # quotes a TCP segment
    ARP_REQUEST = 2  # or an IPv6 neighbour solicitation
    ARP_REPLY = 3  # or an IPv6 neighbour advertisement
    ECHO_REPLY = 4  # a host answers ping
    ADVICE = 5  # an ICMP redirect, or a source quench


class Flag(IntFlag):
    """TCP header flags (RFC 9293 section 3.1, RFC 3168, AccECN's AE bit)."""

    FIN = 0x001
    SYN = 0x002
    RST = 0x004
    PSH = 0x008
    ACK = 0x010
    URG = 0x020
    ECE = 0x040
    CWR = 0x080
    AE = 0x100


class Option(IntFlag):
    """TCP options present."""

    MSS = 0x001
    WSCALE = 0x002
    SACK_PERMITTED = 0x004
    SACK = 0x008
    TIMESTAMP = 0x010
    TFO = 0x020  # Fast Open, with or without a cookie (RFC 7413)
    MPTCP = 0x040
    MD5 = 0x080  # RFC 2385
    AO = 0x100  # RFC 5925
    UNKNOWN = 0x4000
    MALFORMED = 0x8000  # a length that runs past the header


class IpFlag(IntFlag):
    """Facts of the IP header."""

    DF = 1
    MF = 2  # more fragments follow: the payload seen is the first fragment's
    V6 = 4
    PADDED = 8  # link-layer trailer present (frame longer than the IP length)
    SHORT = 16  # capture cut the packet (snaplen)


class Checksum(IntEnum):
    """TCP checksum of the packet."""

    UNKNOWN = 0  # not all bytes captured, or a fragment
    OK = 1
    BAD = 2
    PARTIAL = 3  # equals the folded pseudo-header sum: transmit offload at the capturing host


class Direction(IntEnum):
    """Relative to the host that captured."""

    UNKNOWN = 0
    IN = 1
    OUT = 2


class SkipReason(IntEnum):
    """Why a frame gave no TCP segment."""

    NONE = 0
    NOT_IP = 1
    ARP = 2
    ICMP = 3
    ICMP_ERROR = 4
    NEIGHBOUR_DISCOVERY = 5
    UDP = 6
    OTHER_IP_PROTOCOL = 7
    IP_FRAGMENT = 8  # any but the first
    TRUNCATED = 9
    MALFORMED_LINK = 10
    MALFORMED_IP = 11
    MALFORMED_TCP = 12
    TOO_MANY_LAYERS = 13
    UNKNOWN_LINK_TYPE = 14
    FILTERED = 15


class PayloadClass(IntEnum):
    """What the first payload bytes look like; a hint for words, never for blame."""

    NONE = 0
    OTHER = 1
    TLS_HANDSHAKE = 2
    TLS_ALERT = 3
    TLS_OTHER = 4
    HTTP_REQUEST = 5
    HTTP_RESPONSE = 6
    SSH = 7
    DNS = 8


V4_PREFIX = 0xFFFF << 32


Number = TypeVar("Number", int, np.ndarray)


def within_one_host(a_hi: Number, a_lo: Number, b_hi: Number, b_lo: Number) -> Any:
    """Whether two addresses are one machine's: twice the same, or the second is 127.0.0.0/8 or ::1.

    Of numbers, or of columns of numbers.

    >>> within_one_host(0, (0xFFFF << 32) | 0x0A000001, 0, (0xFFFF << 32) | 0x7F000001)
    True
    """
    return ((a_hi == b_hi) & (a_lo == b_lo)) | ((b_hi == 0) & ((b_lo == 1) | (b_lo >> 24 == 0xFFFF7F)))


def address_text(high: int, low: int) -> str:
    """The usual text of an address held as two 64-bit numbers.

    >>> address_text(0, (0xFFFF << 32) | 0x0A000001)
    '10.0.0.1'
    >>> address_text(0xFD00 << 48, 1)
    'fd00::1'
    """
    high, low = int(high), int(low)
    if high == 0 and low >> 32 == 0xFFFF:
        return f"{low >> 24 & 255}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
    return str(ipaddress.IPv6Address((high << 64) | low))


def address_halves(text: str) -> tuple[int, int]:
    """The inverse of `address_text`. Raises ValueError for text that is no address.

    >>> address_halves("fd00::1") == (0xFD00 << 48, 1)
    True
    """
    address = ipaddress.ip_address(text)
    if address.version == 4:
        return 0, V4_PREFIX | int(address)
    return int(address) >> 64, int(address) & 0xFFFFFFFFFFFFFFFF
