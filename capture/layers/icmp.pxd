"""ICMP errors, which quote a segment, echo replies, advice of routers, and IPv6 neighbour discovery (RFC 792, 4443,
4861).
"""

from capture.layers.flow_hash cimport flow_hash
from capture.layers.loads cimport load8, load16, load32, load64
from capture.layers.walk cimport ICMP, ICMP_ERROR, NEIGHBOUR_DISCOVERY
from capture.segment_row cimport SegmentRow


cdef inline bint quoted(
    const unsigned char *base, Py_ssize_t at, Py_ssize_t end, SegmentRow *row, bint v6
) noexcept nogil:
    """Take addresses, ports and what else was quoted of a TCP segment; false when it is something else."""
    cdef unsigned int protocol
    cdef Py_ssize_t total
    cdef Py_ssize_t header
    cdef Py_ssize_t start = at
    cdef unsigned int flags = row.ip_flags & 0x1C
    if v6:
        if end - at < 40 or base[at] >> 4 != 6:
            return False
        total = 40 + load16(base, at + 4, end)
        protocol = base[at + 6]
        row.ttl = base[at + 7]
        row.src_hi = load64(base, at + 8, end)
        row.src_lo = load64(base, at + 16, end)
        row.dst_hi = load64(base, at + 24, end)
        row.dst_lo = load64(base, at + 32, end)
        at += 40
        while (protocol == 0 or protocol == 43 or protocol == 60 or protocol == 44) and end - at >= 8:
            if protocol == 44 and load16(base, at + 2, end) & 0xFFF8:
                return False
            header = 8 if protocol == 44 else (base[at + 1] + 1) * 8
            protocol = base[at]
            at += header
    else:
        if end - at < 20 or base[at] >> 4 != 4 or base[at] & 15 < 5:
            return False
        if load16(base, at + 6, end) & 0x1FFF:
            return False
        flags |= (load16(base, at + 6, end) >> 14) & 1
        flags |= (load16(base, at + 6, end) >> 12) & 2
        total = load16(base, at + 2, end)
        protocol = base[at + 9]
        row.ttl = base[at + 8]
        row.ip_id = <unsigned short>load16(base, at + 4, end)
        row.src_lo = (<unsigned long long>0xFFFF << 32) | load32(base, at + 12, end)
        row.dst_lo = (<unsigned long long>0xFFFF << 32) | load32(base, at + 16, end)
        at += (base[at] & 15) * 4
    if protocol != 6 or end - at < 4:
        return False
    row.ip_flags = <unsigned char>flags
    row.sport = <unsigned short>load16(base, at, end)
    row.dport = <unsigned short>load16(base, at + 2, end)
    row.seq = load32(base, at + 4, end)
    row.ack = load32(base, at + 8, end)
    row.window = <unsigned short>load16(base, at + 14, end)
    header = load16(base, at + 12, end)
    row.flags = <unsigned short>(header & 0xFFF)
    header = (header >> 12) * 4
    total -= at - start + header
    if header >= 20 and total > 0:
        row.payload_bytes = <unsigned int>total
    row.payload_offset = <unsigned int>end
    return True


cdef inline int neighbour(
    const unsigned char *base, Py_ssize_t at, Py_ssize_t end, SegmentRow *row
) noexcept nogil:
    """RFC 4861 sections 4.3 and 4.4: who asks for whom, or who says that it is there."""
    if end - at < 24:
        return NEIGHBOUR_DISCOVERY
    if row.icmp_type == 135:
        row.kind = 2
        row.dst_hi = load64(base, at + 8, end)
        row.dst_lo = load64(base, at + 16, end)
    else:
        row.kind = 3
        row.src_hi = load64(base, at + 8, end)
        row.src_lo = load64(base, at + 16, end)
    row.payload_offset = <unsigned int>end
    return NEIGHBOUR_DISCOVERY


cdef inline int advice(
    const unsigned char *base, Py_ssize_t at, Py_ssize_t end, SegmentRow *row, bint v6
) noexcept nogil:
    """A redirect (RFC 792, RFC 4861 section 4.5) or a source quench: who advises whom about which destination."""
    if end - at < (40 if v6 else 28) or (not v6 and base[at + 8] >> 4 != 4):
        return ICMP
    row.kind = 5
    row.via_hi = row.src_hi
    row.via_lo = row.src_lo
    row.via_ttl = row.ttl
    row.src_hi = row.dst_hi
    row.src_lo = row.dst_lo
    row.payload_offset = <unsigned int>end
    if v6:
        row.dst_hi = load64(base, at + 24, end)
        row.dst_lo = load64(base, at + 32, end)
        return ICMP
    row.dst_lo = (<unsigned long long>0xFFFF << 32) | load32(base, at + 24, end)
    if row.icmp_type == 5:
        row.seq = load32(base, at + 4, end)
    return ICMP


cdef inline int icmp(const unsigned char *base, SegmentRow *row) noexcept nogil:
    """Complete the row of an ICMP error, an echo reply or neighbour discovery; the reason the frame counts under.

    Rows to keep have `kind` set to something other than TCP.
    """
    cdef Py_ssize_t at = row.payload_offset
    cdef Py_ssize_t end = at + row.payload_captured_bytes
    cdef bint v6 = row.icmp_type == 58
    cdef unsigned int kind = load8(base, at, end)
    row.icmp_type = kind
    row.icmp_code = <unsigned char>load8(base, at + 1, end)
    row.checksum = 0
    row.wscale = 255
    row.payload_bytes = 0
    row.payload_captured_bytes = 0
    if end - at < 8:
        return ICMP
    if kind == (129 if v6 else 0):  # echo reply
        row.kind = 4
        row.payload_offset = <unsigned int>end
        return ICMP
    if v6 and (kind == 135 or kind == 136):
        return neighbour(base, at, end, row)
    if kind == (137 if v6 else 5) or (kind == 4 and not v6):
        return advice(base, at, end, row, v6)
    if v6:
        if kind < 1 or kind > 4:
            return ICMP
        if kind == 2:
            row.mtu = <unsigned short>(min(load32(base, at + 4, end), 65535))
    else:
        if kind != 3 and kind != 11 and kind != 12:
            return ICMP
        if kind == 3 and row.icmp_code == 4:
            row.mtu = <unsigned short>load16(base, at + 6, end)
    row.via_hi = row.src_hi
    row.via_lo = row.src_lo
    row.via_ttl = row.ttl
    if quoted(base, at + 8, end, row, v6):
        row.kind = 1
        row.flow_hash = flow_hash(row)
        return ICMP_ERROR
    return ICMP
