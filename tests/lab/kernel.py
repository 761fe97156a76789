"""What the kernels say: socket states and counters."""

from __future__ import annotations

from collections import Counter

from .hosts import Machine
from .programs import Connection

RFC_NAMES = {
    "LISTEN": "LISTEN",
    "SYN-SENT": "SYN-SENT",
    "SYN-RECV": "SYN-RECEIVED",
    "ESTAB": "ESTABLISHED",
    "FIN-WAIT-1": "FIN-WAIT-1",
    "FIN-WAIT-2": "FIN-WAIT-2",
    "CLOSE-WAIT": "CLOSE-WAIT",
    "CLOSING": "CLOSING",
    "LAST-ACK": "LAST-ACK",
    "TIME-WAIT": "TIME-WAIT",
    "UNCONN": "CLOSED",
}
"""From ss(8)'s word to the name in RFC 9293 section 3.3.2."""


def socket_lines(machine: Machine) -> list[str]:
    """``ss -tanoi`` of `machine`, one line a socket, blanks squeezed, no header."""
    listing = machine.namespace.run("ss", "-tanoiOH")
    return [" ".join(line.split()) for line in listing.splitlines()]


def state_counts(machine: Machine) -> dict[str, int]:
    """How many sockets of `machine` are in each state, by RFC 9293 names."""
    return dict(Counter(RFC_NAMES[line.split()[0]] for line in socket_lines(machine)))


def state_of(connection: Connection, side: str, lines: list[str]) -> str:
    """The RFC 9293 name of the state of `connection` at `side`; CLOSED when there is no socket for it."""
    ends = [_end(connection.client, connection.client_port), _end(connection.server, connection.server_port)]
    local, peer = ends if side == "client" else reversed(ends)
    for line in lines:
        state, _, _, here, there, *_ = line.split()
        if (here, there) == (local, peer):
            return RFC_NAMES[state]
    return "CLOSED"


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def counters(machine: Machine) -> dict[str, int]:
    """TCP counters of `machine` by nstat(8)'s names, zeros left out.

    A namespace starts at zero: they are differences.
    """
    listing = machine.namespace.run("nstat", "-asz")
    rows = (line.split()[:2] for line in listing.splitlines() if line.startswith("Tcp"))
    return {name: int(value) for name, value in rows if int(value)}
