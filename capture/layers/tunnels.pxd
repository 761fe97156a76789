"""Packets inside packets: GRE and what runs over UDP (RFC 2784, 7348, 8926; 3GPP TS 29.281)."""

from capture.layers.walk cimport (
    ETHERNET,
    ETHERTYPE,
    IPV4,
    IPV6,
    IP_ANY,
    MPLS,
    OTHER_IP_PROTOCOL,
    PPP,
    UDP,
    Walk,
    cut,
    lacks,
    u16,
    u32,
    u8,
)


cdef inline int gtp(Walk *walk, Py_ssize_t at) noexcept nogil:
    """GTP-U version 1 G-PDU, extension headers walked (3GPP TS 29.281 section 5)."""
    cdef unsigned int flags = u8(walk, at)
    cdef unsigned int following
    cdef Py_ssize_t size
    if flags >> 5 != 1 or flags & 0x10 == 0 or u8(walk, at + 1) != 0xFF:
        return UDP
    following = u8(walk, at + 11) if flags & 4 else 0
    at += 12 if flags & 7 else 8
    while following != 0:
        size = u8(walk, at) * 4
        if size == 0 or at + size > walk.end:
            return UDP
        following = u8(walk, at + size - 1)
        at += size
    if u8(walk, at) >> 4 != 4 and u8(walk, at) >> 4 != 6:
        return UDP
    walk.at = at
    return IP_ANY


cdef inline int ayiya(Walk *walk, Py_ssize_t at) noexcept nogil:
    """Anything-in-anything (draft-massar-v6ops-ayiya section 4): IPv6 behind identity and signature."""
    if u8(walk, at + 2) & 15 != 1 or u8(walk, at + 3) != 41:  # operation `forward`, next header IPv6
        return UDP
    walk.at = at + 8 + (1 << (u8(walk, at) >> 4)) + (u8(walk, at + 1) >> 4) * 4
    return IPV6


cdef inline int teredo(Walk *walk, Py_ssize_t at) noexcept nogil:
    """RFC 4380 section 5.1.1: optional authentication and origin before the IPv6 header."""
    if u16(walk, at) == 1:
        at += 13 + u8(walk, at + 2) + u8(walk, at + 3)
    if u16(walk, at) == 0:
        at += 8
    if at >= walk.end or u8(walk, at) >> 4 != 6:
        return UDP
    walk.at = at
    return IPV6


cdef inline int l2tp(Walk *walk, Py_ssize_t at) noexcept nogil:
    """L2TPv2 data messages (RFC 2661 section 3.1), which carry PPP."""
    cdef unsigned int flags = u16(walk, at)
    if flags & 0x8000 or flags & 15 != 2:
        return UDP
    at += 6
    if flags & 0x4000:
        at += 2  # length
    if flags & 0x0800:
        at += 4  # sequence numbers
    if flags & 0x0200:
        at += 2 + u16(walk, at)  # offset
    walk.at = at
    return PPP


cdef inline int udp(Walk *walk) noexcept nogil:
    """Tunnels over UDP, by their registered ports; anything else is plain UDP."""
    cdef Py_ssize_t at = walk.at + 8
    cdef unsigned int sport = u16(walk, walk.at)
    cdef unsigned int dport = u16(walk, walk.at + 2)
    cdef Py_ssize_t length = u16(walk, walk.at + 4)
    if walk.fragment or lacks(walk, 16):
        return UDP
    if length >= 8 and walk.at + length < walk.wire_end:
        walk.wire_end = walk.at + length
        if walk.end > walk.wire_end:
            walk.end = walk.wire_end
    if dport == 4789 or dport == 8472 or sport == 4789 or sport == 8472:  # VXLAN: the I flag
        if u8(walk, at) & 0x08 == 0:
            return UDP
        walk.at = at + 8
        return ETHERNET
    if dport == 6081 or sport == 6081:  # GENEVE version 0, options in 4-byte words
        if u8(walk, at) >> 6 != 0:
            return UDP
        walk.protocol = u16(walk, at + 2)
        walk.at = at + 8 + (u8(walk, at) & 0x3F) * 4
        return ETHERTYPE if walk.protocol >= 0x0600 and walk.protocol != 0x0806 else UDP
    if dport == 2152 or sport == 2152:
        return gtp(walk, at)
    if dport == 4790:  # VXLAN-GPE: I and P flags, next protocol
        if u8(walk, at) & 0x0C != 0x0C:
            return UDP
        walk.at = at + 8
        if u8(walk, at + 3) == 3:
            return ETHERNET
        return IP_ANY if u8(walk, at + 3) in (1, 2) else UDP
    if dport == 6635:  # MPLS in UDP (RFC 7510)
        walk.at = at
        return MPLS
    if dport == 5072 or sport == 5072:
        return ayiya(walk, at)
    if dport == 3544 or sport == 3544:
        return teredo(walk, at)
    if dport == 1701 or sport == 1701:
        return l2tp(walk, at)
    return UDP


cdef inline int gre(Walk *walk) noexcept nogil:
    """RFC 2784, 2890, version 1 (RFC 2637), transparent Ethernet bridging, NVGRE, ERSPAN II and III."""
    cdef Py_ssize_t at = walk.at
    cdef unsigned int flags = u16(walk, at)
    cdef unsigned int kind = u16(walk, at + 2)
    if lacks(walk, 4):
        return cut(walk, 4, OTHER_IP_PROTOCOL)
    if flags & 7 > 1 or flags & 0x4000:  # unknown version, or the routing of RFC 1701
        return OTHER_IP_PROTOCOL
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
            return ETHERNET
        walk.at = at
        return PPP if kind == 0x880B else OTHER_IP_PROTOCOL
    if kind == 0x88BE:  # ERSPAN: type I has no header of its own, and no GRE sequence number
        walk.at = at + 8 if flags & 0x1000 else at
        return ETHERNET
    if kind == 0x22EB:  # ERSPAN III: 12 bytes, 8 more when the O bit says so
        walk.at = at
        walk.at = at + (20 if u32(walk, at + 8) & 1 else 12)
        return ETHERNET
    if kind == 0x883E:  # WCCP: a redirect header when no IP header follows
        walk.at = at if u8(walk, at) >> 4 == 4 else at + 4
        return IPV4
    walk.at = at
    walk.protocol = kind
    return ETHERTYPE if kind >= 0x0600 and kind != 0x0806 else OTHER_IP_PROTOCOL
