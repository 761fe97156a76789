"""Faults of the capture itself: what it repeats, loses, begins too late for, or sees from one side only."""

from __future__ import annotations

from ..lab import PORT, Lab
from ..scenario import Place, knows, scenario, sees
from .established import REPEATED
from .handshake import SYN, SYN_TO_PORT

FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"
ANYWHERE = {
    "client": Place("client", "any"),
    "middle": Place("firewall_s", "any"),
    "server": Place("server", "any"),
}
ONCE = ("clean-close", f"1 {SYN}", "2 tcp.flags.fin == 1")
ON_TWO_LINKS = ("capture-duplicate clean-close", f"2 {SYN}", "4 tcp.flags.fin == 1")


@scenario(
    client=sees(*ONCE), middle=sees(*ON_TWO_LINKS), server=sees(*ONCE), places=ANYWHERE, families=(4, 6)
)
def captured_on_any(lab: Lab) -> None:
    """A healthy connection captured with ``-i any``.

    The middle capture is taken on firewall-s, where each packet passes two interfaces and is captured twice,
    with two TTLs.
    """
    client, server = lab.connected()
    lab.exchanges(client, server, 5000)
    lab.client_closes(client, server)


@scenario(
    dropper="server-host",
    where="nft input chain on server drops SYN to port 8080",
    client=sees("syn-unanswered", f"4 {SYN}", "4 tcp"),
    middle=sees("syn-unanswered capture-duplicate", f"8 {SYN}", "8 tcp"),
    server=knows("syn-unanswered", f"4 {SYN}", "4 tcp"),
    states=("CLOSED", "CLOSED"),
    places=ANYWHERE,
)
def captured_on_any_without_answer(lab: Lab) -> None:
    """The server host's own firewall drops every SYN; captured with ``-i any``.

    The middle capture is taken on firewall-s; the two copies of each SYN are no repeats.
    """
    lab.listens()
    lab.server.filters("input", f"{SYN_TO_PORT} drop")
    lab.client_program().connects(fails="ETIMEDOUT")


MIRRORED = {"middle": Place("firewall_s", "span0")}
TWICE = (f"2 {SYN}", "4 tcp.flags.fin == 1", "10.. tcp.len > 0")


@scenario(
    client=sees("clean-close", f"1 {SYN}", "2 tcp.flags.fin == 1"),
    middle=sees("capture-duplicate clean-close", *TWICE),
    server=sees("clean-close", f"1 {SYN}", "2 tcp.flags.fin == 1"),
    places=MIRRORED,
)
def mirrored_twice(lab: Lab) -> None:
    """A mirror port shows every packet of a healthy connection twice: as it comes in and as it goes out.

    The middle capture is taken there: the second copy is one router older.
    """
    lab.firewall_s.mirrors()
    client, server = lab.connected()
    for _ in range(3):
        lab.exchanges(client, server, 1000)
    lab.client_closes(client, server)


LOSSY = {
    vantage: Place(machine, link, "tcp and ((ip[5] & 7) != 3 or tcp[13] & 3 != 0)")
    for vantage, machine, link in (
        ("client", "client", "eth0"),
        ("middle", "between", "tap0"),
        ("server", "server", "eth0"),
    )
}
GAPS = sees("capture-drop", "1.. tcp.analysis.ack_lost_segment || tcp.analysis.lost_segment", f"0 {REPEATED}")


@scenario(
    client=GAPS,
    middle=GAPS,
    server=GAPS,
    places=LOSSY,
    snaplen_bytes=84,
    states=("CLOSED", "TIME-WAIT"),
)
def capture_loses_packets(lab: Lab) -> None:
    """A healthy download of which the captures keep seven packets in eight.

    As when a machine cannot keep up with writing: what is missing was acknowledged all the same.
    """
    client, server = lab.connected()
    client.sends(b"GET /large HTTP/1.0\r\n\r\n")
    server.receives()
    server.sends(b"." * 150_000)
    client.receives(150_000)
    server.closes()
    client.sees_end_of_stream()
    client.closes()


ONE_WAY = {
    "client": Place("client", "eth0", f"tcp dst port {PORT}"),
    "middle": Place("between", "tap0", f"tcp dst port {PORT}"),
    "server": Place("server", "eth0", f"tcp src port {PORT}"),
}


@scenario(
    client=sees("one-way-capture", f"0 {FROM_SERVER}", f"1 {SYN}"),
    middle=sees("one-way-capture", f"0 {FROM_SERVER}", f"1 {SYN}"),
    server=sees("one-way-capture", f"0 {FROM_CLIENT}", f"0 {SYN}"),
    places=ONE_WAY,
)
def one_direction_captured(lab: Lab) -> None:
    """A healthy connection of which each capture sees one direction only.

    Client and middle see what the client sends, the server's capture what the server sends.
    """
    client, server = lab.connected()
    for _ in range(10):
        lab.exchanges(client, server)
    lab.client_closes(client, server)


LATE = {
    vantage: Place(place.machine, place.link, begins_late=True)
    for vantage, place in {
        "client": Place("client"),
        "middle": Place("between", "tap0"),
        "server": Place("server"),
    }.items()
}
NO_HANDSHAKE = sees("clean-close", f"0 {SYN}", "2 tcp.flags.fin == 1", "0 tcp.flags.reset == 1")


@scenario(client=NO_HANDSHAKE, middle=NO_HANDSHAKE, server=NO_HANDSHAKE, places=LATE, families=(4, 6))
def capture_begins_late(lab: Lab) -> None:
    """A healthy connection that was open before the captures began.

    No handshake is seen: window scale and initial sequence numbers are unknown.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    lab.captures_begin()
    for _ in range(3):
        lab.exchanges(client, server)
    lab.client_closes(client, server)
