"""RST segments: their form, whether they belong to this connection, and whether the other end must obey."""

from analysis.loop.constants cimport (
    ACK,
    KNOWN_ACK,
    KNOWN_SEQ,
    KNOWN_SYN,
    RST_ABORTS,
    RST_NO_SOCKET,
    RST_REFUSES_SYN,
    SYN_SENT,
    UNKNOWN,
)
from analysis.loop.rows cimport Half, Segment
from analysis.loop.sequence_numbers cimport acknowledges_syn, ahead


cdef inline void note_reset(Half *h, Half *p, const Segment *s) noexcept nogil:
    """The first RST of an end: its numbers, and which of the three honest forms it has."""
    h.rst_count += 1
    h.rst_last_window = s.window
    if h.rst_count > 1:
        return
    h.ip_id = h.print_ip_id
    h.rst_ns = s.time_ns
    h.rst_frame = s.frame
    h.rst_seq = s.seq
    h.rst_ack = s.ack
    h.rst_window = s.window
    h.rst_ttl = s.ttl
    h.rst_ip_id = s.ip_id
    h.rst_flags = s.flags
    h.rst_options = s.options
    h.rst_expected_seq = h.nxt
    h.rst_peer_ack = p.ack_last
    if s.flags & ACK == 0:
        h.rst_form = RST_NO_SOCKET
    elif s.seq == 0 and p.known & KNOWN_SYN and h.known & KNOWN_SEQ == 0:
        h.rst_form = RST_REFUSES_SYN
    else:
        h.rst_form = RST_ABORTS


cdef inline bint is_stray_reset(Half *h, const Segment *s) noexcept nogil:
    """A RST without ACK whose number is not from this connection: it answers an unacceptable segment."""
    return (
        s.flags & ACK == 0
        and h.known & KNOWN_SYN != 0
        and h.proven == SYN_SENT
        and s.seq != h.nxt
        and s.seq != h.iss
    )


cdef inline bint is_foreign_reset(Half *h, const Segment *s) noexcept nogil:
    """A RST whose TTL no other segment of its sender has: perhaps a device on the way sent it."""
    return h.ttl_first != 0 and (s.ttl < h.ttl_min or s.ttl > h.ttl_max)


cdef inline bint reset_is_acceptable(Half *h, Half *p, const Segment *s) noexcept nogil:
    """Whether the other end `p` must obey this RST of `h` (RFC 9293 section 3.10.7.3, RFC 5961 section 3.2).

    In SYN-SENT it must acknowledge the SYN. Otherwise its number must be what the receiver expects next. The
    receiver may have had bytes that it has not acknowledged at the tap, so everything from its last
    acknowledgment to the highest byte sent is taken.
    """
    if p.proven == SYN_SENT or (p.proven == UNKNOWN and p.known & KNOWN_SEQ == 0):
        return s.flags & ACK == 0 or p.known & KNOWN_SEQ == 0 or acknowledges_syn(p, s)
    if p.known & KNOWN_ACK == 0 or s.seq == p.ack_last:
        return True
    return h.known & KNOWN_SEQ != 0 and ahead(s.seq, p.ack_last) > 0 and ahead(s.seq, h.nxt) <= 0
