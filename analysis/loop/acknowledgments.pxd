"""What a segment's acknowledgment number and SACK blocks say about the bytes of the other end."""

from analysis.loop.constants cimport (
    COMPARABLE,
    FIN_SYN_RST,
    KNOWN_ACK,
    KNOWN_SEQ,
    KNOWN_SYN,
    KNOWN_UNA,
    LARGEST_BARE_GAP,
    LARGEST_GAP,
    LARGEST_UNSEEN,
    MARK_ACKS_UNSEEN,
    MARK_DSACK,
    MARK_DUP_ACK,
    MARK_KEEPALIVE,
    MARK_KEEPALIVE_ACK,
    MARK_PROBE,
    MARK_PROBE_ACK,
    MARK_STRAY_ACK,
    MARK_WINDOW_UPDATE,
    SYN_SENT,
)
from analysis.loop.gaps cimport close_holes
from analysis.loop.rows cimport Flow, Half, Note, Segment
from analysis.loop.sequence_numbers cimport ahead
from analysis.loop.zeek_view cimport zeek_gap


cdef inline bint handle_ack(Flow *flow, Half *h, Half *p, const Segment *s, Note *n, bint responder) noexcept nogil:
    """What the acknowledgment number says about the peer's bytes. True when it is stray."""
    cdef int advance
    if p.known & KNOWN_SEQ == 0:
        # Only this end was seen so far: the peer has sent everything up to here.
        p.una = s.ack
        p.known |= KNOWN_UNA
        h.ack_last = s.ack
        h.ack_max = s.ack
        h.known |= KNOWN_ACK
        return False
    advance = ahead(s.ack, p.nxt)
    if is_stray_ack(p, s, advance):
        h.stray_ack_count += 1
        n.marks |= MARK_STRAY_ACK
        return True
    if advance > 0 or p.holes:
        count_unseen(flow, p, s, n, advance, not responder)
    if p.known & KNOWN_UNA == 0 or ahead(s.ack, p.una) > 0:
        acknowledge(h, p, s)
    elif s.ack == h.ack_last and h.known & KNOWN_ACK and s.payload_bytes == 0 and s.flags & FIN_SYN_RST == 0:
        classify_bare_ack(h, p, s, n)
    h.ack_last = s.ack
    if h.known & KNOWN_ACK == 0 or ahead(s.ack, h.ack_max) > 0:
        h.ack_max = s.ack
    h.known |= KNOWN_ACK
    p.keepalive_pending = 0
    p.probe_pending = 0
    if s.sack_count:
        handle_sack(h, p, s, n)
    return False


cdef inline bint is_stray_ack(Half *p, const Segment *s, int advance) noexcept nogil:
    """Whether the number lies outside what `p` has sent: below its SYN, or beyond a SYN that stands alone."""
    if p.known & KNOWN_SYN and ahead(s.ack, p.iss) <= 0 and p.unique_bytes < COMPARABLE:
        return True
    return advance > 0 and p.proven == SYN_SENT and p.synack_count == 0


cdef inline void count_unseen(
    Flow *flow, Half *p, const Segment *s, Note *n, int advance, bint responder
) noexcept nogil:
    """Bytes of `p` that arrived but were never captured: in gaps, and `advance` beyond the highest seen."""
    cdef unsigned int unseen
    if advance >= LARGEST_UNSEEN:
        return
    unseen = close_holes(flow, p, s.ack, responder)
    if advance > 0:
        n.marks |= MARK_ACKS_UNSEEN
        p.unseen_bytes += unseen + <unsigned int>advance
        p.unique_bytes += <unsigned int>advance
        p.nxt = s.ack
        if unseen == 0:
            zeek_gap(flow, p, responder)
    elif unseen:
        n.marks |= MARK_ACKS_UNSEEN
        p.unseen_bytes += unseen


cdef inline void acknowledge(Half *h, Half *p, const Segment *s) noexcept nogil:
    """Progress: bytes of `p` acknowledged for the first time."""
    p.una = s.ack
    p.known |= KNOWN_UNA
    p.edge_count = 0
    p.data_acked_ns = s.time_ns
    h.dup_ack_run = 0
    if s.ack == p.nxt and p.resend_count == 0 and p.fill_count == 0:
        p.max_acked_bytes = p.max_payload_bytes
    if p.timed_ns and ahead(s.ack, p.timed_seq) >= 0:
        sample_round_trip(p, s.time_ns)


cdef inline void sample_round_trip(Half *p, long long now) noexcept nogil:
    """The timed segment of `p` is acknowledged (RFC 6298 section 2)."""
    cdef long long round_trip_ns = now - p.timed_ns
    p.timed_ns = 0
    if p.timed_bytes > p.max_acked_bytes:
        p.max_acked_bytes = p.timed_bytes
    if round_trip_ns < 0:
        return
    p.rtt_count += 1
    p.rtt_sum_ns += round_trip_ns
    if p.rtt_min_ns == 0 or round_trip_ns < p.rtt_min_ns:
        p.rtt_min_ns = round_trip_ns
    if p.rtt_smoothed_ns == 0:
        p.rtt_smoothed_ns = round_trip_ns
    else:
        p.rtt_smoothed_ns += (round_trip_ns - p.rtt_smoothed_ns) >> 3  # an eighth, rounded down


cdef inline void classify_bare_ack(Half *h, Half *p, const Segment *s, Note *n) noexcept nogil:
    """A bare ACK that repeats the last number: an answer to a probe, a duplicate ACK, or a window update."""
    if n.marks & (MARK_KEEPALIVE | MARK_PROBE):
        pass
    elif p.keepalive_pending:
        n.marks |= MARK_KEEPALIVE_ACK
    elif p.probe_pending and s.window == 0:
        n.marks |= MARK_PROBE_ACK
    elif s.window == h.window_raw and ahead(p.nxt, s.ack) > 0 and s.seq == h.nxt:
        n.marks |= MARK_DUP_ACK  # RFC 5681 section 2
        h.dup_ack_count += 1
        h.dup_ack_run += 1
    elif s.window != h.window_raw and s.window:
        n.marks |= MARK_WINDOW_UPDATE
    else:
        h.idle_ack_count += 1


cdef inline void handle_sack(Half *h, Half *p, const Segment *s, Note *n) noexcept nogil:
    """Selective acknowledgments of the peer's bytes; RFC 2883 section 4 tells a D-SACK."""
    if ahead(s.sack_right, p.nxt) > LARGEST_BARE_GAP or ahead(p.una, s.sack_left) > LARGEST_GAP:
        h.foreign_sack_count += 1
    elif ahead(s.sack_left, s.ack) < 0 or (
        s.sack_count > 1 and ahead(s.sack_left, s.sack2_left) >= 0 and ahead(s.sack_right, s.sack2_right) <= 0
    ):
        n.marks |= MARK_DSACK
        p.dsack_count += 1
    elif ahead(s.sack_right, p.sack_high) > 0 or ahead(p.una, p.sack_high) > 0:
        p.sack_high = s.sack_right
