"""Incidents that only many connections show, as they form: the counterpart of `incident_log` for piles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..result import Incident
from ..snapshot import IncidentEvent, LiveIncident, Newest
from .incident_log import GROWTH_NS, GROWTH_RATIO, LISTED, QUIET_NS, Target, heaviest


@dataclass(slots=True)
class _Pile:
    """One that is open."""

    id: int
    incident: Incident
    changed_ns: int
    told_count: int = 0
    told_ns: int = 0
    told_verdict: tuple[str, str] = ("", "")


class PileLog:
    """Fed with all piles of the table as they stand, again and again."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._open: dict[Target, _Pile] = {}
        self._quiet: dict[Target, int] = {}  # not open though they stand, and when the last segment came
        self.left_out_count = 0  # beyond LISTED, each time they grew

    def record(self, incidents: Iterable[Incident], now_ns: int) -> None:
        """What stands now. One that stands no more is closed when it has been quiet for long enough.

        As long as segments of its connections come it is not quiet; closed, it does not open again without.
        """
        standing = {(each.code, each.server.ip, each.server.port): each for each in incidents}
        self._quiet = {target: last for target, last in self._quiet.items() if target in standing}
        for target, incident in standing.items():
            pile = self._open.get(target)
            if pile is None:
                self._begin(target, incident, now_ns)
                continue
            if incident.last_ns > pile.incident.last_ns:
                pile.changed_ns = now_ns
            pile.incident = incident

    def _begin(self, target: Target, incident: Incident, now_ns: int) -> None:
        if target in self._quiet and incident.last_ns <= self._quiet[target]:
            return
        if len(self._open) >= LISTED:
            self._quiet[target] = incident.last_ns
            self.left_out_count += 1
        else:
            self._quiet.pop(target, None)
            self._open[target] = _Pile(next(self._ids), incident, now_ns)

    def events(self, now_ns: int, ended: bool) -> Iterator[IncidentEvent]:
        """What is worth telling since the last time; with `ended` everything is closed."""
        for target, pile in list(self._open.items()):
            event, reason = _news(pile, now_ns)
            if event:
                pile.told_count, pile.told_ns = pile.incident.flows_count, now_ns
                pile.told_verdict = _verdict(pile.incident)
                yield IncidentEvent(event, now_ns, reason, _told(pile))
            quiet = now_ns - pile.changed_ns >= QUIET_NS
            if ended or quiet:
                del self._open[target]
                self._quiet[target] = pile.incident.last_ns
                yield IncidentEvent("closed", now_ns, "ended" if ended else "quiet", _told(pile))

    def incidents(self) -> list[LiveIncident]:
        """Those that are open."""
        return [_told(pile) for pile in self._open.values()]


def _news(pile: _Pile, now_ns: int) -> tuple[str, str]:
    """(event, reason); no event when nothing is new enough."""
    count, verdict = pile.incident.flows_count, _verdict(pile.incident)
    if not pile.told_count:
        return "opened", ""
    if verdict != pile.told_verdict:
        severity, side = pile.told_verdict
        return "revised", f"it was told as {severity}, most likely {side}"
    grown = count >= pile.told_count * GROWTH_RATIO
    if count > pile.told_count and (grown or now_ns - pile.told_ns >= GROWTH_NS):
        return "grew", ""
    return "", ""


def _verdict(incident: Incident) -> tuple[str, str]:
    return incident.severity, heaviest(incident.suspects)


def _told(pile: _Pile) -> LiveIncident:
    incident, newest = pile.incident, None
    if incident.evidence:
        item = max(incident.evidence, key=lambda each: each.at_ns)
        newest = Newest(incident.flow_ids[-1] if incident.flow_ids else "", item.frame, item.at_ns, item.text)
    return LiveIncident(
        pile.id,
        incident.code,
        incident.severity,
        incident.server,
        incident.clients_count,
        incident.flows_count,
        0,
        incident.first_ns,
        incident.last_ns,
        incident.suspects,
        incident.confidence,
        incident.summary,
        newest,
        incident.next,
        incident.clients_at_least,
    )
