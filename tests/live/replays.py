"""Captures fed to a watch as if they happened now, with looks between their packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from synsight.analysis.live.retention import Limits
from synsight.analysis.live.watch import Watch
from synsight.analysis.result import Analysis
from synsight.analysis.snapshot import IncidentEvent
from synsight.capture.source import Capture
from synsight.inputs import told

LOOK_NS = 250_000_000
MOST_LOOKS = 400
"""Captures of hours are looked at less often."""


def watched(
    path: Path, vantage: str | None = None, limits: Limits | None = None
) -> tuple[Analysis, list[IncidentEvent]]:
    """The final analysis of a capture that was watched, and every event on the way."""
    with Capture([path]) as capture:
        rows = [batch.segments.copy() for batch in capture.batches()]
        facts = capture.files[0]
        watch = Watch(vantage, limits)
        events = fed(watch, np.concatenate(rows) if rows else np.zeros(0), facts.end_ns)
        for batch in capture.batches(watch.judge(facts.start_ns, facts.end_ns)):
            watch.illustrate(batch.segments, batch.data)
        return watch.conclude((told(facts),), "test"), events


def fed(watch: Watch, rows: np.ndarray, end_ns: int | None) -> list[IncidentEvent]:
    """All events of rows that come at their own times."""
    events: list[IncidentEvent] = []
    if len(rows):
        times = np.maximum.accumulate(rows["time_ns"])
        start, end = int(times[0]), max(int(times[-1]), end_ns or 0)
        step = max(LOOK_NS, (end - start) // MOST_LOOKS)
        done = 0
        for now_ns in range(start + step, end + step, step):
            upto = int(np.searchsorted(times, min(now_ns, end), "right"))
            watch.feed(rows[done:upto])
            events += watch.look(min(now_ns, end)).events
            done = upto
        watch.feed(rows[done:])
        events += watch.look(end, ended=True).events
    return events


def without_version(analysis: Analysis) -> Analysis:
    """What two analyses of the same capture must agree on."""
    return replace(analysis, tool_version="")


def codes(analysis: Analysis) -> dict[str, Sequence[str]]:
    """Findings by connection."""
    return {flow.id: [finding.code for finding in flow.findings] for flow in analysis.flows}
