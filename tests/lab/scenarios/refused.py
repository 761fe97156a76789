"""Handshakes that are turned away, by the host or on the way."""

from __future__ import annotations

from ..lab import Lab
from ..scenario import knows, scenario, sees
from .handshake import SYN

CLOSED_PORT = sees(
    "port-closed", f"1 {SYN}", "1 tcp.flags == 0x014 && tcp.seq_raw == 0 && tcp.window_size_value == 0"
)


@scenario(
    dropper="server-app",
    where="no program listens on port 8080",
    client=CLOSED_PORT,
    middle=CLOSED_PORT,
    server=CLOSED_PORT,
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def port_closed(lab: Lab) -> None:
    """Nothing listens on the port.

    The client connects; the server's kernel answers the SYN with RST.
    """
    lab.client_program().connects(fails="ECONNREFUSED")


@scenario(
    dropper="server-host",
    where="nft input chain on server answers SYN to port 8080 with RST",
    client=CLOSED_PORT,
    middle=CLOSED_PORT,
    server=CLOSED_PORT,
    states=("CLOSED", "CLOSED"),
)
def reset_by_server_host_firewall(lab: Lab) -> None:
    """A program listens, but the server host's own firewall refuses with RST.

    Byte for byte what a closed port sends: only a look at the host can tell.
    """
    lab.listens()
    lab.server.filters("input", "tcp dport 8080 reject with tcp reset")
    lab.client_program().connects(fails="ECONNREFUSED")


NOT_HERE = sees("clean-close", "0 tcp.port == 8080")
REFUSED_ON_PATH = (
    "reject-tcp-reset",
    "1 tcp.flags == 0x014 && tcp.port == 8080",
    "0 tcp.flags.reset == 1 && tcp.port == 8081",
)


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s answers SYN to port 8080 with RST",
    client=knows(*REFUSED_ON_PATH),
    middle=knows(*REFUSED_ON_PATH),
    server=NOT_HERE,
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def reset_by_server_network(lab: Lab) -> None:
    """The firewall in front of the server refuses with RST in the server's name.

    Another port of the server works first; its TTL shows that the RST came from one router nearer.
    """
    lab.another_port_works()
    lab.listens()
    lab.firewall_s.filters("forward", "tcp dport 8080 reject with tcp reset")
    lab.client_program().connects(fails="ECONNREFUSED")


PORT_UNREACHABLE = "1 icmp.type == 3 && icmp.code == 3 && ip.src == 10.0.9.2"


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s answers SYN to port 8080 with ICMP port unreachable",
    client=knows("icmp-port-unreach", PORT_UNREACHABLE),
    middle=knows("icmp-port-unreach", PORT_UNREACHABLE),
    server=NOT_HERE,
    states=("CLOSED", "CLOSED"),
)
def icmp_port_unreachable_by_server_network(lab: Lab) -> None:
    """The firewall in front of the server refuses with ICMP port unreachable, the default of REJECT.

    Another port of the server works first. To the client's program it looks like a closed port.
    """
    lab.another_port_works()
    lab.listens()
    lab.firewall_s.filters("forward", "tcp dport 8080 reject with icmpx port-unreachable")
    lab.client_program().connects(fails="ECONNREFUSED")


PROHIBITED = "1 (icmp.type == 3 && icmp.code == 13) || (icmpv6.type == 1 && icmpv6.code == 1)"


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s answers SYN to port 8080 with ICMP admin-prohibited",
    client=knows("icmp-admin-prohib", PROHIBITED),
    middle=knows("icmp-admin-prohib", PROHIBITED),
    server=NOT_HERE,
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def icmp_admin_prohibited_by_server_network(lab: Lab) -> None:
    """The firewall in front of the server refuses with ICMP administratively prohibited.

    Another port of the server works first. The program's errno differs between IPv4 and IPv6.
    """
    lab.another_port_works()
    lab.listens()
    lab.firewall_s.filters("forward", "tcp dport 8080 reject with icmpx admin-prohibited")
    lab.client_program().connects(fails="EHOSTUNREACH" if lab.family == 4 else "EACCES")


UNREACHABLE = "1.. icmp.type == 3 && icmp.code == 1 && ip.src == 10.0.9.2"


@scenario(
    dropper="server-network",
    where="no host has the address 10.0.2.99 on the server's network",
    client=knows("icmp-host-unreach", UNREACHABLE),
    middle=knows("icmp-host-unreach", UNREACHABLE),
    server=knows("arp-no-reply", "3.. arp.opcode == 1 && arp.dst.proto_ipv4 == 10.0.2.99", "0 tcp"),
    states=("CLOSED", "CLOSED"),
)
def host_absent_behind_live_router(lab: Lab) -> None:
    """The client connects to an address on the server's network that no host has.

    The last router asks for it by ARP, in vain, and tells the client that the host is unreachable.
    """
    lab.client_program(to="10.0.2.99").connects(fails="EHOSTUNREACH")
