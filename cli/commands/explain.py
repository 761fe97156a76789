"""`synsight explain`: what a finding means."""

from __future__ import annotations

import click

from .common import USAGE, Failure
from .completion import codes


@click.command()
@click.argument("code", required=False, shell_complete=codes)
def explain(code: str | None) -> None:
    """Tell what a finding means, how it is recognised and what to do next; without CODE, list them."""
    from ..analysis.questions.handbook import BY_CODE

    if code is None:
        for name, rule in BY_CODE.items():
            click.echo(f"{name:26} {(rule.__doc__ or '').splitlines()[0]}")
        return
    if code not in BY_CODE:
        raise Failure(f"{code}: no such finding; `synsight explain` lists them", USAGE)
    click.echo(f"{code}\n\n{(BY_CODE[code].__doc__ or '').strip()}")
