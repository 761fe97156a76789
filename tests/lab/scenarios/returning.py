"""What gets lost on the way back while the way there works, and paths that lead nowhere."""

from __future__ import annotations

from ..lab import PORT, Lab
from ..scenario import NOTHING, knows, scenario, sees
from .established import REPEATED
from .handshake import RST, SYN
from .path import BIG, FRAGMENTATION_NEEDED, SMALL_MTU_BYTES

FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"
PURE_ACKS_BACK = "tcp sport 8080 tcp flags & (fin | syn | rst | ack) == ack"

AGAIN = (f"1.. {REPEATED}", "2 tcp.flags.fin == 1")


@scenario(
    dropper="client-network",
    where="nft forward chain on firewall-c drops the server's pure ACKs for 0.9 s",
    healthy=True,
    client=sees("", f"1.. {REPEATED}", "2 tcp.flags.fin == 1"),
    middle=sees("ack-path-loss", *AGAIN),
    server=sees("ack-path-loss", *AGAIN),
    families=(4, 6),
)
def acknowledgments_lost(lab: Lab) -> None:
    """The data arrives and its acknowledgments get lost: the client sends again what the server has.

    For 0.9 s; then everything goes on.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    with lab.firewall_c.filtering("forward", f"{PURE_ACKS_BACK} drop"):
        client.sends(b"." * 4000)
        lab.waits(0.9)
    server.receives(4000)
    lab.waits(1)
    lab.client_closes(client, server)


CLOSED_WINDOW = f"1.. {FROM_SERVER} && tcp.window_size == 0"
OPENED = (CLOSED_WINDOW, "1.. tcp.analysis.window_update", "2 tcp.flags.fin == 1")


@scenario(
    dropper="client-network",
    where="nft forward chain on firewall-c drops the server's pure ACKs for 3 s",
    also=("server-app",),
    healthy=True,
    client=sees("", CLOSED_WINDOW, "2 tcp.flags.fin == 1"),
    middle=sees("window-update-lost", *OPENED),
    server=sees("window-update-lost", *OPENED),
)
def window_update_lost(lab: Lab) -> None:
    """The server's window opens again, and the client does not hear of it for three seconds.

    Its probes arrive and their answers get lost; when they pass again, everything goes on.
    """
    client, server = lab.connected(receive_buffer_bytes=4096)
    client.sends(b"." * 20_000)
    lab.waits(1)
    with lab.firewall_c.filtering("forward", f"{PURE_ACKS_BACK} drop"):
        first = server.receives()
        lab.waits(3)
    server.receives(20_000 - len(first))
    lab.client_closes(client, server)


PROBED = (CLOSED_WINDOW, f"0 {RST}", "0 tcp.flags.fin == 1")


@scenario(
    dropper="server-host",
    where="nft input and output chains on server drop everything while the window is closed",
    also=("server-app",),
    client=sees("zero-window-unanswered", *PROBED),
    middle=sees("zero-window-unanswered", *PROBED),
    server=knows("zero-window-unanswered", *PROBED),
    states=("ESTABLISHED", "ESTABLISHED"),
    families=(4, 6),
)
def server_dies_with_closed_window(lab: Lab) -> None:
    """The server's program does not read, its window closes, and then the host falls silent.

    The client's kernel probes the window for 25 s without an answer; then the captures end.
    """
    client, _ = lab.connected(receive_buffer_bytes=4096)
    client.sends_what_fits(b"." * (1 << 20))
    lab.waits(1)
    for hook in ("input", "output"):
        lab.server.filters(hook, "drop")
    lab.waits(25)


ROUTED_ELSEWHERE = (f"4 {SYN}", "4 tcp")


@scenario(
    dropper="server-host",
    where="the server's route to the client leads through another interface, and rp_filter is 1",
    client=sees("syn-unanswered", *ROUTED_ELSEWHERE),
    middle=sees("syn-unanswered", *ROUTED_ELSEWHERE),
    server=knows("syn-unanswered", *ROUTED_ELSEWHERE),
    states=("CLOSED", "CLOSED"),
)
def reverse_path_filter(lab: Lab) -> None:
    """The server's kernel discards every SYN because it would send the answer through another interface.

    Strict reverse path filtering (RFC 3704); TcpExtIPReversePathFilter counts; nothing in the capture
    says so.
    """
    lab.server.namespace.ip(
        "link add spare0 type veth peer name spare1",
        "link set spare0 up",
        "link set spare1 up",
        "addr add 10.0.77.1/24 dev spare0",
        "route add 10.0.1.0/24 via 10.0.77.2 dev spare0",
    )
    lab.server.namespace.set_sysctls({"net.ipv4.conf.all.rp_filter": 1, "net.ipv4.conf.eth0.rp_filter": 1})
    lab.listens()
    lab.client_program().connects(fails="ETIMEDOUT")


LOOPING = "1.. icmp.type == 11"


@scenario(
    dropper="server-network",
    where="firewall-s routes the server's network back to firewall-c",
    also=("path",),
    client=sees("icmp-ttl-exceeded", LOOPING),
    middle=sees("icmp-ttl-exceeded", "8.. tcp.flags == 0x002", LOOPING),
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def routing_loop(lab: Lab) -> None:
    """Two routers send the packets for the server to each other until their TTL is used up.

    The router at which it ends tells the client by ICMP.
    """
    lab.firewall_s.namespace.ip("route add 10.0.2.2/32 via 10.0.9.1")
    lab.listens()
    lab.client_program().connects(fails="EHOSTUNREACH")


NO_ROUTE = "1.. (icmp.type == 3 && icmp.code == 0) || (icmpv6.type == 1 && icmpv6.code == 0)"


@scenario(
    dropper="client-network",
    where="firewall-c has an unreachable route to the server's network",
    client=knows("icmp-host-unreach", NO_ROUTE),
    middle=NOTHING,
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def no_route_at_the_clients_router(lab: Lab) -> None:
    """The client's own router has no route to the server and says so.

    ICMP network unreachable; the program gets ENETUNREACH.
    """
    route = "10.0.2.0/24" if lab.family == 4 else "fd00:2::/64"
    lab.firewall_c.namespace.ip(f"route del {route}")
    lab.listens()
    lab.client_program().connects(fails="ENETUNREACH")


ASKED = ("arp-no-reply", "3.. arp.opcode == 1 && arp.dst.proto_ipv4 == 10.0.1.9", "0 tcp")


@scenario(
    dropper="client-network",
    where="the client's default route points to 10.0.1.9, where nobody is",
    also=("client-host",),
    client=knows(*ASKED),
    middle=NOTHING,
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def gateway_absent(lab: Lab) -> None:
    """The client's router is not there: its kernel asks for it by ARP in vain, and no SYN ever leaves.

    Three requests a second apart; connect() fails after three seconds.
    """
    lab.client.namespace.ip("route replace default via 10.0.1.9")
    lab.listens()
    lab.client_program().connects(fails="EHOSTUNREACH")


SOFT = "1.. (icmp.type == 3 && icmp.code == 13) || (icmpv6.type == 1 && icmpv6.code == 1)"


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s rejects with ICMP admin-prohibited for 0.3 s",
    healthy=True,
    client=sees("icmp-soft-established", SOFT, "2 tcp.flags.fin == 1"),
    middle=sees("icmp-soft-established", SOFT, "2 tcp.flags.fin == 1"),
    server=sees("clean-close", "2 tcp.flags.fin == 1"),
    families=(4, 6),
)
def prohibited_for_a_moment(lab: Lab) -> None:
    """A firewall rejects one segment of an established connection, then lets it pass again.

    ICMP errors do not end an established connection (RFC 5927): the client's kernel sends again and all is
    well.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    with lab.firewall_s.filtering("forward", "tcp dport 8080 reject with icmpx admin-prohibited"):
        client.sends(b"GET /again HTTP/1.0\r\n\r\n")
        lab.waits(0.3)
    server.receives()
    server.sends(b"." * 200)
    client.receives(200)
    lab.client_closes(client, server)


UNHEARD = (FRAGMENTATION_NEEDED, f"4.. {BIG} && !icmp", f"0 {RST}")


@scenario(
    dropper="server-host",
    where="nft input chain on server drops ICMP destination unreachable",
    also=("server-network",),
    client=sees("no-close-seen", f"0 {BIG}"),
    middle=sees("no-close-seen", f"0 {BIG}"),
    server=knows("pmtu-icmp-ignored", *UNHEARD),
    states=("ESTABLISHED", "CLOSED"),
    snaplen_bytes=600,
)
def path_mtu_icmp_ignored(lab: Lab) -> None:
    """The router tells that segments are too large, and the server host's own firewall swallows it.

    The server's kernel repeats full-sized segments until TCP_USER_TIMEOUT, 6 s.
    """
    lab.firewall_s.namespace.ip(f"link set eth1 mtu {SMALL_MTU_BYTES}")
    lab.server.filters("input", "icmp type destination-unreachable drop")
    client, server = lab.connected(PORT)
    lab.exchanges(client, server)
    server.gives_up_after(6000)
    server.sends(b"." * 3 * 1448)
    server.receives(fails="ETIMEDOUT")
