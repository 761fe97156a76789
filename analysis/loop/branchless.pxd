"""Choosing without a branch, for conditions that no processor can predict: which end sent a segment, whether it has
payload, whether its connection uses timestamps. With thousands of connections interleaved each such branch is wrong
every third time, and costs as much as twenty other steps.
"""

cdef extern from *:
    """
    #include <stdint.h>

    /* All bits set where the condition holds. The empty statement keeps the compiler from seeing that, and from making
       the branch that was to be avoided. */
    static inline uint64_t synsight_mask(int condition) {
        uint64_t mask = -(uint64_t)(condition != 0);
    #if defined(__GNUC__) || defined(__clang__)
        __asm__("" : "+r"(mask));
    #endif
        return mask;
    }

    static inline unsigned int synsight_is_set(uint64_t value) {
        unsigned int set = value != 0;
    #if defined(__GNUC__) || defined(__clang__)
        __asm__("" : "+r"(set));
    #endif
        return set;
    }
    """
    unsigned int is_set "synsight_is_set"(unsigned long long value) nogil
    unsigned long long mask_of "synsight_mask"(bint condition) nogil


cdef inline unsigned int choose(unsigned long long mask, unsigned int a, unsigned int b) noexcept nogil:
    """`a` where the mask is set, else `b`."""
    return b ^ ((a ^ b) & <unsigned int>mask)
