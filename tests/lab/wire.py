"""The wire between the two firewalls: a packet-socket relay with delay, a capture point in its middle, and
faults.

    firewall-c  east0 [client half] tap0 === tap1 [server half] west0  firewall-s

Each half holds every frame for `HALF_DELAY_S` and ages it by `HALF_HOPS` routers. A capture on ``tap0``
therefore stands where a capture between two networks stands: the handshake's round trip splits in two, and
the TTLs tell how far away each end is.
"""

from __future__ import annotations

import heapq
import itertools
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .namespaces import Namespace

HALF_DELAY_S = 0.004
"""One-way delay of each half; the round trip between the hosts is four times this."""

HALF_HOPS = 3
"""Routers that each half stands for: TTL or hop limit falls by this much."""

ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23

Fate = Callable[[int], list[float]]
"""From the ordinal (from 1) of a data segment to the extra delays, in seconds, of the copies that go on."""

PASS: list[float] = [0.0]
DROP: list[float] = []
TWICE: list[float] = [0.0, 0.0]


def late(by_s: float) -> list[float]:
    """The fate of a frame held back by `by_s` seconds, so that later ones overtake it."""
    return [by_s]


@dataclass
class Fault:
    """What the wire does to TCP segments with payload in one direction and half."""

    direction: str
    """``up`` is from client to server, ``down`` is back."""
    half: str
    """``client`` or ``server``: on which side of the capture point it happens."""
    fate: Fate
    seen_count: int = 0
    """Data segments met so far, retransmissions included."""


@dataclass
class Lane:
    """One direction through one half: read from `source`, write to `sink`."""

    direction: str
    half: str
    source: socket.socket
    sink: socket.socket


class Wire:
    """The relay; a thread between `start` and `stop`."""

    def __init__(self, namespace: Namespace) -> None:
        """Open the four packet sockets on links that exist already."""
        east, tap0, tap1, west = (
            _packet_socket(namespace, link) for link in ("east0", "tap0", "tap1", "west0")
        )
        self._lanes = [
            Lane("up", "client", east, tap0),
            Lane("up", "server", tap1, west),
            Lane("down", "server", west, tap1),
            Lane("down", "client", tap0, east),
        ]
        self._faults: list[Fault] = []
        self._held: list[tuple[float, int, Lane, bytes]] = []
        self._order = itertools.count()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._relay, daemon=True)

    def start(self) -> None:
        """Begin to relay."""
        self._thread.start()

    def stop(self) -> None:
        """Stop relaying; frames still held are lost."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for lane in self._lanes:
            lane.source.close()

    def treats(self, direction: str, half: str, fate: Fate) -> None:
        """From now on, let `fate` decide about each data segment in `direction` within `half`."""
        self._faults.append(Fault(direction, half, fate))

    def _relay(self) -> None:
        by_socket = {lane.source: lane for lane in self._lanes}
        while not self._stopping.is_set():
            wait_s = min(0.1, max(0.0, self._held[0][0] - time.monotonic())) if self._held else 0.1
            readable, _, _ = select.select(list(by_socket), [], [], wait_s)
            for source in readable:
                self._hold(by_socket[source], source.recv(65536))
            self._release()

    def _hold(self, lane: Lane, frame: bytes) -> None:
        due = time.monotonic() + HALF_DELAY_S
        for extra_s in self._copies(lane, frame):
            heapq.heappush(self._held, (due + extra_s, next(self._order), lane, aged(frame, HALF_HOPS)))

    def _release(self) -> None:
        while self._held and self._held[0][0] <= time.monotonic():
            _, _, lane, frame = heapq.heappop(self._held)
            lane.sink.send(frame)

    def _copies(self, lane: Lane, frame: bytes) -> list[float]:
        for fault in self._faults:
            if (fault.direction, fault.half) == (lane.direction, lane.half) and carries_data(frame):
                fault.seen_count += 1
                return fault.fate(fault.seen_count)
        return PASS


def _packet_socket(namespace: Namespace, link: str) -> socket.socket:
    def opened() -> socket.socket:
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        packets.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        packets.bind((link, 0))
        return packets

    return namespace.call(opened)


def aged(frame: bytes, hops: int) -> bytes:
    """`frame` as if `hops` routers had forwarded it: TTL lower, IPv4 header checksum right (RFC 1812 section
    5.3.1).

    A hop limit of 1 or 255 marks traffic of the link itself (RFC 3810 section 5, RFC 4861 section 3.1): it
    stays as it is.
    """
    if frame[12:14] == b"\x86\xdd" and frame[21] not in (1, 255):
        return frame[:21] + bytes([frame[21] - hops]) + frame[22:]
    if frame[12:14] != b"\x08\x00" or frame[22] in (1, 255):
        return frame
    header = bytearray(frame[14 : 14 + 4 * (frame[14] & 15)])
    header[8] -= hops
    header[10:12] = b"\0\0"
    header[10:12] = struct.pack("!H", checksum(bytes(header)))
    return frame[:14] + bytes(header) + frame[14 + len(header) :]


def checksum(data: bytes) -> int:
    """The Internet checksum of `data` (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def carries_data(frame: bytes) -> bool:
    """Whether `frame` is a TCP segment with payload, on IPv4 or on IPv6 without extension headers."""
    if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP:
        start = 14 + 4 * (frame[14] & 15)
        end = 14 + int.from_bytes(frame[16:18])
    elif frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_TCP:
        start, end = 54, 54 + int.from_bytes(frame[18:20])
    else:
        return False
    return end > start + 4 * (frame[start + 12] >> 4)
