"""Handshakes that get no answer, and what could have swallowed it."""

from __future__ import annotations

from ..lab import Lab
from ..scenario import NOTHING, knows, scenario, sees
from .handshake import RST, SYN, SYN_ACK, SYN_ACK_FROM_PORT, SYN_TO_PORT

SILENCE = (f"4 {SYN}", "4 tcp")


@scenario(
    dropper="server-host",
    where="nft input chain on server drops SYN to port 8080",
    client=sees("syn-unanswered", *SILENCE),
    middle=sees("syn-unanswered", *SILENCE),
    server=knows("syn-unanswered", *SILENCE),
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def syn_dropped_by_server_host(lab: Lab) -> None:
    """The server host's own firewall drops every SYN in silence.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.server.filters("input", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops SYN to port 8080",
    client=sees("syn-unanswered", *SILENCE),
    middle=sees("syn-unanswered", *SILENCE),
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def syn_dropped_by_server_network(lab: Lab) -> None:
    """The firewall in front of the server drops every SYN in silence.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.firewall_s.filters("forward", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(
    dropper="client-network",
    where="nft forward chain on firewall-c drops SYN to port 8080",
    client=sees("syn-unanswered", *SILENCE),
    middle=NOTHING,
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def syn_dropped_by_client_network(lab: Lab) -> None:
    """The firewall in front of the client drops every SYN in silence.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.firewall_c.filters("forward", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(
    dropper="client-host",
    where="nft output chain on client drops SYN to port 8080",
    client=NOTHING,
    middle=NOTHING,
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def syn_dropped_by_client_host(lab: Lab) -> None:
    """The client host's own firewall drops every SYN before it reaches the link.

    A program listens on the port; the client connects and waits until its kernel gives up. All captures are
    empty.
    """
    lab.listens()
    lab.client.filters("output", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


IGNORED = (f"4 {SYN}", f"4.. {SYN_ACK}", "0 tcp.flags == 0x010", f"0 {RST}")


@scenario(
    dropper="client-network",
    where="nft forward chain on firewall-c drops SYN-ACK",
    client=sees("syn-unanswered", *SILENCE),
    middle=sees("synack-unacked", *IGNORED),
    server=sees("synack-unacked", *IGNORED),
    states=("CLOSED", "SYN-RECEIVED"),
    families=(4, 6),
)
def synack_dropped_by_client_network(lab: Lab) -> None:
    """The firewall in front of the client drops the server's answers.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.firewall_c.filters("forward", f"{SYN_ACK_FROM_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(
    dropper="client-host",
    where="nft input chain on client drops SYN-ACK",
    client=knows("synack-ignored-by-client", *IGNORED),
    middle=sees("synack-unacked", *IGNORED),
    server=sees("synack-unacked", *IGNORED),
    states=("CLOSED", "SYN-RECEIVED"),
)
def synack_dropped_by_client_host(lab: Lab) -> None:
    """The client host's own firewall drops the server's answers.

    They show in the client's capture, which stands in front of that firewall.
    """
    lab.listens()
    lab.client.filters("input", f"{SYN_ACK_FROM_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


FULL_QUEUE = (f"5 {SYN}", f"1 {SYN_ACK}", f"0 {RST}", "0 tcp.srcport == 8080 && tcp.len > 0")


@scenario(
    dropper="server-app",
    where="the program never calls accept() and its listening socket has a backlog of 0",
    also=("server-host",),
    client=sees("syn-unanswered", *FULL_QUEUE),
    middle=sees("syn-unanswered", *FULL_QUEUE),
    server=knows("accept-queue-syn-drop", *FULL_QUEUE),
    states=("CLOSED", "CLOSED"),
)
def accept_queue_full(lab: Lab) -> None:
    """The server's program does not accept, and its queue is full after one connection.

    The first client connects and sends; the kernel acknowledges and nobody answers. The second client's SYNs
    are dropped.
    """
    lab.listens(backlog=0)
    first, second = lab.client_program(), lab.client_program()
    first.connects()
    first.sends(b"anybody there?\n")
    second.connects(fails="ETIMEDOUT")


IMPATIENT = (f"3 {SYN}", "3 tcp")


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops SYN to port 8080",
    client=sees("syn-unanswered", *IMPATIENT),
    middle=sees("syn-unanswered", *IMPATIENT),
    server=NOTHING,
    states=("CLOSED", "CLOSED"),
)
def client_gives_up_while_syns_are_dropped(lab: Lab) -> None:
    """The firewall in front of the server drops every SYN, and the client's program gives up after 3.5 s.

    A non-blocking connect() and a close(): no packet tells of the end.
    """
    lab.listens()
    lab.firewall_s.filters("forward", f"{SYN_TO_PORT} drop")
    client = lab.client_program()
    client.starts_to_connect()
    lab.waits(3.5)
    client.closes()


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops SYN to port 8080",
    client=sees("syn-unanswered", *IMPATIENT),
    middle=sees("syn-unanswered", *IMPATIENT),
    server=NOTHING,
    states=("SYN-SENT", "CLOSED"),
)
def capture_ends_while_connecting(lab: Lab) -> None:
    """The firewall in front of the server drops every SYN, and the captures end while the client's kernel
    still tries.

    Three SYNs have left; the client is in SYN-SENT.
    """
    lab.listens()
    lab.firewall_s.filters("forward", f"{SYN_TO_PORT} drop")
    lab.client_program().starts_to_connect()
    lab.waits(2.3)
