"""The picture of who dropped it: a path from the client's application to the server's."""

from __future__ import annotations

from dataclasses import dataclass

from synsight.analysis.result import Analysis, Finding, Incident

LINE = (
    "client-app",
    "client-host",
    "client-network",
    "path",
    "server-network",
    "server-host",
    "server-app",
)
"""The sides that a segment passes, in its order."""

_TAPS = {"client": ("client-host",), "server": ("server-host",), "middle": ("path",), "both": LINE[1:6:4]}


@dataclass(frozen=True, slots=True)
class Station:
    """One side in the picture."""

    side: str
    weight: float  # 0 when not suspected
    heaviest: bool
    ruled_out: bool
    tapped: bool  # a capture was taken here
    bar: str  # the class that draws the weight


def told(analysis: Analysis, incident: Incident | None) -> Finding | Incident | None:
    """What says who was ruled out: the finding of an incident's worst connection, or the pile itself."""
    if incident is None or incident.evidence:
        return incident
    by_id = {flow.id: flow for flow in analysis.flows}
    for name in incident.flow_ids:
        for finding in by_id[name].findings if name in by_id else ():
            if finding.code == incident.code:
                return finding
    return None


def stations(
    analysis: Analysis, incident: Incident | None, finding: Finding | Incident | None
) -> list[Station]:
    """The seven sides from client to server, then those suspects that are not on the line."""
    if incident is None or not incident.suspects:
        return []
    weights = {suspect.side: suspect.weight for suspect in incident.suspects}
    ruled_out = {each.side for each in finding.ruled_out} if finding else set()
    taps = {side for facts in analysis.captures for side in _TAPS.get(facts.vantage.side, ())}
    return [
        Station(
            side,
            weights.get(side, 0.0),
            weights.get(side, 0.0) == max(weights.values()),
            side in ruled_out,
            side in taps,
            bar_of(weights.get(side, 0.0)),
        )
        for side in (*LINE, *(side for side in weights if side not in LINE))
    ]


def bar_of(weight: float) -> str:
    """The class of what is as long as a weight; the style sheet has one for every percent."""
    return f"w{round(weight * 100)}"
