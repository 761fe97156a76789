"""Connections with nothing wrong, or nothing that mattered: what must not be accused."""

from __future__ import annotations

import socket

from ..lab import Lab
from ..scenario import scenario, sees

CLEAN = sees("clean-close", "2 tcp.flags.syn == 1", "2 tcp.flags.fin == 1", "0 tcp.flags.reset == 1")


@scenario(client=CLEAN, middle=CLEAN, server=CLEAN, families=(4, 6))
def client_closes_first(lab: Lab) -> None:
    """A request, an answer, and the client closes first.

    The server closes when it sees the end of the stream.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.closes()
    server.sees_end_of_stream()
    server.closes()


@scenario(client=CLEAN, middle=CLEAN, server=CLEAN, states=("CLOSED", "TIME-WAIT"))
def server_closes_first(lab: Lab) -> None:
    """A request, an answer, and the server closes first.

    The client closes when it sees the end of the stream.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    server.closes()
    client.sees_end_of_stream()
    client.closes()


BOTH_FINS = sees("simultaneous-close", "2 tcp.flags.fin == 1", "0 tcp.flags.reset == 1")


@scenario(client=BOTH_FINS, middle=BOTH_FINS, server=BOTH_FINS, states=("TIME-WAIT", "TIME-WAIT"))
def simultaneous_close(lab: Lab) -> None:
    """Both programs close at the same instant.

    The FINs cross on the wire: neither end has seen the other's when it sends its own.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.waits(0.1)
    client.closes()
    server.closes()


BOTH_SYNS = sees("simultaneous-open clean-close", "2 tcp.flags == 0x002", "2 tcp.flags == 0x012")


@scenario(client=BOTH_SYNS, middle=BOTH_SYNS, server=BOTH_SYNS)
def simultaneous_open(lab: Lab) -> None:
    """Both programs connect to each other at the same instant and nobody listens.

    Each SYN meets a socket in SYN-SENT; the connection works and the client closes first.
    """
    client, server = lab.crossing_programs()
    client.starts_to_connect()
    server.starts_to_connect()
    client.finishes_connecting()
    server.finishes_connecting()
    lab.exchanges(client, server)
    lab.client_closes(client, server)


HALF = sees(
    "half-close-in-use",
    "2 tcp.flags.fin == 1",
    "3.. tcp.srcport == 8080 && tcp.len > 0",
    "0 tcp.flags.reset == 1",
)


@scenario(client=HALF, middle=HALF, server=HALF)
def half_close_in_use(lab: Lab) -> None:
    """The client shuts down its sending side and the server goes on sending for two seconds.

    Then the server closes, and the client after it.
    """
    client, server = lab.connected()
    client.sends(b"everything I have to say\n")
    client.shuts_down_sending()
    server.sees_end_of_stream()
    for _ in range(4):
        server.sends(b"." * 500)
        lab.waits(0.5)
    server.closes()
    client.sees_end_of_stream()
    client.closes()


LARGE = sees(
    "clean-close", "200.. tcp.srcport == 8080 && tcp.len > 0", "0 tcp.flags.reset == 1", "0 tcp.len > 1460"
)


@scenario(client=LARGE, middle=LARGE, server=LARGE, snaplen_bytes=96, states=("CLOSED", "TIME-WAIT"))
def large_download(lab: Lab) -> None:
    """The server sends 300 kB and closes; of each frame the captures keep only the first 96 bytes.

    The client reads everything, then closes.
    """
    client, server = lab.connected()
    client.sends(b"GET /large HTTP/1.0\r\n\r\n")
    server.receives()
    server.sends(b"." * 300_000)
    client.receives(300_000)
    server.closes()
    client.sees_end_of_stream()
    client.closes()


ALIVE = sees("keepalive-ok clean-close", "3.. tcp.analysis.keep_alive", "3.. tcp.analysis.keep_alive_ack")


@scenario(client=ALIVE, middle=ALIVE, server=ALIVE)
def keepalive_answered(lab: Lab) -> None:
    """An idle connection is probed every second and every probe is answered.

    The client's program has set SO_KEEPALIVE with 1 s; after 4.5 s of silence it uses the connection and
    closes it.
    """
    client, server = lab.connected()
    client.sets(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    client.sets(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    client.sets(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    lab.exchanges(client, server)
    lab.waits(4.5)
    lab.exchanges(client, server)
    lab.client_closes(client, server)


SEVERAL = sees("clean-close", "5 tcp.flags == 0x002", "10 tcp.flags.fin == 1", "0 tcp.flags.reset == 1")


@scenario(client=SEVERAL, middle=SEVERAL, server=SEVERAL)
def several_connections_to_two_ports(lab: Lab) -> None:
    """Five connections to two ports, some of them open at the same time.

    Each carries one request and its answer; the client closes first.
    """
    pairs = [lab.connected(port) for port in (8080, 8081, 8080)]
    for client, server in pairs:
        lab.exchanges(client, server)
    pairs.extend(lab.connected(port) for port in (8081, 8080))
    for client, server in pairs[3:]:
        lab.exchanges(client, server)
    for client, server in pairs:
        lab.client_closes(client, server)


REUSED = sees(
    "port-reused-ok clean-close", "2 tcp.flags == 0x002", "4 tcp.flags.fin == 1", "0 tcp.flags.reset == 1"
)


@scenario(client=REUSED, middle=REUSED, server=REUSED, states=("CLOSED", "TIME-WAIT"))
def source_port_reused(lab: Lab) -> None:
    """The client uses its source port again while the server still holds the first connection in TIME-WAIT.

    The server closed the first connection first. Both connections work.
    """
    for again in (False, True):
        client, server = lab.connected(from_port=40100)
        lab.exchanges(client, server)
        server.closes()
        client.sees_end_of_stream()
        client.closes()
        lab.waits(0.2)
        if not again:
            lab.supersedes(client.connection)


ABORTED_WHEN_DONE = sees("rst-instead-of-fin", "1 tcp.flags == 0x014", "0 tcp.flags.fin == 1")


@scenario(
    client=ABORTED_WHEN_DONE, middle=ABORTED_WHEN_DONE, server=ABORTED_WHEN_DONE, states=("CLOSED", "CLOSED")
)
def client_aborts_when_done(lab: Lab) -> None:
    """A request, a complete answer, and the client ends with RST instead of FIN.

    It closes with SO_LINGER of zero, as health checks do: nothing was lost, though the server's recv() fails.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.aborts()
    server.receives(fails="ECONNRESET")


