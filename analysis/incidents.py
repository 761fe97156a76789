"""Folding: connections with the same finding, listener and suspects are one incident; piles join them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .result import SEVERITIES, Endpoint, Finding, Flow, Incident

LISTED_FLOWS = 1000
"""Connection ids listed per incident; `flows_count` counts all."""

COUNTED_CLIENTS = 10_000
"""Different clients told apart per incident; beyond these, `clients_count` says at least so many."""

Key = tuple[str, str, int, tuple[str, ...]]
"""Code, address and port of the server, suspects in order."""


class Failing(Protocol):
    """What folding asks of a connection; a `Flow` has it."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def client(self) -> Endpoint:
        """Who opened it."""

    @property
    def server(self) -> Endpoint:
        """Whom it was opened to."""

    @property
    def start_ns(self) -> int:
        """Its first segment."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with it."""


@dataclass(frozen=True)
class Piles:
    """What only many connections show, and which findings of single ones it tells better."""

    incidents: tuple[Incident, ...] = ()
    told: frozenset[tuple[str, str]] = frozenset()  # (connection id, code)


NO_PILES = Piles()


@dataclass
class Tally:
    """One incident being counted; the first connection added lends its words."""

    finding: Finding
    server: Endpoint
    severity: str = "info"
    confidence: float = 0.0
    flows_count: int = 0
    clients: set[str] = field(default_factory=set)
    first_ns: int = 0
    last_ns: int = 0
    flow_ids: list[str] = field(default_factory=list)

    def add(self, flow: Failing, finding: Finding) -> None:
        """One more connection with it."""
        moments = [item.at_ns for item in finding.evidence] or [flow.start_ns]
        self.severity = max(self.severity, finding.severity, key=SEVERITIES.index)
        self.confidence = max(self.confidence, finding.confidence)
        self.first_ns = min(moments) if not self.flows_count else min(self.first_ns, *moments)
        self.last_ns = max(self.last_ns, *moments)
        self.flows_count += 1
        if len(self.clients) < COUNTED_CLIENTS:
            self.clients.add(flow.client.ip)
        if len(self.flow_ids) < LISTED_FLOWS:
            self.flow_ids.append(flow.id)

    def merge(self, other: Tally) -> None:
        """The same incident's other connections."""
        self.severity = max(self.severity, other.severity, key=SEVERITIES.index)
        self.confidence = max(self.confidence, other.confidence)
        self.first_ns, self.last_ns = min(self.first_ns, other.first_ns), max(self.last_ns, other.last_ns)
        self.flows_count += other.flows_count
        self.clients |= other.clients
        self.flow_ids += other.flow_ids[: LISTED_FLOWS - len(self.flow_ids)]


def tally(
    flows: Iterable[Failing], onto: dict[Key, Tally] | None = None, told: Collection[tuple[str, str]] = ()
) -> dict[Key, Tally]:
    """Incidents of severity warning and error; added to `onto` when given.

    `told` are (connection id, code) pairs that a pile tells better.
    """
    found: dict[Key, Tally] = {} if onto is None else onto
    for flow in flows:
        for finding in flow.findings:
            if finding.severity != "info" and (flow.id, finding.code) not in told:
                sides = tuple(suspect.side for suspect in finding.suspects)
                key = (finding.code, flow.server.ip, flow.server.port, sides)
                found.setdefault(key, Tally(finding, flow.server)).add(flow, finding)
    return found


def fold(
    flows: Iterable[Flow], earlier: Mapping[Key, Tally] | None = None, piles: Piles = NO_PILES
) -> tuple[Incident, ...]:
    """Incidents, worst first, piles among them.

    `flows` come worst first; `earlier` counts connections told no more.
    """
    found = tally(flows, told=piles.told)
    for key, before in (earlier or {}).items():
        if key not in found:
            found[key] = Tally(before.finding, before.server, first_ns=before.first_ns)
        found[key].merge(before)
    return tuple(sorted((*(_incident(each) for each in found.values()), *piles.incidents), key=_rank))


def _rank(incident: Incident) -> tuple[int, int, int, str]:
    return (-SEVERITIES.index(incident.severity), -incident.flows_count, incident.first_ns, incident.code)


def _incident(told: Tally) -> Incident:
    return Incident(
        told.finding.code,
        told.severity,
        told.server,
        len(told.clients),
        told.flows_count,
        told.first_ns,
        told.last_ns,
        told.finding.suspects,
        _counted(told.flows_count, told.clients, told.finding.summary),
        tuple(told.flow_ids),
        told.confidence,
        told.finding.next,
    )


def _counted(flows_count: int, clients: set[str], summary: str) -> str:
    """The finding's own sentence for one connection; counts before it for several."""
    if flows_count == 1:
        return summary
    who = f"{len(clients)} clients" if len(clients) > 1 else f"client {next(iter(clients))}"
    return f"{flows_count} connections from {who}: {summary}"
