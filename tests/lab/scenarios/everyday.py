"""Ways in which programs use TCP every day; none of it is a fault."""

from __future__ import annotations

import socket

from ..encryption import encrypted
from ..lab import Lab
from ..scenario import scenario, sees

FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"
DATA_UP, DATA_DOWN = f"{FROM_CLIENT} && tcp.len > 0", f"{FROM_SERVER} && tcp.len > 0"
QUIET = ("2 tcp.flags.syn == 1", "2 tcp.flags.fin == 1", "0 tcp.flags.reset == 1")
REQUEST = b"GET /page HTTP/1.1\r\nHost: server.example\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"." * 100

TEN = sees("clean-close", f"10 {DATA_UP}", f"10 {DATA_DOWN}", *QUIET)


@scenario(client=TEN, middle=TEN, server=TEN, families=(4, 6))
def http_keeps_the_connection(lab: Lab) -> None:
    """Ten HTTP requests one after another in one connection, with pauses between them.

    The client closes when it has all answers.
    """
    client, server = lab.connected()
    for _ in range(10):
        client.sends(REQUEST)
        server.receives(len(REQUEST))
        server.sends(ANSWER)
        client.receives(len(ANSWER))
        lab.waits(0.3)
    lab.client_closes(client, server)


PIPELINED = sees("clean-close", f"8 {DATA_UP}", f"8 {DATA_DOWN}", *QUIET)


