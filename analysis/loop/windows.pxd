"""Advertised windows: how much more an end will take, and whether its peer has filled that."""

from analysis.loop.constants cimport (
    ACK,
    FIN_SYN_RST,
    KNOWN_ACK,
    KNOWN_WSCALE,
    LARGEST_WSCALE,
    MARK_WINDOW_FULL,
    MARK_ZERO_WINDOW,
    NO_WSCALE,
    SYN,
)
from analysis.loop.rows cimport Half, Note, Segment


cdef inline void handle_window(Half *h, Half *p, const Segment *s, Note *n) noexcept nogil:
    """The advertised window, its scale, and whether the sender has filled the peer's."""
    cdef unsigned int window = s.window
    cdef unsigned int shift = 0
    if s.flags & SYN:
        h.wscale = shift_plus_one(s.wscale)
    elif h.wscale and p.wscale:
        shift = h.wscale - 1
    window = window << shift
    h.window_raw = s.window
    h.window_bytes = window
    if window > h.window_max_bytes:
        h.window_max_bytes = window
    if s.window == 0 and s.flags & FIN_SYN_RST == 0:
        n.marks |= MARK_ZERO_WINDOW
        h.zero_window_count += 1
        if h.zero_since_ns == 0:
            h.zero_since_ns = s.time_ns
    elif s.window == 0 and s.flags & (SYN | ACK) == (SYN | ACK):
        h.zero_since_ns = s.time_ns  # closed from the start: a SYN proxy, until the server has answered it
    elif h.zero_since_ns and s.window:
        h.zero_total_ns += s.time_ns - h.zero_since_ns
        h.zero_since_ns = 0
        h.reopened_ns = s.time_ns
    if s.payload_bytes and p.window_bytes and fills_window(h, p, s):
        n.marks |= MARK_WINDOW_FULL
        h.window_full_count += 1


cdef inline unsigned char shift_plus_one(unsigned char wscale) noexcept nogil:
    """HALF.wscale of a window scale option; 0 when there was none."""
    if wscale == NO_WSCALE:
        return 0
    return (wscale if wscale < LARGEST_WSCALE else LARGEST_WSCALE) + 1


cdef inline bint fills_window(Half *h, Half *p, const Segment *s) noexcept nogil:
    """Whether `s` ends exactly where the window of `p` does; only when its scale is known."""
    return (
        p.known & KNOWN_ACK
        and ((p.wscale and h.wscale) or p.known & KNOWN_WSCALE)
        and s.seq + s.payload_bytes == p.ack_last + p.window_bytes
    )
