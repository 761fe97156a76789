"""`synsight check`: captures held to the expectations beside them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..api import INTERRUPTED
from .common import MISMATCH, STOPPED, UNREADABLE, USAGE, Failure, say, write_file, write_stdout

if TYPE_CHECKING:
    from ..analysis.checked import CheckedFile


@click.command()
@click.argument("path", nargs=-1, required=True, type=click.Path())
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help="Write the results, too: .xml (JUnit), .sarif, .md, .txt.",
)
@click.option(
    "--format",
    "form",
    metavar="FMT",
    help="What goes to standard output: text (default), junit, sarif, markdown.",
)
@click.option(
    "--update", is_flag=True, help="Change what is not met into what was found; write what is not there."
)
@click.option("--color/--no-color", default=None, help="Colour on standard output (default: on a terminal).")
def check(
    path: tuple[str, ...], outputs: tuple[str, ...], form: str | None, update: bool, color: bool | None
) -> None:
    """Hold captures to what is expected of them.

    PATH is a file of expectations (x.expect.toml), a capture with one beside it, or a directory with any
    below it.
    """
    from ..checking import NothingToCheck, find, gathered
    from ..checking import check as checked

    try:
        files = find(path, new=update)
    except NothingToCheck as problem:
        raise Failure(str(problem), USAGE) from None
    held = []
    for file in files:
        each = checked(file, update)
        held.append(each)
        for done in each.done:
            say(f"{file}: {done}")
        if _interrupted(each.file):
            break
    run = gathered(held)
    for output in outputs:
        write_file(run, output)
    write_stdout(run, form or "text", color)
    if any(_interrupted(file) for file in run.files):
        sys.exit(STOPPED)
    if any(file.error and file.invalid for file in run.files):
        sys.exit(USAGE)
    if run.errors_count:
        sys.exit(UNREADABLE)
    if run.failed_count:
        sys.exit(MISMATCH)


def _interrupted(file: CheckedFile) -> bool:
    return file.error is not None and INTERRUPTED in file.error
