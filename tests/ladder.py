"""Ladders: one conversation as text, and the SEGMENT rows (or the pcap bytes) that it stands for.

    # The SYN is lost twice; the third is answered after 20 ms.
         0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
    +1.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
    +0.020  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
    +0.001  > .   1:1(0) ack 1 win 502
    = client ESTABLISHED | syn_count 3 | findings syn-lost-recovered

A step is: seconds since the step before (`+1.000`) or since the start; `>` client to server or `<` server to
client (`C` and `S` keep their first meaning); tcpdump's flag letters; `first:last(length)` relative to the
sender's initial sequence number; then any of `ack N`, `win N`, `ttl N`, `id N`, `seq+N` (the next
connection's initial number is N higher), `badsum` (a wrong checksum), `frag` (the first fragment of
several), `bcast` (in a frame to every host), `<options>` with `mss N`, `sackOK`, `wscale N`, `TS val ecr`,
`TFO`, `sack L:R`. `=` lines hold expectations, `|` between them. A step `icmp TYPE CODE from ADDRESS` quotes
the last client segment.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from synsight.capture.segment import SEGMENT, Checksum, IpFlag, Kind, Option, address_halves

CLIENT = ("10.0.0.1", 40000)
SERVER = ("10.0.0.2", 80)
ISN = {">": 1_000_000, "<": 5_000_000}
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128}
STEP = re.compile(
    r"^(?P<plus>\+?)(?P<time>\d+(?:\.\d+)?)\s+(?P<way>[<>])\s+(?P<flags>[FSRPUEW.]+|-)\s+"
    r"(?P<first>-?\d+):(?P<last>-?\d+)\((?P<length>\d+)\)(?P<rest>.*)$"
)
ICMP = re.compile(
    r"^(?P<plus>\+?)(?P<time>\d+(?:\.\d+)?)\s+icmp\s+(?P<type>\d+)\s+(?P<code>\d+)\s+from\s+(?P<via>\S+)"
)


class LadderError(ValueError):
    """A line that is no step, no expectation and no comment; says which."""


@dataclass
class Ladder:
    """A parsed ladder: `rows` as SEGMENT, `expected` as text -> text."""

    title: str
    rows: np.ndarray
    expected: dict[str, str] = field(default_factory=dict)


def read_ladder(path: Path) -> Ladder:
    """The ladder in a file. Raises LadderError."""
    return parse_ladder(path.read_text(), str(path))


def parse_ladder(text: str, name: str = "ladder") -> Ladder:
    """The ladder in a text whose first line is a comment. Raises LadderError naming the line."""
    lines = text.strip().splitlines()
    if not lines or not lines[0].startswith("#"):
        raise LadderError(f"{name}:1: the first line must be a comment that says what is shown")
    rows: list[np.ndarray] = []
    expected: dict[str, str] = {}
    now = 0.0
    for number, raw in enumerate(lines[1:], start=2):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("="):
            expected.update(_expectations(line[1:]))
            continue
        step, icmp = STEP.match(line), ICMP.match(line)
        match = step or icmp
        if match is None:
            raise LadderError(f"{name}:{number}: not a step: {line}")
        now = now + float(match["time"]) if match["plus"] else float(match["time"])
        rows.append(_segment(step, now, len(rows) + 1) if step else _icmp(icmp, rows, now, len(rows) + 1))
    return Ladder(lines[0].lstrip("# "), np.concatenate(rows), expected)


def _expectations(text: str) -> dict[str, str]:
    parts = (part.strip().split(None, 1) for part in text.split("|"))
    return {part[0]: part[1] if len(part) > 1 else "" for part in parts}


def _number(rest: str, word: str, default: int) -> int:
    found = re.search(rf"(?:^|\s){word}\s+(-?\d+)", rest)
    return int(found[1]) if found else default


def _segment(match: re.Match[str], now: float, frame: int) -> np.ndarray:
    row = np.zeros(1, SEGMENT)
    rest, way = match["rest"], match["way"]
    other = "<" if way == ">" else ">"
    sender, receiver = (CLIENT, SERVER) if way == ">" else (SERVER, CLIENT)
    shift = re.search(r"seq\+(\d+)", rest)
    offset = int(shift[1]) if shift else 0
    flags = sum(FLAGS[letter] for letter in match["flags"] if letter != "-")
    row["time_ns"] = int(1_700_000_000_000_000_000 + round(now * 1e9))
    row["frame"] = frame
    _set_ends(row, sender, receiver)
    row["seq"] = (ISN[way] + offset + int(match["first"])) & 0xFFFFFFFF
    row["flags"] = flags
    if flags & 16:
        row["ack"] = (ISN[other] + (_number(rest, "back", 0)) + _number(rest, "ack", 0)) & 0xFFFFFFFF
    row["payload_bytes"] = int(match["length"])
    row["window"] = _number(rest, "win", 500)
    row["ttl"] = _number(rest, "ttl", 64)
    row["ip_id"] = _number(rest, "id", (frame * 257 + (1 if way == ">" else 7)) & 0xFFFF)
    row["ip_flags"] = IpFlag.DF
    row["checksum"] = Checksum.BAD if re.search(r"\bbadsum\b", rest) else Checksum.OK
    if re.search(r"\bfrag\b", rest):
        row["ip_flags"] = IpFlag.MF
    if re.search(r"\bbcast\b", rest):
        row["dst_mac"] = 0xFFFFFFFFFFFF
    row["wscale"] = 255
    row["payload_class"] = 1 if row["payload_bytes"] else 0
    _set_options(row, rest)
    return row


def _set_ends(row: np.ndarray, sender: tuple[str, int], receiver: tuple[str, int]) -> None:
    row["src_hi"], row["src_lo"] = address_halves(sender[0])
    row["dst_hi"], row["dst_lo"] = address_halves(receiver[0])
    row["sport"], row["dport"] = sender[1], receiver[1]
    row["flow_hash"] = 0x9E3779B97F4A7C15


def _set_options(row: np.ndarray, rest: str) -> None:
    inside = re.search(r"<([^>]*)>", rest)
    options = 0
    for option in inside[1].split(",") if inside else ():
        words = option.split()
        if words[0] == "mss":
            options |= Option.MSS
            row["mss"] = int(words[1])
        elif words[0] == "sackOK":
            options |= Option.SACK_PERMITTED
        elif words[0] == "wscale":
            options |= Option.WSCALE
            row["wscale"] = int(words[1])
        elif words[0] == "TS":
            options |= Option.TIMESTAMP
            row["tsval"], row["tsecr"] = int(words[1]), int(words[2])
        elif words[0] == "TFO":
            options |= Option.TFO
        elif words[0] == "sack":
            left, right = (int(edge) for edge in words[1].split(":"))
            base = ISN["<" if row["sport"][0] == CLIENT[1] else ">"]
            options |= Option.SACK
            row["sack_left"], row["sack_right"], row["sack_count"] = base + left, base + right, 1
        else:
            raise LadderError(f"unknown option {option!r}")
    row["options"] = options


def _icmp(match: re.Match[str] | None, rows: list[np.ndarray], now: float, frame: int) -> np.ndarray:
    assert match is not None
    quoted = next(row for row in reversed(rows) if row["sport"][0] == CLIENT[1])
    row = quoted.copy()
    row["kind"] = Kind.ICMP_ERROR
    row["time_ns"] = int(1_700_000_000_000_000_000 + round(now * 1e9))
    row["frame"] = frame
    row["icmp_type"], row["icmp_code"] = int(match["type"]), int(match["code"])
    row["via_hi"], row["via_lo"] = address_halves(match["via"])
    row["via_ttl"] = 64
    return row


def pcap_bytes(rows: np.ndarray) -> bytes:
    """The TCP rows as a nanosecond pcap of RAW IPv4 packets, with correct checksums."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)]
    for row in rows:
        packet = _packet(row)
        seconds, rest = divmod(int(row["time_ns"]), 1_000_000_000)
        out.append(struct.pack("<IIII", seconds, rest, len(packet), len(packet)) + packet)
    return b"".join(out)


