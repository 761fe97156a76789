"""A client opens connection after connection and closes none: the server keeps them all as established.

Signature
    Seven connections or more of one client at one listener that opened, carry neither FIN nor RST, and say
    nothing more once the next one has begun; the client has no others there.

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
LEAST = 7
"""A device that restarts leaves one behind each time; seven are a habit."""

SURE_NS = 60 * SECOND
"""A program that keeps a connection says something within a minute; before, the capture may just be short."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each client that leaves them behind."""
    table = gathering.table
    left = (table.flows["established_ns"] > 0) & (table.reused_ns > table.end_ns)
    left &= (table.either("fin_count") == 0) & (table.either("rst_count") == 0)
    rows = np.flatnonzero(left)
    if len(rows) <= LEAST or not gathering.reliable:
        return
    pairs = gathering.ends.pairs
    numbers, counts = np.unique(pairs.ids[rows], return_counts=True)
    for number in numbers[counts > LEAST].tolist():
        members = rows[pairs.ids[rows] == number]
        begun_ns, ended_ns = table.flows["start_ns"][members], table.flows["end_ns"][members]
        if bool((begun_ns[1:] > ended_ns[:-1]).all()) and len(members) == len(pairs.members(number)):
            yield _incident(gathering, members[:-1], int(members[-1])), members[:-1]


def _incident(gathering: Gathering, rows: np.ndarray, newest: int) -> Incident:
    first, last, now = gathering.case(rows[0]), gathering.case(rows[-1]), gathering.case(newest)
    peak = gathering.peak(np.append(rows, newest), "server", State.ESTABLISHED)
    silent_ns = last.since_ns(last.flow.end_ns)
    return gathering.incident(
        CODE,
        "warning",
        0.6 if silent_ns >= SURE_NS else 0.4,
        rows,
        f"{first.client_end.ip} left {count(len(rows), 'connection')} to {first.server_end} open, one after "
        "the "
        f"other: none was closed, and none says anything once the next has begun ({seconds(silent_ns)} for "
        "the "
        f"last of them). The server holds {peak.count:,} sockets as ESTABLISHED",
        suspects=Suspicion({"client-app": 0.5, "client-host": 0.4, "server-app": 0.1}).suspects(),
        evidence=evidence(
            (
                first.flow.last_frame,
                first.flow.end_ns,
                f"{first.client_end}: last segment of the first one, no FIN",
            ),
            (last.flow.last_frame, last.flow.end_ns, f"{last.client_end}: last segment of the last one"),
            (now.flow.first_frame, now.flow.start_ns, f"{now.client_end}: the one in use begins"),
        ),
        next=(
            f"ss -tno state established dst {first.client_end.ip}    # on {first.server_end.ip}: "
            "timer:(keepalive) or none?",
            f"ss -tn dst {first.server_end.ip}    # on {first.client_end.ip}: how many of them it knows",
        ),
        authority="RFC 9293 section 3.8.4; tcp(7) SO_KEEPALIVE",
        peak=peak,
    )
