"""The Internet checksum (RFC 1071) and what a wrong one looks like.

Sums are kept modulo 65535 only as far as their width demands: 2^16 = 2^32 = 1 there, so words of any size may be added.
"""

from libc.string cimport memcpy

from capture.segment_row cimport SegmentRow

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    /* The sum of p[:size] in this machine's byte order, in a 64-bit number, which four GiB cannot overflow. Of some
       ten words mostly: the empty statement keeps the compiler from preparing for thousands. */
    static inline uint64_t synsight_narrow_sum(const unsigned char *p, size_t size) {
        uint64_t total = 0, wide;
        uint32_t word = 0;
        for (; size >= 8; size -= 8, p += 8) {
            memcpy(&wide, p, 8);
            total += (wide & 0xFFFFFFFF) + (wide >> 32);
    #if defined(__GNUC__) || defined(__clang__)
            __asm__("" : "+r"(total));
    #endif
        }
        if (size >= 4) {
            memcpy(&word, p, 4);
            total += word;
            size -= 4, p += 4;
        }
        if (size) {
            word = 0;
            memcpy(&word, p, size);
            total += word;
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

    /* A sum in this machine's byte order as one of big-endian words, below 2^32: swapping all bytes of a word swaps
       those of each half, and the halves, which are worth the same. */
    static inline uint64_t synsight_in_network_order(uint64_t total) {
        const uint16_t one = 1;
        unsigned char first;
        total = (total & 0xFFFFFFFF) + (total >> 32);
        total = (total & 0xFFFFFFFF) + (total >> 32);
        memcpy(&first, &one, 1);
        if (first)
            total = (total & 0xFF) << 24 | (total & 0xFF00) << 8 | (total >> 8 & 0xFF00) | total >> 24;
        return total;
    }
    """
    unsigned long long narrow_sum "synsight_narrow_sum"(const unsigned char *p, size_t size) nogil
    unsigned long long wide_sum "synsight_wide_sum"(const unsigned char *p, size_t size) nogil
    unsigned long long in_network_order "synsight_in_network_order"(unsigned long long total) nogil

cdef enum:
    WIDE_BYTES = 256
    PROTOCOL_TCP = 6


cdef inline unsigned long long sum_of(const unsigned char *p, size_t size) noexcept nogil:
    """The big-endian 16-bit words of p[:size] added up, modulo 65535 (RFC 1071), below 2^32.

    The caller has checked that these bytes are in the buffer.
    """
    cdef size_t wide = size & ~<size_t>3 if size >= WIDE_BYTES else 0
    cdef unsigned long long total = wide_sum(p, wide) if wide else 0
    return in_network_order(total + narrow_sum(p + wide, size - wide))


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
