"""Handshakes that fail, stumble or are turned away."""

from __future__ import annotations

from ..lab import Lab
from ..scenario import NOTHING, knows, scenario, sees

SYN, SYN_ACK, RST = "tcp.flags == 0x002", "tcp.flags == 0x012", "tcp.flags.reset == 1"
SYN_TO_PORT = "tcp dport 8080 tcp flags & (syn | ack) == syn"
SYN_ACK_FROM_PORT = "tcp sport 8080 tcp flags & (syn | ack) == (syn | ack)"

SILENCE = (f"4 {SYN}", f"4 tcp")


@scenario(dropper="server-host", where="nft input chain on server drops SYN to port 8080",
          client=sees("syn-unanswered", *SILENCE), middle=sees("syn-unanswered", *SILENCE),
          server=knows("syn-unanswered", *SILENCE), states=("CLOSED", "CLOSED"), families=(4, 6))
def syn_dropped_by_server_host(lab: Lab) -> None:
    """The server host's own firewall drops every SYN in silence.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.server.filters("input", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(dropper="server-network", where="nft forward chain on firewall-s drops SYN to port 8080",
          client=sees("syn-unanswered", *SILENCE), middle=sees("syn-unanswered", *SILENCE), server=NOTHING,
          states=("CLOSED", "CLOSED"))
def syn_dropped_by_server_network(lab: Lab) -> None:
    """The firewall in front of the server drops every SYN in silence.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.firewall_s.filters("forward", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(dropper="client-network", where="nft forward chain on firewall-c drops SYN to port 8080",
          client=sees("syn-unanswered", *SILENCE), middle=NOTHING, server=NOTHING, states=("CLOSED", "CLOSED"))
def syn_dropped_by_client_network(lab: Lab) -> None:
    """The firewall in front of the client drops every SYN in silence.

    A program listens on the port; the client connects and waits until its kernel gives up.
    """
    lab.listens()
    lab.firewall_c.filters("forward", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


@scenario(dropper="client-host", where="nft output chain on client drops SYN to port 8080",
          client=NOTHING, middle=NOTHING, server=NOTHING, states=("CLOSED", "CLOSED"))
def syn_dropped_by_client_host(lab: Lab) -> None:
    """The client host's own firewall drops every SYN before it reaches the link.

    A program listens on the port; the client connects and waits until its kernel gives up. All captures are empty.
    """
    lab.listens()
    lab.client.filters("output", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


CLOSED_PORT = sees("port-closed", f"1 {SYN}", "1 tcp.flags == 0x014 && tcp.seq_raw == 0 && tcp.window_size_value == 0")


@scenario(dropper="server-app", where="no program listens on port 8080",
          client=CLOSED_PORT, middle=CLOSED_PORT, server=CLOSED_PORT, states=("CLOSED", "CLOSED"), families=(4, 6))
def port_closed(lab: Lab) -> None:
    """Nothing listens on the port.

    The client connects; the server's kernel answers the SYN with RST.
    """
    lab.client_program().connects(fails="ECONNREFUSED")
