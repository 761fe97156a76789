"""The Internet checksum (RFC 1071) and what a wrong one looks like."""

from libc.string cimport memcpy

from capture.segment_row cimport SegmentRow

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    /* The sum of 32-bit words in a 64-bit number, which 2^32 of them cannot overflow. */
    static inline uint64_t synsight_narrow_sum(const unsigned char *p, size_t words) {
        uint64_t total = 0;
        for (size_t i = 0; i < words; i++) {
            uint32_t word;
            memcpy(&word, p + 4 * i, 4);
            total += word;
        }
        return total;
    }

    /* Compiled twice where the C library can choose at start-up by what the processor can do. */
    #if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
    __attribute__((target_clones("avx2", "default")))
    #endif
    static uint64_t synsight_wide_sum(const unsigned char *p, size_t words) {
        return synsight_narrow_sum(p, words);
    }

    static inline int synsight_is_little_endian(void) {
        const uint16_t one = 1;
        unsigned char first;
        memcpy(&first, &one, 1);
        return first;
    }
    """
    unsigned long long narrow_sum "synsight_narrow_sum"(const unsigned char *p, size_t words) nogil
    unsigned long long wide_sum "synsight_wide_sum"(const unsigned char *p, size_t words) nogil
    bint is_little_endian "synsight_is_little_endian"() nogil

cdef enum:
    WIDE_BYTES = 256


cdef inline unsigned long long fold(unsigned long long total) noexcept nogil:
    """A ones'-complement sum of many words, folded to 16 bits."""
    cdef unsigned long long mask = 0xFFFFFFFF  # typed: a bare literal this large would be a Python object
    total = (total & mask) + (total >> 32)
    total = (total & 0xFFFF) + ((total >> 16) & 0xFFFF) + (total >> 32)
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)


cdef inline unsigned long long sum16(const unsigned char *p, size_t size) noexcept nogil:
    """Ones'-complement sum of p[:size] as big-endian 16-bit words, folded to 16 bits (RFC 1071).

    The caller has checked that these bytes are in the buffer. Words are added in this machine's byte order
    and swapped at the end: the sum does not depend on the order of its bytes.
    """
    cdef size_t words = size // 4
    cdef unsigned long long total = 0
    cdef unsigned int last = 0
    total = wide_sum(p, words) if size >= WIDE_BYTES else narrow_sum(p, words)
    if size & 3:
        memcpy(&last, p + 4 * words, size & 3)
        total += last
    total = fold(total)
    return ((total << 8) | (total >> 8)) & 0xFFFF if is_little_endian() else total


cdef inline unsigned char checksum(
    const unsigned char *base, Py_ssize_t at, Py_ssize_t size, SegmentRow *row
) noexcept nogil:
    """A Checksum of the TCP segment data[at:at+size], all of it captured.

    The mapped prefix ::ffff of an IPv4 address adds 0xffff, which is zero in ones' complement.
    """
    cdef unsigned long long mask = 0xFFFFFFFF
    cdef unsigned long long pseudo = (
        (row.src_hi & mask)
        + (row.src_hi >> 32)
        + (row.src_lo & mask)
        + (row.src_lo >> 32)
        + (row.dst_hi & mask)
        + (row.dst_hi >> 32)
        + (row.dst_lo & mask)
        + (row.dst_lo >> 32)
        + 6
    )
    cdef unsigned long long total = fold(pseudo + size + sum16(base + at, size))
    cdef unsigned long long field
    if total == 0xFFFF:
        return 1
    field = (<unsigned long long>base[at + 16] << 8) | base[at + 17]
    # Linux leaves the sum with the length in it; some cards want it without, when they cut the segment.
    if field == fold(pseudo + size) or field == fold(pseudo):
        return 3
    return 2
