"""Which frames this host sent and which were sent to it: its interface's own address says so.

libpcap does not tell the direction of Ethernet frames. It is the surest sign of where a capture is taken.
"""

from __future__ import annotations

import fcntl
import socket
import struct

import numpy as np
from synsight.capture.segment import Direction

_SIOCGIFHWADDR = 0x8927  # linux/sockios.h
_ARPHRD_ETHER = 1  # linux/if_arp.h
_NAME_BYTES, _REQUEST_BYTES = 16, 40
_ADDRESS_BYTES, _HEADER_BYTES = 6, 14


def own_address(interface: str) -> np.ndarray | None:
    """The Ethernet address of an interface (6 bytes); None when it has none, as loopback and `any`."""
    request = struct.pack(f"{_NAME_BYTES}s{_REQUEST_BYTES - _NAME_BYTES}x", interface.encode()[:15])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anyone:
            answer = fcntl.ioctl(anyone, _SIOCGIFHWADDR, request)
    except OSError:
        return None
    (family,) = struct.unpack_from("=H", answer, _NAME_BYTES)
    address = np.frombuffer(answer, np.uint8, _ADDRESS_BYTES, _NAME_BYTES + 2)
    return address if family == _ARPHRD_ETHER and address.any() else None


def mark_directions(data: np.ndarray, frames: np.ndarray, own: np.ndarray) -> None:
    """Fill in `direction` of Ethernet FRAME rows over `data`; frames between others stay unknown."""
    whole = np.flatnonzero(frames["captured_bytes"] >= _HEADER_BYTES)
    starts = frames["offset"][whole].astype(np.int64)
    addresses = data[starts[:, None] + np.arange(2 * _ADDRESS_BYTES)]
    received = (addresses[:, :_ADDRESS_BYTES] == own).all(axis=1)
    sent = (addresses[:, _ADDRESS_BYTES:] == own).all(axis=1)
    told = np.where(received, Direction.IN, np.where(sent, Direction.OUT, Direction.UNKNOWN))
    frames["direction"][whole] = np.where(received & sent, Direction.UNKNOWN, told)
