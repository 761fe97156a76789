"""Incidents as they form: which opened, grew, were revised or closed, with ids that stay.

An incident here is one finding at one listener. A verdict may still change: a SYN that is answered late was
not unanswered. Connections are taken out again then, and that is told as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..case import SECOND
from ..incidents import Clients
from ..result import SEVERITIES, Endpoint, Finding, Suspect
from ..snapshot import IncidentEvent, LiveIncident, Newest

QUIET_NS = 60 * SECOND
"""Without anything new for so long an incident is closed; the same thing later opens another."""

GROWTH_RATIO = 1.25
"""Growth is told when the count has grown by this, "grew" lines being for people and log shippers..."""

GROWTH_NS = 10 * SECOND
"""...or after this long, if it has grown at all."""

LISTED = 1000
"""Open incidents at most; a scan of many ports opens no more, and they are counted."""

TOLD_APART = 500
"""Different clients told apart in each."""

Target = tuple[str, str, int]
"""Code, address and port of the server."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A connection as incidents name it."""

    id: str
    client: Endpoint
    server: Endpoint
    start_ns: int
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _Open:
    """One open incident."""

    id: int
    code: str
    server: Endpoint
    members: dict[int, tuple[Subject, Finding]] = field(default_factory=dict)
    sides: Counter[tuple[str, ...]] = field(default_factory=Counter)
    clients: Clients = field(default_factory=lambda: Clients(TOLD_APART))
    departed_count: int = 0  # connections that have left the table with the finding
    departed_severity: str = "info"
    withdrawn_count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    changed_ns: int = 0
    last: tuple[Subject, Finding] | None = None
    told_count: int = 0
    told_ns: int = 0
    told_verdict: tuple[str, str] = ("", "")  # severity and heaviest suspect, as told
    absorbed: bool = False  # whether a pile has taken connections out of it
    why: str = ""  # what the last withdrawn connection turned out to be

    @property
    def flows_count(self) -> int:
        return len(self.members) + self.departed_count


