"""TCP headers and options (RFC 9293 sections 3.1 and 3.2, 7323, 2018, 7413, 8684)."""

from capture.layers.checksum cimport checksum, pseudo_header
from capture.layers.flow_hash cimport flow_hash
from capture.layers.loads cimport load16, load32
from capture.layers.walk cimport MALFORMED_TCP, NONE, TRUNCATED, cut
from capture.segment_row cimport SegmentRow


cdef extern from *:
    """
    /* Whether some payload that payload_class knows begins with this byte: a TLS record's type, or a letter of
       SSH, HTTP, GET, POST, PUT, PATCH, PRI, HEAD, DELE, OPTI, CONN. A table, because what encrypted payload begins
       with nobody can predict, and neither can a processor. */
    static inline int synsight_begins_known(unsigned char first) {
        static const unsigned char known[256] = {
            [0x14] = 1, [0x15] = 1, [0x16] = 1, [0x17] = 1, [0x18] = 1,
            ['C'] = 1, ['D'] = 1, ['G'] = 1, ['H'] = 1, ['O'] = 1, ['P'] = 1, ['S'] = 1,
        };
        return known[first];
    }
    """
    bint begins_known "synsight_begins_known"(unsigned char first) nogil


cdef inline void option(
    const unsigned char *base, Py_ssize_t at, Py_ssize_t size, unsigned int kind, SegmentRow *row
) noexcept nogil:
    """One option, whole inside the captured header; a wrong length marks the header malformed."""
    cdef Py_ssize_t end = at + size
    cdef bint wrong = False
    if kind == 8:
        wrong = size != 10
        if not wrong:
            row.options |= 0x010
            row.tsval = load32(base, at + 2, end)
            row.tsecr = load32(base, at + 6, end)
    elif kind == 2:
        wrong = size != 4
        if not wrong:
            row.options |= 0x001
            row.mss = <unsigned short>load16(base, at + 2, end)
    elif kind == 3:
        wrong = size != 3
        if not wrong:
            row.options |= 0x002
            row.wscale = base[at + 2]
    elif kind == 4:
        wrong = size != 2
        if not wrong:
            row.options |= 0x004
    elif kind == 5:
        wrong = size < 10 or (size - 2) % 8 != 0
        if not wrong:
            row.options |= 0x008
            row.sack_count = <unsigned char>((size - 2) / 8)
            row.sack_left = load32(base, at + 2, end)
            row.sack_right = load32(base, at + 6, end)
            row.sack2_left = load32(base, at + 10, end)
            row.sack2_right = load32(base, at + 14, end)
    elif kind == 30:
        row.options |= 0x040
    elif kind == 34 or (kind == 254 and load16(base, at + 2, end) == 0xF989):
        row.options |= 0x020  # 254: the experimental number, RFC 7413 appendix
    elif kind == 19:
        row.options |= 0x080
    elif kind == 29:
        row.options |= 0x100
    else:
        row.options |= 0x4000
    if wrong:
        row.options |= 0x8000


cdef inline void options(
    const unsigned char *base, Py_ssize_t at, Py_ssize_t stop, Py_ssize_t end, SegmentRow *row
) noexcept nogil:
    """TCP options in [at, stop), of which bytes before `end` were captured."""
    cdef unsigned int kind
    cdef Py_ssize_t size
    if end > stop:
        end = stop
    while at < end:
        kind = base[at]
        if kind == 0:
            return
        if kind == 1:
            at += 1
            continue
        if at + 1 >= end:
            if at + 1 >= stop:
                row.options |= 0x8000
            return
        size = base[at + 1]
        if size < 2 or at + size > stop:
            row.options |= 0x8000
            return
        if at + size > end:
            return  # the capture cut it
        option(base, at, size, kind, row)
        at += size


cdef inline unsigned char payload_class(const unsigned char *base, SegmentRow *row) noexcept nogil:
    """A PayloadClass from the first captured bytes."""
    cdef Py_ssize_t at = row.payload_offset
    cdef Py_ssize_t size = row.payload_captured_bytes
    cdef unsigned int word
    if size == 0:
        return 1 if row.payload_bytes else 0
    if not begins_known(base[at]) and row.sport != 53 and row.dport != 53:
        return 1
    word = load32(base, at, at + size)
    if size >= 3 and base[at + 1] == 3 and base[at + 2] <= 4 and 0x14 <= base[at] <= 0x18:
        if base[at] == 0x16:
            return 2
        return 3 if base[at] == 0x15 else 4
    if row.sport == 53 or row.dport == 53:
        return 8
    if word == 0x48545450:  # HTTP
        return 6
    if word == 0x5353482D:  # SSH-
        return 7
    if (
        word == 0x47455420  # GET
        or word == 0x504F5354  # POST
        or word == 0x48454144  # HEAD
        or word == 0x50555420  # PUT
        or word == 0x44454C45  # DELE
        or word == 0x4F505449  # OPTI
        or word == 0x50415443  # PATC
        or word == 0x434F4E4E  # CONN
        or word == 0x50524920  # PRI, the HTTP/2 preface
    ):
        return 5
    return 1


cdef inline int tcp(const unsigned char *base, SegmentRow *row, bint verify) noexcept nogil:
    """Complete a TCP row; 0, or why it is none."""
    cdef Py_ssize_t at = row.payload_offset
    cdef Py_ssize_t captured = row.payload_captured_bytes
    cdef Py_ssize_t wire = row.payload_bytes
    cdef Py_ssize_t end = at + captured
    cdef Py_ssize_t header
    cdef bint checkable = row.checksum == 1
    row.checksum = 0
    row.wscale = 255
    if captured < 20:
        return TRUNCATED if wire >= 20 else MALFORMED_TCP
    row.flags = <unsigned short>load16(base, at + 12, end)
    header = (row.flags >> 12) * 4
    row.flags &= 0xFFF
    if header < 20 or header > wire:
        return MALFORMED_TCP
    row.sport = <unsigned short>load16(base, at, end)
    row.dport = <unsigned short>load16(base, at + 2, end)
    row.seq = load32(base, at + 4, end)
    row.ack = load32(base, at + 8, end)
    row.window = <unsigned short>load16(base, at + 14, end)
    if header == 32 and captured >= 32 and load32(base, at + 20, end) == 0x0101080A:
        row.options = 0x010
        row.tsval = load32(base, at + 24, end)
        row.tsecr = load32(base, at + 28, end)
    elif header > 20:
        options(base, at + 20, at + header, end, row)
    if verify and checkable and captured == wire and row.ip_flags & 2 == 0:
        row.checksum = checksum(base + at, wire, pseudo_header(row))
    row.payload_bytes = <unsigned int>(wire - header)
    if captured > header:
        row.payload_offset = <unsigned int>(at + header)
        row.payload_captured_bytes = <unsigned int>(captured - header)
        row.payload_class = payload_class(base, row)
    else:
        row.payload_offset = <unsigned int>end
        row.payload_captured_bytes = 0
        row.payload_class = 1 if wire > header else 0
    row.flow_hash = flow_hash(row)
    return NONE
