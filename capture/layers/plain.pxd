"""The frame that almost every frame is: Ethernet, IPv4 without options, TCP, whole headers.

What `links`, `shims`, `internet` and `tcp` do for it in many small checked steps is done here in one: one
comparison for all lengths, then loads at fixed places. A frame that is anything else is left to them, and
`tests/capture/test_plain.py` holds that both ways give the same row.
"""

from capture.frame_row cimport FrameRow
from capture.layers.checksum cimport checksum
from capture.layers.flow_hash cimport flow_hash
from capture.layers.loads cimport be16, be32, be64
from capture.layers.tcp cimport options, payload_class
from capture.layers.walk cimport PADDED, SHORT
from capture.segment_row cimport SegmentRow

cdef enum:
    LINK_ETHERNET = 1
    HEADERS_BYTES = 54  # Ethernet 14, IPv4 20, TCP 20
    IP_AT = 14
    TCP_AT = 34


cdef inline bint plain_tcp(
    const unsigned char *base,
    const FrameRow *frame,
    unsigned long long number,
    SegmentRow *row,
    bint verify,
) noexcept nogil:
    """Write the whole row of a plain frame, which lies inside the buffer; false for any other frame."""
    cdef const unsigned char *p = base + frame.offset
    cdef unsigned int captured = frame.captured_bytes
    cdef unsigned int total, header, fragment, ports
    cdef unsigned long long pair
    if frame.link_type != LINK_ETHERNET or captured < HEADERS_BYTES or frame.wire_bytes < captured:
        return False
    fragment = be16(p + 20)
    if be16(p + 12) != 0x0800 or p[14] != 0x45 or p[23] != 6 or fragment & 0x3FFF:
        return False
    total = be16(p + 16)
    header = (p[46] >> 4) * 4
    if header < 20 or total < 20 + header:
        return False
    row.ip_flags = (fragment >> 14) & 1
    if captured > IP_AT + total:
        captured = IP_AT + total
        row.ip_flags |= PADDED
    elif captured < IP_AT + total:
        row.ip_flags |= SHORT
    if captured < TCP_AT + header:
        return False
    row.time_ns = frame.time_ns
    row.frame = number
    pair = be64(p + 26)
    row.src_hi = 0
    row.src_lo = (<unsigned long long>0xFFFF << 32) | (pair >> 32)
    row.dst_hi = 0
    row.dst_lo = (<unsigned long long>0xFFFF << 32) | <unsigned int>pair
    row.via_hi = 0
    row.via_lo = 0
    row.dst_mac = be64(p) >> 16
    row.src_mac = be64(p + 6) >> 16
    pair = be64(p + 38)
    row.seq = <unsigned int>(pair >> 32)
    row.ack = <unsigned int>pair
    row.payload_bytes = total - 20 - header
    row.payload_offset = frame.offset + TCP_AT + header
    row.payload_captured_bytes = captured - TCP_AT - header
    row.tsval = 0
    row.tsecr = 0
    row.sack_left = 0
    row.sack_right = 0
    row.sack2_left = 0
    row.sack2_right = 0
    ports = be32(p + 34)
    row.sport = <unsigned short>(ports >> 16)
    row.dport = <unsigned short>ports
    row.flags = <unsigned short>be16(p + 46) & 0xFFF
    row.window = <unsigned short>be16(p + 48)
    row.mss = 0
    row.options = 0
    row.ip_id = <unsigned short>be16(p + 18)
    row.mtu = 0
    row.interface = frame.interface
    row.kind = 0
    row.ttl = p[22]
    row.via_ttl = 0
    row.wscale = 255
    row.sack_count = 0
    row.checksum = 0
    row.direction = frame.direction
    row.icmp_type = 0
    row.icmp_code = 0
    row.tunnel_depth = 0
    if header == 32 and be32(p + 54) == 0x0101080A:
        row.options = 0x010
        row.tsval = be32(p + 58)
        row.tsecr = be32(p + 62)
    elif header > 20:
        options(base, frame.offset + 54, frame.offset + TCP_AT + header, frame.offset + captured, row)
    if verify and not row.ip_flags & SHORT:
        row.checksum = checksum(base, frame.offset + TCP_AT, total - 20, row)
    if row.payload_captured_bytes:
        row.payload_class = payload_class(base, row)
    else:
        row.payload_class = 1 if row.payload_bytes else 0
    row.flow_hash = flow_hash(row)
    return True
