"""Where on its way a segment was dropped, and how sure that is.

A ladder row names the heaviest suspect. The finding behind it knows the others; a drawing that left them out
would accuse one side of what several may have done.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from synsight.analysis.result import Flow, LadderRow, Suspect
from synsight.reports import units
from synsight.reports.wording import side

PLACES: Mapping[str, float] = MappingProxyType(
    {
        "client-app": 0.04,
        "client-host": 0.07,
        "client-network": 0.25,
        "path": 0.5,
        "middlebox": 0.5,
        "server-network": 0.75,
        "server-host": 0.93,
        "server-app": 0.96,
    }
)
"""Where on the way from the client (0) to the server (1) a ladder draws a side."""


def suspects(flow: Flow, row: LadderRow) -> tuple[Suspect, ...]:
    """Who may have dropped a row's segment, heaviest first; empty when it was not dropped."""
    if row.stops_at is None:
        return ()
    for finding in flow.findings:
        if any(suspect.side == row.stops_at for suspect in finding.suspects):
            return finding.suspects
    return (Suspect(row.stops_at, 1.0),)


def words(flow: Flow, row: LadderRow) -> str:
    """The sides at which a row's segment may have stopped, and how likely that is; empty when it did not.

    Of several suspects the heaviest; where others weigh as much, as reports print weights, these too.
    """
    among = suspects(flow, row)
    named = next((suspect for suspect in among if suspect.side == row.stops_at), None)
    if named is None:
        return ""
    weight = units.percent(named.weight)
    names = [side(suspect.side) for suspect in among if units.percent(suspect.weight) == weight]
    told = " or ".join(names)
    return told if named.weight == 1 else f"{units.likelihood(named.weight)} {told}"
