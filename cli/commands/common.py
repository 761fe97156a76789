"""What several commands share: exit codes, one-line failures, running the analysis, writing reports."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..api import FLOWS_LIMIT

if TYPE_CHECKING:
    from ..analysis.checked import CheckRun
    from ..analysis.result import Analysis
    from ..api import EachBatch

VANTAGES = ("client", "server", "middle")
MISMATCH, USAGE, UNREADABLE, STOPPED = 1, 2, 3, 130
"""Exit codes: `check` or `--fail-on` failed; usage; a capture that could not be read, or only in part; Ctrl-C
(the report is still written)."""

PIPED_COLUMNS = 80


class Failure(click.ClickException):
    """One line on stderr and an exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]

    def show(self, file: Any = None) -> None:
        """`synsight: what, where, what to do`."""
        say(self.format_message())


def say(text: str) -> None:
    """One line on standard error."""
    try:
        click.echo(f"synsight: {text}", err=True)
    except BrokenPipeError:
        hush(sys.stderr)


def hush(stream: TextIO) -> None:
    """A reader that has gone (`head`, a pager) has what it wanted, and what else is written goes nowhere.

    Python would complain again at exit.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def analysis_of(
    capture: tuple[str, ...],
    bpf: str | None,
    vantage: str | None,
    all_flows: bool,
    flow_id: str | None,
    drawn: int = 0,
    dissect: bool = False,
    flows_limit: int | None = FLOWS_LIMIT,
    each_batch: EachBatch | None = None,
) -> Analysis:
    """The analysis of what a command line names; `Failure` when there is none.

    At least `drawn` connections are read again for their pictures.
    """
    from ..api import analyze as run
    from ..capture.source import CaptureError

    gc.disable()  # results are trees that live to the end: collecting finds nothing and looks at all of them
    try:
        analysis = run(
            *capture,
            bpf=bpf,
            vantage=vantage,
            all_flows=all_flows,
            flow=flow_id,
            drawn=drawn,
            dissect=dissect,
            flows_limit=flows_limit,
            each_batch=each_batch,
        )
    except CaptureError as problem:
        raise Failure(str(problem), UNREADABLE) from None
    if flow_id is not None and not analysis.flows:
        raise Failure(f"no connection {flow_id!r} in this capture; `analyze --all-flows` names them", USAGE)
    return analysis


def write_file(analysis: Analysis | CheckRun, path: str, timelines: int | None = None) -> None:
    """Write a report in the format of its suffix; `-` has gone to standard output already.

    `timelines` is how many connections a page draws.
    """
    from ..reports import ReportError, format_of, write_file

    if path == "-":
        return
    try:
        write_file(analysis, Path(path), **_page_options(format_of(path), timelines))
    except ReportError as problem:
        raise Failure(str(problem), USAGE) from None


def _page_options(form: str, timelines: int | None) -> dict[str, Any]:
    return {"timelines": timelines} if form == "html" and timelines is not None else {}


def write_stdout(
    analysis: Analysis | CheckRun, form: str, color: bool | None, timelines: int | None = None
) -> None:
    """Write a report to standard output, coloured and as wide as a terminal when it is one."""
    from ..reports import ReportError, write

    options = _page_options(form, timelines)
    if form == "text":
        terminal = sys.stdout.isatty()
        wanted = terminal and "NO_COLOR" not in os.environ if color is None else color
        options = {
            "colour": wanted,
            "width": shutil.get_terminal_size().columns if terminal else PIPED_COLUMNS,
        }
    try:
        write(analysis, form, sys.stdout, **options)
        sys.stdout.flush()
    except ReportError as problem:
        raise Failure(str(problem), USAGE) from None
    except BrokenPipeError:
        hush(sys.stdout)
