"""Many attempts: storms of them, restarts and limits that they meet, health checks, scans."""

from __future__ import annotations

import socket

from ..flood import send_syn
from ..lab import PORT, Lab
from ..scenario import scenario, sees
from .crowds import BRIEF_BYTES, FROM_CLIENT
from .handshake import RST, SYN, SYN_ACK

REFUSAL = "tcp.flags == 0x014 && tcp.seq_raw == 0"

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
