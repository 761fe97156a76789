"""What came of a run of checks, in the words that several formats share."""

from __future__ import annotations

from collections.abc import Iterator

from synsight.analysis.checked import Check, CheckedFile, CheckRun
from synsight.analysis.result import Flow
from synsight.reports import units

DRAWN_FLOWS = 1
"""Ladders drawn per expectation that is not met."""


def drawn(check: Check) -> tuple[Flow, ...]:
    """The connections of a failed check whose ladder is shown."""
    return tuple(flow for flow in check.flows if flow.ladder)[:DRAWN_FLOWS]


def tally(run: CheckRun) -> str:
    """`2 failed, 40 passed, 1 error in 12 captures`."""
    parts = []
    if run.failed_count:
        parts.append(f"{units.count(run.failed_count)} failed")
    parts.append(f"{units.count(run.passed_count)} passed")
    if run.errors_count:
        parts.append(units.count(run.errors_count, "error"))
    return f"{', '.join(parts)} in {units.count(len(run.files), 'file')} of expectations"


def failed(run: CheckRun) -> Iterator[tuple[CheckedFile, Check]]:
    """Every check that is not met, with its file."""
    for file in run.files:
        for check in file.checks:
            if not check.passed:
                yield file, check
