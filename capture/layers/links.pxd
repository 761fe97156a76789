"""The outermost header, by the capture's link type (tcpdump.org/linktypes.html)."""

from capture.layers.walk cimport (
    ETHERNET,
    ETHERTYPE,
    IPV4,
    IPV6,
    IP_ANY,
    LLC,
    MALFORMED_LINK,
    NOT_IP,
    PPP,
    UNKNOWN_LINK_TYPE,
    Walk,
    cut,
    lacks,
    mac,
    u16,
    u32,
    u8,
)
from capture.segment_row cimport SegmentRow


cdef inline int cooked(Walk *walk, SegmentRow *row, unsigned int kind) noexcept nogil:
    """Linux cooked capture, version 1 (16 bytes) and 2 (20 bytes); packet type 4 was sent by this host."""
    cdef Py_ssize_t at = walk.at
    cdef unsigned int packet_type
    cdef Py_ssize_t size = 16 if kind == 113 else 20
    if lacks(walk, size):
        return cut(walk, size, MALFORMED_LINK)
    if kind == 113:
        packet_type = u16(walk, at)
        walk.protocol = u16(walk, at + 14)
        if u16(walk, at + 4) == 6:
            row.src_mac = mac(walk, at + 6)
    else:
        packet_type = u8(walk, at + 10)
        walk.protocol = u16(walk, at)
        if u8(walk, at + 11) == 6:
            row.src_mac = mac(walk, at + 12)
    if packet_type == 4:
        row.direction = 2
    elif packet_type < 3:
        row.direction = 1
    walk.at += size
    if walk.protocol >= 0x0600:
        return ETHERTYPE
    return LLC if walk.protocol == 4 else NOT_IP


cdef inline int family(Walk *walk, SegmentRow *row, unsigned int kind) noexcept nogil:
    """Links that begin with an address family: BSD loopback, OpenBSD ENC and PF log, in either byte order."""
    cdef Py_ssize_t at = walk.at
    cdef unsigned int family
    if kind == 117:  # header length, family, action, reason, ..., direction
        family = u8(walk, at + 1)
        if u8(walk, at + 60) == 1 or u8(walk, at + 60) == 2:
            row.direction = <unsigned char>u8(walk, at + 60)
        walk.at += (u8(walk, at) + 3) & ~3
    else:
        family = u32(walk, at)
        if family > 0xFFFF:
            family = family >> 24
        walk.at += 12 if kind == 109 else 4
    if walk.at > walk.end:
        return cut(walk, 0, MALFORMED_LINK)
    if family == 2:
        return IPV4
    if family == 10 or family == 23 or family == 24 or family == 28 or family == 30:
        return IPV6  # AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
    return NOT_IP


cdef inline int nflog(Walk *walk) noexcept nogil:
    """Linux netfilter log: 4 bytes, then attributes in the writer's byte order; number 9 is the packet."""
    cdef Py_ssize_t at = walk.at + 4
    cdef unsigned int size
    cdef unsigned int kind
    while walk.end - at >= 4:
        size = walk.base[at] | (<unsigned int>walk.base[at + 1] << 8)
        kind = walk.base[at + 2] | (<unsigned int>walk.base[at + 3] << 8)
        if size < 4 or size > walk.wire_end - at:
            size = u16(walk, at)
            kind = u16(walk, at + 2)
        if size < 4:
            return MALFORMED_LINK
        if kind & 0x7FFF == 9:
            walk.at = at + 4
            return IP_ANY
        at += (size + 3) & ~3
    return NOT_IP


cdef inline int wifi(Walk *walk, SegmentRow *row, unsigned int kind) noexcept nogil:
    """IEEE 802.11 data frames in the clear, with or without a radiotap header in front."""
    cdef Py_ssize_t at = walk.at
    cdef unsigned int control
    if kind == 127:
        at += walk.base[at + 2] | (walk.base[at + 3] << 8) if not lacks(walk, 4) else 0
    control = u16(walk, at)
    # type data; not null (subtype bit 2), not protected, not a fragment's follower
    if control & 0x0C00 != 0x0800 or control & 0x4000 or control & 0x0040:
        return NOT_IP
    row.dst_mac = mac(walk, at + 16 if control & 1 else at + 4)
    row.src_mac = mac(walk, at + 16 if control & 3 == 2 else at + 10)
    walk.at = at + 24
    if control & 3 == 3:
        walk.at += 6
    if control & 0x8000:
        walk.at += 2  # QoS control
    return LLC


