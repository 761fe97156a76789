"""Capturing for long: whether memory stays flat while connections come, go and fail at a steady rate.

python -m benchmarks.soak --minutes 20         needs root: a network namespace

A sender of its own puts whole conversations on one end of a veth pair; `synsight capture` judges at the
other. Of a hundred connections 88 are in good order (four of these stay open for a minute), eight are
refused, two are never answered and two close on one side only. Ends with 1 when memory is not flat, or
packets were lost.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import os
import random
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .tools import synsight

NAMESPACE = "synsoak"
FROM, TO = "sends", "arrives"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SERVER = bytes((10, 99, 0, 1))
MACS = bytes.fromhex("020000000002020000000001"), bytes.fromhex("020000000001020000000002")
SAMPLE_S = 10
FLAT_RATIO = 1.03
"""The peak of the last third may be so much higher than that of the one before..."""

FLAT_MB_PER_MINUTE = 0.5
"""...and the line through the samples of both may rise by so much."""

Step = tuple[float, bytes]
"""Seconds after the connection began, and the frame."""


class Conversation:
    """The frames of one connection."""

    def __init__(self, number: int, port: int) -> None:
        self._client = bytes((10, 1, number // 16_000 % 250, 1 + number // 64 % 250))
        self._ports = 1024 + number % 60_000, port
        self._next = [random.getrandbits(32), random.getrandbits(32)]
        self.steps: list[Step] = []

    def say(self, at_s: float, side: int, flags: int, payload: bytes = b"", again: bool = False) -> None:
        """Side 0 (the client) or 1 sends a segment; `again` repeats the sequence number of the last one."""
        length = len(payload) + bool(flags & SYN) + bool(flags & FIN)
        seq = (self._next[side] - (length if again else 0)) & 0xFFFFFFFF
        ack = self._next[1 - side] if flags & ACK else 0
        self.steps.append((at_s, self._frame(side, flags, seq, ack, payload)))
        self._next[side] = (seq + length) & 0xFFFFFFFF

    def opens(self) -> None:
        """Handshake, a request and its answer."""
        self.say(0, 0, SYN)
        self.say(0.001, 1, SYN | ACK)
        self.say(0.002, 0, ACK)
        self.say(0.003, 0, PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
        self.say(0.02, 1, PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n")
        self.say(0.021, 0, ACK)

    def is_refused(self) -> None:
        """SYN, RST; the number of a RST without a connection is 0 (RFC 9293 section 3.10.7.1)."""
        self._next[1] = 0
        self.say(0, 0, SYN)
        self.say(0.001, 1, RST | ACK)

    def closes(self, at_s: float) -> None:
        """FIN, FIN, ACK."""
        self.say(at_s, 0, FIN | ACK)
        self.say(at_s + 0.001, 1, FIN | ACK)
        self.say(at_s + 0.002, 0, ACK)

    def _frame(self, side: int, flags: int, seq: int, ack: int, payload: bytes) -> bytes:
        ends = (self._client, SERVER)
        source, target = ends[side], ends[1 - side]
        ports = self._ports[side], self._ports[1 - side]
        options = b"\x02\x04\x05\xb4" if flags & SYN else b""
        offset, window = (20 + len(options)) // 4 << 12, 0 if flags & RST else 64_240
        tcp = struct.pack(">HHIIHHHH", *ports, seq, ack, offset | flags, window, 0, 0) + options + payload
        pseudo = source + target + struct.pack(">HH", 6, len(tcp))
        tcp = tcp[:16] + struct.pack(">H", _checksum(pseudo + tcp)) + tcp[18:]
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, source, target)
        head = head[:10] + struct.pack(">H", _checksum(head)) + head[12:]
        return MACS[side] + b"\x08\x00" + head + tcp


def _checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def conversation(number: int) -> Conversation:
    """Connection number `number`; every hundred are the same mix."""
    kind = number * 37 % 100
    told = Conversation(number, 443 if kind < 88 else (81, 82, 83)[number // 100 % 3])
    if kind < 88:
        told.opens()
        told.closes(60 if kind < 4 else 0.05)
    elif kind < 96:
        told.is_refused()
    elif kind < 98:
        told.say(0, 0, SYN)
        told.say(1, 0, SYN, again=True)
        told.say(3, 0, SYN, again=True)
    else:
        told.opens()
        told.say(0.05, 0, FIN | ACK)
        told.say(0.051, 1, ACK)
    return told


def send(rate: float, ended: threading.Event) -> None:
    """Begin `rate` connections a second on this namespace's link until `ended`."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((FROM, 0))
        began, order = time.monotonic(), itertools.count()
        waiting: list[tuple[float, int, bytes]] = []
        number = 0
        while not ended.is_set():
            now = time.monotonic() - began
            while number < now * rate:
                starts = number / rate
                for at_s, frame in conversation(number).steps:
                    heapq.heappush(waiting, (starts + at_s, next(order), frame))
                number += 1
            while waiting and waiting[0][0] <= now:
                link.send(heapq.heappop(waiting)[2])
            time.sleep(0.005)


