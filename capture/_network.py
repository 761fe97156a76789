# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: ignore-errors
"""From a frame's first byte to its transport header: links, tunnels, IP. Compiled; releases the GIL.

`locate` writes one SEGMENT row per frame whose innermost IP packet carries TCP, ICMP or ICMPv6 (and one
finished row per ARP message); every other frame is counted under one skip reason. In the rows it leaves, the
payload fields describe the whole transport part, which `_transport.parse` then narrows to the TCP payload:

* `payload_offset`: first byte of the transport header in the buffer;
* `payload_captured_bytes`: bytes of it that the buffer holds;
* `payload_bytes`: bytes of it on the wire, by the innermost IP length;
* `icmp_type`: 0 for TCP, else the IP protocol number (1, 58), or 255 for a row that is finished;
* `checksum`: 1 when the addresses in the IP header are the ones the TCP checksum covers.

Every load is checked against the end of the layer it belongs to, and yields 0 beyond it.
Sources: IEEE 802.1Q/ah, RFC 791, 8200, 2784 (GRE), 7348 (VXLAN), 8926 (GENEVE), 3GPP TS 29.281 (GTP-U),
tcpdump.org/linktypes.html.
"""

import cython
from cython.cimports.capture.segment_row import SegmentRow

FrameRow = cython.struct(
    time_ns=cython.longlong,
    offset=cython.uint,
    captured_bytes=cython.uint,
    wire_bytes=cython.uint,
    interface=cython.ushort,
    link_type=cython.ushort,
    direction=cython.uchar,
)

# Where a walk through one frame stands.
Walk = cython.struct(
    base=cython.p_uchar,
    at=cython.Py_ssize_t,  # first byte of the next layer
    end=cython.Py_ssize_t,  # one past the last captured byte that belongs to it
    wire_end=cython.Py_ssize_t,  # where it would end had everything been captured
    protocol=cython.uint,  # the next layer's number in the space of the last (ethertype, IP protocol)
    depth=cython.int,  # IP headers passed
    steps=cython.int,  # layers passed
    fragment=cython.bint,  # first fragment of an IP packet
)

SKIP_REASONS = (
    "none",
    "not-ip",
    "arp",
    "icmp",
    "icmp-error",
    "neighbour-discovery",
    "udp",
    "other-ip-protocol",
    "ip-fragment",
    "truncated",
    "malformed-link",
    "malformed-ip",
    "malformed-tcp",
    "too-many-layers",
    "unknown-link-type",
    "filtered",
)
"""Why a frame gave no TCP segment, by the number the compiled code counts under."""

_NOT_IP = cython.declare(cython.int, 1)
_ARP = cython.declare(cython.int, 2)
_UDP = cython.declare(cython.int, 6)
_OTHER_PROTOCOL = cython.declare(cython.int, 7)
_FRAGMENT = cython.declare(cython.int, 8)
_TRUNCATED = cython.declare(cython.int, 9)
_MALFORMED_LINK = cython.declare(cython.int, 10)
_MALFORMED_IP = cython.declare(cython.int, 11)
_TOO_MANY = cython.declare(cython.int, 13)
_UNKNOWN_LINK = cython.declare(cython.int, 14)
_FILTERED = cython.declare(cython.int, 15)

# What a layer hands on to; reasons are below 32.
_ETHERNET = cython.declare(cython.int, 32)
_ETHERTYPE = cython.declare(cython.int, 33)
_LLC = cython.declare(cython.int, 34)
_PPP = cython.declare(cython.int, 35)
_MPLS = cython.declare(cython.int, 36)
_IPV4 = cython.declare(cython.int, 37)
_IPV6 = cython.declare(cython.int, 38)
_PROTOCOL = cython.declare(cython.int, 39)
_FOUND = cython.declare(cython.int, 40)
_IP_ANY = cython.declare(cython.int, 41)  # the version nibble decides

_MAX_STEPS = cython.declare(cython.int, 32)
# A SEGMENT row in 8-byte words.
_ROW_WORDS = cython.declare(cython.int, 21)
_MAX_DEPTH = cython.declare(cython.int, 8)

