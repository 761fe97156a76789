"""``python -m tests.lab [SCENARIO...] [--list] [--out FOLDER]``: make the captures again. Needs root."""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import sys
import time
import traceback
from pathlib import Path

from . import scenarios, table  # noqa: F401
from .lab import run
from .scenario import SCENARIOS

AT_ONCE = 5
"""Scenarios played at the same time: nearly all of them only wait for kernel timers."""


def main() -> int:
    """0 when every scenario played as it says, 1 when one did not, 2 for wrong usage."""
    arguments = _arguments()
    if arguments.list:
        print(*(f"{name:44} {one.title}" for name, one in SCENARIOS.items()), sep="\n")
        return 0
    if os.geteuid():
        print("the lab makes network namespaces: run it as root", file=sys.stderr)
        return 2
    failed_count = play_all(arguments.scenarios or list(SCENARIOS), arguments.out, arguments.jobs)
    table.write(arguments.out)
    return 1 if failed_count else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", description="Make captures with real kernels and injected faults."
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="names; all when none is given")
    parser.add_argument("--list", action="store_true", help="name the scenarios and stop")
    parser.add_argument(
        "--out", type=Path, default=Path("fixtures/lab"), metavar="FOLDER", help="default: %(default)s"
    )
    parser.add_argument(
        "--jobs", type=int, default=AT_ONCE, metavar="N", help="scenarios at once (default: %(default)s)"
    )
    arguments = parser.parse_args()
    for name in arguments.scenarios:
        if name not in SCENARIOS:
            parser.error(f"no scenario {name}; --list names them")
    return arguments


def play_all(names: list[str], out: Path, jobs: int) -> int:
    """Play the scenarios, print a line for each, and return how many failed.

    On a busy machine the wire may be late and a kernel send twice what it should send once: a scenario that
    fails among others is played a second time alone.
    """
    out.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        futures = {pool.submit(_play, name, out): name for name in names}
        doubtful = [name for future, name in futures.items() if not future.result()]
    failed = [name for name in doubtful if not _play(name, out)]
    if failed:
        print(f"{len(failed)} of {len(names)} failed:", *failed, file=sys.stderr)
    return len(failed)


def _play(name: str, out: Path) -> bool:
    began = time.monotonic()
    try:
        run(SCENARIOS[name], out)
    except Exception:
        print(f"FAILED {name}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return False
    print(f"{time.monotonic() - began:6.1f} s  {name}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
