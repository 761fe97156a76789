"""Between the link and IP: Ethernet and its tags, LLC, MPLS, PPP; ARP (IEEE 802.1Q, ah, 802.2; RFC 1042, 826)."""

from capture.layers.walk cimport (
    ARP,
    ETHERNET,
    ETHERTYPE,
    FOUND,
    IPV4,
    IPV6,
    IP_ANY,
    LLC,
    MALFORMED_LINK,
    MPLS,
    NOT_IP,
    PPP,
    TRUNCATED,
    Walk,
    cut,
    lacks,
    mac,
    u16,
    u32,
    u8,
)
from capture.segment_row cimport SegmentRow


cdef inline int arp(Walk *walk, SegmentRow *row) noexcept nogil:
    """A finished row for requests and replies about IPv4 over 6-byte hardware addresses (RFC 826)."""
    cdef Py_ssize_t at = walk.at
    cdef unsigned int operation = u16(walk, at + 6)
    if lacks(walk, 28):
        return ARP if walk.wire_end == walk.end else TRUNCATED
    if u16(walk, at + 2) != 0x0800 or u16(walk, at + 4) != 0x0604 or operation < 1 or operation > 2:
        return ARP
    row.kind = 2 if operation == 1 else 3
    row.src_mac = mac(walk, at + 8)
    row.dst_mac = mac(walk, at + 18) if operation == 2 else row.dst_mac
    row.src_hi = 0
    row.dst_hi = 0
    row.src_lo = (<unsigned long long>0xFFFF << 32) | u32(walk, at + 14)
    row.dst_lo = (<unsigned long long>0xFFFF << 32) | u32(walk, at + 24)
    row.icmp_type = 255
    return FOUND


cdef inline int ethernet(Walk *walk, SegmentRow *row) noexcept nogil:
    if lacks(walk, 14):
        return cut(walk, 14, MALFORMED_LINK)
    row.dst_mac = mac(walk, walk.at)
    row.src_mac = mac(walk, walk.at + 6)
    walk.protocol = u16(walk, walk.at + 12)
    walk.at += 14
    if walk.protocol == 0x0800:
        return IPV4
    if walk.protocol == 0x86DD:
        return IPV6
    return ETHERTYPE


cdef inline int ethertype(Walk *walk, SegmentRow *row) noexcept nogil:
    """Tags and shims between Ethernet and IP; `walk.protocol` is the ethertype."""
    cdef unsigned int kind = walk.protocol
    cdef Py_ssize_t size = 0
    if kind == 0x0800:
        return IPV4
    if kind == 0x86DD:
        return IPV6
    if kind < 0x0600:  # an IEEE 802.3 length
        return LLC
    if kind == 0x8100 or kind == 0x88A8 or kind == 0x9100 or kind == 0x9200:
        size = 4  # 802.1Q, 802.1ad and its forerunners
    elif kind == 0x8926:
        size = 6  # VN-Tag
    elif kind == 0x893F or kind == 0x8909:
        size = 8  # 802.1BR E-Tag; Cisco MetaData
    if size != 0:
        if lacks(walk, size):
            return cut(walk, size, MALFORMED_LINK)
        walk.protocol = u16(walk, walk.at + size - 2)
        walk.at += size
        return ETHERTYPE
    if kind == 0x8847 or kind == 0x8848:
        return MPLS
    if kind == 0x8864:  # PPPoE session: version and type, code, session, length (RFC 2516 section 4)
        if lacks(walk, 6):
            return cut(walk, 6, MALFORMED_LINK)
        walk.at += 6
        return PPP
    if kind == 0x88E7:  # 802.1ah: the I-TAG, then the customer's frame
        walk.at += 4
        return ETHERNET
    if kind == 0x6558:
        return ETHERNET
    if kind == 0x0806:
        return arp(walk, row)
    return NOT_IP


cdef inline int llc(Walk *walk) noexcept nogil:
    """IEEE 802.2, plain IP SAP or SNAP (RFC 1042)."""
    if lacks(walk, 3):
        return cut(walk, 3, MALFORMED_LINK)
    if u16(walk, walk.at) == 0x0606:
        walk.at += 3
        return IPV4
    if u16(walk, walk.at) != 0xAAAA:
        return NOT_IP
    if lacks(walk, 8):
        return cut(walk, 8, MALFORMED_LINK)
    cdef unsigned int organisation = u32(walk, walk.at + 2) & 0xFFFFFF
    if organisation != 0 and organisation != 0x0000F8:
        return NOT_IP
    walk.protocol = u16(walk, walk.at + 6)
    walk.at += 8
    return ETHERTYPE if walk.protocol >= 0x0600 else NOT_IP


cdef inline int mpls(Walk *walk) noexcept nogil:
    """Labels down to the bottom of the stack; only IP below them is recognised, never a pseudowire."""
    cdef unsigned int label
    while True:
        if lacks(walk, 5):
            return cut(walk, 5, MALFORMED_LINK)
        label = u32(walk, walk.at)
        walk.at += 4
        if label & 0x100:
            return IP_ANY


cdef inline int ppp(Walk *walk) noexcept nogil:
    """RFC 1661 section 2, with or without the HDLC address and control bytes and with compressed protocol."""
    if u16(walk, walk.at) == 0xFF03:
        walk.at += 2
    if lacks(walk, 2):
        return cut(walk, 2, MALFORMED_LINK)
    cdef unsigned int protocol = u8(walk, walk.at)
    if protocol & 1:
        walk.at += 1
    else:
        protocol = u16(walk, walk.at)
        walk.at += 2
    if protocol == 0x21:
        return IPV4
    if protocol == 0x57:
        return IPV6
    if protocol == 0x281 or protocol == 0x283:
        return MPLS
    return NOT_IP
