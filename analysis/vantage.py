"""Where the capture was taken: at the client, at the server, between them (catalogue section K).

Each kind of evidence (`ballots`) votes once, with a weight in log-odds; the strongest side wins. Evidence
for both ends at once is a contradiction (a proxy or load balancer that answers near the client looks like
that), so it is reported and not averaged, unless one side has evidence that only its own host can leave.

`client` and `server` are roles, and the capturing host may have both: an application server is the server
of its users and the client of its database. `infer` then turns all connections so that this host stands on
one side, decides once, and gives every connection its own answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..capture.segment import address_text
from .ballots import BALLOTS, Keys, Sight, Vote
from .neighbours import Neighbours
from .result import Vantage
from .table import FlowTable

SIDES = ("client", "server", "middle", "both")

DECISIVE = 4
"""Log-odds of evidence that only the end's own host can leave (V1, V4): other votes do not contradict it."""

LEAD = 1
"""The winner must be this far ahead, in log-odds; else the answer is `unknown`."""


@dataclass(frozen=True)
class Place:
    """Where a capture was taken. `sides` has one side per connection where they differ, else it is None."""

    vantage: Vantage
    sides: np.ndarray | None = None

    def of(self, index: int) -> str:
        """The vantage point as connection number `index` sees it."""
        return self.vantage.side if self.sides is None else str(self.sides[index])


def infer(table: FlowTable, neighbours: Neighbours | None = None) -> Place:
    """The vantage point of the connections in `table`."""
    if len(table) == 0:
        return Place(Vantage("unknown", 0.0, ()))
    heard = neighbours or Neighbours()
    serving = _serving(table)
    if serving is None:
        return Place(_count(_cast(Sight(table, heard))))
    return _both_roles(table, heard, serving)


def given(side: str) -> Place:
    """The vantage point that the user states."""
    return Place(Vantage(side, 1.0, ("given on the command line",)))


def _cast(sight: Sight) -> list[Vote]:
    return [vote for ballot in BALLOTS for vote in ballot(sight)]


def _count(votes: list[Vote]) -> Vantage:
    scores = {side: sum(vote.weight for vote in votes if vote.side == side) for side in SIDES}
    lines = tuple(f"{vote.why} ({vote.side} +{vote.weight:g})" if vote.weight else vote.why for vote in votes)
    strongest = max((vote.weight for vote in votes), default=0)
    if min(scores["client"], scores["server"]) >= LEAD and strongest < DECISIVE:
        doubt = (
            "the evidence contradicts itself: a proxy or load balancer near one end may answer for the other"
        )
        return Vantage("unknown", 0.0, (*lines, doubt))
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
    found = _count(_cast(Sight(turned, neighbours, (host, f"the peers of {host}"))))
    served = int(serving.sum())
    roles = f"{host} is the server of {served} connections here and the client of {len(table) - served}"
    if found.side not in ("client", "server"):
        return Place(Vantage(found.side, found.confidence, (*found.votes, roles)))
    at_server = serving if found.side == "client" else ~serving
    mostly = "server" if at_server.mean() >= 0.5 else "client"
    sides = np.where(at_server, "server", "client")
    return Place(Vantage(mostly, found.confidence, (*found.votes, roles)), sides)


def _serving(table: FlowTable) -> np.ndarray | None:
    """Where one host is an end of all connections, client of some and server of others: those."""
    clients, servers = table.client_key, table.server_key
    for key in (clients[0], servers[0]):
        calling, serving = _is(clients, key), _is(servers, key)
        if bool((calling ^ serving).all()) and calling.any() and serving.any():
            return serving
    return None


def _is(keys: Keys, key: np.void) -> np.ndarray:
    return np.asarray((keys["hi"] == key["hi"]) & (keys["lo"] == key["lo"]))
