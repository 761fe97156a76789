# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: ignore-errors
"""Frames of a batch as the records of a capture file, in this machine's byte order. Releases the GIL.

Both functions take FRAME rows as plain bytes: describing a struct costs more than packing a hundred frames.
They fill `out` with one record after the other and return how many bytes they wrote. They raise ValueError
when a frame does not lie inside `data`, or when the records do not fit into `out`.

Sources: draft-ietf-opsawg-pcap section 5; draft-ietf-opsawg-pcapng section 4.3.
"""

import cython
from cython.cimports.capture.frame_row import FrameRow
from cython.cimports.libc.string import memcpy, memset

PCAP_RECORD_BYTES = 16
ENHANCED_PACKET_BYTES = 32
"""What a record takes besides the frame (and, in pcapng, its padding to 4 bytes)."""


def pack_pcap(
    data: cython.const[cython.uchar][::1],
    frames: cython.const[cython.uchar][::1],
    out: cython.uchar[::1],
    unit_ns: cython.longlong,
) -> int:
    """pcap records; `unit_ns` is what the fraction of a second counts: 1 or 1000."""
    return _packed(data, frames, out, unit_ns, False)


def pack_pcapng(
    data: cython.const[cython.uchar][::1],
    frames: cython.const[cython.uchar][::1],
    out: cython.uchar[::1],
    unit_ns: cython.longlong,
) -> int:
    """Enhanced Packet Blocks; `unit_ns` is the tick of every interface's clock."""
    return _packed(data, frames, out, unit_ns, True)


@cython.cfunc
def _packed(
    data: cython.const[cython.uchar][::1],
    frames: cython.const[cython.uchar][::1],
    out: cython.uchar[::1],
    unit_ns: cython.longlong,
    blocks: cython.bint,
):
    index: cython.Py_ssize_t
    room: cython.Py_ssize_t
    at: cython.Py_ssize_t = 0
    offset: cython.Py_ssize_t
    captured: cython.Py_ssize_t
    fits: cython.bint = True
    count: cython.Py_ssize_t = frames.shape[0] // cython.sizeof(FrameRow)
    if count == 0 or data.shape[0] == 0 or out.shape[0] == 0:
        if count:
            raise ValueError("no bytes to take frames from, or to write them to")
        return 0
    row: cython.pointer(FrameRow) = cython.cast(cython.pointer(FrameRow), cython.address(frames[0]))
    source: cython.p_uchar = cython.cast(cython.p_uchar, cython.address(data[0]))
    target: cython.p_uchar = cython.address(out[0])
    with cython.nogil:
        for index in range(count):
            captured = row[index].captured_bytes
            offset = row[index].offset
            room = out.shape[0] - at - (32 + ((captured + 3) & ~3) if blocks else 16 + captured)
            if offset + captured > data.shape[0] or room < 0:
                fits = False
                break
            if blocks:
                at += _block(target + at, cython.address(row[index]), source + offset, unit_ns)
            else:
                at += _record(target + at, cython.address(row[index]), source + offset, unit_ns)
    if not fits:
        raise ValueError("a frame outside its bytes, or too little room for its record")
    return at


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _record(
    at: cython.p_uchar, row: cython.pointer(FrameRow), frame: cython.p_uchar, unit_ns: cython.longlong
) -> cython.Py_ssize_t:
    captured: cython.Py_ssize_t = row.captured_bytes
    _put(at, cython.cast(cython.uint, row.time_ns // 1000000000))
    _put(at + 4, cython.cast(cython.uint, row.time_ns % 1000000000 // unit_ns))
    _put(at + 8, row.captured_bytes)
    _put(at + 12, row.wire_bytes)
    memcpy(at + 16, frame, captured)
    return 16 + captured


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _block(
    at: cython.p_uchar, row: cython.pointer(FrameRow), frame: cython.p_uchar, unit_ns: cython.longlong
) -> cython.Py_ssize_t:
    captured: cython.Py_ssize_t = row.captured_bytes
    padded: cython.Py_ssize_t = (captured + 3) & ~3
    ticks: cython.ulonglong = cython.cast(cython.ulonglong, row.time_ns // unit_ns)
    _put(at, 6)
    _put(at + 4, cython.cast(cython.uint, 32 + padded))
    _put(at + 8, row.interface)
    _put(at + 12, cython.cast(cython.uint, ticks >> 32))
    _put(at + 16, cython.cast(cython.uint, ticks))
    _put(at + 20, row.captured_bytes)
    _put(at + 24, row.wire_bytes)
    memcpy(at + 28, frame, captured)
    memset(at + 28 + captured, 0, padded - captured)
    _put(at + 28 + padded, cython.cast(cython.uint, 32 + padded))
    return 32 + padded


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _put(at: cython.p_uchar, value: cython.uint) -> cython.void:
    memcpy(at, cython.address(value), 4)
