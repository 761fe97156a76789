# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: ignore-errors
"""Finds the frames of a pcap or pcapng stream inside a chunk of its bytes. Compiled; releases the GIL.

A scanner is given a buffer and the part of it that is filled; it writes FRAME rows until the rows are full
(`FULL`), the next record is incomplete (`MORE`, `needed` says how many bytes it takes), the bytes are no
record (`CORRUPT`, `reason` says why) or, for pcapng, a block that is no packet waits for Python at `position`
(`BLOCK`). `position` is always the first byte not consumed. Nothing is read at or past `stop`.

Sources: draft-ietf-opsawg-pcap sections 4 and 5; draft-ietf-opsawg-pcapng section 4.
"""

import cython
from cython.cimports.capture.frame_row import FrameRow
from cython.cimports.libc.string import memcpy

# One row per interface of a section; the Python side fills it (see pcapng.INTERFACE).
InterfaceRow = cython.struct(
    multiplier=cython.ulonglong,  # ticks to ns: ticks * multiplier ...
    divisor=cython.ulonglong,  # ... / divisor; 0 when the resolution is a power of two
    offset_ns=cython.longlong,  # if_tsoffset
    snaplen=cython.uint,
    number=cython.ushort,  # among all interfaces of the capture
    link_type=cython.ushort,
    shift=cython.uchar,  # resolution is 2**-shift seconds
)

FULL = 0
MORE = 1
CORRUPT = 2
BLOCK = 3

BAD_LENGTH = 2

