"""Handshakes that fail, stumble or are turned away."""

from __future__ import annotations

import socket

from ..lab import Lab
from ..scenario import NOTHING, knows, scenario, sees

SYN, SYN_ACK, RST = "tcp.flags == 0x002", "tcp.flags == 0x012", "tcp.flags.reset == 1"
SYN_TO_PORT = "tcp dport 8080 tcp flags & (syn | ack) == syn"
SYN_ACK_FROM_PORT = "tcp sport 8080 tcp flags & (syn | ack) == (syn | ack)"

SILENCE = (f"4 {SYN}", f"4 tcp")


@scenario(dropper="server-host", where="nft input chain on server drops SYN to port 8080",
          client=sees("syn-unanswered", *SILENCE), middle=sees("syn-unanswered", *SILENCE),
          server=knows("syn-unanswered", *SILENCE), states=("CLOSED", "CLOSED"), families=(4, 6))
def syn_dropped_by_server_host(lab: Lab) -> None:
    """The server host's own firewall drops every SYN in silence.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.server.filters("input", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(dropper="server-network", where="nft forward chain on firewall-s drops SYN to port 8080",
          client=sees("syn-unanswered", *SILENCE), middle=sees("syn-unanswered", *SILENCE), server=NOTHING,
          states=("CLOSED", "CLOSED"))
def syn_dropped_by_server_network(lab: Lab) -> None:
    """The firewall in front of the server drops every SYN in silence.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.firewall_s.filters("forward", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(dropper="client-network", where="nft forward chain on firewall-c drops SYN to port 8080",
          client=sees("syn-unanswered", *SILENCE), middle=NOTHING, server=NOTHING, states=("CLOSED", "CLOSED"))
def syn_dropped_by_client_network(lab: Lab) -> None:
    """The firewall in front of the client drops every SYN in silence.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.firewall_c.filters("forward", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(dropper="client-host", where="nft output chain on client drops SYN to port 8080",
          client=NOTHING, middle=NOTHING, server=NOTHING, states=("CLOSED", "CLOSED"))
def syn_dropped_by_client_host(lab: Lab) -> None:
    """The client host's own firewall drops every SYN before it reaches the link.

    A program listens on the port; the client connects and waits until its kernel gives up. All captures are empty.
    """
    lab.listens()
    lab.client.filters("output", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


CLOSED_PORT = sees("port-closed", f"1 {SYN}", "1 tcp.flags == 0x014 && tcp.seq_raw == 0 && tcp.window_size_value == 0")


@scenario(dropper="server-app", where="no program listens on port 8080",
          client=CLOSED_PORT, middle=CLOSED_PORT, server=CLOSED_PORT, states=("CLOSED", "CLOSED"), families=(4, 6))
def port_closed(lab: Lab) -> None:
    """Nothing listens on the port.

    The client connects; the server's kernel answers the SYN with RST.
    """
    lab.client_program().connects(fails="ECONNREFUSED")


@scenario(dropper="server-host", where="nft input chain on server answers SYN to port 8080 with RST",
          client=CLOSED_PORT, middle=CLOSED_PORT, server=CLOSED_PORT, states=("CLOSED", "CLOSED"))
def reset_by_server_host_firewall(lab: Lab) -> None:
    """A program listens, but the server host's own firewall refuses with RST.

    Byte for byte what a closed port sends: only a look at the host can tell.
    """
    lab.listens()
    lab.server.filters("input", "tcp dport 8080 reject with tcp reset")
    lab.client_program().connects(fails="ECONNREFUSED")


NOT_HERE = sees("clean-close", "0 tcp.port == 8080")
REFUSED_ON_PATH = ("reject-tcp-reset", "1 tcp.flags == 0x014 && tcp.port == 8080", "0 tcp.flags.reset == 1 && tcp.port == 8081")


@scenario(dropper="server-network", where="nft forward chain on firewall-s answers SYN to port 8080 with RST",
          client=knows(*REFUSED_ON_PATH), middle=knows(*REFUSED_ON_PATH), server=NOT_HERE,
          states=("CLOSED", "CLOSED"), families=(4, 6))
def reset_by_server_network(lab: Lab) -> None:
    """The firewall in front of the server refuses with RST in the server's name.

    Another port of the server works first; its TTL shows that the RST came from one router nearer.
    """
    lab.another_port_works()
    lab.listens()
    lab.firewall_s.filters("forward", "tcp dport 8080 reject with tcp reset")
    lab.client_program().connects(fails="ECONNREFUSED")


PORT_UNREACHABLE = "1 icmp.type == 3 && icmp.code == 3 && ip.src == 10.0.9.2"


@scenario(dropper="server-network", where="nft forward chain on firewall-s answers SYN to port 8080 with ICMP port unreachable",
          client=knows("icmp-port-unreach", PORT_UNREACHABLE), middle=knows("icmp-port-unreach", PORT_UNREACHABLE),
          server=NOT_HERE, states=("CLOSED", "CLOSED"))
def icmp_port_unreachable_by_server_network(lab: Lab) -> None:
    """The firewall in front of the server refuses with ICMP port unreachable, the default of REJECT.

    Another port of the server works first. To the client's program it looks like a closed port.
    """
    lab.another_port_works()
    lab.listens()
    lab.firewall_s.filters("forward", "tcp dport 8080 reject with icmpx port-unreachable")
    lab.client_program().connects(fails="ECONNREFUSED")


PROHIBITED = "1 (icmp.type == 3 && icmp.code == 13) || (icmpv6.type == 1 && icmpv6.code == 1)"


@scenario(dropper="server-network", where="nft forward chain on firewall-s answers SYN to port 8080 with ICMP admin-prohibited",
          client=knows("icmp-admin-prohib", PROHIBITED), middle=knows("icmp-admin-prohib", PROHIBITED), server=NOT_HERE,
          states=("CLOSED", "CLOSED"), families=(4, 6))
def icmp_admin_prohibited_by_server_network(lab: Lab) -> None:
    """The firewall in front of the server refuses with ICMP administratively prohibited.

    Another port of the server works first. The program's errno differs between IPv4 and IPv6.
    """
    lab.another_port_works()
    lab.listens()
    lab.firewall_s.filters("forward", "tcp dport 8080 reject with icmpx admin-prohibited")
    lab.client_program().connects(fails="EHOSTUNREACH" if lab.family == 4 else "EACCES")


UNREACHABLE = "1.. icmp.type == 3 && icmp.code == 1 && ip.src == 10.0.9.2"


@scenario(dropper="server-network", where="no host has the address 10.0.2.99 on the server's network",
          client=knows("icmp-host-unreach", UNREACHABLE), middle=knows("icmp-host-unreach", UNREACHABLE),
          server=knows("arp-no-reply", "3.. arp.opcode == 1 && arp.dst.proto_ipv4 == 10.0.2.99", "0 tcp"),
          states=("CLOSED", "CLOSED"))
def host_absent_behind_live_router(lab: Lab) -> None:
    """The client connects to an address on the server's network that no host has.

    The last router asks for it by ARP, in vain, and tells the client that the host is unreachable.
    """
    lab.client_program(to="10.0.2.99").connects(fails="EHOSTUNREACH")


IGNORED = (f"4 {SYN}", f"4.. {SYN_ACK}", "0 tcp.flags == 0x010", f"0 {RST}")


@scenario(dropper="client-network", where="nft forward chain on firewall-c drops SYN-ACK",
          client=sees("syn-unanswered", *SILENCE), middle=sees("synack-unacked", *IGNORED),
          server=sees("synack-unacked", *IGNORED), states=("CLOSED", "SYN-RECEIVED"), families=(4, 6))
def synack_dropped_by_client_network(lab: Lab) -> None:
    """The firewall in front of the client drops the server's answers.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.firewall_c.filters("forward", f"{SYN_ACK_FROM_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(dropper="client-host", where="nft input chain on client drops SYN-ACK",
          client=knows("synack-ignored-by-client", *IGNORED), middle=sees("synack-unacked", *IGNORED),
          server=sees("synack-unacked", *IGNORED), states=("CLOSED", "SYN-RECEIVED"))
