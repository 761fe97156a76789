"""Runs commands as children and tells what each cost."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What one run of one command took."""

    wall_s: float
    cpu_s: float  # user and system, of all its threads and the children it waited for
    peak_mib: float  # largest resident set of one of its processes
    failure: str = ""  # why it does not count


MEMORY_MIB = 1024

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""What children see: with that variable set, those in Python would compile their sources in every run."""


def run(command: Sequence[str], exits: Sequence[int] = (0,)) -> Cost:
    """Run a command to its end; `{scratch}` in it stands for an empty directory, removed afterwards.

    The peak is the kernel's `ru_maxrss`. That counts the moment before `exec` too, so it is never smaller
    than this process (about 20 MiB), which therefore imports nothing large.
    """
    back_memory()
    scratch = tempfile.mkdtemp(prefix="benchmark-")
    words = [word.replace("{scratch}", scratch) for word in command]
    try:
        start = time.perf_counter()
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=scratch,
            env=ENVIRONMENT,
        )
        assert child.stderr is not None
        said = child.stderr.read()  # ends when the child does: nobody else holds the pipe
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stderr.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    failure = ""
    if child.returncode not in exits:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        failure = f"exit {child.returncode}: {last[0][:80]}"
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, failure)


def median(costs: Sequence[Cost]) -> Cost:
    """Each figure's median; the first failure, if there is one."""
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
        statistics.median(cost.peak_mib for cost in costs),
        next((cost.failure for cost in costs if cost.failure), ""),
    )


def back_memory() -> None:
    """Touch and give back as much memory as the hungriest tool takes.

    A virtual machine may have handed free memory back to its host; whoever touches it first waits for the
    host, up to a hundred times as long as for memory that is there. In its own process: this one stays small.
    """
    touch = f"b'x' * {MEMORY_MIB << 20}"
    subprocess.run([sys.executable, "-c", touch], check=True)
