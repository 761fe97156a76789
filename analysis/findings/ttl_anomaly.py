"""Segments of one end come from two distances in turn: by several paths, or from two senders.

Signature
    One end's segments (RSTs aside) differ in their TTL by two or more, and its last payload has the TTL of
    its first segment again.

Meaning
    A balancer deals packets instead of connections over paths of different length, which also brings them out
    of order; or a device on the way sends segments in that end's name: answers, keepalives, a page.

Confused with
    A route that changed: one step, and no way back. syn-proxy: the SYN-ACK alone comes from elsewhere.
    rst-injected: it is a RST that differs.

Dropped by
    Nobody dropped anything.

Next
    The segments with the other TTL: do they carry payload, and are they numbered like the rest?

Authority
    RFC 791 section 3.2 (TTL); RFC 2992 section 2 (why a path per connection).
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence
from ..measures import Step, best_first, capture_at
from ..result import Finding
from ..table import FlowTable

CODE = "ttl-anomaly"
PHASE = "established"
ASKS_CLEAN = True

STEPS = 2
"""One router more or less is another path of equal cost."""


def candidates(table: FlowTable) -> np.ndarray:
    """Away and back again."""
    mask = np.zeros(len(table), bool)
    for half in (table.client, table.server):
        spread = half("ttl_max").astype(np.int16) - half("ttl_min")
        mask |= (spread >= STEPS) & (half("data_ttl") == half("ttl_first"))
    return mask


def judge(case: Case) -> Finding | None:
    """The end whose segments change their distance; its own host sees no distance at all."""
    if case.flow.packets == 0 or case.vantage == "both":
        return None
    for side in ("client", "server"):
        half = case.half(side)
        low, high = half.ttl_min, half.ttl_max
        if case.vantage == side or high - low < STEPS or half.data_ttl != half.ttl_first or half.routed_count:
            continue
        other_ttl = low if half.ttl_first - low >= high - half.ttl_first else high
        return Finding(
            CODE,
            PHASE,
            "info",
            0.6,
            f"segments of {case.end(side)} come from two distances in turn, TTL {half.ttl_first} and"
            f" {other_ttl}: several paths, or another sender in its name",
            (),
            evidence(
                (half.first_frame, half.first_ns, f"TTL {half.ttl_first}"),
                (
                    half.data_last_frame,
                    half.data_last_ns,
                    f"TTL {half.data_ttl} again; between them others from {low} to {high}",
                ),
            ),
            next=best_first(
                (),
                Step(_others(case.end(side).ip, half.ttl_first), "what do they carry?"),
                capture_at(case, side, "does it send all of them?"),
            ),
            authority="RFC 791 section 3.2; RFC 2992 section 2",
        )
    return None


def _others(ip: str, ttl: int) -> str:
    """Shows the segments of `ip` that have another TTL."""
    source, hops = ("ipv6.src", "ipv6.hlim") if ":" in ip else ("ip.src", "ip.ttl")
    return f"tshark -r CAPTURE -Y '{source} == {ip} && {hops} != {ttl}'"
