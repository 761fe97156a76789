"""Many half-open connections wait at one listener: its SYN-ACKs are never acknowledged.

Signature
    Ten connections or more of one listener with synack-unacked, whose clients repeat their SYNs: they want
    the connection and do not get the answer.

Meaning
    The SYN-ACKs are lost on their way back: an asymmetric route, a firewall that has not seen the SYN, a
    return path that is down. Each keeps a place in the queue of half-open connections until its five repeats
    are over (63 s); when the queue is full the server answers with SYN cookies, or not at all.

Confused with
    syn-flood: there nobody repeats a SYN. accept-overflow-burst: there the client's ACK arrives.

Dropped by
    The way back to the clients.

Next
    The route back, and a capture at one of the clients.

Authority
    ip-sysctl tcp_max_syn_backlog (128 and up, by memory), tcp_synack_retries 5, tcp_syncookies.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..result import Incident
from ..states import State
from .gathering import Gathering, Member, count, first_and_last, rows_of, worst

CODE = "syn-recv-pile"
PHASE = "handshake"
ABSORBS = ("synack-unacked",)
LEAST = 10
"""One client's misfortune does not make so many; the smallest tcp_max_syn_backlog holds 128."""

WANTED_SHARE = 0.5
"""Share of the clients that repeat their SYN, from which these are clients and no flood."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each listener with many half-open connections."""
    for _, members in gathering.piles(ABSORBS, LEAST, lambda _: "server"):
        rows = rows_of(members)
        if (gathering.table.client("syn_count")[rows] > 1).mean() >= WANTED_SHARE:
            yield _incident(gathering, members, rows), rows


def _incident(gathering: Gathering, members: list[Member], rows: np.ndarray) -> Incident:
    finding, end = worst(members), members[0][0].server_end
    everyone = gathering.together(int(rows[0]), "server")
    peak = gathering.peak(everyone, "server", State.SYN_RECEIVED)
    opened = int((gathering.table.flows["established_ns"][everyone] > 0).sum())
    return gathering.incident(
        CODE,
        finding.severity,
        finding.confidence,
        rows,
        f"{count(len(rows), 'connection')} to {end} stay half open: its SYN-ACKs are never acknowledged, "
        "though the "
        f"clients keep asking. At most {peak.count:,} stood in SYN-RECEIVED at once, "
        f"{gathering.into(peak.at_ns)}; "
        f"{opened:,} of {len(everyone):,} connections opened",
        suspects=finding.suspects,
        evidence=first_and_last(members),
        ruled_out=finding.ruled_out,
        errno=finding.errno,
        next=(f"ss -tn state syn-recv 'sport = :{end.port}' | wc -l    # on {end.ip}", *finding.next),
        authority="ip-sysctl tcp_max_syn_backlog, tcp_synack_retries",
        peak=peak,
    )
