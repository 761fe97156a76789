"""Repeats: segments whose bytes were sent before (or lie in a gap), and why they were sent again."""

from analysis.loop.constants cimport (
    ACK,
    DUP_ACKS_FAST,
    DUP_ACKS_FEW,
    FAST_NS,
    HALF_OF_16_BITS,
    KNOWN_UNA,
    MARK_FAST,
    MARK_FILL,
    MARK_FIN_REPEAT,
    MARK_OUT_OF_ORDER,
    MARK_RTO,
    MARK_SPURIOUS,
    MARK_SYN_REPEAT,
    MARK_SYNACK_REPEAT,
    MARK_TLP,
    OPTION_TIMESTAMP,
    REORDER_NS,
    SYN,
)
from analysis.loop.gaps cimport fill_hole
from analysis.loop.rows cimport Half, Note, Segment
from analysis.loop.sequence_numbers cimport ahead


cdef inline bint is_newer(Half *h, const Segment *s) noexcept nogil:
    """Whether the sender stamped `s` after its last segment: sent again, then, not overtaken."""
    if s.options & OPTION_TIMESTAMP and ahead(s.tsval, h.tsval) != 0:
        return ahead(s.tsval, h.tsval) > 0
    if s.ip_id and h.print_ip_id and s.ip_id != h.print_ip_id:
        return <unsigned short>(s.ip_id - h.print_ip_id) < HALF_OF_16_BITS
    return False


cdef inline long long patience_of(Half *h) noexcept nogil:
    """How long after duplicate ACKs a fast retransmission may come: 1.5 round trips, at least FAST_NS."""
    cdef long long round_trips_ns = h.rtt_smoothed_ns + (h.rtt_smoothed_ns >> 1)
    return round_trips_ns if round_trips_ns > FAST_NS else FAST_NS


cdef inline unsigned int classify_repeat(
    Half *h, Half *p, const Segment *s, unsigned int end, bint fills, long long gap_age_ns
) noexcept nogil:
    """The Mark of a segment whose bytes were all sent before (or lie in a gap)."""
    cdef long long reorder_ns = h.rtt_min_ns if h.rtt_min_ns > REORDER_NS else REORDER_NS
    if s.flags & SYN:
        return MARK_SYNACK_REPEAT if s.flags & ACK else MARK_SYN_REPEAT
    if fills and gap_age_ns < reorder_ns and p.dup_ack_run < DUP_ACKS_FAST and not is_newer(h, s):
        return MARK_OUT_OF_ORDER
    if s.payload_bytes == 0:
        return MARK_FIN_REPEAT
    if h.known & KNOWN_UNA and ahead(h.una, end) >= 0 and not fills:
        return MARK_SPURIOUS
    if s.time_ns - p.last_ns <= patience_of(h) and (
        (p.dup_ack_run >= DUP_ACKS_FEW and p.ack_last == s.seq)
        or (h.known & KNOWN_UNA and ahead(h.sack_high, end) > 0)
    ):
        return MARK_FAST
    if end == h.nxt and h.edge_count == 0 and p.dup_ack_run == 0 and not fills:
        return MARK_TLP
    return MARK_RTO


cdef inline void count_repeat(Half *h, unsigned int mark) noexcept nogil:
    """One counter per kind."""
    if mark == MARK_SYN_REPEAT:
        h.syn_repeat_count += 1
    elif mark == MARK_SYNACK_REPEAT:
        h.synack_repeat_count += 1
    elif mark == MARK_FIN_REPEAT:
        h.fin_repeat_count += 1
    elif mark == MARK_RTO:
        h.rto_count += 1
    elif mark == MARK_FAST:
        h.fast_count += 1
    elif mark == MARK_TLP:
        h.tlp_count += 1
    elif mark == MARK_SPURIOUS:
        h.spurious_count += 1
    elif mark == MARK_OUT_OF_ORDER:
        h.out_of_order_count += 1


cdef inline void handle_repeat(Half *h, Half *p, const Segment *s, Note *n, unsigned int end) noexcept nogil:
    """A segment that begins below the highest byte sent."""
    cdef long long gap_age_ns = s.time_ns - h.hole_ns
    cdef bint fills = fill_hole(h, s.seq, end)
    cdef unsigned int mark = classify_repeat(h, p, s, end, fills, gap_age_ns)
    n.marks |= mark
    count_repeat(h, mark)
    if mark == MARK_OUT_OF_ORDER:
        return
    h.timed_ns = 0  # Karn: a repeated segment gives no round-trip sample (RFC 6298 section 3)
    if fills:
        h.fill_count += 1
        n.marks |= MARK_FILL
    else:
        h.resend_count += 1
    if h.edge_count and h.edge_seq == s.seq:
        h.edge_count += 1
    else:
        h.edge_seq = s.seq
        h.edge_count = 1
        h.edge_ns = s.time_ns
    h.edge_bytes = s.payload_bytes
    h.edge_last_ns = s.time_ns
