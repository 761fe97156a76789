"""Where the capture was taken: at the client, at the server, between them (catalogue section K, votes V1-V5).

Each kind of evidence votes once per capture, with a weight in log-odds; the strongest side wins. Votes that
contradict each other lower the confidence and are printed. No vote is made from a field that the capture does
not carry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .records import Fact
from .result import Vantage
from .table import FlowTable

SIDES = ("client", "server", "middle", "both", "unknown")
SPLIT_FLOOR_NS = 1_000_000
"""A handshake quicker than this says nothing about distances (V3)."""


@dataclass(frozen=True)
class Vote:
    """`weight` in log-odds for `side`."""

    side: str
    weight: float
    why: str


def infer(table: FlowTable) -> Vantage:
    """The vantage point of the connections in `table`."""
    if len(table) == 0:
        return Vantage("unknown", 0.0, ())
    votes = [vote for ballot in BALLOTS for vote in ballot(table)]
    return _count(votes)


def given(side: str) -> Vantage:
    """The vantage point that the user states."""
    return Vantage(side, 1.0, ("given on the command line",))


def _count(votes: list[Vote]) -> Vantage:
    scores = {side: sum(vote.weight for vote in votes if vote.side == side) for side in SIDES[:4]}
    lines = tuple(f"{vote.why} ({vote.side} +{vote.weight:g})" for vote in votes)
    ranked = sorted(scores, key=lambda side: -scores[side])
    best, second = ranked[0], ranked[1]
    lead = scores[best] - scores[second]
    if scores[best] == 0 or lead < 1:
        return Vantage("unknown", 0.0, lines)
    return Vantage(best, round(1 / (1 + math.exp(-lead)), 2), lines)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}"


def by_direction(table: FlowTable) -> list[Vote]:
    """V1: the capture says which packets its own host sent."""
    sent = {side: int(getattr(table, side)("out_count").sum()) for side in ("client", "server")}
    got = {side: int(getattr(table, side)("in_count").sum()) for side in ("client", "server")}
    both = [side for side in sent if sent[side]]
    if len(both) == 2 and min(sent.values()) > 0.2 * max(sent.values()):
        if sum(got.values()) > 0.5 * sum(sent.values()):
            return [Vote("both", 5, "the capturing host sent packets of both ends")]
        return [Vote("middle", 3, "the capturing host forwards for both ends")]
    if both:
        side = max(both, key=lambda name: sent[name])
        return [Vote(side, 5, f"the capture marks {sent[side]} packets of the {side} as sent by this host")]
    return []


def by_partial_checksum(table: FlowTable) -> list[Vote]:
    """V4: checksums left for the network card to finish exist only on the sending host."""
    votes = []
    counts = {side: int(getattr(table, side)("partial_sum_count").sum()) for side in ("client", "server")}
    whole = {side: int(getattr(table, side)("packets").sum()) for side in ("client", "server")}
    left = [side for side in counts if counts[side] >= max(2, whole[side] // 10)]
    if len(left) == 2:
        return [Vote("both", 4, "both ends' checksums were left to the network card")]
    for side in left:
        why = f"{_share(counts[side], whole[side])} checksums of the {side} were left to the network card"
        votes.append(Vote(side, 4, why))
    return votes


def by_ttl(table: FlowTable) -> list[Vote]:
    """V2: packets whose TTL nobody has lowered yet come from the tap's own host or link."""
    fresh = {}
    for side in ("client", "server"):
        ttl = getattr(table, side)("ttl_first")
        ttl = ttl[ttl > 0]
        if len(ttl) == 0:
            continue
        fresh[side] = (float(np.isin(ttl, (64, 128, 255)).mean()), int(np.bincount(ttl).argmax()))
    near = [side for side, (share, _) in fresh.items() if share > 0.9]
    if len(near) == 2:
        return [Vote("both", 1, "neither end's TTL has been lowered: no router between the ends and the tap")]
    if len(fresh) == 2 and not near:
        ttls = " and ".join(str(fresh[side][1]) for side in ("client", "server"))
        return [Vote("middle", 2, f"both ends' TTLs have been lowered ({ttls}): routers on both sides of the tap")]
    return [
        Vote(side, 2, f"the {side}'s TTL {fresh[side][1]} has not been lowered")
        for side in near
    ]


def by_handshake_split(table: FlowTable) -> list[Vote]:
    """V3: which part of the handshake's round trip lies on which side of the tap."""
    usable = (
        table.has(Fact.HANDSHAKE)
        & (table.client("syn_count") == 1)
        & (table.server("synack_count") == 1)
        & (table.flows["established_ns"] - table.client("syn_ns") >= SPLIT_FLOOR_NS)
    )
    if not usable.any():
        return []
    whole = (table.flows["established_ns"] - table.client("syn_ns"))[usable]
    ahead = (table.server("syn_ns") - table.client("syn_ns"))[usable]
    split = float(np.median(ahead / whole))
    count = int(usable.sum())
    weight = 2 if count >= 5 else 1
    why = f"{split:.0%} of the handshake's round trip lies on the server's side of the tap ({count} handshakes)"
    if split > 0.95:
        return [Vote("client", weight, why)]
    if split < 0.05:
        return [Vote("server", weight, why)]
    return [Vote("middle", weight, why)]


def by_size(table: FlowTable) -> list[Vote]:
    """V5: segments longer than the MSS exist before the sender's card cut them, or after the receiver's joined them."""
    votes = []
    for side, opposite in (("client", "server"), ("server", "client")):
        large = int(getattr(table, side)("oversize_count").sum())
        if large < 2:
            continue
        ttl = getattr(table, side)("ttl_first")
        ttl = ttl[ttl > 0]
        fresh = bool(np.isin(ttl, (64, 128, 255)).mean() > 0.9) if len(ttl) else False
        near = side if fresh else opposite
        votes.append(Vote(near, 3, f"{large} segments of the {side} exceed the MSS: cut or joined at the {near}"))
    return votes


BALLOTS = (by_direction, by_partial_checksum, by_ttl, by_handshake_split, by_size)
