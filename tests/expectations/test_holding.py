"""An analysis held to expectations: what passes, what fails, and what is told about it."""

from __future__ import annotations

from pathlib import Path

import pytest
import synsight
from synsight.analysis.checked import Check
from synsight.analysis.expectations.holding import hold
from synsight.analysis.expectations.reading import read

LAB = Path(__file__).parents[2] / "fixtures" / "lab"


@pytest.fixture(scope="module")
def queue_full() -> synsight.Analysis:
    """One connection that was accepted by the kernel, one whose SYNs were dropped."""
    return synsight.analyze(LAB / "accept-queue-full" / "client.pcap", all_flows=True, flows_limit=None)


def only(text: str, analysis: synsight.Analysis) -> Check:
    (check,) = hold(read(text), analysis)
    return check


def texts(check: Check) -> str:
    return "\n".join(problem.text for problem in check.problems)


MET = (
    '[[finding]]\ncode = "syn-unanswered"',
    '[[finding]]\ncode = "syn-unanswered"\nserver = "10.0.2.0/24"\nside = "server-app"\ncount = 1',
    '[[finding]]\nseverity = ">= warning"\nclient_errno = "none"',
    '[[finding]]\ncode = "port-closed"\ncount = 0',
    '[[no_finding]]\ncode = "port-closed"',
    '[[no_finding]]\nseverity = "error"\nclient_port = 40001',
    '[[flow]]\nclient_port = 40001\noutcome = "open"\nhandshake_complete = true\nhandshake_ms = "< 20"',
    '[[flow]]\nclient_port = 40001\nclient_certain = true\nretransmissions = "< 1 %"\nfindings = []',
    '[[flow]]\nport = 8080\ncount = 2\noutcome = ["open", "unanswered"]',
    '[[flow]]\nip = "10.9.0.0/16"\ncount = 0',
    '[[flow]]\nid = "10.0.1.2:40002-10.0.2.2:8080"\nclient_errno = "none"\nsyn_count = ">= 4"',
    "[totals]\nflows = 2",
    '[totals]\nretransmissions = "> 10 %"',
    "[totals]\nevicted_flows = 0",
    'other_findings = "any"',
)


@pytest.mark.parametrize("text", MET)
def test_met(text: str, queue_full: synsight.Analysis) -> None:
    assert only(text, queue_full).passed, texts(only(text, queue_full))


NOT_MET = (
    ('[[finding]]\ncode = "port-closed"', 1, "no finding is like this, expected at least one"),
    ('[[finding]]\ncode = "syn-unanswered"\nside = "path"', 1, "whose side is server-app, expected path"),
    ('[[finding]]\ncode = "syn-unanswered"\nport = 81', 1, "whose ends are others"),
    ('[[finding]]\ncode = "syn-unanswered"\ncount = "> 1"', 3, "1 finding like this, expected > 1"),
    ('[[no_finding]]\nseverity = ">= warning"', 1, "error syn-unanswered of 10.0.1.2:40002-10.0.2.2:8080"),
    ('[[flow]]\nserver_port = 81\noutcome = "open"', 1, "no connection is like this"),
    ('[[flow]]\nport = 8080\noutcome = "open"', 3, "outcome is unanswered in 1 of 2 connections"),
    ('[[flow]]\nclient_port = 40002\nhandshake_ms = "< 50"', 3, "handshake_ms is unknown"),
    ('[[flow]]\nclient_port = 40001\nhandshake_ms = "< 5"', 3, "handshake_ms is 16.88"),
    ('[[flow]]\nclient_port = 40002\nretransmissions = "< 1 %"', 3, "retransmissions is 75 %"),
    ("[totals]\nflows = 3", 2, "flows is 2, expected 3"),
    ('[totals]\nquality = ["capture-drop"]', 2, 'expected ["capture-drop"]'),
    ('other_findings = "none"', 1, "syn-unanswered"),
)


@pytest.mark.parametrize(("text", "line", "words"), NOT_MET)
def test_not_met(text: str, line: int, words: str, queue_full: synsight.Analysis) -> None:
    check = only(text, queue_full)
    assert words in texts(check)
    assert check.problems[0].line == line


def test_other_findings_are_those_that_nothing_names(queue_full: synsight.Analysis) -> None:
    checks = hold(read('other_findings = "none"\n[[finding]]\ncode = "syn-unanswered"'), queue_full)
    assert all(check.passed for check in checks)


def test_a_failure_brings_the_connections_that_it_is_about(queue_full: synsight.Analysis) -> None:
    check = only('[[flow]]\nport = 8080\noutcome = "open"', queue_full)
    assert [flow.client.port for flow in check.flows] == [40002]
    assert check.flows[0].ladder
    near = only('[[finding]]\ncode = "syn-unanswered"\nside = "path"', queue_full)
    assert [flow.client.port for flow in near.flows] == [40002]


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ('[[finding]]\ncode = "port-scan"\nserver = "10.0.2.2"', True),
        ('[[finding]]\ncode = "port-scan"\nserver = "10.0.2.3"', False),
        ('[[finding]]\ncode = "port-scan"\nclient = "10.0.1.2"', False),
        ('[[no_finding]]\ncode = "port-scan"', False),
    ],
)
def test_what_only_many_connections_show_is_a_finding_of_its_server(text: str, met: bool) -> None:
    scanned = synsight.analyze(
        LAB / "ports-scanned-with-syns" / "server.pcap", all_flows=True, flows_limit=None
    )
    assert only(text, scanned).passed is met


def test_quality_is_exactly_what_limits_the_capture(queue_full: synsight.Analysis) -> None:
    codes = sorted(each.code for each in queue_full.captures[0].quality)
    assert only(f"[totals]\nquality = {codes}", queue_full).passed
    assert not only(f"[totals]\nquality = {[*codes, 'capture-drop']}", queue_full).passed
