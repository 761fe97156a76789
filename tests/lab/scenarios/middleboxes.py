"""Devices that forget, strip, divert or answer for others, once a connection has opened."""

from __future__ import annotations

import socket
import threading

from ..hosts import Machine
from ..lab import Lab
from ..programs import Listener
from ..scenario import knows, scenario, sees
from .established import FROM_CLIENT, FROM_SERVER, RST_ACK, RST_ONLY
from .handshake import SYN, SYN_ACK

FORGETS_AFTER_S, IDLE_S = 20, 33


def _forgets_in_silence(lab: Lab) -> None:
    """Make firewall-s stateful: it forgets idle connections and swallows segments of those."""
    lab.firewall_s.filters("forward", "ct state established accept")
    lab.firewall_s.filters("forward", "tcp flags & (syn | ack) == ack drop")
    lab.firewall_s.namespace.set_sysctls(
        {
            "net.netfilter.nf_conntrack_tcp_timeout_established": FORGETS_AFTER_S,
            "net.netfilter.nf_conntrack_tcp_loose": 0,
        }
    )


def _opens_another(lab: Lab) -> None:
    """A new connection to the same port works at once."""
    again, answering = lab.connected()
    lab.exchanges(again, answering)
    lab.client_closes(again, answering)


SWALLOWED = ("4.. tcp.analysis.retransmission", f"2 {SYN}", f"2 {SYN_ACK}", "0 tcp.flags.reset == 1")


@scenario(
    dropper="server-network",
    where=f"conntrack on firewall-s forgets after {FORGETS_AFTER_S} s and drops what it does not know",
    client=sees("nat-timeout-silent", *SWALLOWED),
    middle=sees("nat-timeout-silent", *SWALLOWED),
    server=sees("no-close-seen clean-close", "0 tcp.analysis.retransmission", f"2 {SYN}"),
)
def half_a_minute_of_silence_is_forgotten(lab: Lab) -> None:
    """A stateful firewall forgets a connection that is idle for half a minute; a new one works at once.

    The client's kernel repeats the late request until TCP_USER_TIMEOUT, 4 s. The server knows nothing of it.
    """
    _forgets_in_silence(lab)
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.gives_up_after(4000)
    lab.waits(IDLE_S)
    client.sends(b"are you still there?\n")
    client.receives(fails="ETIMEDOUT")
    _opens_another(lab)


TOO_RARE = ("3 tcp.analysis.keep_alive", "0 tcp.analysis.keep_alive_ack", f"2 {SYN_ACK}")


@scenario(
    dropper="server-network",
    where=f"conntrack on firewall-s forgets after {FORGETS_AFTER_S} s and drops what it does not know",
    client=sees("keepalive-vs-nat-mismatch", *TOO_RARE),
    middle=sees("keepalive-vs-nat-mismatch", *TOO_RARE),
    server=sees("no-close-seen clean-close", "0 tcp.analysis.keep_alive"),
)
def keepalives_rarer_than_the_firewall_allows(lab: Lab) -> None:
    """The client's first keepalive comes after a firewall has forgotten the idle connection.

    SO_KEEPALIVE with 33 s idle, 1 s interval, 3 probes, then recv() fails. A new connection works at once.
    """
    _forgets_in_silence(lab)
    client, server = lab.connected()
    client.sets(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, IDLE_S), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3)):
        client.sets(socket.IPPROTO_TCP, option, value)
    lab.exchanges(client, server)
    client.receives(fails="ETIMEDOUT")
    _opens_another(lab)


UPLOAD_BYTES = 12_000
CRAWLS = (
    f"1 {SYN} && tcp.options.wscale",
    f"1 {SYN_ACK} && !tcp.options.wscale",
    f"6.. {FROM_CLIENT} && tcp.len > 0",
)


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s takes the window scale out of SYN-ACKs",
    healthy=True,
    client=knows("wscale-stripped", *CRAWLS),
    middle=knows("wscale-stripped", *CRAWLS),
    server=sees("clean-close", f"1 {SYN_ACK} && tcp.options.wscale"),
)
def window_scale_taken_out_of_the_answer(lab: Lab) -> None:
    """A device takes the window scale out of the server's SYN-ACK, and the upload crawls.

    The server scales its windows, as both had agreed; the client takes 65 kilobytes for 500 bytes.
    """
    lab.firewall_s.filters(
        "forward", "tcp sport 8080 tcp flags & (syn | ack) == (syn | ack) reset tcp option window"
    )
    client, server = lab.connected()
    client.sends(b"." * UPLOAD_BYTES)
    server.receives(UPLOAD_BYTES)
    lab.client_closes(client, server)


