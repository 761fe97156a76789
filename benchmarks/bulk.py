"""Large captures to measure with, the same bytes every time: `python -m benchmarks.bulk`.

headers.pcap   100,000 connections interleaved in time, cut at 96 bytes per packet as `tcpdump -s 96` does
frames.pcap    a few hundred downloads with whole frames of 1514 bytes and right checksums
ten.pcap       one connection of ten packets
headers-cut.pcap, frames-cut.pcap: the first packets of the large ones, for tools that would take minutes
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import DATA
from . import conversations as talk

CONNECTIONS = 100_000
FRAMES_MIB = 4096
CUT_PACKETS = 100_000
SPAN_S = 720.0
"""Time over which the connections of headers.pcap begin."""
SCRIPTS_PER_KIND = 300
SEED = 20261122
EDITION = 4
"""Raise it when the captures change: those on disk are then made again."""

SHARES = (
    (talk.unanswered, 0.002),
    (talk.refused, 0.001),
    (talk.retransmitted, 0.010),
    (talk.reset, 0.010),
    (talk.ordinary, 0.977),
)
"""Which part of the connections goes how."""

START_NS = 1_790_000_000 * 10**9
RECORD = [("sec", "<u4"), ("usec", "<u4"), ("captured", "<u4"), ("wire", "<u4")]
ETHERNET = [("to", "u1", 6), ("from", "u1", 6), ("ethertype", ">u2")]
IPV4 = [
    *(("version", "u1"), ("tos", "u1"), ("total", ">u2"), ("id", ">u2"), ("fragment", ">u2")),
    *(("ttl", "u1"), ("protocol", "u1"), ("header_sum", ">u2"), ("source", "u1", 4), ("target", "u1", 4)),
]
IPV6 = [
    *(("version", ">u4"), ("total", ">u2"), ("protocol", "u1"), ("ttl", "u1")),
    *(("source", "u1", 16), ("target", "u1", 16)),
]
TCP = [
    *(("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("offset", "u1"), ("flags", "u1")),
    *(("window", ">u2"), ("sum", ">u2"), ("urgent", ">u2")),
]
STAMP = [("stamp_head", ">u4"), ("tsval", ">u4"), ("tsecr", ">u4")]
BLOCK = [("sack_head", ">u4"), ("left", ">u4"), ("right", ">u4")]
SCALE = [("scale_head", "u1", 3), ("scale", "u1")]
MAXIMUM = [("mss_head", ">u2"), ("mss", ">u2")]
OFFER = [*MAXIMUM, ("sack_ok", ">u2"), ("t_head", ">u2"), ("tsval", ">u4"), ("tsecr", ">u4"), *SCALE]
PLAIN_OFFER = [*MAXIMUM, *SCALE, ("sack_ok", ">u4")]
LAYOUTS = {
    (False, False, False): [],
    (False, True, False): PLAIN_OFFER,
    (False, False, True): BLOCK,
    (True, False, False): STAMP,
    (True, True, False): OFFER,
    (True, False, True): STAMP + BLOCK,
}
"""(timestamps, SYN, SACK block) -> TCP options."""

CONSTANTS = {
    "stamp_head": 0x0101080A,
    "sack_head": 0x0101050A,
    "mss_head": 0x0204,
    "t_head": 0x080A,
    "scale_head": (1, 3, 3),
    "scale": 7,
}


class Sequel:
    """Every segment of every connection in time order, as columns."""

    def __init__(
        self, scripts: list[talk.Script], choice: np.ndarray, dice: np.random.Generator, span_s: float
    ) -> None:
        sizes = np.array([len(script.rows) for script in scripts])
        table = np.array([row for script in scripts for row in script.rows], np.int64)
        count, lengths = len(choice), sizes[choice]
        self.flow = np.repeat(np.arange(count), lengths)
        base = np.cumsum(lengths) - lengths
        source = (np.cumsum(sizes) - sizes)[choice][self.flow] + np.arange(len(self.flow)) - base[self.flow]
        column = {name: table[:, at][source] for at, name in enumerate(talk.COLUMNS)}
        rtt_ns = (np.exp(dice.normal(2.6, 1.0, count)) * 1e6).astype(np.int64)
        start_ns = (np.sort(dice.random(count)) * span_s * 1e9).astype(np.int64)
        flow = self.flow
        self.time_ns = start_ns[flow] + column["rtts"] * rtt_ns[flow] + column["us"] * 1000
        self.column = column
        self.first_id = dice.integers(0, 1 << 16, (count, 2))
        self.isn = dice.integers(0, 1 << 32, (count, 2))
        clock = dice.integers(0, 1 << 32, (count, 2))
        side, other = column["side"], 1 - column["side"]
        self.tsval = (clock[flow, side] + self.time_ns // 1_000_000) & 0xFFFFFFFF
        echo = column["echo"]
        self.tsecr = np.where(echo < 0, 0, self.tsval[base[flow] + np.maximum(echo, 0)])
        self.seq = (self.isn[flow, side] + column["seq"]) & 0xFFFFFFFF
        acked = (self.isn[flow, other] + column["ack"]) & 0xFFFFFFFF
        self.ack = np.where(column["flags"] & talk.ACK, acked, 0)
        self.refusal = (column["flags"] == talk.RST | talk.ACK) & (column["ordinal"] == 0)
        self.seq[self.refusal] = 0  # RFC 9293 section 3.10.7.1: the RST for a SYN; Linux adds no options
        self.order = np.argsort(self.time_ns, kind="stable")


class Endpoints:
    """Addresses and ports per connection: 4,000 clients, 300 servers and a few that fail."""

    def __init__(self, count: int, failing: np.ndarray, dice: np.random.Generator, v6_share: float) -> None:
        number = np.arange(count)
        client, server = number % 4000, dice.integers(0, 300, count)
        server = np.where(failing, 300 + server % 4, server)
        self.v6 = dice.random(count) < v6_share
        self.stamps = dice.random(count) < 0.8
        self.client_port = 32768 + (number // 4000) * 211 % 28000
        self.server_port = np.array([443, 443, 443, 9000, 9001, 6500])[dice.integers(0, 6, count)]
        self.v4 = np.zeros((count, 2, 4), np.uint8)
        ten, benchmark = np.full(count, 10), np.full(count, 198)  # RFC 1918, RFC 2544
        self.v4[:, 0] = np.stack([ten, 20 + client // 1000, client // 200, 1 + client % 200], axis=1)
        self.v4[:, 1] = np.stack([benchmark, 18 + server // 200, server // 250, 1 + server % 250], axis=1)
        self.six = np.zeros((count, 2, 16), np.uint8)
        self.six[:, :, :4] = (0x20, 0x01, 0x0D, 0xB8)
        self.six[:, :, 12:] = self.v4


def encode(
    sequel: Sequel, ends: Endpoints, snaplen: int, rows_at_once: int
) -> Iterator[tuple[bytes, np.ndarray]]:
    """(records, captured length of each) in time order."""
    pool = np.random.default_rng(SEED).integers(0, 256, 1 << 20, np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(pool, talk.LONGEST)
    for start in range(0, len(sequel.order), rows_at_once):
        rows = sequel.order[start : start + rows_at_once]
        width = 16 + min(snaplen, 14 + 40 + 60 + talk.LONGEST)
        out = np.zeros((len(rows), width), np.uint8)
        sizes = np.zeros(len(rows), np.int64)
        flow = sequel.flow[rows]
        kinds = (
            ends.v6[flow] * 8
            + (ends.stamps[flow] & ~sequel.refusal[rows]) * 4
            + (sequel.column["flags"][rows] & talk.SYN != 0) * 2
            + (sequel.column["options"][rows] == talk.SACK)
        )
        for kind in np.unique(kinds):
            mine = np.flatnonzero(kinds == kind)
            key = (bool(kind & 4), bool(kind & 2), bool(kind & 1))
            block, sizes[mine] = _packets(sequel, ends, rows[mine], bool(kind & 8), key, snaplen, windows)
            out[mine, : block.shape[1]] = block
        yield out[np.arange(width) < sizes[:, None]].tobytes(), sizes - 16


def _packets(
    sequel: Sequel,
    ends: Endpoints,
    rows: np.ndarray,
    v6: bool,
    key: tuple[bool, bool, bool],
    snaplen: int,
    windows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Records of one layout as rows of bytes, zero behind their end; and their lengths."""
    column, flow = sequel.column, sequel.flow[rows]
    side, length = column["side"][rows], column["length"][rows]
    layout = np.dtype(RECORD + ETHERNET + (IPV6 if v6 else IPV4) + TCP + LAYOUTS[key])
    head = np.zeros(len(rows), layout)
    tcp_bytes = 20 + np.dtype(LAYOUTS[key]).itemsize
    wire = layout.itemsize - 16 + length
    moment = START_NS + sequel.time_ns[rows]
    head["sec"], head["usec"] = moment // 10**9, moment % 10**9 // 1000
    head["captured"], head["wire"] = np.minimum(wire, snaplen), wire
    head["to"], head["from"] = (2, 0, 0, 0, 0, 1), (2, 0, 0, 0, 0, 2)
    addresses = ends.six if v6 else ends.v4
    head["source"], head["target"] = addresses[flow, side], addresses[flow, 1 - side]
    head["ttl"], head["protocol"] = np.where(side == talk.CLIENT, 64, 57), 6
    if v6:
        head["ethertype"], head["version"], head["total"] = 0x86DD, 0x60000000, tcp_bytes + length
    else:
        head["ethertype"], head["version"], head["total"] = 0x0800, 0x45, 20 + tcp_bytes + length
        head["id"] = (sequel.first_id[flow, side] + column["ordinal"][rows]) & 0xFFFF
        head["fragment"] = 0x4000
    ports = np.stack([ends.client_port[flow], ends.server_port[flow]], axis=1)
    every = np.arange(len(rows))
    head["sport"], head["dport"] = ports[every, side], ports[every, 1 - side]
    head["seq"], head["ack"], head["flags"] = sequel.seq[rows], sequel.ack[rows], column["flags"][rows]
    head["offset"] = tcp_bytes // 4 << 4
    head["window"] = np.where(sequel.refusal[rows], 0, 64240 if key[1] else 502)
    _set_options(head, sequel, rows, flow, side, v6)
    captured = np.minimum(length, max(0, snaplen - (layout.itemsize - 16)))
    block = np.zeros((len(rows), (layout.itemsize + int(captured.max()) + 1) // 2 * 2), np.uint8)
    block[:, : layout.itemsize] = head.view(np.uint8).reshape(len(rows), -1)
    payload = np.flatnonzero(captured)
    room = block.shape[1] - layout.itemsize
    if room and len(payload):
        taken = windows[sequel.seq[rows][payload] % len(windows), :room]
        block[payload, layout.itemsize :] = np.where(np.arange(room) < captured[payload, None], taken, 0)
    _set_checksums(block, layout, v6, tcp_bytes + length)
    return block[:, : 16 + snaplen], np.minimum(layout.itemsize + captured, 16 + snaplen)


def _set_options(
    head: np.ndarray, sequel: Sequel, rows: np.ndarray, flow: np.ndarray, side: np.ndarray, v6: bool
) -> None:
    names = head.dtype.names or ()
    for name in names:
        if name in CONSTANTS:
            head[name] = CONSTANTS[name]
    if "mss" in names:
        head["mss"] = 1440 if v6 else 1460
        head["sack_ok"] = 0x0402 if "tsval" in names else 0x01010402
    if "tsval" in names:
        head["tsval"], head["tsecr"] = sequel.tsval[rows], sequel.tsecr[rows]
    if "left" in names:
        other = sequel.isn[flow, 1 - side]
        head["left"] = (other + sequel.column["left"][rows]) & 0xFFFFFFFF
        head["right"] = (other + sequel.column["right"][rows]) & 0xFFFFFFFF


def _set_checksums(block: np.ndarray, layout: np.dtype, v6: bool, tcp_bytes: np.ndarray) -> None:
    """IPv4 and TCP checksums; TCP's covers what is captured, so it is right where nothing was cut."""
    fields: Any = layout.fields
    if not v6:
        total = _words(block[:, 30:50])
        block[:, 40:42] = _folded(total)
    addresses = block[:, 38:70] if v6 else block[:, 42:50]
    pseudo = _words(addresses) + (tcp_bytes + 6).astype(np.uint16).byteswap()
    at = int(fields["sum"][1])
    block[:, at : at + 2] = _folded(pseudo + _words(block[:, fields["sport"][1] :]))


def _words(part: np.ndarray) -> np.ndarray:
    """Sum of the 16-bit words of each row, in memory order (the sum does not care, RFC 1071)."""
    return part.view("<u2").sum(axis=1, dtype=np.uint32)


def _folded(total: np.ndarray) -> np.ndarray:
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    pairs: np.ndarray = (total ^ 0xFFFF).astype("<u2").view(np.uint8).reshape(-1, 2)
    return pairs


def write(path: Path, sequel: Sequel, ends: Endpoints, snaplen: int, cut: Path | None) -> dict[str, int]:
    """Write a capture, and its first CUT_PACKETS into `cut`; returns what it holds."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, 1)
    packets = size = 0
    with open(path, "wb") as whole, open(cut or "/dev/null", "wb") as beginning:
        whole.write(header)
        beginning.write(header)
        for records, captured in encode(sequel, ends, snaplen, 50_000 if snaplen < 200 else 10_000):
            whole.write(records)
            if packets < CUT_PACKETS:
                beginning.write(records[: int((captured[: CUT_PACKETS - packets] + 16).sum())])
            packets += len(captured)
            size += len(records)
    return {"packets": packets, "bytes": size + len(header), "flows": int(sequel.flow.max()) + 1}


def make_headers(path: Path, cut: Path, connections: int) -> dict[str, int]:
    """The capture of many conversations, thousands of them open at a time, cut at 96 bytes."""
    dice, coin = np.random.default_rng(SEED), random.Random(SEED)
    scripts = [make(coin) for make, _ in SHARES for _ in range(SCRIPTS_PER_KIND)]
    kind = dice.choice(len(SHARES), connections, p=[share for _, share in SHARES])
    choice = kind * SCRIPTS_PER_KIND + dice.integers(0, SCRIPTS_PER_KIND, connections)
    sequel = Sequel(scripts, choice, dice, SPAN_S)
    return write(path, sequel, Endpoints(connections, kind < 2, dice, 0.12), 96, cut)


def make_frames(path: Path, cut: Path, mebibytes: int) -> dict[str, int]:
    """The capture of long downloads with whole frames."""
    dice = np.random.default_rng(SEED + 1)
    scripts = [talk.download(int(size)) for size in dice.integers(1000, 4000, 40)]
    downloads = np.array([len(script.rows) * 2 // 3 for script in scripts])
    choice = dice.integers(0, len(scripts), 100_000)
    count = int(np.searchsorted(np.cumsum(downloads[choice]) * 1600, mebibytes << 20)) + 1
    ends = Endpoints(count, np.zeros(count, bool), dice, 0.0)
    ends.stamps[:] = True
    return write(path, Sequel(scripts, choice[:count], dice, 20.0), ends, 262144, cut)


def make_ten(path: Path) -> dict[str, int]:
    """The capture of one short conversation."""
    dice = np.random.default_rng(SEED + 2)
    sequel = Sequel([talk.ten()], np.zeros(1, np.int64), dice, 1.0)
    return write(path, sequel, Endpoints(1, np.zeros(1, bool), dice, 0.0), 262144, None)


def make(
    connections: int = CONNECTIONS, mebibytes: int = FRAMES_MIB, again: bool = False
) -> dict[str, dict[str, int]]:
    """Make what is not there yet; returns packets, bytes and flows by file name."""
    DATA.mkdir(exist_ok=True)
    wanted = {"edition": EDITION, "connections": connections, "mebibytes": mebibytes, "cut": CUT_PACKETS}
    note = DATA / "captures.json"
    if note.exists() and not again:
        known = json.loads(note.read_text())
        if known["wanted"] == wanted and all((DATA / name).exists() for name in known["captures"]):
            return dict(known["captures"])
    made = {
        "headers.pcap": make_headers(DATA / "headers.pcap", DATA / "headers-cut.pcap", connections),
        "frames.pcap": make_frames(DATA / "frames.pcap", DATA / "frames-cut.pcap", mebibytes),
        "ten.pcap": make_ten(DATA / "ten.pcap"),
    }
    for name in ("headers", "frames"):
        whole = made[f"{name}.pcap"]
        cut = DATA / f"{name}-cut.pcap"
        packets = min(CUT_PACKETS, whole["packets"])
        made[cut.name] = {"packets": packets, "bytes": cut.stat().st_size, "flows": 0}
    note.write_text(json.dumps({"wanted": wanted, "captures": made}, indent=1))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description="Make captures.")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="in headers.pcap (%(default)s)")
    parser.add_argument("--frames-mib", type=int, default=FRAMES_MIB, help="of frames.pcap (%(default)s)")
    parser.add_argument("--again", action="store_true", help="make them even if they are there")
    asked = parser.parse_args()
    start = time.perf_counter()
    made = make(asked.connections, asked.frames_mib, asked.again)
    for name, facts in sorted(made.items()):
        size = f"{facts['packets']:>10,} packets {facts['bytes'] / 2**20:9.1f} MiB"
        print(f"{name:18} {size} {facts['flows']:>8,} flows" if facts["flows"] else f"{name:18} {size}")
    print(f"{time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
