"""The compiled loop: SEGMENT rows in, FLOW and HALF rows moved, one NOTE row per segment out.

Cython in pure-Python mode. Nothing here makes a Python object; bounds checks stay on for every array. What the
states may do is not written here: `cells` is `states.TABLE`, packed.

One segment is handled in this order: find its connection; is it a capture duplicate; where does it lie in its
sender's sequence space (new, repeated, beyond a gap); what does it acknowledge; what does it prove its sender has
received; which event does it make for its sender (certain) and for the other end (pending).

Sequence numbers are compared modulo 2^32 by signed difference (RFC 9293 section 3.4), in `ahead`, only here.
"""
# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
# cython: infer_types=False

from __future__ import annotations

import cython

# The rows, as `segment.SEGMENT`, `records.FLOW`, `records.HALF` and `records.NOTE` lay them out: making the
# views below compares names, types and offsets, so a difference cannot pass silently.

Segment = cython.struct(
    time_ns=cython.longlong,
    frame=cython.ulonglong,
    flow_hash=cython.ulonglong,
    src_hi=cython.ulonglong,
    src_lo=cython.ulonglong,
    dst_hi=cython.ulonglong,
    dst_lo=cython.ulonglong,
    via_hi=cython.ulonglong,
    via_lo=cython.ulonglong,
    src_mac=cython.ulonglong,
    dst_mac=cython.ulonglong,
    seq=cython.uint,
    ack=cython.uint,
    payload_bytes=cython.uint,
    payload_offset=cython.uint,
    payload_captured_bytes=cython.uint,
    tsval=cython.uint,
    tsecr=cython.uint,
    sack_left=cython.uint,
    sack_right=cython.uint,
    sack2_left=cython.uint,
    sack2_right=cython.uint,
    sport=cython.ushort,
    dport=cython.ushort,
    flags=cython.ushort,
    window=cython.ushort,
    mss=cython.ushort,
    options=cython.ushort,
    ip_id=cython.ushort,
    mtu=cython.ushort,
    interface=cython.ushort,
    kind=cython.uchar,
    ttl=cython.uchar,
    via_ttl=cython.uchar,
    wscale=cython.uchar,
    sack_count=cython.uchar,
    checksum=cython.uchar,
    direction=cython.uchar,
    ip_flags=cython.uchar,
    icmp_type=cython.uchar,
    icmp_code=cython.uchar,
    tunnel_depth=cython.uchar,
    payload_class=cython.uchar,
)

Flow = cython.struct(
    a_hi=cython.ulonglong,
    a_lo=cython.ulonglong,
    b_hi=cython.ulonglong,
    b_lo=cython.ulonglong,
    flow_hash=cython.ulonglong,
    end_ns=cython.longlong,
    last_frame=cython.ulonglong,
    established_ns=cython.longlong,
    packets=cython.uint,
    marks=cython.uint,
    a_port=cython.ushort,
    b_port=cython.ushort,
    facts=cython.ushort,
    client_side=cython.uchar,
    history_length=cython.uchar,
    start_ns=cython.longlong,
    first_frame=cython.ulonglong,
    icmp_ns=cython.longlong,
    icmp_frame=cython.ulonglong,
    icmp_via_hi=cython.ulonglong,
    icmp_via_lo=cython.ulonglong,
    history0=cython.ulonglong,
    history1=cython.ulonglong,
    history2=cython.ulonglong,
    history3=cython.ulonglong,
    established_frame=cython.ulonglong,
    previous=cython.uint,
    icmp_count=cython.uint,
    anomalies=cython.uint,
    icmp_mtu=cython.ushort,
    icmp_type=cython.uchar,
    icmp_code=cython.uchar,
    icmp_ttl=cython.uchar,
    icmp_side=cython.uchar,
    roles_percent=cython.uchar,
    unused=cython.uchar,
)

Half = cython.struct(
    timed_ns=cython.longlong,
    rtt_smoothed_ns=cython.longlong,
    rtt_sum_ns=cython.longlong,
    rtt_min_ns=cython.longlong,
    data_acked_ns=cython.longlong,
    zero_since_ns=cython.longlong,
    nxt=cython.uint,
    una=cython.uint,
    iss=cython.uint,
    ack_last=cython.uint,
    window_bytes=cython.uint,
    edge_count=cython.uint,
    timed_seq=cython.uint,
    keepalive_pending=cython.uint,
    probe_pending=cython.uint,
    fin_count=cython.uint,
    rtt_count=cython.uint,
    max_acked_bytes=cython.uint,
    mss=cython.ushort,
    window_raw=cython.ushort,
    known=cython.uchar,
    proven=cython.uchar,
    believed=cython.uchar,
    pending=cython.uchar,
    holes=cython.uchar,
    wscale=cython.uchar,
    zeek=cython.uchar,
    disproved_count=cython.uchar,
    near_unused0=cython.uint,
    near_unused1=cython.uint,
    near_unused2=cython.uint,
    near_unused3=cython.uint,
    near_unused4=cython.uint,
    last_ns=cython.longlong,
    last_frame=cython.ulonglong,
    advanced_ns=cython.longlong,
    data_last_ns=cython.longlong,
    data_last_frame=cython.ulonglong,
    payload_bytes=cython.ulonglong,
    unique_bytes=cython.ulonglong,
    packets=cython.uint,
    data_packets=cython.uint,
    ack_max=cython.uint,
    window_max_bytes=cython.uint,
    tsval=cython.uint,
    tsecr_max=cython.uint,
    print_seq=cython.uint,
    print_ack=cython.uint,
    print_ts=cython.uint,
    print_bytes=cython.uint,
    dup_ack_run=cython.uint,
    rst_count=cython.uint,
    max_payload_bytes=cython.uint,
    history_bits=cython.uint,
    unpadded_count=cython.uint,
    padded_count=cython.uint,
    out_count=cython.uint,
    in_count=cython.uint,
    print_window=cython.ushort,
    print_ip_id=cython.ushort,
    print_flags=cython.ushort,
    ip_id=cython.ushort,
    ttl_first=cython.uchar,
    ttl_min=cython.uchar,
    ttl_max=cython.uchar,
    data_ttl=cython.uchar,
    first_ns=cython.longlong,
    first_frame=cython.ulonglong,
    syn_ns=cython.longlong,
    syn_frame=cython.ulonglong,
    syn_last_ns=cython.longlong,
    syn_last_frame=cython.ulonglong,
    fin_ns=cython.longlong,
    fin_frame=cython.ulonglong,
    fin_acked_ns=cython.longlong,
    fin_acked_frame=cython.ulonglong,
    rst_ns=cython.longlong,
    rst_frame=cython.ulonglong,
    data_ns=cython.longlong,
    data_frame=cython.ulonglong,
    edge_ns=cython.longlong,
    edge_last_ns=cython.longlong,
    zero_total_ns=cython.longlong,
    hole_ns=cython.longlong,
    unseen_bytes=cython.ulonglong,
    fin_seq=cython.uint,
    syn_count=cython.uint,
    synack_count=cython.uint,
    rst_seq=cython.uint,
    rst_ack=cython.uint,
    rst_expected_seq=cython.uint,
    rst_peer_ack=cython.uint,
    after_rst_count=cython.uint,
    syn_repeat_count=cython.uint,
    synack_repeat_count=cython.uint,
    fin_repeat_count=cython.uint,
    rto_count=cython.uint,
    fast_count=cython.uint,
    tlp_count=cython.uint,
    spurious_count=cython.uint,
    dsack_count=cython.uint,
    out_of_order_count=cython.uint,
    duplicate_count=cython.uint,
    keepalive_count=cython.uint,
    probe_count=cython.uint,
    dup_ack_count=cython.uint,
    zero_window_count=cython.uint,
    window_full_count=cython.uint,
    gap_count=cython.uint,
    fill_count=cython.uint,
    resend_count=cython.uint,
    edge_seq=cython.uint,
    edge_bytes=cython.uint,
    stray_ack_count=cython.uint,
    hole0_left=cython.uint,
    hole0_right=cython.uint,
    hole1_left=cython.uint,
    hole1_right=cython.uint,
    timed_bytes=cython.uint,
    proof_seq=cython.uint,
    proof_ts=cython.uint,
    sack_high=cython.uint,
    partial_sum_count=cython.uint,
    bad_sum_count=cython.uint,
    oversize_count=cython.uint,
    history_t=cython.uint,
    history_w=cython.uint,
    history_g=cython.uint,
    syn_options=cython.ushort,
    rst_window=cython.ushort,
    rst_ip_id=cython.ushort,
    rst_flags=cython.ushort,
    rst_options=cython.ushort,
    syn_window=cython.ushort,
    before_rst=cython.uchar,
    zeek_previous=cython.uchar,
    rst_ttl=cython.uchar,
    rst_form=cython.uchar,
    syn_ttl=cython.uchar,
    spare0=cython.ulonglong,
    spare1=cython.ulonglong,
    spare2=cython.ulonglong,
)

