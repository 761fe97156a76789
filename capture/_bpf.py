# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: ignore-errors
"""A classic BPF virtual machine over a batch of FRAME rows. Compiled; releases the GIL.

Instructions are libpcap's own: `compile` emits them, this runs them, so frames keep their numbers and need
not be handed to libpcap one by one. A load outside the captured bytes rejects the frame, as in libpcap's
interpreter. Source: McCanne and Jacobson, The BSD Packet Filter (1993), section 3; bpf(4).
"""

import cython
from cython.cimports.capture.frame_row import FrameRow


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _load(
    p: cython.p_uchar, size: cython.ulonglong, at: cython.ulonglong, width: cython.uint, out: cython.p_uint
) -> cython.bint:
    """The big-endian number of 1, 2 or 4 bytes at `at`; false when it is not all there."""
    if at + width > size:
        return False
    if width == 4:
        out[0] = (
            (cython.cast(cython.uint, p[at]) << 24)
            | (cython.cast(cython.uint, p[at + 1]) << 16)
            | (cython.cast(cython.uint, p[at + 2]) << 8)
            | p[at + 3]
        )
    elif width == 2:
        out[0] = (cython.cast(cython.uint, p[at]) << 8) | p[at + 1]
    else:
        out[0] = p[at]
    return True


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _arithmetic(operation: cython.uint, a: cython.uint, b: cython.uint) -> cython.uint:
    """Division by zero is caught by the caller."""
    if operation == 0x00:
        return a + b
    if operation == 0x10:
        return a - b
    if operation == 0x20:
        return a * b
    if operation == 0x30:
        return a // b
    if operation == 0x40:
        return a | b
    if operation == 0x50:
        return a & b
    if operation == 0x60:
        return a << b if b < 32 else 0
    if operation == 0x70:
        return a >> b if b < 32 else 0
    if operation == 0x80:
        return 0 - a
    if operation == 0x90:
        return a % b
    return a ^ b


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _accept(
    program: cython.uint[:, ::1], p: cython.p_uchar, size: cython.ulonglong, wire: cython.uint
) -> cython.int:
    """Run the program over one frame: 1 accepted, 0 rejected. Every jump goes forward, so it ends."""
    memory = cython.declare(cython.uint[16])
    a: cython.uint = 0
    x: cython.uint = 0
    operand: cython.uint
    code: cython.uint
    k: cython.uint
    kind: cython.uint
    mode: cython.uint
    width: cython.uint
    jump: cython.bint
    value: cython.uint = 0
    at: cython.Py_ssize_t = 0
    stop: cython.Py_ssize_t = program.shape[0]
    for width in range(16):
        memory[width] = 0
    while at < stop:
        code = program[at, 0]
        k = program[at, 3]
        kind = code & 7
        mode = code & 0xE0
        if kind == 0:  # LD
            width = 4 if code & 0x18 == 0 else (2 if code & 0x18 == 8 else 1)
            if mode == 0x20:
                if not _load(p, size, k, width, cython.address(a)):
                    return 0
            elif mode == 0x40:
                if not _load(p, size, cython.cast(cython.ulonglong, x) + k, width, cython.address(a)):
                    return 0
            elif mode == 0x00:
                a = k
            elif mode == 0x60:
                a = memory[k & 15]
            else:
                a = wire
        elif kind == 1:  # LDX
            if mode == 0x00:
                x = k
            elif mode == 0x60:
                x = memory[k & 15]
            elif mode == 0xA0:  # 4 * the low nibble: an IPv4 header's length
                if not _load(p, size, k, 1, cython.address(value)):
                    return 0
                x = (value & 15) * 4
            else:
                x = wire
        elif kind == 2:
            memory[k & 15] = a
        elif kind == 3:
            memory[k & 15] = x
        elif kind == 4:  # ALU
            operand = x if code & 8 else k
            if operand == 0 and (code & 0xF0 == 0x30 or code & 0xF0 == 0x90):
                return 0
            a = _arithmetic(code & 0xF0, a, operand)
        elif kind == 5:  # JMP
            operand = x if code & 8 else k
            mode = code & 0xF0
            if mode == 0:
                at += cython.cast(cython.Py_ssize_t, k)
            else:
                if mode == 0x10:
                    jump = a == operand
                elif mode == 0x20:
                    jump = a > operand
                elif mode == 0x30:
                    jump = a >= operand
                else:
                    jump = (a & operand) != 0
                at += program[at, 1] if jump else program[at, 2]
        elif kind == 6:  # RET
            return (a if code & 0x18 == 0x10 else k) != 0
        elif code & 0xF8 == 0:  # TAX
            x = a
        else:  # TXA
            a = x
        at += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1)
def _run(
    program: cython.uint[:, ::1],
    base: cython.p_uchar,
    size: cython.Py_ssize_t,
    frames: FrameRow[::1],
    link_type: cython.int,
    chosen: cython.uchar[::1],
) -> cython.int:
    i: cython.Py_ssize_t
    frame: cython.pointer(FrameRow)
    for i in range(frames.shape[0]):
        frame = cython.address(frames[i])
        if frame.link_type != link_type:
            continue
        if cython.cast(cython.Py_ssize_t, frame.offset) + frame.captured_bytes > size:
            continue
        chosen[i] = _accept(program, base + frame.offset, frame.captured_bytes, frame.wire_bytes)
    return 0


def run(
    program: cython.uint[:, ::1],
    data: cython.uchar[::1],
    frames: FrameRow[::1],
    link_type: cython.int,
    chosen: cython.uchar[::1],
) -> None:
    """Set `chosen` to 1 or 0 for every frame of this link type; the others are left alone.

    `program`: rows of (code, jt, jf, k). `data`: the batch's bytes. `chosen`: one byte per frame.
    """
    if chosen.shape[0] != frames.shape[0] or program.shape[1] != 4:
        raise ValueError("one choice per frame, four numbers per instruction")
    if frames.shape[0] == 0 or data.shape[0] == 0:
        return
    base: cython.p_uchar = cython.address(data[0])
    with cython.nogil:
        _run(program, base, data.shape[0], frames, link_type, chosen)
