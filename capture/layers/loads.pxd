"""Big-endian loads that know where what they may read ends, and yield 0 beyond it."""


cdef inline unsigned int be16(const unsigned char *p) noexcept nogil:
    """Two bytes that the caller has checked."""
    return (<unsigned int>p[0] << 8) | p[1]


cdef inline unsigned int be32(const unsigned char *p) noexcept nogil:
    """Four bytes that the caller has checked."""
    return (<unsigned int>p[0] << 24) | (<unsigned int>p[1] << 16) | (<unsigned int>p[2] << 8) | p[3]


cdef inline unsigned long long be64(const unsigned char *p) noexcept nogil:
    """Eight bytes that the caller has checked."""
    return (
        (<unsigned long long>p[0] << 56)
        | (<unsigned long long>p[1] << 48)
        | (<unsigned long long>p[2] << 40)
        | (<unsigned long long>p[3] << 32)
        | (<unsigned long long>p[4] << 24)
        | (<unsigned long long>p[5] << 16)
        | (<unsigned long long>p[6] << 8)
        | p[7]
    )


cdef inline unsigned int load8(const unsigned char *base, Py_ssize_t at, Py_ssize_t end) noexcept nogil:
    if at + 1 > end:
        return 0
    return base[at]


cdef inline unsigned int load16(const unsigned char *base, Py_ssize_t at, Py_ssize_t end) noexcept nogil:
    if at + 2 > end:
        return 0
    return (<unsigned int>base[at] << 8) | base[at + 1]


cdef inline unsigned int load32(const unsigned char *base, Py_ssize_t at, Py_ssize_t end) noexcept nogil:
    if at + 4 > end:
        return 0
    return be32(base + at)


cdef inline unsigned long long load64(
    const unsigned char *base, Py_ssize_t at, Py_ssize_t end
) noexcept nogil:
    return (<unsigned long long>load32(base, at, end) << 32) | load32(base, at + 4, end)
