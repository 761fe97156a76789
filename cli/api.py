"""The public Python interface: `synsight.analyze("x.pcap")`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from .analysis.result import Analysis


def analyze(
    *paths: str | Path,
    bpf: str | None = None,
    vantage: str | None = None,
    all_flows: bool = False,
    flow: str | None = None,
    stdin: BinaryIO | None = None,
) -> Analysis:
    """Analyse one or more captures as one.

    `bpf` is a libpcap filter; `vantage` (client, server, middle) overrides where the capture was taken; `all_flows`
    tells healthy connections, too; `flow` (an id) tells that connection and no other. Raises
    `synsight.capture.source.CaptureError` when nothing can be read; a capture that is damaged half-way gives what
    could be read, with `captures[i].error` set.
    """
    from . import __version__
    from .analysis.result import CaptureFacts, Vantage
    from .analysis.study import Study
    from .capture.source import Capture

    chosen: Sequence[str | Path] = paths
    with Capture(chosen, bpf=bpf, stdin=stdin) as capture:
        study = Study(vantage, all_flows, flow)
        for batch in capture.batches():
            study.feed(batch.segments)
        starts = [facts.start_ns for facts in capture.files if facts.start_ns is not None]
        ends = [facts.end_ns for facts in capture.files if facts.end_ns is not None]
        spans = study.judge(min(starts, default=None), max(ends, default=None))
        if spans:
            for batch in capture.batches(spans):
                study.illustrate(batch.segments, batch.data)
        told = tuple(
            CaptureFacts(
                facts.path,
                tuple(facts.link_types),
                facts.packets_count,
                facts.tcp_segments_count,
                facts.skipped,
                facts.kernel_dropped_count,
                facts.start_ns,
                facts.end_ns,
                Vantage("unknown", 0.0, ()),
                error=facts.error,
            )
            for facts in capture.files
        )
        return study.conclude(told, __version__)
