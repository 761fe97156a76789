"""Expectations written from what was found: a new text, or an old one brought up to date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..checked import Check, Problem
from ..questions.comparison import toml
from ..result import Analysis, Endpoint, Finding, Flow, Incident
from .holding import Told, everything, unnamed
from .reading import Expectations
from .toml_places import TablePlace, tables

EACH_FLOW = 8
"""Up to so many connections are written one by one; more are told per server."""


Edit = tuple[int, int, str]
"""From, to (offsets into the text), what to put there."""


@dataclass(frozen=True, slots=True)
class Update:
    """A text brought up to date, and what was done to it, a line each."""

    text: str
    done: tuple[str, ...] = field(default=())


def written(analysis: Analysis, capture: str) -> str:
    """Expectations that a capture meets, complete, in an order that does not change."""
    told = everything(analysis)
    parts = [
        f"# What synsight finds in {_comment(capture)}. `synsight check --update` brings it up to date.\n",
        f'other_findings = "{"info" if any(_is_info(each) for _, each in told) else "none"}"\n',
        f"[totals]\nflows = {analysis.totals.flows_count}\n"
        f"retransmissions = {analysis.totals.retransmissions_count}\n",
        *_findings(pair for pair in told if not _is_info(pair[1])),
        *_flows(analysis.flows),
    ]
    return "\n".join(parts)


def updated(text: str, expectations: Expectations, checks: Sequence[Check], analysis: Analysis) -> Update:
    """The text with every expectation that is not met changed, or removed where no value would meet it.

    What is met stays as it is, comments included. A removed table takes the comments right above it along;
    `Update.done` says so.
    """
    places = tables(text)
    edits: list[Edit] = []
    done: list[str] = []
    removed_finding = False
    for item, check in zip(expectations.items, checks, strict=True):
        if check.passed or item.kind == "other_findings":
            continue
        place = places[item.table]
        if any(
            not problem.key or (problem.key == "count" and problem.found is None)
            for problem in check.problems
        ):
            edits.append((_blank_before(text, place.start), place.end, ""))
            done.append(f"removed from line {place.line} on, with the comments above: {check.title}")
            removed_finding = removed_finding or item.kind == "finding"
            continue
        for problem in check.problems:
            edit, told = _changed(text, place, problem)
            edits.append(edit)
            done.append(told)
    new = _findings(_to_add(expectations, analysis, removed_finding))
    done += [f"added {', '.join(part.splitlines()[1:5])}" for part in new]
    return Update(_joined(_edited(text, edits), new), tuple(done))


def _changed(text: str, place: TablePlace, problem: Problem) -> tuple[Edit, str]:
    """One key given the value that was found; taken out where there is none."""
    where = place.keys[problem.key]
    if problem.found is not None:
        return (
            where.start,
            where.end,
            problem.found,
        ), f"changed line {where.line}: {problem.key} = {problem.found}"
    start = text.rfind("\n", 0, where.start) + 1
    end = text.find("\n", where.end)
    return (start, len(text) if end < 0 else end + 1, ""), f"removed line {where.line}: {problem.key}"


def _to_add(expectations: Expectations, analysis: Analysis, removed: bool) -> list[Told]:
    """Findings that get a [[finding]] of their own: what other_findings does not allow, and what may have
    taken the place of one that was removed."""
    limits = [item.allowed for item in expectations.items if item.kind == "other_findings"]
    limit = limits[0] if limits else "any"
    return unnamed(expectations, analysis, "info" if removed and limit == "any" else limit)


def _blank_before(text: str, start: int) -> int:
    """Where the empty line before a table begins; the table's own start when there is none."""
    return start - 1 if text[:start].endswith("\n\n") else start


def _edited(text: str, edits: Iterable[Edit]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _joined(text: str, parts: Sequence[str]) -> str:
    if not parts:
        return text
    return "\n".join([text.rstrip("\n") + "\n", *parts])


def _findings(told: Iterable[Told]) -> list[str]:
    """A [[finding]] per code, server and heaviest suspect, with how many there are."""
    counts: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for flow, finding in told:
        server = flow.server if flow is not None else getattr(finding, "server", None)
        counts[finding.code, finding.severity, finding.side, _server(server)] += 1
    return [
        f"[[finding]]\ncode = {toml(code)}\nseverity = {toml(severity)}\nside = {toml(side)}\n"
        f"server = {toml(server)}\ncount = {count}\n"
        for (code, severity, side, server), count in sorted(counts.items())
    ]


def _server(server: Endpoint | None) -> str:
    """As a selector takes it; port 0 stands for several ports of that host."""
    if server is None:
        return ""
    return str(server) if server.port else server.ip


def _is_info(finding: Finding | Incident) -> bool:
    return finding.severity == "info"


def _flows(flows: Sequence[Flow]) -> list[str]:
    if len(flows) <= EACH_FLOW and len({_ends(flow) for flow in flows}) == len(flows):
        return [_one(flow) for flow in sorted(flows, key=lambda flow: flow.first_frame)]
    by_server: dict[str, list[Flow]] = defaultdict(list)
    for flow in flows:
        by_server[str(flow.server)].append(flow)
    return [_several(server, by_server[server]) for server in sorted(by_server)]


def _ends(flow: Flow) -> tuple[str, str]:
    return str(flow.client), str(flow.server)


def _one(flow: Flow) -> str:
    return (
        f"[[flow]]\nclient = {toml(str(flow.client))}\nserver = {toml(str(flow.server))}\n"
        f"outcome = {toml(flow.outcome)}\nclient_state = {toml(flow.client_state)}\n"
        f"server_state = {toml(flow.server_state)}\n"
    )


def _several(server: str, flows: Sequence[Flow]) -> str:
    outcomes = sorted({flow.outcome for flow in flows})
    return (
        f"[[flow]]\nserver = {toml(server)}\ncount = {len(flows)}\n"
        f"outcome = {toml(outcomes if len(outcomes) > 1 else outcomes[0])}\n"
    )


def _comment(text: str) -> str:
    """Text for a comment: control characters are not allowed there."""
    return "".join(char if char.isprintable() else "?" for char in text)
