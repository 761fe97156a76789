"""Zeek's view of a connection: the letters of `history`, and the endpoint states behind `conn_state`.

They follow Zeek's `src/packet_analysis/protocol/tcp`, not RFC 9293, and decide nothing else here.
"""

from analysis.loop.constants cimport (
    ACK,
    FACT_MIDSTREAM,
    FIN,
    FIN_SYN_RST,
    KNOWN_SEQ,
    RST,
    SYN,
)
from analysis.loop.rows cimport Flow, Half, Segment
from analysis.loop.sequence_numbers cimport ahead

cdef enum:  # HALF.zeek
    ZEEK_INACTIVE = 0
    ZEEK_SYN_SENT = 1
    ZEEK_SYNACK_SENT = 2
    ZEEK_PARTIAL = 3
    ZEEK_ESTABLISHED = 4
    ZEEK_CLOSED = 5
    ZEEK_RESET = 6

cdef enum:  # HALF.history_bits: letters that an end writes once
    LETTER_D = 1 << 0
    LETTER_A = 1 << 1
    LETTER_HANDSHAKE = 1 << 2  # S or H
    LETTER_F = 1 << 3
    LETTER_R = 1 << 4
    LETTER_I = 1 << 5
    LETTER_Q = 1 << 6

cdef enum:
    HISTORY_LETTERS = 32
    LETTERS_PER_WORD = 8
    LOWER_CASE = 0x20


cdef inline void write_letter(Flow *flow, unsigned int letter, bint responder) noexcept nogil:
    """Append a letter to the history (lower case for the responder); 32 letters are kept."""
    cdef unsigned int place = flow.history_length
    cdef unsigned long long value = letter | (LOWER_CASE if responder else 0)
    if place >= HISTORY_LETTERS:
        return
    value = value << ((place % LETTERS_PER_WORD) * 8)
    if place < LETTERS_PER_WORD:
        flow.history0 |= value
    elif place < 2 * LETTERS_PER_WORD:
        flow.history1 |= value
    elif place < 3 * LETTERS_PER_WORD:
        flow.history2 |= value
    else:
        flow.history3 |= value
    flow.history_length += 1


cdef inline bint once(
    Flow *flow, Half *h, unsigned int bit, unsigned int letter, bint responder
) noexcept nogil:
    """Write the letter the first time; True when it had been written before."""
    if h.history_bits & bit:
        return True
    h.history_bits |= bit
    write_letter(flow, letter, responder)
    return False


cdef inline bint is_power_of_ten(unsigned int count) noexcept nogil:
    """T, W and G are written at their 1st, 10th, 100th... time."""
    return (
        count == 1
        or count == 10
        or count == 100
        or count == 1000
        or count == 10000
        or count == 100000
        or count == 1000000
        or count == 10000000
    )


cdef inline void zeek_history(Flow *flow, Half *h, Half *p, const Segment *s, bint responder) noexcept nogil:
    """Zeek's history letters for one segment, before the sequence space moves."""
    cdef unsigned int flags = s.flags & FIN_SYN_RST
    cdef unsigned int end = s.seq + s.payload_bytes
    if flags == 0:
        if s.payload_bytes:
            once(flow, h, LETTER_D, c'D', responder)
        elif s.flags & ACK:
            once(flow, h, LETTER_A, c'A', responder)
    elif flags == SYN:
        if s.flags & ACK:
            if once(flow, h, LETTER_HANDSHAKE, c'H', responder) and s.seq != h.iss:
                write_letter(flow, c'H', responder)
        elif once(flow, h, LETTER_HANDSHAKE, c'S', responder) and s.seq != h.iss:
            write_letter(flow, c'S', responder)
    elif flags == FIN:
        if once(flow, h, LETTER_F, c'F', responder) and h.fin_count and end + 1 != h.fin_seq:
            write_letter(flow, c'F', responder)
    elif flags == RST:
        if once(flow, h, LETTER_R, c'R', responder) and s.seq != h.rst_seq:
            write_letter(flow, c'R', responder)
    elif flags & (FIN | RST) == (FIN | RST):
        once(flow, h, LETTER_I, c'I', responder)
    else:
        once(flow, h, LETTER_Q, c'Q', responder)
    if s.window == 0 and flags & RST == 0 and p.zeek != ZEEK_CLOSED and h.zeek != ZEEK_RESET:
        h.history_w += 1
        if is_power_of_ten(h.history_w):
            write_letter(flow, c'W', responder)
    if (
        s.payload_bytes
        and h.known & KNOWN_SEQ
        and h.zeek != ZEEK_RESET
        and ahead(end + (flags & FIN) + (1 if flags & SYN else 0), h.nxt) <= 0
        and flags & RST == 0
    ):
        h.history_t += 1
        if is_power_of_ten(h.history_t):
            write_letter(flow, c'T', responder)


