"""One number per pair of ends, the same for both directions."""

from capture.segment_row cimport SegmentRow


cdef inline unsigned long long end_hash(
    unsigned long long high, unsigned long long low, unsigned long long port
) noexcept nogil:
    """One multiplication spreads every bit upwards, the shift brings the upper half down (Knuth, TAOCP 6.4)."""
    cdef unsigned long long golden = <unsigned long long>0x9E3779B97F4A7C15
    cdef unsigned long long value = (low ^ (port << 48) ^ (high * golden)) * golden
    return value ^ (value >> 32)


cdef inline unsigned long long flow_hash(SegmentRow *row) noexcept nogil:
    """Each end is hashed alone, the two are added."""
    cdef unsigned long long value = end_hash(row.src_hi, row.src_lo, row.sport) + end_hash(
        row.dst_hi, row.dst_lo, row.dport
    )
    value *= <unsigned long long>0xC4CEB9FE1A85EC53
    return value ^ (value >> 32)