def synack_dropped_by_client_host(lab: Lab) -> None:
    """The client host's own firewall drops the server's answers.

    They show in the client's capture, which stands in front of that firewall.
    """
    lab.listens()
    lab.client.filters("input", f"{SYN_ACK_FROM_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(dropper="server-network", where="nft forward chain on firewall-s drops the client's first ACKs", healthy=True,
          client=sees("third-ack-lost", f"2.. {SYN_ACK}", "2.. tcp.flags == 0x010 && tcp.dstport == 8080 && tcp.ack == 1"),
          middle=sees("third-ack-lost", f"2.. {SYN_ACK}"), server=sees("third-ack-lost", f"2.. {SYN_ACK}"))
def third_ack_lost(lab: Lab) -> None:
    """The ACK that ends the handshake is lost; the first data establishes the connection at the server.

    The firewall in front of the server drops the client's segments for 1.5 s; the server repeats its SYN-ACK meanwhile.
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


@scenario(dropper="server-network", where="nft forward chain on firewall-s drops the first SYN", healthy=True,
          client=sees("syn-lost-recovered", *REPEATED_SYN), middle=sees("syn-lost-recovered", *REPEATED_SYN),
          server=sees("clean-close", f"1 {SYN}", f"1 {SYN_ACK}"))
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


FULL_QUEUE = (f"5 {SYN}", f"1 {SYN_ACK}", f"0 {RST}", "0 tcp.srcport == 8080 && tcp.len > 0")


@scenario(dropper="server-app", where="the program never calls accept() and its listening socket has a backlog of 0",
          client=sees("syn-unanswered", *FULL_QUEUE), middle=sees("syn-unanswered", *FULL_QUEUE),
          server=knows("accept-queue-syn-drop", *FULL_QUEUE), states=("CLOSED", "CLOSED"))
def accept_queue_full(lab: Lab) -> None:
    """The server's program does not accept, and its queue is full after one connection.

    The first client connects and sends; the kernel acknowledges and nobody answers. The second client's SYNs are dropped.
    """
    lab.listens(backlog=0)
    first, second = lab.client_program(), lab.client_program()
    first.connects()
    first.sends(b"anybody there?\n")
    second.connects(fails="ETIMEDOUT")


DEFERRED = (f"1 {SYN}", f"2 {SYN_ACK}", f"0 {RST}")


@scenario(client=sees("tcp-defer-accept", *DEFERRED), middle=sees("tcp-defer-accept", *DEFERRED),
          server=sees("tcp-defer-accept", *DEFERRED))
def deferred_accept(lab: Lab) -> None:
    """The server waits for data before it wakes its program (TCP_DEFER_ACCEPT), and the client is silent for nine seconds.

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


