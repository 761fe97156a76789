"""Connections that do not close as they should."""

from __future__ import annotations

from ..lab import Lab
from ..scenario import knows, scenario, sees

FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"
RST_ONLY = "tcp.flags == 0x004"
CLIENT_FIN, SERVER_FIN = f"tcp.flags.fin == 1 && {FROM_CLIENT}", f"tcp.flags.fin == 1 && {FROM_SERVER}"

STAYS_OPEN = (f"1 {CLIENT_FIN}", f"0 {SERVER_FIN}", "0 tcp.flags.reset == 1")


@scenario(
    dropper="server-app",
    where="the server's program never closes",
    client=sees("close-wait-stuck", *STAYS_OPEN),
    middle=sees("close-wait-stuck", *STAYS_OPEN),
    server=knows("close-wait-stuck", *STAYS_OPEN),
    states=("FIN-WAIT-2", "CLOSE-WAIT"),
    families=(4, 6),
)
def server_never_closes(lab: Lab) -> None:
    """The client closes and the server's program never does.

    The server's kernel acknowledged the FIN; the captures end when the server has been in CLOSE-WAIT for 6 s.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.closes()
    lab.waits(6)


UNACKNOWLEDGED = (f"5.. {CLIENT_FIN}", f"0 {SERVER_FIN}", "0 tcp.flags.reset == 1")


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops everything",
    client=sees("fin-unacked", *UNACKNOWLEDGED),
    middle=sees("fin-unacked", *UNACKNOWLEDGED),
    server=sees("no-close-seen", "0 tcp.flags.fin == 1"),
    states=("FIN-WAIT-1", "ESTABLISHED"),
)
def fin_lost_on_cut_path(lab: Lab) -> None:
    """The client closes after the path to the server was cut.

    Its kernel repeats the FIN; the captures end after 5 s.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.firewall_s.filters("forward", "drop")
    client.closes()
    lab.waits(5)


LAST_ACK = (f"1 {CLIENT_FIN}", f"5.. {SERVER_FIN}", "0 tcp.flags.reset == 1")


@scenario(
    dropper="client-host",
    where="nft input chain on client drops everything, as if the host had hung",
    client=knows("last-ack-stuck", *LAST_ACK),
    middle=sees("last-ack-stuck", *LAST_ACK),
    server=sees("last-ack-stuck", *LAST_ACK),
    states=("FIN-WAIT-2", "LAST-ACK"),
)
def last_ack_never_comes(lab: Lab) -> None:
    """The client closes, falls silent, and the server's FIN is never acknowledged.

    The server had acknowledged the client's FIN; it repeats its own for 5 s, until the captures end.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.closes()
    server.sees_end_of_stream()
    lab.waits(0.1)
    lab.client.filters("input", "drop")
    server.closes()
    lab.waits(5)


CROSSED = (f"1.. {CLIENT_FIN}", f"4.. {SERVER_FIN}", "0 tcp.flags.reset == 1")


@scenario(
    dropper="server-network",
    where="nft forward chain on firewall-s drops the client's pure ACKs",
    client=sees("closing-stuck", *CROSSED),
    middle=sees("closing-stuck", *CROSSED),
    server=sees("closing-stuck", *CROSSED),
    states=("TIME-WAIT", "CLOSING"),
)
def closing_never_ends(lab: Lab) -> None:
    """Both close at once and the client's last ACK is lost every time.

    The client is done and answers each repeated FIN; the answers do not get through to the server for 5 s.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.waits(0.1)
    lab.firewall_s.filters("forward", "tcp dport 8080 tcp flags & (fin | syn | rst | ack) == ack drop")
    client.closes()
    server.closes()
    lab.waits(5)


LATE_DATA = (f"1 {CLIENT_FIN}", f"1 {RST_ONLY} && {FROM_CLIENT}", f"2 {FROM_SERVER} && tcp.len > 0")


@scenario(
    dropper="client-app",
    where="the client's program closes while the server still has something to say",
    client=knows("data-after-close", *LATE_DATA),
    middle=knows("data-after-close", *LATE_DATA),
    server=knows("data-after-close", *LATE_DATA),
    states=("CLOSED", "CLOSED"),
)
def data_after_close(lab: Lab) -> None:
    """The client has closed both directions when the server sends more.

    The client's kernel answers with RST at once, and the server's next send fails.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.closes()
    lab.waits(0.3)
    server.sends(b"one more thing\n")
    lab.waits(0.1)
    server.sends(b"and another\n", fails="EPIPE")


@scenario(
    dropper="server-app",
    where="the server's program is silent for longer than tcp_fin_timeout",
    client=knows("fin-wait-2-orphan", *LATE_DATA),
    middle=knows("fin-wait-2-orphan", *LATE_DATA),
    server=knows("fin-wait-2-orphan", *LATE_DATA),
    states=("CLOSED", "CLOSED"),
)
def orphan_expires_before_late_data(lab: Lab) -> None:
    """The client closed 62 s ago, and its kernel has forgotten the connection when the server sends.

    tcp_fin_timeout is its default, 60 s; the server's data is answered with RST.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.closes()
    lab.waits(62)
    server.sends(b"at last\n")
    lab.waits(0.1)
    server.sends(b"anybody?\n", fails="EPIPE")