Note = cython.struct(
    marks=cython.uint,
    flow=cython.int,
    ordinal=cython.uint,
    side=cython.uchar,
    anomaly=cython.uchar,
    proven0=cython.uchar,
    believed0=cython.uchar,
    proven1=cython.uchar,
    believed1=cython.uchar,
    unused=cython.ushort,
)

FlowPtr = cython.typedef(cython.pointer(Flow))
HalfPtr = cython.typedef(cython.pointer(Half))
SegmentPtr = cython.typedef(cython.pointer(Segment))
NotePtr = cython.typedef(cython.pointer(Note))

# A mirror port repeats a packet within this; the same where the IP identification says nothing.
DUPLICATE_NS = cython.declare(cython.longlong, 2_000_000)
EXACT_NS = cython.declare(cython.longlong, 100_000)
# A gap filled sooner than this, or than the round trip, was reordering.
REORDER_NS = cython.declare(cython.longlong, 3_000_000)
# A fast retransmission follows its duplicate ACKs within this, or within 1.5 round trips.
FAST_NS = cython.declare(cython.longlong, 20_000_000)


# --- sequence arithmetic -----------------------------------------------------------------------------------


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def ahead(a: cython.uint, b: cython.uint) -> cython.int:
    """How far `a` lies ahead of `b` modulo 2^32; negative when behind."""
    return cython.cast(cython.int, cython.cast(cython.uint, a - b))


# --- Zeek's view -------------------------------------------------------------------------------------------
# Endpoint states 0 inactive, 1 SYN sent, 2 SYN-ACK sent, 3 partial, 4 established, 5 closed, 6 reset.


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def write_letter(flow: FlowPtr, letter: cython.uint, responder: cython.bint) -> cython.void:
    """Append a letter to the history (lower case for the responder); 32 letters are kept."""
    place: cython.uint = flow.history_length
    value: cython.ulonglong = letter | (0x20 if responder else 0)
    if place >= 32:
        return
    value = value << ((place & 7) * 8)
    if place < 8:
        flow.history0 |= value
    elif place < 16:
        flow.history1 |= value
    elif place < 24:
        flow.history2 |= value
    else:
        flow.history3 |= value
    flow.history_length += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def once(
    flow: FlowPtr, h: HalfPtr, bit: cython.uint, letter: cython.uint, responder: cython.bint
) -> cython.bint:
    """Write the letter the first time; True when it had been written before."""
    if h.history_bits & bit:
        return True
    h.history_bits |= bit
    write_letter(flow, letter, responder)
    return False


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_power_of_ten(count: cython.uint) -> cython.bint:
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


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def zeek_history(flow: FlowPtr, h: HalfPtr, p: HalfPtr, s: SegmentPtr, responder: cython.bint) -> cython.void:
    """Zeek's history letters for one segment, before the sequence space moves."""
    flags: cython.uint = s.flags & 0x07
    end: cython.uint = s.seq + s.payload_bytes
    if flags == 0:
        if s.payload_bytes:
            once(flow, h, 1, 0x44, responder)  # D
        elif s.flags & 0x10:
            once(flow, h, 2, 0x41, responder)  # A
    elif flags == 0x02:
        if s.flags & 0x10:
            if once(flow, h, 4, 0x48, responder) and s.seq != h.iss:
                write_letter(flow, 0x48, responder)  # H
        elif once(flow, h, 4, 0x53, responder) and s.seq != h.iss:
            write_letter(flow, 0x53, responder)  # S
    elif flags == 0x01:
        if once(flow, h, 8, 0x46, responder) and h.fin_count and end + 1 != h.fin_seq:
            write_letter(flow, 0x46, responder)  # F
    elif flags == 0x04:
        if once(flow, h, 16, 0x52, responder) and s.seq != h.rst_seq:
            write_letter(flow, 0x52, responder)  # R
    elif flags & 0x05 == 0x05:
        once(flow, h, 32, 0x49, responder)  # I
    else:
        once(flow, h, 64, 0x51, responder)  # Q
    if s.window == 0 and flags & 0x04 == 0 and p.zeek != 5 and h.zeek != 6:
        h.history_w += 1
        if is_power_of_ten(h.history_w):
            write_letter(flow, 0x57, responder)  # W
    if (
        s.payload_bytes
        and h.known & 1
        and h.zeek != 6
        and ahead(end + (flags & 1) + (1 if flags & 2 else 0), h.nxt) <= 0
        and flags & 0x04 == 0
    ):
        h.history_t += 1
        if is_power_of_ten(h.history_t):
            write_letter(flow, 0x54, responder)  # T


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def zeek_set(h: HalfPtr, state: cython.uchar) -> cython.void:
    """Enter a state, remembering the one before."""
    if h.zeek != state:
        h.zeek_previous = h.zeek
        h.zeek = state


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def zeek_state(h: HalfPtr, p: HalfPtr, s: SegmentPtr, responder: cython.bint) -> cython.void:
    """Move Zeek's state of the sender (and of its peer) for one segment."""
    syn: cython.bint = s.flags & 0x02 != 0
    fin: cython.bint = s.flags & 0x01 != 0
    rst: cython.bint = s.flags & 0x04 != 0
    ack: cython.bint = s.flags & 0x10 != 0
    if h.zeek == 0:
        if syn:
            if not responder:
                zeek_set(h, 2 if ack else 1)
            else:
                if p.zeek == 1 or (p.zeek == 2 and not ack):
                    zeek_set(p, 4)
                zeek_set(h, 4)
        if fin:
            zeek_set(h, 5)
        if rst:
            zeek_set(h, 6)
        if h.zeek == 0:
            if responder and s.payload_bytes == 0 and p.zeek == 1:
                pass
            elif ack and p.zeek == 4:
                zeek_set(h, 4)
            else:
                zeek_set(h, 3)
    elif h.zeek == 1 or h.zeek == 2:
        if fin:
            zeek_set(h, 5)
        if rst:
            zeek_set(h, 6)
    elif h.zeek == 3 or h.zeek == 4:
        if syn and h.zeek == 3 and p.zeek == 0 and not ack:
            zeek_set(h, 1)
        if fin and not rst:
            zeek_set(h, 5)
            if p.zeek == 6 and p.zeek_previous == 5:
                zeek_set(p, 5)
        if rst:
            zeek_set(h, 6)
    elif h.zeek == 5:
        if rst and p.zeek != 5:
            zeek_set(h, 6)


