"""A run of checks for a person at a terminal: a line per file, then what failed, then a tally.

Lines with a place (`x.expect.toml:12`) are never wrapped: terminals and editors make links of them.
"""

from __future__ import annotations

from typing import TextIO

from rich.text import Text
from synsight.analysis.checked import Check, CheckedFile, CheckRun
from synsight.reports import check_wording
from synsight.reports.terminal.ladder import ladder_lines
from synsight.reports.terminal.page import Page
from synsight.reports.wording import visible


def write(run: CheckRun, stream: TextIO, width: int = 80, colour: bool = False) -> None:
    """Write the run, `width` columns wide."""
    page = Page(stream, width, colour)
    for file in run.files:
        _line(page, file)
    failures = list(check_wording.failed(run))
    if failures:
        page.heading("Not as expected")
        for file, check in failures:
            _failure(page, file, check)
    broken = [file for file in run.files if file.error]
    if broken:
        page.heading("Not checked, or not in full")
        for file in broken:
            place = f"{visible(file.path)}:{file.error_line}"
            page.verbatim(Text.assemble(("✖ ", "bold red"), f"{place}: {visible(file.error or '')}"))
        page.blank()
    _summary(page, run, failures)


def _line(page: Page, file: CheckedFile) -> None:
    marks = Text()
    for check in file.checks:
        marks.append("." if check.passed else "F", style="green" if check.passed else "bold red")
    if file.error:
        marks.append("E", style="bold red")
    page.verbatim(Text.assemble(visible(file.path), " ", marks))


def _failure(page: Page, file: CheckedFile, check: Check) -> None:
    title = f"{visible(file.path)}:{check.line}: {visible(check.title)}"
    page.verbatim(Text.assemble(("✖ ", "bold red"), (title, "bold")))
    for problem in check.problems:
        page.say(f"line {problem.line}: {visible(problem.text)}", indent=2, hang=4)
    for flow in check_wording.drawn(check):
        page.blank()
        page.say(f"{visible(flow.id)}  {visible(flow.outcome)}", indent=2)
        for line in ladder_lines(flow, page.width - 2):
            page.verbatim(line, indent=2)
    page.blank()


def _summary(page: Page, run: CheckRun, failures: list[tuple[CheckedFile, Check]]) -> None:
    if failures:
        page.blank()
    for file, check in failures:
        told = visible(check.problems[0].text)
        page.verbatim(Text(f"FAILED {visible(file.path)}:{check.line} {visible(check.title)} - {told}"))
    good = not failures and not run.errors_count
    style = "bold green" if good else "bold red"
    page.say(Text(check_wording.tally(run), style=style))
