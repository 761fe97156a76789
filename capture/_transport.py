# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: ignore-errors
"""From located transport headers to finished SEGMENT rows: TCP, ICMP errors, neighbour discovery. Compiled.

`parse` takes the rows `_network.locate` left (see there for what their fields hold), completes each in place
and closes the gaps that rejected rows leave. Loads are checked against the end of the packet and yield 0
beyond it. Sources: RFC 9293 sections 3.1 and 3.2, 7323, 2018, 7413, 8684, 1071 (checksum), 792, 4443, 4861.
"""

import sys

import cython
from cython.cimports.capture.segment_row import SegmentRow
from cython.cimports.libc.string import memcpy

# Indexes into _network.SKIP_REASONS.
_KEEP = cython.declare(cython.int, 0)
_ARP = cython.declare(cython.int, 2)
_ICMP = cython.declare(cython.int, 3)
_ICMP_ERROR = cython.declare(cython.int, 4)
_NEIGHBOUR = cython.declare(cython.int, 5)
_TRUNCATED = cython.declare(cython.int, 9)
_MALFORMED_TCP = cython.declare(cython.int, 12)

_LITTLE = cython.declare(cython.bint, sys.byteorder == "little")


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u8(base: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.uint:
    if at + 1 > end:
        return 0
    return base[at]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u16(base: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.uint:
    if at + 2 > end:
        return 0
    return (cython.cast(cython.uint, base[at]) << 8) | base[at + 1]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u32(base: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.uint:
    if at + 4 > end:
        return 0
    p: cython.p_uchar = base + at
    return (
        (cython.cast(cython.uint, p[0]) << 24)
        | (cython.cast(cython.uint, p[1]) << 16)
        | (cython.cast(cython.uint, p[2]) << 8)
        | p[3]
    )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u64(base: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.ulonglong:
    return (cython.cast(cython.ulonglong, _u32(base, at, end)) << 32) | _u32(base, at + 4, end)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mix(value: cython.ulonglong) -> cython.ulonglong:
    """A 64-bit finaliser: every input bit moves every output bit (MurmurHash3's, public domain)."""
    value ^= value >> 33
    value *= cython.cast(cython.ulonglong, 0xFF51AFD7ED558CCD)
    value ^= value >> 33
    value *= cython.cast(cython.ulonglong, 0xC4CEB9FE1A85EC53)
    value ^= value >> 33
    return value


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _flow_hash(row: cython.pointer(SegmentRow)) -> cython.ulonglong:
    """The same for both directions: each end is mixed alone, the two are added."""
    golden: cython.ulonglong = cython.cast(cython.ulonglong, 0x9E3779B97F4A7C15)
    src: cython.ulonglong = _mix(row.src_lo ^ (row.src_hi * golden) ^ (row.sport * golden))
    dst: cython.ulonglong = _mix(row.dst_lo ^ (row.dst_hi * golden) ^ (row.dport * golden))
    return _mix(src + dst)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _fold(total: cython.ulonglong) -> cython.ulonglong:
    """A ones'-complement sum of many words, folded to 16 bits."""
    mask: cython.ulonglong = 0xFFFFFFFF  # typed: a bare literal this large would be a Python object
    total = (total & mask) + (total >> 32)
    total = (total & 0xFFFF) + ((total >> 16) & 0xFFFF) + (total >> 32)
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _sum16(base: cython.p_uchar, at: cython.Py_ssize_t, size: cython.Py_ssize_t) -> cython.ulonglong:
    """Ones'-complement sum of data[at:at+size] as big-endian 16-bit words, folded to 16 bits (RFC 1071).

    The caller has checked that these bytes are in the buffer. Words are added in this machine's byte order,
    four 64-bit loads a turn, and swapped at the end: the sum does not depend on the order of its bytes.
    """
    low: cython.ulonglong = 0
    high: cython.ulonglong = 0
    low2: cython.ulonglong = 0
    high2: cython.ulonglong = 0
    word: cython.ulonglong = 0
    word2: cython.ulonglong = 0
    mask: cython.ulonglong = 0xFFFFFFFF
    p: cython.p_uchar = base + at
    while size >= 16:
        memcpy(cython.address(word), p, 8)
        memcpy(cython.address(word2), p + 8, 8)
        low += word & mask
        high += word >> 32
        low2 += word2 & mask
        high2 += word2 >> 32
        p += 16
        size -= 16
    while size > 0:
        word = 0
        memcpy(cython.address(word), p, 8 if size > 8 else size)
        low += word & mask
        high += word >> 32
        p += 8
        size -= 8
    low += low2
    high += high2
    low = _fold((low & mask) + (low >> 32) + (high & mask) + (high >> 32))
    if _LITTLE:
        low = ((low << 8) | (low >> 8)) & 0xFFFF
    return low


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _checksum(
    base: cython.p_uchar, at: cython.Py_ssize_t, size: cython.Py_ssize_t, row: cython.pointer(SegmentRow)
) -> cython.uchar:
    """A Checksum of the TCP segment data[at:at+size], all of it captured.

    The mapped prefix ::ffff of an IPv4 address adds 0xffff, which is zero in ones' complement.
    """
    mask: cython.ulonglong = 0xFFFFFFFF
    pseudo: cython.ulonglong = (
        (row.src_hi & mask)
        + (row.src_hi >> 32)
        + (row.src_lo & mask)
        + (row.src_lo >> 32)
        + (row.dst_hi & mask)
        + (row.dst_hi >> 32)
        + (row.dst_lo & mask)
        + (row.dst_lo >> 32)
        + 6
    )
    total: cython.ulonglong = _fold(pseudo + size + _sum16(base, at, size))
    field: cython.ulonglong
    if total == 0xFFFF:
        return 1
    field = (cython.cast(cython.ulonglong, base[at + 16]) << 8) | base[at + 17]
    # Linux leaves the sum with the length in it; some cards want it without, when they cut the segment.
    if field == _fold(pseudo + size) or field == _fold(pseudo):
        return 3
    return 2


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _options(
    base: cython.p_uchar,
    at: cython.Py_ssize_t,
    stop: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    row: cython.pointer(SegmentRow),
) -> cython.void:
    """TCP options in [at, stop), of which bytes before `end` were captured."""
    kind: cython.uint
    size: cython.Py_ssize_t
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
        _option(base, at, size, kind, row)
        at += size


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _option(
    base: cython.p_uchar,
    at: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
    kind: cython.uint,
    row: cython.pointer(SegmentRow),
) -> cython.void:
    """One option, whole inside the captured header; a wrong length marks the header malformed."""
    end: cython.Py_ssize_t = at + size
    wrong: cython.bint = False
    if kind == 8:
        wrong = size != 10
        if not wrong:
            row.options |= 0x010
            row.tsval = _u32(base, at + 2, end)
            row.tsecr = _u32(base, at + 6, end)
    elif kind == 2:
        wrong = size != 4
        if not wrong:
            row.options |= 0x001
            row.mss = cython.cast(cython.ushort, _u16(base, at + 2, end))
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
            row.sack_count = cython.cast(cython.uchar, (size - 2) / 8)
            row.sack_left = _u32(base, at + 2, end)
            row.sack_right = _u32(base, at + 6, end)
            row.sack2_left = _u32(base, at + 10, end)
            row.sack2_right = _u32(base, at + 14, end)
    elif kind == 30:
        row.options |= 0x040
    elif kind == 34 or (kind == 254 and _u16(base, at + 2, end) == 0xF989):
        row.options |= 0x020  # 254: the experimental number, RFC 7413 appendix
    elif kind == 19:
        row.options |= 0x080
    elif kind == 29:
        row.options |= 0x100
    else:
        row.options |= 0x4000
    if wrong:
        row.options |= 0x8000


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _payload_class(base: cython.p_uchar, row: cython.pointer(SegmentRow)) -> cython.uchar:
    """A PayloadClass from the first captured bytes."""
    at: cython.Py_ssize_t = row.payload_offset
    size: cython.Py_ssize_t = row.payload_captured_bytes
    word: cython.uint
    if size == 0:
        return 1 if row.payload_bytes else 0
    word = _u32(base, at, at + size)
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


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _tcp(base: cython.p_uchar, row: cython.pointer(SegmentRow), verify: cython.bint) -> cython.int:
    """Complete a TCP row; 0, or why it is none."""
    at: cython.Py_ssize_t = row.payload_offset
    captured: cython.Py_ssize_t = row.payload_captured_bytes
    wire: cython.Py_ssize_t = row.payload_bytes
    end: cython.Py_ssize_t = at + captured
    header: cython.Py_ssize_t
    checkable: cython.bint = row.checksum == 1
    row.checksum = 0
    row.wscale = 255
    if captured < 20:
        return _TRUNCATED if wire >= 20 else _MALFORMED_TCP
    row.flags = cython.cast(cython.ushort, _u16(base, at + 12, end))
    header = (row.flags >> 12) * 4
    row.flags &= 0xFFF
    if header < 20 or header > wire:
        return _MALFORMED_TCP
    row.sport = cython.cast(cython.ushort, _u16(base, at, end))
    row.dport = cython.cast(cython.ushort, _u16(base, at + 2, end))
    row.seq = _u32(base, at + 4, end)
    row.ack = _u32(base, at + 8, end)
    row.window = cython.cast(cython.ushort, _u16(base, at + 14, end))
    if header == 32 and captured >= 32 and _u32(base, at + 20, end) == 0x0101080A:
        row.options = 0x010
        row.tsval = _u32(base, at + 24, end)
        row.tsecr = _u32(base, at + 28, end)
    elif header > 20:
        _options(base, at + 20, at + header, end, row)
    if verify and checkable and captured == wire and row.ip_flags & 2 == 0:
        row.checksum = _checksum(base, at, wire, row)
    row.payload_bytes = cython.cast(cython.uint, wire - header)
    if captured > header:
        row.payload_offset = cython.cast(cython.uint, at + header)
        row.payload_captured_bytes = cython.cast(cython.uint, captured - header)
        row.payload_class = _payload_class(base, row)
    else:
        row.payload_offset = cython.cast(cython.uint, end)
        row.payload_captured_bytes = 0
        row.payload_class = 1 if wire > header else 0
    row.flow_hash = _flow_hash(row)
    return _KEEP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _icmp(base: cython.p_uchar, row: cython.pointer(SegmentRow)) -> cython.int:
    """Complete an ICMP error row or a neighbour-discovery row; the reason the frame counts under.

    Rows to keep have `kind` set to something other than TCP.
    """
    at: cython.Py_ssize_t = row.payload_offset
    end: cython.Py_ssize_t = at + row.payload_captured_bytes
    v6: cython.bint = row.icmp_type == 58
    kind: cython.uint = _u8(base, at, end)
    row.icmp_type = kind
    row.icmp_code = cython.cast(cython.uchar, _u8(base, at + 1, end))
    row.checksum = 0
    row.wscale = 255
    row.payload_bytes = 0
    row.payload_captured_bytes = 0
    if end - at < 8:
        return _ICMP
    if v6 and (kind == 135 or kind == 136):
        return _neighbour(base, at, end, row)
    if v6:
        if kind < 1 or kind > 4:
            return _ICMP
        if kind == 2:
            row.mtu = cython.cast(cython.ushort, min(_u32(base, at + 4, end), 65535))
    else:
        if kind != 3 and kind != 4 and kind != 11 and kind != 12:
            return _ICMP
        if kind == 3 and row.icmp_code == 4:
            row.mtu = cython.cast(cython.ushort, _u16(base, at + 6, end))
    row.via_hi = row.src_hi
    row.via_lo = row.src_lo
    row.via_ttl = row.ttl
    if _quoted(base, at + 8, end, row, v6):
        row.kind = 1
        row.flow_hash = _flow_hash(row)
        return _ICMP_ERROR
    return _ICMP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _neighbour(
    base: cython.p_uchar, at: cython.Py_ssize_t, end: cython.Py_ssize_t, row: cython.pointer(SegmentRow)
) -> cython.int:
    """RFC 4861 sections 4.3 and 4.4: who asks for whom, or who says that it is there."""
    if end - at < 24:
        return _NEIGHBOUR
    if row.icmp_type == 135:
        row.kind = 2
        row.dst_hi = _u64(base, at + 8, end)
        row.dst_lo = _u64(base, at + 16, end)
    else:
        row.kind = 3
        row.src_hi = _u64(base, at + 8, end)
        row.src_lo = _u64(base, at + 16, end)
    row.payload_offset = cython.cast(cython.uint, end)
    return _NEIGHBOUR


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _quoted(
    base: cython.p_uchar,
    at: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    row: cython.pointer(SegmentRow),
    v6: cython.bint,
) -> cython.bint:
    """Take addresses, ports and what else was quoted of a TCP segment; false when it is something else."""
    protocol: cython.uint
    total: cython.Py_ssize_t
    header: cython.Py_ssize_t
    start: cython.Py_ssize_t = at
    flags: cython.uint = row.ip_flags & 0x1C
    if v6:
        if end - at < 40 or base[at] >> 4 != 6:
            return False
        total = 40 + _u16(base, at + 4, end)
        protocol = base[at + 6]
        row.ttl = base[at + 7]
        row.src_hi = _u64(base, at + 8, end)
        row.src_lo = _u64(base, at + 16, end)
        row.dst_hi = _u64(base, at + 24, end)
        row.dst_lo = _u64(base, at + 32, end)
        at += 40
        while (protocol == 0 or protocol == 43 or protocol == 60 or protocol == 44) and end - at >= 8:
            if protocol == 44 and _u16(base, at + 2, end) & 0xFFF8:
                return False
            header = 8 if protocol == 44 else (base[at + 1] + 1) * 8
            protocol = base[at]
            at += header
    else:
        if end - at < 20 or base[at] >> 4 != 4 or base[at] & 15 < 5:
            return False
        if _u16(base, at + 6, end) & 0x1FFF:
            return False
        flags |= (_u16(base, at + 6, end) >> 14) & 1
        flags |= (_u16(base, at + 6, end) >> 12) & 2
        total = _u16(base, at + 2, end)
        protocol = base[at + 9]
        row.ttl = base[at + 8]
        row.ip_id = cython.cast(cython.ushort, _u16(base, at + 4, end))
        row.src_lo = (cython.cast(cython.ulonglong, 0xFFFF) << 32) | _u32(base, at + 12, end)
        row.dst_lo = (cython.cast(cython.ulonglong, 0xFFFF) << 32) | _u32(base, at + 16, end)
        at += (base[at] & 15) * 4
    if protocol != 6 or end - at < 4:
        return False
    row.ip_flags = cython.cast(cython.uchar, flags)
    row.sport = cython.cast(cython.ushort, _u16(base, at, end))
    row.dport = cython.cast(cython.ushort, _u16(base, at + 2, end))
    row.seq = _u32(base, at + 4, end)
    row.ack = _u32(base, at + 8, end)
    row.window = cython.cast(cython.ushort, _u16(base, at + 14, end))
    header = _u16(base, at + 12, end)
    row.flags = cython.cast(cython.ushort, header & 0xFFF)
    header = (header >> 12) * 4
    total -= at - start + header
    if header >= 20 and total > 0:
        row.payload_bytes = cython.cast(cython.uint, total)
    row.payload_offset = cython.cast(cython.uint, end)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _parse(
    base: cython.p_uchar,
    size: cython.Py_ssize_t,
    rows: SegmentRow[::1],
    skipped: cython.longlong[::1],
    verify: cython.bint,
) -> cython.Py_ssize_t:
    i: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    reason: cython.int
    row: cython.pointer(SegmentRow)
    for i in range(rows.shape[0]):
        row = cython.address(rows[i])
        if cython.cast(cython.Py_ssize_t, row.payload_offset) + row.payload_captured_bytes > size:
            reason = _TRUNCATED
        elif row.icmp_type == 0:
            reason = _tcp(base, row, verify)
        elif row.icmp_type == 255:
            row.icmp_type = 0
            row.wscale = 255
            row.payload_bytes = 0
            row.payload_captured_bytes = 0
            reason = _ARP
        else:
            reason = _icmp(base, row)
        if reason != _KEEP:
            skipped[reason] += 1
            if row.kind == 0:
                continue
        if count != i:
            rows[count] = rows[i]
        count += 1
    return count


def parse(
    data: cython.const[cython.uchar][::1],
    rows: SegmentRow[::1],
    skipped: cython.longlong[::1],
    verify: cython.bint,
) -> int:
    """Complete `rows` in place; returns how many are left, at the front, in order.

    `skipped` is added to, one counter per `_network.SKIP_REASONS`; a marker row (ICMP error, ARP, neighbour
    discovery) is both kept and counted. `verify`: compute TCP checksums where all bytes were captured.
    """
    if skipped.shape[0] < 16:
        raise ValueError("too few counters")
    if rows.shape[0] == 0 or data.shape[0] == 0:
        return 0
    count: cython.Py_ssize_t
    base: cython.p_uchar = cython.cast(cython.p_uchar, cython.address(data[0]))
    with cython.nogil:
        count = _parse(base, data.shape[0], rows, skipped, verify)
    return count
