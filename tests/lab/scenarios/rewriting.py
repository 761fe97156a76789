"""Devices that change what passes through them, or answer in another's name."""

from __future__ import annotations

from ..forger import blind_reset
from ..lab import Lab
from ..scenario import knows, scenario, sees
from .handshake import RST, SYN, SYN_ACK, SYN_ACK_FROM_PORT

RST_ONLY = "tcp.flags == 0x004"
FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"
OTHER4 = "10.0.2.3"

STRANGER = (f"4 {SYN}", f"4.. {SYN_ACK} && ip.src == {OTHER4}", f"1.. {RST_ONLY} && ip.dst == {OTHER4}")


@scenario(
    dropper="server-host",
    where="the server host rewrites the source address of what it sends to 10.0.2.3",
    also=("server-network",),
    client=sees("synack-from-other-ip", *STRANGER),
    middle=sees("synack-from-other-ip", *STRANGER),
    server=knows("synack-from-other-ip", *STRANGER),
    states=("CLOSED", "SYN-RECEIVED"),
)
def answer_from_another_address(lab: Lab) -> None:
    """The server's answers carry its second address, and the client's kernel knows of no such connection.

    As with a load balancer that is bypassed on the way back. The client resets each SYN-ACK and repeats its
    SYN until it gives up.
    """
    lab.server.answers_also_on(OTHER4)
    lab.server.filters("output", f"ip saddr 10.0.2.2 tcp sport 8080 ip saddr set {OTHER4}")
    lab.listens()
    lab.client_program().connects(fails="ETIMEDOUT")


WRONG_ACK = (f"4 {SYN}", f"4.. {SYN_ACK}", f"1.. {RST_ONLY} && {FROM_CLIENT}")


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s changes the acknowledgment number of SYN-ACKs",
    client=sees("synack-wrong-ack", *WRONG_ACK),
    middle=sees("synack-wrong-ack", *WRONG_ACK),
    server=sees("synack-unacked", f"4 {SYN}", f"4.. {SYN_ACK}"),
    states=("CLOSED", "SYN-RECEIVED"),
    families=(4, 6),
)
def answer_acknowledges_something_else(lab: Lab) -> None:
    """A device in front of the server translates sequence numbers in one direction only.

    The SYN-ACK acknowledges what the client never sent: its kernel answers with RST and repeats the SYN. The
    resets do not fit the server's connection, which ignores them.
    """
    lab.firewall_s.filters("forward", f"{SYN_ACK_FROM_PORT} tcp ackseq set 1000")
    lab.listens()
    lab.client_program().connects(fails="ETIMEDOUT")


STORM = (f"60.. tcp.flags == 0x010 && {FROM_SERVER}", f"60.. tcp.flags == 0x010 && {FROM_CLIENT}", f"0 {RST}")


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s sets the sequence numbers of both directions to a constant",
    also=("middlebox",),
    client=sees("challenge-ack-storm", *STORM),
    middle=sees("challenge-ack-storm", *STORM),
    server=sees("challenge-ack-storm", *STORM),
    states=("ESTABLISHED", "ESTABLISHED"),
    snaplen_bytes=84,
)
def acknowledgments_without_end(lab: Lab) -> None:
    """A device in front of the server has lost track of the sequence numbers it translates.

    To each end the other's segments are out of the window, and it says so with an ACK, which is out of the
    other's window. tcp_invalid_ratelimit is 0, as it was before Linux 4.0; the captures end after 1.5 s.
    """
    for end in (lab.client, lab.server):
        end.sets(invalid_ratelimit=0)
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.firewall_s.filters("forward", "tcp dport 8080 tcp sequence set 1000")
    lab.firewall_s.filters("forward", "tcp sport 8080 tcp sequence set 1000")
    client.sends(b"GET /again HTTP/1.0\r\n\r\n")
    client.waits_in_vain(1.5)


PROXIED = (f"1 {SYN}", f"1.. {SYN_ACK}", "2 tcp.flags.fin == 1")


def _synproxy(lab: Lab) -> None:
    """Make firewall-s finish handshakes itself before the server hears of them (nft synproxy)."""
    lab.firewall_s.namespace.set_sysctls(
        {
            "net.netfilter.nf_conntrack_tcp_loose": 0,
            "net.ipv4.tcp_syncookies": 1,
            "net.ipv4.tcp_timestamps": 1,
        }
    )
    lab.firewall_s.namespace.run(
        "nft",
        "-f",
        "-",
        feed=(
            "add table inet lab\n"
            "add chain inet lab early { type filter hook prerouting priority -300; }\n"
            "add rule inet lab early iif eth1 tcp dport 8080 tcp flags syn notrack\n"
            "add chain inet lab forward { type filter hook forward priority 0; }\n"
            "add rule inet lab forward iif eth1 tcp dport 8080 ct state invalid,untracked"
            " synproxy mss 1460 wscale 7 sack-perm\n"
            "add rule inet lab forward ct state invalid drop\n"
        ),
    )


@scenario(
    client=sees("syn-proxy clean-close", *PROXIED),
    middle=sees("syn-proxy clean-close", *PROXIED),
    server=sees("clean-close", *PROXIED),
)
def syn_proxy_in_front(lab: Lab) -> None:
    """The firewall in front of the server answers the client itself, then connects it to the server.

    nft synproxy: the client's handshake says nothing about the server. Everything works.
    """
    _synproxy(lab)
    client, server = lab.connected()
    lab.waits(0.2)
    lab.exchanges(client, server)
    lab.client_closes(client, server)


PROXIED_IN_VAIN = (
    f"1 {SYN}",
    f"1 {SYN_ACK}",
    f"0 {FROM_SERVER} && tcp.len > 0",
)


@scenario(
    dropper="server-host",
    where="nft input chain on server drops everything; a SYN proxy on firewall-s says yes in its name",
    also=("server-network",),
    client=sees("zero-window-unanswered", *PROXIED_IN_VAIN),
    middle=sees("zero-window-unanswered", *PROXIED_IN_VAIN),
    server=sees("", f"1.. {SYN}", f"0 {SYN_ACK}"),
    states=("CLOSED", "CLOSED"),
)
def syn_proxy_before_a_dead_server(lab: Lab) -> None:
    """The SYN proxy in front of the server welcomes the client, and the server behind it does not answer.

    To the client's program connect() succeeds; what it sends is never acknowledged. TCP_USER_TIMEOUT, 6 s.
    """
    _synproxy(lab)
    lab.server.filters("input", "tcp dport 8080 drop")
    lab.listens()
    client = lab.client_program()
    client.gives_up_after(6000)
    client.connects()
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    client.receives(fails="ETIMEDOUT")


IGNORED_RESET = (f"1 {RST}", "2 tcp.flags.fin == 1", f"2 {FROM_SERVER} && tcp.len > 0")


@scenario(
    client=sees("rst-out-of-window-ignored", *IGNORED_RESET),
    middle=sees("rst-out-of-window-ignored", *IGNORED_RESET),
    server=sees("clean-close", f"0 {RST}"),
)
def blind_reset_ignored(lab: Lab) -> None:
    """Somebody who does not know the sequence numbers exactly sends a RST to the client in vain.

    It lies in the window, so the client's kernel challenges it (RFC 5961 section 3.2), and everything goes
    on.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    blind_reset(lab, client, beyond_bytes=5000)
    lab.waits(0.3)
    lab.exchanges(client, server)
    lab.client_closes(client, server)
