"""Keeps files in the page cache while others read them: `python -m benchmarks.resident FILE...`.

It says `ready` once every byte is there, and ends when its standard input does. Some machines, virtual ones
above all, reclaim cached pages within seconds of their last use; a run would then measure the disk.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def resident(paths: Sequence[Path]) -> Iterator[None]:
    """Hold files in memory for as long as this lasts, in a process of its own: others inherit nothing."""
    command = [sys.executable, "-m", "benchmarks.resident", *map(str, paths)]
    place = Path(__file__).parents[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=place) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.communicate()


def main() -> None:
    held = [_locked(path) for path in sys.argv[1:]]
    print("ready", flush=True)
    sys.stdin.read()
    del held


def _locked(path: str) -> object:
    """A mapping of the file that the kernel may not reclaim; where it may, read once, and a complaint."""
    import numpy as np

    with open(path, "rb") as file:
        mapped = np.frombuffer(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ), np.uint8)
    library = ctypes.CDLL(None, use_errno=True)
    if library.mlock(ctypes.c_void_p(mapped.ctypes.data), ctypes.c_size_t(mapped.nbytes)):
        words = os.strerror(ctypes.get_errno())
        print(f"{path} is not locked in memory: {words}; a slow disk may show", file=sys.stderr)
        mapped[:: mmap.PAGESIZE].sum()  # at least it has been read once
    return mapped


if __name__ == "__main__":
    main()
