"""What the path does to segments of established connections: loss, disorder, cuts, a smaller MTU."""

from __future__ import annotations

import socket

from ..lab import Lab
from ..scenario import knows, scenario, sees
from ..wire import DROP, PASS, TWICE, late
from .established import REPEATED

RESENT = "1.. tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.out_of_order"
GAP = "1.. tcp.analysis.lost_segment"


@scenario(
    dropper="path",
    where="the wire drops the 5th and the 30th data segment from the client, beyond its middle",
    healthy=True,
    families=(4, 6),
    client=sees("segment-loss-up", RESENT, f"0 {GAP[4:]}"),
    middle=sees("segment-loss-up", RESENT, f"0 {GAP[4:]}"),
    server=sees("segment-loss-up", GAP),
)
def loss_up_recovered(lab: Lab) -> None:
    """The path loses two data segments of an upload; retransmissions repair it.

    The client sends 60 kB and closes; the server reads everything.
    """
    lab.wire.treats("up", "server", lambda n: DROP if n in (5, 30) else PASS)
    client, server = lab.connected()
    client.sends(b"." * 60_000)
    server.receives(60_000)
    lab.client_closes(client, server)


@scenario(
    dropper="path",
    where="the wire drops the 5th and the 30th data segment from the server, before its middle",
    healthy=True,
    states=("CLOSED", "TIME-WAIT"),
    client=sees("segment-loss-down", GAP),
    middle=sees("segment-loss-down", GAP),
    server=sees("segment-loss-down", RESENT, f"0 {GAP[4:]}"),
)
def loss_down_recovered(lab: Lab) -> None:
    """The path loses two data segments of a download; retransmissions repair it.

    The server sends 60 kB and closes; the client reads everything.
    """
    lab.wire.treats("down", "server", lambda n: DROP if n in (5, 30) else PASS)
    client, server = lab.connected()
    server.sends(b"." * 60_000)
    client.receives(60_000)
    server.closes()
    client.sees_end_of_stream()
    client.closes()


ORDERED = sees("clean-close", "8 tcp.dstport == 8080 && tcp.len > 0", "0 tcp.analysis.out_of_order")


@scenario(
    client=ORDERED,
    middle=ORDERED,
    server=sees(
        "clean-close",
        "8 tcp.dstport == 8080 && tcp.len > 0",
        "1.. tcp.analysis.lost_segment || tcp.analysis.out_of_order",
    ),
)
def reordering_on_path(lab: Lab) -> None:
    """The path swaps two data segments and nothing is sent twice.

    The seventh of eight segments is held back by 2 ms beyond the middle, so that the eighth overtakes it.
    """
    lab.wire.treats("up", "server", lambda n: late(0.002) if n == 7 else PASS)
    client, server = lab.connected()
    client.sends(b"." * 8 * 1448)
    server.receives(8 * 1448)
    lab.client_closes(client, server)


@scenario(
    client=sees("clean-close", "1 tcp.dstport == 8080 && tcp.len > 0"),
    middle=sees("clean-close", "1 tcp.dstport == 8080 && tcp.len > 0"),
    server=sees("clean-close", "2 tcp.dstport == 8080 && tcp.len > 0", "1 tcp.options.sack_le"),
)
def duplication_on_path(lab: Lab) -> None:
    """The path delivers one data segment twice.

    The server's kernel reports the second copy to the client with a D-SACK (RFC 2883).
    """
    lab.wire.treats("up", "server", lambda n: TWICE)
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.client_closes(client, server)


