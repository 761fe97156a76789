"""Weighing suspects: each factor is a sentence, and the weights that come out sum to 1."""

from __future__ import annotations

from dataclasses import replace

from .result import SIDES, Finding, RuledOut, Suspect

FORGOTTEN = 0.03
"""A side whose share falls below this is not named."""


class Suspicion:
    """Weights over sides, moved by observations.

    >>> suspicion = Suspicion({"path": 1, "server-host": 1})
    >>> suspicion.scale("path", 0.25, "the server's capture shows the SYN")
    >>> suspicion.suspects()
    (Suspect(side='server-host', weight=0.8), Suspect(side='path', weight=0.2))
    """

    def __init__(self, weights: dict[str, float]) -> None:
        unknown = set(weights) - set(SIDES)
        if unknown:
            raise ValueError(f"no such side: {', '.join(sorted(unknown))}")
        self._weights = dict(weights)
        self._ruled_out: list[RuledOut] = []
        self._suspects: tuple[Suspect, ...] | None = None  # as long as no weight has moved
        self.reasons: list[str] = []

    def scale(self, side: str, factor: float, why: str) -> None:
        """Make `side` `factor` times as likely, because of `why`."""
        if side in self._weights:
            self._weights[side] *= factor
            self._suspects = None
            self.reasons.append(why)

    def rule_out(self, side: str, why: str) -> None:
        """`side` cannot have done it."""
        self._weights.pop(side, None)
        self._suspects = None
        if all(entry.side != side for entry in self._ruled_out):
            self._ruled_out.append(RuledOut(side, why))

    @property
    def because(self) -> str:
        """What moved the weights, for the end of an evidence; empty when nothing did.

        >>> suspicion = Suspicion({"path": 1})
        >>> suspicion.scale("path", 2, "another connection was answered")
        >>> suspicion.because
        '; weighed: another connection was answered'
        """
        return f"; weighed: {', '.join(dict.fromkeys(self.reasons))}" if self.reasons else ""

    def suspects(self) -> tuple[Suspect, ...]:
        """Heaviest first, summing to 1; equal ones in the rule's order; hardly likely ones left out."""
        if self._suspects is None:
            self._suspects = _weighed(self._weights)
        return self._suspects

    def ruled_out(self) -> tuple[RuledOut, ...]:
        """In the order they were ruled out."""
        return tuple(self._ruled_out)


def _weighed(weights: dict[str, float]) -> tuple[Suspect, ...]:
    total = sum(weights.values())
    if total <= 0:
        return ()
    shares = {side: weight / total for side, weight in weights.items()}
    kept = {side: share for side, share in shares.items() if share >= FORGOTTEN}
    rounded = _rounded({side: share / sum(kept.values()) for side, share in kept.items()})
    order = sorted(rounded, key=lambda side: -rounded[side])
    return tuple(Suspect(side, rounded[side]) for side in order)


def _rounded(shares: dict[str, float]) -> dict[str, float]:
    """Two decimals; the heaviest takes the rounding error so that the sum stays 1."""
    rounded = {side: round(share, 2) for side, share in shares.items()}
    heaviest = max(rounded, key=lambda side: rounded[side])
    rounded[heaviest] = round(rounded[heaviest] + 1 - sum(rounded.values()), 2)
    return rounded


NETWORKS = ("client-network", "path", "server-network")


def at_home(finding: Finding) -> Finding:
    """The finding, of a connection within one host: no network is suspected where a host can be."""
    kept = {each.side: each.weight for each in finding.suspects if each.side not in NETWORKS}
    if not kept or len(kept) == len(finding.suspects):
        return finding
    why = "both ends are the same machine: nothing lies between"
    gone = tuple(RuledOut(each.side, why) for each in finding.suspects if each.side not in kept)
    return replace(finding, suspects=_weighed(kept), ruled_out=finding.ruled_out + gone)


def certainly(side: str) -> tuple[Suspect, ...]:
    """One side, without doubt."""
    return (Suspect(side, 1.0),)
