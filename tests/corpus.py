"""Captures from elsewhere and what tshark and Zeek say of them: a folder beside the repository, not part of
it.

`SYNSIGHT_CORPUS` names it, or `shared/corpus` beside the checkout. Tests that need it say so when it is
missing.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from synsight.analysis.outcome import conn_states
from synsight.analysis.table import FlowTable
from synsight.analysis.tracker import Tracker, history_text
from synsight.capture.segment import Checksum, address_text
from synsight.capture.source import Capture, CaptureError

PLACES = (Path(__file__).parent.parent.parent / "shared" / "corpus",)

REPEAT_FIELDS = (
    "syn_repeat_count",
    "synack_repeat_count",
    "fin_repeat_count",
    "rto_count",
    "fast_count",
    "tlp_count",
    "spurious_count",
)


def folder() -> Path | None:
    """The corpus folder, or None."""
    named = os.environ.get("SYNSIGHT_CORPUS")
    for place in (Path(named),) if named else PLACES:
        if (place / "captures.jsonl").exists():
            return place
    return None


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one of its tables."""
    place = folder()
    assert place is not None
    with open(place / f"{name}.jsonl") as lines:
        return [json.loads(line) for line in lines]


@dataclass(frozen=True)
class Conn:
    """One connection as synsight tracked it; ends as (address, port) text pairs, side 0 first."""

    ends: tuple[tuple[str, int], tuple[str, int]]
    client: tuple[str, int]
    first_frame: int
    packets: tuple[int, int]
    repeats: tuple[int, int]  # retransmissions of every kind
    duplicates: tuple[int, int]  # captured twice
    out_of_order: tuple[int, int]
    keepalives: tuple[int, int]  # and window probes
    conn_state: str
    history: str


@cache
def tracked(name: str, ignore_bad_checksums: bool = False, attempt_ns: int = 0) -> tuple[Conn, ...]:
    """Every connection of a corpus capture.

    With `ignore_bad_checksums`, as a monitor that drops such packets; with `attempt_ns`, as one that gives up
    unanswered attempts (see `Tracker`).
    """
    place = folder()
    assert place is not None
    tracker = Tracker(attempt_ns=attempt_ns)
    start, end = 0, 0
    try:
        with Capture([place / "captures" / name]) as capture:
            for batch in capture.batches():
                segments = batch.segments
                if ignore_bad_checksums:
                    bad = (segments["checksum"] == Checksum.BAD) | (segments["checksum"] == Checksum.PARTIAL)
                    segments = np.ascontiguousarray(segments[~bad])
                tracker.feed(segments)
                if len(segments):
                    end = max(end, int(segments["time_ns"].max()))
    except CaptureError:
        return ()
    count = tracker.count
    table = FlowTable(tracker.flows[:count], tracker.halves[: 2 * count], end, start)
    words = conn_states(table)
    return tuple(_conn(table, index, words[index]) for index in range(count))


def _conn(table: FlowTable, index: int, word: str) -> Conn:
    flow = table.flows[index]
    ends = (
        (address_text(flow["a_hi"], flow["a_lo"]), int(flow["a_port"])),
        (address_text(flow["b_hi"], flow["b_lo"]), int(flow["b_port"])),
    )
    pair = table.halves[2 * index : 2 * index + 2]

    def both(*fields: str) -> tuple[int, int]:
        return (sum(int(pair[0][f]) for f in fields), sum(int(pair[1][f]) for f in fields))

    return Conn(
        ends,
        ends[int(flow["client_side"])],
        int(flow["first_frame"]),
        both("packets"),
        both(*REPEAT_FIELDS),
        both("duplicate_count"),
        both("out_of_order_count"),
        both("keepalive_count", "probe_count"),
        word,
        history_text(flow),
    )