@scenario(dropper="client-host", where="the client lost its socket without a FIN or RST reaching the server", healthy=True,
          client=sees("half-open-challenge", *CHALLENGE), middle=sees("half-open-challenge", *CHALLENGE),
          server=sees("half-open-challenge", *CHALLENGE))
def half_open_connection_challenged(lab: Lab) -> None:
    """The client vanishes in silence and comes back from the same source port.

    The server still holds the old connection: it challenges the new SYN with an ACK, the client resets, the next SYN is answered.
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


@scenario(dropper="client-app", where="the client's program closes its socket 4 ms after connect()",
          client=knows("client-rst-after-synack", *GAVE_UP), middle=sees("client-rst-after-synack", *GAVE_UP),
          server=sees("client-rst-after-synack", *GAVE_UP), states=("CLOSED", "CLOSED"))
def client_gives_up_before_answer(lab: Lab) -> None:
    """The client's program gives up sooner than one round trip.

    The SYN-ACK meets no socket, and the client's kernel answers it with RST.
    """
    lab.listens()
    client = lab.client_program()
    client.starts_to_connect()
    lab.waits(0.004)
    client.closes()


IMPATIENT = (f"3 {SYN}", "3 tcp")


@scenario(dropper="server-network", where="nft forward chain on firewall-s drops SYN to port 8080",
          client=sees("syn-unanswered", *IMPATIENT), middle=sees("syn-unanswered", *IMPATIENT), server=NOTHING,
          states=("CLOSED", "CLOSED"))
def client_gives_up_while_syns_are_dropped(lab: Lab) -> None:
    """The firewall in front of the server drops every SYN, and the client's program gives up after 3.5 s.

    A non-blocking connect() and a close(): no packet tells of the end.
    """
    lab.listens()
    lab.firewall_s.filters("forward", f"{SYN_TO_PORT} drop")
    client = lab.client_program()
    client.starts_to_connect()
    lab.waits(3.5)
    client.closes()


@scenario(dropper="server-network", where="nft forward chain on firewall-s drops SYN to port 8080",
          client=sees("syn-unanswered", *IMPATIENT), middle=sees("syn-unanswered", *IMPATIENT), server=NOTHING,
          states=("SYN-SENT", "CLOSED"))
def capture_ends_while_connecting(lab: Lab) -> None:
    """The firewall in front of the server drops every SYN, and the captures end while the client's kernel still tries.

    Three SYNs have left; the client is in SYN-SENT.
    """
    lab.listens()
    lab.firewall_s.filters("forward", f"{SYN_TO_PORT} drop")
    lab.client_program().starts_to_connect()
    lab.waits(2.3)
