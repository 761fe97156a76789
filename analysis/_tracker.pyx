# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, infer_types=False
"""The compiled loop: SEGMENT rows in, FLOW and HALF rows moved, one NOTE row per segment out.

Nothing here makes a Python object; bounds checks stay on for every array. The parts are in `analysis/loop/`,
whose `__init__.pxd` says which is which and what the short names mean.

One segment is handled in this order: find its connection; is it a capture duplicate; where does it lie in its
sender's sequence space (new, repeated, beyond a gap); what does it acknowledge; what does it prove its sender
has received; which event does it make for its sender (certain) and for the other end (pending).
"""

from analysis.loop.acknowledgments cimport handle_ack
from analysis.loop.connection_table cimport home_slot, open_flow, opens_another, same_ports, side_of
from analysis.loop.constants cimport (
    ACK,
    ESTABLISHED,
    EVENT_COUNT,
    FACT_FLIPPED,
    FACT_REUSED,
    FIN,
    FIN_SYN_RST,
    KIND_ICMP_ERROR,
    KNOWN_ACK,
    MARK_DUPLICATE,
    MARK_ICMP,
    MARK_NEW_FLOW,
    PENDING_HARD_ICMP,
    PORT_COUNT,
    RST,
    STATE_COUNT,
    SYN,
)
from analysis.loop.endpoint_states cimport believe, move_states
from analysis.loop.first_sightings cimport (
    count_segment,
    is_duplicate,
    is_hard,
    note_data,
    note_fin_and_proofs,
    note_icmp,
    note_odd_flags,
    note_origin,
    note_syn,
    remember,
)
from analysis.loop.plain cimport is_plain, plain_segment, steadiness
from analysis.loop.prefetch cimport ROW_DISTANCE, look_ahead
from analysis.loop.resets cimport note_reset
from analysis.loop.rows cimport Flow, Half, Note, Segment
from analysis.loop.sequence_space cimport handle_sequence
from analysis.loop.windows cimport handle_window
from analysis.loop.zeek_view cimport zeek_history, zeek_state


cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define synsight_apart __attribute__((noinline)) void
    #else
    #define synsight_apart void
    #endif
    """
    ctypedef void apart "synsight_apart"  # returned by what is not to crowd the loop that calls it


cdef struct Table:
    Flow *flows
    Half *halves
    unsigned int *slots  # hash table: FLOW indices + 1
    unsigned long long mask  # of its length
    long long count  # connections so far
    Py_ssize_t homeless  # rows that belong to none
    signed char *cells  # of the state table
    unsigned char *services  # per port: whether servers are known to listen there
    long long attempt_ns
    bint shortcut


def check_layouts(const Segment[::1] segments, Note[::1] notes, Flow[::1] flows, Half[::1] halves):
    """Raise ValueError when a dtype of the Python side is not the struct that the loop works on.

    `track` and `rebuild` take rows as plain bytes: describing a struct of a hundred fields takes longer, call for
    call, than tracking some hundred segments. This is called once.
    """


def track(
    const unsigned char[::1] segments,
    unsigned char[::1] notes,
    unsigned char[::1] flows,
    unsigned char[::1] halves,
    unsigned int[::1] slots,
    signed char[:, ::1] cells,
    unsigned char[::1] services,
    unsigned int count,
    long long attempt_ns=0,
    bint shortcut=True,
):
    """Apply every row of `segments`, in order; returns how many FLOW rows are in use, and how many rows found none.

    Rows come as bytes. `notes` has a row per segment. `flows` has room for `count` rows and one per segment, `halves`
    for twice that; `slots` is the hash table, its length a power of two and at least twice as many as `flows` needs.
    Without `shortcut` plain segments take the long way, too, to the same records.
    The GIL is released. Raises IndexError when an array is too short: nothing is written outside of them.
    """
    cdef Table table
    cdef bint sound
    cdef Py_ssize_t length = segments.shape[0] // sizeof(Segment)
    cdef Py_ssize_t needed = count + length
    if cells.shape[0] != STATE_COUNT or cells.shape[1] != EVENT_COUNT or services.shape[0] != PORT_COUNT:
        raise IndexError("state table or service table has the wrong shape")
    if notes.shape[0] < length * <Py_ssize_t>sizeof(Note):
        raise IndexError("notes are too short for this batch")
    if flows.shape[0] < needed * <Py_ssize_t>sizeof(Flow) or halves.shape[0] < 2 * needed * <Py_ssize_t>sizeof(Half):
        raise IndexError("flows or halves are too short for this batch")
    if slots.shape[0] < 2 * needed or slots.shape[0] & (slots.shape[0] - 1):
        raise IndexError("the hash table is too small or not a power of two")
    if length == 0:
        return count, 0
    table.flows = <Flow *>&flows[0]
    table.halves = <Half *>&halves[0]
    table.slots = &slots[0]
    table.mask = <unsigned long long>slots.shape[0] - 1
    table.count = count
    table.homeless = 0
    table.cells = &cells[0, 0]
    table.services = &services[0]
    table.attempt_ns = attempt_ns
    table.shortcut = shortcut
    with nogil:
        sound = track_rows(<const Segment *>&segments[0], length, <Note *>&notes[0], &table)
    if not sound:
        raise IndexError("the hash table names a connection that does not exist")
    return table.count, table.homeless


def rebuild(unsigned char[::1] flows, unsigned int[::1] slots, unsigned int count):
    """Fill a zeroed hash table from the first `count` FLOW rows; on equal ports the last one wins."""
    cdef unsigned long long mask = <unsigned long long>slots.shape[0] - 1
    cdef unsigned long long slot
    cdef unsigned int i
    cdef const Flow *rows
    if slots.shape[0] < 2 * count or slots.shape[0] & (slots.shape[0] - 1):
        raise IndexError("the hash table is too small or not a power of two")
    if flows.shape[0] < count * <Py_ssize_t>sizeof(Flow):
        raise IndexError("fewer flows than were counted")
    if count == 0:
        return
    rows = <const Flow *>&flows[0]
    with nogil:
        for i in range(count):
            slot = home_slot(rows[i].flow_hash, mask)
            while slots[slot] and not same_ports(&rows[i], &rows[slots[slot] - 1]):
                slot = (slot + 1) & mask
            slots[slot] = i + 1


cdef bint track_rows(const Segment *rows, Py_ssize_t length, Note *notes, Table *table) noexcept nogil:
    """Find or open the connection of every row and apply it. `track` has checked that there is room.

    False when `slots` names a connection that does not exist.
    """
    cdef Py_ssize_t i
    cdef const Segment *s
    cdef unsigned int *slots = table.slots
    cdef unsigned long long mask = table.mask
    cdef Flow *flow = NULL
    cdef Half *ends = NULL
    cdef unsigned long long slot
    cdef long long index
    cdef int side
    for i in range(length):
        if i < length - ROW_DISTANCE:
            look_ahead(&rows[i], slots, mask, table.flows, table.halves)
        s = &rows[i]
        slot = home_slot(s.flow_hash, mask)
        side = -1
        index = -1
        while slots[slot]:
            index = <long long>slots[slot] - 1
            if index >= table.count:
                return False
            flow = &table.flows[index]
            side = side_of(flow, s)
            if side >= 0:
                break
            slot = (slot + 1) & mask
        if side >= 0 and table.shortcut:
            ends = &table.halves[2 * index]
            if is_plain(flow, &ends[side], &ends[1 - side], s, side):
                plain_segment(flow, &ends[side], &ends[1 - side], s, &notes[i], side)
                notes[i].flow = <int>index
                continue  # it moves no state
        other_row(table, s, &notes[i], index, side, slot)
    return True


cdef apart other_row(
    Table *table, const Segment *s, Note *n, long long index, int side, unsigned long long slot
) noexcept nogil:
    """A row that is no plain segment, of connection `index`, unless `side` is -1; a new one is put into `slot`."""
    cdef Flow *flow = &table.flows[index]
    cdef Half *ends = &table.halves[2 * index]
    n.flow = -1
    n.marks = 0
    n.ordinal = 0
    n.side = 0
    n.anomaly = 0
    if s.kind > KIND_ICMP_ERROR or (s.kind == KIND_ICMP_ERROR and side < 0):
        table.homeless += 1
        return
    if s.kind == KIND_ICMP_ERROR:
        handle_icmp(flow, &ends[side], s, n, side, table.cells)
    elif side >= 0 and not opens_another(flow, &ends[side], &ends[1 - side], s, table.attempt_ns):
        handle_segment(flow, &ends[side], &ends[1 - side], s, n, side, table.cells)
    else:
        flow = &table.flows[table.count]
        ends = &table.halves[2 * table.count]
        open_flow(flow, s, table.services)
        if side >= 0:
            flow.previous = <unsigned int>(index + 1)
            flow.facts |= FACT_REUSED
        index = table.count
        side = 0
        table.count += 1
        table.slots[slot] = <unsigned int>table.count
        n.marks = MARK_NEW_FLOW
        handle_segment(flow, ends, &ends[1], s, n, side, table.cells)
    flow.steady = steadiness(&ends[0], &ends[1])
    finish_note(n, index, side, ends)


cdef void handle_segment(
    Flow *flow, Half *h, Half *p, const Segment *s, Note *n, int side, signed char *cells
) noexcept nogil:
    """One TCP segment of `h` towards `p`."""
    cdef bint responder = side != (1 if flow.facts & FACT_FLIPPED else 0)
    cdef bint stray_ack = False
    count_segment(flow, s, n)
    zeek_history(flow, h, p, s, responder)
    if h.packets and is_duplicate(h, s):
        h.packets += 1
        h.duplicate_count += 1
        h.routed_count += h.ttl_first != 0 and (s.ttl < h.ttl_min or s.ttl > h.ttl_max)
        n.marks |= MARK_DUPLICATE
        flow.marks |= n.marks
        return
    if h.packets == 0:
        h.first_ns = s.time_ns
        h.first_frame = s.frame
        note_odd_flags(flow, s)
    h.packets += 1
    note_origin(h, p, s)
    if s.flags & SYN:
        note_syn(flow, h, p, s, side)
    if s.flags & RST:
        note_reset(h, p, s)
        if s.flags & ACK and h.known & KNOWN_ACK:
            h.ack_last = s.ack
    else:
        stray_ack = handle_numbers(flow, h, p, s, n, responder)
    zeek_state(h, p, s, responder)
    # Plain segments between two established ends, nothing pending, move no state.
    if s.flags & FIN_SYN_RST or h.proven != ESTABLISHED or p.proven != ESTABLISHED or h.pending or p.pending:
        move_states(flow, h, p, s, n, stray_ack, cells)
    remember(h, s)
    flow.marks |= n.marks


cdef inline bint handle_numbers(
    Flow *flow, Half *h, Half *p, const Segment *s, Note *n, bint responder
) noexcept nogil:
    """Sequence number, acknowledgment and window of a segment that is no RST. True when its ACK is stray."""
    cdef bint stray_ack = False
    if h.rst_count:
        h.after_rst_count += 1
        h.ip_id = s.ip_id
    if s.payload_bytes:
        if h.synack_count and h.data_packets == 0:
            flow.reply_ttl = s.ttl
        note_data(h, p, s)
    handle_sequence(h, p, s, n)
    if s.flags & ACK:
        stray_ack = handle_ack(flow, h, p, s, n, responder)
    handle_window(h, p, s, n)
    if s.flags & FIN or p.fin_count:
        note_fin_and_proofs(h, p, s)
    return stray_ack


cdef inline void handle_icmp(
    Flow *flow, Half *h, const Segment *s, Note *n, int side, signed char *cells
) noexcept nogil:
    """An ICMP error that quotes a segment of `h`."""
    n.marks |= MARK_ICMP
    note_icmp(flow, s, side)
    if is_hard(s):
        h.pending |= PENDING_HARD_ICMP
    believe(h, cells)


cdef inline void finish_note(Note *n, long long index, int side, Half *ends) noexcept nogil:
    """Where both ends stand after this row."""
    n.flow = <int>index
    n.side = side
    n.proven0 = ends[0].proven
    n.believed0 = ends[0].believed
    n.proven1 = ends[1].proven
    n.believed1 = ends[1].believed
