"""Many connections: what piles up in which state."""

from __future__ import annotations

from ..lab import Lab
from ..scenario import knows, scenario, sees
from .handshake import RST, SYN, SYN_ACK, SYN_ACK_FROM_PORT

FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"
CLIENT_FIN, SERVER_FIN = f"tcp.flags.fin == 1 && {FROM_CLIENT}", f"tcp.flags.fin == 1 && {FROM_SERVER}"
CROWD = 15
BRIEF_BYTES = 84
"""Of each frame: the headers and no data, since these captures are long."""

WAITING = ("syn-recv-pile synack-unacked", f"15.. {SYN}", f"45.. {SYN_ACK}", f"0 {RST}")


@scenario(
    dropper="client-network",
    where="nft forward chain on firewall-c drops SYN-ACK",
    client=sees("syn-unanswered", f"60 {SYN}", f"0 {SYN_ACK}"),
    middle=sees(*WAITING),
    server=sees(*WAITING),
    states=("CLOSED", "SYN-RECEIVED"),
    snaplen_bytes=BRIEF_BYTES,
)
def half_open_connections_pile_up(lab: Lab) -> None:
    """Fifteen clients connect at once and none of the server's answers comes back to them.

    The server holds all of them in SYN-RECEIVED; each client's kernel gives up after four SYNs.
    """
    lab.firewall_c.filters("forward", f"{SYN_ACK_FROM_PORT} drop")
    lab.listens(backlog=64)
    clients = lab.crowd(CROWD)
    lab.waits(2)
    lab.looks_at_states("after 2 s")
    for client in clients:
        client.finishes_connecting(fails="ETIMEDOUT")


OVERFLOWING = (f"30.. {SYN}", f"3..6 {SYN_ACK}", f"0 {RST}")


@scenario(
    dropper="server-app",
    where="the program never calls accept() and its backlog is 2",
    also=("server-host",),
    client=sees("syn-unanswered", *OVERFLOWING),
    middle=sees("syn-unanswered", *OVERFLOWING),
    server=knows("accept-queue-syn-drop accept-overflow-burst", *OVERFLOWING),
    states=("CLOSED", "CLOSED"),
    snaplen_bytes=BRIEF_BYTES,
)
def accept_queue_overflows_for_many(lab: Lab) -> None:
    """Three clients fill the accept queue, each sends; the SYNs of ten more are dropped.

    The program is stuck: the kernel acknowledges what the three send and nobody answers.
    """
    lab.listens(backlog=2)
    for _ in range(3):
        client = lab.client_program()
        client.connects()
        client.sends(b"anybody there?\n")
    clients = lab.crowd(10)
    lab.waits(1)
    lab.looks_at_states("after 1 s")
    for client in clients:
        client.finishes_connecting(fails="ETIMEDOUT")


PORTS = 60
CHURN = (f"{PORTS} {SYN}", f"{2 * PORTS} tcp.flags.fin == 1", f"0 {RST}")


@scenario(
    dropper="client-app",
    where="the client's program opens a connection for each request and closes it first",
    client=sees("time-wait-churn", *CHURN),
    middle=sees("time-wait-churn", *CHURN),
    server=sees("time-wait-churn", *CHURN),
    states=("CLOSED", "CLOSED"),
    snaplen_bytes=BRIEF_BYTES,
)
def client_runs_out_of_ports(lab: Lab) -> None:
    """The client has used up its 60 ports with short connections, all in TIME-WAIT: the next connect() fails.

    ip_local_port_range holds 60 ports and tcp_tw_reuse is 0. EADDRNOTAVAIL, and no packet leaves.
    """
    lab.client.sets(tw_reuse=0)
    lab.client.namespace.set_sysctls({"net.ipv4.ip_local_port_range": "42000 42059"})
    listener = lab.listens()
    for _ in range(PORTS):
        client = lab.client_program(from_port=0)
        client.connects()
        server = lab.accepts(listener, client)
        lab.exchanges(client, server, 40, pause_s=0)
        lab.client_closes(client, server)
    lab.waits(0.1)
    lab.looks_at_states("when no port is left")
    lab.client_program(from_port=0).connects(fails="EADDRNOTAVAIL")


@scenario(
    client=sees("clean-close", f"{PORTS} {SYN}", f"0 {RST}"),
    middle=sees("clean-close", f"{PORTS} {SYN}", f"0 {RST}"),
    server=sees("clean-close", f"{PORTS} {SYN}", f"0 {RST}"),
    states=("CLOSED", "TIME-WAIT"),
    snaplen_bytes=BRIEF_BYTES,
)
def many_short_connections(lab: Lab) -> None:
    """Sixty short connections one after another, each closed by the server first.

    What a busy web server without keep-alive looks like: its sockets wait in TIME-WAIT, and nothing is wrong.
    """
    listener = lab.listens()
    for _ in range(PORTS):
        client = lab.client_program()
        client.connects()
        server = lab.accepts(listener, client)
        lab.exchanges(client, server, 40, pause_s=0)
        server.closes()
        client.sees_end_of_stream()
        client.closes()
    lab.waits(0.1)
    lab.looks_at_states("at the end")


