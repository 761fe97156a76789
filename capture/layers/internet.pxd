"""IPv4, IPv6 and its extension headers (RFC 791, 8200), down to the transport header."""

from capture.layers.tunnels cimport gre, udp
from capture.layers.walk cimport (
    ETHERNET,
    FOUND,
    IP_FRAGMENT,
    IPV4,
    IPV6,
    MALFORMED_IP,
    MPLS,
    OTHER_IP_PROTOCOL,
    PADDED,
    PROTOCOL,
    SHORT,
    V6,
    Walk,
    cut,
    lacks,
    u16,
    u32,
    u64,
    u8,
)
from capture.segment_row cimport SegmentRow


cdef inline bint source_routed(Walk *walk, Py_ssize_t at, Py_ssize_t stop) noexcept nogil:
    """Whether a loose or strict source route makes the header's destination a mere hop."""
    cdef unsigned int option
    while at < stop:
        option = u8(walk, at)
        if option == 131 or option == 137:
            return True
        if option == 0:
            return False
        if option == 1:
            at += 1
        else:
            if u8(walk, at + 1) < 2:
                return False
            at += u8(walk, at + 1)
    return False


cdef inline bint has_home_address(Walk *walk, Py_ssize_t at, Py_ssize_t stop) noexcept nogil:
    """Whether destination options hold a Home Address, which the checksum covers (RFC 6275 section 6.3)."""
    while at < stop and at < walk.end:
        if u8(walk, at) == 201:
            return True
        at += 1 if u8(walk, at) == 0 else 2 + u8(walk, at + 1)
    return False


cdef inline int ipv4(Walk *walk, SegmentRow *row) noexcept nogil:
    """RFC 791 section 3.1."""
    cdef Py_ssize_t at = walk.at
    if lacks(walk, 20):
        return cut(walk, 20, MALFORMED_IP)
    cdef unsigned int first = u8(walk, at)
    cdef Py_ssize_t header = (first & 15) * 4
    cdef Py_ssize_t total = u16(walk, at + 2)
    cdef unsigned int fragment = u16(walk, at + 6)
    if first >> 4 != 4 or header < 20:
        return MALFORMED_IP
    if total == 0:  # left to the card by segmentation offload: the frame's own length counts
        total = walk.wire_end - at
    if total < header:
        return MALFORMED_IP
    row.ip_flags = (row.ip_flags & PADDED) | ((fragment >> 14) & 1) | ((fragment >> 12) & 2)
    walk.wire_end = at + total
    if walk.end > walk.wire_end:
        walk.end = walk.wire_end
        row.ip_flags |= PADDED
    elif walk.end < walk.wire_end:
        row.ip_flags |= SHORT
    row.tunnel_depth = <unsigned char>walk.depth
    row.ttl = <unsigned char>u8(walk, at + 8)
    row.ip_id = <unsigned short>u16(walk, at + 4)
    row.src_hi = 0
    row.dst_hi = 0
    row.src_lo = (<unsigned long long>0xFFFF << 32) | u32(walk, at + 12)
    row.dst_lo = (<unsigned long long>0xFFFF << 32) | u32(walk, at + 16)
    row.checksum = 1
    if header > 20:
        row.checksum = not source_routed(walk, at + 20, at + header)
    if fragment & 0x1FFF:
        return IP_FRAGMENT
    walk.fragment = (fragment & 0x2000) != 0
    walk.protocol = u8(walk, at + 9)
    walk.at = at + header
    walk.depth += 1
    return FOUND if walk.protocol == 6 else PROTOCOL


cdef inline int ipv6(Walk *walk, SegmentRow *row) noexcept nogil:
    """RFC 8200 section 3."""
    cdef Py_ssize_t at = walk.at
    cdef Py_ssize_t length
    if lacks(walk, 40):
        return cut(walk, 40, MALFORMED_IP)
    if u8(walk, at) >> 4 != 6:
        return MALFORMED_IP
    length = u16(walk, at + 4)
    walk.protocol = u8(walk, at + 6)
    if length == 0:  # a jumbogram (RFC 2675) or left to the card by segmentation offload
        length = walk.wire_end - at - 40
        if walk.protocol == 0 and u16(walk, at + 42) == 0xC204 and u32(walk, at + 44) > 65535:
            length = u32(walk, at + 44)
    row.ip_flags = (row.ip_flags & PADDED) | V6
    walk.wire_end = at + 40 + length
    if walk.end > walk.wire_end:
        walk.end = walk.wire_end
        row.ip_flags |= PADDED
    elif walk.end < walk.wire_end:
        row.ip_flags |= SHORT
    row.tunnel_depth = <unsigned char>walk.depth
    row.ttl = <unsigned char>u8(walk, at + 7)
    row.ip_id = 0
    row.src_hi = u64(walk, at + 8)
    row.src_lo = u64(walk, at + 16)
    row.dst_hi = u64(walk, at + 24)
    row.dst_lo = u64(walk, at + 32)
    row.checksum = 1
    walk.fragment = False
    walk.at = at + 40
    walk.depth += 1
    return FOUND if walk.protocol == 6 else PROTOCOL


cdef inline int protocol(Walk *walk, SegmentRow *row) noexcept nogil:
    """One IP protocol or IPv6 extension header; `walk.protocol` is its number."""
    cdef unsigned int kind = walk.protocol
    cdef Py_ssize_t at = walk.at
    if kind == 6:
        return FOUND
    if kind == 17:
        return udp(walk)
    if kind == 1 or kind == 58:
        if (kind == 58) != ((row.ip_flags & V6) != 0):
            return OTHER_IP_PROTOCOL
        row.icmp_type = kind
        return FOUND
    if kind == 4:
        return IPV4
    if kind == 41:
        return IPV6
    if kind == 47:
        return gre(walk)
    if kind == 137:
        return MPLS
    if kind == 143:  # RFC 8986: Ethernet inside a segment-routed packet
        return ETHERNET
    if kind == 97:  # EtherIP (RFC 3378)
        walk.at += 2
        return ETHERNET
    if kind == 0 or kind == 43 or kind == 60 or kind == 135 or kind == 139 or kind == 140:
        if (row.ip_flags & V6) == 0:
            return OTHER_IP_PROTOCOL
        if lacks(walk, 8):
            return cut(walk, 8, MALFORMED_IP)
        if kind == 43 and u8(walk, at + 3) != 0:
            row.checksum = 0  # segments left: the checksum covers the final destination
        if kind == 60 and has_home_address(walk, at + 2, at + (u8(walk, at + 1) + 1) * 8):
            row.checksum = 0
        walk.protocol = u8(walk, at)
        walk.at = at + (u8(walk, at + 1) + 1) * 8
        return PROTOCOL
    if kind == 51:  # Authentication Header (RFC 4302 section 2): length in 4-byte words minus 2
        if lacks(walk, 12):
            return cut(walk, 12, MALFORMED_IP)
        walk.protocol = u8(walk, at)
        walk.at = at + (u8(walk, at + 1) + 2) * 4
        return PROTOCOL
    if kind == 44 and (row.ip_flags & V6):
        if lacks(walk, 8):
            return cut(walk, 8, MALFORMED_IP)
        row.ip_id = <unsigned short>(u32(walk, at + 4) & 0xFFFF)
        if u16(walk, at + 2) & 0xFFF8:
            return IP_FRAGMENT
        if u16(walk, at + 2) & 1:
            row.ip_flags |= 2
            walk.fragment = True
        walk.protocol = u8(walk, at)
        walk.at = at + 8
        return PROTOCOL
    return OTHER_IP_PROTOCOL
