"""A RST in answer to a SYN: does it come from the server, or from a device in between?"""

from __future__ import annotations

from typing import NamedTuple

from ..case import MS, Case, hops, initial_ttl, seconds
from .position import locate

CLOCK_NS = MS
"""Round trips below this are too short to compare delays."""


class Contradiction(NamedTuple):
    """What says that the RST is not the server's own: weights over sides, the sentence, the confidence."""

    weights: dict[str, float]
    why: str
    confidence: float


def contradiction(case: Case) -> Contradiction | None:
    """The strongest observation against the server having sent its RST; None when there is none."""
    return _nearer(case) or _sooner(case)


def baseline(case: Case) -> tuple[int, int, str, float]:
    """(lowest, highest) TTL of the server's SYN-ACKs, which ones, how much they count; zeros when unknown."""
    if case.server.syn_ttl:
        return case.server.syn_ttl, case.server.syn_ttl, "its SYN-ACK here", 0.95
    peers = case.scene.peers
    listener = peers.listener(case.index)
    if listener.ttl:
        return listener.ttl_min, listener.ttl, "SYN-ACKs of the same port", 0.9
    server = peers.server(case.index)
    return server.ttl_min, server.ttl, "SYN-ACKs of its other ports", 0.8


def _nearer(case: Case) -> Contradiction | None:
    """Fewer hops away than the server has ever been."""
    _, highest, source, confidence = baseline(case)
    ttl = case.server.rst_ttl
    if not highest or hops(ttl) >= hops(highest):
        return None
    if initial_ttl(ttl) != initial_ttl(highest):
        confidence -= 0.15  # another starting value: another kind of sender, or a host that uses two
    where = locate(case, ttl)
    weights = dict(where.weights)
    if source.endswith("other ports"):
        weights["server-host"] = 0.08  # another host may stand behind that port
    gained = hops(highest) - hops(ttl)
    why = f"TTL {ttl} where {source} have {highest}: {gained} hop{'s' if gained > 1 else ''} nearer"
    return Contradiction(weights, why, confidence)


def _sooner(case: Case) -> Contradiction | None:
    """Back in less than half of the server's quickest round trip."""
    quickest_ns = case.scene.peers.server(case.index).rtt_min_ns
    delay_ns = case.server.rst_ns - case.client.syn_last_ns
    if quickest_ns < CLOCK_NS or delay_ns * 2 >= quickest_ns:
        return None
    weights = {"path": 0.5, "server-network": 0.25}
    if case.vantage in ("client", "unknown", "both"):
        weights["client-network"] = 1.0 if delay_ns * 10 < quickest_ns else 0.4
    why = f"back after {seconds(delay_ns)}, while the server needs {seconds(quickest_ns)}"
    return Contradiction(weights, why, 0.8)


def farther(case: Case) -> int:
    """Hops by which the RST comes from behind what answers elsewhere on the server, or 0."""
    lowest, _, _, _ = baseline(case)
    ttl = case.server.rst_ttl
    return max(0, hops(ttl) - hops(lowest)) if lowest and initial_ttl(ttl) == initial_ttl(lowest) else 0