LEAKED = (f"{CROWD} {CLIENT_FIN}", f"0 {SERVER_FIN}", f"0 {RST}")


@scenario(
    dropper="server-app",
    where="the server's program never closes",
    client=sees("close-wait-stuck close-wait-pile", *LEAKED),
    middle=sees("close-wait-stuck close-wait-pile", *LEAKED),
    server=knows("close-wait-stuck close-wait-pile", *LEAKED),
    states=("FIN-WAIT-2", "CLOSE-WAIT"),
    snaplen_bytes=BRIEF_BYTES,
)
def server_leaks_connections(lab: Lab) -> None:
    """Fifteen clients come, are served and close, one every 200 ms; the server's program closes none.

    The captures end 6 s later with fifteen sockets in CLOSE-WAIT.
    """
    listener = lab.listens()
    for _ in range(CROWD):
        client = lab.client_program()
        client.connects()
        server = lab.accepts(listener, client)
        lab.exchanges(client, server, 40)
        client.closes()
        lab.waits(0.2)
    lab.waits(6)
    lab.looks_at_states("at the end")


VANISHED = (f"60.. {SERVER_FIN}", f"0 {CLIENT_FIN}", f"0 {RST}")


@scenario(
    dropper="client-network",
    where="nft forward chain on firewall-c drops everything",
    client=sees("no-close-seen", f"0 {SERVER_FIN}"),
    middle=sees("fin-unacked fin-wait-pile", *VANISHED),
    server=sees("fin-unacked fin-wait-pile", *VANISHED),
    states=("ESTABLISHED", "FIN-WAIT-1"),
    snaplen_bytes=BRIEF_BYTES,
)
def clients_vanish_before_close(lab: Lab) -> None:
    """Fifteen idle clients are cut off, and the server closes their connections.

    Its FINs are repeated and never acknowledged; the captures end after 6 s with fifteen sockets in
    FIN-WAIT-1.
    """
    pairs = lab.connected_crowd(CROWD)
    for client, server in pairs:
        lab.exchanges(client, server, 40, pause_s=0)
    lab.waits(0.1)
    lab.firewall_c.filters("forward", "drop")
    for _, server in pairs:
        server.closes()
    lab.waits(6)
    lab.looks_at_states("at the end")


HALF_CLOSED = (f"{CROWD} {CLIENT_FIN}", f"60.. {SERVER_FIN}", f"0 {RST}")


@scenario(
    dropper="client-network",
    where="nft forward chain on firewall-c drops everything after the clients' FINs",
    client=sees("", f"0 {SERVER_FIN}"),
    middle=sees("last-ack-stuck last-ack-pile", *HALF_CLOSED),
    server=sees("last-ack-stuck last-ack-pile", *HALF_CLOSED),
    states=("FIN-WAIT-2", "LAST-ACK"),
    snaplen_bytes=BRIEF_BYTES,
)
def clients_vanish_during_close(lab: Lab) -> None:
    """Fifteen clients close and are cut off before the server does: its FINs are never acknowledged.

    The captures end after 6 s with fifteen sockets in LAST-ACK.
    """
    pairs = lab.connected_crowd(CROWD)
    for client, server in pairs:
        lab.exchanges(client, server, 40, pause_s=0)
        client.closes()
        server.sees_end_of_stream()
    lab.waits(0.1)
    lab.firewall_c.filters("forward", "drop")
    for _, server in pairs:
        server.closes()
    lab.waits(6)
    lab.looks_at_states("at the end")


FORGOTTEN = (f"8 {SYN}", "0 tcp.flags.fin == 1", f"0 {RST}")


@scenario(
    dropper="client-host",
    where="the client loses its sockets without a FIN or RST leaving it, seven times",
    client=sees("fake-established-pile", *FORGOTTEN),
    middle=sees("fake-established-pile", *FORGOTTEN),
    server=sees("fake-established-pile", *FORGOTTEN),
    states=("ESTABLISHED", "ESTABLISHED"),
    snaplen_bytes=BRIEF_BYTES,
)
def client_comes_back_without_closing(lab: Lab) -> None:
    """A device loses its connection without a word and opens a new one, again and again.

    The server holds eight connections in ESTABLISHED, of which seven have nobody at the other end.
    """
    listener = lab.listens()
    for last in (False,) * 7 + (True,):
        client = lab.client_program()
        client.connects()
        server = lab.accepts(listener, client)
        lab.exchanges(client, server, 40)
        if not last:
            with lab.client.filtering("output", "tcp dport 8080 drop"):
                client.aborts()
        lab.waits(0.5)
    lab.looks_at_states("at the end")
