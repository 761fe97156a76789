"""The segment that almost every segment is: payload or a new acknowledgment, in order, between two ends that are
established, with nothing pending, no gap, no shut window.

What the other parts do for it in many small questions is done here after few: the same fields are written with the
same values, and `tests/test_shortcuts.py` holds that switching this part off changes no byte of any record. What
does not change from one plain segment to the next is asked once, after each segment that was not plain, and kept in
`Flow.steady`.
"""

from analysis.loop.acknowledgments cimport sample_round_trip
from analysis.loop.branchless cimport choose, mask_of
from analysis.loop.constants cimport (
    ACK,
    COMPARABLE,
    ESTABLISHED,
    FIN_SYN_RST,
    KIND_TCP,
    KNOWN_ACK,
    KNOWN_SEQ,
    KNOWN_SYN,
    KNOWN_UNA,
    MARK_WINDOW_FULL,
)
from analysis.loop.first_sightings cimport count_segment, note_data, note_origin, remember
from analysis.loop.rows cimport Flow, Half, Note, Segment
from analysis.loop.sequence_numbers cimport ahead
from analysis.loop.windows cimport fills_window
from analysis.loop.zeek_view cimport LETTER_A, LETTER_D, ZEEK_INACTIVE

cdef enum:
    SENDER_KNOWN = KNOWN_SEQ | KNOWN_ACK
    PEER_KNOWN = KNOWN_SEQ | KNOWN_UNA

cdef enum:  # Flow.steady: what may come and be plain; those of side 1 are two bits up
    BARE = 1 << 0  # an acknowledgment without payload, from side 0
    DATA = 1 << 1
    NO_REPEATS = 1 << 4  # side 0 has repeated nothing; that of side 1 is one bit up


cdef inline bint is_steady(const Half *h) noexcept nogil:
    """Whether nothing of an end but its numbers is in motion."""
    return (
        h.proven == ESTABLISHED
        and h.believed == ESTABLISHED
        and (h.pending | h.holes) == 0
        and h.zero_since_ns == 0
        and h.edge_count == 0
    )


cdef inline bint sends_plainly(const Half *h) noexcept nogil:
    """Whether a steady end's segments may be plain."""
    return (
        h.known & SENDER_KNOWN == SENDER_KNOWN
        and (h.rst_count | h.dup_ack_run) == 0
        and h.zeek != ZEEK_INACTIVE
    )


cdef inline bint takes_plainly(const Half *p) noexcept nogil:
    """Whether segments to a steady end may be plain; their acknowledgment cannot be below its SYN."""
    return (
        p.known & PEER_KNOWN == PEER_KNOWN
        and (p.fin_count | p.keepalive_pending | p.probe_pending) == 0
        and (p.known & KNOWN_SYN == 0 or p.unique_bytes >= COMPARABLE or ahead(p.una, p.iss) > 0)
    )


cdef inline unsigned int plain_from(const Half *h, const Half *p) noexcept nogil:
    """BARE and DATA, of `h`."""
    cdef unsigned int bits = 0
    if sends_plainly(h) and takes_plainly(p):
        if h.history_bits & LETTER_A:
            bits |= BARE
        if h.history_bits & LETTER_D and h.data_packets:
            bits |= DATA
    return bits


cdef inline unsigned char steadiness(const Half *a, const Half *b) noexcept nogil:
    """Flow.steady, of both ends."""
    cdef unsigned int bits = 0
    if is_steady(a) and is_steady(b):
        bits = plain_from(a, b) | plain_from(b, a) << 2
        if (a.resend_count | a.fill_count) == 0:
            bits |= NO_REPEATS
        if (b.resend_count | b.fill_count) == 0:
            bits |= NO_REPEATS << 1
    return <unsigned char>bits


cdef inline bint is_plain(const Flow *flow, const Half *h, const Half *p, const Segment *s, int side) noexcept nogil:
    """Whether `plain_segment` may handle `s`; false is always safe."""
    cdef unsigned int payload = s.payload_bytes
    cdef unsigned int acked = s.ack - p.una  # bytes acknowledged for the first time
    cdef unsigned int unacked = p.nxt - p.una
    return (
        flow.steady >> (2 * side + (payload != 0)) & 1
        and ((s.flags & (FIN_SYN_RST | ACK)) ^ ACK | (s.kind ^ KIND_TCP) | s.sack_count) == 0
        and s.seq == h.nxt
        and acked <= unacked
        and <int>unacked >= 0
        and (acked | payload) != 0
        and s.window != 0
        and ((s.seq ^ h.print_seq) | (payload ^ h.print_bytes) | (s.ack ^ h.print_ack)) != 0  # no duplicate
    )


cdef inline void plain_segment(Flow *flow, Half *h, Half *p, const Segment *s, Note *n, int side) noexcept nogil:
    """Apply a segment for which `is_plain` holds."""
    cdef unsigned int payload = s.payload_bytes
    cdef unsigned int window = s.window
    cdef unsigned int ack = s.ack
    cdef unsigned int end = s.seq + payload
    cdef long long now = s.time_ns
    cdef unsigned long long untimed
    n.marks = 0
    n.side = <unsigned char>side
    n.anomaly = 0
    count_segment(flow, s, n)
    h.packets += 1
    note_origin(h, p, s)
    if h.wscale and p.wscale:
        window <<= h.wscale - 1
    h.window_bytes = window
    if window > h.window_max_bytes:
        h.window_max_bytes = window
    h.window_raw = s.window
    if payload:
        note_data(h, p, s)
        h.nxt = end
        h.unique_bytes += payload
        h.advanced_ns = now
        untimed = mask_of(h.timed_ns == 0)
        h.timed_ns |= now & <long long>untimed
        h.timed_seq = choose(untimed, end, h.timed_seq)
        h.timed_bytes = choose(untimed, payload, h.timed_bytes)
        if end == p.ack_last + p.window_bytes and p.window_bytes and fills_window(h, p, s):
            n.marks |= MARK_WINDOW_FULL
            flow.marks |= MARK_WINDOW_FULL
            h.window_full_count += 1
    if ack != p.una:
        p.una = ack
        p.data_acked_ns = now
        if ack == p.nxt and flow.steady & NO_REPEATS << (1 - side):
            p.max_acked_bytes = p.max_payload_bytes
        if p.timed_ns and ahead(ack, p.timed_seq) >= 0:
            sample_round_trip(p, now)
    h.ack_last = ack
    if ahead(ack, h.ack_max) > 0:
        h.ack_max = ack
    remember(h, s)
    n.proven0 = ESTABLISHED
    n.believed0 = ESTABLISHED
    n.proven1 = ESTABLISHED
    n.believed1 = ESTABLISHED
