"""Where a segment comes from that its alleged sender did not send: forged RSTs, ICMP errors."""

from __future__ import annotations

from ...capture.segment import Flag, address_text
from ..case import Case
from ..evidence.position import locate
from ..result import Finding
from .recorder import SegmentRow

FORGED = frozenset({"rst-injected", "reject-tcp-reset"})
"""Findings that say of a RST that somebody else sent it."""

SURE = 0.5
"""A place that weighs less is not named: the sender stands somewhere on the way."""


def origin_of_icmp(case: Case, row: SegmentRow) -> str:
    """The side of the device that sent an ICMP error; `path` where its address and TTL do not tell."""
    place = locate(case, row.via_ttl, address_text(row.via_hi, row.via_lo))
    side = max(place.weights, key=lambda each: place.weights[each])
    return side if place.weights[side] >= SURE else "path"


def origin_of_reset(case: Case, row: SegmentRow, side: int, finding: Finding | None) -> str | None:
    """The side that a finding says a RST really came from; None for what its sender sent."""
    if not row.flags & Flag.RST or finding is None or finding.code not in FORGED:
        return None
    half = case.client if side == case.flow.client_side else case.server
    accused = half.rst_frame in {item.frame for item in finding.evidence}
    if not accused or row.ttl != half.rst_ttl:
        return None
    networks = [suspect.side for suspect in finding.suspects if suspect.side != "middlebox"]
    return networks[0] if networks else "middlebox"
