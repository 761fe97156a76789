# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: ignore-errors
"""Frames of a batch as the records of a capture file, in this machine's byte order. Compiled; no GIL.

Both functions fill `out` with one record after the other and return how many bytes they wrote. They raise
ValueError when a frame does not lie inside `data` or the records do not fit into `out`.

Sources: draft-ietf-opsawg-pcap section 5; draft-ietf-opsawg-pcapng section 4.3.
"""

import cython
from cython.cimports.capture.frame_row import FrameRow
from cython.cimports.libc.string import memcpy, memset

PCAP_RECORD_BYTES = 16
ENHANCED_PACKET_BYTES = 32
"""What a record takes besides the frame (and, in pcapng, its padding to 4 bytes)."""


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _put(at: cython.p_uchar, value: cython.uint) -> cython.void:
    memcpy(at, cython.address(value), 4)


def pack_pcap(
    data: cython.const[cython.uchar][::1],
    frames: cython.const[FrameRow][::1],
    out: cython.uchar[::1],
    unit_ns: cython.longlong,
) -> int:
    """pcap records; `unit_ns` is what the fraction of a second counts: 1 or 1000."""
    at: cython.Py_ssize_t = 0
    index: cython.Py_ssize_t
    captured: cython.Py_ssize_t
    offset: cython.Py_ssize_t
    time_ns: cython.longlong
    for index in range(frames.shape[0]):
        captured = frames[index].captured_bytes
        offset = frames[index].offset
        if offset + captured > data.shape[0] or at + 16 + captured > out.shape[0]:
            raise ValueError("a frame outside its buffer")
        time_ns = frames[index].time_ns
        _put(cython.address(out[at]), cython.cast(cython.uint, time_ns // 1000000000))
        _put(cython.address(out[at + 4]), cython.cast(cython.uint, time_ns % 1000000000 // unit_ns))
        _put(cython.address(out[at + 8]), frames[index].captured_bytes)
        _put(cython.address(out[at + 12]), frames[index].wire_bytes)
        at += 16
        if captured:
            memcpy(cython.address(out[at]), cython.address(data[offset]), captured)
        at += captured
    return at


def pack_pcapng(
    data: cython.const[cython.uchar][::1],
    frames: cython.const[FrameRow][::1],
    out: cython.uchar[::1],
    unit_ns: cython.longlong,
) -> int:
    """Enhanced Packet Blocks; `unit_ns` is the tick of every interface's clock."""
    at: cython.Py_ssize_t = 0
    index: cython.Py_ssize_t
    captured: cython.Py_ssize_t
    padded: cython.Py_ssize_t
    offset: cython.Py_ssize_t
    ticks: cython.ulonglong
    for index in range(frames.shape[0]):
        captured = frames[index].captured_bytes
        padded = (captured + 3) & ~3
        offset = frames[index].offset
        if offset + captured > data.shape[0] or at + 32 + padded > out.shape[0]:
            raise ValueError("a frame outside its buffer")
        ticks = cython.cast(cython.ulonglong, frames[index].time_ns // unit_ns)
        _put(cython.address(out[at]), 6)
        _put(cython.address(out[at + 4]), cython.cast(cython.uint, 32 + padded))
        _put(cython.address(out[at + 8]), frames[index].interface)
        _put(cython.address(out[at + 12]), cython.cast(cython.uint, ticks >> 32))
        _put(cython.address(out[at + 16]), cython.cast(cython.uint, ticks & 0xFFFFFFFF))
        _put(cython.address(out[at + 20]), frames[index].captured_bytes)
        _put(cython.address(out[at + 24]), frames[index].wire_bytes)
        if captured:
            memcpy(cython.address(out[at + 28]), cython.address(data[offset]), captured)
        at += 28 + captured
        if padded > captured:
            memset(cython.address(out[at]), 0, padded - captured)
            at += padded - captured
        _put(cython.address(out[at]), cython.cast(cython.uint, 32 + padded))
        at += 4
    return at
