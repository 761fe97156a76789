"""The command line. Heavy imports happen inside the commands, so that `--help` is quick."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .api import INTERRUPTED

if TYPE_CHECKING:
    from .analysis.result import Analysis

# NumPy starts a thread per core for linear algebra when it is imported; nothing here uses any.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

VANTAGES = ("client", "server", "middle")
USAGE, UNREADABLE, STOPPED = 2, 3, 130
"""Exit codes: usage; a capture that could not be read, or only in part; Ctrl-C (the report is still
written)."""

PIPED_COLUMNS = 80


class Failure(click.ClickException):
    """One line on stderr and an exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]

    def show(self, file: Any = None) -> None:
        """`synsight: what, where, what to do`."""
        click.echo(f"synsight: {self.format_message()}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="synsight")
def main() -> None:
    """Say which side dropped a TCP exchange, from a packet capture, with the evidence."""


@main.command()
@click.argument("capture", nargs=-1, required=True)
@click.option(
    "-f", "--filter", "bpf", metavar="BPF", help="Analyse only packets that match a libpcap filter."
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help="Write a report, too; its suffix says what kind.",
)
@click.option(
    "--format", "form", metavar="FMT", help="What goes to standard output: text (default), json, html."
)
@click.option("--vantage", type=click.Choice(VANTAGES), help="Where the capture was taken, if you know.")
@click.option("--flow", "flow_id", metavar="ID", help="Tell only this connection, healthy or not.")
@click.option("--all-flows", is_flag=True, help="Tell every connection, not only those with findings.")
@click.option("--color/--no-color", default=None, help="Colour on standard output (default: on a terminal).")
def analyze(
    capture: tuple[str, ...],
    bpf: str | None,
    outputs: tuple[str, ...],
    form: str | None,
    vantage: str | None,
    flow_id: str | None,
    all_flows: bool,
    color: bool | None,
) -> None:
    """Analyse CAPTURE: pcap or pcapng files, directories of them, or - for standard input."""
    analysis = _analysis(capture, bpf, vantage, all_flows, flow_id)
    for path in outputs:
        _write_file(analysis, path)
    _write_stdout(analysis, form or "text", color)
    for facts in analysis.captures:
        if facts.error:
            click.echo(f"synsight: {facts.path}: {facts.error}", err=True)
    problems = [facts.error for facts in analysis.captures if facts.error]
    if problems:
        sys.exit(STOPPED if INTERRUPTED in problems else UNREADABLE)


@main.command()
@click.argument("capture", nargs=-1, required=True)
@click.option("--flow", "flow_id", required=True, metavar="ID", help="Connection, as `analyze` names it.")
@click.option("-o", "--output", required=True, metavar="FILE", help="x.svg, x.png or x.pdf")
@click.option("--vantage", type=click.Choice(VANTAGES), help="Where the capture was taken, if you know.")
def timeline(capture: tuple[str, ...], flow_id: str, output: str, vantage: str | None) -> None:
    """Draw one connection of CAPTURE as a ladder with both ends' states."""
    _write_file(_analysis(capture, None, vantage, False, flow_id), output)


@main.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Tell what a finding means, how it is recognised and what to do next; without CODE, list them."""
    from .analysis.findings import BY_CODE

    if code is None:
        for name, rule in BY_CODE.items():
            click.echo(f"{name:26} {(rule.__doc__ or '').splitlines()[0]}")
        return
    if code not in BY_CODE:
        raise Failure(f"{code}: no such finding; `synsight explain` lists them", USAGE)
    click.echo(f"{code}\n\n{(BY_CODE[code].__doc__ or '').strip()}")


def _analysis(
    capture: tuple[str, ...], bpf: str | None, vantage: str | None, all_flows: bool, flow_id: str | None
) -> Analysis:
    from .api import analyze as run
    from .capture.source import CaptureError

    gc.disable()  # results are trees that live to the end: collecting finds nothing and looks at all of them
    try:
        analysis = run(*capture, bpf=bpf, vantage=vantage, all_flows=all_flows, flow=flow_id)
    except CaptureError as problem:
        raise Failure(str(problem), UNREADABLE) from None
    if flow_id is not None and not analysis.flows:
        raise Failure(f"no connection {flow_id!r} in this capture; `analyze --all-flows` names them", USAGE)
    return analysis


def _write_file(analysis: Analysis, path: str) -> None:
    from .reports import ReportError, write_file

    if path == "-":
        return
    try:
        write_file(analysis, Path(path))
    except ReportError as problem:
        raise Failure(str(problem), USAGE) from None


def _write_stdout(analysis: Analysis, form: str, color: bool | None) -> None:
    from .reports import ReportError, write

    options: dict[str, Any] = {}
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
        # The reader (`head`, a pager) has gone: what it wanted, it has. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main(prog_name="synsight")
