"""`synsight capture`: watch interfaces, see the verdict while it happens, keep the evidence."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..analysis.result import Analysis
    from ..live_output import LiveOutput
    from ..live_run import LiveOptions, LiveRun

from ..api import FLOWS_LIMIT
from .common import MISMATCH, UNREADABLE, USAGE, VANTAGES, Failure, say
from .gates import Gates, gate_options

SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option(
    "-i",
    "--interface",
    "interfaces",
    multiple=True,
    required=True,
    metavar="IFACE",
    help="Interface, or any; repeatable. `synsight interfaces` lists them.",
)
@click.option("-f", "--filter", "bpf", metavar="BPF", help="Only packets that match a libpcap filter.")
@click.option("-w", "--write", "record", metavar="FILE", help="Record to a new pcap or pcapng file.")
@click.option("--rotate-mb", type=click.FloatRange(min=1), metavar="N", help="A new file after N MiB.")
@click.option("--rotate-s", type=SECONDS, metavar="N", help="A new file after N seconds.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Keep only the newest N files.")
@click.option("--duration", type=SECONDS, metavar="S", help="End after S seconds.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N packets.")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help="Write a report at the end, and at SIGUSR1; its suffix says what kind.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl"]),
    help="text: a live view on a terminal, else a line per event, and the report at the end. "
    "jsonl: a line of JSON per incident event (default when standard output is no terminal).",
)
@click.option("--vantage", type=click.Choice(VANTAGES), help="Where this host stands, if you know.")
@gate_options
@click.option("--on-incident", metavar="CMD", help="Run CMD with the incident as JSON on standard input.")
@click.option(
    "--metrics", metavar="[ADDR:]PORT", help="Serve OpenMetrics; on loopback unless ADDR says otherwise."
)
@click.option("--user", metavar="NAME", help="Whom to become after opening (default: who ran sudo).")
@click.option("--snaplen", type=click.IntRange(64, 262144), default=262144, help="Bytes kept of each packet.")
@click.option("--buffer-mb", type=click.IntRange(1, 2047), default=64, help="Kernel buffer per interface.")
@click.option("--direction", type=click.Choice(["in", "out"]), help="Only packets received, or sent.")
@click.option("-p", "--no-promiscuous", is_flag=True, help="Leave the interface's mode alone.")
@click.option("--color/--no-color", default=None, help="Colour on standard output (default: on a terminal).")
def capture(
    interfaces: tuple[str, ...],
    bpf: str | None,
    record: str | None,
    rotate_mb: float | None,
    rotate_s: float | None,
    keep: int | None,
    duration: float | None,
    count: int | None,
    outputs: tuple[str, ...],
    form: str | None,
    vantage: str | None,
    fail_on: str | None,
    baseline: str | None,
    on_incident: str | None,
    metrics: str | None,
    user: str | None,
    snaplen: int,
    buffer_mb: int,
    direction: str | None,
    no_promiscuous: bool,
    color: bool | None,
) -> None:
    """Capture from interfaces, judge at once, and report at the end.

    Ctrl-C, SIGTERM, --duration and --count end it: the report goes to the terminal and to every -o, with
    timelines from the recording. A second Ctrl-C ends it before its report is complete. SIGUSR1 writes the
    reports and goes on.
    """
    from ..live_run import LiveOptions

    gates = Gates.of(fail_on, baseline)
    options = LiveOptions(
        interfaces,
        bpf,
        vantage,
        Path(record) if record is not None else None,
        rotate_mb,
        rotate_s,
        keep,
        duration,
        count,
        snaplen,
        buffer_mb,
        direction,
        not no_promiscuous,
        gates.needs_all_flows,
    )
    output = _output(outputs, form, color, on_incident, metrics)
    run = _opened(options, user)
    _obey_signals(run, output)
    analysis, failed = gates.settle(_watched(run, output), False, FLOWS_LIMIT)
    output.finish(analysis)
    problems = [facts.error for facts in analysis.captures if facts.error]
    if run.recording_error:
        problems.append(run.recording_error)
    for problem in problems:
        say(problem)
    if problems:
        sys.exit(UNREADABLE)
    if output.failed:
        sys.exit(USAGE)
    if failed:
        sys.exit(MISMATCH)


def _output(
    outputs: tuple[str, ...], form: str | None, color: bool | None, on_incident: str | None, at: str | None
) -> LiveOutput:
    """Where everything goes; `at` is the address of the metrics."""
    from ..incident_hook import HookError
    from ..live_output import LiveOutput
    from ..metrics_server import MetricsError
    from ..reports import ReportError

    try:
        return LiveOutput(outputs, form, color, on_incident, at)
    except (ReportError, HookError, MetricsError) as problem:
        raise Failure(str(problem), USAGE) from None


def _opened(options: LiveOptions, user: str | None) -> LiveRun:
    """The interfaces, opened with the rights of who started this, which are given up at once."""
    from ..capture.live.privileges import give_up, invoking_user
    from ..capture.source import CaptureError
    from ..live_run import LiveRun

    try:
        whom = invoking_user(user)
        return LiveRun(options, opened=lambda: give_up(whom))
    except CaptureError as problem:
        raise Failure(str(problem), UNREADABLE) from None


def _watched(run: LiveRun, output: LiveOutput) -> Analysis:
    """The analysis at the end of the capture; what happens until then has been told."""
    from ..freed_memory import give_back_at_once
    from ..metrics_server import MetricsError

    give_back_at_once()
    try:
        with output:
            return run.run(output.show)
    except MetricsError as problem:
        run.close()
        raise Failure(str(problem), USAGE) from None


def _obey_signals(run: LiveRun, output: LiveOutput) -> None:
    """Ctrl-C and SIGTERM end the capture, and a second one the report; SIGUSR1 writes the reports."""

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.default_int_handler)
        run.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    signal.signal(signal.SIGUSR1, lambda number, frame: run.report(output.report))