# --- the connection table ----------------------------------------------------------------------------------


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def side_of(flow: FlowPtr, s: SegmentPtr) -> cython.int:
    """0 or 1: which side of `flow` sent `s`; -1 when it belongs to another connection."""
    if flow.flow_hash != s.flow_hash:
        return -1
    if (
        flow.a_port == s.sport
        and flow.b_port == s.dport
        and flow.a_lo == s.src_lo
        and flow.b_lo == s.dst_lo
        and flow.a_hi == s.src_hi
        and flow.b_hi == s.dst_hi
    ):
        return 0
    if (
        flow.b_port == s.sport
        and flow.a_port == s.dport
        and flow.b_lo == s.src_lo
        and flow.a_lo == s.dst_lo
        and flow.b_hi == s.src_hi
        and flow.a_hi == s.dst_hi
    ):
        return 1
    return -1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_service(port: cython.uint, services: cython.pointer(cython.uchar)) -> cython.bint:
    """Whether a port is one that servers are known to listen on."""
    return services[port] != 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def open_flow(flow: FlowPtr, s: SegmentPtr, services: cython.pointer(cython.uchar)) -> cython.void:
    """Fill a fresh FLOW row from the first segment seen, and guess who the client is."""
    source_serves: cython.bint = is_service(s.sport, services)
    target_serves: cython.bint = is_service(s.dport, services)
    flow.a_hi = s.src_hi
    flow.a_lo = s.src_lo
    flow.b_hi = s.dst_hi
    flow.b_lo = s.dst_lo
    flow.a_port = s.sport
    flow.b_port = s.dport
    flow.flow_hash = s.flow_hash
    flow.start_ns = s.time_ns
    flow.first_frame = s.frame
    if s.flags & 0x12 == 0x02:
        flow.roles_percent = 99
        return
    flow.facts |= 1  # MIDSTREAM
    if s.flags & 0x12 == 0x12:
        flow.client_side = 1
        flow.roles_percent = 95
    elif source_serves and not target_serves:
        flow.client_side = 1
        flow.roles_percent = 80
    elif target_serves and not source_serves:
        flow.roles_percent = 80
    elif s.sport < s.dport and s.sport < 32768 <= s.dport:
        flow.client_side = 1
        flow.roles_percent = 60
    elif s.sport == s.dport:
        flow.roles_percent = 50
    else:
        flow.roles_percent = 60 if s.dport < 32768 <= s.sport else 50
    if flow.client_side:
        flow.facts |= 0x20  # FLIPPED
        if s.flags & 0x12 == 0x12 or (source_serves and not target_serves):
            write_letter(flow, 0x5E, False)  # ^


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def opens_another(
    flow: FlowPtr, h: HalfPtr, p: HalfPtr, s: SegmentPtr, attempt_ns: cython.longlong
) -> cython.bint:
    """Whether a SYN begins a new connection on known ports: a new initial sequence number.

    RFC 9293 section 3.10.7.4 (TIME-WAIT) and RFC 6191 allow it; a repeated SYN keeps its number. With
    `attempt_ns`, what follows an attempt that stayed without an answer for so long is a new one, too.
    """
    if (
        attempt_ns
        and p.packets == 0
        and (h.zeek == 1 or h.zeek == 2)
        and s.time_ns - flow.start_ns >= attempt_ns
    ):
        return True
    if s.flags & 0x16 != 0x02:
        return False
    if h.known & 1:
        return s.seq != h.iss or h.known & 2 == 0
    # Nothing seen from this end yet: the other end was in the middle of an older connection.
    return p.packets != 0 and p.syn_count == 0 and p.synack_count == 0


