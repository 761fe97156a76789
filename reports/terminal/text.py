"""The analysis for a person at a terminal, or in a pipe: the answer first, then why.

Nothing here depends on the terminal itself: width, colour and what the stream can encode are given. Without
colour the text has no control characters at all; to a stream that has no Unicode it is ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.text import Text
from synsight.analysis.result import (
    Analysis,
    CaptureFacts,
    Dissection,
    Errno,
    Finding,
    Flow,
    Incident,
    Suspect,
)
from synsight.reports import units
from synsight.reports.remarks import remarks
from synsight.reports.shell_lines import broken, parts
from synsight.reports.terminal.ladder import ladder_lines
from synsight.reports.terminal.page import Page
from synsight.reports.wording import (
    REDACTED,
    SEVERITY_MARKS,
    clipped,
    dissector,
    is_all_clear,
    place,
    sentence,
    side,
    state,
    vantage,
    visible,
)

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_BAR_CELLS = 20
_CAPTURES = 4
_INCIDENTS = 20  # kinds of them
_ALIKE = 8  # of each kind, besides the first


def write(
    analysis: Analysis, stream: TextIO, width: int = 80, colour: bool = False, connections: int = 10
) -> None:
    """Write the report, `width` columns wide, with the first `connections` connections in full."""
    page = Page(stream, width, colour)
    mark = "✔" if is_all_clear(analysis) else ""
    page.say(Text(visible(analysis.headline), style="bold"), mark=mark, style="bold green")
    page.blank()
    _captures(page, analysis)
    _totals(page, analysis)
    if analysis.redacted:
        page.say(REDACTED, mark="●", style="cyan")
    if not _is_one_connection(analysis.incidents):
        page.heading("Incidents, worst first")
        kinds = _alike(analysis.incidents)
        for alike in kinds[:_INCIDENTS]:
            _incident(page, alike)
        rest = sum(map(len, kinds[_INCIDENTS:]))
        if rest:
            page.say(f"{units.count(rest, 'more incident')} not shown.")
    shown = [flow for flow in analysis.flows if flow.findings or flow.ladder][:connections]
    if shown:
        page.heading("Connections, worst first")
        for flow in shown:
            _flow(page, flow)
        _left_out(page, analysis, len(shown))


def _captures(page: Page, analysis: Analysis) -> None:
    shown = analysis.captures[:_CAPTURES]
    for facts in shown:
        _capture(page, facts)
    rest = len(analysis.captures) - len(shown)
    if rest:
        totals = analysis.totals
        page.say(
            f"{units.count(rest, 'more capture')}; in all {units.count(totals.packets_count, 'packet')}, "
            f"{units.count(totals.tcp_segments_count, 'TCP segment')}."
        )
    for remark in remarks(analysis.captures):
        words = " ".join(part for part in (remark.problem, remark.effect, remark.where) if part)
        mark, style = ("✖", "bold red") if remark.severe else ("▲", "yellow")
        page.say(words, indent=2, mark=mark, style=style)
    _dissection(page, analysis.dissection)


def _dissection(page: Page, dissection: Dissection | None) -> None:
    if dissection is None:
        return
    shown = units.count(dissection.frames_count, "frame")
    if dissection.program:
        page.say(f"{visible(dissection.program)} was shown {shown}.", indent=2)
    if dissection.problem is not None:
        words = f"Not dissected, or not all of it: {visible(dissection.problem)}"
        page.say(sentence(words), indent=2, mark="▲", style="yellow")


def _capture(page: Page, facts: CaptureFacts) -> None:
    span = ""
    if facts.start_ns is not None and facts.end_ns is not None:
        span = f" in {units.duration(facts.end_ns - facts.start_ns)} from {units.instant(facts.start_ns)} UTC"
    page.say(
        f"{visible(facts.path)}: {units.count(facts.packets_count, 'packet')}, "
        f"{units.count(facts.tcp_segments_count, 'TCP segment')}{span}; {_taken(facts)}."
    )
    if facts.skipped:
        reasons = ", ".join(f"{units.count(number)} {visible(why)}" for why, number in facts.skipped.items())
        page.say(f"Not TCP or not read: {reasons}.", indent=2)
    if facts.kernel_dropped_count:
        lost = units.count(facts.kernel_dropped_count, "packet")
        page.say(f"{lost} lost by the capturing kernel.", indent=2, mark="▲", style="yellow")


def _taken(facts: CaptureFacts) -> str:
    where = vantage(facts.vantage.side)
    if facts.vantage.side == "unknown":
        return where
    return f"{where} (confidence {units.confidence(facts.vantage.confidence)})"


def _totals(page: Page, analysis: Analysis) -> None:
    totals = analysis.totals
    outcomes = ", ".join(f"{units.count(each)} {visible(name)}" for name, each in totals.by_outcome.items())
    line = units.count(totals.flows_count, "TCP connection")
    if outcomes:
        line += f": {outcomes}"
    line += f"; {units.count(totals.flows_with_findings_count)} with findings"
    line += f"; {units.count(totals.retransmissions_count, 'retransmission')}."
    page.say(line)
    if totals.evicted_flows_count:
        page.say(
            f"{units.count(totals.evicted_flows_count, 'half-open connection')} forgotten to bound memory.",
            mark="▲",
            style="yellow",
        )


def _is_one_connection(incidents: tuple[Incident, ...]) -> bool:
    """Whether the connection below tells all there is to tell."""
    return not incidents or (len(incidents) == 1 and incidents[0].flows_count == 1)


def _alike(incidents: Sequence[Incident]) -> list[list[Incident]]:
    """Incidents that differ only in where and when, together; in the order of the first of each."""
    kinds: dict[tuple[str, str, tuple[str, ...]], list[Incident]] = {}
    for incident in incidents:
        sides = tuple(suspect.side for suspect in incident.suspects)
        kinds.setdefault((incident.code, incident.severity, sides), []).append(incident)
    return list(kinds.values())


def _incident(page: Page, alike: Sequence[Incident]) -> None:
    """The first of some incidents in full, a line for each of the others."""
    incident = alike[0]
    heading = Text(f"{SEVERITY_MARKS[incident.severity]} ", style=_STYLES[incident.severity])
    heading.append(_scope(incident), style="bold")
    heading.append(f"  {visible(incident.code)}")
    page.say(heading, hang=2)
    page.say(sentence(incident.summary), indent=2)
    first, last = units.instant(incident.first_ns), units.instant(incident.last_ns)
    page.say(f"First {first}, last {last} UTC.", indent=2)
    _suspects(page, incident.suspects, indent=2)
    page.say(f"Confidence: {units.confidence(incident.confidence)}", indent=2)
    if incident.evidence:
        _pile(page, incident)
    else:
        _run_next(page, incident.next[:1])
    if alike[1:]:
        page.say("Likewise:", indent=2)
    for other in alike[1 : 1 + _ALIKE]:
        page.say(f"{_scope(other)}, from {units.clock(other.first_ns)} UTC", indent=4, hang=6)
    if alike[1 + _ALIKE :]:
        page.say(f"and {units.count(len(alike[1 + _ALIKE :]), 'more incident')} of this kind.", indent=4)
    page.blank()


def _scope(incident: Incident) -> str:
    clients = units.count(incident.clients_count, "client", at_least=incident.clients_at_least)
    flows, server = units.count(incident.flows_count, "connection"), visible(place(incident.server))
    return f"{flows} from {clients} to {server}"


def _pile(page: Page, incident: Incident) -> None:
    """What only many connections show: no connection below repeats it."""
    if incident.peak is not None:
        peak, when = incident.peak, units.instant(incident.peak.at_ns)
        whose = f"{units.count(peak.count, 'socket')} of the {peak.side} in {visible(peak.state)}"
        page.say(f"At most {whose} at once, at {when} UTC.", indent=2)
    for ruled_out in incident.ruled_out:
        page.say(f"Not the {side(ruled_out.side)}: {visible(ruled_out.why)}", indent=2, hang=4)
    _errno(page, incident.errno)
    page.say("Evidence:", indent=2)
    for evidence in incident.evidence:
        when = units.offset(evidence.at_ns - incident.first_ns)
        page.say(f"frame {evidence.frame:<7} {when:>11} s  {clipped(evidence.text, 400)}", indent=4, hang=31)
    _run_next(page, incident.next)


def _run_next(page: Page, commands: Sequence[str]) -> None:
    if commands:
        page.say("Run next:", indent=2)
    for text in commands:
        command, question = parts(text)
        if question:
            page.say(Text(f"# {question}", style="dim"), indent=4, hang=6)
        lines = broken(command, page.width - 4) if question else [command]
        for line in lines:
            page.verbatim(Text(line, style="bold"), indent=4)


def _suspects(page: Page, suspects: tuple[Suspect, ...], indent: int) -> None:
    for suspect in suspects:
        filled = units.cells(suspect.weight, _BAR_CELLS)
        line = Text(f"{side(suspect.side):<19}")
        line.append("█" * filled, style="red")
        line.append("░" * (_BAR_CELLS - filled), style="dim")
        line.append(f"  {units.percent(suspect.weight):>5}  {units.likelihood(suspect.weight)}")
        page.say(line, indent=indent)


def _flow(page: Page, flow: Flow) -> None:
    severity = flow.findings[0].severity if flow.findings else "info"
    heading = Text(f"{SEVERITY_MARKS[severity]} ", style=_STYLES[severity])
    heading.append(f"{visible(str(flow.client))} → {visible(str(flow.server))}", style="bold")
    heading.append(f"  {visible(flow.outcome)}, frames {flow.first_frame} to {flow.last_frame}")
    page.say(heading, hang=2)
    page.say(
        f"client {state(flow.client_state, flow.client_certain)}, "
        f"server {state(flow.server_state, flow.server_certain)}  "
        f"({visible(flow.conn_state)} {visible(flow.history)})",
        indent=2,
    )
    for finding in flow.findings:
        page.blank()
        _finding(page, finding, flow.start_ns)
    _dissected(page, flow)
    if flow.ladder:
        page.blank()
        for line in ladder_lines(flow, page.width - 2):
            page.verbatim(line, indent=2)
    page.blank()


def _finding(page: Page, finding: Finding, start_ns: int) -> None:
    heading = Text(visible(finding.code), style=_STYLES[finding.severity])
    heading.append(f"  {finding.severity}, confidence {units.confidence(finding.confidence)}")
    page.say(heading, indent=2)
    page.say(sentence(finding.summary), indent=2)
    if finding.suspects:
        page.say("Who dropped it:", indent=2)
        _suspects(page, finding.suspects, indent=4)
    for ruled_out in finding.ruled_out:
        page.say(f"Not the {side(ruled_out.side)}: {visible(ruled_out.why)}", indent=2, hang=4)
    _errno(page, finding.errno)
    if finding.evidence:
        page.say("Evidence:", indent=2)
        for evidence in finding.evidence:
            when = units.offset(evidence.at_ns - start_ns)
            words = f"frame {evidence.frame:<7} {when:>11} s  {clipped(evidence.text, 400)}"
            page.say(words, indent=4, hang=31)
            if evidence.dissector_text:
                page.say(dissector(evidence.dissector_text, 400), indent=31)
    if finding.authority:
        page.say(f"Authority: {visible(finding.authority)}", indent=2, hang=4)
    _run_next(page, finding.next)


def _errno(page: Page, errno: Errno) -> None:
    for end, name in (("client", errno.client), ("server", errno.server)):
        if name is not None:
            page.say(f"The {end} application saw {visible(name)}.", indent=2)


def _dissected(page: Page, flow: Flow) -> None:
    """The application's errors and certificates, in the dissector's words; its remarks are in the ladder."""
    told = [each for each in flow.dissection if each.kind != "expert" and each.dissector_text]
    if told:
        page.blank()
        page.say("What tshark says:", indent=2)
    for each in told:
        words = f"{each.kind} in frame {each.frame}, {each.protocol}: {each.dissector_text}"
        page.say(clipped(words, 500), indent=4, hang=6)


def _left_out(page: Page, analysis: Analysis, shown: int) -> None:
    rest = len([flow for flow in analysis.flows if flow.findings or flow.ladder]) - shown
    if rest + analysis.flows_left_out_count:
        more = units.count(rest + analysis.flows_left_out_count, "more connection")
        page.say(f"{more} with findings not shown.")
