"""An answer to ping says that the host is up and the way is open; it does not say that the port is."""

from __future__ import annotations

import numpy as np
import pytest
from synsight.analysis.result import Finding
from synsight.analysis.study import Study
from synsight.capture.segment import SEGMENT, Kind, address_halves

from tests.ladder import parse_ladder

START_NS = 1_700_000_000_000_000_000

SILENT = """# Three SYNs and nothing back.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+1.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+2.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
"""
BROKEN_OFF = """# A connection whose server goes silent after the request.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+0.020  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
+0.001  > .   1:1(0) ack 1 win 502
+0.001  > P.  1:101(100) ack 1 win 502
+0.300  > P.  1:101(100) ack 1 win 502
+0.600  > P.  1:101(100) ack 1 win 502
+1.200  > P.  1:101(100) ack 1 win 502
+2.400  > P.  1:101(100) ack 1 win 502
+4.800  > P.  1:101(100) ack 1 win 502
+9.600  > P.  1:101(100) ack 1 win 502
"""


def echo(host: str, at_s: float) -> np.ndarray:
    """An answer of `host` to the client's ping."""
    row = np.zeros(1, SEGMENT)
    row["kind"], row["time_ns"], row["frame"] = Kind.ECHO_REPLY, START_NS + round(at_s * 1e9), 77
    row["src_hi"], row["src_lo"] = address_halves(host)
    row["dst_hi"], row["dst_lo"] = address_halves("10.0.0.1")
    return row


def judged(ladder: str, *more: np.ndarray) -> Finding:
    """The finding about one connection."""
    study = Study("client")
    for rows in (parse_ladder(ladder).rows, *more):
        study.feed(rows)
    study.judge(end_ns=START_NS + 60 * 10**9)
    (finding,) = study.conclude((), "test").flows[0].findings
    return finding


def weights(finding: Finding) -> dict[str, float]:
    return {suspect.side: suspect.weight for suspect in finding.suspects}


def test_a_host_that_answers_ping_is_up() -> None:
    silent, answering = judged(SILENT), judged(SILENT, echo("10.0.0.2", 2))
    assert weights(answering)["path"] < weights(silent)["path"]
    assert weights(answering)["server-host"] > weights(silent)["server-host"]
    said = " ".join(item.text for item in answering.evidence)
    assert "the server's host answers ping (frame 77): it is up, and there is a way" in said


@pytest.mark.parametrize(
    ("why", "more"),
    [("another host", echo("10.0.0.9", 2)), ("a minute before and later", echo("10.0.0.2", 50))],
)
def test_what_says_nothing_about_this_attempt(why: str, more: np.ndarray) -> None:
    assert weights(judged(SILENT, more)) == weights(judged(SILENT)), why


def test_a_host_that_answers_ping_after_it_fell_silent_is_up() -> None:
    silent, answering = judged(BROKEN_OFF), judged(BROKEN_OFF, echo("10.0.0.2", 30))
    assert weights(answering)["server-host"] < weights(silent)["server-host"]
    before = judged(BROKEN_OFF, echo("10.0.0.2", 0.01))
    assert weights(before) == weights(silent)
