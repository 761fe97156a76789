"""The two states of each end: proven by what it sent, believed from what was seen on its way to it.

What the states may do is not written here: `cells` is `states.TABLE`, packed. Here stands only which Event a
segment is.
"""

from analysis.loop.constants cimport (
    ACK,
    CLOSING,
    DISPROVED_ENOUGH,
    ESTABLISHED,
    EVENT_COUNT,
    FACT_HANDSHAKE,
    FACT_SYN,
    FACT_SYNACK,
    FIN,
    FIN_WAIT_1,
    FIN_WAIT_2,
    GETS_ACK_OF_FIN,
    GETS_ACK_OF_SYN,
    GETS_FIN,
    GETS_HARD_ICMP,
    GETS_RST,
    GETS_SEGMENT,
    GETS_SYN,
    GETS_SYNACK,
    KNOWN_FIN_ACKED,
    KNOWN_PROOF_SEQ,
    KNOWN_PROOF_TS,
    KNOWN_SEQ,
    LAST_ACK,
    LISTEN,
    MARK_ANOMALY,
    MARK_FIN_REPEAT,
    MARK_RST_IGNORED,
    MARK_STATE,
    MARK_STRAY_RST,
    MARK_SYNACK_REPEAT,
    OPTION_TIMESTAMP,
    PENDING_ACK_OF_FIN,
    PENDING_ACK_OF_SYN,
    PENDING_FIN,
    PENDING_RST,
    PENDING_SEGMENT,
    PENDING_SYN,
    PENDING_SYNACK,
    RST,
    SEGMENT_AFTER_CLOSE,
    SENDS_FIN,
    SENDS_RST,
    SENDS_SEGMENT,
    SENDS_STRAY_RST,
    SENDS_SYN,
    SENDS_SYNACK,
    SYN,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
    UNKNOWN,
)
from analysis.loop.resets cimport is_foreign_reset, is_stray_reset, reset_is_acceptable
from analysis.loop.rows cimport Flow, Half, Note, Segment
from analysis.loop.sequence_numbers cimport acknowledges_syn, ahead


cdef inline void move_states(
    Flow *flow, Half *h, Half *p, const Segment *s, Note *n, bint stray_ack, signed char *cells
) noexcept nogil:
    """The sender's state for certain, the receiver's as belief."""
    cdef int before = h.proven
    cdef unsigned int sender_was = both_states(h)
    cdef unsigned int peer_was = both_states(p)
    cdef int event
    prove_receipts(flow, h, p, s, cells)
    event = sent_event(h, s, n, before)
    prove_sent(flow, h, p, s, n, event, stray_ack, cells)
    settle_pending(h, s, event)
    if s.flags & RST:
        if event == SENDS_RST:
            send_reset(h, p, s, n)
    elif s.flags & SYN:
        send_syn(p, s, stray_ack)
    else:
        send_segment(flow, p, s, stray_ack)
    believe(h, cells)
    believe(p, cells)
    if both_states(h) != sender_was or both_states(p) != peer_was:
        n.marks |= MARK_STATE


cdef inline unsigned int both_states(Half *h) noexcept nogil:
    """Proven and believed, in one number."""
    return h.proven * 16 + h.believed


# --- what the sender did, and what it must have received ---------------------------------------------------


cdef inline int prove(Flow *flow, Half *h, int event, signed char *cells) noexcept nogil:
    """Move `h` for certain. Returns 0, or n for Anomaly(-n)."""
    cdef int cell = cells[h.proven * EVENT_COUNT + event]
    if cell < 0:
        flow.anomalies |= 1 << (-cell)
        return -cell
    h.proven = cell
    return 0


cdef inline bint wants_fin(int state) noexcept nogil:
    """States that have not had the peer's FIN."""
    return state == SYN_RECEIVED or state == ESTABLISHED or state == FIN_WAIT_1 or state == FIN_WAIT_2


cdef inline bint wants_ack_of_fin(int state) noexcept nogil:
    """States whose own FIN is not acknowledged."""
    return state == FIN_WAIT_1 or state == CLOSING or state == LAST_ACK


