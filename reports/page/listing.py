"""Every connection of an analysis as one row of text, for a list that the page's script shows piece by piece.

Ten thousand rows of a table take a browser seconds to lay out. As data they take it milliseconds, and it lays
out the fifty that are looked at.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from synsight.analysis.result import Analysis, Flow
from synsight.reports import units
from synsight.reports.wording import clipped, sentence, visible

HEADS = ("Client", "Server", "Outcome", "First frame", "Seconds", "Findings")
"""Of the columns that are shown; a row's last cell, what was found in words, comes out when asked for."""

Row = tuple[str, str, str, int, str, str, str]

_SUMMARY = 300


def rows(analysis: Analysis) -> list[Row]:
    """A row for each connection, in the order of the analysis: the worst first."""
    return [_row(flow) for flow in analysis.flows]


def _row(flow: Flow) -> Row:
    return (
        visible(str(flow.client)),
        visible(str(flow.server)),
        visible(flow.outcome),
        flow.first_frame,
        units.offset(flow.end_ns - flow.start_ns),
        visible(", ".join(finding.code for finding in flow.findings)),
        " ".join(sentence(clipped(finding.summary, _SUMMARY)) for finding in flow.findings),
    )


def encoded(table: Sequence[Row]) -> str:
    """The rows as JSON that may stand in a `<script type="application/json">`: nothing in it ends that."""
    text = json.dumps(table, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
