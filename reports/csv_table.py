"""The connections as CSV (RFC 4180), one a line, fit to be opened in a spreadsheet.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, whoever wrote it. Such a cell
gets an apostrophe before it, which a spreadsheet shows as text.
"""

from __future__ import annotations

import csv
from typing import Any, TextIO

from synsight.analysis.result import Analysis
from synsight.reports import units
from synsight.reports.flow_columns import COLUMNS

_FORMULA = tuple("=+-@＝＋－＠")


def write(analysis: Analysis, stream: TextIO) -> None:
    """Write the flows that the analysis tells: a line of names, then a line each."""
    lines = csv.writer(stream, lineterminator="\r\n")
    lines.writerow([column.name for column in COLUMNS])
    for flow in analysis.flows:
        lines.writerow([_cell(column.kind, column.of(flow)) for column in COLUMNS])


def _cell(kind: str, value: Any) -> str | int | float:
    if value is None:
        return ""
    if kind == "truth":
        return "true" if value else "false"
    if kind == "instant":
        return units.instant_exact(value)
    if kind == "texts":
        return _harmless(" ".join(value))
    return _harmless(value) if kind == "text" else value


def _harmless(text: str) -> str:
    return f"'{text}" if text.lstrip(" '\"").startswith(_FORMULA) else text
