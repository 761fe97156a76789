"""What TCP options and header bits meet on the way: fast open, ECN, timestamps, the MSS."""

from __future__ import annotations

import socket

from ..lab import Lab
from ..programs import Listener, Program
from ..scenario import scenario, sees
from .established import REPEATED
from .handshake import SYN, SYN_TO_PORT
from .path import USER_TIMEOUT_MS

FAST_OPEN = "tcp.options.tfo"
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def _listens_fast(lab: Lab) -> Listener:
    """A server that takes data in a SYN, and a client that may send it."""
    lab.client.sets(fastopen=1)
    lab.server.sets(fastopen=2)
    listener = lab.listens()
    listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    return listener


def _asks_fast(lab: Lab, listener: Listener) -> tuple[Program, Program]:
    """One request sent by connect(), its answer, and a close."""
    client = lab.client_program()
    client.connects_with(REQUEST)
    server = lab.accepts(listener, client)
    server.receives(len(REQUEST))
    server.sends(b"." * 200)
    client.receives(200)
    lab.client_closes(client, server)
    lab.waits(0.1)
    return client, server


EARLY_DATA = ("1 tcp.flags == 0x002 && tcp.len == 18", "2 tcp.flags == 0x012", "4 tcp.flags.fin == 1")


@scenario(
    client=sees("clean-close", *EARLY_DATA),
    middle=sees("clean-close", *EARLY_DATA),
    server=sees("clean-close", *EARLY_DATA),
    families=(4, 6),
)
def fast_open_works(lab: Lab) -> None:
    """The client gets a cookie with its first connection and sends its second request in the SYN.

    TCP Fast Open as in RFC 7413; the server acknowledges SYN and data with its SYN-ACK.
    """
    listener = _listens_fast(lab)
    _asks_fast(lab, listener)
    _asks_fast(lab, listener)


IGNORED_DATA = (
    "1 tcp.flags == 0x002 && tcp.len == 18",
    "1.. tcp.len == 18 && tcp.flags.syn == 0 && tcp.stream == 1",
    "4 tcp.flags.fin == 1",
)


@scenario(
    dropper="server-host",
    where="the server's fast-open key changed between the connections",
    healthy=True,
    client=sees("tfo-data-ignored", *IGNORED_DATA),
    middle=sees("tfo-data-ignored", *IGNORED_DATA),
    server=sees("tfo-data-ignored", *IGNORED_DATA),
)
def fast_open_cookie_expired(lab: Lab) -> None:
    """The client's cookie is no longer valid: the server's SYN-ACK acknowledges the SYN without its data.

    The client sends the data again after the handshake and all is well.
    """
    lab.server.sets(fastopen_key="00000001-00000002-00000003-00000004")
    listener = _listens_fast(lab)
    _asks_fast(lab, listener)
    lab.server.sets(fastopen_key="00000005-00000006-00000007-00000008")
    _asks_fast(lab, listener)


FAST_OPEN_DROPPED = (
    "syn-option-blackhole",
    f"1.. {SYN} && tcp.len == 18",
    f"1 {SYN} && tcp.stream == 1 && tcp.len == 0",
)


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops SYNs that carry data",
    healthy=True,
    client=sees(*FAST_OPEN_DROPPED),
    middle=sees(*FAST_OPEN_DROPPED),
    server=sees("clean-close", f"2 {SYN}", f"0 {SYN} && tcp.len == 18"),
)
def fast_open_data_dropped(lab: Lab) -> None:
    """The firewall in front of the server drops SYNs with data; the client's kernel tries again without.

    The first connection only asks for the cookie and works at once; the second takes one second more.
    """
    listener = _listens_fast(lab)
    lab.firewall_s.filters("forward", f"{SYN_TO_PORT} meta length > 80 drop")
    _asks_fast(lab, listener)
    _asks_fast(lab, listener)


ECN_SETUP = "tcp.flags.syn == 1 && tcp.flags.ece == 1 && tcp.flags.cwr == 1"
ECN_DROPPED = ("syn-option-blackhole", f"1.. {ECN_SETUP}", f"1 {SYN}", "2 tcp.flags.fin == 1")


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops SYNs with ECE and CWR",
    healthy=True,
    client=sees(*ECN_DROPPED),
    middle=sees(*ECN_DROPPED),
    server=sees("clean-close", f"0 {ECN_SETUP}", f"1 {SYN}"),
    families=(4, 6),
)
def ecn_syn_dropped(lab: Lab) -> None:
    """The firewall in front of the server drops SYNs that offer ECN; the client's kernel tries again without.

    tcp_ecn=1 on the client (RFC 3168 section 6.1.1.1): connecting takes a second or two more.
    """
    lab.client.sets(ecn=1)
    lab.firewall_s.filters(
        "forward", "tcp dport 8080 tcp flags & (syn | ecn | cwr) == (syn | ecn | cwr) drop"
    )
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.client_closes(client, server)


ECN_WORKS = (
    "clean-close",
    f"1 {ECN_SETUP}",
    "1 tcp.flags.syn == 1 && tcp.flags.ack == 1 && tcp.flags.ece == 1",
)


@scenario(client=sees(*ECN_WORKS), middle=sees(*ECN_WORKS), server=sees(*ECN_WORKS))
def ecn_works(lab: Lab) -> None:
    """Both ends use ECN and nothing objects.

    tcp_ecn=1 on both: the SYN carries ECE and CWR, the SYN-ACK ECE.
    """
    lab.client.sets(ecn=1)
    lab.server.sets(ecn=1)
    client, server = lab.connected()
    lab.exchanges(client, server, 20_000)
    lab.client_closes(client, server)


