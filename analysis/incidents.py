"""Folding: connections with the same finding, listener and suspects are one incident; piles join them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from .result import SEVERITIES, Endpoint, Finding, Flow, Incident

LISTED_FLOWS = 1000
"""Connection ids listed per incident; `flows_count` counts all."""

COUNTED_CLIENTS = 10_000
"""Different clients told apart per incident; beyond these there are at least so many."""

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


class Piles(NamedTuple):
    """What only many connections show, and which findings of single ones it tells better."""

    incidents: tuple[Incident, ...] = ()
    told: frozenset[tuple[str, str]] = frozenset()  # (connection id, code)


NO_PILES = Piles()


@dataclass(slots=True)
class Clients:
    """The different clients of one incident, by address: `most` of them, and whether others were met."""

    most: int = COUNTED_CLIENTS
    known: set[str] = field(default_factory=set)
    at_least: bool = False  # others came when `known` was full; they may be the same ones again

    def __len__(self) -> int:
        return len(self.known)

    def add(self, ip: str) -> None:
        """One more connection of a client."""
        if len(self.known) < self.most:
            self.known.add(ip)
        elif ip not in self.known:
            self.at_least = True

    def merge(self, other: Clients) -> None:
        """The clients of the same incident's other connections."""
        self.at_least |= other.at_least
        for ip in sorted(other.known):
            self.add(ip)

    def in_words(self) -> str:
        """`client 10.0.0.1`, `12 clients` or `at least 500 clients`."""
        if len(self) == 1 and not self.at_least:
            return f"client {next(iter(self.known))}"
        return f"{'at least ' if self.at_least else ''}{len(self)} client{'' if len(self) == 1 else 's'}"


@dataclass
class Tally:
    """One incident being counted; the first connection added lends its words."""

    finding: Finding
    server: Endpoint
    severity: str = "info"
    confidence: float = 0.0
    flows_count: int = 0
    clients: Clients = field(default_factory=Clients)
    first_ns: int = 0
    last_ns: int = 0
    flow_ids: list[str] = field(default_factory=list)
    listed: int = LISTED_FLOWS

    def add(self, flow: Failing, finding: Finding) -> None:
        """One more connection with it."""
        moments = [item.at_ns for item in finding.evidence] or [flow.start_ns]
        self.severity = max(self.severity, finding.severity, key=SEVERITIES.index)
        self.confidence = max(self.confidence, finding.confidence)
        self.first_ns = min(moments) if not self.flows_count else min(self.first_ns, *moments)
        self.last_ns = max(self.last_ns, *moments)
        self.flows_count += 1
        self.clients.add(flow.client.ip)
        if len(self.flow_ids) < self.listed:
            self.flow_ids.append(flow.id)

    def merge(self, other: Tally) -> None:
        """The same incident's other connections."""
        self.severity = max(self.severity, other.severity, key=SEVERITIES.index)
        self.confidence = max(self.confidence, other.confidence)
        self.first_ns, self.last_ns = min(self.first_ns, other.first_ns), max(self.last_ns, other.last_ns)
        self.flows_count += other.flows_count
        self.clients.merge(other.clients)
        self.flow_ids += other.flow_ids[: self.listed - len(self.flow_ids)]


def counted(flow: Failing) -> Iterator[tuple[Key, Finding]]:
    """The findings of a connection that incidents are made of, warnings and errors, and which incident's."""
    for finding in flow.findings:
        if finding.severity != "info":
            sides = tuple(suspect.side for suspect in finding.suspects)
            yield (finding.code, flow.server.ip, flow.server.port, sides), finding


def tally(flows: Iterable[Failing], told: Collection[tuple[str, str]] = ()) -> dict[Key, Tally]:
    """Incidents by key; `told` are (connection id, code) pairs that a pile tells better."""
    found: dict[Key, Tally] = {}
    for flow in flows:
        for key, finding in counted(flow):
            if (flow.id, finding.code) not in told:
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
        _in_words(told.flows_count, told.clients, told.finding.summary),
        tuple(told.flow_ids),
        told.confidence,
        told.finding.next,
        clients_at_least=told.clients.at_least,
    )


def _in_words(flows_count: int, clients: Clients, summary: str) -> str:
    """The finding's own sentence for one connection; counts before it for several."""
    return summary if flows_count == 1 else f"{flows_count} connections from {clients.in_words()}: {summary}"