class IncidentLog:
    """Fed with the findings of single connections; `key` is whatever names a connection for good."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._open: dict[Target, _Open] = {}
        self._by_key: dict[int, dict[Target, Finding]] = {}
        self.findings: Counter[tuple[str, str]] = Counter()
        self.withdrawn_count = 0
        self.left_out_count = 0

    def record(
        self, key: int, subject: Subject, found: tuple[Finding, ...], now_ns: int, instead: str
    ) -> None:
        """What is found wrong with a connection now, instead of before.

        `instead` says what it is where a finding no longer holds.
        """
        before = self._by_key.get(key, {})
        after = {(finding.code, subject.server.ip, subject.server.port): finding for finding in found}
        for target in before.keys() - after.keys():
            self._withdraw(target, key, now_ns, instead)
        for target, finding in after.items():
            listed = self._add(target, key, subject, finding, now_ns)
            self.left_out_count += not listed and target not in before
        if after:
            self._by_key[key] = after
        else:
            self._by_key.pop(key, None)

    def absorb(self, key: int, codes: set[str]) -> None:
        """A pile tells these findings of a connection better; they are none of their own any more."""
        held = self._by_key.get(key, {})
        for target in [target for target in held if target[0] in codes]:
            del held[target]
            incident = self._open.get(target)
            if incident is not None and key in incident.members:
                _, finding = incident.members.pop(key)
                incident.sides[_sides(finding)] -= 1
                incident.absorbed = True

    def depart(self, key: int) -> None:
        """A connection leaves the table; its findings stand."""
        for target in self._by_key.pop(key, {}):
            incident = self._open.get(target)
            if incident is not None and key in incident.members:
                _, finding = incident.members.pop(key)
                incident.departed_count += 1
                incident.departed_severity = _worse(incident.departed_severity, finding.severity)

    def events(self, now_ns: int, ended: bool = False) -> tuple[IncidentEvent, ...]:
        """What is worth telling since the last time; with `ended` everything is closed."""
        told = []
        for target, incident in list(self._open.items()):
            told += self._news(target, incident, now_ns)
            if ended and target in self._open:
                told.append(self._close(target, now_ns, "ended"))
        return tuple(told)

    def incidents(self) -> list[LiveIncident]:
        """Those that are open and told."""
        return [_told(incident) for incident in self._open.values() if incident.told_count]

    def _add(self, target: Target, key: int, subject: Subject, finding: Finding, now_ns: int) -> bool:
        incident = self._open.get(target)
        if incident is None:
            if len(self._open) >= LISTED:
                return False
            incident = self._open[target] = _Open(next(self._ids), finding.code, subject.server)
        moments = [item.at_ns for item in finding.evidence] or [subject.start_ns]
        before = incident.members.get(key)
        if before is None:
            self.findings[finding.code, heaviest(finding.suspects)] += 1
            incident.changed_ns = now_ns
            incident.clients.add(subject.client.ip)
        else:
            incident.sides[_sides(before[1])] -= 1
        incident.sides[_sides(finding)] += 1
        incident.members[key] = (subject, finding)
        incident.first_ns = min([*moments, incident.first_ns or moments[0]])
        if max(moments) >= incident.last_ns or incident.last is None:
            if max(moments) > incident.last_ns:
                incident.changed_ns = now_ns
            incident.last_ns, incident.last = max(moments), (subject, finding)
        return True

    def _withdraw(self, target: Target, key: int, now_ns: int, instead: str) -> None:
        incident = self._open.get(target)
        if incident is None or key not in incident.members:
            return
        subject, finding = incident.members.pop(key)
        incident.sides[_sides(finding)] -= 1
        incident.withdrawn_count += 1
        incident.changed_ns = now_ns
        incident.why = f"{subject.id} turned out otherwise: {instead}"
        self.withdrawn_count += 1
        if incident.last is not None and incident.last[0].id == subject.id:
            incident.last = next(reversed(incident.members.values()), None)

    def _news(self, target: Target, incident: _Open, now_ns: int) -> list[IncidentEvent]:
        """At most one event; an incident without members left is closed."""
        count = incident.flows_count
        if count == 0:
            if not incident.told_count:  # it came and went between two looks
                del self._open[target]
                return []
            return [self._close(target, now_ns, "merged" if incident.absorbed else "withdrawn")]
        verdict = (_severity(incident), heaviest(_suspects(incident)))
        if not incident.told_count:
            event, reason = "opened", ""
        elif count < incident.told_count:
            event, reason = "revised", incident.why or "a larger incident tells the rest"
        elif verdict != incident.told_verdict:
            severity, side = incident.told_verdict
            event, reason = "revised", f"it was told as {severity}, most likely {side}"
        elif count > incident.told_count and (
            count >= incident.told_count * GROWTH_RATIO or now_ns - incident.told_ns >= GROWTH_NS
        ):
            event, reason = "grew", ""
        elif now_ns - incident.changed_ns >= QUIET_NS:
            return [self._close(target, now_ns, "quiet")]
        else:
            return []
        incident.told_count, incident.told_ns, incident.told_verdict = count, now_ns, verdict
        return [IncidentEvent(event, now_ns, reason, _told(incident))]

    def _close(self, target: Target, now_ns: int, reason: str) -> IncidentEvent:
        incident = self._open.pop(target)
        return IncidentEvent("closed", now_ns, reason, _told(incident))


def _sides(finding: Finding) -> tuple[str, ...]:
    return tuple(suspect.side for suspect in finding.suspects)


def heaviest(suspects: tuple[Suspect, ...]) -> str:
    """The side that most likely did it."""
    return suspects[0].side if suspects else "nobody"


def _worse(one: str, other: str) -> str:
    return max(one, other, key=SEVERITIES.index)


def _severity(incident: _Open) -> str:
    """The worst of its connections; without any left, what was told."""
    if not incident.flows_count:
        return incident.told_verdict[0] or "info"
    severities = [finding.severity for _, finding in incident.members.values()]
    return max([*severities, incident.departed_severity], key=SEVERITIES.index)


def _suspects(incident: _Open) -> tuple[Suspect, ...]:
    """Those of the newest connection among the many that agree."""
    if not incident.members:
        return incident.last[1].suspects if incident.last else ()
    most = max(incident.sides.items(), key=lambda item: item[1])[0]
    agreeing = (finding for _, finding in reversed(incident.members.values()) if _sides(finding) == most)
    return next(agreeing, next(reversed(incident.members.values()))[1]).suspects


def _told(incident: _Open) -> LiveIncident:
    last = incident.last
    newest = None
    if last is not None and last[1].evidence:
        item = max(last[1].evidence, key=lambda each: each.at_ns)
        newest = Newest(last[0].id, item.frame, item.at_ns, item.text)
    return LiveIncident(
        incident.id,
        incident.code,
        _severity(incident),
        incident.server,
        len(incident.clients),
        incident.flows_count,
        incident.withdrawn_count,
        incident.first_ns,
        incident.last_ns,
        _suspects(incident),
        last[1].confidence if last else 0.0,
        last[1].summary if last else incident.why,
        newest,
        last[1].next if last else (),
        incident.clients.at_least,
    )
