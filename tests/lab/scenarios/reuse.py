"""Four-tuples that are used again, and ends that forgot each other."""

from __future__ import annotations

from ..lab import Lab
from ..scenario import knows, scenario, sees
from .handshake import RST, SYN, SYN_ACK

RST_ONLY = "tcp.flags == 0x004"
FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"
BARE_ACK = "tcp.flags == 0x010 && tcp.len == 0"

NEVER_RESET = f"4.. {SYN}", f"2.. {BARE_ACK} && {FROM_SERVER}", f"1 {SYN_ACK}"


@scenario(
    dropper="client-network",
    where="nft forward chain on firewall-c drops the client's resets",
    client=sees("half-open-rst-blocked", *NEVER_RESET, f"2.. {RST_ONLY} && {FROM_CLIENT}"),
    middle=sees("half-open-rst-blocked", *NEVER_RESET, f"0 {RST}"),
    server=sees("half-open-rst-blocked", *NEVER_RESET, f"0 {RST}"),
    states=("CLOSED", "ESTABLISHED"),
    families=(4, 6),
)
def half_open_reset_blocked(lab: Lab) -> None:
    """The client vanishes, comes back from the same port, and a firewall swallows the resets that would help.

    The server answers each new SYN with an ACK of the old connection; the client's RST does not get through,
    and it gives up.
    """
    client, server = lab.connected(from_port=40100)
    lab.exchanges(client, server)
    with lab.client.filtering("output", "tcp dport 8080 drop"):
        client.aborts()
    lab.supersedes(client.connection)
    lab.listens()
    lab.firewall_c.filters("forward", "tcp dport 8080 tcp flags & rst == rst drop")
    lab.client_program(from_port=40100).connects(fails="ETIMEDOUT")


CHALLENGED = (
    f"3 {SYN}",
    f"2 {SYN_ACK}",
    f"1.. {RST_ONLY} && {FROM_CLIENT}",
    "4 tcp.flags.fin == 1",
)


@scenario(
    dropper="client-host",
    where="the client's new sequence number is lower than the old one, and it sends no timestamps",
    healthy=True,
    client=sees("time-wait-challenge", *CHALLENGED),
    middle=sees("time-wait-challenge", *CHALLENGED),
    server=sees("time-wait-challenge", *CHALLENGED),
)
def time_wait_challenges(lab: Lab) -> None:
    """A source port is used again while the server is in TIME-WAIT, and the new SYN looks older.

    The server closed first. It answers the SYN with its last ACK, the client resets that, and the SYN one
    second later is accepted: as with several clients behind one address.
    """
    lab.client.sets(timestamps=0)
    first = 0x70000000
    for begin, client_first in ((first, False), (first - 0x1000000, True)):
        listener = lab.listens()
        client = lab.client_program(from_port=40100)
        client.begins_at(begin)
        client.connects()
        server = lab.accepts(listener, client)
        listener.closes()
        lab.exchanges(client, server)
        one, other = (client, server) if client_first else (server, client)
        one.closes()
        other.sees_end_of_stream()
        other.closes()
        lab.waits(0.2)
        if not client_first:
            lab.supersedes(client.connection)


NO_SOCKET = (f"1 {RST_ONLY} && {FROM_SERVER}", f"1 {RST}", "0 tcp.flags.fin == 1")


@scenario(
    dropper="server-host",
    where="the server forgot the connection without a FIN or RST leaving it, as by a reset button",
    client=knows("half-open-dead-peer", *NO_SOCKET),
    middle=knows("half-open-dead-peer", *NO_SOCKET),
    server=knows("half-open-dead-peer", *NO_SOCKET),
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def server_reboots(lab: Lab) -> None:
    """The server restarts without a word while the connection is idle; the client's next request is reset.

    Two seconds of silence; then its kernel knows nothing of the connection. The client's recv() fails, and
    its next send.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    with lab.server.filtering("output", "tcp sport 8080 drop"):
        server.aborts()
    lab.waits(2)
    client.sends(b"GET /again HTTP/1.0\r\n\r\n")
    client.receives(fails="ECONNRESET")
    client.sends(b"GET /again HTTP/1.0\r\n\r\n", fails="EPIPE")


@scenario(
    dropper="server-host",
    where="the server's link goes down for good, as by a power cut",
    client=sees("icmp-soft-established", "5.. tcp.analysis.retransmission", f"0 {RST}"),
    middle=sees("icmp-soft-established", "5.. tcp.analysis.retransmission", f"0 {RST}"),
    server=sees("no-close-seen", "0 tcp.analysis.retransmission", f"0 {RST}"),
    states=("CLOSED", "ESTABLISHED"),
    snaplen_bytes=600,
)
def server_loses_power(lab: Lab) -> None:
    """The server loses its power during an open connection; the last router notices after some seconds.

    The client retransmits; when the router has asked for the server's link address in vain, it says by ICMP
    that the host is unreachable, and that is what the program is told in the end.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.firewall_s.namespace.set_sysctls({"net.ipv4.neigh.eth0.base_reachable_time_ms": 500})
    lab.server.namespace.run("ip", "link", "set", "eth0", "down")
    client.gives_up_after(12_000)
    client.sends(b"GET /again HTTP/1.0\r\n\r\n")
    client.receives(fails="EHOSTUNREACH")


IN_THE_WAY = (f"1 {RST_ONLY} && {FROM_SERVER}", f"1.. tcp.flags.fin == 1 && {FROM_SERVER}")


@scenario(
    dropper="server-app",
    where="the server's program closes idle connections sooner than the client's program expects",
    client=knows("keepalive-reuse-race", *IN_THE_WAY),
    middle=knows("keepalive-reuse-race", *IN_THE_WAY),
    server=knows("keepalive-reuse-race", *IN_THE_WAY),
    states=("CLOSED", "CLOSED"),
)
def request_crosses_close(lab: Lab) -> None:
    """The server closes an idle connection at the moment in which the client sends its next request.

    FIN and request cross on the wire; the server's kernel resets.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.waits(1)
    server.closes()
    client.sends(b"POST /order HTTP/1.1\r\n\r\n")
    lab.waits(0.1)
    client.sends(b"POST /order HTTP/1.1\r\n\r\n", fails="EPIPE")
