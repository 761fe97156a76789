"""What the first bytes of a file say it is."""

from __future__ import annotations

import struct
from typing import NamedTuple

PCAPNG_MAGIC = b"\n\r\r\n"
"""The block type of a section header, the same in both byte orders (pcapng section 4.1)."""

SNIFF_BYTES = 300
"""As many first bytes as `describe` can make use of."""

COMPRESSIONS: dict[bytes, str] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
"""First bytes of what is decompressed on the fly."""

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"snoop\0\0\0", "a Solaris snoop capture"),
    (b"TRSNIFF data", "a Network General Sniffer capture"),
    (b"XCP\0", "a NetXRay or Sniffer capture"),
    (b"GMBU", "a Microsoft Network Monitor capture"),
    (b"RTSS", "a Microsoft Network Monitor 1 capture"),
    (b"\x05VNF", "a Visual Networks capture"),
    (b"\xaa\xaa\xaa\xaa", "an InfoVista 5View capture"),
)
"""First bytes of captures that tshark can read."""

TSHARK_ADVICE = "install tshark (Debian: apt install tshark; macOS: brew install wireshark)"

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"\xd5\x0c\xb5", "a packet log of another tool"),
    (b"MDMP", "a Windows crash dump"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a Windows program"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"SQLite format 3", "an SQLite database"),
    (b"{", "text (JSON)"),
    (b"[", "text (JSON)"),
)


class PcapHeader(NamedTuple):
    """The file header of a pcap (draft-ietf-opsawg-pcap section 4)."""

    big_endian: bool
    nanosecond: bool
    modified: bool  # Kuznetzov's: 8 more bytes per record
    version_minor: int
    snaplen: int  # 0: unlimited
    link_type: int  # without the bits that tell the length of a frame check sequence


PCAP_HEADER_BYTES = 24

_PCAP_MAGICS: dict[bytes, tuple[bool, bool, bool]] = {
    b"\xa1\xb2\xc3\xd4": (True, False, False),
    b"\xd4\xc3\xb2\xa1": (False, False, False),
    b"\xa1\xb2\x3c\x4d": (True, True, False),
    b"\x4d\x3c\xb2\xa1": (False, True, False),
    b"\xa1\xb2\xcd\x34": (True, False, True),
    b"\x34\xcd\xb2\xa1": (False, False, True),
}


def is_capture(first: bytes) -> bool:
    """Whether bytes begin a pcap or pcapng file."""
    return first[:4] in _PCAP_MAGICS or first[:4] == PCAPNG_MAGIC


def compression(first: bytes) -> str | None:
    """Name of the compression that bytes begin, or None."""
    return next((name for magic, name in COMPRESSIONS.items() if first.startswith(magic)), None)


def pcap_header(first: bytes) -> PcapHeader:
    """Parse a pcap file header of PCAP_HEADER_BYTES or more. Raises KeyError when the magic is another."""
    big_endian, nanosecond, modified = _PCAP_MAGICS[first[:4]]
    order = ">" if big_endian else "<"
    _, minor, _, _, snaplen, link_type = struct.unpack_from(order + "HHIIII", first, 4)
    return PcapHeader(big_endian, nanosecond, modified, minor, snaplen, link_type & 0xFFFF)


def foreign(first: bytes) -> str | None:
    """Name of a capture format that only tshark reads, judged by a file's first bytes; None for others.

    >>> foreign(b"snoop" + bytes(11))
    'a Solaris snoop capture'
    """
    named = next((words for magic, words in _FOREIGN if first.startswith(magic)), None)
    return named or ("an Endace ERF capture" if _looks_like_erf(first) else None)


def describe(first: bytes) -> str:
    """What a file that is no capture is, judged by its first bytes, as words for an error line.

    >>> describe(b"")
    'an empty file'
    """
    if not first:
        return "an empty file"
    if named := foreign(first):
        return f"{named}; {TSHARK_ADVICE} to have it read, or convert it with `editcap -F pcap`"
    for magic, words in _OTHERS:
        if first.startswith(magic):
            return words
    text = first.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "an HTML page; was a login or error page downloaded instead of the capture?"
    if text.startswith(b"<?xml"):
        return "an XML document"
    if first[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if all(byte in b"\t\n\r\f\b\x1b" or 32 <= byte < 127 or byte >= 128 for byte in first):
        return "text"
    return f"not recognised (it begins {first[:8].hex(' ')})"


def _looks_like_erf(first: bytes) -> bool:
    """ERF has no magic: a known record type and lengths that fit it (Endace ERF types, section 1)."""
    if len(first) < 16:
        return False
    record_bytes, _, wire_bytes = struct.unpack_from(">HHH", first, 10)
    return 1 <= first[8] & 0x7F <= 48 and 16 < record_bytes <= wire_bytes + 64 and first[9] & 0xC0 == 0
