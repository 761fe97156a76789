"""Where a segment lies in its sender's sequence space: new, beyond a gap, repeated, or a probe."""

from analysis.loop.constants cimport (
    ACK,
    FIN_SYN_RST,
    KNOWN_SEQ,
    KNOWN_SYN,
    KNOWN_UNA,
    LARGEST_BARE_GAP,
    LARGEST_GAP,
    MARK_KEEPALIVE,
    MARK_PROBE,
    SYN,
)
from analysis.loop.gaps cimport note_gap
from analysis.loop.repeats cimport handle_repeat
from analysis.loop.rows cimport Half, Note, Segment
from analysis.loop.sequence_numbers cimport ahead, sequence_length


cdef inline void handle_sequence(Half *h, Half *p, const Segment *s, Note *n) noexcept nogil:
    """Where a segment that is no RST lies in its sender's sequence space."""
    cdef unsigned int length = sequence_length(s)
    cdef unsigned int end = s.seq + length
    cdef int step
    if h.known & KNOWN_SEQ == 0:
        begin_sequence(h, s, length, end)
        return
    if s.flags & SYN and h.known & KNOWN_SYN == 0:
        h.known |= KNOWN_SYN
        h.iss = s.seq
    step = ahead(s.seq, h.nxt)
    if length == 0:
        handle_bare(h, p, s, n, step)
    elif step == 0:
        append(h, s, end)
        if s.payload_bytes == 1 and p.window_bytes == 0 and p.zero_since_ns and s.flags & FIN_SYN_RST == 0:
            mark_probe(h, n)  # one that carries the next byte
    elif step > 0:
        skip(h, s, n, end, step)
    elif (
        step == -1
        and s.payload_bytes == 1
        and s.flags & FIN_SYN_RST == 0
        and h.known & KNOWN_UNA
        and ahead(h.una, h.nxt) >= 0
    ):
        mark_byte_before_edge(h, p, n)
    else:
        handle_repeat(h, p, s, n, end)
        if ahead(end, h.nxt) > 0:
            h.unique_bytes += end - h.nxt
            h.nxt = end
            h.advanced_ns = s.time_ns


cdef inline void begin_sequence(Half *h, const Segment *s, unsigned int length, unsigned int end) noexcept nogil:
    """The first segment of an end."""
    h.known |= KNOWN_SEQ
    h.iss = s.seq if s.flags & SYN else s.seq - 1
    h.nxt = end
    if s.flags & SYN:
        h.known |= KNOWN_SYN
    elif h.known & KNOWN_UNA and ahead(h.una, h.nxt) > 0:
        h.nxt = h.una
    h.unique_bytes += s.payload_bytes
    h.advanced_ns = s.time_ns
    if length:
        time_segment(h, s, end)


cdef inline void time_segment(Half *h, const Segment *s, unsigned int end) noexcept nogil:
    """Its acknowledgment will give a round-trip sample (RFC 6298 section 2)."""
    h.timed_ns = s.time_ns
    h.timed_seq = end
    h.timed_bytes = s.payload_bytes


cdef inline void handle_bare(Half *h, Half *p, const Segment *s, Note *n, int step) noexcept nogil:
    """A segment without payload, SYN or FIN that lies `step` beyond the highest byte sent."""
    if s.flags & ACK == 0:
        return
    if 0 < step < LARGEST_BARE_GAP:
        # Numbered beyond what was seen: the bytes before it had been sent.
        note_gap(h, s, n)
        h.nxt = s.seq
        h.unique_bytes += step
    elif step == -1 and h.known & KNOWN_UNA and ahead(h.una, h.nxt) >= 0:
        mark_byte_before_edge(h, p, n)


cdef inline void append(Half *h, const Segment *s, unsigned int end) noexcept nogil:
    """New bytes, right after those seen."""
    h.nxt = end
    h.unique_bytes += s.payload_bytes
    h.advanced_ns = s.time_ns
    h.edge_count = 0
    if h.timed_ns == 0:
        time_segment(h, s, end)


cdef inline void skip(Half *h, const Segment *s, Note *n, unsigned int end, int step) noexcept nogil:
    """New bytes, with `step` missing before them."""
    if h.known & KNOWN_UNA and ahead(h.una, s.seq) >= 0:
        pass  # The peer had acknowledged that far: the bytes were counted as unseen then.
    elif s.flags & SYN == 0 and step < LARGEST_GAP:
        note_gap(h, s, n)
    h.nxt = end
    h.unique_bytes += s.payload_bytes + step
    h.advanced_ns = s.time_ns
    h.edge_count = 0


cdef inline void mark_byte_before_edge(Half *h, Half *p, Note *n) noexcept nogil:
    """One byte before the edge, all acknowledged: a keepalive, or a zero-window probe if the window is shut.

    On Linux the two are the same bytes; only the peer's last window tells them apart. Whoever has probed a
    closed window has more to send, so it still probes until something new follows the window's opening.
    """
    if p.zero_since_ns:
        mark_probe(h, n)
    elif h.probe_count and p.reopened_ns > h.advanced_ns:
        mark_probe(h, n)
        h.late_probe_count += 1
    else:
        n.marks |= MARK_KEEPALIVE
        h.keepalive_count += 1
        h.keepalive_pending += 1


cdef inline void mark_probe(Half *h, Note *n) noexcept nogil:
    """A zero-window probe (RFC 9293 section 3.8.6.1)."""
    n.marks |= MARK_PROBE
    h.probe_count += 1
    h.probe_pending += 1
