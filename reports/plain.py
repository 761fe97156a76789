"""Findings and ladders as plain lines, for formats that hold text but no layout."""

from __future__ import annotations

from synsight.analysis.result import Finding, Flow, Incident
from synsight.reports import units
from synsight.reports.terminal.ladder import ladder_lines
from synsight.reports.wording import clipped, sentence, side, visible

_WIDTH = 100
_EVIDENCE = 400


def finding_text(finding: Finding | Incident, start_ns: int) -> str:
    """What a finding says, a line per fact; times count from `start_ns`."""
    lines = [f"{finding.severity}: {visible(finding.code)}: {sentence(finding.summary)}"]
    if finding.suspects:
        suspects = ", ".join(f"{side(each.side)} {units.percent(each.weight)}" for each in finding.suspects)
        lines.append(f"Who dropped it: {suspects} (confidence {units.confidence(finding.confidence)})")
    for evidence in finding.evidence:
        when = units.offset(evidence.at_ns - start_ns)
        lines.append(f"  frame {evidence.frame}, {when} s: {clipped(evidence.text, _EVIDENCE)}")
    lines += [f"Run next: {visible(command)}" for command in finding.next[:1]]
    return "\n".join(lines)


def ladder_text(flow: Flow) -> str:
    """The connection's ladder; empty when it has none."""
    return "\n".join(line.plain.rstrip() for line in ladder_lines(flow, _WIDTH)) if flow.ladder else ""


def flow_text(flow: Flow) -> str:
    """Everything about a connection: its findings, then its ladder."""
    parts = [finding_text(finding, flow.start_ns) for finding in flow.findings]
    return "\n\n".join(part for part in (*parts, ladder_text(flow)) if part)
