"""What frames look like in a capture file that synsight writes: pcap or pcapng, in this machine's byte order.

Sources: draft-ietf-opsawg-pcap sections 4 and 5; draft-ietf-opsawg-pcapng section 4.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from synsight.capture import _record, formats, pcapng

Interfaces = Sequence[tuple[str, int]]
"""(name, link type number), in the order of the frames' interface numbers."""

_BIG_ENDIAN = sys.byteorder == "big"
_UNIT_NS = 1000  # libpcap's times as pcapy-ng hands them on
_PCAP_MAGIC = 0xA1B2C3D4
_PCAP_VERSION = (2, 4)
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_SHB_USERAPPL, _IF_NAME, _IF_TSRESOL, _ISB_IFRECV, _ISB_IFDROP = 4, 2, 9, 4, 5
_UNKNOWN_LENGTH = 0xFFFFFFFFFFFFFFFF


class Form(Protocol):
    """A file format: its bytes, and what reading them again needs."""

    header: bytes
    pcap_header: formats.PcapHeader | None
    section: pcapng.Section | None
    trailer_bytes: int

    def sizes(self, frames: np.ndarray) -> np.ndarray:
        """Bytes of each frame's record."""
        ...

    def pack(self, data: np.ndarray, frames: np.ndarray, out: np.ndarray) -> int:
        """Write the records of FRAME rows over `data` into `out`; returns their bytes."""
        ...

    def trailer(self, now_ns: int, counts: Sequence[tuple[int, int]]) -> bytes:
        """What ends a file; `counts`: (received, dropped) of each interface."""
        ...


class Pcap:
    """pcap: one interface, microseconds."""

    def __init__(self, link_type: int, snaplen: int) -> None:
        self.header = struct.pack("=IHHiIII", _PCAP_MAGIC, *_PCAP_VERSION, 0, 0, snaplen, link_type)
        self.pcap_header: formats.PcapHeader | None = formats.pcap_header(self.header)
        self.section: pcapng.Section | None = None
        self.trailer_bytes = 0

    def sizes(self, frames: np.ndarray) -> np.ndarray:
        return frames["captured_bytes"].astype(np.int64) + _record.PCAP_RECORD_BYTES

    def pack(self, data: np.ndarray, frames: np.ndarray, out: np.ndarray) -> int:
        return int(_record.pack_pcap(data, frames.view(np.uint8), out, _UNIT_NS))

    def trailer(self, now_ns: int, counts: Sequence[tuple[int, int]]) -> bytes:
        return b""


class Pcapng:
    """pcapng: any interfaces, microseconds, and at the end what was dropped."""

    def __init__(self, interfaces: Interfaces, snaplen: int) -> None:
        from synsight import __version__

        program = _option(_SHB_USERAPPL, f"synsight {__version__}".encode())
        start = struct.pack("=IHHQ", _BYTE_ORDER_MAGIC, 1, 0, _UNKNOWN_LENGTH)
        described = [_described(name, link_type, snaplen) for name, link_type in interfaces]
        self.header = _block(pcapng.SECTION_HEADER, start + program) + b"".join(described)
        self.pcap_header: formats.PcapHeader | None = None
        section, known = pcapng.new_section(_BIG_ENDIAN, 0), pcapng.Interfaces()
        for block in described:
            pcapng.describe_interface(block, section, known)
        self.section: pcapng.Section | None = section
        self.trailer_bytes = len(self.trailer(0, [(0, 0)] * len(interfaces)))

    def sizes(self, frames: np.ndarray) -> np.ndarray:
        padded = (frames["captured_bytes"].astype(np.int64) + 3) & ~3
        return padded + _record.ENHANCED_PACKET_BYTES

    def pack(self, data: np.ndarray, frames: np.ndarray, out: np.ndarray) -> int:
        return int(_record.pack_pcapng(data, frames.view(np.uint8), out, _UNIT_NS))

    def trailer(self, now_ns: int, counts: Sequence[tuple[int, int]]) -> bytes:
        ticks = now_ns // _UNIT_NS
        blocks = []
        for number, (received, dropped) in enumerate(counts):
            told = _option(_ISB_IFRECV, struct.pack("=Q", received))
            told += _option(_ISB_IFDROP, struct.pack("=Q", dropped))
            fixed = struct.pack("=III", number, ticks >> 32, ticks & 0xFFFFFFFF)
            blocks.append(_block(pcapng.INTERFACE_STATISTICS, fixed + told))
        return b"".join(blocks)


def _described(name: str, link_type: int, snaplen: int) -> bytes:
    """An Interface Description Block."""
    told = _option(_IF_NAME, name.encode()) + _option(_IF_TSRESOL, b"\x06")
    return _block(pcapng.INTERFACE_DESCRIPTION, struct.pack("=HHI", link_type, 0, snaplen) + told)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    """A block whose body ends with options, if it has any: adds their end."""
    body += b"\0" * 4
    length = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + length + body + length
