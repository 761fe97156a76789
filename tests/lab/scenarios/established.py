"""Connections that break after the handshake."""

from __future__ import annotations

import socket

from ..forger import Forger
from ..lab import PORT, Lab
from ..programs import ServerProcess
from ..scenario import knows, scenario, sees

RST_ACK, RST_ONLY = "tcp.flags == 0x014", "tcp.flags == 0x004"
FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"
REPEATED = "tcp.analysis.retransmission"

ABORTED = knows(
    "rst-app-abort", f"1 {RST_ACK} && {FROM_SERVER} && tcp.options.timestamp.tsval", "1 tcp.flags.reset == 1"
)


@scenario(
    dropper="server-app",
    where="the server's program closes with SO_LINGER of zero",
    client=ABORTED,
    middle=ABORTED,
    server=ABORTED,
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def server_aborts(lab: Lab) -> None:
    """The server's program aborts the connection after the request.

    It closes with SO_LINGER of zero; the client waits for an answer.
    """
    client, server = lab.connected()
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    server.receives()
    lab.waits(0.3)
    server.aborts()
    client.receives(fails="ECONNRESET")


UNREAD = knows(
    "close-with-unread",
    f"1 {RST_ACK} && {FROM_SERVER}",
    f"1.. {FROM_SERVER} && tcp.len == 200",
    "0 tcp.flags.fin == 1",
)


@scenario(
    dropper="server-app",
    where="the server's program closes without having read all of the request",
    client=UNREAD,
    middle=UNREAD,
    server=UNREAD,
    states=("CLOSED", "CLOSED"),
)
def server_closes_with_unread_data(lab: Lab) -> None:
    """The server answers early and closes while part of the request is still unread.

    Its kernel sends RST instead of FIN; the client reads the answer, then gets an error.
    """
    client, server = lab.connected()
    client.sends(b"." * 1000)
    server.receives()
    client.sends(b"." * 1000)
    lab.waits(0.1)
    server.sends(b"." * 200)
    client.receives(200)
    server.closes()
    client.receives(fails="ECONNRESET")


KILLED = knows("rst-no-socket", f"1 {RST_ONLY} && {FROM_SERVER}", f"1 tcp.flags.fin == 1 && {FROM_SERVER}")


@scenario(
    dropper="server-app",
    where="the server's process is killed",
    client=KILLED,
    middle=KILLED,
    server=KILLED,
    states=("CLOSED", "CLOSED"),
)
def server_process_killed(lab: Lab) -> None:
    """The server's process is killed with SIGKILL between two requests.

    Its kernel sends FIN as for any close. The client does not look, sends again, meets no socket, and its
    next send fails.
    """
    process = ServerProcess(lab.server, lab.family, PORT)
    client = lab.client_program()
    client.connects()
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    client.receives(200)
    process.is_killed()
    lab.waits(0.3)
    client.sends(b"GET /again HTTP/1.0\r\n\r\n")
    lab.waits(0.1)
    client.sends(b"GET /again HTTP/1.0\r\n\r\n", fails="EPIPE")


FORGED_TO_CLIENT = (
    f"1 {RST_ACK} && {FROM_SERVER}",
    f"1.. ip.ttl > 100 && {RST_ACK}",
    f"1.. {FROM_SERVER} && tcp.len == 200",
)


@scenario(
    dropper="middlebox",
    where="a raw socket on firewall-s forges a RST to the client",
    client=knows("rst-injected", *FORGED_TO_CLIENT),
    middle=knows("rst-injected", *FORGED_TO_CLIENT),
    server=sees("rst-no-socket", f"1.. {RST_ONLY} && {FROM_CLIENT}", "0 ip.ttl > 64"),
    states=("CLOSED", "CLOSED"),
)
def reset_forged_to_client(lab: Lab) -> None:
    """A device in front of the server forges a RST to the client when it sees the request.

    The server knows nothing of it and answers; the client's kernel refuses the answer. The forged TTL starts
    at 128.
    """
    client, server = lab.connected()
    forger = Forger(lab.firewall_s, both_ways=False)
    client.sends(b"GET /forbidden HTTP/1.0\r\n\r\n")
    server.receives()
    forger.has_struck()
    server.sends(b"." * 200)
    client.receives(fails="ECONNRESET")
    server.receives(fails="ECONNRESET")


FORGED_FROM_CLIENT = f"1.. ip.ttl > 100 && {RST_ACK} && {FROM_CLIENT}"
FORGED_FROM_SERVER = f"1.. ip.ttl > 100 && {RST_ACK} && {FROM_SERVER}"


@scenario(
    dropper="middlebox",
    where="a raw socket on firewall-s forges RSTs to both ends",
    client=knows("rst-injected", FORGED_FROM_SERVER),
    middle=knows("rst-injected", FORGED_FROM_SERVER),
    server=knows("rst-injected", FORGED_FROM_CLIENT),
    states=("CLOSED", "CLOSED"),
)
def reset_forged_to_both(lab: Lab) -> None:
    """A device in front of the server forges RSTs to both ends when it sees the request.

    Each program believes that the other one reset. The forged TTL starts at 128.
    """
    client, server = lab.connected()
    forger = Forger(lab.firewall_s, both_ways=True)
    client.sends(b"GET /forbidden HTTP/1.0\r\n\r\n")
    forger.has_struck()
    lab.waits(0.1)
    server.receives(1 << 20, fails="ECONNRESET")
    client.receives(fails="ECONNRESET")


STALLED = knows(
    "zero-window-stall",
    f"3.. {FROM_SERVER} && tcp.window_size == 0",
    f"3.. {FROM_CLIENT} && tcp.len == 0",
    "0 tcp.flags.reset == 1",
)


@scenario(
    dropper="server-app",
    where="the server's program never reads",
    client=STALLED,
    middle=STALLED,
    server=STALLED,
    states=("ESTABLISHED", "ESTABLISHED"),
)
def server_never_reads(lab: Lab) -> None:
    """The server's program does not read, and its window falls to zero.

    The client fills all buffers and its kernel probes the window for six seconds.
    """
    client, _ = lab.connected(receive_buffer_bytes=4096)
    client.sends_what_fits(b"." * (16 << 20))
    lab.waits(6)


UNANSWERED = knows(
    "server-silent-after-request",
    f"1 {FROM_CLIENT} && tcp.len > 0",
    f"0 {FROM_SERVER} && tcp.len > 0",
    f"1 tcp.flags.fin == 1 && {FROM_CLIENT}",
    "0 tcp.flags.reset == 1",
)


@scenario(
    dropper="server-app",
    where="the server's program never answers the request",
    client=UNANSWERED,
    middle=UNANSWERED,
    server=UNANSWERED,
    states=("FIN-WAIT-2", "CLOSE-WAIT"),
)
def server_never_answers(lab: Lab) -> None:
    """The server's program reads the request and never answers; the client's program gives up after 5 s.

    The server's kernel had acknowledged the request at once.
    """
    client, server = lab.connected()
    client.sends(b"GET /slow HTTP/1.0\r\n\r\n")
    server.receives()
    client.waits_in_vain(5)
    client.closes()


PROBES = ("4 tcp.analysis.keep_alive", "0 tcp.analysis.keep_alive_ack")


@scenario(
    dropper="server-host",
    where="nft input and output chains on server drop everything, as if the host had hung",
    client=sees("keepalive-dead", *PROBES),
    middle=sees("keepalive-dead", *PROBES),
    server=knows("keepalive-dead", *PROBES),
    states=("CLOSED", "ESTABLISHED"),
    families=(4, 6),
)
def server_host_vanishes(lab: Lab) -> None:
    """The server host falls silent and the client's keepalive notices.

    SO_KEEPALIVE with 1 s idle, 1 s interval, 4 probes; then recv() fails and the client's kernel sends a RST
    in vain.
    """
    client, server = lab.connected()
    client.sets(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 4)):
        client.sets(socket.IPPROTO_TCP, option, value)
    lab.exchanges(client, server)
    for hook in ("input", "output"):
        lab.server.filters(hook, "drop")
    client.receives(fails="ETIMEDOUT")
