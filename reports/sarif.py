"""SARIF 2.1.0 (OASIS), for code scanning and other viewers of results.

An analysis gives one result per incident, at the capture that shows it; a run of checks one per expectation
that is not met, at its line. A capture is no text: its locations have no lines, frames are named in the
message. Brackets and braces mean something in SARIF messages (sections 3.11.5 and 3.11.6) and are escaped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, TextIO
from urllib.parse import quote

from synsight.analysis.checked import Check, CheckedFile, CheckRun
from synsight.analysis.result import Analysis, CaptureFacts, Flow, Incident
from synsight.reports import check_wording, units
from synsight.reports.plain import finding_text
from synsight.reports.titles import titles
from synsight.reports.wording import sentence, visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_ESCAPES = str.maketrans({"[": "\\[", "]": "\\]", "{": "{{", "}": "}}", "\\": "\\\\"})
_EXPECTATION = "unmet-expectation"


def write(analysis: Analysis, stream: TextIO) -> None:
    """Write the incidents of an analysis."""
    by_id = {flow.id: flow for flow in analysis.flows}
    codes = list(dict.fromkeys(incident.code for incident in analysis.incidents))
    notes = [note for facts in analysis.captures for note in _notifications(facts)]
    if analysis.flows_left_out_count:
        more = units.count(analysis.flows_left_out_count, "more connection")
        notes.append({"level": "note", "message": {"text": f"{more} with findings left out."}})
    _write(
        analysis.tool_version,
        [_rule(code, titles().get(code, code)) for code in codes],
        [_result(analysis, each, codes, by_id) for each in analysis.incidents],
        notes,
        all(facts.error is None for facts in analysis.captures),
        stream,
    )


def write_checks(run: CheckRun, stream: TextIO) -> None:
    """Write the expectations that are not met."""
    rules = [_rule(_EXPECTATION, "A capture does not hold what was written down to be expected of it.")]
    results = [_failure(file, check) for file, check in check_wording.failed(run)]
    notes = [
        _notification("error", f"{file.path}: {file.error}", file.path, file.error_line)
        for file in run.files
        if file.error
    ]
    _write(run.tool_version, rules, results, notes, not notes, stream)


def _write(
    version: str,
    rules: list[dict[str, Any]],
    results: list[dict[str, Any]],
    notes: list[dict[str, Any]],
    complete: bool,
    stream: TextIO,
) -> None:
    invocation: dict[str, Any] = {"executionSuccessful": complete}
    if notes:
        invocation["toolExecutionNotifications"] = notes
    driver = {"name": "synsight", "version": version, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    json.dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, stream, indent=1)
    stream.write("\n")


def _rule(code: str, title: str) -> dict[str, Any]:
    told = visible(title)
    return {
        "id": visible(code),
        "shortDescription": {"text": _message(told)},
        "fullDescription": {"text": _message(told)},
        "help": {"text": _message(f"{told} `synsight explain {visible(code)}` says more.")},
    }


def _result(
    analysis: Analysis, incident: Incident, codes: list[str], by_id: Mapping[str, Flow]
) -> dict[str, Any]:
    lines = [sentence(incident.summary)]
    flow = next((by_id[name] for name in incident.flow_ids if name in by_id), None)
    facts = analysis.captures[0] if analysis.captures else None
    if flow is not None:
        facts = _capture_of(analysis, flow.first_frame)
    told = next((each for each in flow.findings if each.code == incident.code), None) if flow else None
    if told is not None and flow is not None:
        lines.append(finding_text(told, flow.start_ns))
    else:  # what only many connections show has its own evidence
        lines.append(finding_text(incident, incident.first_ns))
    result = {
        "ruleId": visible(incident.code),
        "ruleIndex": codes.index(incident.code),
        "level": _LEVELS.get(incident.severity, "none"),
        "message": {"text": _message("\n".join(lines))},
        "occurrenceCount": incident.flows_count,
        "partialFingerprints": {"incident/v1": _fingerprint(incident)},
        "properties": {
            "server": visible(str(incident.server)),
            "confidence": incident.confidence,
            "suspects": {visible(each.side): each.weight for each in incident.suspects},
            "flowIds": [visible(name) for name in incident.flow_ids],
        },
    }
    if facts is not None:
        names = [{"name": visible(str(incident.server)), "kind": "resource"}]
        result["locations"] = [{"physicalLocation": _place(facts.path), "logicalLocations": names}]
    return result


def _fingerprint(incident: Incident) -> str:
    """The same for the same incident in another capture: what, where, and between whom it is undecided."""
    sides = sorted(suspect.side for suspect in incident.suspects)
    identity = "\0".join((incident.code, str(incident.server), *sides))
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()


def _capture_of(analysis: Analysis, frame: int) -> CaptureFacts | None:
    """The capture that holds a frame: frames are counted through all of them."""
    last = 0
    for facts in analysis.captures:
        last += facts.packets_count
        if frame <= last:
            return facts
    return analysis.captures[-1] if analysis.captures else None


def _failure(file: CheckedFile, check: Check) -> dict[str, Any]:
    text = "\n".join([visible(check.title), *(visible(problem.text) for problem in check.problems)])
    result = {
        "ruleId": _EXPECTATION,
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": _message(text)},
        "locations": [{"physicalLocation": _place(file.path, check.problems[0].line)}],
    }
    if file.captures:
        result["relatedLocations"] = [
            {"physicalLocation": _place(path), "message": {"text": "the capture"}} for path in file.captures
        ]
    return result


def _notifications(facts: CaptureFacts) -> list[dict[str, Any]]:
    notes = []
    if facts.error is not None:
        notes.append(_notification("error", f"Reading stopped early: {facts.error}", facts.path))
    for quality in facts.quality:
        if quality.text != facts.error:
            notes.append(
                _notification("note", f"{sentence(quality.text)} {sentence(quality.effect)}", facts.path)
            )
    return notes


def _notification(level: str, text: str, path: str, line: int = 0) -> dict[str, Any]:
    return {
        "level": level,
        "message": {"text": _message(visible(text))},
        "locations": [{"physicalLocation": _place(path, line)}],
    }


def _place(path: str, line: int = 0) -> dict[str, Any]:
    """A physical location; `line` 0 for the whole file."""
    place: dict[str, Any] = {"artifactLocation": {"uri": uri(path)}}
    if line:
        place["region"] = {"startLine": line}
    return place


def uri(path: str) -> str:
    """A path as an RFC 3986 reference: relative as it is, absolute as a `file:` URI.

    >>> uri("a b/x:y.pcap"), uri("x:y.pcap"), uri("/var/x.pcap")
    ('a%20b/x:y.pcap', './x:y.pcap', 'file:///var/x.pcap')
    """
    quoted = quote(os.fsencode(path), safe="/:")
    if quoted.startswith("/"):
        return "file://" + quoted
    return f"./{quoted}" if ":" in quoted.split("/", 1)[0] else quoted


def _message(text: str) -> str:
    return text.translate(_ESCAPES)
