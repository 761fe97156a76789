"""Who closes and who should have: what the rules of the close phase share.

The closer sent its FIN first; the other end should acknowledge it and send its own.
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, other, seconds
from ..records import Fact
from ..table import FlowTable
from ..verdict import Suspicion

FIN_REPEATS = 3
"""A tail loss probe and two timeouts (RFC 8985 section 7): by then a single loss has been repaired."""

SILENCE_NS = SECOND
"""Shortest span of repeats that counts: RFC 6298 section 2.4 holds one second to be a sane timeout."""

FIN_TIMEOUT_NS = 60 * SECOND
"""Linux tcp_fin_timeout, default 60 s: how long a closed socket waits for the peer's FIN."""

TTL_STEPS = 2
"""A RST this many routers further or nearer than its sender's segments comes from somebody else."""

UNSURE_DROP_RATIO = 0.02
"""Above this share of bytes that the capture missed, a FIN may be among them."""


def closer_of(case: Case) -> str | None:
    """The side whose FIN came first; None when there is no FIN."""
    closed = [side for side in ("client", "server") if case.half(side).fin_count]
    return min(closed, key=lambda side: case.half(side).fin_frame) if closed else None


def superseded(table: FlowTable) -> np.ndarray:
    """Connections whose ports carried another one later: they ended unseen, before the capture's end."""
    later = table.flows["previous"]
    mask = np.zeros(len(table), bool)
    mask[later[later > 0] - 1] = True
    return mask


def stands(table: FlowTable) -> np.ndarray:
    """Connections that had opened and whose ports were not used again."""
    opened = (
        (table.flows["established_ns"] > 0) | table.has(Fact.MIDSTREAM) | (table.server("synack_count") > 0)
    )
    return np.asarray(opened & ~superseded(table))


def unreliable(case: Case) -> bool:
    """Whether the capture is too poor to say that a FIN or its acknowledgment never came."""
    return bool(
        case.answers_unseen or case.scene.traits.filtered or case.scene.drop_ratio > UNSURE_DROP_RATIO
    )


def beyond_tap(case: Case, side: str) -> Suspicion:
    """Weights for what was seen on its way to `side` and got no reaction: it was lost from the tap onwards.

    Seen at that end's own host, the capture decides: the tap sits before everything that can drop there.
    """
    near, far = ("client", "server") if side == "server" else ("server", "client")
    if case.vantage == far:
        suspicion = Suspicion({f"{far}-host": 1.0})
        for passed in (f"{near}-host", f"{near}-network", "path", f"{far}-network"):
            suspicion.rule_out(passed, f"the segments are visible in this capture, taken at the {far}")
        return suspicion
    weights = {"path": 1.0, f"{far}-network": 1.25, f"{far}-host": 1.25}
    if case.vantage != "middle":
        weights[f"{near}-network"] = 1.0
    suspicion = Suspicion(weights)
    suspicion.rule_out(f"{near}-host", f"its segments left the {near} and are visible in this capture")
    if case.vantage == "middle":
        suspicion.rule_out(f"{near}-network", "the segments got past it and are visible in this capture")
    return suspicion


def own_reset(case: Case, side: str) -> bool:
    """Whether the RST of `side` comes from as far away as its other segments."""
    half = case.half(side)
    if not half.ttl_min:
        return True
    return bool(half.ttl_min - TTL_STEPS < half.rst_ttl < half.ttl_max + TTL_STEPS)


def untaken_bytes(case: Case, side: str) -> int:
    """Payload of `side` that the other end never acknowledged."""
    half = case.half(side)
    missing = (half.nxt - (1 if half.fin_count else 0) - case.half(other(side)).ack_max) & 0xFFFFFFFF
    return missing if missing < 1 << 31 else 0


def at_least(case: Case, since_ns: int) -> str:
    """An age that the capture's end cut off, as words: `at least 4.5 s`."""
    return f"at least {seconds(case.since_ns(since_ns))}"