# --- state machine -----------------------------------------------------------------------------------------


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def pend(h: HalfPtr, bit: cython.uchar) -> cython.void:
    """Note an event on its way to `h`, unless `h` keeps showing that such events do not reach it."""
    if h.disproved_count < 2:
        h.pending |= bit


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def disprove(h: HalfPtr, bit: cython.uchar) -> cython.void:
    """`h` repeated what the pending event should have stopped: it has not arrived."""
    if h.pending & bit:
        h.pending &= ~bit
        if h.disproved_count < 255:
            h.disproved_count += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def pending_event(bit: cython.int) -> cython.int:
    """The Event that a Pending bit stands for."""
    if bit == 0:
        return 6  # GETS_SYN
    if bit == 1:
        return 7  # GETS_SYNACK
    if bit == 2:
        return 9  # GETS_ACK_OF_SYN
    if bit == 3:
        return 8  # GETS_SEGMENT
    if bit == 4:
        return 11  # GETS_ACK_OF_FIN
    if bit == 5:
        return 10  # GETS_FIN
    if bit == 6:
        return 12  # GETS_RST
    return 13  # GETS_HARD_ICMP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def believe(h: HalfPtr, cells: cython.pointer(cython.schar)) -> cython.void:
    """Belief is what is proven, plus everything pending, in the order of its bits."""
    state: cython.int = h.proven
    cell: cython.int
    bit: cython.int
    if h.pending:
        for bit in range(8):
            if h.pending & (1 << bit):
                cell = cells[state * 14 + pending_event(bit)]
                if cell >= 0:
                    state = cell
    h.believed = state


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def prove(flow: FlowPtr, h: HalfPtr, event: cython.int, cells: cython.pointer(cython.schar)) -> cython.int:
    """Move `h` for certain. Returns 0, or n for Anomaly(-n)."""
    cell: cython.int = cells[h.proven * 14 + event]
    if cell < 0:
        flow.anomalies |= 1 << (-cell)
        return -cell
    h.proven = cell
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def wants_fin(state: cython.int) -> cython.bint:
    """States that have not had the peer's FIN."""
    return state == 4 or state == 5 or state == 6 or state == 7


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def wants_ack_of_fin(state: cython.int) -> cython.bint:
    """FIN-WAIT-1, CLOSING, LAST-ACK."""
    return state == 6 or state == 9 or state == 10


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def prove_receipts(
    flow: FlowPtr, h: HalfPtr, p: HalfPtr, s: SegmentPtr, cells: cython.pointer(cython.schar)
) -> cython.void:
    """What this segment proves that its sender had received when it sent it."""
    if s.flags & 0x10 == 0 or s.flags & 0x02:
        return
    if (
        wants_ack_of_fin(h.proven)
        and h.known & 16
        and (
            (h.known & 32 and ahead(s.ack, h.proof_seq) >= 0)
            or (h.known & 64 and s.options & 0x10 and ahead(s.tsecr, h.proof_ts) >= 0)
        )
    ):
        prove(flow, h, 11, cells)  # GETS_ACK_OF_FIN
        h.pending &= ~0x10
    if p.fin_count and wants_fin(h.proven) and ahead(s.ack, p.fin_seq) >= 0:
        if h.proven == 4:
            h.proven = 5
        prove(flow, h, 10, cells)  # GETS_FIN
        h.pending &= ~0x20


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_stray_reset(h: HalfPtr, s: SegmentPtr) -> cython.bint:
    """A RST without ACK whose number is not from this connection: it answers an unacceptable segment."""
    return (
        s.flags & 0x10 == 0
        and h.known & 2 != 0
        and h.proven == 3
        and ahead(s.seq, h.nxt) != 0
        and ahead(s.seq, h.iss) != 0
    )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_foreign_reset(h: HalfPtr, s: SegmentPtr) -> cython.bint:
    """A RST whose TTL no other segment of its sender has: perhaps a device on the way sent it."""
    return h.ttl_first != 0 and (s.ttl < h.ttl_min or s.ttl > h.ttl_max)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def reset_is_acceptable(h: HalfPtr, p: HalfPtr, s: SegmentPtr) -> cython.bint:
    """Whether the other end `p` must obey this RST of `h` (RFC 9293 section 3.10.7.3, RFC 5961 section 3.2).

    In SYN-SENT it must acknowledge the SYN. Otherwise its number must be what the receiver expects next. The
    receiver may have had bytes that it has not acknowledged at the tap, so everything from its last
    acknowledgment to the highest byte sent is taken.
    """
    if p.proven == 3 or (p.proven == 0 and p.known & 1 == 0):
        return (
            s.flags & 0x10 == 0 or p.known & 1 == 0 or (ahead(s.ack, p.iss) > 0 and ahead(s.ack, p.nxt) <= 0)
        )
    if p.known & 4 == 0:
        return True
    if ahead(s.seq, p.ack_last) == 0:
        return True
    return h.known & 1 != 0 and ahead(s.seq, p.ack_last) > 0 and ahead(s.seq, h.nxt) <= 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def move_states(
    flow: FlowPtr,
    h: HalfPtr,
    p: HalfPtr,
    s: SegmentPtr,
    n: NotePtr,
    stray_ack: cython.bint,
    cells: cython.pointer(cython.schar),
) -> cython.void:
    """The sender's state for certain, the receiver's as belief."""
    flags: cython.uint = s.flags
    event: cython.int
    anomaly: cython.int
    before: cython.int = h.proven
    moved0: cython.int = h.proven * 16 + h.believed
    moved1: cython.int = p.proven * 16 + p.believed

    prove_receipts(flow, h, p, s, cells)
    if flags & 0x04:
        if is_stray_reset(h, s):
            event = 5
            n.marks |= 1 << 26  # STRAY_RST
        else:
            event = 4
            if h.rst_count == 1:
                h.before_rst = before
    elif flags & 0x02:
        event = 1 if flags & 0x10 else 0
        if event == 0:
            disprove(h, 0x02)
        elif h.proven == 4:
            disprove(h, 0x04)
    elif flags & 0x01:
        event = 3
        if n.marks & 0x04:
            disprove(h, 0x10)
    else:
        event = 2
    if event == 2 and (h.proven == 0 or h.proven == 2) and p.proven == 3 and stray_ack:
        # An acknowledgment of something this connection never sent: an older connection still lives there.
        anomaly = 0
    elif event == 1 and h.proven == 11 and n.marks & 0x02:
        anomaly = 0  # a SYN-ACK captured late
    elif event == 4 and is_foreign_reset(h, s):
        anomaly = 0  # believed, not proven
    else:
        anomaly = prove(flow, h, event, cells)
    if anomaly == 4 and h.rst_count and h.before_rst:
        # It goes on after "its" RST: somebody else sent that (or it was refused). The state comes back.
        h.proven = h.before_rst
        prove(flow, h, event, cells)
    if anomaly:
        n.anomaly = anomaly
        n.marks |= 1 << 21
    if event == 2 or event == 3:
        h.pending &= ~(0x02 | 0x04 | 0x08 | 0x01 | 0x40)
        if p.fin_count and ahead(s.ack, p.fin_seq) < 0 and s.flags & 0x10:
            pass  # the peer's FIN is still on its way to it: pending stays
    elif event == 4 and not is_foreign_reset(h, s):
        h.pending = 0
    elif event == 4:
        h.pending |= 0x40

    # What is now on its way to the other end.
    if flags & 0x04:
        if event == 4:
            if reset_is_acceptable(h, p, s):
                p.pending |= 0x40
            else:
                n.marks |= 1 << 22
    elif flags & 0x02:
        if flags & 0x10 == 0:
            if p.proven == 0 or p.proven == 2 or p.proven == 3:
                pend(p, 0x01)
        elif p.proven == 0 or (p.proven == 3 and ahead(s.ack, p.iss) > 0 and ahead(s.ack, p.nxt) <= 0):
            pend(p, 0x02)
        elif p.proven == 4 and not stray_ack:
            pend(p, 0x04)
    else:
        if p.proven == 0:
            if p.known & 1 == 0:
                pend(p, 0x08)
        elif p.proven == 4 and flags & 0x10 and not stray_ack:
            pend(p, 0x04)
            if flow.established_ns == 0:
                flow.established_ns = s.time_ns
                flow.established_frame = s.frame
                if flow.facts & 0x06 == 0x06:
                    flow.facts |= 0x08  # HANDSHAKE
        if flags & 0x10 and p.fin_count and wants_ack_of_fin(p.proven) and ahead(s.ack, p.fin_seq) >= 0:
            pend(p, 0x10)
        if flags & 0x01 and (wants_fin(p.proven) or p.proven == 0):
            pend(p, 0x20)

    believe(h, cells)
    believe(p, cells)
    if h.proven * 16 + h.believed != moved0 or p.proven * 16 + p.believed != moved1:
        n.marks |= 1 << 24  # STATE


