"""Does the fault really show? Asked of tshark, which nobody here wrote."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

CHECKED = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]

BAD_CHECKSUM = "0 (tcp.checksum.status == 0 || ip.checksum.status == 0) && !icmp && !icmpv6"
"""Holds for every capture in which no scenario damages them: the lab turns offloads off."""


class NotShown(AssertionError):
    """A capture does not show what its scenario says it shows."""


def check(capture: Path, claims: Sequence[str], *, damaged: bool = False) -> None:
    """Raise NotShown unless `capture` bears out every claim, and all checksums are right unless `damaged`.

    A claim is a count and a tshark display filter: ``"3 FILTER"`` exactly three frames, ``"3.. FILTER"`` at
    least three, ``"1..4 FILTER"`` one to four. Segments quoted inside ICMP errors also match ``tcp.*``: add
    ``!icmp``.
    """
    parsed = [_parse(claim) for claim in [*claims, *([] if damaged else [BAD_CHECKSUM])]]
    for (low, high, display_filter), count in zip(
        parsed, frame_counts(capture, [p[2] for p in parsed]), strict=True
    ):
        if not low <= count <= high:
            raise NotShown(f"{capture.name}: {count} frames, expected {low} to {high}: {display_filter}")


def _parse(claim: str) -> tuple[int, float, str]:
    count, display_filter = claim.split(" ", 1)
    low, dots, high = count.partition("..")
    return int(low), float(high) if high else float("inf") if dots else int(low), display_filter


def frame_counts(capture: Path, display_filters: Sequence[str]) -> list[int]:
    """How many frames of `capture` match each filter, from one run of tshark."""
    columns = ",".join(f"COUNT(frame)frame && ({display_filter})" for display_filter in display_filters)
    done = subprocess.run(
        ["tshark", "-r", str(capture), "-q", *CHECKED, "-z", f"io,stat,0,{columns}"],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    row = next((line for line in done.stdout.splitlines() if re.search(r"<>", line) and "|" in line), None)
    if row is None:  # an empty capture
        return [0] * len(display_filters)
    return [int(cell) for cell in row.strip("| ").split("|")[1:]]
