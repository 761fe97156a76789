"""An analysis held to expectations: what is met, and what is instead."""

from __future__ import annotations

from collections.abc import Sequence

from ..checked import Check, Problem
from ..questions.comparison import shown
from ..questions.facts import piles_of
from ..result import SEVERITIES, Analysis, Finding, Flow, Incident
from .reading import Condition, Expectation, Expectations

NAMED = 3
"""Connections named per problem; the rest is counted."""

Told = tuple[Flow | None, Finding | Incident]
"""A finding and its connection; an incident that only many connections show has none."""


def hold(expectations: Expectations, analysis: Analysis) -> tuple[Check, ...]:
    """One check per expectation, in the order of the file. The analysis must tell all flows."""
    told = everything(analysis)
    return tuple(_held(item, expectations, analysis, told) for item in expectations.items)


def everything(analysis: Analysis) -> list[Told]:
    """Every finding with its connection, then what only many connections show."""
    told: list[Told] = [(flow, finding) for flow in analysis.flows for finding in flow.findings]
    return [*told, *((None, incident) for incident in piles_of(analysis))]


def _held(item: Expectation, expectations: Expectations, analysis: Analysis, told: list[Told]) -> Check:
    flows: list[Flow] = []
    if item.kind == "totals":
        problems = _total(item, analysis)
    elif item.kind == "flow":
        problems, flows = _flow(item, analysis)
    elif item.kind == "finding":
        problems, flows = _finding(item, told)
    elif item.kind == "no_finding":
        problems, flows = _unwanted(item, [pair for pair in told if _is(item, pair)])
    else:
        others = unnamed(expectations, analysis, item.allowed)
        problems, flows = _unwanted(item, others)
    return Check(item.line, item.title, tuple(problems), tuple(flows))


def unnamed(expectations: Expectations, analysis: Analysis, allowed: str) -> list[Told]:
    """Findings that no [[finding]] names, of a severity above the allowed one."""
    if allowed == "any":
        return []
    above = SEVERITIES.index(allowed) if allowed in SEVERITIES else -1
    named = [item for item in expectations.items if item.kind == "finding"]
    return [
        (flow, finding)
        for flow, finding in everything(analysis)
        if SEVERITIES.index(finding.severity) > above
        and not any(_is(item, (flow, finding)) for item in named)
    ]


def _is(item: Expectation, pair: Told) -> bool:
    _, finding = pair
    return _picks(item, pair) and all(each.comparison.holds(finding) for each in item.conditions)


def _picks(item: Expectation, pair: Told) -> bool:
    flow, finding = pair
    if flow is not None:
        return item.selector.picks(flow)
    return isinstance(finding, Incident) and item.selector.picks_server(finding.server)


def _place(pair: Told) -> str:
    """Whose finding it is."""
    flow, finding = pair
    return flow.id if flow is not None else str(getattr(finding, "server", "the capture"))


def _total(item: Expectation, analysis: Analysis) -> list[Problem]:
    (condition,) = item.conditions
    comparison = condition.comparison
    if comparison.holds(analysis):
        return []
    actual = comparison.actual(analysis)
    return [_differs(condition, [actual], "")]


def _differs(condition: Condition, actuals: Sequence[object], where: str) -> Problem:
    comparison = condition.comparison
    unit = " %" if comparison.percent else ""
    found = sorted({"unknown" if each is None else f"{shown(each)}{unit}" for each in actuals})
    words = " or ".join(found[:NAMED]) + (" or other" if len(found) > NAMED else "")
    return Problem(
        condition.line,
        f"{condition.key} is {words}{where}, expected {comparison.text}",
        condition.key,
        comparison.met_by(actuals),
    )


def _flow(item: Expectation, analysis: Analysis) -> tuple[list[Problem], list[Flow]]:
    chosen = [flow for flow in analysis.flows if item.selector.picks(flow)]
    problems = _count(item, len(chosen), "connection")
    bad: dict[str, Flow] = {}
    for condition in item.conditions:
        wrong = [flow for flow in chosen if not condition.comparison.holds(flow)]
        if wrong:
            bad |= {flow.id: flow for flow in wrong}
            where = f" in {_named(wrong, len(chosen))}"
            problem = _differs(condition, [condition.comparison.actual(flow) for flow in wrong], where)
            every = [condition.comparison.actual(flow) for flow in chosen]
            problems.append(
                Problem(problem.line, problem.text, problem.key, condition.comparison.met_by(every))
            )
    return problems, list(bad.values()) or (chosen if problems else [])


def _named(flows: Sequence[Flow], of: int) -> str:
    if of == 1:
        return flows[0].id
    names = ", ".join(flow.id for flow in flows[:NAMED])
    more = ", ..." if len(flows) > NAMED else ""
    return f"{len(flows)} of {of} connections ({names}{more})"


def _count(item: Expectation, number: int, noun: str) -> list[Problem]:
    if item.count is None:
        return [] if number else [Problem(item.line, f"no {noun} is like this, expected at least one")]
    comparison = item.count.comparison
    if comparison.holds(number):
        return []
    plural = "" if number == 1 else "s"
    text = f"{number} {noun}{plural} like this, expected {comparison.text}"
    return [Problem(item.count.line, text, "count", comparison.met_by([number]) if number else None)]


def _finding(item: Expectation, told: list[Told]) -> tuple[list[Problem], list[Flow]]:
    found = [pair for pair in told if _is(item, pair)]
    problems = _count(item, len(found), "finding")
    if not problems:
        return [], []
    if found:
        return problems, [flow for flow, _ in found if flow is not None]
    near = [(pair, wrong) for pair in told if (wrong := _one_wrong(item, pair)) is not None]
    for pair, wrong in near[:NAMED]:
        problems.append(Problem(item.line, f"nearly: {pair[1].code} of {_place(pair)}, whose {wrong}"))
    return problems, [flow for (flow, _), _ in near if flow is not None]


def _one_wrong(item: Expectation, pair: Told) -> str | None:
    """The one thing in which a finding differs from what is expected; None when it is more than one."""
    _, finding = pair
    wrong = [
        f"{each.key} is {shown(each.comparison.actual(finding))}, expected {each.comparison.text}"
        for each in item.conditions
        if not each.comparison.holds(finding)
    ]
    if not _picks(item, pair):
        wrong.append("ends are others")
    same = [each for each in item.conditions if each.key == "code" and each.comparison.holds(finding)]
    return wrong[0] if len(wrong) == 1 and (same or _picks(item, pair)) else None


def _unwanted(item: Expectation, found: list[Told]) -> tuple[list[Problem], list[Flow]]:
    problems = [
        Problem(item.line, f"{pair[1].severity} {pair[1].code} of {_place(pair)}: {pair[1].summary}")
        for pair in found[:NAMED]
    ]
    if len(found) > NAMED:
        problems.append(Problem(item.line, f"and {len(found) - NAMED} more"))
    return problems, list({flow.id: flow for flow, _ in found if flow is not None}.values())
