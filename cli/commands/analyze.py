"""`synsight analyze`: captures in, verdict and reports out."""

from __future__ import annotations

import sys

import click

from ..api import INTERRUPTED
from ..reports import format_names
from .common import MISMATCH, STOPPED, UNREADABLE, VANTAGES, analysis_of, say, write_file, write_stdout
from .completion import formats
from .gates import Gates, gate_options
from .sharing import redacted_if
from .tables import segments_to, table_options, warn_of_missing_rows


@click.command()
@click.argument("capture", nargs=-1, required=True, type=click.Path())
@click.option(
    "-f", "--filter", "bpf", metavar="BPF", help="Analyse only packets that match a libpcap filter."
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Write a report, too; its suffix says what kind.",
)
@click.option(
    "--format",
    "form",
    metavar="FMT",
    shell_complete=formats,
    help=f"What goes to standard output (default text): {', '.join(format_names())}.",
)
@click.option("--vantage", type=click.Choice(VANTAGES), help="Where the capture was taken, if you know.")
@click.option("--flow", "flow_id", metavar="ID", help="Tell only this connection, healthy or not.")
@click.option("--all-flows", is_flag=True, help="Tell every connection, not only those with findings.")
@click.option(
    "--timelines",
    type=click.IntRange(0, 1000),
    default=10,
    metavar="N",
    help="Connections that the HTML report draws, worst first (default 10).",
)
@click.option(
    "--dissect", is_flag=True, help="Add what tshark's dissectors say of the connections that are shown."
)
@gate_options
@table_options
@click.option("--redact", is_flag=True, help="Replace addresses, drop payload and file names.")
@click.option(
    "--redact-key",
    metavar="TEXT",
    help="Redact with this secret: the same replacements every time (default: new ones).",
)
@click.option("--color/--no-color", default=None, help="Colour on standard output (default: on a terminal).")
def analyze(
    capture: tuple[str, ...],
    bpf: str | None,
    outputs: tuple[str, ...],
    form: str | None,
    vantage: str | None,
    flow_id: str | None,
    all_flows: bool,
    timelines: int,
    dissect: bool,
    fail_on: str | None,
    baseline: str | None,
    flows_limit: int,
    segments: str | None,
    redact: bool,
    redact_key: str | None,
    color: bool | None,
) -> None:
    """Analyse CAPTURE: pcap or pcapng files, directories of them, or - for standard input."""
    gates = Gates.of(fail_on, baseline)
    every = all_flows or gates.needs_all_flows
    most = gates.limit(flows_limit)
    with segments_to(segments, redact or redact_key is not None) as each_batch:
        analysis = analysis_of(capture, bpf, vantage, every, flow_id, timelines, dissect, most, each_batch)
    analysis, failed = gates.settle(analysis, all_flows or flow_id is not None, flows_limit)
    warn_of_missing_rows(analysis, outputs)
    analysis = redacted_if(redact, redact_key, analysis)
    for path in outputs:
        write_file(analysis, path, timelines)
    write_stdout(analysis, form or "text", color, timelines)
    for facts in analysis.captures:
        if facts.error:
            say(f"{facts.path}: {facts.error}")
    if analysis.dissection and analysis.dissection.problem:
        say(f"--dissect: {analysis.dissection.problem}")
    problems = [facts.error for facts in analysis.captures if facts.error]
    if problems:
        sys.exit(STOPPED if INTERRUPTED in problems else UNREADABLE)
    if failed:
        sys.exit(MISMATCH)
