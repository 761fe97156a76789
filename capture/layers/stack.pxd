"""From layer to layer."""

from capture.layers.internet cimport ipv4, ipv6, protocol
from capture.layers.shims cimport ethernet, ethertype, llc, mpls, ppp
from capture.layers.walk cimport (
    ETHERNET,
    ETHERTYPE,
    FOUND,
    IPV4,
    IPV6,
    IP_ANY,
    MALFORMED_IP,
    MALFORMED_LINK,
    MAX_DEPTH,
    MAX_STEPS,
    MPLS,
    NOT_IP,
    PPP,
    PROTOCOL,
    TOO_MANY_LAYERS,
    Walk,
    cut,
    u8,
)
from capture.segment_row cimport SegmentRow


cdef inline int layers(Walk *walk, SegmentRow *row, int step) noexcept nogil:
    """Walk from layer to layer; a skip reason, or FOUND."""
    while step > 31 and step != FOUND:
        walk.steps += 1
        if walk.steps > MAX_STEPS or walk.depth > MAX_DEPTH:
            return TOO_MANY_LAYERS
        if walk.at >= walk.end:
            return cut(walk, 1, MALFORMED_IP if walk.depth else MALFORMED_LINK)
        if step == IPV4:
            step = ipv4(walk, row)
        elif step == IPV6:
            step = ipv6(walk, row)
        elif step == PROTOCOL:
            step = protocol(walk, row)
        elif step == ETHERTYPE:
            step = ethertype(walk, row)
        elif step == ETHERNET:
            step = ethernet(walk, row)
        elif step == IP_ANY:
            step = u8(walk, walk.at) >> 4
            step = IPV4 if step == 4 else (IPV6 if step == 6 else NOT_IP)
        elif step == PPP:
            step = ppp(walk)
        elif step == MPLS:
            step = mpls(walk)
        else:
            step = llc(walk)
    return step
