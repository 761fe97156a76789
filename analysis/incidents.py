"""Folding: connections with the same finding, listener and suspects are one incident."""

from __future__ import annotations

from collections import defaultdict

from .result import SEVERITIES, Finding, Flow, Incident

LISTED_FLOWS = 1000
"""Connection ids listed per incident; `flows_count` counts all."""


def fold(flows: list[Flow]) -> tuple[Incident, ...]:
    """Incidents of severity warning and error, worst first. `flows` come worst first."""
    groups: dict[tuple[str, str, str, tuple[str, ...]], list[tuple[Flow, Finding]]] = defaultdict(list)
    for flow in flows:
        for finding in flow.findings:
            if finding.severity != "info":
                sides = tuple(suspect.side for suspect in finding.suspects)
                groups[finding.code, flow.server.ip, str(flow.server.port), sides].append((flow, finding))
    incidents = [_incident(members) for members in groups.values()]
    return tuple(sorted(incidents, key=_rank))


def _rank(incident: Incident) -> tuple[int, int, int, str]:
    return (-SEVERITIES.index(incident.severity), -incident.flows_count, incident.first_ns, incident.code)


def _incident(members: list[tuple[Flow, Finding]]) -> Incident:
    flow, finding = members[0]
    severity = max((each.severity for _, each in members), key=SEVERITIES.index)
    clients = {each.client.ip for each, _ in members}
    moments = [item.at_ns for _, each in members for item in each.evidence] or [flow.start_ns]
    return Incident(
        finding.code,
        severity,
        flow.server,
        len(clients),
        len(members),
        min(moments),
        max(moments),
        finding.suspects,
        _summary(members, clients),
        tuple(each.id for each, _ in members[:LISTED_FLOWS]),
        max(each.confidence for _, each in members),
        finding.next,
    )


def _summary(members: list[tuple[Flow, Finding]], clients: set[str]) -> str:
    """The finding's own sentence for one connection; counts before it for several."""
    _, finding = members[0]
    if len(members) == 1:
        return finding.summary
    who = f"{len(clients)} clients" if len(clients) > 1 else f"client {next(iter(clients))}"
    return f"{len(members)} connections from {who}: {finding.summary}"
