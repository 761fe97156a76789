"""Conversations that the tests of the piles repeat, and what comes of them."""

from __future__ import annotations

import numpy as np
from synsight.analysis.result import Analysis, Incident
from synsight.analysis.study import Study

START_NS = 1_700_000_000_000_000_000
"""Time zero of a ladder."""

SYN = """# A SYN and nothing else.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7> ttl 57
"""
OPENED = (
    SYN
    + """+0.001  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7> ttl 64
+0.020  > .   1:1(0) ack 1 win 502 ttl 57
"""
)
ASKED = (
    OPENED
    + """+0.001  > P.  1:101(100) ack 1 win 502 ttl 57
+0.001  < .   1:1(0) ack 101 win 502
"""
)
SERVED = (
    ASKED
    + """+0.010  < P.  1:1001(1000) ack 101 win 502
+0.020  > .   101:101(0) ack 1001 win 502 ttl 57
"""
)
CLIENT_CLOSES = (
    SERVED
    + """+0.010  > F.  101:101(0) ack 1001 win 502 ttl 57
+0.001  < F.  1001:1001(0) ack 102 win 502
+0.020  > .   102:102(0) ack 1002 win 502 ttl 57
"""
)
SERVER_CLOSES = (
    SERVED
    + """+0.010  < F.  1001:1001(0) ack 101 win 502
+0.020  > F.  101:101(0) ack 1002 win 502 ttl 57
+0.001  < .   1002:1002(0) ack 102 win 502
"""
)
NEVER_CLOSED = (
    SERVED
    + """+0.010  > F.  101:101(0) ack 1001 win 502 ttl 57
+0.001  < .   1001:1001(0) ack 102 win 502
"""
)
REFUSED = (
    SYN
    + """+0.001  < R.  -5000000:-5000000(0) ack 1 win 0 ttl 64 id 0
"""
)
FLOODED = (
    SYN
    + """+0.001  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7> ttl 64
"""
)
WANTED = """# The SYN is repeated, and so is its answer.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7> ttl 57
+0.001  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7> ttl 64
+1.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7> ttl 57
+0.001  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7> ttl 64
+2.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7> ttl 57
+0.001  < S.  0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7> ttl 64
"""
IGNORED = """# The SYN is repeated and never answered.
     0  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7> ttl 57
+1.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7> ttl 57
+2.000  > S   0:0(0) win 64240 <mss 1460,sackOK,wscale 7> ttl 57
"""
FIN_REPEATED = (
    SERVED
    + """+0.010  < F.  1001:1001(0) ack 101 win 502
+0.200  < F.  1001:1001(0) ack 101 win 502
+0.400  < F.  1001:1001(0) ack 101 win 502
+0.800  < F.  1001:1001(0) ack 101 win 502
+1.600  < F.  1001:1001(0) ack 101 win 502
"""
)
LAST_ACK = (
    SERVED
    + """+0.010  > F.  101:101(0) ack 1001 win 502 ttl 57
+0.001  < F.  1001:1001(0) ack 102 win 502
+0.200  < F.  1001:1001(0) ack 102 win 502
+0.400  < F.  1001:1001(0) ack 102 win 502
+0.800  < F.  1001:1001(0) ack 102 win 502
+1.600  < F.  1001:1001(0) ack 102 win 502
"""
)
TURNED_AWAY = (
    OPENED
    + """+0.001  < P.  1:41(40) ack 1 win 502
+0.001  < F.  41:41(0) ack 1 win 502
+0.020  > F.  1:1(0) ack 42 win 502 ttl 57
+0.001  < .   42:42(0) ack 2 win 502
"""
)


def analysed(rows: np.ndarray, until_s: float, vantage: str | None = None) -> Analysis:
    """What comes of these rows, in a capture that ends `until_s` after the ladders' zero."""
    study = Study(vantage)
    study.feed(rows)
    study.judge(START_NS, START_NS + round(until_s * 1e9))
    return study.conclude((), "piles")


def incident(analysis: Analysis, code: str) -> Incident | None:
    """The incident with that code; there is at most one."""
    found = [each for each in analysis.incidents if each.code == code]
    assert len(found) <= 1
    return found[0] if found else None


def codes(analysis: Analysis) -> list[str]:
    """The codes of all incidents, worst first."""
    return [each.code for each in analysis.incidents]
