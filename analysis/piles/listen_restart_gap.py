"""A port refuses everybody for a while, between times when it answers: its program was restarted.

Signature
    Three connections or more to one listener with port-closed. The listener answers SYNs before the
    first of them and after the last, and none in between.

Meaning
    Nothing was listening from the last answer to the first new one: a restart or a deployment without a
    handover of the listening socket, or a crash and its supervisor.

Confused with
    port-closed: there it never answers again. A load balancer of several backends: its refusals mix with
    answers.

Dropped by
    The server's program, which was not there.

Next
    The service's log at the beginning of the gap.

Authority
    RFC 9293 section 3.10.7.1 (a closed port answers with RST).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import seconds
from ..result import Incident
from .gathering import Gathering, Member, count, first_and_last, rows_of, worst

CODE = "listen-restart-gap"
PHASE = "handshake"
ABSORBS = ("port-closed",)
LEAST = 3
"""So many refusals between answers are a state of the port, not one packet's fate."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each port with a gap."""
    table = gathering.table
    for _, members in gathering.piles(ABSORBS, LEAST, lambda _: "server"):
        rows = rows_of(members)
        everyone = gathering.together(int(rows[0]), "server")
        asked_ns = table.client("syn_ns")[rows]
        answers_ns = table.server("syn_ns")[everyone][table.server("synack_count")[everyone] > 0]
        before, after = answers_ns[answers_ns < asked_ns.min()], answers_ns[answers_ns > asked_ns.max()]
        if len(before) and len(after) and len(before) + len(after) == len(answers_ns):
            yield _incident(gathering, members, int(before.max()), int(after.min())), rows


def _incident(gathering: Gathering, members: list[Member], last_ns: int, next_ns: int) -> Incident:
    finding, rows, end = worst(members), rows_of(members), members[0][0].server_end
    return gathering.incident(
        CODE,
        finding.severity,
        finding.confidence,
        rows,
        f"{end} refused {count(len(rows), 'connection')} from "
        f"{count(gathering.clients_count(rows), 'client')} and answers "
        f"before and after: nothing listened for at most {seconds(next_ns - last_ns)}, from "
        f"{gathering.into(last_ns)}; "
        "a restart",
        suspects=finding.suspects,
        evidence=first_and_last(members),
        ruled_out=finding.ruled_out,
        errno=finding.errno,
        next=(
            f"journalctl --since ...    # on {end.ip}: what stopped and started at that time",
            *finding.next,
        ),
        authority="RFC 9293 section 3.10.7.1",
    )
