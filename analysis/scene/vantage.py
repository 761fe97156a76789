"""Where the capture was taken: at the client, at the server, between them (catalogue section K).

Each kind of evidence (`ballots`) votes once, with a weight in log-odds; the strongest side wins. Evidence
for both ends at once is a contradiction (a proxy or load balancer that answers near the client looks like
that), so it is reported and not averaged, unless one side has evidence that only its own host can leave.

`client` and `server` are roles, and the capturing host may have both: an application server is the server
of its users and the client of its database. `infer` then turns all connections so that this host stands on
one side, decides once, and gives every connection its own answer.

Where a capture was taken shows in every connection of it, so of a large one a sample votes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...capture.segment import address_text
from ..result import Vantage
from ..table import FlowTable
from .ballots import BALLOTS
from .neighbours import Neighbours
from .sight import ENDS, Keys, Sight, Vote

SIDES = ("client", "server", "middle", "both")

DECISIVE = 4
"""Log-odds of evidence that only the end's own host can leave (V1, V4): other votes do not contradict it."""

DOUBT = (
    "the evidence contradicts itself: a proxy or load balancer near one end may answer for the other "
    "(syn-proxy); --vantage tells where the capture was taken"
)

LEAD = 1
"""The winner must be this far ahead, in log-odds; else the answer is `unknown`."""

VOTERS = 4096
"""Connections that vote at most; shares are then exact to 1.6 % (95 % of a random sample's error)."""

STRIDE = np.uint64(0x9E3779B97F4A7C15)
"""2^64 / golden ratio: its multiples, modulo 2^64, are spread evenly and follow no period of the traffic."""


class Place(NamedTuple):
    """Where a capture was taken. `sides` has one side per connection where they differ, else it is None."""

    vantage: Vantage
    sides: np.ndarray | None = None
    each: tuple[Vantage, ...] = ()  # of each capture, where they were taken at different places

    def of(self, index: int) -> str:
        """The vantage point as connection number `index` sees it."""
        return self.vantage.side if self.sides is None else str(self.sides[index])


def infer(table: FlowTable, neighbours: Neighbours | None = None) -> Place:
    """The vantage point of the connections in `table`."""
    if len(table) == 0:
        return Place(Vantage("unknown", 0.0, ()))
    heard = neighbours or Neighbours()
    voters = _voters(table)
    serving = _serving(table, voters)
    place = _both_roles(table, heard, serving) if serving is not None else Place(_elect(voters, heard))
    if len(voters) == len(table):
        return place
    spread = f"{len(voters):,} of {len(table):,} connections voted, spread over the whole capture"
    return place._replace(vantage=replace(place.vantage, votes=(*place.vantage.votes, spread)))


def _voters(table: FlowTable) -> FlowTable:
    """The table, or of a large one the same sample every time."""
    if len(table) <= VOTERS:
        return table
    places = np.arange(len(table), dtype=np.uint64) * STRIDE  # in order of these, the sample's members
    return table.subset(np.sort(np.argpartition(places, VOTERS)[:VOTERS]))


def given(side: str) -> Place:
    """The vantage point that the user states."""
    return Place(Vantage(side, 1.0, ("given on the command line",)))


def _elect(table: FlowTable, neighbours: Neighbours, names: tuple[str, str] = ENDS) -> Vantage:
    """All ballots, counted; `names` says what the two ends are called."""
    sight = Sight(table, neighbours, names)
    return _count([vote for ballot in BALLOTS for vote in ballot(sight)])


def _count(votes: list[Vote]) -> Vantage:
    scores = {side: sum(vote.weight for vote in votes if vote.side == side) for side in SIDES}
    lines = tuple(f"{vote.why} ({vote.side} {vote.weight:+g})" if vote.weight else vote.why for vote in votes)
    strongest = max((vote.weight for vote in votes), default=0)
    if min(scores["client"], scores["server"]) >= LEAD and strongest < DECISIVE:
        return Vantage("unknown", 0.0, (*lines, DOUBT))
    ranked = sorted(scores, key=lambda side: -scores[side])
    lead = scores[ranked[0]] - scores[ranked[1]]
    if lead < LEAD:
        return Vantage("unknown", 0.0, lines)
    return Vantage(ranked[0], round(1 / (1 + math.exp(-lead)), 2), lines)


def _both_roles(table: FlowTable, neighbours: Neighbours, serving: np.ndarray) -> Place:
    """One host is in every connection, the server where `serving` marks: turn these, decide, turn back."""
    flows = table.flows.copy()
    flows["client_side"] ^= serving
    turned = FlowTable(flows, table.halves, table.end_ns, table.start_ns)
    key = turned.client_key[0]
    host = address_text(int(key["hi"]), int(key["lo"]))
    found = _elect(_voters(turned), neighbours, (host, f"the peers of {host}"))
    served = int(serving.sum())
    roles = f"{host} is the server of {served} connections here and the client of {len(table) - served}"
    if found.side not in ("client", "server"):
        return Place(Vantage(found.side, found.confidence, (*found.votes, roles)))
    at_server = serving if found.side == "client" else ~serving
    mostly = "server" if at_server.mean() >= 0.5 else "client"
    sides = np.where(at_server, "server", "client")
    return Place(Vantage(mostly, found.confidence, (*found.votes, roles)), sides)


def _serving(table: FlowTable, voters: FlowTable) -> np.ndarray | None:
    """Where one host is an end of all connections, client of some and server of others: those."""
    for key in (voters.client_key[0], voters.server_key[0]):
        if not _alone(_is(voters.client_key, key), _is(voters.server_key, key)):
            continue
        calling, serving = _is(table.client_key, key), _is(table.server_key, key)
        if _alone(calling, serving) and calling.any() and serving.any():
            return serving
    return None


def _alone(calling: np.ndarray, serving: np.ndarray) -> bool:
    """Whether a host is exactly one end of every connection."""
    return bool((calling ^ serving).all())


def _is(keys: Keys, key: np.void) -> np.ndarray:
    return np.asarray((keys["hi"] == key["hi"]) & (keys["lo"] == key["lo"]))
