"""The public Python interface: `synsight.analyze("x.pcap")`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .inputs import told

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from .analysis.result import Analysis
    from .analysis.study import Study
    from .capture.source import Capture

    EachBatch = Callable[[np.ndarray, np.ndarray, np.ndarray], None]

INTERRUPTED = "interrupted; only what was read until then is reported"

FLOWS_LIMIT = 10_000
"""Connections told one by one unless asked otherwise: `study.DETAILED_FLOWS`, known without NumPy."""


def analyze(
    *paths: str | Path,
    bpf: str | None = None,
    vantage: str | None = None,
    all_flows: bool = False,
    flow: str | None = None,
    stdin: BinaryIO | None = None,
    drawn: int = 0,
    dissect: bool = False,
    flows_limit: int | None = FLOWS_LIMIT,
    each_batch: EachBatch | None = None,
) -> Analysis:
    """Analyse one or more captures as one.

    `bpf` is a libpcap filter; `vantage` (client, server, middle) overrides where the capture was taken;
    `all_flows` tells healthy connections, too; at most `flows_limit` connections are told, the rest is
    counted (None: no limit); `flow` (an id) tells that connection and no other; at least `drawn` connections
    get what pictures need, a hundred if that is cheap; `dissect` adds what tshark says of these, and
    `dissection.problem` why it could not. Raises `synsight.CaptureError` when nothing can be read; a capture
    that is damaged half-way gives what could be read, with `captures[i].error` set. `each_batch` is called
    with the SEGMENT rows, their NOTE rows and the FLOW rows while the capture is read.
    """
    from . import __version__
    from .analysis.scene.traits import rewritten
    from .analysis.study import SHOWN_FLOWS, Study
    from .capture.source import Capture

    with Capture(paths, bpf=bpf, stdin=stdin) as capture:
        study = Study(vantage, all_flows, flow, max(SHOWN_FLOWS, drawn), drawn, flows_limit)
        interrupted = _first_pass(capture, study, each_batch)
        starts = [facts.start_ns for facts in capture.files if facts.start_ns is not None]
        ends = [facts.end_ns for facts in capture.files if facts.end_ns is not None]
        first_frames = [facts.first_frame for facts in capture.files]
        impossible = [rewritten(facts.tcp_segments_count, facts.skipped) for facts in capture.files]
        spans = study.judge(
            min(starts, default=None), max(ends, default=None), first_frames, rewritten=any(impossible)
        )
        if interrupted:
            spans = []
        if dissect:
            _dissected(capture, study, spans)
        elif spans:
            for batch in capture.batches(spans):
                study.illustrate(batch.segments, batch.data)
        stopped = INTERRUPTED if interrupted else None
        told_files = (
            told(facts, stopped or why or None) for facts, why in zip(capture.files, impossible, strict=True)
        )
        return study.conclude(tuple(told_files), __version__)


def _first_pass(capture: Capture, study: Study, each_batch: EachBatch | None) -> bool:
    """Feed everything; True when Ctrl-C ended it early."""
    batches = capture.batches()
    try:
        for batch in batches:
            notes = study.feed(batch.segments, batch.steps_ns)
            if each_batch is not None and len(batch.segments):
                each_batch(batch.segments, notes, study.tracker.flows)
    except KeyboardInterrupt:
        batches.close()  # type: ignore[attr-defined]
        return True
    return False


def _dissected(capture: Capture, study: Study, spans: list[tuple[int, int]]) -> None:
    """The second pass, with the frames of the connections shown given to tshark."""
    from .capture.dissect import dissect
    from .capture.excerpt import Excerpt

    with Excerpt() as excerpt:
        for batch in capture.batches(spans) if spans else ():
            excerpt.add(batch, study.illustrate(batch.segments, batch.data))
        study.dissected(dissect(excerpt), len(excerpt.frames))
