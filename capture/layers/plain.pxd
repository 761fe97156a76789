"""The frame that almost every frame is: Ethernet, IP without options or extensions, TCP, whole headers.

What `links`, `shims`, `internet` and `tcp` do for it in many small checked steps is done here in one: one
comparison for all lengths, then loads at fixed places. A frame that is anything else is left to them, and
`tests/test_shortcuts.py` holds that both ways give the same row.
"""

from capture.frame_row cimport FrameRow
from capture.layers.checksum cimport checksum, pseudo_header
from capture.layers.flow_hash cimport flow_hash
from capture.layers.loads cimport be16, be32, be64
from capture.layers.tcp cimport begins_known, options, payload_class
from capture.layers.walk cimport PADDED, SHORT, V6
from capture.segment_row cimport SegmentRow

cdef enum:
    LINK_ETHERNET = 1
    IP_AT = 14
    V4_BYTES = 54  # Ethernet 14, IPv4 20, TCP 20
    V6_BYTES = 74  # Ethernet 14, IPv6 40, TCP 20
    STAMPS_BYTES = 32  # a TCP header whose only option is a timestamp, as it is nearly always laid out
    STAMPS = 0x0101080A


cdef inline bint plain_tcp(
    const unsigned char *base,
    const FrameRow *frame,
    unsigned long long number,
    SegmentRow *row,
    bint verify,
) noexcept nogil:
    """Write the whole row of a plain frame, which lies inside the buffer; false for any other frame."""
    cdef const unsigned char *p = base + frame.offset
    cdef const unsigned char *t  # the TCP header
    cdef unsigned int captured = frame.captured_bytes
    cdef unsigned int tcp_at, ip_end, header, kind, fragment, ports, there
    cdef unsigned long long pair
    if frame.link_type != LINK_ETHERNET or captured < V4_BYTES or frame.wire_bytes < captured:
        return False
    kind = be16(p + 12)
    if kind == 0x0800:
        fragment = be16(p + 20)
        if p[14] != 0x45 or p[23] != 6 or fragment & 0x3FFF:
            return False
        tcp_at = 34
        ip_end = IP_AT + be16(p + 16)
        pair = be64(p + 26)
        row.src_hi = 0
        row.src_lo = (<unsigned long long>0xFFFF << 32) | (pair >> 32)
        row.dst_hi = 0
        row.dst_lo = (<unsigned long long>0xFFFF << 32) | <unsigned int>pair
        row.ip_id = <unsigned short>be16(p + 18)
        row.ttl = p[22]
        row.ip_flags = (fragment >> 14) & 1
    elif kind == 0x86DD:
        if captured < V6_BYTES or p[14] >> 4 != 6 or p[20] != 6:
            return False
        tcp_at = 54
        ip_end = tcp_at + be16(p + 18)
        row.src_hi = be64(p + 22)
        row.src_lo = be64(p + 30)
        row.dst_hi = be64(p + 38)
        row.dst_lo = be64(p + 46)
        row.ip_id = 0
        row.ttl = p[21]
        row.ip_flags = V6
    else:
        return False
    t = p + tcp_at
    header = (t[12] >> 4) * 4
    if header < 20 or ip_end < tcp_at + header:
        return False
    # No branches: which of the two it is changes from frame to frame.
    row.ip_flags |= PADDED * (captured > ip_end) | SHORT * (captured < ip_end)
    captured = min(captured, ip_end)
    if captured < tcp_at + header:
        return False
    row.time_ns = frame.time_ns
    row.frame = number
    row.via_hi = 0
    row.via_lo = 0
    row.dst_mac = be64(p) >> 16
    row.src_mac = be64(p + 6) >> 16
    pair = be64(t + 4)
    row.seq = <unsigned int>(pair >> 32)
    row.ack = <unsigned int>pair
    row.payload_bytes = ip_end - tcp_at - header
    row.payload_offset = frame.offset + tcp_at + header
    row.payload_captured_bytes = captured - tcp_at - header
    row.tsval = 0
    row.tsecr = 0
    row.sack_left = 0
    row.sack_right = 0
    row.sack2_left = 0
    row.sack2_right = 0
    ports = be32(t)
    row.sport = <unsigned short>(ports >> 16)
    row.dport = <unsigned short>ports
    row.flags = <unsigned short>be16(t + 12) & 0xFFF
    row.window = <unsigned short>be16(t + 14)
    row.mss = 0
    row.options = 0
    row.mtu = 0
    row.interface = frame.interface
    row.kind = 0
    row.via_ttl = 0
    row.wscale = 255
    row.sack_count = 0
    row.checksum = 0
    row.direction = frame.direction
    row.icmp_type = 0
    row.icmp_code = 0
    row.tunnel_depth = 0
    if header == STAMPS_BYTES and be32(t + 20) == STAMPS:
        row.options = 0x010
        row.tsval = be32(t + 24)
        row.tsecr = be32(t + 28)
    elif header > 20:
        options(base, frame.offset + tcp_at + 20, frame.offset + tcp_at + header, frame.offset + captured, row)
    if verify and not row.ip_flags & SHORT:
        row.checksum = checksum(t, ip_end - tcp_at, pseudo_header(row))
    # Whether there is payload changes from frame to frame, too: the byte before it stands in for a first one.
    there = row.payload_captured_bytes != 0
    row.payload_class = row.payload_bytes != 0
    if there & (begins_known(t[header - 1 + there]) | (row.sport == 53) | (row.dport == 53)):
        row.payload_class = payload_class(base, row)
    row.flow_hash = flow_hash(row)
    return True