REASONS = {
    1: "a record claims more bytes than any packet has",
    BAD_LENGTH: "a block's length is impossible",
    3: "a block's two length fields differ",
    4: "a packet is longer than its block",
    5: "a packet names an interface that was not described",
}
"""`reason` of a CORRUPT scan, in words."""

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""No record or block larger than this is believed."""

_MAX_RECORD = cython.declare(cython.uint, 16 * 1024 * 1024)
_FULL = cython.declare(cython.int, 0)
_MORE = cython.declare(cython.int, 1)
_CORRUPT = cython.declare(cython.int, 2)
_BLOCK = cython.declare(cython.int, 3)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u32(at: cython.p_uchar, swapped: cython.bint) -> cython.uint:
    value: cython.uint = 0
    memcpy(cython.address(value), at, 4)
    if swapped:
        value = (value >> 24) | ((value >> 8) & 0xFF00) | ((value << 8) & 0xFF0000) | (value << 24)
    return value


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u16(at: cython.p_uchar, swapped: cython.bint) -> cython.uint:
    value: cython.ushort = 0
    memcpy(cython.address(value), at, 2)
    if swapped:
        return ((value >> 8) | (value << 8)) & 0xFFFF
    return value


@cython.cclass
class PcapScanner:
    """Records of one pcap file. `swapped`: the file's byte order is not this machine's."""

    position = cython.declare(cython.Py_ssize_t, visibility="public")
    needed = cython.declare(cython.Py_ssize_t, visibility="public")
    status = cython.declare(cython.int, visibility="public")
    reason = cython.declare(cython.int, visibility="public")
    swapped: cython.bint
    old_lengths: cython.bint
    unit_ns: cython.longlong
    record_bytes: cython.Py_ssize_t
    limit: cython.uint
    link_type: cython.ushort

    def __init__(
        self,
        swapped: bool,
        nanosecond: bool,
        modified: bool,
        snaplen: int,
        link_type: int,
        version_minor: int,
    ) -> None:
        self.swapped = swapped
        self.unit_ns = 1 if nanosecond else 1000
        self.record_bytes = 24 if modified else 16
        # Snapshot lengths are often wrong in files written by tools other than libpcap, so a small one is not
        # taken as a limit; 0 means unlimited.
        self.limit = min(max(snaplen or MAX_RECORD_BYTES, 262144), MAX_RECORD_BYTES)
        self.link_type = link_type
        self.old_lengths = (
            version_minor <= 3
        )  # before 2.4 the two lengths could be swapped (libpcap sf-pcap.c)

    def scan(
        self,
        data: cython.uchar[::1],
        start: cython.Py_ssize_t,
        stop: cython.Py_ssize_t,
        frames: FrameRow[::1],
    ) -> int:
        """Fill `frames` from data[start:stop]; returns how many rows were written."""
        if not 0 <= start <= stop <= data.shape[0]:
            raise ValueError("scan outside the buffer")
        if stop == start:
            self.position, self.needed, self.status = start, self.record_bytes, 1
            return 0
        base: cython.p_uchar = cython.address(data[0])
        row: cython.pointer(FrameRow) = cython.address(frames[0])
        rows: cython.Py_ssize_t = frames.shape[0]
        count: cython.Py_ssize_t
        with cython.nogil:
            if self.swapped:
                count = self._scan(base, start, stop, row, rows, True)
            else:
                count = self._scan(base, start, stop, row, rows, False)
        return count

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(check=False)
    def _scan(
        self,
        base: cython.p_uchar,
        start: cython.Py_ssize_t,
        stop: cython.Py_ssize_t,
        row: cython.pointer(FrameRow),
        rows: cython.Py_ssize_t,
        swapped: cython.bint,
    ) -> cython.Py_ssize_t:
        """`swapped` is given, so that the compiler makes a loop for either order."""
        position: cython.Py_ssize_t = start
        count: cython.Py_ssize_t = 0
        header: cython.Py_ssize_t = self.record_bytes
        unit_ns: cython.longlong = self.unit_ns
        limit: cython.uint = self.limit
        link_type: cython.ushort = self.link_type
        old_lengths: cython.bint = self.old_lengths
        captured: cython.uint
        wire: cython.uint
        self.status = _FULL
        while count < rows:
            if stop - position < header:
                self.status, self.needed = _MORE, header
                break
            captured = _u32(base + position + 8, swapped)
            wire = _u32(base + position + 12, swapped)
            if old_lengths and captured > wire:
                captured, wire = wire, captured
            if captured > limit:
                self.status, self.reason = _CORRUPT, 1
                break
            if stop - position - header < captured:
                self.status, self.needed = _MORE, header + captured
                break
            row.time_ns = (
                cython.cast(cython.longlong, _u32(base + position, swapped)) * 1000000000
                + _u32(base + position + 4, swapped) * unit_ns
            )
            row.offset = cython.cast(cython.uint, position + header)
            row.captured_bytes = captured
            row.wire_bytes = wire if wire > captured else captured
            row.interface = 0
            row.link_type = link_type
            row.direction = 0
            position += header + captured
            count += 1
            row += 1
        self.position = position
        return count


@cython.cclass
class PcapngScanner:
    """Blocks of a pcapng file; the caller sets each new section or interface through `configure`."""

    position = cython.declare(cython.Py_ssize_t, visibility="public")
    needed = cython.declare(cython.Py_ssize_t, visibility="public")
    status = cython.declare(cython.int, visibility="public")
    reason = cython.declare(cython.int, visibility="public")
    swapped: cython.bint
    last_ns: cython.longlong
    interfaces: InterfaceRow[::1]
    interfaces_count: cython.Py_ssize_t

    def __init__(self) -> None:
        self.last_ns = 0
        self.interfaces_count = 0

    def configure(self, swapped: bool, interfaces: InterfaceRow[::1], count: int) -> None:
        """Byte order and interface table (its first `count` rows are valid) of the section being read."""
        self.swapped = swapped
        self.interfaces = interfaces
        self.interfaces_count = min(count, interfaces.shape[0])

    def scan(
        self,
        data: cython.uchar[::1],
        start: cython.Py_ssize_t,
        stop: cython.Py_ssize_t,
        frames: FrameRow[::1],
    ) -> int:
        """Fill `frames` from data[start:stop]; returns how many rows were written."""
        if not 0 <= start <= stop <= data.shape[0]:
            raise ValueError("scan outside the buffer")
        if stop == start:
            self.position, self.needed, self.status = start, 12, 1
            return 0
        base: cython.p_uchar = cython.address(data[0])
        count: cython.Py_ssize_t
        with cython.nogil:
            count = self._scan(base, start, stop, frames)
        return count

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _scan(
        self, base: cython.p_uchar, start: cython.Py_ssize_t, stop: cython.Py_ssize_t, frames: FrameRow[::1]
    ) -> cython.Py_ssize_t:
        position: cython.Py_ssize_t = start
        rows: cython.Py_ssize_t = frames.shape[0]
        count: cython.Py_ssize_t = 0
        kind: cython.uint
        length: cython.Py_ssize_t
        fixed: cython.Py_ssize_t
        written: cython.int
        self.status = _FULL
        while count < rows:
            if stop - position < 12:
                self.status, self.needed = _MORE, 12
                break
            kind = _u32(base + position, self.swapped)
            if kind == 0x0A0D0D0A:  # the section header decides the byte order: Python's turn
                self.status = _BLOCK
                break
            length = _u32(base + position + 4, self.swapped)
            if length < 12 or length > _MAX_RECORD:
                self.status, self.reason = _CORRUPT, 2
                break
            length = (length + 3) & ~3  # some writers forget the padding in the length
            if stop - position < length:
                self.status, self.needed = _MORE, length
                break
            if ((_u32(base + position + length - 4, self.swapped) + 3) & ~3) != length:
                self.status, self.reason = _CORRUPT, 3
                break
            if kind == 1 or kind == 5:  # interface description, interface statistics
                self.status, self.needed = _BLOCK, length
                break
            if kind == 6 or kind == 2 or kind == 3:
                fixed = 16 if kind == 3 else 32
                if length < fixed:
                    self.status, self.reason = _CORRUPT, 2
                    break
                written = self._packet(base, position, length, kind, cython.address(frames[count]))
                if written != 0:
                    self.status, self.reason = _CORRUPT, written
                    break
                count += 1
            position += length
        self.position = position
        return count

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(-1)
    def _packet(
        self,
        base: cython.p_uchar,
        block: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
        kind: cython.uint,
        row: cython.pointer(FrameRow),
    ) -> cython.int:
        """One Enhanced (6), obsolete (2) or Simple (3) Packet Block; 0, or the reason it is corrupt."""
        swapped: cython.bint = self.swapped
        number: cython.uint = 0
        captured: cython.Py_ssize_t
        wire: cython.uint
        data_at: cython.Py_ssize_t
        if kind == 6:
            number = _u32(base + block + 8, swapped)
        elif kind == 2:
            number = _u16(base + block + 8, swapped)
        if number >= self.interfaces_count:
            return 5
        interface: cython.pointer(InterfaceRow) = cython.address(self.interfaces[number])
        if kind == 3:
            wire = _u32(base + block + 8, swapped)
            data_at = block + 12
            captured = wire
            if interface.snaplen != 0 and captured > interface.snaplen:
                captured = interface.snaplen
            if captured > length - 16:
                captured = length - 16
        else:
            captured = _u32(base + block + 20, swapped)
            wire = _u32(base + block + 24, swapped)
            data_at = block + 28
            if captured > length - 32:
                return 4
            self.last_ns = _time_ns(
                interface,
                (cython.cast(cython.ulonglong, _u32(base + block + 12, swapped)) << 32)
                | _u32(base + block + 16, swapped),
            )
        row.time_ns = (
            self.last_ns
        )  # a Simple Packet Block has no time: the packet before it is the best guess
        row.offset = cython.cast(cython.uint, data_at)
        row.captured_bytes = cython.cast(cython.uint, captured)
        row.wire_bytes = wire if wire > captured else cython.cast(cython.uint, captured)
        row.interface = interface.number
        row.link_type = interface.link_type
        row.direction = 0
        if kind != 3:
            row.direction = _direction(base, data_at + ((captured + 3) & ~3), block + length - 4, swapped)
        return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _time_ns(interface: cython.pointer(InterfaceRow), ticks: cython.ulonglong) -> cython.longlong:
    """Ticks of the interface's clock as nanoseconds; wraps for times no clock shows."""
    ns: cython.ulonglong
    shift: cython.uchar = interface.shift
    fraction: cython.ulonglong
    if interface.divisor == 1:
        ns = ticks * interface.multiplier
    elif interface.divisor != 0:
        ns = ticks / interface.divisor
    elif shift > 63:
        ns = 0
    else:
        fraction = ticks & ((cython.cast(cython.ulonglong, 1) << shift) - 1)
        ns = (ticks >> shift) * 1000000000
        if shift > 34:  # keep fraction * 10**9 inside 64 bits; 2**-34 s is a twentieth of a nanosecond
            fraction >>= shift - 34
            shift = 34
        ns += (fraction * 1000000000) >> shift
    return cython.cast(cython.longlong, ns) + interface.offset_ns


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _direction(
    base: cython.p_uchar, position: cython.Py_ssize_t, stop: cython.Py_ssize_t, swapped: cython.bint
) -> cython.uchar:
    """Bits 0-1 of epb_flags (option 2) when present: 1 inbound, 2 outbound."""
    code: cython.uint
    size: cython.Py_ssize_t
    while stop - position >= 4:
        code = _u16(base + position, swapped)
        size = _u16(base + position + 2, swapped)
        if code == 0 or stop - position - 4 < size:
            return 0
        if code == 2 and size == 4:
            code = _u32(base + position + 4, swapped) & 3
            return code if code < 3 else 0
        position += 4 + ((size + 3) & ~3)
    return 0