STRIPPED = (
    f"1 {SYN_ACK} && tcp.srcport == 8080 && !tcp.options.sack_perm && !tcp.options.timestamp.tsval",
    f"1 {SYN_ACK} && tcp.srcport == 8081 && tcp.options.sack_perm",
)
OFFERED = f"1 {SYN} && tcp.dstport == 8080 && tcp.options.sack_perm"


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s takes SACK and timestamps out of SYNs and SYN-ACKs of port 8080",
    healthy=True,
    client=sees("option-strip clean-close", OFFERED, *STRIPPED),
    middle=sees("option-strip clean-close", OFFERED, *STRIPPED),
    server=sees("clean-close", "0 tcp.dstport == 8080 && tcp.options.sack_perm", *STRIPPED),
)
def options_taken_out_of_both_syns(lab: Lab) -> None:
    """A firewall takes SACK and timestamps out of SYNs and SYN-ACKs of one port.

    Another port shows that both hosts use them. Everything works, more slowly after a loss.
    """
    for option in ("sack-perm", "timestamp"):
        lab.firewall_s.filters("forward", f"tcp dport 8080 tcp flags syn reset tcp option {option}")
        lab.firewall_s.filters("forward", f"tcp sport 8080 tcp flags syn reset tcp option {option}")
    lab.another_port_works()
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.client_closes(client, server)


SMALL_BUFFER_BYTES, BULK_BYTES = 16_384, 400_000
FULL = f"20.. {FROM_CLIENT} && tcp.len > 0"
LIMITED = sees("rwnd-limited clean-close", FULL, "0 tcp.analysis.retransmission")


@scenario(
    dropper="server-app",
    where=f"the server's program has set SO_RCVBUF to {SMALL_BUFFER_BYTES} bytes",
    also=("server-host",),
    healthy=True,
    client=LIMITED,
    middle=LIMITED,
    server=LIMITED,
)
def receive_buffer_smaller_than_the_path(lab: Lab) -> None:
    """The server's program reads at once, but its small receive buffer holds the upload back.

    400 kilobytes over 16 ms of round trip: each window's worth waits for the one before it.
    """
    client, server = lab.connected(receive_buffer_bytes=SMALL_BUFFER_BYTES)
    reading = threading.Thread(target=server.receives, args=(BULK_BYTES,))
    reading.start()
    client.sends(b"." * BULK_BYTES)
    reading.join()
    lab.client_closes(client, server)


TWO_LEVELS = ("3.. tcp.srcport == 8080 && ip.ttl < 45", "9.. tcp.srcport == 8080")


@scenario(
    client=sees("ttl-anomaly clean-close", *TWO_LEVELS),
    middle=sees("ttl-anomaly clean-close", *TWO_LEVELS),
    server=sees("clean-close", "0 ip.ttl < 45"),
)
def answers_take_two_paths_in_turn(lab: Lab) -> None:
    """Every third segment of the server takes a path of more routers.

    As where a balancer deals packets instead of connections. Nothing is lost.
    """
    lab.firewall_s.filters("forward", "tcp sport 8080 numgen inc mod 3 == 2 ip ttl set 41")
    client, server = lab.connected()
    for _ in range(6):
        lab.exchanges(client, server)
    lab.client_closes(client, server)


BACKEND = "10.0.2.1"
FRONT = (f"1 {RST_ACK} && {FROM_SERVER}", f"0 {FROM_SERVER} && tcp.len > 0")


