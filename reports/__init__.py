"""From an `Analysis` to bytes on a stream. Computes nothing.

`write(analysis, "html", stream)` and `write_file(analysis, "report.html")` are what callers need. A format is
one function `(analysis, stream, **options)` and one line in `FORMATS`; modules are imported when used, so
importing this package costs nothing.
"""

from __future__ import annotations

import contextlib
import io
import os
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from synsight.analysis.checked import CheckRun
    from synsight.analysis.result import Analysis


class ReportError(Exception):
    """A report could not be written: one line that says which file and why."""


class Format(NamedTuple):
    """One way to write an analysis."""

    name: str  # what `--format` takes
    suffix: str  # what chooses it from a file name
    writer: str  # `module:function` below this package, called with (analysis, stream, **options)
    binary: bool = False  # its stream takes bytes, not text
    adapts: bool = False  # to the encoding of the stream; every other text format is UTF-8 wherever it goes
    checks: str = ""  # `module:function` that writes a CheckRun; empty: this format has none


FORMATS = (
    Format("text", ".txt", "terminal.text:write", adapts=True, checks="terminal.checks:write"),
    Format("json", ".json", "json_report:write"),
    Format("html", ".html", "page.html:write"),
    Format("markdown", ".md", "markdown:write", checks="markdown:write_checks"),
    Format("junit", ".xml", "junit:write", checks="junit:write_checks"),
    Format("sarif", ".sarif", "sarif:write", checks="sarif:write_checks"),
    Format("csv", ".csv", "csv_table:write"),
    Format("parquet", ".parquet", "parquet_table:write", binary=True),
    Format("svg", ".svg", "drawing.timeline:write_svg"),
    Format("png", ".png", "drawing.timeline:write_png", binary=True),
    Format("pdf", ".pdf", "drawing.timeline:write_pdf", binary=True),
)


def format_names() -> tuple[str, ...]:
    """What `--format` accepts."""
    return tuple(form.name for form in FORMATS)


def format_of(path: str | os.PathLike[str]) -> str:
    """The format that a file's suffix chooses; `ReportError` when none does."""
    suffix = Path(path).suffix.lower()
    for form in FORMATS:
        if form.suffix == suffix:
            return form.name
    known = " ".join(form.suffix for form in FORMATS)
    raise ReportError(f"{os.fspath(path)!r}: no report format has the suffix {suffix!r}; known are {known}")


def write(told: Analysis | CheckRun, fmt: str, stream: IO[Any], **options: Any) -> None:
    """Write an analysis, or a run of checks, to an open stream, text or binary, whichever the caller has.

    `options` are the format's own: see `terminal.write`, `html.write`, `timeline.write_svg`.
    Raises `ReportError` for an unknown format, `OSError` when the stream does.
    """
    form = _named(fmt)
    module, function = _writer(form, told).split(":")
    writer = getattr(import_module(f"synsight.reports.{module}"), function)
    raw = stream if _takes_bytes(stream) else getattr(stream, "buffer", None)
    if form.binary:
        writer(told, raw, **options)
    elif raw is None or (form.adapts and raw is not stream):
        writer(told, stream, **options)
    else:
        stream.flush()
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="\n", write_through=True)
        try:
            writer(told, text, **options)
        finally:
            text.detach()


def write_file(
    told: Analysis | CheckRun, path: str | os.PathLike[str], fmt: str | None = None, **options: Any
) -> None:
    """Write a report to `path`, in the format of its suffix unless `fmt` is given; UTF-8.

    A half-written file is deleted. Raises `ReportError` with one line that says what failed and what to do.
    """
    fmt = fmt or format_of(path)
    _named(fmt)
    try:
        stream = open(path, "wb")  # noqa: SIM115  (opening and writing fail differently)
    except OSError as error:
        raise ReportError(refusal(path, error)) from error
    try:
        with stream:
            write(told, fmt, stream, **options)
    except BaseException as error:
        _discard(path)
        if isinstance(error, OSError):
            raise ReportError(refusal(path, error)) from error
        raise


def _named(fmt: str) -> Format:
    for form in FORMATS:
        if form.name == fmt:
            return form
    raise ReportError(f"no report format is called {fmt!r}; known are {', '.join(format_names())}")


def _writer(form: Format, told: Analysis | CheckRun) -> str:
    from synsight.analysis.result import Analysis

    if isinstance(told, Analysis):
        return form.writer
    if not form.checks:
        known = " ".join(each.suffix for each in FORMATS if each.checks)
        raise ReportError(f"results of checks cannot be written as {form.name}; they can as {known}")
    return form.checks


def _takes_bytes(stream: IO[Any]) -> bool:
    return not isinstance(stream, io.TextIOBase) and "b" in getattr(stream, "mode", "b")


def _discard(path: str | os.PathLike[str]) -> None:
    """Delete a regular file; leave `/dev/full`, a pipe or a terminal alone."""
    if os.path.isfile(path):
        with contextlib.suppress(OSError):
            os.unlink(path)


def refusal(path: str | os.PathLike[str], error: OSError) -> str:
    """One line for a report that cannot be written."""
    from synsight.reports.wording import visible

    reason = error.strerror or str(error) or type(error).__name__
    return f"{visible(os.fspath(path))}: cannot write the report: {reason}"
