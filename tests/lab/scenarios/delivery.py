"""What happens to packets below TCP: checksums, addresses, fragments, frame sizes, queues, changing ways."""

from __future__ import annotations

import socket

from ..forger import SYN as SYN_FLAG
from ..forger import segment
from ..lab import PORT, Lab
from ..programs import Connection, Listener
from ..scenario import NOTHING, Place, knows, scenario, sees
from .established import REPEATED
from .handshake import SYN, SYN_ACK, SYN_TO_PORT
from .path import USER_TIMEOUT_MS

SILENCE = (f"4 {SYN}", "4 tcp")
DAMAGED = (*SILENCE, "4 tcp.checksum.status == 0")


@scenario(
    dropper="client-network",
    where="firewall-c writes a wrong checksum into every SYN to port 8080",
    client=sees("syn-unanswered", *SILENCE, "0 tcp.checksum.status == 0"),
    middle=sees("syn-wrong-checksum", *DAMAGED),
    server=sees("syn-wrong-checksum", *DAMAGED),
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
    damages_checksums=True,
)
def syn_checksum_damaged_on_the_way(lab: Lab) -> None:
    """The first router damages the checksum of every SYN, and the server's kernel discards them.

    It counts them in TcpInCsumErrors and says nothing.
    """
    lab.firewall_c.filters("forward", f"{SYN_TO_PORT} tcp checksum set 0x1234")
    lab.listens()
    lab.client_program().connects(fails="ETIMEDOUT")


EXAMPLE = "203.0.113.9"


