"""`synsight timeline`: one connection as a picture."""

from __future__ import annotations

import click

from .common import VANTAGES, analysis_of, write_file


@click.command()
@click.argument("capture", nargs=-1, required=True, type=click.Path())
@click.option("--flow", "flow_id", required=True, metavar="ID", help="Connection, as `analyze` names it.")
@click.option(
    "-o", "--output", required=True, type=click.Path(), metavar="FILE", help="x.svg, x.png or x.pdf"
)
@click.option("--vantage", type=click.Choice(VANTAGES), help="Where the capture was taken, if you know.")
def timeline(capture: tuple[str, ...], flow_id: str, output: str, vantage: str | None) -> None:
    """Draw one connection of CAPTURE as a ladder with both ends' states."""
    write_file(analysis_of(capture, None, vantage, False, flow_id), output)
