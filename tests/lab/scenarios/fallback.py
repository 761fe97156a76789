"""Clients that try a second address when the first does not answer (RFC 8305)."""

from __future__ import annotations

from ..lab import PORT, Lab
from ..programs import Listener
from ..scenario import NOTHING, Place, scenario, sees

SYN4, SYN6 = "tcp.flags == 0x002 && ip", "tcp.flags == 0x002 && ipv6"

HEAD_START_S = 0.25
"""How long the IPv6 attempt is alone: RFC 8305 section 5 recommends it."""

DEAD6 = ("he-fallback", f"1.. {SYN6}", f"1 {SYN4}", "0 tcp.flags == 0x012 && ipv6")


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops IPv6",
    healthy=True,
    client=sees(*DEAD6),
    middle=sees(*DEAD6),
    server=sees("clean-close", f"0 {SYN6}", f"1 {SYN4}"),
)
def dead_ipv6_live_ipv4(lab: Lab) -> None:
    """The server has two addresses; nothing gets through to the IPv6 one, and the IPv4 one works.

    The client's program gives IPv6 a head start of 250 ms, then tries IPv4 as well and takes what answers.
    """
    lab.firewall_s.filters("forward", "meta nfproto ipv6 drop")
    listener = lab.listens()
    first = lab.client_program(to=lab.server.address6)
    first.starts_to_connect()
    lab.waits(HEAD_START_S)
    second = lab.client_program(to=lab.server.address4)
    second.connects()
    first.closes()
    server = lab.accepts(listener, second)
    lab.exchanges(second, server)
    lab.client_closes(second, server)


REFUSED6 = (
    "he-fallback",
    "1 tcp.flags == 0x014 && ipv6",
    "1 tcp.flags == 0x012 && ip",
    "2 tcp.flags.fin == 1",
)


@scenario(
    dropper="server-app",
    where="the program listens on 127.0.0.1 alone and the name has ::1 first",
    client=sees(*REFUSED6),
    middle=NOTHING,
    server=NOTHING,
    places={"client": Place("client", "lo")},
    damages_checksums=True,
)
def localhost_refuses_ipv6(lab: Lab) -> None:
    """A program on the same machine listens on 127.0.0.1; its client tries ::1 first and is refused.

    The captures of the middle and the server stay empty: everything happens on the client's loopback,
    whose checksums nobody computes.
    """
    listener = Listener(lab.client, "127.0.0.1", PORT, 16)
    refused = lab.client_program(to="::1", source="::1")
    refused.connects(fails="ECONNREFUSED")
    client = lab.client_program(to="127.0.0.1", source="127.0.0.1")
    client.connects()
    server = lab.accepts(listener, client)
    for program in (refused, client):
        program.connection.server_machine = "client"
    lab.exchanges(client, server)
    lab.client_closes(client, server)
