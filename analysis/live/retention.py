"""Which connections leave the table, so that a capture of days stays within its memory.

Nothing leaves while the table is small. Then, once it is worth the copying: connections that ended in good
order some time ago, those idle for very long, and of the failed ones the oldest beyond a number; all of them
stay in the sums. When the table is full all the same, the least telling ones go first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..case import SECOND, TIME_WAIT_NS
from ..outcome import outcomes
from ..table import FlowTable

ENDED = ("completed", "reset", "refused")
"""Outcomes after which only stragglers follow."""

WORTH_RATIO = 0.125
"""Leaving costs a copy of what stays: at least this share has to go at once."""

ROOM_RATIO = 0.75
"""A full table is brought down to this share of its limit."""


@dataclass(frozen=True)
class Limits:
    """How much is kept. About 1.4 kB a connection."""

    spared_count: int = 1 << 14  # nothing leaves a table with no more rows than this
    rows_count: int = 1 << 18  # the table's limit; beyond it connections are forgotten
    failed_count: int = 4_000  # connections with findings that stay, to be told one by one in the end
    linger_ns: int = TIME_WAIT_NS  # late segments still find an ended connection for so long
    idle_ns: int = 3600 * SECOND  # an open connection without a segment for so long is let go


def leaving(
    table: FlowTable, told: np.ndarray, waits: np.ndarray, limits: Limits, full: bool
) -> tuple[np.ndarray, int]:
    """(rows that leave, as a bool each, how many of them had not ended).

    `told` have findings, `waits` are to be judged again; with `full`, room has to be made in any case.
    """
    count = len(table)
    nothing = np.zeros(count, bool)
    if count <= limits.spared_count and not full:
        return nothing, 0
    quiet_ns = table.end_ns - table.flows["end_ns"]
    ended = outcomes(table).are(*ENDED)
    going = ~told & ended & ~waits & (quiet_ns >= limits.linger_ns)
    idle = ~told & ~ended & (quiet_ns >= limits.idle_ns)
    going |= idle | _oldest(told & (quiet_ns >= limits.linger_ns), quiet_ns, limits.failed_count)
    if full:
        room = int(count - going.sum() - limits.rows_count * ROOM_RATIO)
        going |= _least_telling(table, going, ended, told, quiet_ns, room)
    elif going.sum() < max(1, count * WORTH_RATIO):
        return nothing, 0
    return going, int((going & ~ended & ~told).sum())


def _oldest(mask: np.ndarray, quiet_ns: np.ndarray, spared_count: int) -> np.ndarray:
    """The marked rows beyond the `spared_count` newest."""
    rows = np.flatnonzero(mask)
    going = np.zeros(len(mask), bool)
    if len(rows) > spared_count:
        order = rows[np.argsort(quiet_ns[rows], kind="stable")]
        going[order[spared_count:]] = True
    return going


def _least_telling(
    table: FlowTable, going: np.ndarray, ended: np.ndarray, told: np.ndarray, quiet_ns: np.ndarray, room: int
) -> np.ndarray:
    """`room` more rows: ended ones, then half-open ones, then failed ones, then any; the quietest first."""
    packets = table.both("packets")
    half_open = (packets[0::2] == 0) | (packets[1::2] == 0)
    rank = np.where(told, 2, np.where(ended, 0, np.where(half_open, 1, 3)))
    rank[going] = 4
    order = np.lexsort((-quiet_ns, rank))
    more = np.zeros(len(going), bool)
    more[order[: max(0, room)]] = True
    return more & ~going