cdef inline void prove_receipts(Flow *flow, Half *h, Half *p, const Segment *s, signed char *cells) noexcept nogil:
    """What this segment proves that its sender had received when it sent it."""
    if s.flags & ACK == 0 or s.flags & SYN:
        return
    if (
        wants_ack_of_fin(h.proven)
        and h.known & KNOWN_FIN_ACKED
        and (
            (h.known & KNOWN_PROOF_SEQ and ahead(s.ack, h.proof_seq) >= 0)
            or (h.known & KNOWN_PROOF_TS and s.options & OPTION_TIMESTAMP and ahead(s.tsecr, h.proof_ts) >= 0)
        )
    ):
        prove(flow, h, GETS_ACK_OF_FIN, cells)
        h.pending &= ~PENDING_ACK_OF_FIN
    if p.fin_count and wants_fin(h.proven) and ahead(s.ack, p.fin_seq) >= 0:
        if h.proven == SYN_RECEIVED:
            h.proven = ESTABLISHED
        prove(flow, h, GETS_FIN, cells)
        h.pending &= ~PENDING_FIN


cdef inline int sent_event(Half *h, const Segment *s, Note *n, int before) noexcept nogil:
    """The Event that `s` is for its sender, whose proven state was `before`; a repeat disproves receipt."""
    if s.flags & RST:
        if is_stray_reset(h, s):
            n.marks |= MARK_STRAY_RST
            return SENDS_STRAY_RST
        if h.rst_count == 1:
            h.before_rst = before
        return SENDS_RST
    if s.flags & SYN:
        if s.flags & ACK == 0:
            disprove(h, PENDING_SYNACK)
            return SENDS_SYN
        if h.proven == SYN_RECEIVED:
            disprove(h, PENDING_ACK_OF_SYN)
        return SENDS_SYNACK
    if s.flags & FIN:
        if n.marks & MARK_FIN_REPEAT:
            disprove(h, PENDING_ACK_OF_FIN)
        return SENDS_FIN
    return SENDS_SEGMENT


cdef inline bint proves_nothing(
    Half *h, Half *p, const Segment *s, Note *n, int event, bint stray_ack
) noexcept nogil:
    """Segments that do not move their sender's state."""
    if event == SENDS_SEGMENT:
        # An acknowledgment of something this connection never sent: an older connection still lives there.
        return (h.proven == UNKNOWN or h.proven == LISTEN) and p.proven == SYN_SENT and stray_ack
    if event == SENDS_SYNACK:
        return h.proven == TIME_WAIT and n.marks & MARK_SYNACK_REPEAT  # captured late
    return event == SENDS_RST and is_foreign_reset(h, s)  # believed, not proven


cdef inline void prove_sent(
    Flow *flow, Half *h, Half *p, const Segment *s, Note *n, int event, bint stray_ack, signed char *cells
) noexcept nogil:
    """Move the sender's proven state by what it sent, and note an anomaly."""
    cdef int anomaly = 0
    if not proves_nothing(h, p, s, n, event, stray_ack):
        anomaly = prove(flow, h, event, cells)
    if anomaly == -SEGMENT_AFTER_CLOSE and h.rst_count and h.before_rst:
        # It goes on after "its" RST: somebody else sent that (or it was refused). The state comes back.
        h.proven = h.before_rst
        prove(flow, h, event, cells)
    if anomaly:
        n.anomaly = anomaly
        n.marks |= MARK_ANOMALY


# --- what is on its way ------------------------------------------------------------------------------------


cdef inline void settle_pending(Half *h, const Segment *s, int event) noexcept nogil:
    """What was on its way to the sender and is now settled by what it sent; a peer's FIN stays pending."""
    if event == SENDS_SEGMENT or event == SENDS_FIN:
        h.pending &= ~(PENDING_SYN | PENDING_SYNACK | PENDING_ACK_OF_SYN | PENDING_SEGMENT | PENDING_RST)
    elif event == SENDS_RST:
        if is_foreign_reset(h, s):
            h.pending |= PENDING_RST
        else:
            h.pending = 0


