"""What is written down beside the sequence space: first times, counters, the capture's own duplicates."""

from analysis.loop.branchless cimport choose, mask_of
from analysis.loop.constants cimport (
    ACK,
    CHECKSUM_BAD,
    CHECKSUM_PARTIAL,
    DIRECTION_IN,
    DIRECTION_OUT,
    DUPLICATE_NS,
    ECE,
    EXACT_NS,
    FACT_BROADCAST,
    FACT_FRAGMENT,
    FACT_ODD_FLAGS,
    FACT_SHORT,
    FACT_SIMULTANEOUS_OPEN,
    FACT_SYN,
    FACT_SYNACK,
    FIN,
    ICMP_FRAGMENTATION_NEEDED,
    ICMP_TIME_EXCEEDED,
    ICMP_UNREACHABLE,
    ICMPV6_TIME_EXCEEDED,
    ICMPV6_UNREACHABLE,
    IP_PADDED,
    IP_V6,
    KNOWN_FIN_ACKED,
    KNOWN_PROOF_SEQ,
    KNOWN_PROOF_TS,
    LONGEST_MS,
    OFFER_DATA,
    OFFER_ECN,
    OPTION_TIMESTAMP,
    PADDING_BELOW,
    ROLES_BY_HANDSHAKE,
    REQUEST_ABOVE,
    RST,
    SYN,
)
from analysis.loop.rows cimport Flow, Half, Note, Segment
from analysis.loop.sequence_numbers cimport ahead
from libc.string cimport memcpy


cdef enum:  # what is copied at once; tests/test_constants.py holds that both sides lay it out alike
    MOMENT_BYTES = 16  # time_ns and frame
    NUMBERS_BYTES = 16  # seq, ack, payload_bytes, tsval


cdef inline void stamp(long long *moment, const Segment *s) noexcept nogil:
    """Write the time of a segment, and behind it its frame number."""
    memcpy(moment, &s.time_ns, MOMENT_BYTES)


cdef inline void count_segment(Flow *flow, const Segment *s, Note *n) noexcept nogil:
    """One more segment of this connection."""
    n.ordinal = flow.packets
    flow.packets += 1
    stamp(&flow.end_ns, s)
    flow.facts |= (s.ip_flags << 3) & (FACT_SHORT | FACT_FRAGMENT)  # IP_SHORT and IP_MF


cdef inline bint is_duplicate(Half *h, const Segment *s) noexcept nogil:
    """The packet captured again (mirror port, `-i any`), not sent again: same bytes, no time between."""
    cdef long long age_ns = s.time_ns - h.last_ns
    return (
        s.seq == h.print_seq
        and s.payload_bytes == h.print_bytes
        and s.flags == h.print_flags
        and s.ack == h.print_ack
        and s.window == (h.rst_last_window if s.flags & RST else h.window_raw)
        and s.tsval == h.print_ts
        and s.ip_id == h.print_ip_id
        and 0 <= age_ns <= (DUPLICATE_NS if s.ip_id else EXACT_NS)
    )


cdef inline void remember(Half *h, const Segment *s) noexcept nogil:
    """What tells the next segment of this end from a duplicate of `s`, and an echo from an older one."""
    cdef unsigned long long stamped = mask_of(s.options & OPTION_TIMESTAMP)
    cdef unsigned long long newer = mask_of(ahead(s.tsecr, h.tsecr_max) > 0)
    h.tsval = choose(stamped, s.tsval, h.tsval)
    h.tsecr_max = choose(stamped & newer, s.tsecr, h.tsecr_max)
    stamp(&h.last_ns, s)
    memcpy(&h.print_seq, &s.seq, NUMBERS_BYTES)
    h.print_ip_id = s.ip_id
    h.print_flags = s.flags


cdef inline void note_origin(Half *h, Half *p, const Segment *s) noexcept nogil:
    """Counters that tell where the capture was taken, and the TTL baseline."""
    if s.direction:
        h.out_count += s.direction == DIRECTION_OUT
        h.in_count += s.direction == DIRECTION_IN
    if s.checksum >= CHECKSUM_BAD:
        h.bad_sum_count += s.checksum == CHECKSUM_BAD
        h.partial_sum_count += s.checksum == CHECKSUM_PARTIAL
    if p.mss and s.payload_bytes > p.mss:
        h.oversize_count += 1
    if s.payload_bytes < PADDING_BELOW:
        if s.ip_flags & IP_PADDED:
            h.padded_count += 1
        else:
            h.unpadded_count += 1
    if s.flags & RST:
        return
    if s.ttl > h.ttl_max:  # always, of the first one
        if h.ttl_first == 0:
            h.ttl_first = s.ttl
            h.ttl_min = s.ttl
        h.ttl_max = s.ttl
    elif s.ttl < h.ttl_min:
        h.ttl_min = s.ttl
    if s.payload_bytes:
        h.data_ttl = s.ttl


