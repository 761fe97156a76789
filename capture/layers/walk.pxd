"""Where a walk through one frame stands, what a layer hands on, and loads that stay inside the layer."""

from capture.layers.loads cimport load8, load16, load32, load64


cdef struct Walk:
    const unsigned char *base
    Py_ssize_t at  # first byte of the next layer
    Py_ssize_t end  # one past the last captured byte that belongs to it
    Py_ssize_t wire_end  # where it would end had everything been captured
    unsigned int protocol  # the next layer's number in the space of the last (ethertype, IP protocol)
    int depth  # IP headers passed
    int steps  # layers passed
    bint fragment  # first fragment of an IP packet


cdef enum:  # capture.segment.SkipReason
    NONE = 0
    NOT_IP = 1
    ARP = 2
    ICMP = 3
    ICMP_ERROR = 4
    NEIGHBOUR_DISCOVERY = 5
    UDP = 6
    OTHER_IP_PROTOCOL = 7
    IP_FRAGMENT = 8
    TRUNCATED = 9
    MALFORMED_LINK = 10
    MALFORMED_IP = 11
    MALFORMED_TCP = 12
    TOO_MANY_LAYERS = 13
    UNKNOWN_LINK_TYPE = 14
    FILTERED = 15

cdef enum:  # capture.segment.IpFlag
    DF = 1
    MF = 2
    V6 = 4
    PADDED = 8
    SHORT = 16

cdef enum:  # the next layer; skip reasons are below 32
    ETHERNET = 32
    ETHERTYPE = 33
    LLC = 34
    PPP = 35
    MPLS = 36
    IPV4 = 37
    IPV6 = 38
    PROTOCOL = 39
    FOUND = 40
    IP_ANY = 41  # the version nibble decides

cdef enum:
    REASON_COUNT = 16  # skip reasons
    MAX_STEPS = 32
    MAX_DEPTH = 8


cdef inline unsigned int u8(Walk *walk, Py_ssize_t at) noexcept nogil:
    return load8(walk.base, at, walk.end)


cdef inline unsigned int u16(Walk *walk, Py_ssize_t at) noexcept nogil:
    return load16(walk.base, at, walk.end)


cdef inline unsigned int u32(Walk *walk, Py_ssize_t at) noexcept nogil:
    return load32(walk.base, at, walk.end)


cdef inline unsigned long long u64(Walk *walk, Py_ssize_t at) noexcept nogil:
    return load64(walk.base, at, walk.end)


cdef inline unsigned long long mac(Walk *walk, Py_ssize_t at) noexcept nogil:
    return (<unsigned long long>u16(walk, at) << 32) | u32(walk, at + 2)


cdef inline bint lacks(Walk *walk, Py_ssize_t size) noexcept nogil:
    return walk.end - walk.at < size


cdef inline int cut(Walk *walk, Py_ssize_t size, int otherwise) noexcept nogil:
    """Why `size` bytes are missing: the capture cut them, or (`otherwise`) they never were."""
    return TRUNCATED if walk.wire_end - walk.at >= size else otherwise
