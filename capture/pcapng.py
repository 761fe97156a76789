"""The rare blocks of pcapng: section headers, interface descriptions and statistics.

Packets are read by the compiled scanner; this module keeps the table that it reads their times and link types
from. Source: draft-ietf-opsawg-pcapng section 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

INTERFACE = np.dtype(
    [
        ("multiplier", "<u8"),  # nanoseconds per tick when the clock ticks at 1 ns or slower
        ("divisor", "<u8"),  # ticks per nanosecond when it ticks faster; 1 when slower; 0: see shift
        ("offset_ns", "<i8"),  # added to every time (if_tsoffset)
        ("snaplen", "<u4"),  # 0: unlimited
        ("number", "<u2"),  # index among the interfaces of all sections
        ("link_type", "<u2"),
        ("shift", "u1"),  # the tick is 2**-shift seconds, when divisor is 0
    ],
    align=True,
)

SECTION_HEADER = 0x0A0D0D0A
INTERFACE_DESCRIPTION = 1
INTERFACE_STATISTICS = 5

_IF_NAME = 2
_IF_TSRESOL = 9
_IF_TSOFFSET = 14
_ISB_IFDROP = 5
_ISB_OSDROP = 7
_MAX_INTERFACES = 65535


@dataclass(slots=True)
class Section:
    """The section being read: byte order and interface table. Rows below `count` never change."""

    big_endian: bool
    table: np.ndarray  # INTERFACE rows
    count: int  # rows in use
    first_number: int  # number of its first interface among those of all sections

    def snapshot(self) -> Section:
        """The section as it is now, unharmed by interfaces described later."""
        return Section(self.big_endian, self.table, self.count, self.first_number)


@dataclass(slots=True)
class Interfaces:
    """What all sections of a file say about interfaces."""

    names: list[str] = field(default_factory=list)  # in order of description; "" when unnamed
    link_types: list[int] = field(default_factory=list)
    dropped: dict[int, int] = field(
        default_factory=dict
    )  # interface number -> drops, by the latest statistics


def new_section(big_endian: bool, first_number: int) -> Section:
    """A section without interfaces yet."""
    return Section(big_endian, np.zeros(4, INTERFACE), 0, first_number)


def section_length(block: bytes) -> tuple[bool, int] | None:
    """Byte order (True: big-endian) and length of the section header block here; None when it is none.

    `block` holds at least 12 bytes.
    """
    for big_endian, order in ((True, ">"), (False, "<")):
        if struct.unpack_from(order + "I", block, 8)[0] == 0x1A2B3C4D:
            length = struct.unpack_from(order + "I", block, 4)[0]
            return big_endian, length
    return None


def describe_interface(block: bytes, section: Section, known: Interfaces) -> None:
    """Add the interface of an Interface Description Block to the section and to what is known."""
    order = ">" if section.big_endian else "<"
    if len(block) < 20 or section.count >= _MAX_INTERFACES:
        return
    link_type, _, snaplen = struct.unpack_from(order + "HHI", block, 8)
    multiplier, divisor, shift, offset_s, name = 1000, 1, 0, 0, ""
    for code, value in _options(block, 16, order):
        if code == _IF_NAME:
            name = value.decode("utf-8", "replace").rstrip("\0")
        elif code == _IF_TSRESOL and len(value) == 1:
            multiplier, divisor, shift = _resolution(value[0])
        elif code == _IF_TSOFFSET and len(value) == 8:
            offset_s = struct.unpack(order + "q", value)[0]
    if section.count == len(section.table):
        section.table = np.concatenate([section.table, np.zeros(len(section.table), INTERFACE)])
    number = min(section.first_number + section.count, _MAX_INTERFACES)
    offset_ns = max(min(offset_s, 9_000_000_000), -9_000_000_000) * 10**9
    section.table[section.count] = (multiplier, divisor, offset_ns, snaplen, number, link_type, shift)
    section.count += 1
    known.names.append(name)
    known.link_types.append(link_type)


def note_statistics(block: bytes, section: Section, known: Interfaces) -> None:
    """Keep the drop counters of an Interface Statistics Block; they are totals, the latest one counts."""
    order = ">" if section.big_endian else "<"
    if len(block) < 24:
        return
    interface = struct.unpack_from(order + "I", block, 8)[0]
    if interface >= section.count:
        return
    drops = [
        struct.unpack(order + "Q", value)[0]
        for code, value in _options(block, 20, order)
        if code in (_ISB_IFDROP, _ISB_OSDROP) and len(value) == 8
    ]
    if drops:
        known.dropped[section.first_number + interface] = sum(drops)


def _resolution(tsresol: int) -> tuple[int, int, int]:
    """(multiplier, divisor, shift) of an if_tsresol byte: a negative power of 10, or 2 with the top bit."""
    exponent = tsresol & 0x7F
    if tsresol & 0x80:
        return 0, 0, exponent
    if exponent <= 9:
        return 10 ** (9 - exponent), 1, 0
    return 1, 10 ** min(exponent - 9, 19), 0


def _options(block: bytes, start: int, order: str) -> Iterator[tuple[int, bytes]]:
    """Options of a block from `start` up to its trailing length; stops at the first that does not fit."""
    stop = len(block) - 4
    while start + 4 <= stop:
        code, size = struct.unpack_from(order + "HH", block, start)
        if code == 0 or start + 4 + size > stop:
            return
        yield code, block[start + 4 : start + 4 + size]
        start += 4 + (size + 3 & ~3)