@scenario(client=PIPELINED, middle=PIPELINED, server=PIPELINED)
def http_requests_in_a_row(lab: Lab) -> None:
    """Eight HTTP requests are sent without waiting for answers, which come in a row.

    Pipelining (RFC 9112 section 9.3.2), with TCP_NODELAY at both ends.
    """
    client, server = lab.connected()
    for end in (client, server):
        end.sets(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(8):
        client.sends(REQUEST)
        lab.waits(0.002)
    server.receives(8 * len(REQUEST))
    for _ in range(8):
        server.sends(ANSWER)
        lab.waits(0.002)
    client.receives(8 * len(ANSWER))
    lab.client_closes(client, server)


TYPED = sees("clean-close", f"40 {DATA_UP} && tcp.len == 1", f"40 {DATA_DOWN} && tcp.len == 1", *QUIET)


@scenario(client=TYPED, middle=TYPED, server=TYPED, snaplen_bytes=84)
def somebody_types(lab: Lab) -> None:
    """Single characters with pauses between them, each echoed by the server.

    A terminal session: forty characters, then an end.
    """
    client, server = lab.connected()
    for end in (client, server):
        end.sets(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in range(40):
        client.sends(b"x")
        server.receives()
        server.sends(b"x")
        client.receives()
        lab.waits(0.02 + 0.005 * (number % 7))
    lab.client_closes(client, server)


GREETED = sees("clean-close", f"3 {DATA_DOWN}", f"2 {DATA_UP}", *QUIET)


@scenario(client=GREETED, middle=GREETED, server=GREETED)
def server_speaks_first(lab: Lab) -> None:
    """The server greets, as mail servers do; the client asks afterwards and leaves with a farewell.

    The server answers the farewell and closes when the client has closed.
    """
    client, server = lab.connected()
    lab.waits(0.3)
    server.sends(b"220 server.example ESMTP\r\n")
    client.receives(26)
    client.sends(b"EHLO client.example\r\n")
    server.receives(21)
    server.sends(b"250 server.example\r\n")
    client.receives(20)
    client.sends(b"QUIT\r\n")
    server.receives(6)
    server.sends(b"221 bye\r\n")
    client.receives(9)
    lab.client_closes(client, server)


UPLOADED = sees("clean-close", f"150.. {DATA_UP}", "0 tcp.analysis.retransmission", *QUIET)


@scenario(client=UPLOADED, middle=UPLOADED, server=UPLOADED, snaplen_bytes=84, families=(4, 6))
def large_upload(lab: Lab) -> None:
    """The client sends 300 kB, the server confirms with 20 bytes, and the client closes.

    Of each frame the captures keep the headers only.
    """
    client, server = lab.connected()
    client.sends(b"." * 300_000)
    server.receives(300_000)
    server.sends(b"." * 20)
    client.receives(20)
    lab.client_closes(client, server)


SCALED = sees("clean-close", "1.. tcp.options.wscale.shift > 4", f"200.. {DATA_DOWN}", *QUIET)


@scenario(client=SCALED, middle=SCALED, server=SCALED, snaplen_bytes=84)
def window_beyond_64_kilobytes(lab: Lab) -> None:
    """The client has a large receive buffer and reads slowly: the window needs its scale (RFC 7323).

    400 kB, read in steps of at least 50 kB.
    """
    listener = lab.listens()
    client = lab.client_program()
    client.sets(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    client.connects()
    server = lab.accepts(listener, client)
    server.sets(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    client.sends(REQUEST)
    server.receives()
    server.sends(b"." * 400_000)
    left_bytes = 400_000
    while left_bytes:
        left_bytes -= len(client.receives(min(50_000, left_bytes)))
        lab.waits(0.05)
    lab.client_closes(client, server)


POLLED = sees("clean-close", f"2 {DATA_UP}", f"2 {DATA_DOWN}", *QUIET)


@scenario(client=POLLED, middle=POLLED, server=POLLED)
def long_polling(lab: Lab) -> None:
    """The client asks for news and the server answers when there are any: after 6 s, and after 3 s.

    Nothing waits for anything but news.
    """
    client, server = lab.connected()
    for wait_s in (6, 3):
        client.sends(REQUEST)
        server.receives(len(REQUEST))
        lab.waits(wait_s)
        server.sends(ANSWER)
        client.receives(len(ANSWER))
    lab.client_closes(client, server)


STREAMED = sees("clean-close", f"30.. {DATA_UP}", f"30.. {DATA_DOWN}", *QUIET)


@scenario(client=STREAMED, middle=STREAMED, server=STREAMED)
def both_send_at_will(lab: Lab) -> None:
    """Both ends send whenever they like, neither waits for the other.

    Like the two streams of one remote procedure call: thirty messages each way, of different lengths.
    """
    client, server = lab.connected()
    for end in (client, server):
        end.sets(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in range(30):
        client.sends(b"u" * (50 + 40 * (number % 11)))
        lab.waits(0.003 * (number % 4))
        server.sends(b"d" * (30 + 90 * (number % 7)))
        lab.waits(0.01)
    server.receives(sum(50 + 40 * (n % 11) for n in range(30)))
    client.receives(sum(30 + 90 * (n % 7) for n in range(30)))
    lab.client_closes(client, server)


NAGLE = sees("clean-close", f"6.. {DATA_UP}", *QUIET)


@scenario(client=NAGLE, middle=NAGLE, server=NAGLE)
def nagle_meets_delayed_ack(lab: Lab) -> None:
    """Small writes wait for the acknowledgment of the one before, and that is delayed.

    Two writes for each request without TCP_NODELAY (RFC 9293 section 3.7.4): the second leaves only when the
    first is acknowledged, up to 40 ms later. Slow, and as it should be.
    """
    client, server = lab.connected()
    client.sets(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
    for _ in range(6):
        client.sends(REQUEST[:18])
        client.sends(REQUEST[18:])
        server.receives(len(REQUEST))
        server.sends(ANSWER)
        client.receives(len(ANSWER))
    lab.client_closes(client, server)


SILENT = sees("clean-close", f"2 {DATA_UP}", f"2 {DATA_DOWN}", *QUIET)


@scenario(client=SILENT, middle=SILENT, server=SILENT, families=(4, 6))
def long_silence(lab: Lab) -> None:
    """Half a minute of silence in the middle of a connection without keepalives.

    Nobody had anything to say.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.waits(30)
    lab.exchanges(client, server)
    lab.client_closes(client, server)


TLS = sees("clean-close", "1.. tls.handshake.type == 1", "1.. tls.handshake.type == 2", *QUIET)


@scenario(client=TLS, middle=TLS, server=TLS, snaplen_bytes=1600)
def tls_session(lab: Lab) -> None:
    """TLS 1.3 with a certificate of its own: handshake, one request, its answer, farewells.

    Both programs send close_notify before they close.
    """
    client, server = lab.connected(port=8443)
    encrypted(client, server, REQUEST, ANSWER)
    lab.client_closes(client, server)


URGENT = sees("clean-close", "1 tcp.flags.urg == 1", *QUIET)


@scenario(client=URGENT, middle=URGENT, server=URGENT)
def urgent_data(lab: Lab) -> None:
    """The client interrupts with one byte of urgent data, as telnet does.

    The URG flag and its pointer (RFC 9293 section 3.8.5); the server reads on.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.interrupts(b"\xff")
    lab.waits(0.1)
    lab.exchanges(client, server)
    lab.client_closes(client, server)
