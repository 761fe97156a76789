"""Handshakes that stumble: something is lost or odd, and they mostly end well."""

from __future__ import annotations

import socket

from ..lab import Lab
from ..scenario import knows, scenario, sees

SYN, SYN_ACK, RST = "tcp.flags == 0x002", "tcp.flags == 0x012", "tcp.flags.reset == 1"
SYN_TO_PORT = "tcp dport 8080 tcp flags & (syn | ack) == syn"
SYN_ACK_FROM_PORT = "tcp sport 8080 tcp flags & (syn | ack) == (syn | ack)"


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops the client's first ACKs",
    healthy=True,
    client=sees(
        "third-ack-lost", f"2.. {SYN_ACK}", "2.. tcp.flags == 0x010 && tcp.dstport == 8080 && tcp.ack == 1"
    ),
    middle=sees("third-ack-lost", f"2.. {SYN_ACK}"),
    server=sees("third-ack-lost", f"2.. {SYN_ACK}"),
)
def third_ack_lost(lab: Lab) -> None:
    """The ACK that ends the handshake is lost; the first data establishes the connection at the server.

    The firewall in front of the server drops the client's segments for 1.5 s; the server repeats its SYN-ACK
    meanwhile.
    """
    listener = lab.listens()
    client = lab.client_program()
    with lab.firewall_s.filtering("forward", "tcp dport 8080 tcp flags & (syn | ack) == ack drop"):
        client.connects()
        lab.waits(1.5)
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    server = lab.accepts(listener, client)
    server.receives()
    server.sends(b"." * 200)
    client.receives(200)
    lab.client_closes(client, server)


REPEATED_SYN = (f"2 {SYN}", f"1 {SYN_ACK}", "2 tcp.flags.fin == 1")


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops the first SYN",
    healthy=True,
    client=sees("syn-lost-recovered", *REPEATED_SYN),
    middle=sees("syn-lost-recovered", *REPEATED_SYN),
    server=sees("clean-close", f"1 {SYN}", f"1 {SYN_ACK}"),
)
def first_syn_lost(lab: Lab) -> None:
    """The first SYN is lost in front of the server, the second is answered.

    Connecting takes one second more; then everything works.
    """
    listener = lab.listens()
    client = lab.client_program()
    with lab.firewall_s.filtering("forward", f"{SYN_TO_PORT} drop"):
        client.starts_to_connect()
        lab.waits(0.5)
    client.finishes_connecting()
    server = lab.accepts(listener, client)
    lab.exchanges(client, server)
    lab.client_closes(client, server)


DEFERRED = (f"1 {SYN}", f"2 {SYN_ACK}", f"0 {RST}")


@scenario(
    client=sees("tcp-defer-accept", *DEFERRED),
    middle=sees("tcp-defer-accept", *DEFERRED),
    server=sees("tcp-defer-accept", *DEFERRED),
)
def deferred_accept(lab: Lab) -> None:
    """The server waits for data before it wakes its program (TCP_DEFER_ACCEPT), and the client is silent for
    nine seconds.

    The server ignores the bare ACK and repeats its SYN-ACK once, late. Then the client sends and all is well.
    """
    listener = lab.listens()
    listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
    client = lab.client_program()
    client.connects()
    lab.waits(9)
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    server = lab.accepts(listener, client)
    server.receives()
    server.sends(b"." * 200)
    client.receives(200)
    lab.client_closes(client, server)


CHALLENGE = (f"3.. {SYN}", f"2 {SYN_ACK}", "1 tcp.flags == 0x004 && tcp.dstport == 8080", f"1 {RST}")


@scenario(
    dropper="client-host",
    where="the client lost its socket without a FIN or RST reaching the server",
    healthy=True,
    client=sees("half-open-challenge", *CHALLENGE),
    middle=sees("half-open-challenge", *CHALLENGE),
    server=sees("half-open-challenge", *CHALLENGE),
)
def half_open_connection_challenged(lab: Lab) -> None:
    """The client vanishes in silence and comes back from the same source port.

    The server still holds the old connection: it challenges the new SYN with an ACK, the client resets, the
    next SYN is answered.
    """
    client, server = lab.connected(from_port=40100)
    lab.exchanges(client, server)
    with lab.client.filtering("output", "tcp dport 8080 drop"):
        client.aborts()
    lab.supersedes(client.connection)
    listener = lab.listens()
    again = lab.client_program(from_port=40100)
    again.connects()
    server.receives(fails="ECONNRESET")
    answering = lab.accepts(listener, again)
    lab.exchanges(again, answering)
    lab.client_closes(again, answering)


GAVE_UP = (f"1 {SYN}", f"1.. {SYN_ACK}", "1.. tcp.flags == 0x004 && tcp.dstport == 8080")


@scenario(
    dropper="client-app",
    where="the client's program closes its socket 4 ms after connect()",
    client=knows("client-rst-after-synack", *GAVE_UP),
    middle=sees("client-rst-after-synack", *GAVE_UP),
    server=sees("client-rst-after-synack", *GAVE_UP),
    states=("CLOSED", "CLOSED"),
)
def client_gives_up_before_answer(lab: Lab) -> None:
    """The client's program gives up sooner than one round trip.

    The SYN-ACK meets no socket, and the client's kernel answers it with RST.
    """
    lab.listens()
    client = lab.client_program()
    client.starts_to_connect()
    lab.waits(0.004)
    client.closes()
