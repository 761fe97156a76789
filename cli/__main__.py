"""The command line: every command by name, each in its module of `commands`."""

from __future__ import annotations

import os

import click

from . import __version__
from .commands.analyze import analyze
from .commands.capture import capture
from .commands.check import check
from .commands.completion import completion
from .commands.explain import explain
from .commands.interfaces import interfaces
from .commands.timeline import timeline

# NumPy starts a thread per core for linear algebra when it is imported; nothing here uses any.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="synsight")
def main() -> None:
    """Say which side dropped a TCP exchange, from a packet capture, with the evidence."""


for command in (analyze, capture, check, timeline, explain, interfaces, completion):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="synsight")
