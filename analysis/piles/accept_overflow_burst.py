"""The queue of connections that wait for accept() overflows again and again at one listener.

Signature
    Three connections or more of one listener with accept-queue-syn-drop or accept-queue-ack-drop, and three
    of them within 10 s.

Meaning
    The program accepts more slowly than clients connect, or has stopped. The kernel then drops SYNs in
    silence, and clients see connects that take 1, 3 or 7 s, or time out. The queue is the smaller of the
    program's backlog and somaxconn (4096 since Linux 5.4, 128 before; Node's default backlog is 511).

Confused with
    syn-flood: there nobody repeats a SYN. A firewall's rate limit: there no open connection is mute.

Dropped by
    The server's program; its host, whose queue is short.

Next
    `ss -ltn`: Recv-Q above Send-Q on the listening socket; TcpExtListenOverflows.

Authority
    listen(2); ip-sysctl somaxconn, tcp_abort_on_overflow.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import SECOND, seconds
from ..result import Incident
from .gathering import Gathering, Member, count, first_and_last, rows_of, worst

CODE = "accept-overflow-burst"
PHASE = "handshake"
ABSORBS = ("accept-queue-syn-drop", "accept-queue-ack-drop")
LEAST = 3
"""Two may share a moment by chance."""

WITHIN_NS = 10 * SECOND
"""The third repeat of a dropped SYN comes after 7 s: what a full queue drops now meets it again within "
"this."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each listener whose queue overflowed several times in a short while."""
    for _, members in gathering.piles(ABSORBS, LEAST, lambda _: "server"):
        rows = rows_of(members)
        begun_ns = np.sort(gathering.table.client("syn_ns")[rows])
        if (begun_ns[LEAST - 1 :] - begun_ns[: -LEAST + 1]).min() <= WITHIN_NS:
            yield _incident(gathering, members, rows, begun_ns), rows


def _incident(
    gathering: Gathering, members: list[Member], rows: np.ndarray, begun_ns: np.ndarray
) -> Incident:
    finding = worst(members)
    end = members[0][0].server_end
    everyone = gathering.together(int(rows[0]), "server")
    span = seconds(int(begun_ns[-1] - begun_ns[0]))
    return gathering.incident(
        CODE,
        finding.severity,
        max(finding.confidence, 0.9),
        rows,
        f"the accept queue of {end} is full: {count(len(rows), 'connection')} of {len(everyone):,} met it "
        f"within {span}; "
        "the program does not accept, or too slowly",
        suspects=finding.suspects,
        evidence=first_and_last(members),
        ruled_out=finding.ruled_out,
        errno=finding.errno,
        next=finding.next,
        authority="listen(2); ip-sysctl somaxconn",
    )
