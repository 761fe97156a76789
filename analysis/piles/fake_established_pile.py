"""A client opens connection after connection and closes none: the server keeps them all as established.

Signature
    Ten connections or more of one client at one listener that opened, carry neither FIN nor RST, and fell
    silent a minute or more before the capture ended; each began only after the one before it had fallen
    silent.

Meaning
    The device restarts, or loses its network, and begins again without closing; or its program opens a
    connection for each task and forgets it. The server's sockets stay ESTABLISHED for ever, for nothing
    tells its kernel otherwise: without keepalive each costs a descriptor.

Confused with
    A pool of idle connections: its members are open side by side and take turns. no-close-seen: one
    connection that is idle at the end.

Dropped by
    The client's program or host; the server only lacks keepalives.

Next
    How many sockets the server holds for that client, and how many the client knows of.

Authority
    RFC 9293 section 3.8.4 (keepalives); Linux SO_KEEPALIVE is off by default, then 2 h (tcp_keepalive_time).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import SECOND, evidence, seconds
from ..result import Incident
from ..states import State
from ..verdict import Suspicion
from .gathering import Gathering, count

CODE = "fake-established-pile"
PHASE = "established"
ABSORBS = ()
LEAST = 10
"""A device that restarts leaves one behind each time; ten are a habit."""

SILENT_NS = 60 * SECOND
"""Programs that keep a connection for later say something within a minute, or are few."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each client that leaves them behind."""
    table = gathering.table
    if not gathering.reliable:
        return
    left = (table.flows["established_ns"] > 0) & (table.end_ns - table.flows["end_ns"] >= SILENT_NS)
    left &= (table.either("fin_count") == 0) & (table.either("rst_count") == 0)
    left &= table.reused_ns > table.end_ns
    rows = np.flatnonzero(left)
    if len(rows) < LEAST:
        return
    pairs = gathering.ends.pairs
    numbers, counts = np.unique(pairs.ids[rows], return_counts=True)
    for number in numbers[counts >= LEAST].tolist():
        members = rows[pairs.ids[rows] == number]
        begun_ns, ended_ns = table.flows["start_ns"][members], table.flows["end_ns"][members]
        if bool((begun_ns[1:] > ended_ns[:-1]).all()) and len(members) == len(pairs.members(number)):
            yield _incident(gathering, members), members


def _incident(gathering: Gathering, rows: np.ndarray) -> Incident:
    first, last = gathering.case(rows[0]), gathering.case(rows[-1])
    peak = gathering.peak(rows, "server", State.ESTABLISHED)
    silent = seconds(last.since_ns(last.flow.end_ns))
    return gathering.incident(
        CODE,
        "warning",
        0.6,
        rows,
        f"{first.client_end.ip} left {count(len(rows), 'connection')} to {first.server_end} open, one after "
        "the other: "
        f"none was closed, and the last fell silent {silent} before the capture ended. The server holds "
        f"{peak.count:,} sockets as ESTABLISHED that nobody may be using",
        suspects=Suspicion({"client-app": 0.5, "client-host": 0.4, "server-app": 0.1}).suspects(),
        evidence=evidence(
            (
                first.flow.last_frame,
                first.flow.end_ns,
                f"{first.client_end}: last segment of the first one, no FIN",
            ),
            (last.flow.first_frame, last.flow.start_ns, f"{last.client_end}: the newest one begins"),
            (last.flow.last_frame, last.flow.end_ns, "and falls silent, too"),
        ),
        next=(
            f"ss -tno state established dst {first.client_end.ip}    # on {first.server_end.ip}: "
            "timer:(keepalive) or none?",
            f"ss -tn dst {first.server_end.ip}    # on {first.client_end.ip}: how many of them it knows",
        ),
        authority="RFC 9293 section 3.8.4; tcp(7) SO_KEEPALIVE",
        peak=peak,
    )