# --- sequence space ----------------------------------------------------------------------------------------


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def open_hole(h: HalfPtr, left: cython.uint, right: cython.uint, now: cython.longlong) -> cython.void:
    """Remember a gap in what was captured; the oldest is forgotten when there are more than two."""
    if h.holes == 2:
        h.hole0_left = h.hole1_left
        h.hole0_right = h.hole1_right
        h.holes = 1
    if h.holes == 0:
        h.hole0_left = left
        h.hole0_right = right
    else:
        h.hole1_left = left
        h.hole1_right = right
    h.holes += 1
    h.hole_ns = now


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_hole(h: HalfPtr, seq: cython.uint, end: cython.uint) -> cython.bint:
    """Whether [seq, end) fills (part of) a gap; the gap shrinks by it."""
    if h.holes > 1 and ahead(seq, h.hole1_left) >= 0 and ahead(seq, h.hole1_right) < 0:
        h.hole1_left = end
        if ahead(h.hole1_left, h.hole1_right) >= 0:
            h.holes -= 1
        return True
    if h.holes > 0 and ahead(seq, h.hole0_left) >= 0 and ahead(seq, h.hole0_right) < 0:
        h.hole0_left = end
        if ahead(h.hole0_left, h.hole0_right) >= 0:
            h.hole0_left = h.hole1_left
            h.hole0_right = h.hole1_right
            h.holes -= 1
        return True
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def close_holes(flow: FlowPtr, h: HalfPtr, ack: cython.uint, responder: cython.bint) -> cython.uint:
    """Gaps of `h` that `ack` covers: bytes that arrived but were never captured. Returns how many."""
    unseen: cython.uint = 0
    while h.holes and ahead(ack, h.hole0_right) >= 0:
        unseen += h.hole0_right - h.hole0_left
        h.hole0_left = h.hole1_left
        h.hole0_right = h.hole1_right
        h.holes -= 1
        if flow.facts & 1 == 0 and h.zeek != 5 and h.zeek != 6:
            h.history_g += 1
            if is_power_of_ten(h.history_g):
                write_letter(flow, 0x47, responder)  # G
    return unseen


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_newer(h: HalfPtr, s: SegmentPtr) -> cython.bint:
    """Whether the sender stamped `s` after its last segment: sent again, then, not overtaken."""
    if s.options & 0x10 and ahead(s.tsval, h.tsval) != 0:
        return ahead(s.tsval, h.tsval) > 0
    if s.ip_id and h.print_ip_id and s.ip_id != h.print_ip_id:
        return cython.cast(cython.ushort, s.ip_id - h.print_ip_id) < 0x8000
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def classify_repeat(
    h: HalfPtr, p: HalfPtr, s: SegmentPtr, end: cython.uint, fills: cython.bint, gap_age_ns: cython.longlong
) -> cython.uint:
    """The Mark of a segment whose bytes were all sent before (or lie in a gap)."""
    flags: cython.uint = s.flags
    since_peer_ns: cython.longlong = s.time_ns - p.last_ns
    patience_ns: cython.longlong = FAST_NS
    reorder_ns: cython.longlong = REORDER_NS
    if flags & 0x02:
        return 0x02 if flags & 0x10 else 0x01
    if h.rtt_smoothed_ns + (h.rtt_smoothed_ns >> 1) > patience_ns:
        patience_ns = h.rtt_smoothed_ns + (h.rtt_smoothed_ns >> 1)
    if h.rtt_min_ns > reorder_ns:
        reorder_ns = h.rtt_min_ns
    if fills and gap_age_ns < reorder_ns and p.dup_ack_run < 3 and not is_newer(h, s):
        return 0x80  # OUT_OF_ORDER
    if s.payload_bytes == 0:
        return 0x04  # FIN_REPEAT
    if h.known & 8 and ahead(h.una, end) >= 0 and not fills:
        return 0x40  # SPURIOUS: acknowledged before
    if since_peer_ns <= patience_ns and (
        (p.dup_ack_run >= 2 and p.ack_last == s.seq) or (h.known & 8 and ahead(h.sack_high, end) > 0)
    ):
        return 0x10  # FAST
    if end == h.nxt and h.edge_count == 0 and p.dup_ack_run == 0 and not fills:
        return 0x20  # TLP
    return 0x08  # RTO


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def count_repeat(h: HalfPtr, mark: cython.uint) -> cython.void:
    """One counter per kind."""
    if mark == 0x01:
        h.syn_repeat_count += 1
    elif mark == 0x02:
        h.synack_repeat_count += 1
    elif mark == 0x04:
        h.fin_repeat_count += 1
    elif mark == 0x08:
        h.rto_count += 1
    elif mark == 0x10:
        h.fast_count += 1
    elif mark == 0x20:
        h.tlp_count += 1
    elif mark == 0x40:
        h.spurious_count += 1
    elif mark == 0x80:
        h.out_of_order_count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def handle_repeat(h: HalfPtr, p: HalfPtr, s: SegmentPtr, n: NotePtr, end: cython.uint) -> cython.void:
    """A segment that begins below the highest byte sent."""
    gap_age_ns: cython.longlong = s.time_ns - h.hole_ns
    fills: cython.bint = fill_hole(h, s.seq, end)
    mark: cython.uint = classify_repeat(h, p, s, end, fills, gap_age_ns)
    n.marks |= mark
    count_repeat(h, mark)
    if mark & 0x80:
        return
    h.timed_ns = 0  # Karn: a repeated segment gives no round-trip sample (RFC 6298 section 3)
    if fills:
        h.fill_count += 1
        n.marks |= 1 << 25
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


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def handle_sequence(h: HalfPtr, p: HalfPtr, s: SegmentPtr, n: NotePtr) -> cython.void:
    """Where a segment that is no RST lies in its sender's sequence space."""
    flags: cython.uint = s.flags
    length: cython.uint = s.payload_bytes + (flags & 1) + (1 if flags & 2 else 0)
    end: cython.uint = s.seq + length
    step: cython.int
    if h.known & 1 == 0:
        h.known |= 1
        h.iss = s.seq if flags & 2 else s.seq - 1
        h.nxt = end
        if flags & 2:
            h.known |= 2
        elif h.known & 8 and ahead(h.una, h.nxt) > 0:
            h.nxt = h.una
        h.unique_bytes += s.payload_bytes
        h.advanced_ns = s.time_ns
        if length:
            h.timed_ns = s.time_ns
            h.timed_seq = end
            h.timed_bytes = s.payload_bytes
        return
    if flags & 2 and h.known & 2 == 0:
        h.known |= 2
        h.iss = s.seq
    step = ahead(s.seq, h.nxt)
    if length == 0:
        if 0 < step < (1 << 24) and flags & 0x10:
            # A bare acknowledgment numbered beyond what was seen: the bytes before it had been sent.
            n.marks |= 1 << 17
            h.gap_count += 1
            open_hole(h, h.nxt, s.seq, s.time_ns)
            h.nxt = s.seq
            h.unique_bytes += step
        elif step == -1 and h.known & 8 and ahead(h.una, h.nxt) >= 0 and flags & 0x10:
            mark_probe(h, p, s, n)
        return
    if step == 0:
        h.nxt = end
        h.unique_bytes += s.payload_bytes
        h.advanced_ns = s.time_ns
        h.edge_count = 0
        if h.timed_ns == 0:
            h.timed_ns = s.time_ns
            h.timed_seq = end
            h.timed_bytes = s.payload_bytes
        if s.payload_bytes == 1 and p.window_bytes == 0 and p.zero_since_ns and flags & 7 == 0:
            n.marks |= 1 << 10  # a probe that carries the next byte
            h.probe_count += 1
            h.probe_pending += 1
        return
    if step > 0:
        if h.known & 8 and ahead(h.una, s.seq) >= 0:
            # The peer had acknowledged that far: the bytes were counted as unseen then.
            pass
        elif flags & 2 == 0 and step < (1 << 30):
            n.marks |= 1 << 17  # GAP
            h.gap_count += 1
            open_hole(h, h.nxt, s.seq, s.time_ns)
        h.nxt = end
        h.unique_bytes += s.payload_bytes + step
        h.advanced_ns = s.time_ns
        h.edge_count = 0
        return
    if step == -1 and s.payload_bytes == 1 and flags & 7 == 0 and h.known & 8 and ahead(h.una, h.nxt) >= 0:
        mark_probe(h, p, s, n)
        return
    handle_repeat(h, p, s, n, end)
    if ahead(end, h.nxt) > 0:
        h.unique_bytes += end - h.nxt
        h.nxt = end
        h.advanced_ns = s.time_ns


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark_probe(h: HalfPtr, p: HalfPtr, s: SegmentPtr, n: NotePtr) -> cython.void:
    """One byte before the edge, all acknowledged: a keepalive, or a zero-window probe if the window is shut.

    On Linux the two are the same bytes; only the peer's last window tells them apart.
    """
    if p.zero_since_ns:
        n.marks |= 1 << 10
        h.probe_count += 1
        h.probe_pending += 1
    else:
        n.marks |= 1 << 8
        h.keepalive_count += 1
        h.keepalive_pending += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def handle_ack(
    flow: FlowPtr, h: HalfPtr, p: HalfPtr, s: SegmentPtr, n: NotePtr, responder: cython.bint
) -> cython.bint:
    """What the acknowledgment number says about the peer's bytes. True when it is stray."""
    length: cython.uint = s.payload_bytes
    unseen: cython.uint
    round_trip_ns: cython.longlong
    advance: cython.int
    bare: cython.bint = length == 0 and s.flags & 7 == 0
    if p.known & 1 == 0:
        # Only this end was seen so far: the peer has sent everything up to here.
        p.una = s.ack
        p.known |= 8
        h.ack_last = s.ack
        h.ack_max = s.ack
        h.known |= 4
        return False
    if p.known & 2 and ahead(s.ack, p.iss) <= 0 and ahead(p.nxt, p.iss) < (1 << 30):
        h.stray_ack_count += 1
        n.marks |= 1 << 23
        return True
    advance = ahead(s.ack, p.nxt)
    if advance > 0:
        if p.proven == 3 and p.synack_count == 0:
            h.stray_ack_count += 1
            n.marks |= 1 << 23
            return True
        if advance < (1 << 28):
            n.marks |= 1 << 18  # ACKS_UNSEEN
            unseen = close_holes(flow, p, s.ack, not responder)
            p.unseen_bytes += unseen + cython.cast(cython.uint, advance)
            p.unique_bytes += cython.cast(cython.uint, advance)
            p.nxt = s.ack
            if flow.facts & 1 == 0 and p.zeek != 5 and p.zeek != 6 and unseen == 0:
                p.history_g += 1
                if is_power_of_ten(p.history_g):
                    write_letter(flow, 0x47, not responder)
    elif p.holes:
        unseen = close_holes(flow, p, s.ack, not responder)
        if unseen:
            n.marks |= 1 << 18
            p.unseen_bytes += unseen

    if p.known & 8 == 0 or ahead(s.ack, p.una) > 0:
        p.una = s.ack
        p.known |= 8
        p.edge_count = 0
        p.data_acked_ns = s.time_ns
        h.dup_ack_run = 0
        if s.ack == p.nxt and p.resend_count == 0 and p.fill_count == 0:
            p.max_acked_bytes = p.max_payload_bytes
        if p.timed_ns and ahead(s.ack, p.timed_seq) >= 0:
            round_trip_ns = s.time_ns - p.timed_ns
            p.timed_ns = 0
            if p.timed_bytes > p.max_acked_bytes:
                p.max_acked_bytes = p.timed_bytes
            if round_trip_ns >= 0:
                p.rtt_count += 1
                p.rtt_sum_ns += round_trip_ns
                if p.rtt_min_ns == 0 or round_trip_ns < p.rtt_min_ns:
                    p.rtt_min_ns = round_trip_ns
                if p.rtt_smoothed_ns == 0:
                    p.rtt_smoothed_ns = round_trip_ns
                else:
                    p.rtt_smoothed_ns += (round_trip_ns - p.rtt_smoothed_ns) // 8
    elif bare and h.known & 4 and s.ack == h.ack_last:
        if n.marks & ((1 << 8) | (1 << 10)):
            pass
        elif p.keepalive_pending:
            n.marks |= 1 << 9
        elif p.probe_pending and s.window == 0:
            n.marks |= 1 << 11
        elif s.window == h.window_raw and ahead(p.nxt, s.ack) > 0 and s.seq == h.nxt:
            n.marks |= 1 << 12
            h.dup_ack_count += 1
            h.dup_ack_run += 1
        elif s.window != h.window_raw and s.window:
            n.marks |= 1 << 15
    h.ack_last = s.ack
    if h.known & 4 == 0 or ahead(s.ack, h.ack_max) > 0:
        h.ack_max = s.ack
    h.known |= 4
    p.keepalive_pending = 0
    p.probe_pending = 0
    if s.sack_count:
        handle_sack(h, p, s, n)
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def handle_sack(h: HalfPtr, p: HalfPtr, s: SegmentPtr, n: NotePtr) -> cython.void:
    """Selective acknowledgments of the peer's bytes; RFC 2883 section 4 tells a D-SACK."""
    if ahead(s.sack_left, s.ack) < 0 or (
        s.sack_count > 1 and ahead(s.sack_left, s.sack2_left) >= 0 and ahead(s.sack_right, s.sack2_right) <= 0
    ):
        n.marks |= 1 << 19
        p.dsack_count += 1
    elif ahead(s.sack_right, p.sack_high) > 0 or ahead(p.una, p.sack_high) > 0:
        p.sack_high = s.sack_right


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def handle_window(h: HalfPtr, p: HalfPtr, s: SegmentPtr, n: NotePtr) -> cython.void:
    """The advertised window, its scale, and whether the sender has filled the peer's."""
    window: cython.uint = s.window
    shift: cython.uint = 0
    if s.flags & 2:
        h.wscale = 0 if s.wscale == 255 else (s.wscale if s.wscale < 15 else 14) + 1
    elif h.wscale and p.wscale:
        shift = h.wscale - 1
    window = window << shift
    h.window_raw = s.window
    h.window_bytes = window
    if window > h.window_max_bytes:
        h.window_max_bytes = window
    if s.window == 0 and s.flags & 7 == 0:
        n.marks |= 1 << 13
        h.zero_window_count += 1
        if h.zero_since_ns == 0:
            h.zero_since_ns = s.time_ns
    elif h.zero_since_ns and s.window:
        h.zero_total_ns += s.time_ns - h.zero_since_ns
        h.zero_since_ns = 0
    if (
        s.payload_bytes
        and p.known & 4
        and p.window_bytes
        and ((p.wscale and h.wscale) or p.known & 128)
        and s.seq + s.payload_bytes == p.ack_last + p.window_bytes
    ):
        n.marks |= 1 << 14
        h.window_full_count += 1


