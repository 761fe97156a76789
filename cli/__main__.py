"""The command line: every command by name, each in its module of `commands`."""

from __future__ import annotations

import atexit
import gc
import os
from typing import Any

import click

from . import __version__
from .commands.analyze import analyze
from .commands.capture import capture
from .commands.check import check
from .commands.common import STOPPED, Failure
from .commands.completion import completion
from .commands.explain import explain
from .commands.interfaces import interfaces
from .commands.timeline import timeline

# NumPy starts a thread per core for linear algebra when it is imported; nothing here uses any.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class Program(click.Group):
    """Ctrl-C while a report is being made ends it with a line and the exit code for that."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Failure("interrupted, the report is not complete", STOPPED) from None


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="synsight")
def main() -> None:
    """Say which side dropped a TCP exchange, from a packet capture, with the evidence."""


for command in (analyze, capture, check, timeline, explain, interfaces, completion):
    main.add_command(command)


def run() -> None:
    """The program: the command line, as a process of its own."""
    atexit.register(gc.freeze)  # else Python looks at every object once more at exit, for nothing
    main(prog_name="synsight")


if __name__ == "__main__":
    run()