@scenario(
    dropper="client-app",
    where="the program is told to connect to an address of RFC 5737; firewall-c has a blackhole route there",
    client=knows("syn-to-broadcast-or-bogon", *SILENCE),
    middle=NOTHING,
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def syn_to_an_example_address(lab: Lab) -> None:
    """The client's program connects to an address from some documentation, where nobody is.

    Its router discards what goes there, in silence.
    """
    lab.firewall_c.namespace.ip("route add blackhole 203.0.113.0/24")
    lab.client_program(to=EXAMPLE).connects(fails="ETIMEDOUT")


@scenario(
    dropper="client-app",
    where="the program is told to connect to an address of RFC 5737, and firewall-c has no route there",
    client=knows("syn-to-broadcast-or-bogon", f"1.. {SYN} && !icmp", "1.. icmp.type == 3 && icmp.code == 0"),
    middle=NOTHING,
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def example_address_refused_by_router(lab: Lab) -> None:
    """The client's program connects to an address from some documentation; its router says that it knows no
    way.

    ICMP network unreachable ends the attempt.
    """
    lab.client_program(to=EXAMPLE).connects(fails="ENETUNREACH")


@scenario(
    dropper="client-app",
    where="a tool on the client sends SYNs to the broadcast address of its own network",
    client=knows("syn-to-broadcast-or-bogon", f"3 {SYN} && eth.dst == ff:ff:ff:ff:ff:ff", "3 tcp"),
    middle=NOTHING,
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def syn_to_the_networks_broadcast(lab: Lab) -> None:
    """SYNs to the broadcast address of the client's network reach every host there, and none answers.

    A raw socket sends three, one a second; connect() would refuse. The router's kernel discards them (RFC
    1122 section 4.2.3.10).
    """
    source, target = lab.client.address4, "10.0.1.255"
    lab.connections.append(Connection(source, 40001, target, PORT))
    packet = segment(
        socket.inet_aton(source), socket.inet_aton(target), 40001, PORT, 7000, 0, SYN_FLAG, 64240
    )
    raw = lab.client.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for _ in range(3):
            raw.sendto(packet, (target, 0))
            lab.waits(1)
    lab.waits(3)


WAITED = ("3.. icmp.type == 11 && icmp.code == 1", f"3.. {REPEATED} && !icmp")


@scenario(
    dropper="client-network",
    where="firewall-s fragments (MTU 1300), firewall-c drops every fragment but the first",
    client=sees("fragment-loss", "3.. icmp.type == 11 && icmp.code == 1", "3.. ip.flags.mf == 1 && !icmp"),
    middle=sees("fragment-loss", *WAITED),
    server=sees("fragment-loss", *WAITED, "0 ip.flags.mf == 1 && !icmp"),
    states=("ESTABLISHED", "CLOSED"),
    snaplen_bytes=1600,
)
def fragments_dropped_by_client_network(lab: Lab) -> None:
    """The server lets routers fragment, and the firewall in front of the client drops what has no ports.

    net.ipv4.ip_no_pmtu_disc is 1 on the server. The client's kernel waits 1 s for the rest
    (net.ipv4.ipfrag_time) and says so to the server, whose kernel repeats until TCP_USER_TIMEOUT, 6 s.
    """
    lab.server.namespace.set_sysctls({"net.ipv4.ip_no_pmtu_disc": 1})
    lab.client.namespace.set_sysctls({"net.ipv4.ipfrag_time": 1})
    lab.firewall_s.namespace.ip("link set eth1 mtu 1300")
    lab.firewall_c.filters("forward", "ip frag-off & 0x1fff != 0 drop")
    client, server = lab.connected()
    lab.exchanges(client, server)
    server.sets(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    server.sends(b"." * 3 * 1448)
    server.receives(fails="ETIMEDOUT")


IN_FRAGMENTS = "3.. ip.flags.mf == 1 && !icmp"


@scenario(
    where="firewall-s fragments (MTU 1300), and all fragments arrive",
    client=sees("clean-close", IN_FRAGMENTS, "0 icmp"),
    middle=sees("clean-close", IN_FRAGMENTS, "0 icmp"),
    server=sees("clean-close", "0 ip.flags.mf == 1", "0 icmp"),
)
def fragments_that_arrive(lab: Lab) -> None:
    """The server lets routers fragment, and the client puts the fragments together.

    net.ipv4.ip_no_pmtu_disc is 1 on the server, which sends ten full-sized segments.
    """
    lab.server.namespace.set_sysctls({"net.ipv4.ip_no_pmtu_disc": 1})
    lab.firewall_s.namespace.ip("link set eth1 mtu 1300")
    client, server = lab.connected()
    lab.exchanges(client, server)
    server.sends(b"." * 10 * 1448)
    client.receives(10 * 1448)
    lab.client_closes(client, server)


TOO_LONG = (f"3.. {REPEATED}", "0 icmp", "0 tcp.flags.reset == 1")


@scenario(
    dropper="client-network",
    where="the link between client and neighbour takes frames of 1400 bytes, both offer an MSS of 1460",
    client=sees("mtu-mismatch-l2", *TOO_LONG),
    middle=NOTHING,
    server=sees("no-close-seen", f"0 {REPEATED}"),
    states=("CLOSED", "ESTABLISHED"),
    places={"client": Place("client"), "middle": Place("between", "tap0"), "server": Place("firewall_c")},
)
def switch_takes_smaller_frames(lab: Lab) -> None:
    """Client and server are neighbours, and the switch between them takes smaller frames than both send.

    The server's program runs on the client's router, whose end of the link has the switch's MTU. The client's
    kernel repeats the full-sized segments until TCP_USER_TIMEOUT, 6 s.
    """
    router = lab.firewall_c
    router.namespace.ip(
        "link set eth0 mtu 1400",
        "route change 10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.1 advmss 1460",
    )
    listener = Listener(router, "10.0.1.1", PORT, 16)
    client = lab.client_program(to="10.0.1.1")
    client.connection.server_machine = router.name
    client.connects()
    server = lab.accepts(listener, client)
    listener.closes()
    lab.exchanges(client, server)
    client.sets(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    client.sends(b"." * 3 * 1448)
    client.receives(fails="ETIMEDOUT")


STEP_BYTES, STEPS = 30_000, 23
"""What the server sends at once, and how often; it is always two steps ahead."""

CALM = ("450.. tcp.srcport == 8080 && tcp.len > 0", "2 tcp.flags.fin == 1")


@scenario(
    dropper="nobody",
    where="firewall-s sends 1 Mbit/s towards the client, and queues up to a megabyte before that",
    healthy=True,
    client=sees("clean-close", *CALM),
    middle=sees("clean-close", *CALM),
    server=sees("jitter-or-queue clean-close", *CALM),
    snaplen_bytes=96,
)
def download_fills_a_queue(lab: Lab) -> None:
    """The slowest link has a queue far too long: the download fills it, and round trips grow from 16 ms to
    about half a second.

    Nothing is lost, and all data arrives.
    """
    lab.firewall_s.namespace.run(
        *("tc", "qdisc", "add", "dev", "eth1", "root", "tbf"),
        *("rate", "1mbit", "burst", "4kb", "limit", "1mb"),
    )
    client, server = lab.connected()
    server.sends(b"." * 2 * STEP_BYTES)
    received_bytes = 0
    for step in range(1, STEPS + 1):
        server.sends(b"." * STEP_BYTES)
        received_bytes += len(client.receives(max(1, step * STEP_BYTES - received_bytes)))
    client.receives((STEPS + 2) * STEP_BYTES - received_bytes)
    lab.client_closes(client, server)


NEW_ONES = f"4 {SYN} && tcp.dstport == "
TABLE_FULL = (f"{NEW_ONES}8080", f"{NEW_ONES}8081", f"1 {SYN_ACK}", "4.. tcp.len > 0")


@scenario(
    dropper="server-host",
    where="conntrack rules on server drop every new connection, as a full conntrack table does",
    client=sees("syn-unanswered", *TABLE_FULL),
    middle=sees("syn-unanswered", *TABLE_FULL),
    server=knows("syn-unanswered", *TABLE_FULL),
    states=("CLOSED", "CLOSED"),
)
def new_connections_dropped_old_go_on(lab: Lab) -> None:
    """The server's host drops whatever begins a connection, on every port, and the old connection goes on.

    So does a kernel whose conntrack table is full; the limit itself is the whole machine's and cannot be
    reached in one namespace alone.
    """
    lab.listens(8081)
    old, serving = lab.connected(8082)
    old.connection.bystander = True
    lab.exchanges(old, serving)
    lab.listens()
    lab.server.filters("input", "ct state new tcp flags & (syn | ack) == syn drop")
    first, second = lab.client_program(8081), lab.client_program()
    first.starts_to_connect()
    second.starts_to_connect()
    lab.exchanges(old, serving)
    lab.waits(4)
    lab.exchanges(old, serving)
    first.finishes_connecting(fails="ETIMEDOUT")
    second.finishes_connecting(fails="ETIMEDOUT")


MEMBER = ("12.. tcp.flags == 0x002", "9.. tcp.flags == 0x012")


@scenario(
    dropper="server-network",
    where="firewall-s drops SYNs from one source port in four",
    client=sees("syn-unanswered ecmp-path-loss", *MEMBER),
    middle=sees("syn-unanswered ecmp-path-loss", *MEMBER),
    server=sees("clean-close", "9 tcp.flags == 0x002"),
    states=("CLOSED", "CLOSED"),
)
def one_of_four_members_is_broken(lab: Lab) -> None:
    """One of four links that carry connections by their source port loses everything: always the same ports.

    Three connections of twelve repeat their SYN in vain, while the others open at once.
    """
    listener = lab.listens()
    lab.firewall_s.filters("forward", f"{SYN_TO_PORT} tcp sport & 3 == 1 drop")
    clients = [lab.client_program() for _ in range(12)]
    broken = [client for client in clients if client.connection.client_port & 3 == 1]
    for client in broken:
        client.starts_to_connect()
    lab.waits(0.5)
    for client in clients:
        if client in broken:
            continue
        client.connects()
        client.connection.bystander = True
        server = lab.accepts(listener, client)
        lab.exchanges(client, server)
        lab.client_closes(client, server)
        lab.waits(0.2)
    for client in broken:
        client.finishes_connecting(fails="ETIMEDOUT")
    lab.connections.append(lab.connections.pop(0))


@scenario(
    client=sees("clean-close route-change", "4.. ip.ttl == 53 && tcp.srcport == 8080"),
    middle=sees("clean-close route-change", "4.. ip.ttl == 57 && tcp.srcport == 8080"),
    server=sees("clean-close", "12.. tcp.flags.fin == 1", "0 ip.ttl == 60 && tcp.srcport == 8080"),
)
def way_back_becomes_longer(lab: Lab) -> None:
    """From some moment on the server's packets take a way that is three routers longer.

    The firewall in front of the server writes the TTL that they would have; three connections before, three
    after.
    """
    for number in range(6):
        if number == 3:
            lab.firewall_s.filters("forward", "tcp sport 8080 ip ttl set 60")
        client, server = lab.connected()
        lab.exchanges(client, server)
        lab.client_closes(client, server)
        lab.waits(0.2)


@scenario(
    dropper="client-network",
    where="firewall-c sends the client to a gateway on its own link that does not exist",
    client=sees(
        "icmp-host-unreach", "1.. icmp.type == 5 && icmp.redir_gw == 10.0.1.50", f"1.. {SYN} && !icmp"
    ),
    middle=NOTHING,
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def redirected_to_an_absent_gateway(lab: Lab) -> None:
    """The router tells the client that another gateway on its link is better, and that one is not there.

    ICMP redirects come before the host unreachable that ends the attempt.
    """
    lab.firewall_c.namespace.ip("route change 10.0.2.0/24 via 10.0.1.50")
    lab.client_program().connects(fails="EHOSTUNREACH")