def _packet(row: np.void) -> bytes:
    options = _option_bytes(row)
    source = (int(row["src_lo"]) & 0xFFFFFFFF).to_bytes(4, "big")
    target = (int(row["dst_lo"]) & 0xFFFFFFFF).to_bytes(4, "big")
    payload = b"x" * int(row["payload_bytes"])
    flags = ((20 + len(options)) // 4 << 12) | int(row["flags"])
    head = struct.pack(
        ">HHIIHHHH", row["sport"], row["dport"], row["seq"], row["ack"], flags, row["window"], 0, 0
    )
    tcp = head + options + payload
    pseudo = source + target + struct.pack(">BBH", 0, 6, len(tcp))
    checksum = _checksum(pseudo + tcp)
    tcp = tcp[:16] + struct.pack(">H", checksum) + tcp[18:]
    ip = struct.pack(
        ">BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(tcp),
        int(row["ip_id"]),
        0x4000,
        int(row["ttl"]),
        6,
        0,
        source,
        target,
    )
    return ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:] + tcp


def _option_bytes(row: np.void) -> bytes:
    options, out = int(row["options"]), b""
    if options & Option.MSS:
        out += struct.pack(">BBH", 2, 4, row["mss"])
    if options & Option.SACK_PERMITTED:
        out += b"\x04\x02"
    if options & Option.WSCALE:
        out += struct.pack(">BBB", 3, 3, row["wscale"])
    if options & Option.TIMESTAMP:
        out += struct.pack(">BBII", 8, 10, row["tsval"], row["tsecr"])
    if options & Option.TFO:
        out += b"\x22\x02"
    if options & Option.SACK:
        out += struct.pack(">BBII", 5, 10, row["sack_left"], row["sack_right"])
    return out + b"\x01" * (-len(out) % 4)


def _checksum(data: bytes) -> int:
    data += b"\x00" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
