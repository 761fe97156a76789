"""Gaps: bytes that an end has sent, by its numbers, and that the capture has not. Two per end are kept."""

from analysis.loop.constants cimport GAPS_KEPT, MARK_GAP
from analysis.loop.rows cimport Flow, Half, Note, Segment
from analysis.loop.sequence_numbers cimport ahead
from analysis.loop.zeek_view cimport zeek_gap


cdef inline void open_hole(Half *h, unsigned int left, unsigned int right, long long now) noexcept nogil:
    """Remember a gap in what was captured; the oldest is forgotten when there are more than two."""
    if h.holes == GAPS_KEPT:
        drop_oldest(h)
    if h.holes == 0:
        h.hole0_left = left
        h.hole0_right = right
    else:
        h.hole1_left = left
        h.hole1_right = right
    h.holes += 1
    h.hole_ns = now


cdef inline void drop_oldest(Half *h) noexcept nogil:
    """The second gap becomes the first."""
    h.hole0_left = h.hole1_left
    h.hole0_right = h.hole1_right
    h.holes -= 1


cdef inline void note_gap(Half *h, const Segment *s, Note *n) noexcept nogil:
    """`s` begins beyond everything its sender has sent."""
    n.marks |= MARK_GAP
    h.gap_count += 1
    open_hole(h, h.nxt, s.seq, s.time_ns)


cdef inline bint fill_hole(Half *h, unsigned int seq, unsigned int end) noexcept nogil:
    """Whether [seq, end) fills (part of) a gap; the gap shrinks by it."""
    if h.holes > 1 and ahead(seq, h.hole1_left) >= 0 and ahead(seq, h.hole1_right) < 0:
        h.hole1_left = end
        if ahead(h.hole1_left, h.hole1_right) >= 0:
            h.holes -= 1
        return True
    if h.holes > 0 and ahead(seq, h.hole0_left) >= 0 and ahead(seq, h.hole0_right) < 0:
        h.hole0_left = end
        if ahead(h.hole0_left, h.hole0_right) >= 0:
            drop_oldest(h)
        return True
    return False


cdef inline unsigned int close_holes(Flow *flow, Half *h, unsigned int ack, bint responder) noexcept nogil:
    """Gaps of `h` that `ack` covers: bytes that arrived but were never captured. Returns how many bytes."""
    cdef unsigned int unseen = 0
    while h.holes and ahead(ack, h.hole0_right) >= 0:
        unseen += h.hole0_right - h.hole0_left
        drop_oldest(h)
        zeek_gap(flow, h, responder)
    return unseen
