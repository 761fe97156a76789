"""`--fail-on`: a small language, its unknowns, and its mistakes."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import synsight
from hypothesis import given
from hypothesis import strategies as st
from synsight.analysis.questions.baseline import BaselineError, known_in, only_new
from synsight.analysis.questions.conditions import NAMES, ConditionError, condition
from synsight.analysis.study import DETAILED_FLOWS
from synsight.api import FLOWS_LIMIT
from synsight.reports import write_file

from tests.test_cli import DROPPED, HEALTHY, LAB, one_line, run, verdict


@pytest.fixture(scope="module")
def queue_full() -> synsight.Analysis:
    """One connection in good order, one with an error that blames the server's program most."""
    return synsight.analyze(LAB / "accept-queue-full" / "client.pcap", all_flows=True)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("severity>=error", 1),
        ("severity >= info and code == syn-unanswered", 1),
        ("code==port-closed or code==syn-unanswered", 1),
        ("not code==syn-unanswered", 0),
        ("not code==port-closed", 1),
        ("not (code==port-closed or side==path)", 1),
        ("code==port-closed or side==path and severity>=info", 0),
        ("(code==port-closed or side==server-app) and confidence > 0.5", 1),
        ("outcome==open", 1),
        ("outcome!=completed", 2),
        ("handshake_ms < 100", 1),
        ("not handshake_ms < 100", 0),
        ("client_port==40001", 1),
        ("server_ip==10.0.2.0/24 and syn_count>=4", 1),
        ("server_ip!=10.0.2.0/24", 0),
        ("retransmission_ratio>0.01", 2),
        ("retransmissions > 1 %", 2),
        ("flow_retransmission_ratio>0.5", 1),
        ("flow_retransmissions == 3", 1),
        ("flows>2", 0),
        ("handshake_complete==true", 1),
        ('phase=="handshake"', 1),
    ],
)
def test_meaning(text: str, count: int, queue_full: synsight.Analysis) -> None:
    assert len(condition(text).matches(queue_full)) == count


@pytest.mark.parametrize(
    ("text", "caret", "words"),
    [
        ("sever>=error", 0, "did you mean 'severity'?"),
        ("severity>=eror", 10, "did you mean 'error'?"),
        ("severity=error", 8, "expected one of =="),
        ("severity>=", 10, "expected a value"),
        ("", 0, "expected a name"),
        ("severity>=error and", 19, "expected a name"),
        ("severity>=error code==port-closed", 16, "expected `and`"),
        ("(severity>=error", 0, "never closed"),
        ("severity>=error)", 15, "expected `and`"),
        ("code>port-closed", 5, "== or !="),
        ("flows>many", 6, "'many' is no number"),
        ("flows>1%", 6, "no percentage"),
        ("server_ip==nowhere", 11, "no address"),
        ("outcome=='open", 9, "means nothing here"),
        ("quality==x", 0, "nothing is called 'quality'"),
    ],
)
def test_a_mistake_points_at_its_place(text: str, caret: int, words: str) -> None:
    with pytest.raises(ConditionError) as caught:
        condition(text)
    why, shown, mark = str(caught.value).split("\n")
    assert words in why
    assert shown == f"  {text}"
    assert mark.index("^") - 2 == caught.value.position
    if caret != 5:  # the value is what cannot be ordered
        assert caught.value.position == caret


@given(st.text(alphabet="ab =<>!()'\"%.0not rcodseverity>=1\n"))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(ConditionError):
        condition(text)


def test_what_only_many_connections_show_is_asked_too() -> None:
    analysis = synsight.analyze(LAB / "ports-scanned-with-syns" / "server.pcap")
    assert "port-scan" not in {finding.code for finding in analysis.findings}
    assert len(condition("code==port-scan and server_ip==10.0.2.0/24").matches(analysis)) == 1
    assert condition("code==port-scan and outcome==reset").matches(analysis) == ()


def test_every_name_is_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "ci.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"`{name}`" in page, name


def test_the_limit_is_that_of_the_analysis() -> None:
    assert FLOWS_LIMIT == DETAILED_FLOWS