cdef inline void note_syn(Flow *flow, Half *h, Half *p, const Segment *s, int side) noexcept nogil:
    """SYN or SYN-ACK: options, counts, roles."""
    if s.flags & ACK:
        h.synack_count += 1
        flow.facts |= FACT_SYNACK
        if p.syn_count == 0 and flow.roles_percent < ROLES_BY_HANDSHAKE:
            flow.client_side = 1 - side
            flow.roles_percent = ROLES_BY_HANDSHAKE
    else:
        h.syn_count += 1
        flow.facts |= FACT_SYN
        if s.dst_mac + 1 == <unsigned long long>1 << 48:
            flow.facts |= FACT_BROADCAST
        if p.syn_count and p.synack_count == 0:
            flow.facts |= FACT_SIMULTANEOUS_OPEN
        elif flow.roles_percent < ROLES_BY_HANDSHAKE and p.synack_count == 0:
            flow.client_side = side
            flow.roles_percent = ROLES_BY_HANDSHAKE
    if h.syn_ns == 0:
        h.syn_ns = s.time_ns
        h.syn_frame = s.frame
        h.syn_ttl = s.ttl
        h.syn_window = s.window
        h.mss = s.mss
        h.syn_options = offers(s)
    elif h.syn_second_ns == 0:
        h.syn_second_ns = s.time_ns
    h.syn_last_options = offers(s)
    h.syn_last_ns = s.time_ns
    h.syn_last_frame = s.frame


cdef inline unsigned short offers(const Segment *s) noexcept nogil:
    """Option and Offer bits of a SYN or SYN-ACK."""
    cdef unsigned int bits = s.options
    if s.flags & ECE:
        bits |= OFFER_ECN
    if s.payload_bytes:
        bits |= OFFER_DATA
    return bits


cdef inline void note_data(Half *h, Half *p, const Segment *s) noexcept nogil:
    """Payload counters."""
    if p.data_acked_ns > h.data_last_ns and p.una == p.nxt and p.timed_bytes > REQUEST_ABOVE:
        note_turn(h, p, s)
    if h.data_packets == 0:
        h.data_ns = s.time_ns
        h.data_frame = s.frame
    h.data_packets += 1
    stamp(&h.data_last_ns, s)
    h.payload_bytes += s.payload_bytes
    if s.payload_bytes > h.max_payload_bytes:
        h.max_payload_bytes = s.payload_bytes


cdef inline void note_turn(Half *h, Half *p, const Segment *s) noexcept nogil:
    """It speaks after its kernel had acknowledged, in a segment of its own, all that the peer had asked."""
    cdef long long turn_ms = (s.time_ns - p.data_acked_ns) // 1000000
    if turn_ms > h.turn_ms:
        h.turn_ms = <unsigned int>(turn_ms if turn_ms < LONGEST_MS else LONGEST_MS)
        h.turn_at_ns = s.time_ns
        h.turn_frame = s.frame


cdef inline void note_odd_flags(Flow *flow, const Segment *s) noexcept nogil:
    """Neither SYN, RST nor ACK, or a SYN that also ends something (RFC 9293 section 3.10.7)."""
    if s.flags & (SYN | RST | ACK) == 0 or (s.flags & SYN and s.flags & (FIN | RST)):
        if flow.facts & FACT_ODD_FLAGS == 0:
            flow.odd_flags = s.flags & 0xFF
        flow.facts |= FACT_ODD_FLAGS


cdef inline void note_fin_and_proofs(Half *h, Half *p, const Segment *s) noexcept nogil:
    """The sender's FIN, its acknowledgment of the peer's FIN, and what would prove that it arrived."""
    cdef unsigned int end = s.seq + s.payload_bytes + (s.flags & FIN)
    if s.flags & FIN:
        if h.fin_count == 0:
            h.fin_ns = s.time_ns
            h.fin_frame = s.frame
            h.fin_seq = end
        h.fin_count += 1
    if s.flags & ACK and p.fin_count and ahead(s.ack, p.fin_seq) >= 0:
        if p.known & KNOWN_FIN_ACKED == 0:
            p.known |= KNOWN_FIN_ACKED
            p.fin_acked_ns = s.time_ns
            p.fin_acked_frame = s.frame
        if p.known & KNOWN_PROOF_SEQ == 0 and end != s.seq:
            p.known |= KNOWN_PROOF_SEQ
            p.proof_seq = end
        if p.known & KNOWN_PROOF_TS == 0 and s.options & OPTION_TIMESTAMP and ahead(s.tsval, h.tsval) > 0:
            p.known |= KNOWN_PROOF_TS
            p.proof_ts = s.tsval


cdef inline void note_icmp(Flow *flow, const Segment *s, int side) noexcept nogil:
    """The first ICMP error that quotes this connection."""
    flow.icmp_count += 1
    if flow.icmp_count > 1:
        return
    flow.icmp_ns = s.time_ns
    flow.icmp_frame = s.frame
    flow.icmp_via_hi = s.via_hi
    flow.icmp_via_lo = s.via_lo
    flow.icmp_type = s.icmp_type
    flow.icmp_code = s.icmp_code
    flow.icmp_ttl = s.via_ttl
    flow.icmp_mtu = s.mtu
    flow.icmp_side = side


cdef inline bint is_hard(const Segment *s) noexcept nogil:
    """Destination unreachable or time exceeded; not fragmentation needed."""
    if s.ip_flags & IP_V6:
        return s.icmp_type == ICMPV6_UNREACHABLE or s.icmp_type == ICMPV6_TIME_EXCEEDED
    if s.icmp_type == ICMP_UNREACHABLE:
        return s.icmp_code != ICMP_FRAGMENTATION_NEEDED
    return s.icmp_type == ICMP_TIME_EXCEEDED
