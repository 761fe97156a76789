"""Which connection a segment belongs to, whether it opens another, and who the client is.

The hash table holds FLOW indices + 1 (0: empty) and is probed linearly; of connections on the same ports it
holds the newest.
"""

from analysis.loop.branchless cimport is_set
from analysis.loop.constants cimport (
    ACK,
    EPHEMERAL_PORT,
    FACT_FLIPPED,
    FACT_MIDSTREAM,
    KNOWN_SEQ,
    KNOWN_SYN,
    ROLES_BY_HANDSHAKE,
    ROLES_BY_NOTHING,
    ROLES_BY_PORT_RANGE,
    ROLES_BY_SERVICE,
    ROLES_BY_SYN,
    RST,
    SYN,
)
from analysis.loop.rows cimport Flow, Half, Segment
from analysis.loop.zeek_view cimport only_opened, write_letter
from libc.string cimport memcpy


cdef inline unsigned long long home_slot(
    unsigned long long flow_hash, unsigned long long mask
) noexcept nogil:
    """Where the search for a connection begins: the hash has its best bits at the bottom."""
    return flow_hash & mask


cdef inline unsigned int pair_of(const unsigned short *first) noexcept nogil:
    """Two numbers that follow each other in memory, as one."""
    cdef unsigned int pair
    memcpy(&pair, first, 4)
    return pair


cdef inline int side_of(const Flow *flow, const Segment *s) noexcept nogil:
    """0 or 1: which side of `flow` sent `s`; -1 when it belongs to another connection."""
    cdef unsigned int ports = pair_of(&s.sport)
    cdef unsigned int known_ports = pair_of(&flow.a_port)
    cdef unsigned long long forward = (
        (flow.a_lo ^ s.src_lo)
        | (flow.b_lo ^ s.dst_lo)
        | (flow.a_hi ^ s.src_hi)
        | (flow.b_hi ^ s.dst_hi)
        | (known_ports ^ ports)
    )
    cdef unsigned long long backward = (
        (flow.b_lo ^ s.src_lo)
        | (flow.a_lo ^ s.dst_lo)
        | (flow.b_hi ^ s.src_hi)
        | (flow.a_hi ^ s.dst_hi)
        | (known_ports ^ (ports << 16 | ports >> 16))
    )
    # Without a branch per side, which no processor could predict.
    cdef unsigned int side = is_set(forward)
    return -1 if side & is_set(backward) else <int>side


cdef inline bint same_ports(const Flow *a, const Flow *b) noexcept nogil:
    """Whether two connections use the same addresses and ports, in either order."""
    if a.flow_hash != b.flow_hash:
        return False
    if (
        a.a_port == b.a_port
        and a.b_port == b.b_port
        and a.a_lo == b.a_lo
        and a.b_lo == b.b_lo
        and a.a_hi == b.a_hi
        and a.b_hi == b.b_hi
    ):
        return True
    return (
        a.a_port == b.b_port
        and a.b_port == b.a_port
        and a.a_lo == b.b_lo
        and a.b_lo == b.a_lo
        and a.a_hi == b.b_hi
        and a.b_hi == b.a_hi
    )


cdef inline bint opens_another(Flow *flow, Half *h, Half *p, const Segment *s, long long attempt_ns) noexcept nogil:
    """Whether a SYN begins a new connection on known ports: a new initial sequence number.

    RFC 9293 section 3.10.7.4 (TIME-WAIT) and RFC 6191 allow it; a repeated SYN keeps its number. With
    `attempt_ns`, what follows an attempt that stayed without an answer for so long is a new one, too.
    """
    if attempt_ns and p.packets == 0 and only_opened(h) and s.time_ns - flow.start_ns >= attempt_ns:
        return True
    if s.flags & (SYN | RST | ACK) != SYN:
        return False
    if h.known & KNOWN_SEQ:
        return s.seq != h.iss or h.known & KNOWN_SYN == 0
    # Nothing seen from this end yet: the other end was in the middle of an older connection.
    return p.packets != 0 and p.syn_count == 0 and p.synack_count == 0


cdef inline void open_flow(Flow *flow, const Segment *s, unsigned char *services) noexcept nogil:
    """Fill a fresh FLOW row from the first segment seen."""
    flow.a_hi = s.src_hi
    flow.a_lo = s.src_lo
    flow.b_hi = s.dst_hi
    flow.b_lo = s.dst_lo
    flow.a_port = s.sport
    flow.b_port = s.dport
    flow.flow_hash = s.flow_hash
    flow.start_ns = s.time_ns
    flow.first_frame = s.frame
    flow.interface = s.interface
    if s.flags & (SYN | ACK) == SYN:
        flow.roles_percent = ROLES_BY_SYN
    else:
        guess_roles(flow, s, services)


cdef inline void guess_roles(Flow *flow, const Segment *s, unsigned char *services) noexcept nogil:
    """Who the client is when the first segment is no SYN. `services` marks the ports of known servers."""
    cdef bint source_serves = services[s.sport] != 0
    cdef bint target_serves = services[s.dport] != 0
    cdef bint is_synack = s.flags & (SYN | ACK) == (SYN | ACK)
    flow.facts |= FACT_MIDSTREAM
    if is_synack:
        flow.client_side = 1
        flow.roles_percent = ROLES_BY_HANDSHAKE
    elif source_serves and not target_serves:
        flow.client_side = 1
        flow.roles_percent = ROLES_BY_SERVICE
    elif target_serves and not source_serves:
        flow.roles_percent = ROLES_BY_SERVICE
    elif s.sport < EPHEMERAL_PORT <= s.dport:
        flow.client_side = 1
        flow.roles_percent = ROLES_BY_PORT_RANGE
    elif s.dport < EPHEMERAL_PORT <= s.sport:
        flow.roles_percent = ROLES_BY_PORT_RANGE
    else:
        flow.roles_percent = ROLES_BY_NOTHING
    if flow.client_side:
        flow.facts |= FACT_FLIPPED
        if is_synack or (source_serves and not target_serves):
            write_letter(flow, c'^', False)