@scenario(
    dropper="server-app",
    where="nothing listens on port 9000 of 10.0.2.1, to which the proxy on server passes connections on",
    also=("server-network",),
    client=sees("rst-app-abort", *FRONT),
    middle=sees("rst-app-abort", *FRONT),
    server=knows("connect-then-rst-proxy", *FRONT, f"1 {SYN} && ip.dst == {BACKEND}"),
    states=("CLOSED", "CLOSED"),
)
def proxy_without_a_backend(lab: Lab) -> None:
    """A proxy accepts the client, is refused by the server behind it, and resets the client.

    The proxy runs on the server's host; the server behind it would be 10.0.2.1. The client waits.
    """
    client, front = lab.connected()
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    front.receives()
    behind = lab.server.socket(4)
    assert behind.connect_ex((BACKEND, 9000))
    front.aborts()
    client.receives(fails="ECONNRESET")


PORTAL_PORT = 3129
NEAR = (
    f"1 {SYN_ACK} && tcp.srcport == 80 && ip.ttl == 64",
    f"1 {SYN_ACK} && tcp.srcport == 8081 && ip.ttl < 60",
)


def _diverts(machine: Machine) -> Listener:
    """`machine` answers itself whoever asks for port 80 of anybody behind it."""
    machine.namespace.run(
        "nft",
        "-f",
        "-",
        feed=(
            "add table ip divert\n"
            "add chain ip divert prerouting { type nat hook prerouting priority -100; }\n"
            f"add rule ip divert prerouting iif eth0 tcp dport 80 redirect to :{PORTAL_PORT}\n"
        ),
    )
    return Listener(machine, "10.0.1.1", PORTAL_PORT, 16)


@scenario(
    client=sees("captive-or-transparent-proxy clean-close", *NEAR),
    middle=sees("clean-close", "0 tcp.port == 80"),
    server=sees("clean-close", "0 tcp.port == 80"),
)
def portal_answers_for_the_server(lab: Lab) -> None:
    """The client's own firewall answers what is meant for port 80 of the server, as a portal does.

    Another port of the server shows how far away it is. The client's program gets an answer and is content.
    """
    portal = _diverts(lab.firewall_c)
    lab.another_port_works()
    client = lab.client_program(80)
    client.connects()
    answering = lab.accepts(portal, client)
    portal.closes()
    lab.exchanges(client, answering)
    lab.client_closes(client, answering)


VIRTUAL = "10.0.9.2"
UNTRANSLATED = (
    f"1.. ip.src == 10.0.2.2 && {FROM_SERVER} && tcp.len > 0",
    f"1.. ip.dst == 10.0.2.2 && {RST_ONLY}",
    f"1 {SYN} && ip.dst == {VIRTUAL}",
)


@scenario(
    dropper="server-network",
    where="conntrack on firewall-s has forgotten the connection and lets the answer through untranslated",
    also=("middlebox",),
    client=knows("conntrack-invalid-rst", *UNTRANSLATED),
    middle=knows("conntrack-invalid-rst", *UNTRANSLATED),
    server=sees("half-open-dead-peer", f"1.. {RST_ONLY} && {FROM_CLIENT}"),
    states=("ESTABLISHED", "CLOSED"),
)
def answer_passes_untranslated(lab: Lab) -> None:
    """A balancer that translates addresses lets an answer through as it is, and the client resets it.

    The client knows the server as 10.0.9.2. Conntrack forgets after 2 s; to it the late answer is invalid,
    and what is invalid is not translated. The client's RST ends the server's connection; the client's own
    goes on waiting.
    """
    lab.firewall_s.namespace.set_sysctls(
        {
            "net.netfilter.nf_conntrack_tcp_timeout_established": 2,
            "net.netfilter.nf_conntrack_tcp_loose": 0,
        }
    )
    lab.firewall_s.namespace.run(
        "nft",
        "-f",
        "-",
        feed=(
            "add table ip balancer\n"
            "add chain ip balancer prerouting { type nat hook prerouting priority -100; }\n"
            f"add rule ip balancer prerouting ip daddr {VIRTUAL} tcp dport 8080 dnat to 10.0.2.2\n"
        ),
    )
    listener = lab.listens()
    client = lab.client_program(to=VIRTUAL)
    client.connects()
    server = lab.accepts(listener, client)
    listener.closes()
    lab.exchanges(client, server)
    client.sends(b"GET /report HTTP/1.0\r\n\r\n")
    server.receives()
    lab.waits(4)
    server.sends(b"." * 200)
    client.waits_in_vain(1)
    server.receives(fails="ECONNRESET")
