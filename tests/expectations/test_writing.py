"""What `--update` writes is met, stays the same, and keeps what was right."""

from __future__ import annotations

from pathlib import Path

import pytest
import synsight
from synsight.analysis.expectations.holding import hold
from synsight.analysis.expectations.reading import read
from synsight.analysis.expectations.writing import updated, written

LAB = Path(__file__).parents[2] / "fixtures" / "lab"
SCENARIOS = ("accept-queue-full", "client-closes-first-ipv6", "several-connections-to-two-ports",
             "source-port-reused", "syn-dropped-by-server-host", "loss-down-recovered",
             "half-open-connections-pile-up")  # fmt: skip


def analysis_of(scenario: str) -> synsight.Analysis:
    return synsight.analyze(LAB / scenario / "client.pcap", all_flows=True, flows_limit=None)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_is_written_is_met_and_does_not_change(scenario: str) -> None:
    analysis = analysis_of(scenario)
    text = written(analysis, "client.pcap")
    assert text == written(analysis_of(scenario), "client.pcap")
    checks = hold(read(text), analysis)
    assert [check for check in checks if not check.passed] == []
    assert updated(text, read(text), checks, analysis).text == text


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_scenarios_expectations_become_anothers(scenario: str) -> None:
    text = written(analysis_of("accept-queue-full"), "client.pcap")
    analysis = analysis_of(scenario)
    made = updated(text, read(text), hold(read(text), analysis), analysis)
    assert [check for check in hold(read(made.text), analysis) if not check.passed] == []


OLD = """# Read me first.
other_findings = "info"  # not more

[totals]
flows = 3                  # one per client
retransmissions = "< 1 %"

# gone soon
[[finding]]
code = "port-closed"

# about the queue
[[finding]]
code = "syn-unanswered"   # four of them
count = 4

[[flow]]
server_port = 8080
outcome = [
    "completed",  # never
]
handshake_ms = "< 10"
syn_count = ">= 1"
"""

NEW = """# Read me first.
other_findings = "info"  # not more

[totals]
flows = 2                  # one per client
retransmissions = "<= 34 %"

# about the queue
[[finding]]
code = "syn-unanswered"   # four of them
count = 1

[[flow]]
server_port = 8080
outcome = ["open", "unanswered"]
syn_count = ">= 1"
"""


def test_what_is_met_stays_with_its_comments() -> None:
    analysis = analysis_of("accept-queue-full")
    made = updated(OLD, read(OLD), hold(read(OLD), analysis), analysis)
    assert made.text == NEW
    assert "removed from line 9 on, with the comments above: [[finding]] port-closed" in made.done
    assert "removed line 22: handshake_ms" in made.done
    assert "changed line 5: flows = 2" in made.done


def test_a_finding_in_place_of_another_is_added() -> None:
    analysis = analysis_of("accept-queue-full")
    text = '[[finding]]\ncode = "port-closed"\n'
    made = updated(text, read(text), hold(read(text), analysis), analysis)
    assert 'code = "syn-unanswered"' in made.text
    assert "port-closed" not in made.text
