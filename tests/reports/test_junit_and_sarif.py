"""JUnit as other programs read it, SARIF as its schema has it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import synsight
from junitparser import Error, Failure, JUnitXml
from synsight.reports import write
from synsight.reports.sarif import uri
from synsight.reports.titles import titles

from tests import sarif_schema

from . import samples

ROOT = Path(__file__).parents[2]
LAB = ROOT / "fixtures" / "lab"


def junit(analysis: synsight.Analysis) -> JUnitXml:
    stream = io.BytesIO()
    write(analysis, "junit", stream)
    return JUnitXml.fromstring(stream.getvalue())


def sarif(analysis: synsight.Analysis) -> Any:
    stream = io.BytesIO()
    write(analysis, "sarif", stream)
    log = json.loads(stream.getvalue())
    sarif_schema.validate(log)
    return log["runs"][0]


def test_an_error_fails_its_connections_case() -> None:
    xml = junit(samples.dropped_syn())
    assert (xml.tests, xml.failures, xml.errors) == (2, 1, 0)
    (case,) = [case for suite in xml for case in suite if case.result]
    (failure,) = case.result
    assert isinstance(failure, Failure)
    assert failure.type == "syn-unanswered"
    assert "frame" in (failure.text or "")


def test_a_warning_is_told_and_fails_nothing() -> None:
    xml = junit(synsight.analyze(LAB / "first-syn-lost" / "client.pcap"))
    assert xml.failures == 0
    assert any("syn-lost-recovered" in (case.system_out or "") for suite in xml for case in suite)


def test_a_cut_capture_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes((LAB / "port-closed" / "client.pcap").read_bytes()[:-7])
    analysis = synsight.analyze(path)
    (case,) = [case for suite in junit(analysis) for case in suite if case.classname == "captures"]
    assert isinstance(case.result[0], Error)
    run = sarif(analysis)
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["toolExecutionNotifications"][0]["level"] == "error"


@pytest.mark.parametrize("name", samples.ALL)
def test_sarif_holds_to_the_official_schema(name: str) -> None:
    sarif(samples.ALL[name]())


def test_the_schema_would_find_a_mistake() -> None:
    with pytest.raises(jsonschema.ValidationError):
        sarif_schema.validate({"version": "2.1.0", "runs": [{"tool": {}}]})


def test_a_result_is_an_incident_at_its_capture() -> None:
    paths = [LAB / "port-closed" / "client.pcap", LAB / "server-never-closes" / "client.pcap"]
    analysis = synsight.analyze(*paths)
    run = sarif(analysis)
    assert len(run["results"]) == len(analysis.incidents)
    for result, incident in zip(run["results"], analysis.incidents, strict=True):
        assert result["ruleId"] == incident.code == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]
        assert result["occurrenceCount"] == incident.flows_count
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert place == uri(str(next(path for path in paths if _shows(path, incident.code))))


def _shows(path: Path, code: str) -> bool:
    return any(incident.code == code for incident in synsight.analyze(path).incidents)


def test_the_fingerprint_outlives_the_capture() -> None:
    prints = {
        sarif(synsight.analyze(LAB / "port-closed" / f"{place}.pcap", vantage="client"))["results"][0][
            "partialFingerprints"
        ]["incident/v1"]
        for place in ("client", "middle")
    }
    assert len(prints) == 1


def test_every_finding_has_its_title() -> None:
    from synsight.analysis.questions.handbook import BY_CODE

    assert set(titles()) == set(BY_CODE)


def test_what_only_many_connections_show_is_a_result_with_its_evidence() -> None:
    analysis = synsight.analyze(LAB / "ports-scanned-with-syns" / "server.pcap")
    codes = {finding.code for finding in analysis.findings}
    piles = [incident for incident in analysis.incidents if incident.code not in codes]
    assert piles
    results = {result["ruleId"]: result for result in sarif(analysis)["results"]}
    for pile in piles:
        assert f"frame {pile.evidence[0].frame}" in results[pile.code]["message"]["text"]
