"""What is new since an earlier report.

A finding is known when the earlier report has one with the same code, at the same server (address and port),
with the same suspects (who they are, not how heavy). Clients, times and counts do not matter: the hundredth
client that meets a known failure is not new; the same failure at another server is, and so is one that now
points elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..result import Analysis, Finding, Flow, Incident, Suspect
from ..telling import headline

Key = tuple[str, str, int, frozenset[str]]
"""Code, server address, server port, suspects."""


class BaselineError(ValueError):
    """Not an earlier report: says why."""


def known_in(report: Any) -> frozenset[Key]:
    """The findings of an earlier report, which is its JSON as `json.load` gives it. Raises BaselineError."""
    if not isinstance(report, Mapping) or report.get("format_version") != 1:
        raise BaselineError("it is no JSON report of synsight (format_version 1)")
    if report.get("redacted"):
        raise BaselineError("it is redacted: its addresses are not the real ones")
    try:
        told = [(finding, flow["server"]) for flow in report["flows"] for finding in flow["findings"]]
        told += [(incident, incident["server"]) for incident in report["incidents"]]
        return frozenset(
            (
                str(finding["code"]),
                str(server["ip"]),
                int(server["port"]),
                frozenset(str(suspect["side"]) for suspect in finding["suspects"]),
            )
            for finding, server in told
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise BaselineError(f"it is no complete report: {type(problem).__name__} at {problem}") from None


def only_new(analysis: Analysis, known: frozenset[Key]) -> Analysis:
    """The analysis without what is known. Connections stay when something about them is new."""
    flows, left_out = [], 0
    for flow in analysis.flows:
        new = tuple(finding for finding in flow.findings if _key(flow, finding) not in known)
        left_out += len(flow.findings) - len(new)
        if new or not flow.findings:
            flows.append(replace(flow, findings=new))
    incidents = tuple(each for each in analysis.incidents if _incident_key(each) not in known)
    totals = replace(
        analysis.totals,
        flows_with_findings_count=sum(bool(flow.findings) for flow in flows),
        by_code=dict(Counter(finding.code for flow in flows for finding in flow.findings)),
    )
    told = f"{left_out} finding{'s' if left_out != 1 else ''} known from the baseline"
    if incidents:
        first = headline(incidents, totals, analysis.captures)
        first += f" Left out: {told}." if left_out else ""
    elif left_out:
        first = f"Nothing new: {told}."
    else:
        first = analysis.headline
    return replace(
        analysis,
        headline=first,
        flows=tuple(flows),
        incidents=incidents,
        totals=totals,
        known_findings_count=left_out,
    )


def _key(flow: Flow, finding: Finding) -> Key:
    return finding.code, flow.server.ip, flow.server.port, _sides(finding.suspects)


def _incident_key(incident: Incident) -> Key:
    return incident.code, incident.server.ip, incident.server.port, _sides(incident.suspects)


def _sides(suspects: Iterable[Suspect]) -> frozenset[str]:
    return frozenset(suspect.side for suspect in suspects)
