"""What speaks against a RST being its alleged sender's.

A forged RST contradicts what its alleged sender otherwise sends. No single contradiction is enough: some
stacks send a RST with another TTL or without timestamps.
"""

from __future__ import annotations

from typing import NamedTuple

from ...capture.segment import Option
from ..case import MS, HalfRow, hops
from .resets import LIVE_SOCKET, Reset

TTL_STEPS = 2
"""A TTL one off may be another path of equal cost; two routers more or less are another sender."""

COUNTER_STEPS = 4096
"""Linux counts IP identifications per flow, one more each; a value this far away is from another counter."""

TOGETHER_NS = MS
"""Both ends reset within this: one device did both, for neither end can know of the other one so soon."""


class Contradictions(NamedTuple):
    """What speaks against a RST being its alleged sender's. `weak` ones occur with honest stacks, too."""

    strong: tuple[str, ...]
    weak: tuple[str, ...]

    @property
    def forged(self) -> bool:
        """Two that do not depend on each other, one of them strong."""
        return bool(self.strong) and len(self.strong) + len(self.weak) >= 2


def contradictions(reset: Reset) -> Contradictions:
    """Everything the records hold against the RST."""
    half, peer = reset.half, reset.peer
    strong, weak = [], []
    if differs := ttl_difference(reset):
        low, high = half.ttl_min, half.ttl_max
        usual = f"{low}" if low == high else f"{low} to {high}"
        strong.append(f"TTL {half.rst_ttl}, while its other segments arrive with {usual} ({differs:+d})")
    if half.after_rst_count:
        strong.append(f"{half.after_rst_count} segments of the same sender follow it")
    if (
        half.rst_form == LIVE_SOCKET
        and peer.rst_form == LIVE_SOCKET
        and abs(half.rst_ns - peer.rst_ns) < TOGETHER_NS
    ):
        strong.append("both ends are reset within a millisecond")
    if half.rst_form == LIVE_SOCKET:
        weak += _unlike_live_socket(half, peer)
    elif half.rst_window:
        weak.append(f"window {half.rst_window} in a RST without ACK")
    return Contradictions(tuple(strong), tuple(weak))


def ttl_difference(reset: Reset) -> int:
    """How far the RST's TTL lies outside of what its sender's segments have; 0 for one step and less."""
    half = reset.half
    below, above = half.rst_ttl - half.ttl_min, half.rst_ttl - half.ttl_max
    if above >= TTL_STEPS:
        return int(above)
    return int(below) if below <= -TTL_STEPS else 0


def _unlike_live_socket(half: HalfRow, peer: HalfRow) -> list[str]:
    """A live socket's RST carries its window, its timestamps and the next number of its counter."""
    found = []
    if half.rst_window and half.rst_window != half.window_raw and half.rst_window == peer.window_raw:
        found.append(f"window {half.rst_window}, which is the other end's")
    if half.tsval and not half.rst_options & Option.TIMESTAMP:
        found.append("no timestamps, though the connection uses them")
    step = (half.rst_ip_id - half.ip_id) & 0xFFFF
    if half.rst_ip_id and half.ip_id and COUNTER_STEPS < step < 0x10000 - COUNTER_STEPS:
        found.append(f"IP identification {half.rst_ip_id}, while its sender is at {half.ip_id}")
    return found


def routers_to(half: HalfRow) -> tuple[int, int]:
    """Routers between the tap and: whoever sent the RST; the end it pretends to be."""
    return hops(half.rst_ttl), hops(half.ttl_first)
