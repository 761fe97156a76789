"""`synsight interfaces`: what could be captured from."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .common import UNREADABLE, say

if TYPE_CHECKING:
    from ..capture.live.interfaces import Interface


@click.command()
@click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", help="text (default) or json."
)
def interfaces(form: str) -> None:
    """List network interfaces: state, link type, addresses, and whether they can be captured from now."""
    from ..capture.live.interfaces import interfaces as found

    every = found()
    if form == "json":
        click.echo(json.dumps({"interfaces": [asdict(each) for each in every]}, indent=1))
    else:
        _print(every)
    if not any(each.problem is None for each in every):
        first = f" {every[0].name}: {every[0].problem}" if every else ""
        say(f"no interface can be opened.{first}")
        sys.exit(UNREADABLE)


def _print(every: list[Interface]) -> None:
    """A line each, further addresses below the first."""
    from ..reports.wording import visible

    rows = []
    for each in every:
        state = {True: "up", False: "down", None: ""}[each.up]
        state = "no carrier" if each.up and each.carrier is False else state
        words = each.description if each.problem is None else f"cannot be opened: {_short(each.problem)}"
        first, *more = each.addresses or ("",)
        rows.append((each.name, state, each.link_type or "", first, words))
        rows += [("", "", "", address, "") for address in more]
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in shown) for column in range(4)] if shown else []
    for row in shown:
        cells = [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)]
        click.echo("  ".join([*cells, row[4]]).rstrip())


def _short(problem: str) -> str:
    """Without the advice, which is told once below."""
    return problem.removeprefix("cannot be opened: ").split(";")[0]
