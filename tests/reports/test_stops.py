"""Where a segment was dropped, in words: nobody is named alone who is not suspected alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synsight.analysis.result import Suspect
from synsight.reports.drawing import stops

from . import samples


@pytest.mark.parametrize(
    ("suspects", "words"),
    [
        ({"server-network": 1.0}, "server network"),
        ({"server-network": 0.6, "server-host": 0.4}, "probably server network"),
        ({"server-network": 0.4, "server-host": 0.4, "path": 0.2}, "possibly server network or server host"),
        ({"server-network": 0.3, "server-host": 0.299, "path": 0.2, "client-network": 0.201},
         "possibly server network or server host"),
    ],
)  # fmt: skip
def test_all_that_weigh_as_much_as_the_heaviest_are_named(suspects: dict[str, float], words: str) -> None:
    flow = samples.dropped_syn().flows[0]
    pairs = tuple(Suspect(side, weight) for side, weight in suspects.items())
    told = replace(flow, findings=(replace(flow.findings[0], suspects=pairs),))
    assert stops.words(told, replace(flow.ladder[0], stops_at="server-network")) == words


def test_a_segment_that_arrived_was_dropped_by_nobody() -> None:
    flow = samples.dropped_syn().flows[0]
    assert stops.words(flow, replace(flow.ladder[0], stops_at=None)) == ""
