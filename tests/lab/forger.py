"""A device on the path that forges resets, as some intrusion prevention systems do."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING

from .hosts import Machine
from .programs import Program
from .wire import ETH_P_ALL, carries_data, checksum

if TYPE_CHECKING:
    from .lab import Lab

FORGED_TTL = 128
"""Nobody else here starts at 128; that gives the forger away."""

SYN, RST, RST_ACK = 0x02, 0x04, 0x14


class Forger:
    """Waits at a firewall's outer link for the first segment with data towards the server, lets it pass, and
    forges RSTs. IPv4.
    """

    def __init__(self, firewall: Machine, *, both_ways: bool) -> None:
        """Resets the client, and the server too when `both_ways`."""
        self._both_ways = both_ways
        self._seen = firewall.namespace.call(lambda: _listening_on("eth1"))
        self._raw = firewall.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._thread = threading.Thread(target=self._forge_once, daemon=True)
        self._thread.start()

    def has_struck(self) -> None:
        """Wait until it has; raises TimeoutError after 10 s."""
        self._thread.join(10)
        if self._thread.is_alive():
            raise TimeoutError("no segment with data came by")

    def _forge_once(self) -> None:
        with self._seen, self._raw:
            while not carries_data(frame := self._seen.recv(65536)):
                pass
            for packet in self._forged(frame[14:]):
                destination = socket.inet_ntoa(packet[16:20])
                self._raw.sendto(packet, (destination, 0))

    def _forged(self, trigger: bytes) -> list[bytes]:
        source, destination = trigger[12:16], trigger[16:20]
        sport, dport, seq, ack, offset, _, window = struct.unpack("!HHIIBBH", trigger[20:36])
        after = seq + int.from_bytes(trigger[2:4]) - 20 - 4 * (offset >> 4)
        to_client = segment(destination, source, dport, sport, ack, after, RST_ACK, window)
        to_server = segment(source, destination, sport, dport, after, ack, RST_ACK, window)
        return [to_client, to_server] if self._both_ways else [to_client]


def blind_reset(lab: Lab, client: Program, beyond_bytes: int) -> None:
    """A RST to `client` in the server's name, with a sequence number that far beyond the right one. IPv4."""
    ends = client.connection
    source, destination = socket.inet_aton(ends.server), socket.inet_aton(ends.client)
    packet = segment(
        source,
        destination,
        ends.server_port,
        ends.client_port,
        client.next_expected() + beyond_bytes,
        0,
        RST,
        0,
    )
    raw = lab.firewall_s.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        raw.sendto(packet, (ends.client, 0))


def _listening_on(link: str) -> socket.socket:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    packets.bind((link, 0))
    return packets


def segment(
    source: bytes, destination: bytes, sport: int, dport: int, seq: int, ack: int, flags: int, window: int
) -> bytes:
    """An IPv4 packet with a TCP segment without options or data; addresses as 4 bytes, sequence numbers taken
    modulo 2^32.
    """
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, 5 << 4, flags, window, 0, 0)
    pseudo = source + destination + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0xBEEF, 0, FORGED_TTL, socket.IPPROTO_TCP, 0)
        + source
        + destination
    )
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp
