"""JUnit XML, in the dialect that Jenkins, GitLab and GitHub's readers share.

An analysis gives one test case per capture (was it read to its end?) and one per connection that it tells: a
finding of severity `error` fails the connection's case, anything less is told in its output. A run of checks
gives one test case per expectation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO
from xml.etree import ElementTree

from synsight.analysis.checked import Check, CheckedFile, CheckRun
from synsight.analysis.result import Analysis, CaptureFacts, Flow
from synsight.reports import check_wording, units
from synsight.reports.plain import flow_text, ladder_text
from synsight.reports.wording import clipped, visible

_MESSAGE = 400


@dataclass(frozen=True, slots=True)
class _Case:
    """One test case; at most one of `failure` and `error` is set."""

    classname: str
    name: str
    seconds: float = 0.0
    failure: tuple[str, str, str] | None = None  # type, message, text
    error: tuple[str, str, str] | None = None
    output: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class _Suite:
    """Test cases told together."""

    name: str
    cases: list[_Case]
    start_ns: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


def write(analysis: Analysis, stream: TextIO) -> None:
    """Write one suite for the analysis."""
    cases = [_capture(facts) for facts in analysis.captures]
    cases += [_flow(flow) for flow in analysis.flows]
    left_out = {"flows_left_out_count": str(analysis.flows_left_out_count)}
    moments = [facts.start_ns for facts in analysis.captures if facts.start_ns is not None]
    _write([_Suite("synsight analyze", cases, min(moments, default=None), left_out)], stream)


def write_checks(run: CheckRun, stream: TextIO) -> None:
    """Write one suite per file of expectations."""
    suites = [_Suite(visible(file.path), _file(file)) for file in run.files]
    _write(suites, stream)


def _capture(facts: CaptureFacts) -> _Case:
    name = f"{visible(facts.path)} is read to its end"
    if facts.error is None:
        return _Case("captures", name)
    return _Case("captures", name, error=("unreadable", visible(facts.error), visible(facts.error)))


def _flow(flow: Flow) -> _Case:
    seconds = (flow.end_ns - flow.start_ns) / 1e9
    told = flow_text(flow)
    failed = next((finding for finding in flow.findings if finding.severity == "error"), None)
    failure = None
    if failed is not None:
        failure = (visible(failed.code), clipped(failed.summary, _MESSAGE), told)
    return _Case(
        visible(str(flow.server)), visible(flow.id), seconds, failure, output="" if failure else told
    )


def _file(file: CheckedFile) -> list[_Case]:
    titles = Counter(check.title for check in file.checks)
    cases = [_check(file, check, titles[check.title] > 1) for check in file.checks]
    if file.error:
        error = ("invalid" if file.invalid else "unreadable", visible(file.error), visible(file.error))
        name = "expectations are valid" if file.invalid else "the capture is read to its end"
        cases.insert(0, _Case(visible(file.path), name, error=error, file=file.path, line=file.error_line))
    return cases


def _check(file: CheckedFile, check: Check, ambiguous: bool) -> _Case:
    """Its name stays the same when lines move, where it can: CI systems compare runs by name."""
    name = visible(check.title) + (f" (line {check.line})" if ambiguous else "")
    failure = None
    if check.problems:
        lines = [visible(f"{file.path}:{each.line}: {each.text}") for each in check.problems]
        ladders = [f"\n{ladder_text(flow)}" for flow in check_wording.drawn(check)]
        failure = ("expectation", visible(check.problems[0].text), "\n".join([*lines, *ladders]))
    return _Case(visible(file.path), name, failure=failure, file=file.path, line=check.line)


def _write(suites: Sequence[_Suite], stream: TextIO) -> None:
    every = [case for suite in suites for case in suite.cases]
    root = ElementTree.Element("testsuites", {"name": "synsight", **_counts(every)})
    for suite in suites:
        attributes = {"name": suite.name, **_counts(suite.cases)}
        if suite.start_ns is not None:
            attributes["timestamp"] = units.instant(suite.start_ns).replace(" ", "T")
        element = ElementTree.SubElement(root, "testsuite", attributes)
        if suite.properties:
            properties = ElementTree.SubElement(element, "properties")
            for name, value in suite.properties.items():
                ElementTree.SubElement(properties, "property", {"name": name, "value": value})
        for case in suite.cases:
            element.append(_element(case))
    ElementTree.indent(root)
    stream.write('<?xml version="1.0" encoding="utf-8"?>\n')
    stream.write(ElementTree.tostring(root, encoding="unicode") + "\n")


def _counts(cases: Sequence[_Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.failure is not None for case in cases)),
        "errors": str(sum(case.error is not None for case in cases)),
        "skipped": "0",
        "time": f"{sum(case.seconds for case in cases):.6f}",
    }


def _element(case: _Case) -> ElementTree.Element:
    attributes = {"classname": case.classname, "name": case.name, "time": f"{case.seconds:.6f}"}
    if case.file:
        attributes |= {"file": visible(case.file), "line": str(case.line)}
    element = ElementTree.Element("testcase", attributes)
    for tag, told in (("failure", case.failure), ("error", case.error)):
        if told is not None:
            kind, message, text = told
            ElementTree.SubElement(element, tag, {"type": kind, "message": message}).text = text
    if case.output:
        ElementTree.SubElement(element, "system-out").text = case.output
    return element