class TestCommand:
    def test_what_is_met_ends_with_one(self) -> None:
        done = run("analyze", DROPPED, "--fail-on", "severity>=error")
        assert done.returncode == 1
        assert one_line(done) == "synsight: --fail-on severity>=error: met by syn-unanswered (1)"
        assert b"never answered" in done.stdout

    def test_what_is_not_met_ends_with_zero(self) -> None:
        done = run("analyze", HEALTHY, "--fail-on", "severity>=info or retransmission_ratio>0.01")
        assert (done.returncode, done.stderr) == (0, b"")

    def test_connections_in_good_order_are_asked_and_not_told(self) -> None:
        done = run("analyze", HEALTHY, "--fail-on", "outcome==completed", "--format", "json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["flows"] == []
        assert json.loads(done.stdout)["flows_left_out_count"] == 0

    def test_a_mistake_ends_with_two_and_a_caret(self) -> None:
        done = run("analyze", DROPPED, "--fail-on", "sever>=error")
        assert done.returncode == 2
        assert done.stderr.decode().splitlines()[1:] == ["  sever>=error", "  ^"]

    def test_a_cut_capture_stays_a_three(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.pcap"
        path.write_bytes(DROPPED.read_bytes()[:-7])
        assert run("analyze", path, "--fail-on", "severity>=error").returncode == 3


class TestBaseline:
    def test_the_same_capture_has_nothing_new(self, tmp_path: Path) -> None:
        before = tmp_path / "before.json"
        run("analyze", DROPPED, "-o", before)
        done = run("analyze", DROPPED, "--baseline", before, "--fail-on", "severity>=info")
        assert done.returncode == 0
        assert "Nothing new: 1 finding known from the baseline." in done.stdout.decode()
        told = verdict(DROPPED, "--baseline", before)
        assert (told["flows"], told["incidents"], told["known_findings_count"]) == ([], [], 1)

    def test_another_failure_is_new(self, tmp_path: Path) -> None:
        before = tmp_path / "before.json"
        run("analyze", DROPPED, "-o", before)
        done = run(
            "analyze",
            LAB / "port-closed" / "client.pcap",
            "--baseline",
            before,
            "--fail-on",
            "code==port-closed",
        )
        assert done.returncode == 1

    @pytest.mark.parametrize(
        "text", ["", "[]", '{"format_version": 2}', '{"format_version": 1, "flows": [{}]}']
    )
    def test_what_is_no_report_is_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "x.json"
        path.write_text(text)
        done = run("analyze", DROPPED, "--baseline", path)
        assert done.returncode == 2
        assert "x.json" in one_line(done)

    def test_a_redacted_report_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        run("analyze", DROPPED, "--redact", "-o", path)
        assert "redacted" in one_line(run("analyze", DROPPED, "--baseline", path))


def report_of(analysis: synsight.Analysis, path: Path) -> object:
    write_file(analysis, path)
    return json.loads(path.read_text())


def test_new_is_code_server_and_suspects(queue_full: synsight.Analysis, tmp_path: Path) -> None:
    known = known_in(report_of(queue_full, tmp_path / "x.json"))
    flow = queue_full.flows[0]
    (finding,) = flow.findings

    def new(**changes: object) -> int:
        other = replace(flow, findings=(replace(finding, **changes),))  # type: ignore[arg-type]
        return len(only_new(replace(queue_full, flows=(other,)), known).findings)

    assert new() == 0
    assert new(confidence=0.1, summary="other", severity="warning") == 0
    assert new(suspects=finding.suspects[::-1]) == 0
    assert new(suspects=finding.suspects[:1]) == 1
    assert new(code="port-closed") == 1
    elsewhere = replace(flow, server=synsight.Endpoint("10.0.2.3", 8080))
    assert len(only_new(replace(queue_full, flows=(elsewhere,)), known).findings) == 1
    another_client = replace(flow, client=synsight.Endpoint("10.0.9.9", 1))
    assert only_new(replace(queue_full, flows=(another_client,)), known).findings == ()


def test_connections_in_good_order_stay(queue_full: synsight.Analysis, tmp_path: Path) -> None:
    left = only_new(queue_full, known_in(report_of(queue_full, tmp_path / "x.json")))
    assert [flow.client.port for flow in left.flows] == [40001]
    assert left.totals.flows_with_findings_count == 0
    assert left.totals.flows_count == 2
    with pytest.raises(BaselineError):
        known_in(None)