cdef inline int erf(Walk *walk) noexcept nogil:
    """An Endace record: 16 bytes, extension headers of 8 while the top bit of the last type says so."""
    cdef unsigned int kind = u8(walk, walk.at + 8)
    cdef unsigned int more = kind & 0x80
    kind = kind & 0x7F
    walk.at += 16
    while more:
        if lacks(walk, 8):
            return cut(walk, 8, MALFORMED_LINK)
        more = u8(walk, walk.at) & 0x80
        walk.at += 8
    if kind == 2 or kind == 11 or kind == 16 or kind == 20:
        walk.at += 2  # offset and a reserved byte before Ethernet
        return ETHERNET
    if kind == 22:
        return IPV4
    return IPV6 if kind == 23 else UNKNOWN_LINK_TYPE


cdef inline int link(Walk *walk, SegmentRow *row, unsigned int kind) noexcept nogil:
    """The outermost header, by the capture's link type."""
    cdef Py_ssize_t at = walk.at
    if kind == 113 or kind == 276:
        return cooked(walk, row, kind)
    if kind == 101 or kind == 12 or kind == 14 or kind == 228 or kind == 229:
        return IP_ANY
    if kind == 0 or kind == 108 or kind == 109 or kind == 117:
        return family(walk, row, kind)
    if kind == 9 or kind == 50:
        return PPP
    if kind == 166:  # PPP with a direction byte
        row.direction = 2 if u8(walk, at) else 1
        walk.at += 1
        return PPP
    if kind == 51:
        walk.protocol = 0x8864
        return ETHERTYPE
    if kind == 104:  # Cisco HDLC: address, control, ethertype; 0x0f/0x8f start it, else it is PPP
        if u8(walk, at) & 0x7F != 0x0F:
            return PPP
        walk.protocol = u16(walk, at + 2)
        walk.at += 4
        return ETHERTYPE if walk.protocol >= 0x0600 else NOT_IP
    if kind == 10:  # FDDI: frame control, addresses, LLC
        row.dst_mac = mac(walk, at + 1)
        row.src_mac = mac(walk, at + 7)
        walk.at += 13
        return LLC if u8(walk, at) & 0xF0 == 0x50 else NOT_IP
    if kind == 100:
        return LLC
    if kind == 138:  # IP over IEEE 1394: two 8-byte addresses, ethertype
        walk.protocol = u16(walk, at + 16)
        walk.at += 18
        return ETHERTYPE if walk.protocol >= 0x0600 else NOT_IP
    if kind == 242:  # IP over InfiniBand: a global routing header, then ethertype and 2 reserved bytes
        walk.protocol = u16(walk, at + 40)
        walk.at += 44
        return ETHERTYPE if walk.protocol >= 0x0600 else NOT_IP
    if kind == 240:  # netANALYZER: 4 bytes, then Ethernet
        walk.at += 4
        return ETHERNET
    if kind == 178:  # Juniper: magic, flags (1 in, 2 no link header, 0x80 extensions with their length)
        if u32(walk, at) >> 8 != 0x4D4743:
            return MALFORMED_LINK
        row.direction = 1 if u8(walk, at + 3) & 1 else 2
        walk.at += 4 if u8(walk, at + 3) & 0x80 == 0 else 6 + u16(walk, at + 4)
        return NOT_IP if u8(walk, at + 3) & 2 else ETHERNET
    if kind == 239:
        return nflog(walk)
    if kind == 105 or kind == 127:
        return wifi(walk, row, kind)
    if kind == 197:
        return erf(walk)
    return UNKNOWN_LINK_TYPE