_PADDED = cython.declare(cython.int, 8)
_SHORT = cython.declare(cython.int, 16)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u8(walk: cython.pointer(Walk), at: cython.Py_ssize_t) -> cython.uint:
    if at + 1 > walk.end:
        return 0
    return walk.base[at]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u16(walk: cython.pointer(Walk), at: cython.Py_ssize_t) -> cython.uint:
    if at + 2 > walk.end:
        return 0
    p: cython.p_uchar = walk.base + at
    return (cython.cast(cython.uint, p[0]) << 8) | p[1]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u32(walk: cython.pointer(Walk), at: cython.Py_ssize_t) -> cython.uint:
    if at + 4 > walk.end:
        return 0
    p: cython.p_uchar = walk.base + at
    return (
        (cython.cast(cython.uint, p[0]) << 24)
        | (cython.cast(cython.uint, p[1]) << 16)
        | (cython.cast(cython.uint, p[2]) << 8)
        | p[3]
    )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u64(walk: cython.pointer(Walk), at: cython.Py_ssize_t) -> cython.ulonglong:
    return (cython.cast(cython.ulonglong, _u32(walk, at)) << 32) | _u32(walk, at + 4)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mac(walk: cython.pointer(Walk), at: cython.Py_ssize_t) -> cython.ulonglong:
    return (cython.cast(cython.ulonglong, _u16(walk, at)) << 32) | _u32(walk, at + 2)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _lacks(walk: cython.pointer(Walk), size: cython.Py_ssize_t) -> cython.bint:
    return walk.end - walk.at < size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _cut(walk: cython.pointer(Walk), size: cython.Py_ssize_t, otherwise: cython.int) -> cython.int:
    """Why `size` bytes are missing: the capture cut them, or (`otherwise`) they never were."""
    return _TRUNCATED if walk.wire_end - walk.at >= size else otherwise


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _ethernet(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow)) -> cython.int:
    if _lacks(walk, 14):
        return _cut(walk, 14, _MALFORMED_LINK)
    row.dst_mac = _mac(walk, walk.at)
    row.src_mac = _mac(walk, walk.at + 6)
    walk.protocol = _u16(walk, walk.at + 12)
    walk.at += 14
    if walk.protocol == 0x0800:
        return _IPV4
    if walk.protocol == 0x86DD:
        return _IPV6
    return _ETHERTYPE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ethertype(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow)) -> cython.int:
    """Tags and shims between Ethernet and IP; `walk.protocol` is the ethertype."""
    kind: cython.uint = walk.protocol
    size: cython.Py_ssize_t = 0
    if kind == 0x0800:
        return _IPV4
    if kind == 0x86DD:
        return _IPV6
    if kind < 0x0600:  # an IEEE 802.3 length
        return _LLC
    if kind == 0x8100 or kind == 0x88A8 or kind == 0x9100 or kind == 0x9200:
        size = 4  # 802.1Q, 802.1ad and its forerunners
    elif kind == 0x8926:
        size = 6  # VN-Tag
    elif kind == 0x893F or kind == 0x8909:
        size = 8  # 802.1BR E-Tag; Cisco MetaData
    if size != 0:
        if _lacks(walk, size):
            return _cut(walk, size, _MALFORMED_LINK)
        walk.protocol = _u16(walk, walk.at + size - 2)
        walk.at += size
        return _ETHERTYPE
    if kind == 0x8847 or kind == 0x8848:
        return _MPLS
    if kind == 0x8864:  # PPPoE session: version and type, code, session, length (RFC 2516 section 4)
        if _lacks(walk, 6):
            return _cut(walk, 6, _MALFORMED_LINK)
        walk.at += 6
        return _PPP
    if kind == 0x88E7:  # 802.1ah: the I-TAG, then the customer's frame
        walk.at += 4
        return _ETHERNET
    if kind == 0x6558:
        return _ETHERNET
    if kind == 0x0806:
        return _arp(walk, row)
    return _NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _llc(walk: cython.pointer(Walk)) -> cython.int:
    """IEEE 802.2, plain IP SAP or SNAP (RFC 1042)."""
    if _lacks(walk, 3):
        return _cut(walk, 3, _MALFORMED_LINK)
    if _u16(walk, walk.at) == 0x0606:
        walk.at += 3
        return _IPV4
    if _u16(walk, walk.at) != 0xAAAA:
        return _NOT_IP
    if _lacks(walk, 8):
        return _cut(walk, 8, _MALFORMED_LINK)
    organisation: cython.uint = _u32(walk, walk.at + 2) & 0xFFFFFF
    if organisation != 0 and organisation != 0x0000F8:
        return _NOT_IP
    walk.protocol = _u16(walk, walk.at + 6)
    walk.at += 8
    return _ETHERTYPE if walk.protocol >= 0x0600 else _NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _mpls(walk: cython.pointer(Walk)) -> cython.int:
    """Labels down to the bottom of the stack; only IP below them is recognised, never a pseudowire."""
    label: cython.uint
    while True:
        if _lacks(walk, 5):
            return _cut(walk, 5, _MALFORMED_LINK)
        label = _u32(walk, walk.at)
        walk.at += 4
        if label & 0x100:
            return _IP_ANY


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ppp(walk: cython.pointer(Walk)) -> cython.int:
    """RFC 1661 section 2, with or without the HDLC address and control bytes and with compressed protocol."""
    if _u16(walk, walk.at) == 0xFF03:
        walk.at += 2
    if _lacks(walk, 2):
        return _cut(walk, 2, _MALFORMED_LINK)
    protocol: cython.uint = _u8(walk, walk.at)
    if protocol & 1:
        walk.at += 1
    else:
        protocol = _u16(walk, walk.at)
        walk.at += 2
    if protocol == 0x21:
        return _IPV4
    if protocol == 0x57:
        return _IPV6
    if protocol == 0x281 or protocol == 0x283:
        return _MPLS
    return _NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _arp(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow)) -> cython.int:
    """A finished row for requests and replies about IPv4 over 6-byte hardware addresses (RFC 826)."""
    at: cython.Py_ssize_t = walk.at
    operation: cython.uint = _u16(walk, at + 6)
    if _lacks(walk, 28):
        return _ARP if walk.wire_end == walk.end else _TRUNCATED
    if _u16(walk, at + 2) != 0x0800 or _u16(walk, at + 4) != 0x0604 or operation < 1 or operation > 2:
        return _ARP
    row.kind = 2 if operation == 1 else 3
    row.src_mac = _mac(walk, at + 8)
    row.dst_mac = _mac(walk, at + 18) if operation == 2 else row.dst_mac
    row.src_hi = 0
    row.dst_hi = 0
    row.src_lo = (cython.cast(cython.ulonglong, 0xFFFF) << 32) | _u32(walk, at + 14)
    row.dst_lo = (cython.cast(cython.ulonglong, 0xFFFF) << 32) | _u32(walk, at + 24)
    row.icmp_type = 255
    return _FOUND


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _ipv4(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow)) -> cython.int:
    """RFC 791 section 3.1."""
    at: cython.Py_ssize_t = walk.at
    if _lacks(walk, 20):
        return _cut(walk, 20, _MALFORMED_IP)
    first: cython.uint = _u8(walk, at)
    header: cython.Py_ssize_t = (first & 15) * 4
    total: cython.Py_ssize_t = _u16(walk, at + 2)
    fragment: cython.uint = _u16(walk, at + 6)
    if first >> 4 != 4 or header < 20:
        return _MALFORMED_IP
    if total == 0:  # left to the card by segmentation offload: the frame's own length counts
        total = walk.wire_end - at
    if total < header:
        return _MALFORMED_IP
    row.ip_flags = (row.ip_flags & _PADDED) | ((fragment >> 14) & 1) | ((fragment >> 12) & 2)
    walk.wire_end = at + total
    if walk.end > walk.wire_end:
        walk.end = walk.wire_end
        row.ip_flags |= _PADDED
    elif walk.end < walk.wire_end:
        row.ip_flags |= _SHORT
    row.tunnel_depth = cython.cast(cython.uchar, walk.depth)
    row.ttl = cython.cast(cython.uchar, _u8(walk, at + 8))
    row.ip_id = cython.cast(cython.ushort, _u16(walk, at + 4))
    row.src_hi = 0
    row.dst_hi = 0
    row.src_lo = (cython.cast(cython.ulonglong, 0xFFFF) << 32) | _u32(walk, at + 12)
    row.dst_lo = (cython.cast(cython.ulonglong, 0xFFFF) << 32) | _u32(walk, at + 16)
    row.checksum = 1
    if header > 20:
        row.checksum = not _source_routed(walk, at + 20, at + header)
    if fragment & 0x1FFF:
        return _FRAGMENT
    walk.fragment = (fragment & 0x2000) != 0
    walk.protocol = _u8(walk, at + 9)
    walk.at = at + header
    walk.depth += 1
    return _FOUND if walk.protocol == 6 else _PROTOCOL


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _source_routed(walk: cython.pointer(Walk), at: cython.Py_ssize_t, stop: cython.Py_ssize_t) -> cython.bint:
    """Whether a loose or strict source route makes the header's destination a mere hop."""
    option: cython.uint
    while at < stop:
        option = _u8(walk, at)
        if option == 131 or option == 137:
            return True
        if option == 0:
            return False
        if option == 1:
            at += 1
        else:
            if _u8(walk, at + 1) < 2:
                return False
            at += _u8(walk, at + 1)
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _has_home_address(
    walk: cython.pointer(Walk), at: cython.Py_ssize_t, stop: cython.Py_ssize_t
) -> cython.bint:
    """Whether destination options hold a Home Address, which the checksum covers (RFC 6275 section 6.3)."""
    while at < stop and at < walk.end:
        if _u8(walk, at) == 201:
            return True
        at += 1 if _u8(walk, at) == 0 else 2 + _u8(walk, at + 1)
    return False


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _ipv6(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow)) -> cython.int:
    """RFC 8200 section 3."""
    at: cython.Py_ssize_t = walk.at
    length: cython.Py_ssize_t
    if _lacks(walk, 40):
        return _cut(walk, 40, _MALFORMED_IP)
    if _u8(walk, at) >> 4 != 6:
        return _MALFORMED_IP
    length = _u16(walk, at + 4)
    walk.protocol = _u8(walk, at + 6)
    if length == 0:  # a jumbogram (RFC 2675) or left to the card by segmentation offload
        length = walk.wire_end - at - 40
        if walk.protocol == 0 and _u16(walk, at + 42) == 0xC204 and _u32(walk, at + 44) > 65535:
            length = _u32(walk, at + 44)
    row.ip_flags = (row.ip_flags & _PADDED) | 4
    walk.wire_end = at + 40 + length
    if walk.end > walk.wire_end:
        walk.end = walk.wire_end
        row.ip_flags |= _PADDED
    elif walk.end < walk.wire_end:
        row.ip_flags |= _SHORT
    row.tunnel_depth = cython.cast(cython.uchar, walk.depth)
    row.ttl = cython.cast(cython.uchar, _u8(walk, at + 7))
    row.ip_id = 0
    row.src_hi = _u64(walk, at + 8)
    row.src_lo = _u64(walk, at + 16)
    row.dst_hi = _u64(walk, at + 24)
    row.dst_lo = _u64(walk, at + 32)
    row.checksum = 1
    walk.fragment = False
    walk.at = at + 40
    walk.depth += 1
    return _FOUND if walk.protocol == 6 else _PROTOCOL


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _protocol(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow)) -> cython.int:
    """One IP protocol or IPv6 extension header; `walk.protocol` is its number."""
    kind: cython.uint = walk.protocol
    at: cython.Py_ssize_t = walk.at
    if kind == 6:
        return _FOUND
    if kind == 17:
        return _udp(walk)
    if kind == 1 or kind == 58:
        if (kind == 58) != ((row.ip_flags & 4) != 0):
            return _OTHER_PROTOCOL
        row.icmp_type = kind
        return _FOUND
    if kind == 4:
        return _IPV4
    if kind == 41:
        return _IPV6
    if kind == 47:
        return _gre(walk)
    if kind == 137:
        return _MPLS
    if kind == 143:  # RFC 8986: Ethernet inside a segment-routed packet
        return _ETHERNET
    if kind == 97:  # EtherIP (RFC 3378)
        walk.at += 2
        return _ETHERNET
    if kind == 0 or kind == 43 or kind == 60 or kind == 135 or kind == 139 or kind == 140:
        if (row.ip_flags & 4) == 0:
            return _OTHER_PROTOCOL
        if _lacks(walk, 8):
            return _cut(walk, 8, _MALFORMED_IP)
        if kind == 43 and _u8(walk, at + 3) != 0:
            row.checksum = 0  # segments left: the checksum covers the final destination
        if kind == 60 and _has_home_address(walk, at + 2, at + (_u8(walk, at + 1) + 1) * 8):
            row.checksum = 0
        walk.protocol = _u8(walk, at)
        walk.at = at + (_u8(walk, at + 1) + 1) * 8
        return _PROTOCOL
    if kind == 51:  # Authentication Header (RFC 4302 section 2): length in 4-byte words minus 2
        if _lacks(walk, 12):
            return _cut(walk, 12, _MALFORMED_IP)
        walk.protocol = _u8(walk, at)
        walk.at = at + (_u8(walk, at + 1) + 2) * 4
        return _PROTOCOL
    if kind == 44 and (row.ip_flags & 4):
        if _lacks(walk, 8):
            return _cut(walk, 8, _MALFORMED_IP)
        row.ip_id = cython.cast(cython.ushort, _u32(walk, at + 4) & 0xFFFF)
        if _u16(walk, at + 2) & 0xFFF8:
            return _FRAGMENT
        if _u16(walk, at + 2) & 1:
            row.ip_flags |= 2
            walk.fragment = True
        walk.protocol = _u8(walk, at)
        walk.at = at + 8
        return _PROTOCOL
    return _OTHER_PROTOCOL


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _gre(walk: cython.pointer(Walk)) -> cython.int:
    """RFC 2784, 2890, version 1 (RFC 2637), transparent Ethernet bridging, NVGRE, ERSPAN II and III."""
    at: cython.Py_ssize_t = walk.at
    flags: cython.uint = _u16(walk, at)
    kind: cython.uint = _u16(walk, at + 2)
    if _lacks(walk, 4):
        return _cut(walk, 4, _OTHER_PROTOCOL)
    if flags & 7 > 1 or flags & 0x4000:  # unknown version, or the routing of RFC 1701
        return _OTHER_PROTOCOL
    at += 4
    if flags & 0x8000:
        at += 4  # checksum
    if flags & 0x2000:
        at += 4  # key
    if flags & 0x1000:
        at += 4  # sequence
    if flags & 7 == 1:
        if flags & 0x80:
            at += 4  # acknowledgment
        if kind == 0x6400:  # MikroTik EoIP: the key field is a length and a tunnel number
            walk.at = at
            return _ETHERNET
        walk.at = at
        return _PPP if kind == 0x880B else _OTHER_PROTOCOL
    if kind == 0x88BE:  # ERSPAN: type I has no header of its own, and no GRE sequence number
        walk.at = at + 8 if flags & 0x1000 else at
        return _ETHERNET
    if kind == 0x22EB:  # ERSPAN III: 12 bytes, 8 more when the O bit says so
        walk.at = at
        walk.at = at + (20 if _u32(walk, at + 8) & 1 else 12)
        return _ETHERNET
    if kind == 0x883E:  # WCCP: a redirect header when no IP header follows
        walk.at = at if _u8(walk, at) >> 4 == 4 else at + 4
        return _IPV4
    walk.at = at
    walk.protocol = kind
    return _ETHERTYPE if kind >= 0x0600 and kind != 0x0806 else _OTHER_PROTOCOL


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _udp(walk: cython.pointer(Walk)) -> cython.int:
    """Tunnels over UDP, by their registered ports; anything else is plain UDP."""
    at: cython.Py_ssize_t = walk.at + 8
    sport: cython.uint = _u16(walk, walk.at)
    dport: cython.uint = _u16(walk, walk.at + 2)
    length: cython.Py_ssize_t = _u16(walk, walk.at + 4)
    if walk.fragment or _lacks(walk, 16):
        return _UDP
    if length >= 8 and walk.at + length < walk.wire_end:
        walk.wire_end = walk.at + length
        if walk.end > walk.wire_end:
            walk.end = walk.wire_end
    if dport == 4789 or dport == 8472 or sport == 4789 or sport == 8472:  # VXLAN: the I flag
        if _u8(walk, at) & 0x08 == 0:
            return _UDP
        walk.at = at + 8
        return _ETHERNET
    if dport == 6081 or sport == 6081:  # GENEVE version 0, options in 4-byte words
        if _u8(walk, at) >> 6 != 0:
            return _UDP
        walk.protocol = _u16(walk, at + 2)
        walk.at = at + 8 + (_u8(walk, at) & 0x3F) * 4
        return _ETHERTYPE if walk.protocol >= 0x0600 and walk.protocol != 0x0806 else _UDP
    if dport == 2152 or sport == 2152:
        return _gtp(walk, at)
    if dport == 4790:  # VXLAN-GPE: I and P flags, next protocol
        if _u8(walk, at) & 0x0C != 0x0C:
            return _UDP
        walk.at = at + 8
        if _u8(walk, at + 3) == 3:
            return _ETHERNET
        return _IP_ANY if _u8(walk, at + 3) in (1, 2) else _UDP
    if dport == 6635:  # MPLS in UDP (RFC 7510)
        walk.at = at
        return _MPLS
    if dport == 5072 or sport == 5072:
        return _ayiya(walk, at)
    if dport == 3544 or sport == 3544:
        return _teredo(walk, at)
    if dport == 1701 or sport == 1701:
        return _l2tp(walk, at)
    return _UDP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _gtp(walk: cython.pointer(Walk), at: cython.Py_ssize_t) -> cython.int:
    """GTP-U version 1 G-PDU, extension headers walked (3GPP TS 29.281 section 5)."""
    flags: cython.uint = _u8(walk, at)
    following: cython.uint
    size: cython.Py_ssize_t
    if flags >> 5 != 1 or flags & 0x10 == 0 or _u8(walk, at + 1) != 0xFF:
        return _UDP
    following = _u8(walk, at + 11) if flags & 4 else 0
    at += 12 if flags & 7 else 8
    while following != 0:
        size = _u8(walk, at) * 4
        if size == 0 or at + size > walk.end:
            return _UDP
        following = _u8(walk, at + size - 1)
        at += size
    if _u8(walk, at) >> 4 != 4 and _u8(walk, at) >> 4 != 6:
        return _UDP
    walk.at = at
    return _IP_ANY


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ayiya(walk: cython.pointer(Walk), at: cython.Py_ssize_t) -> cython.int:
    """Anything-in-anything (draft-massar-v6ops-ayiya section 4): IPv6 behind identity and signature."""
    if _u8(walk, at + 2) & 15 != 1 or _u8(walk, at + 3) != 41:  # operation `forward`, next header IPv6
        return _UDP
    walk.at = at + 8 + (1 << (_u8(walk, at) >> 4)) + (_u8(walk, at + 1) >> 4) * 4
    return _IPV6


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _teredo(walk: cython.pointer(Walk), at: cython.Py_ssize_t) -> cython.int:
    """RFC 4380 section 5.1.1: optional authentication and origin before the IPv6 header."""
    if _u16(walk, at) == 1:
        at += 13 + _u8(walk, at + 2) + _u8(walk, at + 3)
    if _u16(walk, at) == 0:
        at += 8
    if at >= walk.end or _u8(walk, at) >> 4 != 6:
        return _UDP
    walk.at = at
    return _IPV6


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _l2tp(walk: cython.pointer(Walk), at: cython.Py_ssize_t) -> cython.int:
    """L2TPv2 data messages (RFC 2661 section 3.1), which carry PPP."""
    flags: cython.uint = _u16(walk, at)
    if flags & 0x8000 or flags & 15 != 2:
        return _UDP
    at += 6
    if flags & 0x4000:
        at += 2  # length
    if flags & 0x0800:
        at += 4  # sequence numbers
    if flags & 0x0200:
        at += 2 + _u16(walk, at)  # offset
    walk.at = at
    return _PPP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _link(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow), kind: cython.uint) -> cython.int:
    """The outermost header, by the capture's link type."""
    at: cython.Py_ssize_t = walk.at
    if kind == 113 or kind == 276:
        return _cooked(walk, row, kind)
    if kind == 101 or kind == 12 or kind == 14 or kind == 228 or kind == 229:
        return _IP_ANY
    if kind == 0 or kind == 108 or kind == 109 or kind == 117:
        return _family(walk, row, kind)
    if kind == 9 or kind == 50:
        return _PPP
    if kind == 166:  # PPP with a direction byte
        row.direction = 2 if _u8(walk, at) else 1
        walk.at += 1
        return _PPP
    if kind == 51:
        walk.protocol = 0x8864
        return _ETHERTYPE
    if kind == 104:  # Cisco HDLC: address, control, ethertype; 0x0f/0x8f start it, else it is PPP
        if _u8(walk, at) & 0x7F != 0x0F:
            return _PPP
        walk.protocol = _u16(walk, at + 2)
        walk.at += 4
        return _ETHERTYPE if walk.protocol >= 0x0600 else _NOT_IP
    if kind == 10:  # FDDI: frame control, addresses, LLC
        row.dst_mac = _mac(walk, at + 1)
        row.src_mac = _mac(walk, at + 7)
        walk.at += 13
        return _LLC if _u8(walk, at) & 0xF0 == 0x50 else _NOT_IP
    if kind == 100:
        return _LLC
    if kind == 138:  # IP over IEEE 1394: two 8-byte addresses, ethertype
        walk.protocol = _u16(walk, at + 16)
        walk.at += 18
        return _ETHERTYPE if walk.protocol >= 0x0600 else _NOT_IP
    if kind == 242:  # IP over InfiniBand: a global routing header, then ethertype and 2 reserved bytes
        walk.protocol = _u16(walk, at + 40)
        walk.at += 44
        return _ETHERTYPE if walk.protocol >= 0x0600 else _NOT_IP
    if kind == 240:  # netANALYZER: 4 bytes, then Ethernet
        walk.at += 4
        return _ETHERNET
    if kind == 178:  # Juniper: magic, flags (1 in, 2 no link header, 0x80 extensions with their length)
        if _u32(walk, at) >> 8 != 0x4D4743:
            return _MALFORMED_LINK
        row.direction = 1 if _u8(walk, at + 3) & 1 else 2
        walk.at += 4 if _u8(walk, at + 3) & 0x80 == 0 else 6 + _u16(walk, at + 4)
        return _NOT_IP if _u8(walk, at + 3) & 2 else _ETHERNET
    if kind == 239:
        return _nflog(walk)
    if kind == 105 or kind == 127:
        return _wifi(walk, row, kind)
    if kind == 197:
        return _erf(walk)
    return _UNKNOWN_LINK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _cooked(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow), kind: cython.uint) -> cython.int:
    """Linux cooked capture, version 1 (16 bytes) and 2 (20 bytes); packet type 4 was sent by this host."""
    at: cython.Py_ssize_t = walk.at
    packet_type: cython.uint
    size: cython.Py_ssize_t = 16 if kind == 113 else 20
    if _lacks(walk, size):
        return _cut(walk, size, _MALFORMED_LINK)
    if kind == 113:
        packet_type = _u16(walk, at)
        walk.protocol = _u16(walk, at + 14)
        if _u16(walk, at + 4) == 6:
            row.src_mac = _mac(walk, at + 6)
    else:
        packet_type = _u8(walk, at + 10)
        walk.protocol = _u16(walk, at)
        if _u8(walk, at + 11) == 6:
            row.src_mac = _mac(walk, at + 12)
    if packet_type == 4:
        row.direction = 2
    elif packet_type < 3:
        row.direction = 1
    walk.at += size
    if walk.protocol >= 0x0600:
        return _ETHERTYPE
    return _LLC if walk.protocol == 4 else _NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _family(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow), kind: cython.uint) -> cython.int:
    """Links that begin with an address family: BSD loopback, OpenBSD ENC and PF log, in either byte order."""
    at: cython.Py_ssize_t = walk.at
    family: cython.uint
    if kind == 117:  # header length, family, action, reason, ..., direction
        family = _u8(walk, at + 1)
        if _u8(walk, at + 60) == 1 or _u8(walk, at + 60) == 2:
            row.direction = cython.cast(cython.uchar, _u8(walk, at + 60))
        walk.at += (_u8(walk, at) + 3) & ~3
    else:
        family = _u32(walk, at)
        if family > 0xFFFF:
            family = family >> 24
        walk.at += 12 if kind == 109 else 4
    if walk.at > walk.end:
        return _cut(walk, 0, _MALFORMED_LINK)
    if family == 2:
        return _IPV4
    if family == 10 or family == 23 or family == 24 or family == 28 or family == 30:
        return _IPV6  # AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
    return _NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _erf(walk: cython.pointer(Walk)) -> cython.int:
    """An Endace record: 16 bytes, extension headers of 8 while the top bit of the last type says so."""
    kind: cython.uint = _u8(walk, walk.at + 8)
    more: cython.uint = kind & 0x80
    kind = kind & 0x7F
    walk.at += 16
    while more:
        if _lacks(walk, 8):
            return _cut(walk, 8, _MALFORMED_LINK)
        more = _u8(walk, walk.at) & 0x80
        walk.at += 8
    if kind == 2 or kind == 11 or kind == 16 or kind == 20:
        walk.at += 2  # offset and a reserved byte before Ethernet
        return _ETHERNET
    if kind == 22:
        return _IPV4
    return _IPV6 if kind == 23 else _UNKNOWN_LINK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _nflog(walk: cython.pointer(Walk)) -> cython.int:
    """Linux netfilter log: 4 bytes, then attributes in the writer's byte order; number 9 is the packet."""
    at: cython.Py_ssize_t = walk.at + 4
    size: cython.uint
    kind: cython.uint
    while walk.end - at >= 4:
        size = walk.base[at] | (cython.cast(cython.uint, walk.base[at + 1]) << 8)
        kind = walk.base[at + 2] | (cython.cast(cython.uint, walk.base[at + 3]) << 8)
        if size < 4 or size > walk.wire_end - at:
            size = _u16(walk, at)
            kind = _u16(walk, at + 2)
        if size < 4:
            return _MALFORMED_LINK
        if kind & 0x7FFF == 9:
            walk.at = at + 4
            return _IP_ANY
        at += (size + 3) & ~3
    return _NOT_IP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _wifi(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow), kind: cython.uint) -> cython.int:
    """IEEE 802.11 data frames in the clear, with or without a radiotap header in front."""
    at: cython.Py_ssize_t = walk.at
    control: cython.uint
    if kind == 127:
        at += walk.base[at + 2] | (walk.base[at + 3] << 8) if not _lacks(walk, 4) else 0
    control = _u16(walk, at)
    # type data; not null (subtype bit 2), not protected, not a fragment's follower
    if control & 0x0C00 != 0x0800 or control & 0x4000 or control & 0x0040:
        return _NOT_IP
    row.dst_mac = _mac(walk, at + 16 if control & 1 else at + 4)
    row.src_mac = _mac(walk, at + 16 if control & 3 == 2 else at + 10)
    walk.at = at + 24
    if control & 3 == 3:
        walk.at += 6
    if control & 0x8000:
        walk.at += 2  # QoS control
    return _LLC


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _layers(walk: cython.pointer(Walk), row: cython.pointer(SegmentRow), step: cython.int) -> cython.int:
    """Walk from layer to layer; a skip reason, or _FOUND."""
    while step > 31 and step != _FOUND:
        walk.steps += 1
        if walk.steps > _MAX_STEPS or walk.depth > _MAX_DEPTH:
            return _TOO_MANY
        if walk.at >= walk.end:
            return _cut(walk, 1, _MALFORMED_IP if walk.depth else _MALFORMED_LINK)
        if step == _IPV4:
            step = _ipv4(walk, row)
        elif step == _IPV6:
            step = _ipv6(walk, row)
        elif step == _PROTOCOL:
            step = _protocol(walk, row)
        elif step == _ETHERTYPE:
            step = _ethertype(walk, row)
        elif step == _ETHERNET:
            step = _ethernet(walk, row)
        elif step == _IP_ANY:
            step = _u8(walk, walk.at) >> 4
            step = _IPV4 if step == 4 else (_IPV6 if step == 6 else _NOT_IP)
        elif step == _PPP:
            step = _ppp(walk)
        elif step == _MPLS:
            step = _mpls(walk)
        else:
            step = _llc(walk)
    return step


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _locate(
    base: cython.p_uchar,
    size: cython.Py_ssize_t,
    frames: FrameRow[::1],
    chosen: cython.uchar[::1],
    first_frame: cython.ulonglong,
    rows: SegmentRow[::1],
    skipped: cython.longlong[::1],
) -> cython.Py_ssize_t:
    count: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    step: cython.int
    walk = cython.declare(Walk)
    frame: cython.pointer(FrameRow)
    row: cython.pointer(SegmentRow)
    every: cython.bint = chosen.shape[0] == 0
    k: cython.int
    words: cython.pointer(cython.ulonglong)
    for i in range(frames.shape[0]):
        if not every and chosen[i] == 0:
            skipped[_FILTERED] += 1
            continue
        frame = cython.address(frames[i])
        row = cython.address(rows[count])
        words = cython.cast(cython.pointer(cython.ulonglong), row)
        for k in range(_ROW_WORDS):
            words[k] = 0  # as plain stores: a call to memset takes longer than they do
        walk.base = base
        walk.at = frame.offset
        walk.end = walk.at + frame.captured_bytes
        if walk.end > size:
            skipped[_TRUNCATED] += 1
            continue
        walk.wire_end = walk.at + frame.wire_bytes
        if walk.wire_end < walk.end:
            walk.wire_end = walk.end
        walk.depth = 0
        walk.steps = 0
        walk.fragment = False
        row.direction = frame.direction
        if frame.link_type == 1:
            step = _ethernet(cython.address(walk), row)
        else:
            step = _link(cython.address(walk), row, frame.link_type)
        step = _layers(cython.address(walk), row, step)
        if step != _FOUND:
            skipped[step] += 1
            continue
        row.time_ns = frame.time_ns
        row.frame = first_frame + i
        row.interface = frame.interface
        row.payload_offset = cython.cast(cython.uint, walk.at)
        if walk.end > walk.at:
            row.payload_captured_bytes = cython.cast(cython.uint, walk.end - walk.at)
        if walk.wire_end > walk.at:
            row.payload_bytes = cython.cast(cython.uint, walk.wire_end - walk.at)
        count += 1
    return count


def locate(
    data: cython.const[cython.uchar][::1],
    frames: FrameRow[::1],
    chosen: cython.uchar[::1],
    first_frame: cython.ulonglong,
    rows: SegmentRow[::1],
    skipped: cython.longlong[::1],
) -> int:
    """Write a row per frame of `frames` worth parsing further; returns how many.

    `chosen`: one byte per frame, 0 leaves the frame out (reason `filtered`); empty means all. `first_frame`:
    number of the first frame. `rows` holds at least as many rows as `frames`; `skipped` one counter per
    SKIP_REASONS, added to. ARP rows are both written and left for `_transport.parse` to count.
    """
    if rows.shape[0] < frames.shape[0] or skipped.shape[0] < 16:
        raise ValueError("too few rows or counters")
    if chosen.shape[0] not in (0, frames.shape[0]):
        raise ValueError("one choice per frame, or none")
    if frames.shape[0] == 0 or data.shape[0] == 0:
        return 0
    count: cython.Py_ssize_t
    base: cython.p_uchar = cython.cast(cython.p_uchar, cython.address(data[0]))
    with cython.nogil:
        count = _locate(base, data.shape[0], frames, chosen, first_frame, rows, skipped)
    return count
