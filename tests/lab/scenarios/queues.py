"""A server whose queues are full: backlog, SYN queue, cookies."""

from __future__ import annotations

from ..flood import Flood
from ..lab import Lab
from ..programs import Program
from ..scenario import knows, scenario, sees
from .handshake import RST, SYN, SYN_ACK
from .unanswered import FULL_QUEUE

RST_ONLY = "tcp.flags == 0x004"
FROM_SERVER, FROM_CLIENT = "tcp.srcport == 8080", "tcp.dstport == 8080"


@scenario(
    dropper="server-app",
    where="the program never calls accept() and its backlog is 0; tcp_abort_on_overflow is set",
    also=("server-host",),
    client=sees("syn-unanswered", *FULL_QUEUE),
    middle=sees("syn-unanswered", *FULL_QUEUE),
    server=knows("accept-queue-syn-drop", *FULL_QUEUE),
    states=("CLOSED", "CLOSED"),
)
def accept_queue_full_with_abort(lab: Lab) -> None:
    """The accept queue is full and the kernel is told to reset on overflow: it drops SYNs all the same.

    tcp_abort_on_overflow=1 is about the third segment of a handshake; the first is dropped in silence.
    """
    lab.server.sets(abort_on_overflow=1)
    lab.listens(backlog=0)
    first, second = lab.client_program(), lab.client_program()
    first.connects()
    first.sends(b"anybody there?\n")
    second.connects(fails="ETIMEDOUT")


def _two_race_for_one_place(lab: Lab) -> tuple[Program, Program]:
    """Two handshakes at once and one place left in the accept queue: both SYNs are answered."""
    lab.listens(backlog=1)
    first = lab.client_program()
    first.connects()
    lab.waits(0.1)
    second, third = lab.crowd(2)
    lab.waits(0.1)
    return second, third


REFUSED_LATE = (f"3 {SYN}", f"3 {SYN_ACK}", f"1 {RST} && {FROM_SERVER}")


@scenario(
    dropper="server-app",
    where="the program never calls accept(), two handshakes race for one place, tcp_abort_on_overflow is set",
    client=sees("accept-queue-rst", *REFUSED_LATE),
    middle=sees("accept-queue-rst", *REFUSED_LATE),
    server=knows("accept-queue-rst", *REFUSED_LATE),
    also=("server-host",),
    states=("CLOSED", "CLOSED"),
    families=(4, 6),
)
def accept_queue_overflow_reset(lab: Lab) -> None:
    """The accept queue fills up between SYN and ACK, and the kernel resets the connection that came last.

    tcp_abort_on_overflow=1. To the client's program connect() succeeded; its next call fails.
    """
    lab.server.sets(abort_on_overflow=1)
    _, late = _two_race_for_one_place(lab)
    late.receives(fails="ECONNRESET")


IGNORED_LATE = (f"3 {SYN}", f"5.. {SYN_ACK}", f"3.. {FROM_CLIENT} && tcp.len > 0")


@scenario(
    dropper="server-app",
    where="the program never calls accept(), and two handshakes race for one place in its queue",
    client=sees("accept-queue-ack-drop", *IGNORED_LATE),
    middle=sees("accept-queue-ack-drop", *IGNORED_LATE),
    server=knows("accept-queue-ack-drop", *IGNORED_LATE),
    also=("server-host",),
    states=("CLOSED", "CLOSED"),
)
def accept_queue_overflow_ignored(lab: Lab) -> None:
    """The accept queue fills up between SYN and ACK, and the kernel ignores the ACK that came last.

    tcp_abort_on_overflow=0. The client's program believes that it is connected and sends; the server's kernel
    repeats its SYN-ACK until it forgets the connection, and resets the next segment.
    """
    _, late = _two_race_for_one_place(lab)
    late.finishes_connecting()
    late.sends(b"anybody there?\n")
    late.receives(fails="ECONNRESET")


@scenario(
    dropper="server-app",
    where="the program never calls accept(), its backlog is 0, and tcp_syncookies is 2",
    client=sees(
        "accept-queue-ack-drop", f"2 {SYN}", f"2 {SYN_ACK}", f"0 {RST}", f"2.. {FROM_CLIENT} && tcp.len > 0"
    ),
    middle=sees("accept-queue-ack-drop", f"2 {SYN}", f"2 {SYN_ACK}", f"0 {RST}"),
    server=knows("accept-queue-ack-drop", f"2 {SYN}", f"2 {SYN_ACK}", f"0 {RST}"),
    also=("server-host",),
    states=("ESTABLISHED", "CLOSED"),
)
def accept_queue_full_behind_cookies(lab: Lab) -> None:
    """With SYN cookies and a full accept queue the client is ignored in silence after the handshake.

    The kernel keeps nothing of a cookie's handshake: no repeated SYN-ACK, no RST, even with
    tcp_abort_on_overflow=1. The captures end after 6 s.
    """
    lab.server.sets(syncookies=2, abort_on_overflow=1)
    lab.listens(backlog=0)
    second, third = lab.crowd(2)
    lab.waits(0.1)
    for client in (second, third):
        client.finishes_connecting()
    third.sends(b"anybody there?\n")
    lab.waits(6)


FLOOD_SYNS = 150


@scenario(
    dropper="client-network",
    where="an attacker behind firewall-c sends SYNs from addresses that never answer",
    client=sees("clean-close", f"1 {SYN}", "1 tcp.flags == 0x012 && !tcp.options.wscale"),
    middle=sees("syn-flood", f"150.. {SYN}"),
    server=sees("syn-flood syn-cookie-degraded", f"150.. {SYN}"),
    snaplen_bytes=80,
)
def syn_flood_with_cookies(lab: Lab) -> None:
    """A flood of SYNs from 150 forged addresses; thanks to SYN cookies a true client gets through.

    The true client sends no timestamps: nothing can carry its window scale and SACK, and its connection goes
    without. tcp_syncookies=1, backlog 8.
    """
    lab.client.sets(timestamps=0)
    listener = lab.listens(backlog=8)
    Flood(lab).sends(FLOOD_SYNS)
    lab.looks_at_states("after the flood")
    client = lab.client_program()
    client.connects()
    server = lab.accepts(listener, client)
    lab.exchanges(client, server)
    lab.client_closes(client, server)


@scenario(
    dropper="client-network",
    where="an attacker behind firewall-c sends SYNs from addresses that never answer; no SYN cookies",
    also=("server-host",),
    client=sees("syn-unanswered", f"4 {SYN}", f"0 {SYN_ACK}"),
    middle=sees("syn-flood", f"150.. {SYN}"),
    server=sees("syn-flood", f"150.. {SYN}"),
    states=("CLOSED", "CLOSED"),
    snaplen_bytes=80,
)
def syn_flood_without_cookies(lab: Lab) -> None:
    """A flood of SYNs from 150 forged addresses fills the SYN queue, and a true client is turned away.

    tcp_syncookies=0, backlog 8: the kernel drops what it has no room for, the true client's four SYNs too.
    """
    lab.server.sets(syncookies=0)
    lab.listens(backlog=8)
    flood = Flood(lab)
    flood.sends(FLOOD_SYNS)
    lab.looks_at_states("after the flood")
    flood.goes_on(9)
    lab.client_program().connects(fails="ETIMEDOUT")
    flood.stops()
