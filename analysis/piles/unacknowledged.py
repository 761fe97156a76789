"""Hosts whose FINs go unanswered on many connections: what last-ack-pile and fin-wait-pile share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..case import Case, other, seconds
from ..result import Incident
from ..states import State
from .gathering import Gathering, Member, count, first_and_last, rows_of, worst

LEAST = 10
"""One lost peer is chance; ten that wait at once share a cause."""


def incidents(
    gathering: Gathering, code: str, finding: str, state: State, side_of: Callable[[Case], str | None]
) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each host with a pile in `state`; `side_of` says on which side a connection waits."""
    for side, members in gathering.piles((finding,), LEAST, side_of):
        yield _incident(gathering, code, state, side, members), rows_of(members)


def _incident(gathering: Gathering, code: str, state: State, side: str, members: list[Member]) -> Incident:
    rows, finding = rows_of(members), worst(members)
    end = members[0][0].end(side)
    name = str(end) if side == "server" else f"{end.ip} to {members[0][0].server_end}"
    peak = gathering.peak(gathering.together(int(rows[0]), side), side, state)
    fins = [case.half(side).fin_ns for case, _ in members]
    peers = len({case.end(other(side)).ip for case, _ in members})
    return gathering.incident(
        code,
        finding.severity,
        finding.confidence,
        rows,
        f"{count(len(rows), 'socket')} of {name} wait in {state.text}: their FINs, repeated, get no answer "
        "from "
        f"{count(peers, 'peer')}. The first of these FINs were sent within {seconds(max(fins) - min(fins))}; "
        "at most "
        f"{peak.count:,} waited at once, {gathering.into(peak.at_ns)}",
        suspects=finding.suspects,
        evidence=first_and_last(members),
        ruled_out=finding.ruled_out,
        next=finding.next,
        authority="RFC 9293 section 3.3.2; ip-sysctl tcp_orphan_retries, tcp_max_orphans",
        peak=peak,
    )