cdef inline void pend(Half *h, unsigned char bit) noexcept nogil:
    """Note an event on its way to `h`, unless `h` keeps showing that such events do not reach it."""
    if h.disproved_count < DISPROVED_ENOUGH:
        h.pending |= bit


cdef inline void disprove(Half *h, unsigned char bit) noexcept nogil:
    """`h` repeated what the pending event should have stopped: it has not arrived."""
    if h.pending & bit:
        h.pending &= ~bit
        if h.disproved_count < 255:
            h.disproved_count += 1


cdef inline void send_reset(Half *h, Half *p, const Segment *s, Note *n) noexcept nogil:
    """A RST on its way to `p`."""
    if reset_is_acceptable(h, p, s):
        p.pending |= PENDING_RST
    else:
        n.marks |= MARK_RST_IGNORED


cdef inline void send_syn(Half *p, const Segment *s, bint stray_ack) noexcept nogil:
    """A SYN or SYN-ACK on its way to `p`."""
    if s.flags & ACK == 0:
        if p.proven == UNKNOWN or p.proven == LISTEN or p.proven == SYN_SENT:
            pend(p, PENDING_SYN)
    elif p.proven == UNKNOWN or (p.proven == SYN_SENT and acknowledges_syn(p, s)):
        pend(p, PENDING_SYNACK)
    elif p.proven == SYN_RECEIVED and not stray_ack:
        pend(p, PENDING_ACK_OF_SYN)


cdef inline void send_segment(Flow *flow, Half *p, const Segment *s, bint stray_ack) noexcept nogil:
    """Data, a FIN or a bare acknowledgment on its way to `p`."""
    if p.proven == UNKNOWN:
        if p.known & KNOWN_SEQ == 0:
            pend(p, PENDING_SEGMENT)
    elif p.proven == SYN_RECEIVED and s.flags & ACK and not stray_ack:
        pend(p, PENDING_ACK_OF_SYN)
        note_established(flow, s)
    if s.flags & ACK and p.fin_count and wants_ack_of_fin(p.proven) and ahead(s.ack, p.fin_seq) >= 0:
        pend(p, PENDING_ACK_OF_FIN)
    if s.flags & FIN and (wants_fin(p.proven) or p.proven == UNKNOWN):
        pend(p, PENDING_FIN)


cdef inline void note_established(Flow *flow, const Segment *s) noexcept nogil:
    """The third segment of the handshake, the first time."""
    if flow.established_ns:
        return
    flow.established_ns = s.time_ns
    flow.established_frame = s.frame
    if flow.facts & FACT_SYN and flow.facts & FACT_SYNACK:
        flow.facts |= FACT_HANDSHAKE


cdef inline int pending_event(unsigned int bit) noexcept nogil:
    """The Event that a Pending bit stands for."""
    if bit == PENDING_SYN:
        return GETS_SYN
    if bit == PENDING_SYNACK:
        return GETS_SYNACK
    if bit == PENDING_ACK_OF_SYN:
        return GETS_ACK_OF_SYN
    if bit == PENDING_SEGMENT:
        return GETS_SEGMENT
    if bit == PENDING_ACK_OF_FIN:
        return GETS_ACK_OF_FIN
    if bit == PENDING_FIN:
        return GETS_FIN
    if bit == PENDING_RST:
        return GETS_RST
    return GETS_HARD_ICMP


cdef inline void believe(Half *h, signed char *cells) noexcept nogil:
    """Belief is what is proven, plus everything pending, in the order of its bits."""
    cdef int state = h.proven
    cdef int cell
    cdef unsigned int bit = 1
    cdef unsigned int pending = h.pending
    while pending >= bit:
        if pending & bit:
            cell = cells[state * EVENT_COUNT + pending_event(bit)]
            if cell >= 0:
                state = cell
        bit <<= 1
    h.believed = state
