"""Connections with nothing wrong, or nothing that mattered: what must not be accused."""

from __future__ import annotations

import socket

from ..lab import Lab
from ..scenario import scenario, sees
from ..wire import DROP, PASS, TWICE, late

CLEAN = sees("clean-close", "2 tcp.flags.syn == 1", "2 tcp.flags.fin == 1", "0 tcp.flags.reset == 1")


@scenario(client=CLEAN, middle=CLEAN, server=CLEAN, families=(4, 6))
def client_closes_first(lab: Lab) -> None:
    """A request, an answer, and the client closes first.

    The server closes when it sees the end of the stream.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    client.closes()
    server.sees_end_of_stream()
    server.closes()


@scenario(client=CLEAN, middle=CLEAN, server=CLEAN, states=("CLOSED", "TIME-WAIT"))
def server_closes_first(lab: Lab) -> None:
    """A request, an answer, and the server closes first.

    The client closes when it sees the end of the stream.
    """
    client, server = lab.connected()
    lab.exchanges(client, server)
    server.closes()
    client.sees_end_of_stream()
    client.closes()
