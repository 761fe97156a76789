"""Markdown for a GitHub step summary, a merge request, a chat: what CommonMark and its GitHub dialect render.

What comes from a capture is shown as code where it can be, and escaped where it stands in a sentence, so that
it is no markup, no link, no image, no mention and no HTML. GitHub takes at most 65,536 characters in a
comment: past `most_characters` connections are left out, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

from synsight.analysis.checked import Check, CheckedFile, CheckRun
from synsight.analysis.result import Analysis, Finding, Flow, Incident, Suspect
from synsight.reports import check_wording, units
from synsight.reports.plain import ladder_text
from synsight.reports.remarks import remarks
from synsight.reports.wording import SEVERITY_MARKS, clipped, place, sentence, side, state, vantage, visible

MOST_CHARACTERS = 60_000
_INCIDENTS = 20
_CONNECTIONS = 10
_EVIDENCE = 300
_FAILED = 50
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&!$])")
_LINKS = re.compile(r"(?<=[A-Za-z])(:)(?=//)|(?<=\b[Ww]{3})(\.)")


def escaped(text: str) -> str:
    """Text that stands in a sentence, without any meaning to Markdown.

    >>> print(escaped("<b> [x](http://y) www.z.org"))
    \\<b\\> \\[x\\](http\\://y) www\\.z.org
    """
    plain = _SPECIAL.sub(r"\\\1", visible(text))
    unlinked = _LINKS.sub(lambda match: f"\\{match[0]}", plain)
    return unlinked.replace("@", "@\u200b")  # a mention needs its name right behind


def code(text: str) -> str:
    """Text as a code span, inside a table too.

    >>> print(code("a`b|c"))
    ``a`b\\|c``
    """
    shown = visible(text).replace("|", "\\|")
    fence = _fence(shown, 1)
    padded = f" {shown} " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else shown
    return f"{fence}{padded}{fence}"


def block(text: str, language: str = "text") -> str:
    """Lines as a fenced block. Each line has to be visible already."""
    fence = _fence(text, 3)
    return f"{fence}{language}\n{text}\n{fence}\n"


def _fence(text: str, least: int) -> str:
    runs = [len(run) for run in re.findall("`+", text)]
    return "`" * max(least, max(runs, default=0) + 1)


def write(analysis: Analysis, stream: TextIO, most_characters: int = MOST_CHARACTERS) -> None:
    """Write the answer, the incidents, and as many connections as there is room for."""
    head = "".join((_headline(analysis), _captures(analysis), _incidents(analysis)))
    stream.write(head)
    told = [flow for flow in analysis.flows if flow.findings or flow.ladder]
    room = most_characters - len(head)
    shown = 0
    for flow in told[:_CONNECTIONS]:
        part = _flow(flow)
        if len(part) > room:
            break
        room -= len(part)
        stream.write(part)
        shown += 1
    rest = len(told) - shown + analysis.flows_left_out_count
    if rest:
        stream.write(f"\n{units.count(rest, 'more connection')} with findings not shown.\n")


def _headline(analysis: Analysis) -> str:
    lines = [f"## {escaped(analysis.headline)}\n"]
    if analysis.incidents:
        worst = analysis.incidents[0]
        lines.append(_suspects(worst.suspects))
        lines.append(f"Confidence: {units.confidence(worst.confidence)}.\n")
    return "\n".join(lines) + "\n"


def _suspects(suspects: Sequence[Suspect]) -> str:
    if not suspects:
        return "Nobody is blamed.\n"
    rows = [
        f"| {escaped(side(each.side))} | {units.percent(each.weight)} | {units.likelihood(each.weight)} |"
        for each in suspects
    ]
    return "\n".join(["| Who dropped it | | |", "|---|--:|---|", *rows]) + "\n"


def _captures(analysis: Analysis) -> str:
    totals = analysis.totals
    lines = [
        f"- {code(facts.path)}: {units.count(facts.packets_count, 'packet')}, "
        f"{units.count(facts.tcp_segments_count, 'TCP segment')}; {vantage(facts.vantage.side)}"
        for facts in analysis.captures[:_INCIDENTS]
    ]
    if analysis.captures[_INCIDENTS:]:
        lines.append(f"- {units.count(len(analysis.captures[_INCIDENTS:]), 'more capture')}")
    for remark in remarks(analysis.captures):
        words = (remark.problem, remark.effect, remark.where)
        mark = "✖" if remark.severe else "▲"
        lines.append(f"- {mark} {escaped(clipped(' '.join(word for word in words if word), 600))}")
    lines.append(
        f"- {units.count(totals.flows_count, 'TCP connection')}, "
        f"{units.count(totals.flows_with_findings_count)} with findings, "
        f"{units.count(totals.retransmissions_count, 'retransmission')}"
    )
    return "\n".join(lines) + "\n"


def _incidents(analysis: Analysis) -> str:
    if not analysis.incidents:
        return ""
    lines = ["\n| | Finding | Server | Connections | Clients | What happened |", "|---|---|---|--:|--:|---|"]
    lines += [_incident(incident) for incident in analysis.incidents[:_INCIDENTS]]
    rest = len(analysis.incidents) - _INCIDENTS
    more = f"\n{units.count(rest, 'more incident')} not shown.\n" if rest > 0 else ""
    return "\n".join(lines) + "\n" + more


def _incident(incident: Incident) -> str:
    cells = (
        f"{SEVERITY_MARKS[incident.severity]} {incident.severity}",
        code(incident.code),
        code(place(incident.server)),
        units.count(incident.flows_count),
        units.count(incident.clients_count, at_least=incident.clients_at_least),
        escaped(clipped(sentence(incident.summary), _EVIDENCE)),
    )
    return f"| {' | '.join(cells)} |"


def _flow(flow: Flow) -> str:
    ends = f"client {state(flow.client_state, flow.client_certain)}, "
    ends += f"server {state(flow.server_state, flow.server_certain)}"
    lines = [
        f"\n### {code(str(flow.client))} → {code(str(flow.server))}: {escaped(flow.outcome)}\n",
        f"Frames {flow.first_frame} to {flow.last_frame}; {escaped(ends)}.\n",
    ]
    lines += [_finding(finding, flow) for finding in flow.findings]
    if flow.ladder:
        lines.append(f"<details><summary>The segments</summary>\n\n{block(ladder_text(flow))}\n</details>\n")
    return "\n".join(lines)


def _finding(finding: Finding, flow: Flow) -> str:
    mark = SEVERITY_MARKS[finding.severity]
    confidence = units.confidence(finding.confidence)
    lines = [
        f"**{mark} {escaped(finding.code)}** ({finding.severity}, confidence {confidence}): "
        f"{escaped(sentence(finding.summary))}\n"
    ]
    if finding.suspects:
        who = ", ".join(f"{side(each.side)} {units.percent(each.weight)}" for each in finding.suspects)
        lines.append(f"Who dropped it: {escaped(who)}.\n")
    for evidence in finding.evidence:
        when = units.offset(evidence.at_ns - flow.start_ns)
        lines.append(f"- frame {evidence.frame}, {when} s: {escaped(clipped(evidence.text, _EVIDENCE))}")
    for ruled_out in finding.ruled_out:
        lines.append(
            f"- not the {escaped(side(ruled_out.side))}: {escaped(clipped(ruled_out.why, _EVIDENCE))}"
        )
    if finding.next:
        lines.append("\nRun next:\n\n" + block(visible(finding.next[0]), "sh"))
    return "\n".join(lines) + "\n"


def write_checks(run: CheckRun, stream: TextIO, most_characters: int = MOST_CHARACTERS) -> None:
    """Write what is not met, with the ladder of one connection each."""
    good = not run.failed_count and not run.errors_count
    stream.write(f"## {'✔' if good else '✖'} {check_wording.tally(run)}\n")
    for file in run.files:
        if file.error:
            stream.write(
                f"\n- ✖ {code(f'{file.path}:{file.error_line}')}: {escaped(clipped(file.error, 600))}\n"
            )
    room = most_characters
    failed = list(check_wording.failed(run))
    shown = 0
    for file, check in failed[:_FAILED]:
        part = _failure(file, check)
        if len(part) > room:
            break
        room -= len(part)
        stream.write(part)
        shown += 1
    if len(failed) > shown:
        stream.write(f"\n{units.count(len(failed) - shown, 'more failure')} not shown.\n")


def _failure(file: CheckedFile, check: Check) -> str:
    lines = [f"\n### {code(f'{file.path}:{check.line}')} {escaped(check.title)}\n"]
    lines += [f"- line {each.line}: {escaped(clipped(each.text, 600))}" for each in check.problems]
    for flow in check_wording.drawn(check):
        lines.append(f"\n<details><summary>The segments</summary>\n\n{block(ladder_text(flow))}\n</details>")
    return "\n".join(lines) + "\n"
