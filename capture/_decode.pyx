# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled loop: frames in, SEGMENT rows out. Releases the GIL; no bytes raise.

The parts are in `capture/layers/`, whose `__init__.pxd` says which is which. Every load is checked against the
end of the layer it belongs to, and yields 0 beyond it.
"""

from capture.frame_row cimport FrameRow
from capture.layers.icmp cimport icmp
from capture.layers.links cimport link
from capture.layers.plain cimport plain_tcp
from capture.layers.shims cimport ethernet
from capture.layers.stack cimport layers
from capture.layers.tcp cimport tcp
from capture.layers.walk cimport ARP, FILTERED, FOUND, NONE, REASON_COUNT, TRUNCATED, Walk
from capture.segment_row cimport SegmentRow
from libc.string cimport memset

cdef extern from *:
    """
    /* Asks for a cache line in order to write it. Compilers leave that out for processors of which they do not know
       that they can; those that cannot take it for a NOP. */
    #if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    #define synsight_claim(place) __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)(place)))
    #elif defined(__GNUC__) || defined(__clang__)
    #define synsight_claim(place) __builtin_prefetch(place, 1)
    #else
    #define synsight_claim(place) ((void)(place))
    #endif
    """
    void claim "synsight_claim"(const void *place) nogil

cdef enum:
    CLAIM_DISTANCE = 16  # rows ahead
    LINE = 64  # bytes of a cache line
    ROW_LINES = 3  # of a SegmentRow; where it ends in a fourth one, the next row begins there


cdef inline void claim_row(const SegmentRow *row) noexcept nogil:
    """Ask for a row that will be written soon: the thread that worked on it in the last round may still hold it."""
    cdef int line
    for line in range(ROW_LINES):
        claim(<const char *>row + line * LINE)


def check_layouts(const FrameRow[::1] frames, SegmentRow[::1] rows):
    """Raise ValueError when a dtype of the Python side is not the struct that the loop works on.

    `decode` takes rows as plain bytes: describing a struct costs more than decoding some hundred frames. This is
    called once.
    """


def times_of(const unsigned char[::1] frames):
    """The lowest and the highest time_ns of FRAME rows, which come as bytes, and the shortest and the longest step
    from one to the next (negative: back). There is at least one row; a single one makes no step, which is 0.
    """
    cdef Py_ssize_t i
    cdef Py_ssize_t length = frames.shape[0] // sizeof(FrameRow)
    cdef const FrameRow *frame = <const FrameRow *>&frames[0]
    cdef long long lowest = frame.time_ns
    cdef long long highest = frame[length - 1].time_ns
    cdef long long shortest = 0
    cdef long long longest = 0
    cdef long long step
    with nogil:
        for i in range(1, length):
            step = frame[i].time_ns - frame[i - 1].time_ns
            shortest = min(shortest, step)
            longest = max(longest, step)
        if shortest < 0:
            for i in range(length):
                lowest = min(lowest, frame[i].time_ns)
                highest = max(highest, frame[i].time_ns)
    return lowest, highest, (shortest, longest)


def decode(
    const unsigned char[::1] data,
    const unsigned char[::1] frames,
    const unsigned char[::1] chosen,
    unsigned long long first_frame,
    unsigned char[::1] rows,
    long long[::1] counters,
    bint verify,
    bint shortcut=True,
):
    """Write a row per TCP segment and per marker of `frames`; returns how many.

    Rows come as bytes. `chosen`: one byte per frame, 0 leaves the frame out (reason `filtered`); empty means all. `first_frame`:
    number of the first frame. `rows` holds at least as many rows as `frames`; `counters` one per SkipReason, added to,
    whose first counts the TCP segments: a marker row (ICMP error or echo reply, ARP, neighbour discovery) is kept and
    counted as skipped.
    `verify`: compute TCP checksums where all bytes were captured. Without `shortcut` plain frames take the long
    way, too, to the same rows.
    """
    cdef Py_ssize_t length = frames.shape[0] // sizeof(FrameRow)
    cdef Py_ssize_t size = data.shape[0]
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t plain_count = 0
    cdef Py_ssize_t i
    cdef int reason
    cdef bint every = chosen.shape[0] == 0
    cdef const unsigned char *base
    cdef const FrameRow *frame
    cdef SegmentRow *row
    if rows.shape[0] < length * <Py_ssize_t>sizeof(SegmentRow) or counters.shape[0] < REASON_COUNT:
        raise ValueError("too few rows or counters")
    if not every and chosen.shape[0] != length:
        raise ValueError("one choice per frame, or none")
    if length == 0 or size == 0:
        return 0
    base = &data[0]
    frame = <const FrameRow *>&frames[0]
    row = <SegmentRow *>&rows[0]
    with nogil:
        for i in range(length):
            if i + CLAIM_DISTANCE < length:
                claim_row(row + CLAIM_DISTANCE)
            if not every and chosen[i] == 0:
                counters[FILTERED] += 1
            elif <Py_ssize_t>frame[i].offset + frame[i].captured_bytes > size:
                counters[TRUNCATED] += 1
            elif shortcut and plain_tcp(base, &frame[i], first_frame + i, row, verify):
                plain_count += 1
                row += 1
            else:
                reason = any_frame(base, &frame[i], first_frame + i, row, verify)
                counters[reason] += 1
                if reason == NONE or row.kind != 0:
                    row += 1
                    count += 1
        counters[NONE] += plain_count
    return count + plain_count


cdef int any_frame(
    const unsigned char *base,
    const FrameRow *frame,
    unsigned long long number,
    SegmentRow *row,
    bint verify,
) noexcept nogil:
    """Walk through one frame. NONE for a TCP segment, else why it is none; a marker has its `kind` set."""
    cdef Walk walk
    cdef int step
    memset(row, 0, sizeof(SegmentRow))
    walk.base = base
    walk.at = frame.offset
    walk.end = walk.at + frame.captured_bytes
    walk.wire_end = walk.at + frame.wire_bytes
    if walk.wire_end < walk.end:
        walk.wire_end = walk.end
    walk.depth = 0
    walk.steps = 0
    walk.fragment = False
    row.direction = frame.direction
    if frame.link_type == 1:
        step = ethernet(&walk, row)
    else:
        step = link(&walk, row, frame.link_type)
    step = layers(&walk, row, step)
    if step != FOUND:
        return step
    row.time_ns = frame.time_ns
    row.frame = number
    row.interface = frame.interface
    row.payload_offset = <unsigned int>walk.at
    if walk.end > walk.at:
        row.payload_captured_bytes = <unsigned int>(walk.end - walk.at)
    if walk.wire_end > walk.at:
        row.payload_bytes = <unsigned int>(walk.wire_end - walk.at)
    if row.icmp_type == 0:
        return tcp(base, row, verify)
    if row.icmp_type != 255:
        return icmp(base, row)
    row.icmp_type = 0
    row.wscale = 255
    row.payload_bytes = 0
    row.payload_captured_bytes = 0
    return ARP
