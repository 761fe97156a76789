"""Whatever an analysis holds, every report is written, whole and harmless."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synsight.analysis.result import SEVERITIES, SIDES, Analysis, Endpoint, Finding, LadderRow, Suspect
from synsight.reports import write

from . import samples
from .test_html import Outline

WORDS = st.text(st.characters(), max_size=60)
TIMES = st.integers(-(2**63), 2**63 - 1)
STATES = st.sampled_from(["", "UNKNOWN", "LISTEN", "SYN-SENT", "ESTABLISHED", "TIME-WAIT"]) | WORDS
FRAMES = st.integers(1, 2**63 - 1)
NUMBERS = st.integers(-(2**40), 2**40)

ROWS = st.builds(
    LadderRow,
    frame=st.none() | FRAMES,
    at_ns=TIMES,
    sender=st.sampled_from(["client", "server"]),
    label=WORDS,
    seq=NUMBERS,
    ack=st.none() | NUMBERS,
    payload_bytes=st.integers(0, 2**16),
    window_bytes=st.none() | st.integers(0, 2**30),
    note=WORDS,
    payload_text=WORDS,
    stops_at=st.none() | st.sampled_from(SIDES),
    repeat=st.booleans(),
    client_state=STATES,
    server_state=STATES,
    client_certain=st.booleans(),
    server_certain=st.booleans(),
)
SUSPECTS = st.lists(
    st.builds(Suspect, st.sampled_from(SIDES), st.floats(0.001, 1)),
    max_size=5,
    unique_by=lambda suspect: suspect.side,
).map(tuple)
FINDINGS = st.builds(
    Finding,
    code=WORDS,
    phase=st.just("handshake"),
    severity=st.sampled_from(SEVERITIES),
    confidence=st.floats(0, 1),
    summary=WORDS,
    suspects=SUSPECTS,
    evidence=st.just(()),
    next=st.lists(WORDS, max_size=2).map(tuple),
    authority=WORDS,
)


@st.composite
def analyses(draw: st.DrawFn) -> Analysis:
    base = samples.stuck_close_wait()
    told = replace(
        base.flows[0],
        id=draw(WORDS),
        client=Endpoint(draw(WORDS), 1),
        start_ns=draw(TIMES),
        end_ns=draw(TIMES),
        findings=tuple(draw(st.lists(FINDINGS, min_size=1, max_size=2))),
        ladder=tuple(draw(st.lists(ROWS, min_size=1, max_size=5))),
    )
    return replace(base, headline=draw(WORDS), flows=(told,), incidents=(samples.incident(told),))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(analyses())
def test_every_text_report_is_whole_and_harmless(analysis: Analysis) -> None:
    made = {}
    for fmt in ("text", "json", "html", "svg"):
        stream = io.StringIO()
        write(analysis, fmt, stream)
        made[fmt] = stream.getvalue()
        made[fmt].encode("utf-8")
        assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", made[fmt]) is None
    assert json.loads(made["json"])["flows"][0]["ladder"]
    assert ElementTree.fromstring(made["svg"].encode()).tag.endswith("svg")
    assert Outline(made["html"]).tags.count("h1") == 1
