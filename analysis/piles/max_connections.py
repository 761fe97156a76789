"""A server accepts no more than a fixed number of connections, and turns the next ones away at once.

Signature
    Three connections or more of one listener that open and that the server closes within a second, having
    said little or nothing, before their clients said anything; each begins while the same number of others
    (give or take one) is established, the most that there ever are, and connections that begin while fewer
    are established are served.

Meaning
    The kernel accepts and the program refuses: MySQL's 1040, SMTP's 421, a pool's limit. Nothing is wrong
    with the network.

Confused with
    accept-overflow-burst: there the kernel is what drops. A server that serves and closes quickly: its
    short connections do not wait for a full house.

Dropped by
    The server's program, by its limit.

Next
    The program's limit and its log; who holds the connections.

Authority
    RFC 5321 section 4.2.3 (421), MySQL ER_CON_COUNT_ERROR 1040: limits that are said after the accept.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import SECOND, evidence
from ..result import Incident
from ..states import State
from ..verdict import certainly
from .gathering import Gathering, count

CODE = "max-connections"
PHASE = "application"
ABSORBS = ()
LEAST = 3
"""A close at the limit may be chance once or twice."""

QUICK_NS = SECOND
WORDS_BYTES = 512
"""A message that says why fits in this (RFC 5321 section 4.5.3.1.5: 512 octets for a reply line)."""

SLACK = 1
"""A connection may be closing or opening at the same moment, seen from the tap."""

SMALLEST_LIMIT = 3
"""One or two at a time are a program that takes turns, not one with a limit."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each listener with a limit."""
    table, listeners = gathering.table, gathering.ends.listeners
    if not gathering.reliable:
        return
    flows, fin_ns = table.flows, table.server("fin_ns")
    turned = (flows["established_ns"] > 0) & (fin_ns > 0) & (fin_ns - flows["established_ns"] <= QUICK_NS)
    turned &= (table.server("unique_bytes") <= WORDS_BYTES) & (table.client("data_packets") == 0)
    turned &= (table.client("fin_ns") == 0) | (table.client("fin_ns") >= fin_ns)
    for number in np.flatnonzero(listeners.sums(turned) >= LEAST).tolist():
        everyone = listeners.members(number)
        found = _limit(gathering, everyone, turned[everyone])
        if found is not None:
            yield found


def _limit(
    gathering: Gathering, everyone: np.ndarray, turned: np.ndarray
) -> tuple[Incident, np.ndarray] | None:
    """The limit that explains every connection that was turned away, and every one that was served."""
    rows, served = everyone[turned], everyone[~turned]
    established_ns = gathering.table.flows["established_ns"]
    served = served[established_ns[served] > 0]
    if len(served) < SMALLEST_LIMIT:
        return None
    held = gathering.level(served, "server", State.ESTABLISHED)
    limit = held.peak.count
    places = np.searchsorted(held.at_ns, established_ns[rows], "right") - 1
    beside = np.where(places >= 0, held.counts[np.maximum(places, 0)], 0)
    if limit < SMALLEST_LIMIT or (beside < limit - SLACK).any():
        return None
    return _incident(gathering, rows, limit), rows


def _incident(gathering: Gathering, rows: np.ndarray, limit: int) -> Incident:
    first, last = gathering.case(rows[0]), gathering.case(rows[-1])
    said = int((gathering.table.server("unique_bytes")[rows] > 0).sum())
    end = first.server_end
    return gathering.incident(
        CODE,
        "error",
        0.7,
        rows,
        f"{end} holds at most {limit:,} connections: {count(len(rows), 'more connection')} opened and were "
        "closed at "
        f"once by its program, {said:,} of them after a few words",
        suspects=certainly("server-app"),
        evidence=evidence(
            (
                first.server.fin_frame,
                first.server.fin_ns,
                f"{first.client_end}: the server closes, {limit:,} others are established",
            ),
            (last.server.fin_frame, last.server.fin_ns, f"{last.client_end}: the last one turned away"),
        ),
        next=(
            f"ss -tn state established 'sport = :{end.port}' | wc -l    # on {end.ip}: who holds them",
            "the limit in the program's configuration (max_connections, maxclients, worker_connections)    "
            f"# on {end.ip}",
        ),
        authority="RFC 5321 section 4.2.3; MySQL ER_CON_COUNT_ERROR",
    )