BACKING_OFF = (f"5.. {REPEATED}", "0 tcp.flags.reset == 1")
IDLE = sees("no-close-seen", f"0 {REPEATED}", "0 tcp.flags.fin == 1", "0 tcp.flags.reset == 1")
USER_TIMEOUT_MS = 6000
"""TCP_USER_TIMEOUT (RFC 5482) of the sender, instead of fifteen minutes."""


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops everything",
    client=sees("rto-backoff-dead", *BACKING_OFF),
    middle=sees("rto-backoff-dead", *BACKING_OFF),
    server=IDLE,
    states=("CLOSED", "ESTABLISHED"),
    families=(4, 6),
)
def path_cut_during_upload(lab: Lab) -> None:
    """The path is cut in front of the server while the client sends.

    After one exchange the firewall drops everything; the client's kernel retransmits until TCP_USER_TIMEOUT,
    6 s.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.sets(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    lab.firewall_s.filters("forward", "drop")
    client.sends(b"." * 3000)
    client.receives(fails="ETIMEDOUT")


@scenario(
    dropper="client-network",
    where="nft forward chain on firewall-c drops everything",
    client=IDLE,
    middle=sees("rto-backoff-dead", *BACKING_OFF),
    server=sees("rto-backoff-dead", *BACKING_OFF),
    states=("ESTABLISHED", "CLOSED"),
)
def path_cut_during_download(lab: Lab) -> None:
    """The path is cut in front of the client while the server sends.

    After one exchange the firewall drops everything; the server's kernel retransmits until TCP_USER_TIMEOUT,
    6 s.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    server.sets(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    lab.firewall_c.filters("forward", "drop")
    server.sends(b"." * 3000)
    server.receives(fails="ETIMEDOUT")


SMALL_MTU_BYTES = 1300
BIG = "tcp.len >= 1428"


@scenario(
    dropper="server-network",
    where="MTU 1300 behind firewall-s, whose output chain drops ICMP destination unreachable",
    client=sees("no-close-seen", f"0 {BIG}"),
    middle=sees("no-close-seen", f"0 {BIG}"),
    server=sees("pmtu-blackhole", f"5.. {BIG}", "0 icmp || icmpv6.type < 128", f"3.. {REPEATED}"),
    states=("ESTABLISHED", "CLOSED"),
    families=(4, 6),
)
def path_mtu_black_hole(lab: Lab) -> None:
    """Small answers pass, large ones vanish: a link with a smaller MTU, and the ICMP that would tell is
    filtered.

    The server's kernel repeats full-sized segments until TCP_USER_TIMEOUT, 6 s.
    """
    lab.firewall_s.namespace.ip(f"link set eth1 mtu {SMALL_MTU_BYTES}")
    for too_large in ("icmp type destination-unreachable", "icmpv6 type packet-too-big"):
        lab.firewall_s.filters("output", f"{too_large} drop")
    client, server = lab.connected()
    lab.exchanges(client, server)
    server.sets(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    server.sends(b"." * 3 * 1448)
    server.receives(fails="ETIMEDOUT")


FRAGMENTATION_NEEDED = "1.. (icmp.type == 3 && icmp.code == 4) || icmpv6.type == 2"


@scenario(
    client=sees("clean-close", f"0 {BIG}"),
    middle=sees("clean-close", f"0 {BIG}"),
    snaplen_bytes=1600,
    families=(4, 6),
    server=sees(
        "pmtu-recovered clean-close",
        FRAGMENTATION_NEEDED,
        f"1.. {BIG} && !icmp && !icmpv6",
        "1.. tcp.len == 1248 || tcp.len == 1228",
    ),
)
def path_mtu_discovered(lab: Lab) -> None:
    """A link with a smaller MTU, and the ICMP that tells arrives: the server sends smaller segments.

    Path MTU discovery as in RFC 1191.
    """
    lab.firewall_s.namespace.ip(f"link set eth1 mtu {SMALL_MTU_BYTES}")
    client, server = lab.connected()
    lab.exchanges(client, server)
    server.sends(b"." * 3 * 1448)
    client.receives(3 * 1448)
    lab.client_closes(client, server)


FORGETS_AFTER_S = 2


def _firewall_that_forgets(lab: Lab, verdict: str) -> None:
    """Make firewall-s stateful: it forgets idle connections, and segments of unknown ones get `verdict`."""
    lab.firewall_s.filters("forward", "ct state established accept")
    lab.firewall_s.filters("forward", f"tcp flags & (syn | ack) == ack {verdict}")
    lab.firewall_s.namespace.set_sysctls(
        {
            "net.netfilter.nf_conntrack_tcp_timeout_established": FORGETS_AFTER_S,
            "net.netfilter.nf_conntrack_tcp_loose": 0,
        }
    )


FORGOTTEN = (f"5.. {REPEATED}", "2 tcp.flags == 0x002", "2 tcp.flags == 0x012")


@scenario(
    dropper="server-network",
    where="conntrack on firewall-s forgets after 2 s without traffic and drops what it does not know",
    client=sees("rto-backoff-dead", *FORGOTTEN),
    middle=sees("rto-backoff-dead", *FORGOTTEN),
    server=sees("no-close-seen clean-close", f"0 {REPEATED}", "2 tcp.flags == 0x002"),
)
def idle_connection_forgotten_in_silence(lab: Lab) -> None:
    """A stateful firewall forgets an idle connection and swallows what comes later; a new connection works.

    Idle for 3.5 s; the client's kernel retransmits until TCP_USER_TIMEOUT, 6 s. The server knows nothing.
    """
    _firewall_that_forgets(lab, "drop")
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.sets(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    lab.waits(3.5)
    client.sends(b"are you still there?\n")
    client.receives(fails="ETIMEDOUT")
    again, answering = lab.connected()
    lab.exchanges(again, answering)
    lab.client_closes(again, answering)


RESET_BY_FIREWALL = ("1 tcp.flags == 0x004 && tcp.srcport == 8080", "1 tcp.flags.reset == 1")


@scenario(
    dropper="server-network",
    where="conntrack on firewall-s forgets after 2 s without traffic and resets what it does not know",
    client=knows("nat-timeout-rst", *RESET_BY_FIREWALL),
    middle=knows("nat-timeout-rst", *RESET_BY_FIREWALL),
    server=sees("no-close-seen", "0 tcp.flags.reset == 1"),
    states=("CLOSED", "ESTABLISHED"),
)
def idle_connection_reset_by_firewall(lab: Lab) -> None:
    """A stateful firewall forgets an idle connection and answers what comes later with RST.

    Idle for 3.5 s. The RST's TTL shows that it comes from one router nearer than the server, which knows
    nothing.
    """
    _firewall_that_forgets(lab, "reject with tcp reset")
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.waits(3.5)
    client.sends(b"are you still there?\n")
    client.receives(fails="ECONNRESET")