# --- one segment -------------------------------------------------------------------------------------------


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_duplicate(h: HalfPtr, s: SegmentPtr) -> cython.bint:
    """The packet captured again (mirror port, `-i any`), not sent again: same bytes, no time between."""
    age_ns: cython.longlong = s.time_ns - h.last_ns
    if h.packets == 0 or s.seq != h.print_seq or s.payload_bytes != h.print_bytes or s.flags != h.print_flags:
        return False
    if (
        s.ack != h.print_ack
        or s.window != h.print_window
        or s.tsval != h.print_ts
        or s.ip_id != h.print_ip_id
    ):
        return False
    return 0 <= age_ns <= (DUPLICATE_NS if s.ip_id else EXACT_NS)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def note_origin(h: HalfPtr, p: HalfPtr, s: SegmentPtr) -> cython.void:
    """Counters that tell where the capture was taken, and the TTL baseline."""
    if s.direction == 2:
        h.out_count += 1
    elif s.direction == 1:
        h.in_count += 1
    if s.checksum == 3:
        h.partial_sum_count += 1
    elif s.checksum == 2:
        h.bad_sum_count += 1
    if p.mss and s.payload_bytes > p.mss:
        h.oversize_count += 1
    if s.payload_bytes < 6:
        if s.ip_flags & 8:
            h.padded_count += 1
        else:
            h.unpadded_count += 1
    if s.flags & 4:
        return
    if h.ttl_first == 0:
        h.ttl_first = s.ttl
        h.ttl_min = s.ttl
        h.ttl_max = s.ttl
    elif s.ttl < h.ttl_min:
        h.ttl_min = s.ttl
    elif s.ttl > h.ttl_max:
        h.ttl_max = s.ttl
    h.ip_id = s.ip_id
    if s.payload_bytes:
        h.data_ttl = s.ttl


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_syn(
    flow: FlowPtr, h: HalfPtr, p: HalfPtr, s: SegmentPtr, side: cython.int, n: NotePtr
) -> cython.void:
    """SYN or SYN-ACK: options, counts, roles."""
    if s.flags & 0x10:
        h.synack_count += 1
        flow.facts |= 4
        if p.syn_count == 0 and flow.roles_percent < 95:
            flow.client_side = 1 - side
            flow.roles_percent = 95
    else:
        h.syn_count += 1
        flow.facts |= 2
        if p.syn_count and p.synack_count == 0:
            flow.facts |= 0x10  # SIMULTANEOUS_OPEN
        elif flow.roles_percent < 95 and p.synack_count == 0:
            flow.client_side = side
            flow.roles_percent = 95
    if h.syn_ns == 0:
        h.syn_ns = s.time_ns
        h.syn_frame = s.frame
        h.syn_ttl = s.ttl
        h.syn_window = s.window
        h.mss = s.mss
        h.syn_options = s.options
    h.syn_last_ns = s.time_ns
    h.syn_last_frame = s.frame


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_reset(h: HalfPtr, p: HalfPtr, s: SegmentPtr) -> cython.void:
    """The first RST of an end: its numbers, and which of the three honest forms it has."""
    h.rst_count += 1
    if h.rst_count > 1:
        return
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
    if s.flags & 0x10 == 0:
        h.rst_form = 2
    elif s.seq == 0 and s.window == 0 and p.known & 2 and h.known & 1 == 0:
        h.rst_form = 1
    else:
        h.rst_form = 3


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_fin_and_proofs(h: HalfPtr, p: HalfPtr, s: SegmentPtr) -> cython.void:
    """The sender's FIN, its acknowledgment of the peer's FIN, and what would prove that it arrived."""
    end: cython.uint = s.seq + s.payload_bytes + (s.flags & 1)
    if s.flags & 1:
        if h.fin_count == 0:
            h.fin_ns = s.time_ns
            h.fin_frame = s.frame
            h.fin_seq = end
        h.fin_count += 1
    if s.flags & 0x10 and p.fin_count and ahead(s.ack, p.fin_seq) >= 0:
        if p.known & 16 == 0:
            p.known |= 16
            p.fin_acked_ns = s.time_ns
            p.fin_acked_frame = s.frame
        if p.known & 32 == 0 and end != s.seq:
            p.known |= 32
            p.proof_seq = end
        if p.known & 64 == 0 and s.options & 0x10 and ahead(s.tsval, h.tsval) > 0:
            p.known |= 64
            p.proof_ts = s.tsval


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def note_data(h: HalfPtr, s: SegmentPtr) -> cython.void:
    """Payload counters."""
    if h.data_packets == 0:
        h.data_ns = s.time_ns
        h.data_frame = s.frame
    h.data_packets += 1
    h.data_last_ns = s.time_ns
    h.data_last_frame = s.frame
    h.payload_bytes += s.payload_bytes
    if s.payload_bytes > h.max_payload_bytes:
        h.max_payload_bytes = s.payload_bytes


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def handle_icmp(
    flow: FlowPtr,
    h: HalfPtr,
    s: SegmentPtr,
    n: NotePtr,
    side: cython.int,
    cells: cython.pointer(cython.schar),
) -> cython.void:
    """An ICMP error that quotes a segment of `h`."""
    n.marks |= 1 << 27
    flow.icmp_count += 1
    if flow.icmp_count == 1:
        flow.icmp_ns = s.time_ns
        flow.icmp_frame = s.frame
        flow.icmp_via_hi = s.via_hi
        flow.icmp_via_lo = s.via_lo
        flow.icmp_type = s.icmp_type
        flow.icmp_code = s.icmp_code
        flow.icmp_ttl = s.via_ttl
        flow.icmp_mtu = s.mtu
        flow.icmp_side = side
    # Destination unreachable, time exceeded; not fragmentation needed.
    if s.ip_flags & 4:
        if s.icmp_type == 1 or s.icmp_type == 3:
            h.pending |= 0x80
    elif (s.icmp_type == 3 and s.icmp_code != 4) or s.icmp_type == 11:
        h.pending |= 0x80
    believe(h, cells)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def handle_segment(
    flow: FlowPtr,
    h: HalfPtr,
    p: HalfPtr,
    s: SegmentPtr,
    n: NotePtr,
    side: cython.int,
    cells: cython.pointer(cython.schar),
) -> cython.void:
    """One TCP segment of `h` towards `p`."""
    orig: cython.int = 1 if flow.facts & 0x20 else 0
    responder: cython.bint = side != orig
    stray_ack: cython.bint = False
    flags: cython.uint = s.flags

    n.ordinal = flow.packets
    flow.packets += 1
    flow.end_ns = s.time_ns
    flow.last_frame = s.frame
    zeek_history(flow, h, p, s, responder)
    if s.ip_flags & 0x10:
        flow.facts |= 0x80
    if h.packets and is_duplicate(h, s):
        h.packets += 1
        h.duplicate_count += 1
        n.marks |= 1 << 16
        flow.marks |= n.marks
        return
    if h.packets == 0:
        h.first_ns = s.time_ns
        h.first_frame = s.frame
    h.packets += 1
    note_origin(h, p, s)
    if flags & 2:
        note_syn(flow, h, p, s, side, n)
    if flags & 4:
        note_reset(h, p, s)
        if flags & 0x10 and h.known & 4:
            h.ack_last = s.ack
    else:
        if h.rst_count:
            h.after_rst_count += 1
        if s.payload_bytes:
            note_data(h, s)
        handle_sequence(h, p, s, n)
        if flags & 0x10:
            stray_ack = handle_ack(flow, h, p, s, n, responder)
        handle_window(h, p, s, n)
        if flags & 1 or p.fin_count:
            note_fin_and_proofs(h, p, s)
    zeek_state(h, p, s, responder)
    if flags & 7 or h.proven != 5 or p.proven != 5 or h.pending or p.pending:
        move_states(flow, h, p, s, n, stray_ack, cells)
    if s.options & 0x10:
        h.tsval = s.tsval
        if ahead(s.tsecr, h.tsecr_max) > 0:
            h.tsecr_max = s.tsecr
    h.last_ns = s.time_ns
    h.last_frame = s.frame
    h.print_seq = s.seq
    h.print_ack = s.ack
    h.print_ts = s.tsval
    h.print_bytes = s.payload_bytes
    h.print_window = s.window
    h.print_ip_id = s.ip_id
    h.print_flags = flags
    flow.marks |= n.marks


