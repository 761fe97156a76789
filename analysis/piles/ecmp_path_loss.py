"""Some source ports of a client never get through while others do: one of several paths or links is broken.

Signature
    Three connections or more of one client to one listener with three SYNs or more that all stay unanswered,
    while three others or more, begun in between, opened with their first SYN; and so clear a division of lost
    and answered SYNs has a chance below one in a hundred when each SYN is lost on its own.

Meaning
    Routers, bundled links and load balancers choose one of several ways by a hash of addresses and ports. All
    SYNs of one connection take the same way, and one of the ways loses everything. For the user it works one
    time in N, and trying again from another port helps.

Confused with
    syn-unanswered on a lossy path: there the same connection gets through with a later SYN. A port that was
    away for a while: nobody opened meanwhile.

Dropped by
    A member of a bundle, a path or a backend beyond the capture: the path, the server's network; less likely
    the server's host (one of several receive queues).

Next
    The same source ports again: do the same ones fail? Then each way on its own.

Authority
    RFC 2992 and RFC 2991 (multipath by hash of the flow).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

import numpy as np

from ..result import Incident
from ..table import FlowTable
from .gathering import Gathering, Member, count, first_and_last, rows_of, worst

CODE = "ecmp-path-loss"
PHASE = "handshake"
ABSORBS = ("syn-unanswered",)

LEAST = 3
"""So many silent ones: fewer fall into any pattern by chance."""

CHANCE = 0.01
"""Below this, SYNs that are lost one by one do not divide so cleanly by their connection."""

SHOWN_PORTS = 3
"""Source ports that the next command tries again."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each client and listener with source ports that fail and others that do not."""
    if not gathering.reliable:
        return
    siblings = gathering.scene.peers.siblings
    for _, members in gathering.piles(ABSORBS, LEAST, lambda _: "client"):
        ports = siblings.silent_ports(members[0][0].index)
        everyone = gathering.together(members[0][0].index, "client")
        if ports and _chance(gathering.table, everyone) < CHANCE:
            yield _incident(gathering, members, everyone, ports), rows_of(members)


def _chance(table: FlowTable, rows: np.ndarray) -> float:
    """How likely it is that losses, one SYN at a time, spare some connections and hit all SYNs of others.

    Every choice of the connections that are hit counts, so it is rather too high than too low.
    """
    asked = table.client("syn_count")[rows].astype(np.int64)
    answered = table.server("synack_count")[rows] > 0
    lost, sent = int((asked - answered).sum()), int(asked.sum())
    if not 0 < lost < sent:
        return 1.0
    rate = lost / sent
    return float(comb(len(rows), int((~answered).sum())) * rate**lost * (1 - rate) ** (sent - lost))


def _incident(gathering: Gathering, members: list[Member], everyone: np.ndarray, ports: str) -> Incident:
    finding, rows, case = worst(members), rows_of(members), members[0][0]
    opened = int((gathering.table.server("synack_count")[everyone] > 0).sum())
    again = ", ".join(str(member.client_end.port) for member, _ in members[:SHOWN_PORTS])
    loop = again.replace(",", "")
    return gathering.incident(
        CODE,
        finding.severity,
        0.7,
        rows,
        f"{ports} of {case.client_end.ip} get no answer from {case.server_end} however often they ask, while "
        f"{count(opened, 'other')} opened in between: one of several paths, links or backends is broken",
        suspects=finding.suspects,
        evidence=first_and_last(members),
        ruled_out=finding.ruled_out,
        errno=finding.errno,
        next=(
            f"for p in {loop}; do nc -vz -w 3 -p $p {case.server_end.ip} {case.server_end.port}; done"
            f"    # on {case.client_end.ip}: do the same source ports fail again?",
            *finding.next,
        ),
        authority="RFC 2992",
    )
