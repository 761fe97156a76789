"""Tables for other programs: `--segments`, and how many connections are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from ..api import FLOWS_LIMIT
from .common import USAGE, Failure, say

if TYPE_CHECKING:
    from ..analysis.result import Analysis
    from ..api import EachBatch

Command = TypeVar("Command", bound=Callable[..., object])
TABLES = (".csv", ".parquet")


def table_options(command: Command) -> Command:
    """`--flows-limit` and `--segments`."""
    for option in (
        click.option(
            "--segments", metavar="FILE", help="Write every TCP segment as a row of Parquet, too (x.parquet)."
        ),
        click.option(
            "--flows-limit",
            type=click.IntRange(1),
            default=FLOWS_LIMIT,
            metavar="N",
            help=f"Connections told one by one, worst first (default {FLOWS_LIMIT:,}); the rest is counted.",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def segments_to(path: str | None, redacting: bool) -> Iterator[EachBatch | None]:
    """What takes every batch and writes it; None without a path. `Failure` when it cannot be written."""
    if path is None:
        yield None
        return
    if redacting:
        raise Failure("--segments: its addresses are the real ones; leave out --redact or --segments", USAGE)
    if not path.endswith(".parquet"):
        raise Failure(f"--segments {path}: segments are written as Parquet; name it x.parquet", USAGE)
    from ..reports import ReportError
    from ..segment_table import SegmentTable

    try:
        with SegmentTable(path) as table:
            yield table.write
    except ReportError as problem:
        raise Failure(str(problem), USAGE) from None


def warn_of_missing_rows(analysis: Analysis, outputs: tuple[str, ...]) -> None:
    """A table has no room to say that it is not complete."""
    written = [path for path in outputs if path.endswith(TABLES)]
    if written and analysis.flows_left_out_count:
        say(
            f"{written[0]}: {analysis.flows_left_out_count:,} connections are left out; "
            "--flows-limit N tells more"
        )