@cython.cfunc
@cython.nogil
@cython.exceptval(-2, check=False)
def track_one(
    s: SegmentPtr,
    n: NotePtr,
    flows: Flow[::1],
    halves: Half[::1],
    slots: cython.uint[::1],
    cells: cython.pointer(cython.schar),
    services: cython.pointer(cython.uchar),
    count: cython.uint,
    attempt_ns: cython.longlong,
) -> cython.longlong:
    """Find or open the connection of one row and apply it. Returns the new number of connections."""
    mask: cython.ulonglong = cython.cast(cython.ulonglong, slots.shape[0]) - 1
    slot: cython.ulonglong = (s.flow_hash ^ (s.flow_hash >> 32)) & mask
    index: cython.uint = 0
    side: cython.int = -1
    flow: FlowPtr
    n.flow = -1
    n.marks = 0
    n.ordinal = 0
    n.side = 0
    n.anomaly = 0
    if s.kind > 1:
        return count
    while slots[slot]:
        index = slots[slot] - 1
        side = side_of(cython.address(flows[index]), s)
        if side >= 0:
            break
        slot = (slot + 1) & mask
    if s.kind == 1:
        if side >= 0:
            handle_icmp(
                cython.address(flows[index]), cython.address(halves[2 * index + side]), s, n, side, cells
            )
            finish_note(
                n, index, side, cython.address(halves[2 * index]), cython.address(halves[2 * index + 1])
            )
        return count
    if side < 0 or opens_another(
        cython.address(flows[index]),
        cython.address(halves[2 * index + side]),
        cython.address(halves[2 * index + 1 - side]),
        s,
        attempt_ns,
    ):
        flow = cython.address(flows[count])
        open_flow(flow, s, services)
        if side >= 0:
            flow.previous = index + 1
            flow.facts |= 0x400  # REUSED
        index = count
        side = 0
        slots[slot] = count + 1
        count += 1
        n.marks = 1 << 20
    handle_segment(
        cython.address(flows[index]),
        cython.address(halves[2 * index + side]),
        cython.address(halves[2 * index + 1 - side]),
        s,
        n,
        side,
        cells,
    )
    finish_note(n, index, side, cython.address(halves[2 * index]), cython.address(halves[2 * index + 1]))
    return count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def finish_note(n: NotePtr, index: cython.uint, side: cython.int, h0: HalfPtr, h1: HalfPtr) -> cython.void:
    """Where both ends stand after this row."""
    n.flow = index
    n.side = side
    n.proven0 = h0.proven
    n.believed0 = h0.believed
    n.proven1 = h1.proven
    n.believed1 = h1.believed


