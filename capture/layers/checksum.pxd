"""The Internet checksum (RFC 1071) and what a wrong one looks like.

Sums are kept modulo 65535 only as far as their width demands: 2^16 = 2^32 = 2^64 = 1 there, so words of any size may be
added.
"""

from libc.string cimport memcpy

from capture.segment_row cimport SegmentRow

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    /* The sum of p[:size] in this machine's byte order, modulo 65535: what 64 bits cannot hold comes in again below,
       because 2^64 = 1 there. Of some ten words mostly. */
    static inline uint64_t synsight_narrow_sum(const unsigned char *p, size_t size) {
        uint64_t total = 0, word;
        for (; size >= 8; size -= 8, p += 8) {
            memcpy(&word, p, 8);
            total += word;
            total += total < word;
        }
        if (size) {
            word = 0;
            memcpy(&word, p, size);
            total += word;
            total += total < word;
        }
        return total;
    }

    /* The same of a multiple of four bytes, many of them; compiled twice where the C library can choose at start-up by
       what the processor can do. */
    #if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
    __attribute__((target_clones("avx2", "default")))
    #endif
    static uint64_t synsight_wide_sum(const unsigned char *p, size_t size) {
        uint64_t total = 0;
        for (size_t i = 0; i < size / 4; i++) {
            uint32_t word;
            memcpy(&word, p + 4 * i, 4);
            total += word;
        }
        return total;
    }

    /* A sum in this machine's byte order as one of big-endian words, below 2^42: swapping the bytes of every word is
       multiplying by 256, because 256 times 256 = 1 modulo 65535. */
    static inline uint64_t synsight_in_network_order(uint64_t total) {
        const uint16_t one = 1;
        unsigned char first;
        total = (total & 0xFFFFFFFF) + (total >> 32);
        memcpy(&first, &one, 1);
        return first ? total << 8 : total;
    }
    """
    unsigned long long narrow_sum "synsight_narrow_sum"(const unsigned char *p, size_t size) nogil
    unsigned long long wide_sum "synsight_wide_sum"(const unsigned char *p, size_t size) nogil
    unsigned long long in_network_order "synsight_in_network_order"(unsigned long long total) nogil

cdef enum:
    WIDE_BYTES = 256
    PROTOCOL_TCP = 6


cdef inline unsigned long long sum_of(const unsigned char *p, size_t size) noexcept nogil:
    """The big-endian 16-bit words of p[:size] added up, modulo 65535 (RFC 1071), below 2^43.

    The caller has checked that these bytes are in the buffer.
    """
    cdef size_t wide = size & ~<size_t>3 if size >= WIDE_BYTES else 0
    cdef unsigned long long total = in_network_order(narrow_sum(p + wide, size - wide))
    return total + in_network_order(wide_sum(p, wide)) if wide else total


cdef inline unsigned long long halves(unsigned long long value) noexcept nogil:
    """The two 32-bit words of a number, added."""
    return <unsigned int>value + (value >> 32)


cdef inline unsigned long long pseudo_header(const SegmentRow *row) noexcept nogil:
    """Addresses and protocol, which the checksum covers besides the segment and its length (RFC 9293 section 3.1).

    The mapped prefix ::ffff of an IPv4 address adds 0xffff, which is zero in ones' complement.
    """
    return halves(row.src_hi) + halves(row.src_lo) + halves(row.dst_hi) + halves(row.dst_lo) + PROTOCOL_TCP


cdef inline unsigned char checksum(
    const unsigned char *segment, size_t size, unsigned long long pseudo
) noexcept nogil:
    """A Checksum of the TCP segment, all of its `size` bytes captured. `pseudo` is never 0, so no sum is."""
    cdef unsigned long long field
    if (pseudo + size + sum_of(segment, size)) % 0xFFFF == 0:
        return 1
    field = (<unsigned long long>segment[16] << 8) | segment[17]
    # Linux leaves the sum with the length in it; some cards want it without, when they cut the segment.
    if field == ones_complement(pseudo + size) or field == ones_complement(pseudo):
        return 3
    return 2


cdef inline unsigned long long ones_complement(unsigned long long total) noexcept nogil:
    """A sum that is not 0, in 16 bits."""
    return (total - 1) % 0xFFFF + 1
