"""What rules have to know about the capture: artefacts (catalogue section I) that can veto a finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..records import Fact
from ..table import FlowTable

ONE_WAY_SHARE = 0.95
"""Share of the connections that show one end only, from which the capture is one-way."""

ENOUGH = 3
"""So many alike make a habit of the capture, where one or two are chance."""

FIRST_RETRY_NS = 1_000_000_000
"""RFC 6298 section 2: the first retransmission of a SYN. Who has waited for less has not waited in vain."""

REWRITTEN_SHARE = 0.1
"""A tool that rewrites headers does it to all of a kind. Anybody can send a few that are malformed, and could
else silence every verdict."""

REWRITTEN_COUNT = 10

MALFORMED = "malformed-tcp"

Pair = tuple[int, int, int, int]
"""Both addresses of a connection, the lower one first."""


class Traits(NamedTuple):
    """What rules have to know about the capture."""

    one_way: bool = False  # only one direction of the traffic was captured
    one_way_pairs: frozenset[Pair] = (
        frozenset()
    )  # pairs of hosts of which only one is ever seen, though the other answers
    drop_ratio: float = 0.0  # acknowledged bytes that were never captured / acknowledged bytes
    filtered: bool = False  # only segments with SYN, FIN or RST were captured
    rewritten: bool = False  # the TCP headers are not those that were sent: nothing is judged by them


def traits_of(table: FlowTable) -> Traits:
    """The traits of one table of connections."""
    return Traits(is_one_way(table), one_way_pairs(table), drop_ratio(table), is_filtered(table))


def rewritten(tcp_segments_count: int, skipped: Mapping[str, int]) -> str:
    """Why nothing can be said about the TCP headers of a capture, in words; empty where something can.

    No stack sends a header that is longer than its packet, or shorter than 20 bytes. `skipped`: frames that
    are no segments, by reason.
    """
    malformed = skipped.get(MALFORMED, 0)
    every = tcp_segments_count + malformed
    if malformed < REWRITTEN_COUNT or malformed <= REWRITTEN_SHARE * every:
        return ""
    return (
        f"{malformed} of {every} TCP headers are impossible: a tool has rewritten or damaged them; "
        "ask for the original capture"
    )


def drop_ratio(table: FlowTable) -> float:
    """Share of acknowledged payload that the capture missed, over connections seen from both sides.

    Left out are those that come in IP fragments: their rows have the first fragment's bytes, not the others'.
    """
    if not table.both("unseen_bytes").any():
        return 0.0
    both = _seen_both(table) & ~table.has(Fact.FRAGMENT)
    pair = np.repeat(both, 2)
    unseen = float(table.both("unseen_bytes")[pair].sum())
    whole = float(table.both("unique_bytes")[pair].sum())
    return unseen / whole if whole else 0.0


def _seen_both(table: FlowTable) -> np.ndarray:
    """Connections with segments of both ends."""
    seen = table.both("packets") > 0
    return np.asarray(seen[0::2] & seen[1::2])


def half_seen(table: FlowTable) -> np.ndarray:
    """Connections that go on as if the other end answered, and it is not seen at all.

    After a SYN or SYN-ACK, any segment that is neither of these nor RST shows that an answer came.
    Without one, new data for a second and no repeat does: unacknowledged, a sender repeats (RFC 6298).
    """
    silent = table.both("packets") == 0
    flows = np.flatnonzero(silent[0::2] != silent[1::2])
    seen = 2 * flows + silent[0::2][flows]

    def of(name: str) -> np.ndarray:
        return np.asarray(table.halves[name][seen])

    opening = of("syn_count") + of("synack_count")
    goes_on = of("packets") - of("duplicate_count") > opening + of("rst_count")
    flows_on = (of("advanced_ns") - of("first_ns") >= FIRST_RETRY_NS) & (of("data_packets") >= ENOUGH)
    flows_on &= (of("rto_count") == 0) & (of("edge_count") == 0)
    found = np.zeros(len(table), bool)
    found[flows] = np.where(opening > 0, goes_on, flows_on)
    return found


def is_one_way(table: FlowTable) -> bool:
    """Only one direction was captured: hardly a connection shows both ends, and some go on as if answered."""
    if not len(table):
        return False
    both = _seen_both(table)
    return bool(both.mean() <= 1 - ONE_WAY_SHARE and half_seen(table).mean() > 1 - ONE_WAY_SHARE)


def one_way_pairs(table: FlowTable) -> frozenset[Pair]:
    """Pairs of hosts with connections that go on unanswered, and none that shows both."""
    missing = half_seen(table)
    if not missing.any():
        return frozenset()
    seen = _seen_both(table)
    found = _pairs(table.flows[missing])
    return found - _pairs(table.flows[seen]) if seen.any() else found


def _pairs(flows: np.ndarray) -> frozenset[Pair]:
    columns = np.column_stack([flows[name] for name in ("a_hi", "a_lo", "b_hi", "b_lo")])
    return frozenset(pair_of(*ends) for ends in np.unique(columns, axis=0).tolist())


def pair_of(a_hi: int, a_lo: int, b_hi: int, b_lo: int) -> Pair:
    """Two addresses as a key that does not depend on their order."""
    return (*min((a_hi, a_lo), (b_hi, b_lo)), *max((a_hi, a_lo), (b_hi, b_lo)))


def is_filtered(table: FlowTable) -> bool:
    """Every segment carries SYN, FIN or RST, and some connections cannot have lived on these alone."""
    both = table.both
    flagged = both("syn_count") + both("synack_count") + both("fin_count") + both("rst_count")
    if not len(table) or bool((both("packets") - both("duplicate_count") > flagged).any()):
        return False
    answered = (table.client("syn_count") == 1) & (table.server("synack_count") == 1)
    closed = answered & (table.either("fin_count") > 0)
    return bool(closed.any() or answered.sum() >= ENOUGH)
