"""Many sockets of one program stand in CLOSE-WAIT: their peers closed, and it never does.

Signature
    Ten connections or more of one listener (or of one client to one listener) with close-wait-stuck on the
    same side, at least five of them for 3 s or more. The most that stood in CLOSE-WAIT at once is counted
    from every connection there.

Meaning
    The kernel is alive and acknowledged each FIN; the program was told of the end of each stream and called
    close() for none of them. It leaks descriptors: past its limit (ulimit -n, often 1024) accept() fails with
    EMFILE, the accept queue fills, and new connections time out.

Confused with
    A busy server, whose sockets pass through CLOSE-WAIT within milliseconds: these stay. last-ack-pile:
    there the program did close.

Dropped by
    The program on the side of the pile.

Next
    `ss -tnp state close-wait` names the process; a thread dump says where it has stopped reading.

Authority
    RFC 9293 section 3.3.2 (CLOSE-WAIT: waiting for the local user); setrlimit(2) RLIMIT_NOFILE.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import Case, other, seconds
from ..evidence.closing import closer_of
from ..result import Incident
from ..states import State
from .gathering import Gathering, Member, count, first_and_last, rows_of, worst

CODE = "close-wait-pile"
PHASE = "close"
ABSORBS = ("close-wait-stuck",)
LEAST = 10
"""One forgotten close() is a rare path; ten at once are a habit."""

LATE = 5
"""So many of them stand there for 3 s; the others may be on their way."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each program that keeps many."""
    for side, members in gathering.piles(ABSORBS, LEAST, _open_side, infos=True):
        if sum(finding.severity != "info" for _, finding in members) < LATE:
            continue
        yield _incident(gathering, side, members), rows_of(members)


def _open_side(case: Case) -> str | None:
    closer = closer_of(case)
    return other(closer) if closer else None


def _incident(gathering: Gathering, side: str, members: list[Member]) -> Incident:
    rows, finding = rows_of(members), worst(members)
    end = members[0][0].end(side)
    name = str(end) if side == "server" else f"{end.ip} to {members[0][0].server_end}"
    peak = gathering.peak(gathering.together(int(rows[0]), side), side, State.CLOSE_WAIT)
    fins = sorted(case.half(other(side)).fin_acked_ns for case, _ in members)
    pace = seconds((fins[-1] - fins[0]) / (len(fins) - 1))
    return gathering.incident(
        CODE,
        finding.severity,
        finding.confidence,
        rows,
        f"{count(len(rows), 'socket')} of {name} stand in CLOSE-WAIT: their peers closed, its kernel "
        "acknowledged, "
        f"and its program never closed its side. One more every {pace}, at most {peak.count:,} at once, "
        f"{gathering.into(peak.at_ns)}",
        suspects=finding.suspects,
        evidence=first_and_last(members),
        ruled_out=finding.ruled_out,
        next=finding.next,
        authority="RFC 9293 section 3.3.2; setrlimit(2) RLIMIT_NOFILE",
        peak=peak,
    )
