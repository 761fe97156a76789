"""Many connections: what piles up in which state, and storms of attempts."""

from __future__ import annotations

import socket

from ..flood import send_syn
from ..lab import PORT, Lab
from ..scenario import knows, scenario, sees
from .handshake import RST, SYN, SYN_ACK, SYN_ACK_FROM_PORT

FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"
CLIENT_FIN, SERVER_FIN = f"tcp.flags.fin == 1 && {FROM_CLIENT}", f"tcp.flags.fin == 1 && {FROM_SERVER}"
REFUSAL = "tcp.flags == 0x014 && tcp.seq_raw == 0"
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


STORM = (f"40 {SYN}", f"40 {REFUSAL}")


@scenario(
    dropper="server-app",
    where="no program listens on port 8080",
    also=("client-app",),
    client=sees("port-closed retry-storm", *STORM),
    middle=sees("port-closed retry-storm", *STORM),
    server=sees("port-closed retry-storm", *STORM),
    states=("CLOSED", "CLOSED"),
    snaplen_bytes=BRIEF_BYTES,
)
def clients_retry_in_waves(lab: Lab) -> None:
    """Five clients are refused and all try again every second, eight times.

    Nothing listens; no client waits a little longer or at random.
    """
    for _ in range(8):
        for client in lab.crowd(5):
            client.finishes_connecting(fails="ECONNREFUSED")
        lab.waits(1)


RESTARTED = (f"12 {SYN}", f"5 {REFUSAL}", f"7 {SYN_ACK}")


@scenario(
    dropper="server-app",
    where="the server's program restarts: for two seconds nothing listens",
    client=sees("port-closed listen-restart-gap", *RESTARTED),
    middle=sees("port-closed listen-restart-gap", *RESTARTED),
    server=sees("port-closed listen-restart-gap", *RESTARTED),
    snaplen_bytes=BRIEF_BYTES,
)
def server_program_restarts(lab: Lab) -> None:
    """A client connects every 400 ms; the server's program is restarted in between.

    Five attempts are refused, those before and after work.
    """
    listener = lab.listens()
    for attempt in range(12):
        client = lab.client_program()
        if attempt == 4:
            listener.closes()
        if attempt == 9:
            listener = lab.listens()
        if 4 <= attempt < 9:
            client.connects(fails="ECONNREFUSED")
        else:
            client.connects()
            client.connection.bystander = True
            server = lab.accepts(listener, client)
            lab.exchanges(client, server, 40)
            lab.client_closes(client, server)
        lab.waits(0.4)


FULL = (f"8 {SYN}", f"8 {SYN_ACK}", f"0 {RST}")


@scenario(
    dropper="server-app",
    where="the server's program takes five clients and closes on the sixth",
    client=sees("max-connections", *FULL),
    middle=sees("max-connections", *FULL),
    server=sees("max-connections", *FULL),
    snaplen_bytes=BRIEF_BYTES,
)
def server_program_takes_five_only(lab: Lab) -> None:
    """A server with a limit of five clients: it accepts three more and closes them at once, without a word.

    Those three read the end of the stream instead of a greeting.
    """
    listener = lab.listens()
    served = []
    for _ in range(5):
        client = lab.client_program()
        client.connects()
        client.connection.bystander = True
        server = lab.accepts(listener, client)
        server.sends(b"220 welcome\r\n")
        client.receives(13)
        served.append((client, server))
        lab.waits(0.2)
    for _ in range(3):
        client = lab.client_program()
        client.connects()
        server = lab.accepts(listener, client)
        server.closes()
        client.sees_end_of_stream()
        client.closes()
        lab.waits(0.2)
    for client, server in served:
        lab.client_closes(client, server)
    lab.connections.append(lab.connections.pop(0))


CHECKS = (f"20 {SYN}", f"10 {REFUSAL}", f"10 {SYN_ACK}")


@scenario(
    dropper="server-app",
    where="the server's program dies after five checks: nothing listens any more",
    client=sees("port-closed lb-healthcheck-fail", *CHECKS),
    middle=sees("port-closed lb-healthcheck-fail", *CHECKS),
    server=sees("port-closed lb-healthcheck-fail", *CHECKS),
    states=("CLOSED", "CLOSED"),
    snaplen_bytes=BRIEF_BYTES,
)
def health_checks_begin_to_fail(lab: Lab) -> None:
    """Two addresses of a load balancer check the server every second, ten times; half-way its program dies.

    Each check connects, asks, reads 40 bytes and closes; from the sixth round on they are refused.
    """
    lab.client.answers_also_on("10.0.1.3")
    listener = lab.listens()
    for round_number in range(10):
        if round_number == 5:
            listener.closes()
        for source in ("10.0.1.2", "10.0.1.3"):
            client = lab.client_program(source=source)
            if round_number >= 5:
                client.connects(fails="ECONNREFUSED")
                continue
            client.connects()
            client.connection.bystander = True
            server = lab.accepts(listener, client)
            lab.exchanges(client, server, 40, pause_s=0)
            lab.client_closes(client, server)
        lab.waits(1)


SCANNED = (
    "port-scan",
    "40 tcp.flags == 0x002",
    f"39 {REFUSAL}",
    "1 tcp.flags == 0x012",
    "0 tcp.len > 0 && !icmp",
)


@scenario(
    dropper="client-app",
    where="a scanner on the client tries forty ports",
    client=sees(*SCANNED),
    middle=sees(*SCANNED),
    server=sees(*SCANNED),
    states=("CLOSED", "CLOSED"),
    snaplen_bytes=BRIEF_BYTES,
    families=(4, 6),
)
def ports_scanned_with_connect(lab: Lab) -> None:
    """A scanner tries forty ports of the server with connect(); one of them is open.

    It closes the open one at once. Nothing failed: nobody wanted anything of the server.
    """
    listener = lab.listens()
    for port in range(PORT - 20, PORT + 20):
        client = lab.client_program(port)
        if port != PORT:
            client.connects(fails="ECONNREFUSED")
            continue
        client.connects()
        server = lab.accepts(listener, client)
        lab.client_closes(client, server)
        lab.waits(0.05)


STEALTHY = (
    "port-scan",
    "40 tcp.flags == 0x002",
    f"39 {REFUSAL}",
    "1 tcp.flags == 0x012",
    f"1 tcp.flags == 0x004 && {FROM_CLIENT}",
)


@scenario(
    dropper="client-app",
    where="a scanner on the client sends bare SYNs to forty ports",
    client=sees(*STEALTHY),
    middle=sees(*STEALTHY),
    server=sees(*STEALTHY),
    states=("CLOSED", "CLOSED"),
    snaplen_bytes=BRIEF_BYTES,
)
def ports_scanned_with_syns(lab: Lab) -> None:
    """A scanner sends one raw SYN to each of forty ports; the kernel resets the one SYN-ACK that comes.

    No program of the client has a socket, none of the server ever sees a connection.
    """
    lab.listens()
    raw = lab.client.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        for port in range(PORT - 20, PORT + 20):
            send_syn(raw, lab.client.address4, lab.server.address4, 50_000 + port - PORT, port)
            lab.waits(0.01)
    lab.scanned(50_000, PORT)