def resident_mb(pid: int) -> float:
    """RSS of a process, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def slope(samples: list[float]) -> float:
    """MiB a minute of the last two thirds: the line with the least squares."""
    late = samples[len(samples) // 3 :]
    minutes = [number * SAMPLE_S / 60 for number in range(len(late))]
    return statistics.linear_regression(minutes, late).slope


def is_flat(samples: list[float]) -> bool:
    """Whether the last two thirds neither rise nor reach higher in the end; False for less than 9 samples."""
    third = len(samples) // 3
    if third < 3:
        return False
    reaches = max(samples[-third:]) / max(samples[-2 * third : -third])
    return reaches <= FLAT_RATIO and slope(samples) <= FLAT_MB_PER_MINUTE


def soak(minutes: float, rate: float) -> bool:
    """Run it and print a sample every SAMPLE_S; whether memory stayed flat and no packet was lost."""
    _inside("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
    _ip("-n", NAMESPACE, "link", "add", FROM, "type", "veth", "peer", "name", TO)
    for name in (FROM, TO):
        _ip("-n", NAMESPACE, "link", "set", name, "up")
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        told = Path(scratch) / "it.json"
        command = [*synsight(), "capture", "-i", TO, "--format", "jsonl", "-o", str(told)]
        with open(Path(scratch) / "events", "w") as events:
            child = subprocess.Popen(_words(*command), stdout=events)
        sender = subprocess.Popen(
            _words(sys.executable, "-m", "benchmarks.soak", "--send", "--rate", str(rate)),
        )
        try:
            samples = list(_sampled(child, minutes))
        finally:
            sender.terminate()
            sender.wait()
            child.send_signal(signal.SIGINT)
            child.wait()
        analysis = json.loads(told.read_text())
        _conclude(samples, analysis, (Path(scratch) / "events").read_text())
    return is_flat(samples) and _dropped(analysis) == 0


def _sampled(child: subprocess.Popen[bytes], minutes: float) -> Iterator[float]:
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < minutes * 60 and child.poll() is None:
        time.sleep(SAMPLE_S)
        taken = resident_mb(child.pid)
        print(f"{elapsed + SAMPLE_S:6.0f} s  {taken:7.1f} MiB", flush=True)
        yield taken


def _dropped(told: dict[str, Any]) -> int:
    """Packets that the kernel had no room for."""
    return sum(capture["kernel_dropped_count"] or 0 for capture in told["captures"])


def _conclude(samples: list[float], told: dict[str, Any], events: str) -> None:
    third = len(samples) // 3
    parts = [samples[:third], samples[third:-third], samples[-third:]]
    peaks = ", ".join(f"{max(part):.1f}" for part in parts if part)
    print("peak of each minute:", " ".join(f"{peak:.0f}" for peak in _by_minute(samples)), "MiB")
    print(f"peaks of each third: {peaks} MiB; {'flat' if is_flat(samples) else 'NOT flat'}")
    if len(samples) > 3:
        print(f"slope of the last two thirds: {slope(samples):+.2f} MiB a minute")
    print("dropped by the kernel:", _dropped(told))
    print("totals:", json.dumps(told["totals"]))
    print("events:", events.count("\n"))


def _by_minute(samples: list[float]) -> list[float]:
    each = 60 // SAMPLE_S
    return [max(samples[start : start + each]) for start in range(0, len(samples), each)]


def _words(*command: str) -> list[str]:
    return ["ip", "netns", "exec", NAMESPACE, *command]


def _inside(*command: str) -> None:
    subprocess.run(_words(*command), check=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def main() -> int:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=about)
    parser.add_argument("--minutes", type=float, default=20, help="%(default)s")
    parser.add_argument("--rate", type=float, default=200, help="connections a second (%(default)s)")
    parser.add_argument("--send", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.send:
        ended = threading.Event()
        signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
        send(asked.rate, ended)
        return 0
    if os.geteuid() != 0:
        sys.exit("network namespaces need root")
    _ip("netns", "add", NAMESPACE)
    try:
        return 0 if soak(asked.minutes, asked.rate) else 1
    finally:
        _ip("netns", "del", NAMESPACE)


if __name__ == "__main__":
    sys.exit(main())
