"""Rules that are not shown clean connections have nothing to say about them."""

from __future__ import annotations

import numpy as np
import pytest
from synsight.analysis.findings import RULES, candidates
from synsight.analysis.table import FlowTable
from synsight.analysis.tracker import Tracker
from synsight.capture.source import Capture

from . import corpus
from .lab_truth import FIXTURES


def table_of(path: object) -> FlowTable:
    """All connections of one capture."""
    tracker, end = Tracker(), 0
    with Capture([str(path)]) as capture:
        for batch in capture.batches():
            tracker.feed(batch.segments)
        end = max((facts.end_ns or 0 for facts in capture.files), default=0)
    return FlowTable(tracker.flows[: tracker.count], tracker.halves[: 2 * tracker.count], end, 0)


def captures() -> list[object]:
    """The lab's and, where it is, the corpus's."""
    place = corpus.folder()
    others = [place / "captures" / row["file"] for row in corpus.rows("captures")] if place else []
    return [*sorted(FIXTURES.glob("*/*.pcap")), *others]


@pytest.mark.parametrize("part", range(4))
def test_no_rule_misses_a_connection_because_it_is_clean(part: int) -> None:
    clean_count = 0
    for path in captures()[part::4]:
        table = table_of(path)
        if len(table) == 0:
            continue
        clean_count += int(table.clean.sum())
        for rule, mask in zip(RULES, candidates(table), strict=True):
            assert np.array_equal(rule.candidates(table), mask), f"{rule.CODE} in {path}"
    assert clean_count > 20