def track(
    segments: Segment[::1],
    notes: Note[::1],
    flows: Flow[::1],
    halves: Half[::1],
    slots: cython.uint[::1],
    cells: cython.schar[:, ::1],
    services: cython.uchar[::1],
    count: cython.uint,
    attempt_ns: cython.longlong = 0,
) -> int:
    """Apply every row of `segments`, in order; returns the number of FLOW rows in use.

    `notes` has a row per segment. `flows` has room for `count + len(segments)` rows and `halves` for twice that;
    `slots` is the hash table, a power of two in length, larger than the number of flows. The GIL is released.
    Raises IndexError when an array is too short: nothing is written outside of them.
    """
    i: cython.Py_ssize_t
    total: cython.longlong = count
    length: cython.Py_ssize_t = segments.shape[0]
    if cells.shape[0] != 12 or cells.shape[1] != 14 or services.shape[0] != 65536:
        raise IndexError("state table or service table has the wrong shape")
    if notes.shape[0] < length or halves.shape[0] < 2 * flows.shape[0] or flows.shape[0] < count + length:
        raise IndexError("notes, flows or halves are too short for this batch")
    if slots.shape[0] < 2 * (count + length) or slots.shape[0] & (slots.shape[0] - 1):
        raise IndexError("the hash table is too small or not a power of two")
    with cython.nogil:
        for i in range(length):
            total = track_one(
                cython.address(segments[i]),
                cython.address(notes[i]),
                flows,
                halves,
                slots,
                cython.address(cells[0, 0]),
                cython.address(services[0]),
                cython.cast(cython.uint, total),
                attempt_ns,
            )
    return total


def rebuild(flows: Flow[::1], slots: cython.uint[::1], count: cython.uint) -> None:
    """Fill a zeroed hash table from the first `count` FLOW rows; of rows with equal ports the last one wins."""
    mask: cython.ulonglong = cython.cast(cython.ulonglong, slots.shape[0]) - 1
    slot: cython.ulonglong
    i: cython.uint
    flow: FlowPtr
    other: FlowPtr
    if slots.shape[0] < 2 * count or slots.shape[0] & (slots.shape[0] - 1):
        raise IndexError("the hash table is too small or not a power of two")
    with cython.nogil:
        for i in range(count):
            flow = cython.address(flows[i])
            slot = (flow.flow_hash ^ (flow.flow_hash >> 32)) & mask
            while slots[slot]:
                other = cython.address(flows[slots[slot] - 1])
                if same_ports(flow, other):
                    break
                slot = (slot + 1) & mask
            slots[slot] = i + 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def same_ports(a: FlowPtr, b: FlowPtr) -> cython.bint:
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
