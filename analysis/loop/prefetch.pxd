"""Asking for memory before it is needed.

With thousands of connections open at a time each segment's records lie somewhere else in memory, and the loop would
wait for four loads one after the other: the slot, the connection, both ends. Asked for some segments ahead they
arrive while others are worked on. On ten million segments of thousands of open connections this halves the loop.
"""

from analysis.loop.connection_table cimport home_slot
from analysis.loop.rows cimport Flow, Half, Segment

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    /* The empty statement keeps GCC from taking a function that only prefetches for one without effect. */
    #define synsight_prefetch(place) do { __builtin_prefetch(place); __asm__ __volatile__(""); } while (0)
    #else
    #define synsight_prefetch(place) ((void)(place))
    #endif
    """
    void prefetch "synsight_prefetch"(const void *place) nogil

cdef enum:
    ROW_DISTANCE = 24  # segments ahead: the row itself, which another core may have written
    SLOT_DISTANCE = 16  # its place in the hash table
    RECORD_DISTANCE = 8  # its connection and both ends
    LINE = 64  # bytes of a cache line
    ROW_LINES = 3  # of a SEGMENT: what is asked of every row, wherever in a line it begins
    HOT_LINES = 3  # of a HALF: what plain segments touch; of a FLOW it is one


cdef inline void look_ahead(
    const Segment *row,
    unsigned int *slots,
    unsigned long long mask,
    Flow *flows,
    Half *halves,
) noexcept nogil:
    """Ask for what the segments after `row` will touch: there are ROW_DISTANCE of them at least.

    `slots` hold valid numbers of connections, or 0.
    """
    cdef unsigned int number
    cdef int line
    for line in range(ROW_LINES):
        prefetch(<char *>&row[ROW_DISTANCE] + line * LINE)
    prefetch(&slots[home_slot(row[SLOT_DISTANCE].flow_hash, mask)])
    number = slots[home_slot(row[RECORD_DISTANCE].flow_hash, mask)]
    if number:
        prefetch(&flows[number - 1])
        for line in range(HOT_LINES):
            prefetch(<char *>&halves[2 * (number - 1)] + line * LINE)
            prefetch(<char *>&halves[2 * (number - 1) + 1] + line * LINE)
