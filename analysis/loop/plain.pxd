"""The segment that almost every segment is: payload or a new acknowledgment, in order, between two ends that are
established, with nothing pending, no gap, no shut window.

What the other parts do for it in many small questions is done here after one: the same fields are written with the same
values, and `tests/test_plain_segments.py` holds that switching this part off changes no byte of any record.
"""

from analysis.loop.acknowledgments cimport sample_round_trip
from analysis.loop.constants cimport (
    ACK,
    ESTABLISHED,
    FIN_SYN_RST,
    KNOWN_ACK,
    KNOWN_SEQ,
    KNOWN_UNA,
    MARK_WINDOW_FULL,
)
from analysis.loop.first_sightings cimport count_segment, is_duplicate, note_data, note_origin, remember
from analysis.loop.rows cimport Flow, Half, Note, Segment
from analysis.loop.sequence_numbers cimport ahead
from analysis.loop.windows cimport fills_window
from analysis.loop.zeek_view cimport LETTER_A, LETTER_D, ZEEK_INACTIVE

cdef enum:
    SENDER_KNOWN = KNOWN_SEQ | KNOWN_ACK
    PEER_KNOWN = KNOWN_SEQ | KNOWN_UNA


cdef inline bint is_plain(Half *h, Half *p, const Segment *s) noexcept nogil:
    """Whether `plain_segment` may handle `s`; false is always safe."""
    cdef int beyond = ahead(s.ack, p.una)  # bytes acknowledged for the first time
    cdef unsigned int letter = LETTER_D if s.payload_bytes else LETTER_A
    return (
        s.flags & (FIN_SYN_RST | ACK) == ACK
        and h.proven == ESTABLISHED
        and p.proven == ESTABLISHED
        and (h.pending | p.pending | h.holes | p.holes | s.sack_count) == 0
        and h.known & SENDER_KNOWN == SENDER_KNOWN
        and p.known & PEER_KNOWN == PEER_KNOWN
        and s.seq == h.nxt
        and (beyond > 0 or (beyond == 0 and s.payload_bytes != 0))
        and ahead(s.ack, p.nxt) <= 0
        and 0 < ahead(s.ack, p.iss)
        and s.window != 0
        and (h.zero_since_ns | p.zero_since_ns) == 0
        and (h.rst_count | p.fin_count) == 0
        and h.history_bits & letter
        and h.zeek != ZEEK_INACTIVE
        and not is_duplicate(h, s)
    )


cdef inline void plain_segment(Flow *flow, Half *h, Half *p, const Segment *s, Note *n) noexcept nogil:
    """Apply a segment for which `is_plain` holds."""
    cdef unsigned int payload = s.payload_bytes
    cdef unsigned int window = s.window
    cdef unsigned int end = s.seq + payload
    cdef long long now = s.time_ns
    count_segment(flow, s, n)
    h.packets += 1
    note_origin(h, p, s)
    if payload:
        note_data(h, p, s)
        h.nxt = end
        h.unique_bytes += payload
        h.advanced_ns = now
        h.edge_count = 0
        if h.timed_ns == 0:
            h.timed_ns = now
            h.timed_seq = end
            h.timed_bytes = payload
    if ahead(s.ack, p.una) > 0:
        p.una = s.ack
        p.edge_count = 0
        p.data_acked_ns = now
        h.dup_ack_run = 0
        if s.ack == p.nxt and (p.resend_count | p.fill_count) == 0:
            p.max_acked_bytes = p.max_payload_bytes
        if p.timed_ns and ahead(s.ack, p.timed_seq) >= 0:
            sample_round_trip(p, now)
    h.ack_last = s.ack
    if ahead(s.ack, h.ack_max) > 0:
        h.ack_max = s.ack
    p.keepalive_pending = 0
    p.probe_pending = 0
    if h.wscale and p.wscale:
        window <<= h.wscale - 1
    h.window_raw = s.window
    h.window_bytes = window
    if window > h.window_max_bytes:
        h.window_max_bytes = window
    if payload and p.window_bytes and fills_window(h, p, s):
        n.marks |= MARK_WINDOW_FULL
        h.window_full_count += 1
    remember(h, s)
    flow.marks |= n.marks