SLOW = sees("slow-app clean-close", "1 tcp.srcport == 8080 && tcp.len > 0", "0 tcp.flags.reset == 1")


@scenario(
    dropper="server-app",
    where="the server's program thinks for two seconds",
    healthy=True,
    client=SLOW,
    middle=SLOW,
    server=SLOW,
)
def server_answers_late(lab: Lab) -> None:
    """The server's program answers two seconds after its kernel acknowledged the request.

    Nothing is lost; the client waits.
    """
    client, server = lab.connected()
    client.sends(b"GET /slow HTTP/1.0\r\n\r\n")
    server.receives()
    lab.waits(2)
    server.sends(b"." * 200)
    client.receives(200)
    lab.client_closes(client, server)


PAUSED = sees("zero-window-stall", "1.. tcp.srcport == 8080 && tcp.window_size == 0", "2 tcp.flags.fin == 1")


@scenario(
    dropper="server-app",
    where="the server's program does not read for two seconds",
    healthy=True,
    client=PAUSED,
    middle=PAUSED,
    server=PAUSED,
)
def server_reads_late(lab: Lab) -> None:
    """The server's program begins to read two seconds late; its window closes and opens again.

    The client sends 20 kB into a small buffer and closes; everything arrives.
    """
    client, server = lab.connected(receive_buffer_bytes=4096)
    client.sends(b"." * 20_000)
    lab.waits(2)
    server.receives(20_000)
    lab.client_closes(client, server)
