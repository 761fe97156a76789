"""What a study tells when it cannot tell all."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from synsight.analysis import findings
from synsight.analysis.case import Case
from synsight.analysis.result import Finding
from synsight.analysis.study import ASKED_RATIO, Study
from synsight.analysis.table import FlowTable

from tests.crowd import crowd, in_order

LADDERS = Path(__file__).parent.parent / "fixtures/ladders"
RESET = (LADDERS / "rst-instead-of-fin/client_resets_after_the_answer.ladder").read_text()
HEALTHY = """# A question and its answer.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,TS 100 0,wscale 7>
+0.020  < S.  0:0(0) ack 1 win 65160 id 0 ttl 56 <mss 1460,sackOK,TS 900 100,wscale 7>
+0.001  > .   1:1(0) ack 1 win 502 id 11 <TS 121 900>
+0.010  > P.  1:101(100) ack 1 win 502 id 12 <TS 131 900>
+0.020  < P.  1:201(200) ack 101 win 509 id 500 ttl 56 <TS 931 131>
+0.001  > F.  101:101(0) ack 201 win 501 id 13 <TS 152 931>
+0.020  < F.  201:201(0) ack 102 win 509 id 501 ttl 56 <TS 952 152>
+0.001  > .   102:102(0) ack 202 win 501 id 14 <TS 173 952>
"""


def told(healthy: int, reset: int, most: int) -> tuple[list[str], int]:
    """Codes of the findings of a crowd, the healthy ones first, and how many connections were left out."""
    made = Study(told_flows=most)
    made.feed(in_order(crowd(HEALTHY, healthy), crowd(RESET, reset, start_s=1000.0, first=healthy)))
    made.judge()
    result = made.conclude((), "test")
    return [finding.code for flow in result.flows for finding in flow.findings], result.flows_left_out_count


@pytest.fixture
def easy_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask picks every connection, and the rule then says nothing of those that were not reset."""
    masks, judge = findings.candidates, findings.judge

    def every_one(table: FlowTable) -> np.ndarray:
        picked = masks(table)
        picked[-1] = True
        return picked

    def only_reset(case: Case, rules: list[ModuleType]) -> list[Finding]:
        return judge(case, rules[:-1]) if case.client.rst_count else []

    monkeypatch.setattr(findings, "candidates", every_one)
    monkeypatch.setattr(findings, "judge", only_reset)


@pytest.mark.usefixtures("easy_masks")
def test_connections_without_a_finding_take_nobodys_place() -> None:
    codes, left_out_count = told(healthy=8, reset=2, most=2)
    assert codes == ["rst-instead-of-fin"] * 2
    assert left_out_count == 0


def test_what_is_beyond_the_limit_is_counted() -> None:
    codes, left_out_count = told(healthy=1, reset=5, most=2)
    assert codes == ["rst-instead-of-fin"] * 2
    assert left_out_count == 3


@pytest.mark.usefixtures("easy_masks")
def test_no_more_are_asked_than_can_be_afforded() -> None:
    codes, left_out_count = told(healthy=ASKED_RATIO + 5, reset=1, most=1)
    assert codes == []
    assert left_out_count == 6
