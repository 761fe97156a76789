"""A capture whose every string is an attack on whatever shows it."""

from __future__ import annotations

import struct

from tests.capture.frames import CLIENT, SERVER, ether, ip4, pcap, tcp

PAYLOADS = (
    b"<script>alert(1)</script>",
    b'"><img src=x onerror=alert(1)>',
    b"[x](http://evil.example) ![y](http://evil.example/p)",
    b"=cmd|'/c calc'!A1",
    b"@SUM(1+1)*cmd",
    b"| a | b | <!-- @everyone #1 www.evil.example",
    b"``` </details> <b> http://evil.example",
    b"GET /<script>alert(2)</script> HTTP/1.1\r\nHost: \x1b[31m<img src=x>\r\n\r\n",
    b"\x1b]0;title\x07\x1b[2J\x9b2J",
)
HOST = b"<svg/onload=alert(3)>\x1b[31m.example"


def client_hello(host: bytes) -> bytes:
    """A TLS ClientHello record that asks for a host (RFC 6066 section 3)."""
    name = struct.pack(">HBH", len(host) + 3, 0, len(host)) + host
    extension = struct.pack(">HH", 0, len(name)) + name
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
    body += struct.pack(">H", len(extension)) + extension
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


def dns_query(name: bytes) -> bytes:
    """A DNS query over TCP (RFC 1035 sections 4.1 and 4.2.2)."""
    labels = b"".join(bytes([len(label)]) + label for label in name.split(b"."))
    message = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    return struct.pack(">H", len(message)) + message


def connection(number: int, payload: bytes, server_port: int = 80) -> list[bytes]:
    """A connection that opens, asks, and is refused by a reset."""
    port, seq, ack = 41000 + number, 1000, 5000

    def up(flags: int, at: int, upto: int, data: bytes = b"") -> bytes:
        return ether(ip4(tcp(data, sport=port, dport=server_port, seq=at, ack=upto, flags=flags)))

    def down(flags: int, at: int, upto: int) -> bytes:
        body = tcp(sport=server_port, dport=port, seq=at, ack=upto, flags=flags, src=SERVER, dst=CLIENT)
        return ether(ip4(body, src=SERVER, dst=CLIENT))

    return [
        up(0x02, seq, 0),
        down(0x12, ack, seq + 1),
        up(0x10, seq + 1, ack + 1),
        up(0x18, seq + 1, ack + 1, payload),
        down(0x14, ack + 1, seq + 1 + len(payload)),
    ]


def hostile_capture() -> bytes:
    """The pcap file: one connection per payload."""
    packets = []
    for number, payload in enumerate((*PAYLOADS, client_hello(HOST))):
        packets += connection(number, payload)
    packets += connection(len(PAYLOADS) + 1, dns_query(HOST), 53)
    return pcap(packets)
