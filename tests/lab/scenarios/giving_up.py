"""Programs that give up, die or ask oddly, and what the other end makes of it."""

from __future__ import annotations

import socket

from ..forger import segment
from ..lab import PORT, Lab
from ..programs import STUCK_SERVER, ServerProcess
from ..scenario import knows, scenario, sees
from .established import FROM_CLIENT, FROM_SERVER, RST_ACK, RST_ONLY

REQUEST = (
    b"GET /report?from=2026-01-01&to=2026-12-31&group=customer&format=csv HTTP/1.1\r\nHost: server\r\n\r\n"
)

DIED = (
    f"1 tcp.flags.fin == 1 && {FROM_SERVER}",
    f"0 {FROM_SERVER} && tcp.len > 0",
    f"1 {RST_ACK} && {FROM_SERVER} && tcp.seq_raw == 0",
)
KILLED = knows("crash-close port-closed", *DIED)


@scenario(
    dropper="server-app",
    where="the server's process is killed while it works on the request",
    client=KILLED,
    middle=KILLED,
    server=KILLED,
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def server_killed_during_request(lab: Lab) -> None:
    """The server's process is killed while the client waits for its answer; then nothing listens any more.

    SIGKILL; its kernel sends FIN, as for any close, and the client's recv() reads the end of the stream and
    no error. The client tries again and is refused.
    """
    process = ServerProcess(lab.server, lab.family, PORT, STUCK_SERVER)
    client = lab.client_program()
    client.connects()
    client.sends(REQUEST)
    lab.waits(0.5)
    process.is_killed()
    client.sees_end_of_stream()
    client.closes()
    lab.waits(0.1)
    lab.client_program().connects(fails="ECONNREFUSED")


TIMEOUT_S = 5
LATE = (
    f"1 tcp.flags.fin == 1 && {FROM_CLIENT}",
    f"1 {FROM_SERVER} && tcp.len > 0",
    f"1.. {RST_ONLY} && {FROM_CLIENT}",
)
IMPATIENT = sees("client-timeout-abort", *LATE)


@scenario(
    dropper="server-app",
    where="the server's program answers after 5.6 s; the client's program waits 5 s",
    also=("client-app",),
    client=IMPATIENT,
    middle=IMPATIENT,
    server=IMPATIENT,
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def answer_later_than_the_clients_timeout(lab: Lab) -> None:
    """The server answers after the client's timeout, and the answer meets a closed socket.

    The client's program closes after 5 s without an answer; 0.6 s later that comes, and its kernel resets.
    """
    client, server = lab.connected()
    client.sends(REQUEST)
    server.receives(len(REQUEST))
    client.waits_in_vain(TIMEOUT_S)
    client.closes()
    lab.waits(0.6)
    server.sends(b"." * 200)
    lab.waits(0.1)
    server.sends(b"." * 200, fails="EPIPE")


LOST = (
    f"1 {RST_ACK} && {FROM_CLIENT}",
    "2.. tcp.analysis.retransmission || tcp.analysis.fast_retransmission",
)
IN_VAIN = sees("rto-backoff-dead", *LOST)


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops everything from the last request on",
    client=IN_VAIN,
    middle=IN_VAIN,
    server=sees("no-close-seen", "0 tcp.flags.reset == 1"),
    states=("CLOSED", "ESTABLISHED"),
)
def client_resets_a_request_that_never_arrived(lab: Lab) -> None:
    """The request is dropped on its way, and after 5 s the client's program resets the connection.

    Its kernel had repeated the request in vain; the server knows nothing of it.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.firewall_s.filters("forward", "drop")
    client.sends(REQUEST)
    client.waits_in_vain(TIMEOUT_S)
    client.aborts()


SECOND = sees("slow-app clean-close", f"2.. {FROM_CLIENT} && tcp.len > 80", "0 tcp.flags.reset == 1")


@scenario(
    dropper="server-app",
    where="the server's program thinks for two seconds about the second of three requests",
    healthy=True,
    client=SECOND,
    middle=SECOND,
    server=SECOND,
)
def second_answer_of_three_is_late(lab: Lab) -> None:
    """On a connection that is kept, the second of three requests is answered after two seconds.

    The first and the third are answered at once; nothing is lost.
    """
    client, server = lab.connected()
    for think_s in (0, 2, 0):
        client.sends(REQUEST)
        server.receives(len(REQUEST))
        lab.waits(think_s)
        server.sends(b"." * 200)
        client.receives(200)
        lab.waits(0.1)
    lab.client_closes(client, server)


FIN_ONLY, PUSH_URGENT_FIN, SYN_FIN = 0x01, 0x29, 0x03
ODD = ("1 tcp.flags == 0x000", "1 tcp.flags == 0x001", "1 tcp.flags == 0x029", "1 tcp.flags == 0x003")
SCANNED = sees("urgent-or-flag-abuse", *ODD)


@scenario(
    dropper="client-app",
    where="a raw socket on the client sends segments with flags that no kernel sends",
    client=SCANNED,
    middle=SCANNED,
    server=SCANNED,
    states=("CLOSED", "CLOSED"),
)
def ports_probed_with_odd_flags(lab: Lab) -> None:
    """A scanner on the client sends segments whose flags no kernel sends.

    None at all, FIN alone, FIN with PSH and URG, SYN with FIN. Nothing listens: the server's kernel answers
    each with RST. Nobody's connection failed.
    """
    source, target = (socket.inet_aton(host.address(4)) for host in (lab.client, lab.server))
    raw = lab.client.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        for place, flags in enumerate((0, FIN_ONLY, PUSH_URGENT_FIN, SYN_FIN)):
            lab.scanned(50001 + place, PORT)
            packet = segment(source, target, 50001 + place, PORT, 1000, 0, flags, 1024)
            raw.sendto(packet, (lab.server.address(4), 0))
            lab.waits(0.2)