cdef inline void zeek_gap(Flow *flow, Half *h, bint responder) noexcept nogil:
    """G: bytes of `h` were acknowledged that the capture never saw."""
    if flow.facts & FACT_MIDSTREAM == 0 and h.zeek != ZEEK_CLOSED and h.zeek != ZEEK_RESET:
        h.history_g += 1
        if is_power_of_ten(h.history_g):
            write_letter(flow, c'G', responder)


cdef inline bint only_opened(Half *h) noexcept nogil:
    """All that Zeek knows of this end is that it sent a SYN or SYN-ACK."""
    return h.zeek == ZEEK_SYN_SENT or h.zeek == ZEEK_SYNACK_SENT


cdef inline void zeek_set(Half *h, unsigned char state) noexcept nogil:
    """Enter a state, remembering the one before."""
    if h.zeek != state:
        h.zeek_previous = h.zeek
        h.zeek = state


cdef inline void zeek_first(Half *h, Half *p, const Segment *s, bint responder) noexcept nogil:
    """The sender's state after its first segment."""
    cdef bint syn = s.flags & SYN != 0
    cdef bint ack = s.flags & ACK != 0
    if syn:
        if not responder:
            zeek_set(h, ZEEK_SYNACK_SENT if ack else ZEEK_SYN_SENT)
        else:
            if p.zeek == ZEEK_SYN_SENT or (p.zeek == ZEEK_SYNACK_SENT and not ack):
                zeek_set(p, ZEEK_ESTABLISHED)
            zeek_set(h, ZEEK_ESTABLISHED)
    if s.flags & FIN:
        zeek_set(h, ZEEK_CLOSED)
    if s.flags & RST:
        zeek_set(h, ZEEK_RESET)
    if h.zeek == ZEEK_INACTIVE:
        if responder and s.payload_bytes == 0 and p.zeek == ZEEK_SYN_SENT:
            pass
        elif ack and p.zeek == ZEEK_ESTABLISHED:
            zeek_set(h, ZEEK_ESTABLISHED)
        else:
            zeek_set(h, ZEEK_PARTIAL)


cdef inline void zeek_state(Half *h, Half *p, const Segment *s, bint responder) noexcept nogil:
    """Move Zeek's state of the sender (and of its peer) for one segment."""
    cdef bint syn = s.flags & SYN != 0
    cdef bint fin = s.flags & FIN != 0
    cdef bint rst = s.flags & RST != 0
    if h.zeek == ZEEK_INACTIVE:
        zeek_first(h, p, s, responder)
    elif only_opened(h):
        if fin:
            zeek_set(h, ZEEK_CLOSED)
        if rst:
            zeek_set(h, ZEEK_RESET)
    elif h.zeek == ZEEK_PARTIAL or h.zeek == ZEEK_ESTABLISHED:
        if syn and h.zeek == ZEEK_PARTIAL and p.zeek == ZEEK_INACTIVE and s.flags & ACK == 0:
            zeek_set(h, ZEEK_SYN_SENT)
        if fin and not rst:
            zeek_set(h, ZEEK_CLOSED)
            if p.zeek == ZEEK_RESET and p.zeek_previous == ZEEK_CLOSED:
                zeek_set(p, ZEEK_CLOSED)
        if rst:
            zeek_set(h, ZEEK_RESET)
    elif h.zeek == ZEEK_CLOSED:
        if rst and p.zeek != ZEEK_CLOSED:
            zeek_set(h, ZEEK_RESET)