OLD_TIMESTAMPS = (
    "paws-syn-drop",
    "12.. tcp.flags == 0x002",
    "4.. tcp.flags == 0x012",
    "0 tcp.flags.reset == 1",
)
HALF_OF_ALL = 0x80000000


@scenario(
    dropper="server-host",
    where="nft input chain on server drops SYNs with a timestamp in the lower half, as tcp_tw_recycle did",
    client=sees(*OLD_TIMESTAMPS),
    middle=sees(*OLD_TIMESTAMPS),
    server=sees(*OLD_TIMESTAMPS),
    states=("CLOSED", "CLOSED"),
)
def old_timestamps_dropped(lab: Lab) -> None:
    """Of several clients behind one address only those with the newest timestamps can connect.

    Linux before 4.12 with tcp_tw_recycle did so; today's kernel has to be helped by a rule that compares the
    timestamp of the SYN. Linux gives each connection another clock; eight connections one after another.
    """
    lab.server.filters("input", f"{SYN_TO_PORT} tcp option timestamp tsval < {HALF_OF_ALL} drop")
    lab.client.sets(syn_retries=1, syn_linear_timeouts=0)
    listener = lab.listens()
    refused: list[Program] = []
    while len(refused) < 4 or len(lab.connections) < 8:
        client = lab.client_program()
        client.starts_to_connect()
        lab.waits(0.3)
        if lab.states(client.connection)[0] == "SYN-SENT":
            refused.append(client)
            continue
        client.finishes_connecting()
        client.connection.bystander = True
        server = lab.accepts(listener, client)
        lab.exchanges(client, server)
        lab.client_closes(client, server)
    for client in refused:
        client.finishes_connecting(fails="ETIMEDOUT")
    lab.connections.sort(key=lambda each: each.bystander, reverse=True)


STALE = (
    "1.. tcp.analysis.duplicate_ack || tcp.analysis.retransmission",
    f"3.. {REPEATED}",
    "0 tcp.flags.reset == 1",
)


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s sets the timestamps of the client's segments to 1",
    client=sees("rto-backoff-dead", *STALE),
    middle=sees("rto-backoff-dead", *STALE),
    server=sees("", "1.. tcp.options.timestamp.tsval == 1", "0 tcp.flags.reset == 1"),
    states=("ESTABLISHED", "ESTABLISHED"),
)
def timestamps_made_old(lab: Lab) -> None:
    """A device in front of the server rewrites the client's timestamps, and the server discards its segments.

    Protection against wrapped sequence numbers (RFC 7323 section 5.3): the server answers each with a bare
    ACK. tcp_timestamps=2 on the client, so that 1 is older than all it ever sent. Its program gives up
    waiting for an answer after 6 s; the captures end then.
    """
    lab.client.sets(timestamps=2)
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.firewall_s.filters("forward", "tcp dport 8080 tcp option timestamp tsval set 1")
    client.sends(b"." * 500)
    client.waits_in_vain(6)


CLAMPED_BYTES = 1000


@scenario(
    client=sees(
        "clean-close",
        "1 tcp.options.mss_val > 1400 && tcp.flags == 0x002",
        "1 tcp.options.mss_val == 1000 && tcp.flags == 0x012",
    ),
    middle=sees(
        "clean-close",
        "1 tcp.options.mss_val > 1400 && tcp.flags == 0x002",
        "1 tcp.options.mss_val == 1000 && tcp.flags == 0x012",
    ),
    server=sees(
        "clean-close",
        "1 tcp.options.mss_val == 1000 && tcp.flags == 0x002",
        "1 tcp.options.mss_val > 1400 && tcp.flags == 0x012",
    ),
    families=(4, 6),
)
def mss_clamped(lab: Lab) -> None:
    """The firewall in front of the server lowers the MSS of both SYNs to 1000 bytes.

    Both ends keep to it and everything works.
    """
    lab.firewall_s.filters("forward", f"tcp flags & syn == syn tcp option maxseg size set {CLAMPED_BYTES}")
    client, server = lab.connected()
    lab.exchanges(client, server, 10_000)
    lab.client_closes(client, server)


SMALL = (
    "clean-close",
    "1 tcp.options.mss_val == 500 && tcp.flags == 0x002",
    "1 tcp.options.mss_val > 1400 && tcp.flags == 0x012",
)


@scenario(client=sees(*SMALL), middle=sees(*SMALL), server=sees(*SMALL))
def small_mss_at_one_end(lab: Lab) -> None:
    """The client offers an MSS of 500 bytes and the server one of 1460.

    A mismatch that harms nobody: each end keeps to what the other one can take.
    """
    listener = lab.listens()
    client = lab.client_program()
    client.sets(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)
    client.connects()
    server = lab.accepts(listener, client)
    lab.exchanges(client, server, 10_000)
    lab.client_closes(client, server)


DROPPED_AS_TOO_LONG = (f"3.. {REPEATED}", "0 icmp && !tcp", "0 tcp.flags.reset == 1")


@scenario(
    dropper="client-network",
    where="the switch port of firewall-c takes frames of 1400 bytes, the client's interface sends 1500",
    client=sees("pmtu-blackhole", *DROPPED_AS_TOO_LONG),
    middle=sees("no-close-seen", f"0 {REPEATED}"),
    server=sees("no-close-seen", f"0 {REPEATED}"),
    states=("CLOSED", "ESTABLISHED"),
)
def mtu_mismatch_on_client_link(lab: Lab) -> None:
    """Client and router disagree about the MTU of the link between them: full-sized frames vanish there.

    No ICMP can tell, since nobody routes there. The client's kernel repeats the full-sized segments until
    TCP_USER_TIMEOUT, 6 s.
    """
    lab.firewall_c.namespace.ip("link set eth0 mtu 1400")
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.sets(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    client.sends(b"." * 3 * 1448)
    client.receives(fails="ETIMEDOUT")
